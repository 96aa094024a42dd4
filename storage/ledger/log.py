"""The ledger in the database: one append-only Merkle log, written in the transaction of the event.

Appending locks the head row first and only then reads the clock, the next number and the tokens' chains,
so that several writers queue up and numbers, times and hashes agree. Each token has its own chain inside
the log: ``token_seq`` counts its records and ``prev`` is the leaf hash of the one before.

Where a restore lost records for good, the log goes on in a new epoch (:func:`open_epoch`), which is a tree of its own
with chains of its own: nothing in it depends on what was lost, and its first record says what that was.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import bindparam, select, tuple_, update
from sqlmodel import Session

from storage.database import among, driver_value, insert_or_ignore, insert_rows
from storage.ledger.merkle import EMPTY_ROOT, Frontier, leaf_hash
from storage.ledger.record import (
    Entry,
    LedgerError,
    Place,
    RecordKind,
    disclose,
    from_ms,
    parse_canonical,
    record_bytes,
    to_ms,
)
from storage.ledger.tables import DISCLOSURE as _DISCLOSURE
from storage.ledger.tables import HEAD as _HEAD
from storage.ledger.tables import LEAF as _LEAF
from storage.ledger.tables import NODE as _NODE
from storage.ledger.tables import SUBJECT as _SUBJECT
from storage.ledger.tables import LedgerHead, LedgerLeaf, LedgerSubject
from storage.prepared import Prepared

__all__ = ["Appended", "Head", "LedgerHead", "LedgerLeaf", "LedgerSubject", "StoredRecord", "append", "head", "leaves"]

PAGE = 500  # rows read at a time by a streaming read

_LOCK_HEAD = Prepared(select(_HEAD).where(_HEAD.c.sealed_at.is_(None)).with_for_update())
_MOVE_HEAD = Prepared(
    update(_HEAD)
    .where(_HEAD.c.epoch == bindparam("of_epoch"))
    .values({name: bindparam(name) for name in ("size", "root", "frontier", "recorded_at")})
)
_CHAIN = Prepared(
    select(_SUBJECT).where(_SUBJECT.c.epoch == bindparam("of_epoch"), _SUBJECT.c.token_id == bindparam("token_id"))
)

_NO_CHAIN: tuple[None, bytes] = (None, b"")
_MOVE_CHAIN = "ON CONFLICT (epoch, token_id) DO UPDATE SET next_seq = excluded.next_seq, last_hash = excluded.last_hash"


class Appended(NamedTuple):
    """Where an entry ended up."""

    seq: int
    id: str
    token_seq: int | None
    leaf_hash: bytes
    recorded_at: datetime


class Head(NamedTuple):
    """The state of the log: ``size`` records with this Merkle root."""

    log: str
    epoch: int
    size: int
    root: bytes


@dataclass(frozen=True, slots=True)
class StoredRecord:
    """A record as it is stored, with the disclosures that have not been erased."""

    epoch: int
    seq: int
    leaf_hash: bytes
    kind: RecordKind
    token_id: int | None
    token_seq: int | None
    request_id: int | None
    recorded_at: datetime
    body: bytes
    fields: dict[str, Any]
    disclosures: dict[str, str]


class _Start(NamedTuple):
    """What all records of one append share; ``stored_at`` is ``recorded_at`` as the driver takes it."""

    log: str
    epoch: int
    seq: int
    recorded_at: datetime
    stored_at: Any


class _Rows(NamedTuple):
    """What one append writes, in the order of the tables' columns, and what it answers."""

    leaves: list[tuple[Any, ...]]
    disclosures: list[tuple[Any, ...]]
    nodes: list[tuple[Any, ...]]
    appended: list[Appended]


def append(session: Session, entries: Sequence[Entry], clock: Callable[[], datetime]) -> list[Appended]:
    """Append ``entries`` in order, in the caller's transaction (a session of ``Database.write()``).

    All entries of one call carry one ``recorded_at``. It never goes backwards: a clock that was set back,
    or another writer's that runs ahead, must not make a later record look like the earlier one, so the
    time of the last record stands until the clock has passed it.

    Args:
        clock: read once, after the head row is locked; returns a moment with a zone.

    Raises:
        LedgerError: when an entry cannot be recorded as it is. The caller's transaction must then fail.
    """
    if not entries:
        return []
    head = _locked_head(session)
    now = from_ms(to_ms(clock()))
    recorded_at = now if head.recorded_at is None else max(now, head.recorded_at)
    chains = _chains(session, head.epoch, {entry.token_id for entry in entries if entry.token_id is not None})
    frontier = Frontier.from_bytes(head.size, head.frontier)
    stored_at = driver_value(session, _LEAF.c.recorded_at, recorded_at)
    start = _Start(head.log, head.epoch, head.size, recorded_at, stored_at)
    rows = _make_rows(entries, start, chains, frontier)
    insert_rows(session, _LEAF, rows.leaves)
    insert_rows(session, _DISCLOSURE, rows.disclosures)
    insert_rows(session, _NODE, rows.nodes)
    insert_rows(session, _SUBJECT, [(head.epoch, key, *end) for key, end in chains.items()], tail=_MOVE_CHAIN)
    grown: dict[str, Any] = {
        "size": frontier.size,
        "root": frontier.root(),
        "frontier": frontier.to_bytes(),
        "recorded_at": recorded_at,
    }
    _MOVE_HEAD.run(session, **grown, of_epoch=head.epoch)
    _hold(session, head._replace(**grown))
    return rows.appended


def lock(session: Session) -> None:
    """Hold the log until the transaction ends, before anything is read that the records will rest on.

    For work that must not overlap with another writer's: what is read after this call is still so at the append.
    """
    _locked_head(session)


def touched_since(session: Session, before: Head | None) -> set[int | None]:
    """Which tokens' records were added since ``before`` (of :func:`head`, in an unlocked log), with the log locked from
    here on; None among them: something was recorded that is about no token, or an epoch was opened.

    What was read after ``before`` and concerns none of them is as it was.
    """
    held = _locked_head(session)
    if before is None or before.epoch != held.epoch:
        return {None}
    if before.size == held.size:
        return set()
    return {row.token_id for row in _SINCE.all(session, of_epoch=held.epoch, after=before.size)}


_SINCE = Prepared(
    select(_LEAF.c.token_id).where(_LEAF.c.epoch == bindparam("of_epoch"), _LEAF.c.seq >= bindparam("after")).distinct()
)


def head(session: Session, epoch: int | None = None) -> Head | None:
    """The state of the log; ``None`` before the first record.

    Args:
        epoch: the current one if left out.
    """
    query = select(_HEAD).order_by(_HEAD.c.epoch.desc()).limit(1)
    if epoch is not None:
        query = query.where(_HEAD.c.epoch == epoch)
    row = session.connection().execute(query).one_or_none()
    return None if row is None else Head(row.log, row.epoch, row.size, row.root)


def log_id(session: Session) -> str:
    """The random id of this database's log, which begins here where nothing was recorded yet (``Database.write()``)."""
    return _locked_head(session).log


class Cited(NamedTuple):
    """What the first record of an epoch cites: the last checkpoint of the epoch before that anybody holds."""

    origin: str
    size: int
    root: bytes


def open_epoch(session: Session, held: Cited, why: str, reason: str, clock: Callable[[], datetime]) -> Head:
    """Seal the current epoch and open the next one, whose record 0 says what was lost and why.

    Args:
        held: the newest checkpoint of the current epoch that is known outside.
        why: a person's own words; disclosed, so that they can be erased.
        reason: ``shrank`` or ``forked``.
        clock: read once, after the head row is locked.

    Returns:
        The sealed epoch's head.
    """
    sealed = _locked_head(session)
    at = from_ms(to_ms(clock()))
    seal = update(_HEAD).where(_HEAD.c.epoch == sealed.epoch).values(sealed_at=at)
    session.connection().execute(seal)
    fresh = {**_first_head(sealed.log, sealed.epoch + 1), "recorded_at": sealed.recorded_at}
    insert_or_ignore(session, _HEAD, [fresh])
    session.info.pop(_HELD, None)
    details = {
        "held": {"origin": held.origin, "size": held.size, "root": held.root.hex()},
        "sealed": {"epoch": sealed.epoch, "size": sealed.size, "root": sealed.root.hex()},
    }
    append(session, [Entry(RecordKind.EPOCH_OPENED, reason, details=details, disclosures={"why": why})], clock)
    return Head(sealed.log, sealed.epoch, sealed.size, sealed.root)


def opening_of(session: Session, epoch: int) -> Cited | None:
    """What record 0 of an epoch cites; None: it is not there, or not one that opens an epoch."""
    query = select(_LEAF.c.body, _LEAF.c.leaf_hash).where(_LEAF.c.epoch == epoch, _LEAF.c.seq == 0)
    row = session.connection().execute(query).one_or_none()
    return None if row is None or leaf_hash(row.body) != row.leaf_hash else cited_in(row.body)


def cited_in(body: bytes) -> Cited | None:
    """What a record that opens an epoch cites; None: it is not one."""
    try:
        fields = parse_canonical(body)
        held = fields["details"]["held"]
        if fields["kind"] != RecordKind.EPOCH_OPENED or type(held["size"]) is not int:
            return None
        return Cited(str(held["origin"]), held["size"], bytes.fromhex(held["root"]))
    except (LedgerError, KeyError, TypeError, ValueError):
        return None


def leaves(
    session: Session,
    *,
    token_id: int | None = None,
    request_id: int | None = None,
    epoch: int | None = None,
    after_seq: int = -1,
) -> Iterator[StoredRecord]:
    """Records in the order of the log, read a page at a time: all, a token's or a request's.

    Args:
        epoch: only this one; all if left out.
        after_seq: start behind this record of the epoch (of the first one, where all are read); -1 starts at the
            beginning.
    """
    query = select(_LEAF).order_by(_LEAF.c.epoch, _LEAF.c.seq).limit(PAGE)
    for column, value in ((_LEAF.c.token_id, token_id), (_LEAF.c.request_id, request_id), (_LEAF.c.epoch, epoch)):
        if value is not None:
            query = query.where(column == value)
    after = (epoch or 0, after_seq)
    while page := session.connection().execute(query.where(tuple_(_LEAF.c.epoch, _LEAF.c.seq) > after)).all():
        disclosures = _disclosures(session, [(row.epoch, row.seq) for row in page])
        for row in page:
            yield StoredRecord(
                epoch=row.epoch,
                seq=row.seq,
                leaf_hash=row.leaf_hash,
                kind=RecordKind(row.kind),
                token_id=row.token_id,
                token_seq=row.token_seq,
                request_id=row.request_id,
                recorded_at=row.recorded_at,
                body=row.body,
                fields=msgspec.json.decode(row.body),
                disclosures=disclosures.get((row.epoch, row.seq), {}),
            )
        after = (page[-1].epoch, page[-1].seq)


class _LockedHead(NamedTuple):
    """The head row as this transaction has locked it: nobody else changes it."""

    epoch: int
    log: str
    size: int
    root: bytes
    frontier: bytes
    recorded_at: datetime | None
    sealed_at: datetime | None


_HELD = "the ledger's head"  # in a session's ``info``, with the transaction that holds it


def _hold(session: Session, head: _LockedHead) -> _LockedHead:
    session.info[_HELD] = (_transaction(session), head)
    return head


def _transaction(session: Session) -> object:
    """What is rolled back together: a savepoint where there is one, else the whole transaction."""
    return session.get_nested_transaction() or session.get_transaction()


def _locked_head(session: Session) -> _LockedHead:
    """The head row, locked until the transaction ends (SQLite: ``BEGIN IMMEDIATE`` has locked it all); read once."""
    held: _LockedHead
    holder, held = session.info.get(_HELD, (None, None))
    if holder is not None and holder is _transaction(session):
        return held
    row = _LOCK_HEAD.first(session)
    if row is None:
        # Two writers may both find no head: the second waits here for the first, then takes its row. And one that
        # waited for the head while an epoch was opened finds it sealed, and the new one when it looks again.
        insert_or_ignore(session, _HEAD, [_first_head(os.urandom(16).hex(), 0)])
        row = _LOCK_HEAD.first(session)
        assert row is not None
    return _hold(session, _LockedHead(*row))


def _first_head(log: str, epoch: int) -> dict[str, Any]:
    empty = {"size": 0, "root": EMPTY_ROOT, "frontier": b"", "recorded_at": None, "sealed_at": None}
    return {"epoch": epoch, "log": log, **empty}


def _chains(session: Session, epoch: int, token_ids: set[int]) -> dict[int, tuple[int, bytes]]:
    """Where each token's chain stands: ``{token_id: (next token_seq, last leaf hash or b"")}``."""
    chains = dict.fromkeys(sorted(token_ids), (0, b""))
    if len(chains) == 1:
        rows: Sequence[Any] = _CHAIN.all(session, of_epoch=epoch, token_id=next(iter(chains)))
    else:
        these = select(_SUBJECT).where(_SUBJECT.c.epoch == epoch, among(session, _SUBJECT.c.token_id, chains))
        rows = session.connection().execute(these).all()
    for _, token_id, next_seq, last in rows:
        chains[token_id] = (next_seq, last)
    return chains


def _make_rows(
    entries: Sequence[Entry], start: _Start, chains: dict[int, tuple[int, bytes]], frontier: Frontier
) -> _Rows:
    """Give each entry its place, hash it, and move ``chains`` and ``frontier`` along."""
    rows = _Rows([], [], [], [])
    log, epoch, first, recorded_at, stored_at = start
    recorded_ms = to_ms(recorded_at)
    randomness = os.urandom(16 * len(entries)).hex()
    for at, entry in enumerate(entries):
        seq = first + at
        record_id = randomness[32 * at : 32 * at + 32]
        token_id = entry.token_id
        token_seq, last = _NO_CHAIN if token_id is None else chains[token_id]
        digests: Sequence[str] = ()
        if entry.disclosures:
            disclosed = disclose(entry.disclosures)
            digests = [item.digest for item in disclosed]
            rows.disclosures.extend((epoch, seq, *item) for item in disclosed)
        place = Place(log, epoch, seq, record_id, recorded_ms, token_seq, last.hex())
        body = record_bytes(entry, place, digests)
        hashed = leaf_hash(body)
        if token_id is not None and token_seq is not None:
            chains[token_id] = (token_seq + 1, hashed)
        rows.leaves.append(
            (epoch, seq, hashed, int(entry.kind), token_id, token_seq, entry.request_id, stored_at, body)
        )
        rows.appended.append(Appended(seq, record_id, token_seq, hashed, recorded_at))
    rows.nodes.extend((epoch, *node) for node in frontier.extend(one.leaf_hash for one in rows.appended))
    return rows


def _disclosures(session: Session, places: Sequence[tuple[int, int]]) -> dict[tuple[int, int], dict[str, str]]:
    found: dict[tuple[int, int], dict[str, str]] = {}
    for epoch in {epoch for epoch, _ in places}:
        seqs = [seq for one, seq in places if one == epoch]
        query = select(_DISCLOSURE).where(_DISCLOSURE.c.epoch == epoch, _DISCLOSURE.c.leaf_seq.in_(seqs))
        for row in session.connection().execute(query.order_by(_DISCLOSURE.c.leaf_seq, _DISCLOSURE.c.name)):
            found.setdefault((epoch, row.leaf_seq), {})[row.name] = row.value
    return found
