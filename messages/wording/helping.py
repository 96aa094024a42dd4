"""What can be typed after ``/whose``, and the headings of lookups."""

from __future__ import annotations

COMMANDS = (
    ("drift-prod", "a token: whose it is, what it may do, what is open"),
    ("mine", "what waits for you, and the tokens in your name"),
    ("due", "everything that waits for an answer, as far as you may see it"),
    ("vendor acme", "a vendor, who looks after it, and its tokens"),
    ("offboard acme", "end everything that a vendor holds: what that would be, and how far it has come"),
    ("history drift-prod", "everything that is recorded about a token"),
    ("who drift-prod on 2025-08-12", "who was accountable that day, and what they had been asked"),
    ("help", "this list"),
)
"""What to type, and what it shows."""

HEADING = "What you can ask"
INTRO = "Part of a name is enough. Only you see the answers."
NO_SECRETS = "Secrets are never kept here, so please never type one."

NOTHING_WAITS = "Nothing waits for your answer."
NOTHING_DUE = "Nothing that you may see waits for an answer."
NO_TOKENS = "No token is in your name."
YOURS = "In your name"
NO_RECORDS = "Nothing is recorded about it yet."
NO_VENDOR_TOKENS = "No token of this vendor is in the inventory, as far as you may see it."
