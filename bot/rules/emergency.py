"""The life of access for an emergency: the whole transition table, in one place."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class GrantState(StrEnum):
    """Where it stands; the values are stored."""

    REQUESTED = "requested"
    OPEN = "open"
    ENDED = "ended"
    REFUSED = "refused"
    LAPSED = "lapsed"


class GrantEvent(StrEnum):
    """What can happen to it."""

    AGREE = "agree"
    REFUSE = "refuse"
    END = "end"
    """Somebody ends it before its time."""
    EXPIRE = "expire"
    """Its time is over; of one that was only requested, the time in which somebody could have agreed."""


GRANT_TRANSITIONS: Final[dict[tuple[GrantState, GrantEvent], GrantState]] = {
    (GrantState.REQUESTED, GrantEvent.AGREE): GrantState.OPEN,
    (GrantState.REQUESTED, GrantEvent.REFUSE): GrantState.REFUSED,
    (GrantState.REQUESTED, GrantEvent.EXPIRE): GrantState.LAPSED,
    # One that began before anybody had agreed is agreed to, or refused, while it is open.
    (GrantState.OPEN, GrantEvent.AGREE): GrantState.OPEN,
    (GrantState.OPEN, GrantEvent.REFUSE): GrantState.ENDED,
    (GrantState.OPEN, GrantEvent.END): GrantState.ENDED,
    (GrantState.OPEN, GrantEvent.EXPIRE): GrantState.ENDED,
}


def next_grant_state(state: GrantState, event: GrantEvent, *, agreed: bool) -> GrantState | None:
    """Where ``event`` leads; None: it is not possible there.

    Args:
        agreed: whether somebody has agreed to it already, so that nobody can do so again, or refuse.
    """
    if agreed and event in (GrantEvent.AGREE, GrantEvent.REFUSE):
        return None
    return GRANT_TRANSITIONS.get((state, event))
