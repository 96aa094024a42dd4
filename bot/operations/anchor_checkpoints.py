"""Bringing published checkpoints to places that the operator cannot rewrite.

An anchor is one file in ``bot/anchors``. It is spoken to outside of every transaction, on the clock, again and again
with growing pauses until it holds the newest checkpoint, which covers those before it. No decision waits for it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from bot.errors import WhoseError
from storage.database import Database
from storage.ledger.nodes import consistency_proof
from storage.ledger.published import Due, Published, anchored, due_at_anchor, held_by_anchor, not_anchored

logger = logging.getLogger(__name__)

SHORTEST, LONGEST = timedelta(minutes=1), timedelta(hours=1)
"""Pauses between two attempts."""


class AnchorError(WhoseError):
    """An anchor did not take a checkpoint, or answered with what does not prove that it did."""


@dataclass(frozen=True)
class Submission:
    """A checkpoint for an anchor.

    Attributes:
        held: the size of the newest checkpoint of this epoch that the anchor is known to hold; 0: none.
        prove: gives the consistency proof from a size to this checkpoint's (C2SP tlog-witness).
    """

    checkpoint: Published
    held: int
    prove: Callable[[int], list[bytes]]


class Anchor(Protocol):
    """A place that keeps checkpoints."""

    @property
    def name(self) -> str:
        """As in ``WHOSE_ANCHORS``; without anything secret."""
        ...

    def submit(self, submission: Submission) -> bytes:
        """Hand a checkpoint over and return what shows that it is held there. The same one may come again.

        Raises:
            AnchorError: it did not work, or the answer does not hold.
        """
        ...


@dataclass(frozen=True)
class AnchorReport:
    """How many anchors took a checkpoint, and how many did not."""

    done: int = 0
    failed: int = 0


def anchor_checkpoints(database: Database, now: Callable[[], datetime], anchors: Iterable[Anchor]) -> AnchorReport:
    """Give each anchor the newest checkpoint that it does not hold, where an attempt is due. Repeatable."""
    results = [_give(database, now, anchor) for anchor in anchors]
    return AnchorReport(results.count(True), results.count(False))


def pause(attempts: int) -> timedelta:
    """How long to wait after so many attempts that failed."""
    doubled: int = 2 ** min(attempts - 1, 10)
    return min(SHORTEST * doubled, LONGEST)


def _give(database: Database, now: Callable[[], datetime], anchor: Anchor) -> bool | None:
    """True: it took one. False: it did not. None: nothing is due."""
    with database.write() as session:
        due = due_at_anchor(session, anchor.name, now(), now() + LONGEST)
        held = 0 if due is None else held_by_anchor(session, anchor.name, due.checkpoint.epoch)
    if due is None:
        return None
    checkpoint = due.checkpoint

    def prove(old: int) -> list[bytes]:
        with database.read() as session:
            return consistency_proof(session, old, checkpoint.size, epoch=checkpoint.epoch)

    try:
        receipt = anchor.submit(Submission(checkpoint, held, prove))
    except AnchorError as error:
        _failed(database, now, anchor, due, str(error))
        return False
    except Exception as error:  # a fault in one anchor must not keep the others from their turn
        logger.exception("the anchor %s cannot be spoken to", anchor.name)
        _failed(database, now, anchor, due, f"an unexpected {type(error).__name__}")
        return False
    with database.write() as session:
        anchored(session, anchor.name, checkpoint, receipt, now())
    return True


def _failed(database: Database, now: Callable[[], datetime], anchor: Anchor, due: Due, said: str) -> None:
    logger.warning("the anchor %s did not take a checkpoint: %s", anchor.name, said, extra={"attempts": due.attempts})
    with database.write() as session:
        not_anchored(session, anchor.name, due.checkpoint, said, now() + pause(due.attempts))
