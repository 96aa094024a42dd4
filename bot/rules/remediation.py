"""Carrying out a rotate or revoke at the issuing system: the whole transition table, and what comes next at each stage.

``planned → notified → approved → disabled → observed → deleted → verified`` is the way of a revocation. It is disabled
before it is deleted, so that what still needs it can be given it back; a second person agrees where it cannot be, or in
production. A rotation first delivers the new secret, sees that it works and waits until the old one lies idle.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, Literal

from bot.rules.issuing import Capabilities, KeyState, Rotation, Sighting

Kind = Literal["revoke", "rotate"]


class Stage(StrEnum):
    """Where the work stands; the values are stored."""

    BY_HAND = "by_hand"
    """No connector does it: a person does, and reports."""
    PLANNED = "planned"
    """Decided; the issuing system has not been asked yet."""
    NOTIFIED = "notified"
    """A second person has been asked to agree."""
    APPROVED = "approved"
    """It may be carried out."""
    DELIVERED = "delivered"
    """Of a rotation: there is a new secret, and it is kept beside the one in use."""
    PROVEN = "proven"
    """Of a rotation: the new secret works and is the one in use; the old one waits to lie idle."""
    DISABLED = "disabled"
    """It does not work any more, and can still be given back."""
    OBSERVED = "observed"
    """Disabled for as long as the policy wants, and nobody missed it."""
    DELETED = "deleted"
    """The issuing system has accepted the end; nothing proves it yet."""
    VERIFIED = "verified"
    """The end was checked; the result says what was seen."""
    RETURNING = "returning"
    """Somebody wants it back; the issuing system has not been told yet."""
    RETURNED = "returned"
    """It works again."""
    HALTED = "halted"
    """Something stands in the way, and a person has to look."""
    CALLED_OFF = "called_off"
    """It was decided not to carry it out."""


class Step(StrEnum):
    """What can happen to the work."""

    ASK = "ask"
    CLEAR = "clear"
    """No second person is needed."""
    APPROVE = "approve"
    USED = "used"
    """It was used after the approval, so that whoever agreed did not know all."""
    DELIVER = "deliver"
    PROVE = "prove"
    DISABLE = "disable"
    GONE = "gone"
    """The issuing system has no such credential any more."""
    GIVE_BACK = "give_back"
    ENABLE = "enable"
    RESUME = "resume"
    OBSERVE = "observe"
    DELETE = "delete"
    VERIFY = "verify"
    HALT = "halt"
    RETRY = "retry"
    HAND_OVER = "hand_over"
    """A person does it after all."""
    CALL_OFF = "call_off"


TRANSITIONS: Final[dict[tuple[Stage, Step], Stage]] = {
    (Stage.PLANNED, Step.ASK): Stage.NOTIFIED,
    (Stage.PLANNED, Step.CLEAR): Stage.APPROVED,
    (Stage.PLANNED, Step.GONE): Stage.DELETED,
    (Stage.PLANNED, Step.HAND_OVER): Stage.BY_HAND,
    (Stage.PLANNED, Step.HALT): Stage.HALTED,
    (Stage.PLANNED, Step.CALL_OFF): Stage.CALLED_OFF,
    (Stage.NOTIFIED, Step.APPROVE): Stage.APPROVED,
    (Stage.NOTIFIED, Step.CALL_OFF): Stage.CALLED_OFF,
    (Stage.APPROVED, Step.USED): Stage.NOTIFIED,
    (Stage.APPROVED, Step.DELIVER): Stage.DELIVERED,
    (Stage.APPROVED, Step.DISABLE): Stage.DISABLED,
    (Stage.APPROVED, Step.DELETE): Stage.DELETED,
    (Stage.APPROVED, Step.GONE): Stage.DELETED,
    (Stage.APPROVED, Step.HAND_OVER): Stage.BY_HAND,
    (Stage.APPROVED, Step.HALT): Stage.HALTED,
    (Stage.APPROVED, Step.CALL_OFF): Stage.CALLED_OFF,
    # From here on a rotation has two secrets, or the new one alone: it is finished, not called off.
    (Stage.DELIVERED, Step.PROVE): Stage.PROVEN,
    (Stage.DELIVERED, Step.VERIFY): Stage.VERIFIED,
    (Stage.DELIVERED, Step.HALT): Stage.HALTED,
    (Stage.PROVEN, Step.DISABLE): Stage.DISABLED,
    (Stage.PROVEN, Step.DELETE): Stage.DELETED,
    (Stage.PROVEN, Step.GONE): Stage.DELETED,
    (Stage.PROVEN, Step.HALT): Stage.HALTED,
    (Stage.DISABLED, Step.GIVE_BACK): Stage.RETURNING,
    (Stage.DISABLED, Step.OBSERVE): Stage.OBSERVED,
    (Stage.DISABLED, Step.GONE): Stage.DELETED,
    (Stage.DISABLED, Step.HALT): Stage.HALTED,
    (Stage.RETURNING, Step.ENABLE): Stage.RETURNED,
    (Stage.RETURNING, Step.HALT): Stage.HALTED,
    (Stage.RETURNED, Step.RESUME): Stage.APPROVED,
    (Stage.RETURNED, Step.CALL_OFF): Stage.CALLED_OFF,
    (Stage.OBSERVED, Step.DELETE): Stage.DELETED,
    (Stage.OBSERVED, Step.GONE): Stage.DELETED,
    (Stage.OBSERVED, Step.HALT): Stage.HALTED,
    (Stage.DELETED, Step.VERIFY): Stage.VERIFIED,
    (Stage.DELETED, Step.HALT): Stage.HALTED,
    (Stage.HALTED, Step.CALL_OFF): Stage.CALLED_OFF,
    (Stage.HALTED, Step.HAND_OVER): Stage.BY_HAND,
}
"""All but :attr:`Step.RETRY`, which leads from ``halted`` back to where it halted (:func:`next_stage`)."""

ACTS: Final = frozenset(
    {
        Stage.PLANNED,
        Stage.APPROVED,
        Stage.DELIVERED,
        Stage.PROVEN,
        Stage.DISABLED,
        Stage.OBSERVED,
        Stage.RETURNING,
        Stage.DELETED,
    }
)
"""The stages from which the machine goes on by itself; in all others it waits for a person, or has ended."""
ENDS: Final = frozenset({Stage.VERIFIED, Stage.CALLED_OFF})


def next_stage(stage: Stage, step: Step, halted_from: Stage | None = None) -> Stage | None:
    """Where ``step`` leads; None: it is not possible there."""
    if step is Step.RETRY:
        return halted_from if stage is Stage.HALTED else None
    return TRANSITIONS.get((stage, step))


class Move(StrEnum):
    """What the machine does next."""

    EXAMINE = "examine"
    DISABLE = "disable"
    REVOKE = "revoke"
    CREATE = "create"
    REPLACE = "replace"
    PROVE = "prove"
    OBSERVE = "observe"
    ENABLE = "enable"
    VERIFY = "verify"


def next_move(stage: Stage, kind: Kind, able: Capabilities) -> Move | None:
    """What comes next; None: nothing, a person is waited for."""
    end = Move.DISABLE if able.disable else Move.REVOKE
    match stage:
        case Stage.PLANNED:
            return Move.EXAMINE
        case Stage.APPROVED if kind == "rotate":
            return Move.REPLACE if able.rotate is Rotation.CHOSEN else Move.CREATE
        case Stage.APPROVED | Stage.PROVEN:
            return end
        case Stage.DELIVERED:
            return Move.PROVE
        case Stage.DISABLED:
            return Move.OBSERVE
        case Stage.OBSERVED:
            return Move.REVOKE
        case Stage.RETURNING:
            return Move.ENABLE
        case Stage.DELETED:
            return Move.VERIFY
        case _:
            return None


def can_carry_out(kind: Kind, able: Capabilities | None) -> bool:
    """Whether a connector declares what the work needs."""
    if able is None:
        return False
    if kind == "revoke":
        return able.revoke
    return able.rotate is Rotation.CHOSEN or (able.rotate is Rotation.OVERLAP and able.revoke)


class ApprovalCause(StrEnum):
    """Why a second person has to agree."""

    PRODUCTION = "production"
    IRREVERSIBLE = "irreversible"


def approval_causes(environment: str, kind: Kind, able: Capabilities) -> tuple[ApprovalCause, ...]:
    """Why a second person would have to agree. Where nobody knows the environment, it counts as production."""
    found = []
    if environment in ("production", ""):
        found.append(ApprovalCause.PRODUCTION)
    if not (able.disable and able.reversible) or (kind == "rotate" and able.rotate is Rotation.CHOSEN):
        found.append(ApprovalCause.IRREVERSIBLE)
    return tuple(found)


# ------------------------------------------------------------------ what was seen, and when to go on


@dataclass(frozen=True, slots=True)
class Seen:
    """What the issuing system showed when somebody was to agree."""

    state: KeyState
    last_used_at: datetime | None


def used_since(seen: Seen, now_seen: Sighting) -> bool:
    """Whether it was used after whoever agreed was shown when it was used last."""
    if now_seen.last_used_at is None:
        return False
    return seen.last_used_at is None or now_seen.last_used_at > seen.last_used_at


def is_idle(last_used_at: datetime | None, delivered_at: datetime, window: timedelta, now: datetime) -> bool:
    """Whether the old secret of a rotation lay unused for ``window``, counted from the delivery of the new one."""
    since = delivered_at if last_used_at is None else max(delivered_at, last_used_at)
    return now - since >= window


MOST_ATTEMPTS: Final = 8
"""How often something that surely was not done is tried again before a person is asked to look: about half a day."""
FIRST_WAIT: Final = timedelta(minutes=1)
_LONGEST_WAIT: Final = timedelta(hours=4)


def wait_after(attempts: int, retry_after: float) -> timedelta:
    """How long to wait after so many attempts; ``retry_after`` is what the system asks for, in seconds."""
    doubled = min(FIRST_WAIT * (1 << min(attempts, 10)), _LONGEST_WAIT)
    return max(doubled, timedelta(seconds=retry_after))


def most_per_day(tokens_of_system: int, number: int, percent: int) -> int:
    """How many tokens of one system may be begun with in a day: the number, or the share where that is more."""
    return max(number, tokens_of_system * percent // 100)
