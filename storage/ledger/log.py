"""The ledger in the database: one append-only Merkle log, written in the transaction of the event.

Appending locks the head row first and only then reads the clock, the next number and the tokens' chains,
so that several writers queue up and numbers, times and hashes agree. Each token has its own chain inside
the log: ``token_seq`` counts its records and ``prev`` is the leaf hash of the one before.

Nothing here refers to another table, so that no cascade can take a record away with its subject.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from pydantic_core import from_json
from sqlalchemy import Index, LargeBinary, UniqueConstraint, select, update
from sqlmodel import Field, Session, SQLModel

from storage.database import BigInt, UTCDateTime, among, driver_value, insert_or_ignore, insert_rows
from storage.ledger.merkle import EMPTY_ROOT, Frontier, leaf_hash
from storage.ledger.record import Entry, Place, RecordKind, disclose, from_ms, record_bytes, to_ms

HEAD_ID = 1
PAGE = 500  # rows read at a time by a streaming read


class LedgerHead(SQLModel, table=True):
    """The one row that says how far the log has grown. Locked by whoever appends."""

    __tablename__ = "ledger_head"

    id: int = Field(default=HEAD_ID, primary_key=True, sa_column_kwargs={"autoincrement": False})
    log: str = Field(max_length=32)  # random; tells this log from any other
    epoch: int = 0
    size: int = Field(default=0, sa_type=BigInt)
    root: bytes = Field(sa_type=LargeBinary)
    frontier: bytes = Field(sa_type=LargeBinary)
    recorded_at: datetime | None = Field(default=None, sa_type=UTCDateTime)  # of the last record


class LedgerLeaf(SQLModel, table=True):
    """One record. ``body`` is what was hashed; the other columns repeat parts of it for look-ups."""

    __tablename__ = "ledger_leaf"
    __table_args__ = (
        UniqueConstraint("token_id", "token_seq", name="ledger_leaf_chain"),
        Index("ledger_leaf_request", "request_id", "seq"),
    )

    seq: int = Field(primary_key=True, sa_type=BigInt, sa_column_kwargs={"autoincrement": False})
    leaf_hash: bytes = Field(sa_type=LargeBinary)
    kind: int
    token_id: int | None = Field(default=None, sa_type=BigInt)
    token_seq: int | None = Field(default=None, sa_type=BigInt)
    request_id: int | None = Field(default=None, sa_type=BigInt)
    recorded_at: datetime = Field(sa_type=UTCDateTime)
    body: bytes = Field(sa_type=LargeBinary)


class LedgerSubject(SQLModel, table=True):
    """The end of one token's chain."""

    __tablename__ = "ledger_subject"

    token_id: int = Field(primary_key=True, sa_type=BigInt, sa_column_kwargs={"autoincrement": False})
    next_seq: int = Field(sa_type=BigInt)
    last_hash: bytes = Field(sa_type=LargeBinary)


class LedgerDisclosure(SQLModel, table=True):
    """Personal data that a record refers to by digest. Deleting the row erases it; the record stands."""

    __tablename__ = "ledger_disclosure"
    __table_args__ = {"sqlite_with_rowid": False}

    leaf_seq: int = Field(primary_key=True, sa_type=BigInt, sa_column_kwargs={"autoincrement": False})
    digest: str = Field(primary_key=True)
    salt: str
    name: str
    value: str


_HEAD = SQLModel.metadata.tables["ledger_head"]
_LEAF = SQLModel.metadata.tables["ledger_leaf"]
_SUBJECT = SQLModel.metadata.tables["ledger_subject"]
_DISCLOSURE = SQLModel.metadata.tables["ledger_disclosure"]

_NO_CHAIN: tuple[None, bytes] = (None, b"")
_MOVE_CHAIN = "ON CONFLICT (token_id) DO UPDATE SET next_seq = excluded.next_seq, last_hash = excluded.last_hash"


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
    chains = _chains(session, {entry.token_id for entry in entries if entry.token_id is not None})
    frontier = Frontier.from_bytes(head.size, head.frontier)
    stored_at = driver_value(session, _LEAF.c.recorded_at, recorded_at)
    start = _Start(head.log, head.epoch, head.size, recorded_at, stored_at)
    rows = _make_rows(entries, start, chains, frontier)
    insert_rows(session, _LEAF, rows.leaves)
    insert_rows(session, _DISCLOSURE, rows.disclosures)
    insert_rows(session, _SUBJECT, [(key, *end) for key, end in chains.items()], tail=_MOVE_CHAIN)
    session.connection().execute(
        update(_HEAD)
        .where(_HEAD.c.id == HEAD_ID)
        .values(size=frontier.size, root=frontier.root(), frontier=frontier.to_bytes(), recorded_at=recorded_at)
    )
    return rows.appended


def lock(session: Session) -> None:
    """Hold the log until the transaction ends, before anything is read that the records will rest on.

    For work that must not overlap with another writer's: what is read after this call is still so at the append.
    """
    _locked_head(session)


def head(session: Session) -> Head | None:
    """The state of the log; ``None`` before the first record."""
    row = session.connection().execute(select(_HEAD).where(_HEAD.c.id == HEAD_ID)).one_or_none()
    return None if row is None else Head(row.log, row.epoch, row.size, row.root)


def leaves(
    session: Session, *, token_id: int | None = None, request_id: int | None = None, after_seq: int = -1
) -> Iterator[StoredRecord]:
    """Records in the order of the log, read a page at a time: all, a token's or a request's.

    Args:
        after_seq: start behind this record; -1 starts at the beginning.
    """
    query = select(_LEAF).order_by(_LEAF.c.seq).limit(PAGE)
    if token_id is not None:
        query = query.where(_LEAF.c.token_id == token_id)
    if request_id is not None:
        query = query.where(_LEAF.c.request_id == request_id)
    while page := session.connection().execute(query.where(_LEAF.c.seq > after_seq)).all():
        disclosures = _disclosures(session, [row.seq for row in page])
        for row in page:
            yield StoredRecord(
                seq=row.seq,
                leaf_hash=row.leaf_hash,
                kind=RecordKind(row.kind),
                token_id=row.token_id,
                token_seq=row.token_seq,
                request_id=row.request_id,
                recorded_at=row.recorded_at,
                body=row.body,
                fields=from_json(row.body),
                disclosures=disclosures.get(row.seq, {}),
            )
        after_seq = page[-1].seq


def _locked_head(session: Session) -> Any:
    """The head row, locked until the transaction ends (SQLite: ``BEGIN IMMEDIATE`` has locked it all)."""
    query = select(_HEAD).where(_HEAD.c.id == HEAD_ID).with_for_update()
    row = session.connection().execute(query).one_or_none()
    if row is None:
        # Two writers may both find no head: the second waits here for the first, then takes its row.
        fresh = {
            "id": HEAD_ID,
            "log": os.urandom(16).hex(),
            "epoch": 0,
            "size": 0,
            "root": EMPTY_ROOT,
            "frontier": b"",
            "recorded_at": None,
        }
        insert_or_ignore(session, _HEAD, [fresh])
        row = session.connection().execute(query).one()
    return row


def _chains(session: Session, token_ids: set[int]) -> dict[int, tuple[int, bytes]]:
    """Where each token's chain stands: ``{token_id: (next token_seq, last leaf hash or b"")}``."""
    chains = dict.fromkeys(sorted(token_ids), (0, b""))
    query = select(_SUBJECT).where(among(session, _SUBJECT.c.token_id, chains))
    for token_id, next_seq, last in session.connection().execute(query).all():
        chains[token_id] = (next_seq, last)
    return chains


def _make_rows(
    entries: Sequence[Entry], start: _Start, chains: dict[int, tuple[int, bytes]], frontier: Frontier
) -> _Rows:
    """Give each entry its place, hash it, and move ``chains`` and ``frontier`` along."""
    rows = _Rows([], [], [])
    log, epoch, seq, recorded_at, stored_at = start
    recorded_ms = to_ms(recorded_at)
    randomness = os.urandom(16 * len(entries)).hex()
    for at, entry in enumerate(entries):
        record_id = randomness[32 * at : 32 * at + 32]
        token_id = entry.token_id
        token_seq, last = _NO_CHAIN if token_id is None else chains[token_id]
        place = Place(log, epoch, seq, record_id, recorded_ms, token_seq, last.hex())
        disclosed = disclose(entry.disclosures) if entry.disclosures else ()
        body = record_bytes(entry, place, [item.digest for item in disclosed])
        hashed = leaf_hash(body)
        frontier.append(hashed)
        if token_id is not None and token_seq is not None:
            chains[token_id] = (token_seq + 1, hashed)
        kind, request_id = int(entry.kind), entry.request_id
        rows.leaves.append((seq, hashed, kind, token_id, token_seq, request_id, stored_at, body))
        rows.disclosures.extend((seq, *item) for item in disclosed)
        rows.appended.append(Appended(seq, record_id, token_seq, hashed, recorded_at))
        seq += 1
    return rows


def _disclosures(session: Session, seqs: Sequence[int]) -> dict[int, dict[str, str]]:
    query = select(_DISCLOSURE).where(_DISCLOSURE.c.leaf_seq.in_(seqs))
    found: dict[int, dict[str, str]] = {}
    for row in session.connection().execute(query.order_by(_DISCLOSURE.c.leaf_seq, _DISCLOSURE.c.name)):
        found.setdefault(row.leaf_seq, {})[row.name] = row.value
    return found


def ledger_triggers(dialect_name: str) -> list[str]:
    """DDL that refuses to change or delete records; for the migration and ``storage.schema.create_all``.

    A speed bump against accidents and careless hands, no more: whoever owns the database can drop it.
    Disclosures may be deleted, which is how personal data is erased, but not changed. Repeatable.

    Raises:
        ValueError: for a dialect other than ``sqlite`` and ``postgresql``.
    """
    refused = [
        ("ledger_leaf", "UPDATE"),
        ("ledger_leaf", "DELETE"),
        ("ledger_head", "DELETE"),
        ("ledger_subject", "DELETE"),
        ("ledger_disclosure", "UPDATE"),
    ]
    sentence = "the ledger only grows: its records are neither changed nor deleted"
    if dialect_name == "sqlite":
        return [
            f"CREATE TRIGGER IF NOT EXISTS {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
            f"BEGIN SELECT RAISE(ABORT, '{sentence}'); END"
            for table, verb in refused
        ]
    if dialect_name == "postgresql":
        function = (
            "CREATE OR REPLACE FUNCTION ledger_refuse() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN RAISE EXCEPTION '{sentence}'; END $$"
        )
        rows = [
            f"CREATE OR REPLACE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION ledger_refuse()"
            for table, verb in refused
        ]
        tables = [
            f"CREATE OR REPLACE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse()"
            for table in ("ledger_leaf", "ledger_head", "ledger_subject")
        ]
        return [function, *rows, *tables]
    raise ValueError(f"no ledger triggers for {dialect_name!r}: Whose runs on SQLite and PostgreSQL")
