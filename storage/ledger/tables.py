"""The ledger's tables: the log, the nodes of its tree, published checkpoints, and where those were anchored.

An epoch is a log of its own: own tree, own numbers, own chains. A second one is opened only where records of the one
before were lost for good.

Nothing here refers to another table, so that no cascade can take a row away with its subject.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Column, Index, LargeBinary, Text, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from storage.database import BigInt, UTCDateTime, table_of


class LedgerHead(SQLModel, table=True):
    """How far the log has grown, one row an epoch. The one that is not sealed is locked by whoever appends."""

    __tablename__ = "ledger_head"

    epoch: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    log: str = Field(max_length=32)  # random, the same in every epoch; tells this log from any other
    size: int = Field(default=0, sa_type=BigInt)
    root: bytes = Field(sa_type=LargeBinary)
    frontier: bytes = Field(sa_type=LargeBinary)
    recorded_at: datetime | None = Field(default=None, sa_type=UTCDateTime)  # of the last record
    sealed_at: datetime | None = Field(default=None, sa_type=UTCDateTime)  # when the next epoch was opened


class LedgerLeaf(SQLModel, table=True):
    """One record. ``body`` is what was hashed; the other columns repeat parts of it for look-ups."""

    __tablename__ = "ledger_leaf"
    __table_args__ = (
        UniqueConstraint("token_id", "epoch", "token_seq", name="ledger_leaf_chain"),
        Index("ledger_leaf_request", "request_id", "epoch", "seq"),
    )

    epoch: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    seq: int = Field(primary_key=True, sa_type=BigInt, sa_column_kwargs={"autoincrement": False})
    leaf_hash: bytes = Field(sa_type=LargeBinary)
    kind: int
    token_id: int | None = Field(default=None, sa_type=BigInt)
    token_seq: int | None = Field(default=None, sa_type=BigInt)
    request_id: int | None = Field(default=None, sa_type=BigInt)
    recorded_at: datetime = Field(sa_type=UTCDateTime)
    body: bytes = Field(sa_type=LargeBinary)


class LedgerSubject(SQLModel, table=True):
    """The end of one token's chain in one epoch; each epoch's chains begin anew."""

    __tablename__ = "ledger_subject"
    __table_args__ = {"sqlite_with_rowid": False}

    epoch: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    token_id: int = Field(primary_key=True, sa_type=BigInt, sa_column_kwargs={"autoincrement": False})
    next_seq: int = Field(sa_type=BigInt)
    last_hash: bytes = Field(sa_type=LargeBinary)


class LedgerDisclosure(SQLModel, table=True):
    """Personal data that a record refers to by digest. Deleting the row erases it; the record stands."""

    __tablename__ = "ledger_disclosure"
    __table_args__ = {"sqlite_with_rowid": False}

    epoch: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    leaf_seq: int = Field(primary_key=True, sa_type=BigInt, sa_column_kwargs={"autoincrement": False})
    digest: str = Field(primary_key=True)
    salt: str
    name: str
    value: str


class LedgerNode(SQLModel, table=True):
    """The root of a complete subtree, at every eighth level of an epoch's tree (level 0 is ``ledger_leaf``).

    What it holds follows from the leaves; it is kept so that a proof reads a few hundred hashes and not all of them.
    """

    __tablename__ = "ledger_node"
    __table_args__ = {"sqlite_with_rowid": False}

    epoch: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    level: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    """8, 16, 24 …: the subtree has ``2 ** level`` leaves."""
    idx: int = Field(primary_key=True, sa_type=BigInt, sa_column_kwargs={"autoincrement": False})
    """Which of its level, counted from 0 at the left."""
    hash: bytes = Field(sa_type=LargeBinary)


class LedgerCheckpoint(SQLModel, table=True):
    """A signed checkpoint that was given out. Kept for ever; the newest one is also kept outside of the database."""

    __tablename__ = "ledger_checkpoint"

    epoch: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    size: int = Field(primary_key=True, sa_type=BigInt, sa_column_kwargs={"autoincrement": False})
    root: bytes = Field(sa_type=LargeBinary)
    note: str = Field(sa_type=Text)
    """The C2SP signed note, as it was published."""
    published_at: datetime = Field(sa_column=Column(UTCDateTime, nullable=False))


class LedgerAnchor(SQLModel, table=True):
    """One checkpoint on its way to one place that the operator cannot rewrite."""

    __tablename__ = "ledger_anchor"

    epoch: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    size: int = Field(primary_key=True, sa_type=BigInt, sa_column_kwargs={"autoincrement": False})
    anchor: str = Field(primary_key=True)
    """The anchor's name, as in ``WHOSE_ANCHORS``: ``folder:/path``, ``tsa:https://…``."""
    state: str = "pending"
    """``pending``, ``done``, or ``superseded`` (a later checkpoint, which covers this one, got there first)."""
    attempts: int = 0
    next_try_at: datetime = Field(sa_column=Column(UTCDateTime, nullable=False))
    done_at: datetime | None = Field(default=None, sa_column=Column(UTCDateTime, nullable=True))
    receipt: bytes | None = Field(default=None, sa_column=Column(LargeBinary, nullable=True))
    """What the place answered: a time-stamp reply in DER, a witness's signature lines, a path."""
    error: str = Field(default="", sa_type=Text)
    """Why the last attempt failed, in words; empty where none did."""


HEAD, LEAF, SUBJECT, DISCLOSURE = (
    table_of(LedgerHead),
    table_of(LedgerLeaf),
    table_of(LedgerSubject),
    table_of(LedgerDisclosure),
)
NODE, CHECKPOINT, ANCHOR = table_of(LedgerNode), table_of(LedgerCheckpoint), table_of(LedgerAnchor)

#: Records about the log itself and about who is who (``RecordKind`` 18 to 21), as the index over them has it: in these
#: words, or SQLite does not use it.
OF_THE_LOG = text("kind IN (18, 19, 20, 21)")
_OF_THE_LOG = (LEAF.c.kind, LEAF.c.epoch, LEAF.c.seq)
Index("ledger_leaf_of_the_log", *_OF_THE_LOG, postgresql_where=OF_THE_LOG, sqlite_where=OF_THE_LOG)

_PENDING = text("state = 'pending'")
_NEWEST = (ANCHOR.c.anchor, ANCHOR.c.epoch, ANCHOR.c.size)
Index("ix_ledger_anchor_pending", *_NEWEST, postgresql_where=_PENDING, sqlite_where=_PENDING)


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
        ("ledger_node", "UPDATE"),
        ("ledger_node", "DELETE"),
        ("ledger_checkpoint", "UPDATE"),
        ("ledger_checkpoint", "DELETE"),
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
            for table in ("ledger_leaf", "ledger_head", "ledger_subject", "ledger_node", "ledger_checkpoint")
        ]
        return [function, *rows, *tables]
    raise ValueError(f"no ledger triggers for {dialect_name!r}: Whose runs on SQLite and PostgreSQL")
