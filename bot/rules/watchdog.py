"""What is amiss with the work itself, by kinds: pure, from what was measured. Each kind asks somebody to act."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

STEP_LATE: Final = timedelta(minutes=30)
"""A ladder climbs within a minute of its time."""
MESSAGE_LATE: Final = timedelta(hours=1)
"""At the pace that Slack allows, more than ten thousand messages leave in that time."""
RETRIED_BY: Final = timedelta(minutes=10)
"""What surely did not leave is tried again within this time, unless it waits for its reader's morning."""
OUTCOME_LATE: Final = timedelta(minutes=30)
"""Whether a message arrived is usually known after a minute or two."""
ANCHOR_LATE: Final = timedelta(days=1)
CHECKPOINT_LATE: Final = timedelta(hours=2)
"""A checkpoint is due hourly."""
JOB_LATE: Final = timedelta(minutes=15)
"""At least; a job of a longer interval has three of these."""
_INTERVALS: Final = 3
_REFUSED: Final = "LogRefusedError"


class Kind(StrEnum):
    """The kinds of trouble."""

    STUCK_LADDERS = "stuck_ladders"
    LATE_MESSAGES = "late_messages"
    UNKNOWN_OUTCOMES = "unknown_outcomes"
    UNDELIVERED = "undelivered"
    SILENT_JOB = "silent_job"
    LEDGER_REFUSED = "ledger_refused"
    LATE_CHECKPOINT = "late_checkpoint"
    LATE_ANCHOR = "late_anchor"


@dataclass(frozen=True)
class JobState:
    """How one of the clock's jobs is doing."""

    name: str
    interval: timedelta
    since_success: timedelta
    """Since it last ended well, or since the start where it never did."""
    running: bool
    """Whether it is at work right now: a long turn is no silence."""
    last_error: str
    """The class of the error that its last turn ended with; empty: it ended well."""


@dataclass(frozen=True)
class Signs:
    """What the rule looks at."""

    at: datetime
    steps_missed: int = 0
    late_messages: int = 0
    unknown: int = 0
    unknown_since: datetime | None = None
    undelivered: Mapping[str, int] = field(default_factory=dict)
    """By the platform's word, what waits for an operator."""
    checkpoint_at: datetime | None = None
    unsigned: bool = False
    anchors_waiting: Mapping[str, datetime] = field(default_factory=dict)
    """By anchor, since when it has not taken the newest checkpoint."""
    jobs: Sequence[JobState] = ()
    is_signed: bool = False
    """Whether a key is set: without one nothing is signed, and that is no trouble."""


@dataclass(frozen=True)
class Trouble:
    """One kind of trouble; ``about`` names anchors, jobs or words, ``number`` counts what is affected."""

    kind: Kind
    number: int = 0
    about: tuple[str, ...] = ()


def troubles(signs: Signs) -> list[Trouble]:
    """What is amiss, in the order to look at it; empty: all is well."""
    return list(_troubles(signs))


def _troubles(signs: Signs) -> Iterator[Trouble]:
    refused = [one.name for one in signs.jobs if one.last_error == _REFUSED]
    if refused:
        yield Trouble(Kind.LEDGER_REFUSED)
    late = [one.name for one in signs.jobs if _is_late(one) and one.name not in refused]
    if late:
        yield Trouble(Kind.SILENT_JOB, len(late), tuple(late))
    if signs.steps_missed:
        yield Trouble(Kind.STUCK_LADDERS, signs.steps_missed)
    if signs.late_messages:
        yield Trouble(Kind.LATE_MESSAGES, signs.late_messages)
    if signs.unknown and signs.unknown_since is not None and signs.at - signs.unknown_since > OUTCOME_LATE:
        yield Trouble(Kind.UNKNOWN_OUTCOMES, signs.unknown)
    if signs.undelivered:
        yield Trouble(Kind.UNDELIVERED, sum(signs.undelivered.values()), tuple(signs.undelivered))
    if signs.is_signed and not refused and _checkpoint_is_late(signs):
        yield Trouble(Kind.LATE_CHECKPOINT)
    behind = [name for name, since in signs.anchors_waiting.items() if signs.at - since > ANCHOR_LATE]
    if behind:
        yield Trouble(Kind.LATE_ANCHOR, len(behind), tuple(behind))


def _is_late(job: JobState) -> bool:
    patience = max(JOB_LATE, job.interval * _INTERVALS)
    # One that is at work gets more time: a first import of a million tokens is swept in one long turn.
    return job.since_success > (patience * 4 if job.running else patience)


def _checkpoint_is_late(signs: Signs) -> bool:
    return signs.unsigned and signs.checkpoint_at is not None and signs.at - signs.checkpoint_at > CHECKPOINT_LATE
