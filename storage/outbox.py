"""What is to be sent, what is being sent and what was posted where.

Nothing is sent that is not first here, and nothing is here without the state change that caused it: a row is
inserted in the transaction of that change. The rest of the protocol is in ``bot/operations/deliver.py``.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Column, ForeignKey, Index, Text, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from storage.database import BigInt, UTCDateTime, table_of


class OutboxMessage(SQLModel, table=True):
    """One message to post, or one posting to bring up to date. Rendered when it is sent, from what is true then."""

    __tablename__ = "outbox"

    id: int | None = Field(default=None, sa_column=Column(BigInt, primary_key=True))
    dedupe_key: str = Field(unique=True)
    """The cause, in words: the same cause never makes a second message."""
    delivery_key: str
    """Opaque and random; travels with the message so that it can be found again after a lost reply."""
    action: str = "post"
    """``post`` or ``update``."""
    card: str
    """Which kind of message, one of ``messages/cards``."""
    lane: str
    """Platform and workspace, ``slack:T0123``: what shares one rate limit."""
    person_id: int | None = Field(
        default=None, sa_column=Column(BigInt, ForeignKey("person.id"), index=True, nullable=True)
    )
    channel: str = ""
    """A channel name or id where nobody in person is addressed."""
    request_id: int | None = Field(
        default=None, sa_column=Column(BigInt, ForeignKey("request.id"), index=True, nullable=True)
    )
    posting_id: int | None = Field(default=None, sa_column=Column(BigInt, ForeignKey("posting.id"), nullable=True))
    """The posting to update."""
    params: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    not_before: datetime = Field(sa_column=Column(UTCDateTime, nullable=False))
    state: str = "pending"
    """``pending``, ``sending``, ``unknown``, ``sent``, ``cancelled`` or ``dead``."""
    fence: int = 0
    lease_until: datetime | None = Field(default=None, sa_column=Column(UTCDateTime, nullable=True))
    attempts: int = 0
    first_attempt_at: datetime | None = Field(default=None, sa_column=Column(UTCDateTime, nullable=True))
    absent_reads: int = 0
    """How often a read-back did not find it; twice means that it was not sent."""
    error: str = Field(default="", sa_type=Text)
    created_at: datetime = Field(sa_column=Column(UTCDateTime, nullable=False))
    done_at: datetime | None = Field(default=None, sa_column=Column(UTCDateTime, nullable=True))


class Posting(SQLModel, table=True):
    """One message that the bot sent, with its place on the platform."""

    __tablename__ = "posting"
    __table_args__ = (UniqueConstraint("lane", "channel", "message_id"),)

    id: int | None = Field(default=None, sa_column=Column(BigInt, primary_key=True))
    lane: str
    channel: str
    message_id: str
    """Slack ``ts``, Teams activity id."""
    card: str
    person_id: int | None = Field(
        default=None, sa_column=Column(BigInt, ForeignKey("person.id"), index=True, nullable=True)
    )
    params: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    posted_at: datetime = Field(sa_column=Column(UTCDateTime, nullable=False))
    replaced_by_id: int | None = Field(default=None, sa_column=Column(BigInt, nullable=True))
    """A newer digest that took this one's place."""


class PostingRequest(SQLModel, table=True):
    """Which requests a posting shows: all of these postings are updated when one of them is settled."""

    __tablename__ = "posting_request"

    posting_id: int = Field(sa_column=Column(BigInt, ForeignKey("posting.id"), primary_key=True))
    request_id: int = Field(sa_column=Column(BigInt, ForeignKey("request.id"), primary_key=True))


OUTBOX, POSTING, POSTING_REQUEST = table_of(OutboxMessage), table_of(Posting), table_of(PostingRequest)

_WORK = text("state IN ('pending', 'sending', 'unknown')")
Index("ix_outbox_work", OUTBOX.c.lane, OUTBOX.c.not_before, postgresql_where=_WORK, sqlite_where=_WORK)
Index("ix_posting_request_request", POSTING_REQUEST.c.request_id)
