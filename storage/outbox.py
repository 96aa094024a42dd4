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
    """Opaque (``storage/delivery_key.py``); travels with the message so that it can be found again."""
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
    priority: int = 1
    """0 urgent, 1 routine, 2 whenever there is room; lower goes first."""
    not_before: datetime = Field(sa_column=Column(UTCDateTime, nullable=False))
    """While ``pending``: when it may be sent. While ``unknown``, or ``sent`` and to be looked at again: when to read
    back next."""
    state: str = "pending"
    """``pending``, ``sending``, ``unknown``, ``sent``, ``cancelled`` or ``dead``."""
    shown: list[list[int]] | None = Field(default=None, sa_column=Column(JSON(none_as_null=True), nullable=True))
    """``[request id, version]`` of what the message says, saved before it is sent: after a lost reply this is how we
    know what people are looking at."""
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
    gone_at: datetime | None = Field(default=None, sa_column=Column(UTCDateTime, nullable=True))
    """When the platform said that this message can no longer be changed."""


class PostingRequest(SQLModel, table=True):
    """Which requests a posting shows: all of these postings are updated when one of them is settled."""

    __tablename__ = "posting_request"

    posting_id: int = Field(sa_column=Column(BigInt, ForeignKey("posting.id"), primary_key=True))
    request_id: int = Field(sa_column=Column(BigInt, ForeignKey("request.id"), primary_key=True))


OUTBOX, POSTING, POSTING_REQUEST = table_of(OutboxMessage), table_of(Posting), table_of(PostingRequest)

_WORK = text("state IN ('pending', 'sending', 'unknown')")
_PENDING = text("state = 'pending'")
_UNDER_WAY = text("state IN ('sending', 'unknown')")
_RECHECK = text("state = 'sent' AND absent_reads > 0")
_DEAD = text("state = 'dead'")
_BY_ARRIVAL = (OUTBOX.c.lane, OUTBOX.c.priority, OUTBOX.c.not_before, OUTBOX.c.id)
Index("ix_outbox_due", *_BY_ARRIVAL, postgresql_where=_PENDING, sqlite_where=_PENDING)
Index("ix_outbox_under_way", OUTBOX.c.lane, OUTBOX.c.state, postgresql_where=_UNDER_WAY, sqlite_where=_UNDER_WAY)
Index("ix_outbox_to", OUTBOX.c.person_id, OUTBOX.c.channel, postgresql_where=_WORK, sqlite_where=_WORK)
Index("ix_outbox_posting", OUTBOX.c.posting_id, postgresql_where=_WORK, sqlite_where=_WORK)
Index("ix_outbox_recheck", OUTBOX.c.lane, OUTBOX.c.not_before, postgresql_where=_RECHECK, sqlite_where=_RECHECK)
Index("ix_outbox_dead", OUTBOX.c.done_at, OUTBOX.c.id, postgresql_where=_DEAD, sqlite_where=_DEAD)
Index("ix_posting_request_request", POSTING_REQUEST.c.request_id)
