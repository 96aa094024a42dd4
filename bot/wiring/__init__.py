"""The only place where the parts are joined: settings, database, policy, clock, platforms."""
