"""The parts of ``bot/operations/look_up.py``: who reads, what the ledger says in words, who was accountable when."""
