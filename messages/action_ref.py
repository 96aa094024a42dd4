"""What a button carries: a verb, the request and the version it was drawn for. Never authority.

Who may press it is worked out at the click. The encoded form stays readable for ever: cards that were posted
long ago still carry it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum


class Verb(StrEnum):
    """Permanent tags; a value is never renamed or reused, since posted cards carry it."""

    ATTEST = "attest"
    ROTATE = "rotate"
    REVOKE = "revoke"
    DISOWN = "disown"
    REASSIGN = "reassign"
    """Somebody who answers for the token, but does not own it, names who should."""
    SNOOZE = "snooze"
    LET_LAPSE = "let_lapse"
    ACCEPT = "accept"
    DECLINE = "decline"
    DONE = "done"
    """A rotate or revoke has been carried out by hand."""
    APPROVE = "approve"
    """A second person agrees to a removal or rotation."""
    CALL_OFF = "call_off"
    """It is not to be carried out after all."""
    GIVE_BACK = "give_back"
    """It is disabled and still needed."""
    RESUME = "resume"
    """What was given back is to be ended after all."""
    RETRY = "retry"
    """What stood in the way is out of it."""
    OFFBOARD = "offboard"
    """End everything that a vendor holds; the subject is the vendor."""
    PLAN_APPROVE = "plan_approve"
    """A second person agrees to a whole plan; the subject is the plan."""
    PLAN_CALL_OFF = "plan_call_off"
    GRANT_APPROVE = "grant_approve"
    """A second person agrees to emergency access; the subject of this and the next four is the grant."""
    GRANT_REFUSE = "grant_refuse"
    GRANT_END = "grant_end"
    """It is to end before its time."""
    GRANT_REVIEW = "grant_review"
    """It was looked at afterwards, and was in order."""
    GRANT_WRONG = "grant_wrong"
    """It was looked at afterwards, and something was wrong."""
    STILL_USED = "still_used"
    """One of several users of a token still needs it, for their own use."""
    NOT_USED = "not_used"
    OPEN = "open"
    """Show the whole card of a request."""
    SHOW_TOKEN = "show_token"
    SHOW_HISTORY = "show_history"
    SHOW_MINE = "show_mine"


@dataclass(frozen=True)
class ActionRef:
    """``subject`` is a request id where the verb does not say otherwise, a token id for the ``show_…`` verbs (0: none).
    ``version`` is the subject's when the card was drawn (0: does not matter)."""

    verb: Verb
    subject: int = 0
    version: int = 0

    def encode(self) -> str:
        """At most 60 characters, within every platform's limit for a button's value."""
        return f"w1:{self.verb.value}:{self.subject}:{self.version}"

    @property
    def action_id(self) -> str:
        """Unique within a message: platforms refuse two buttons with one id."""
        return f"whose:{self.verb.value}:{self.subject}"


_ENCODED = re.compile(r"w1:([a-z_]{1,20}):([0-9]{1,18}):([0-9]{1,9})")


def decode(value: str) -> ActionRef:
    """Read what a button carried back.

    Raises:
        ValueError: it is not one of ours, or a verb this release does not know.
    """
    match = _ENCODED.fullmatch(value)
    if match is None:
        raise ValueError("this button does not carry a reference of ours")
    return ActionRef(Verb(match[1]), int(match[2]), int(match[3]))
