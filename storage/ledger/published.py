"""What was given out of the log: signed checkpoints, and how far each of them got on its way to each anchor."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Row, and_, func, or_, select, update
from sqlmodel import Session

from storage.database import insert_or_ignore
from storage.ledger.tables import ANCHOR, CHECKPOINT


class Published(NamedTuple):
    """A checkpoint as it was published: ``note`` is the signed note, byte for byte."""

    epoch: int
    size: int
    root: bytes
    note: bytes
    published_at: datetime


class AnchorStatus(NamedTuple):
    """Where one anchor stands.

    Attributes:
        size: of the newest checkpoint that it holds; None: it never held one (of this epoch).
        done_at: since when it holds that one.
        waiting_since: when the oldest checkpoint that it does not yet hold was published; None: none waits.
        error: why its last attempt failed; empty where it did not.
    """

    size: int | None
    done_at: datetime | None
    waiting_since: datetime | None
    error: str


class Due(NamedTuple):
    """A checkpoint that an anchor is to be given now."""

    checkpoint: Published
    attempts: int


def keep_checkpoint(session: Session, checkpoint: Published, anchors: Sequence[str]) -> bool:
    """Keep a checkpoint, and put it on its way to these anchors; False: it was kept before, and on its way."""
    row = {
        "epoch": checkpoint.epoch,
        "size": checkpoint.size,
        "root": checkpoint.root,
        "note": checkpoint.note.decode(),
        "published_at": checkpoint.published_at,
    }
    if not insert_or_ignore(session, CHECKPOINT, [row]):
        return False
    queue_anchors(session, checkpoint, anchors)
    return True


def queue_anchors(session: Session, checkpoint: Published, anchors: Sequence[str]) -> int:
    """Put a checkpoint on its way to those of these anchors that it is not on its way to; returns to how many."""
    new = {"state": "pending", "attempts": 0, "error": "", "next_try_at": checkpoint.published_at}
    rows = [{"epoch": checkpoint.epoch, "size": checkpoint.size, "anchor": name, **new} for name in anchors]
    return insert_or_ignore(session, ANCHOR, rows)


def latest_checkpoint(session: Session, epoch: int | None = None) -> Published | None:
    """The newest checkpoint, of all epochs or of one; None: none was published."""
    query = select(CHECKPOINT).order_by(CHECKPOINT.c.epoch.desc(), CHECKPOINT.c.size.desc()).limit(1)
    if epoch is not None:
        query = query.where(CHECKPOINT.c.epoch == epoch)
    row = session.connection().execute(query).one_or_none()
    return None if row is None else _published(row)


def checkpoint_of(session: Session, epoch: int, size: int) -> Published | None:
    """The checkpoint of exactly this size; None: none was published."""
    query = select(CHECKPOINT).where(CHECKPOINT.c.epoch == epoch, CHECKPOINT.c.size == size)
    row = session.connection().execute(query).one_or_none()
    return None if row is None else _published(row)


def checkpoint_over(session: Session, epoch: int, seq: int) -> Published | None:
    """The first checkpoint that covers record ``seq``: what shows that it was written by then; None: none yet."""
    query = select(CHECKPOINT).where(CHECKPOINT.c.epoch == epoch, CHECKPOINT.c.size > seq)
    row = session.connection().execute(query.order_by(CHECKPOINT.c.size).limit(1)).one_or_none()
    return None if row is None else _published(row)


def checkpoints(session: Session, epoch: int | None = None) -> Iterator[Published]:
    """Every checkpoint, oldest first, of all epochs or of one."""
    query = select(CHECKPOINT).order_by(CHECKPOINT.c.epoch, CHECKPOINT.c.size)
    if epoch is not None:
        query = query.where(CHECKPOINT.c.epoch == epoch)
    for row in session.connection().execute(query.execution_options(yield_per=500)):
        yield _published(row)


def receipts(session: Session, epoch: int) -> Iterator[tuple[int, str, bytes]]:
    """``(size of the checkpoint, anchor, receipt)`` for whatever was anchored, by size."""
    query = select(ANCHOR.c.size, ANCHOR.c.anchor, ANCHOR.c.receipt)
    query = query.where(ANCHOR.c.epoch == epoch, ANCHOR.c.state == "done").order_by(ANCHOR.c.size, ANCHOR.c.anchor)
    for size, anchor, receipt in session.connection().execute(query.execution_options(yield_per=500)):
        yield size, anchor, receipt or b""


def first_receipts(session: Session, epoch: int, seq: int, kinds: Sequence[str]) -> list[tuple[int, str, bytes]]:
    """``(size, anchor, receipt)`` of the first checkpoint over a record that an anchor of these kinds holds, once for
    each anchor that does; empty: none does."""
    of_kind = or_(*(ANCHOR.c.anchor.startswith(f"{kind}:", autoescape=True) for kind in kinds))
    held = and_(ANCHOR.c.epoch == epoch, ANCHOR.c.state == "done", of_kind)
    first = select(ANCHOR.c.size).where(held, ANCHOR.c.size > seq).order_by(ANCHOR.c.size).limit(1).scalar_subquery()
    query = select(ANCHOR.c.size, ANCHOR.c.anchor, ANCHOR.c.receipt).where(held, ANCHOR.c.size == first)
    rows = session.connection().execute(query.order_by(ANCHOR.c.anchor))
    return [(size, anchor, receipt or b"") for size, anchor, receipt in rows]


def due_at_anchor(session: Session, anchor: str, now: datetime, until: datetime) -> Due | None:
    """The newest checkpoint that this anchor is to be given now, held back from everybody else until ``until``.

    The newest covers those before it, so an anchor that was away is not given its whole backlog. To be committed
    before the anchor is spoken to: if the process dies meanwhile, another attempt is made at ``until``.
    """
    connection = session.connection()
    newest = (
        select(ANCHOR.c.epoch, ANCHOR.c.size, ANCHOR.c.attempts, ANCHOR.c.next_try_at)
        .where(ANCHOR.c.anchor == anchor, ANCHOR.c.state == "pending")
        .order_by(ANCHOR.c.epoch.desc(), ANCHOR.c.size.desc())
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    row = connection.execute(newest).one_or_none()
    if row is None or row.next_try_at > now:
        return None
    found = checkpoint_of(session, row.epoch, row.size)
    if found is None:
        return None
    mine = and_(ANCHOR.c.epoch == row.epoch, ANCHOR.c.size == row.size, ANCHOR.c.anchor == anchor)
    connection.execute(update(ANCHOR).where(mine).values(attempts=row.attempts + 1, next_try_at=until))
    return Due(found, row.attempts + 1)


def anchored(session: Session, anchor: str, checkpoint: Published, receipt: bytes, now: datetime) -> None:
    """Note that an anchor holds a checkpoint, and need not be given those before it."""
    connection = session.connection()
    here = and_(ANCHOR.c.anchor == anchor, ANCHOR.c.epoch == checkpoint.epoch)
    done = {"state": "done", "receipt": receipt, "done_at": now, "error": ""}
    connection.execute(update(ANCHOR).where(here, ANCHOR.c.size == checkpoint.size).values(**done))
    older = and_(here, ANCHOR.c.size < checkpoint.size, ANCHOR.c.state == "pending")
    connection.execute(update(ANCHOR).where(older).values(state="superseded"))


def not_anchored(session: Session, anchor: str, checkpoint: Published, error: str, next_try_at: datetime) -> None:
    """Note why an attempt failed and when the next one is due."""
    this = and_(ANCHOR.c.anchor == anchor, ANCHOR.c.epoch == checkpoint.epoch, ANCHOR.c.size == checkpoint.size)
    this = and_(this, ANCHOR.c.state == "pending")
    session.connection().execute(update(ANCHOR).where(this).values(error=error[:2000], next_try_at=next_try_at))


def held_by_anchor(session: Session, anchor: str, epoch: int) -> int:
    """The size of the newest checkpoint of an epoch that this anchor holds; 0: it holds none."""
    query = select(func.max(ANCHOR.c.size)).where(ANCHOR.c.anchor == anchor, ANCHOR.c.epoch == epoch)
    size: int | None = session.connection().execute(query.where(ANCHOR.c.state == "done")).scalar()
    return size or 0


def status_of_anchor(session: Session, anchor: str) -> AnchorStatus:
    """Where one anchor stands."""
    connection = session.connection()
    of_anchor = select(ANCHOR).where(ANCHOR.c.anchor == anchor)
    newest_first = (ANCHOR.c.epoch.desc(), ANCHOR.c.size.desc())
    done = connection.execute(of_anchor.where(ANCHOR.c.state == "done").order_by(*newest_first).limit(1)).one_or_none()
    since = (
        select(func.min(CHECKPOINT.c.published_at))
        .join(ANCHOR, and_(ANCHOR.c.epoch == CHECKPOINT.c.epoch, ANCHOR.c.size == CHECKPOINT.c.size))
        .where(ANCHOR.c.anchor == anchor, ANCHOR.c.state == "pending")
    )
    waiting: datetime | None = connection.execute(since).scalar()
    failed = of_anchor.where(ANCHOR.c.state == "pending", ANCHOR.c.error != "").order_by(*newest_first).limit(1)
    error = connection.execute(failed).one_or_none()
    return AnchorStatus(
        size=None if done is None else done.size,
        done_at=None if done is None else done.done_at,
        waiting_since=waiting,
        error="" if error is None else error.error,
    )


def _published(row: Row[Any]) -> Published:
    return Published(row.epoch, row.size, row.root, row.note.encode(), row.published_at)
