"""What an operations team watches, read from the database at one moment: for ``/metrics`` and for the watchdog."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.operations.outbox_keeping import needs_somebody
from bot.rules.watchdog import MESSAGE_LATE, RETRIED_BY, STEP_LATE
from storage.database import Database
from storage.ledger.log import head
from storage.ledger.published import AnchorStatus, latest_checkpoint, status_of_anchor
from storage.measures import (
    OpenRequests,
    Waiting,
    directory_read_at,
    late_messages,
    open_requests,
    outbox_by_state,
    steps_missed,
)
from storage.outbox_letters import Dead


@dataclass(frozen=True)
class Measures:
    """Everything at ``at``."""

    at: datetime
    requests: Sequence[OpenRequests]
    steps_missed: int
    """Requests whose next step was due long ago, and that nobody moved."""
    outbox: Mapping[str, Waiting]
    late_messages: int
    """Messages that should have left long ago."""
    undelivered: Sequence[Dead]
    """Messages that were given up and wait for an operator."""
    epoch: int
    records: int
    checkpoint_at: datetime | None
    unsigned: bool
    """Whether there are records that no checkpoint covers."""
    anchors: Mapping[str, AnchorStatus]
    directory_read_at: Mapping[str, datetime]


def measure(database: Database, now: datetime, anchors: Sequence[str] = ()) -> Measures:
    """Look at everything in one read transaction.

    Args:
        anchors: the names of the anchors that are set.
    """
    with database.read() as session:
        log, last = head(session), latest_checkpoint(session)
        epoch, records = (0, 0) if log is None else (log.epoch, log.size)
        covered = last is not None and (last.epoch, last.size) == (epoch, records)
        return Measures(
            at=now,
            requests=open_requests(session, now),
            steps_missed=steps_missed(session, now - STEP_LATE),
            outbox=outbox_by_state(session, now),
            late_messages=late_messages(session, now - MESSAGE_LATE, now + RETRIED_BY),
            undelivered=needs_somebody(session),
            epoch=epoch,
            records=records,
            checkpoint_at=None if last is None else last.published_at,
            unsigned=records > 0 and not covered,
            anchors={name: status_of_anchor(session, name) for name in anchors},
            directory_read_at=directory_read_at(session),
        )


class Remembered:
    """:func:`measure` that looks again only after a few seconds, however many ask.

    Args:
        look: measures.
        clock: seconds that only ever grow (``time.monotonic``).
        seconds: for how long an answer stands.
    """

    def __init__(self, look: Callable[[], Measures], clock: Callable[[], float], seconds: float = 5.0) -> None:
        self._look, self._clock, self._seconds = look, clock, seconds
        self._lock = threading.Lock()
        self._found: Measures | None = None
        self._until = 0.0

    def __call__(self) -> Measures:
        """The newest measures that are not too old. Safe from any thread; only one of them looks at a time."""
        with self._lock:
            if self._found is None or self._clock() >= self._until:
                self._found = self._look()
                self._until = self._clock() + self._seconds
            return self._found
