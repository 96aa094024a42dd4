"""A part of the ledger, or all of it, as a folder for somebody who has no database and need not trust us."""
