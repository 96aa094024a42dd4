"""Carrying out a rotate or revoke at its issuing system: one move at a time, each written down before and after it.

``turn`` is the clock's job; ``moves`` and ``rotation`` are what it does; ``journal`` claims work and keeps what was
about to be called; ``stages`` is what each stage means for the request and the people around it; ``agreeing`` is what
people decide meanwhile.
"""
