"""The life of an attestation request: the whole transition table, in one place.

A request waits (``open``), waits for a proposed owner (``handover``) or for the work that a decision opened
(``remediating``); then it is ``settled`` or ``withdrawn`` for good.
"""

from __future__ import annotations

from enum import StrEnum


class State(StrEnum):
    """Where a request stands; the values are stored."""

    OPEN = "open"
    HANDOVER = "handover"
    REMEDIATING = "remediating"
    SETTLED = "settled"
    WITHDRAWN = "withdrawn"


class Event(StrEnum):
    """What can happen to a request."""

    ATTEST = "attest"
    ROTATE = "rotate"
    REVOKE = "revoke"
    LET_LAPSE = "let_lapse"
    SNOOZE = "snooze"
    PROPOSE = "propose"
    """Disowned, with a new owner named."""
    DISOWN = "disown"
    """Disowned, with nobody named."""
    CLAIM = "claim"
    """Somebody who may name an owner names themselves."""
    ACCEPT = "accept"
    DECLINE = "decline"
    CLIMB = "climb"
    """The ladder moved to its next step."""
    DEFAULT_REVOCATION = "default_revocation"
    DONE = "done"
    FAILED = "failed"
    """The work was tried and did not succeed; it is still to be done."""
    AGREE = "agree"
    """A second person agrees to the work, or somebody has it go on."""
    GIVE_BACK = "give_back"
    """What is disabled is to work again."""
    CALL_OFF = "call_off"
    """The work is not to be carried out after all; the token stays as it is."""
    WITHDRAW = "withdraw"
    HOLD = "hold"
    """Attested, and the token's other users are still to answer for their own use."""
    USE = "use"
    """One of several users answers for their own use."""


CLOSED = frozenset({State.SETTLED, State.WITHDRAWN})
AWAITED = frozenset({State.OPEN, State.HANDOVER})
"""In these an answer is awaited."""

TRANSITIONS: dict[tuple[State, Event], State] = {
    (State.OPEN, Event.ATTEST): State.SETTLED,
    (State.OPEN, Event.LET_LAPSE): State.SETTLED,
    (State.OPEN, Event.ROTATE): State.REMEDIATING,
    (State.OPEN, Event.REVOKE): State.REMEDIATING,
    (State.OPEN, Event.DEFAULT_REVOCATION): State.REMEDIATING,
    (State.OPEN, Event.SNOOZE): State.OPEN,
    (State.OPEN, Event.PROPOSE): State.HANDOVER,
    (State.OPEN, Event.DISOWN): State.OPEN,
    (State.OPEN, Event.CLAIM): State.OPEN,
    (State.OPEN, Event.CLIMB): State.OPEN,
    (State.OPEN, Event.WITHDRAW): State.WITHDRAWN,
    (State.OPEN, Event.HOLD): State.OPEN,
    (State.OPEN, Event.USE): State.OPEN,
    # While a proposed owner thinks it over, whoever may decide still may; that ends the proposal.
    (State.HANDOVER, Event.ATTEST): State.SETTLED,
    (State.HANDOVER, Event.LET_LAPSE): State.SETTLED,
    (State.HANDOVER, Event.ROTATE): State.REMEDIATING,
    (State.HANDOVER, Event.REVOKE): State.REMEDIATING,
    (State.HANDOVER, Event.CLAIM): State.OPEN,
    (State.HANDOVER, Event.ACCEPT): State.OPEN,
    (State.HANDOVER, Event.DECLINE): State.OPEN,
    (State.HANDOVER, Event.CLIMB): State.OPEN,
    (State.HANDOVER, Event.WITHDRAW): State.WITHDRAWN,
    (State.HANDOVER, Event.HOLD): State.OPEN,
    (State.HANDOVER, Event.USE): State.HANDOVER,
    (State.REMEDIATING, Event.DONE): State.SETTLED,
    (State.REMEDIATING, Event.FAILED): State.REMEDIATING,
    (State.REMEDIATING, Event.AGREE): State.REMEDIATING,
    (State.REMEDIATING, Event.GIVE_BACK): State.REMEDIATING,
    (State.REMEDIATING, Event.CALL_OFF): State.SETTLED,
    (State.REMEDIATING, Event.CLIMB): State.REMEDIATING,
    (State.REMEDIATING, Event.WITHDRAW): State.WITHDRAWN,
}

SETTLING = frozenset({Event.ATTEST, Event.LET_LAPSE, Event.ROTATE, Event.REVOKE, Event.DEFAULT_REVOCATION})
"""The events that are *the* decision of a request; there is at most one."""


def next_state(state: State, event: Event) -> State | None:
    """Where ``event`` leads from ``state``; None: it is not possible there (too late, or not yet)."""
    return TRANSITIONS.get((state, event))
