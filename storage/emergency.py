"""Access for an emergency: who may use a token outside of the ordinary, why, until when, and what came of it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Column, ForeignKey, Index, Text, text
from sqlmodel import Field, SQLModel

from storage.database import BigInt, UTCDateTime, table_of


class EmergencyGrant(SQLModel, table=True):
    """One time-boxed entry. It is an entry in the record and gives nobody the secret."""

    __tablename__ = "emergency_grant"

    id: int | None = Field(default=None, sa_column=Column(BigInt, primary_key=True))
    token_id: int = Field(sa_column=Column(BigInt, ForeignKey("token.id"), nullable=False, index=True))
    person_id: int = Field(sa_column=Column(BigInt, ForeignKey("person.id"), nullable=False))
    """Who may use it."""
    state: str
    """``requested`` (waits for somebody to agree), ``open``, ``ended``, ``refused`` or ``lapsed`` (nobody agreed in
    time). The moves are in ``bot/rules/emergency.py``."""
    version: int = 1
    reason: str = Field(sa_type=Text)
    urgent: bool = False
    """True: it began before anybody had agreed."""
    lasts_minutes: int
    """How long it was asked for."""
    until_at: datetime | None = Field(default=None, sa_column=Column(UTCDateTime, nullable=True))
    """Where a moment was asked for instead of a length: it ends then, whenever it begins."""
    requested_by_id: int = Field(sa_column=Column(BigInt, ForeignKey("person.id"), nullable=False))
    requested_at: datetime = Field(sa_column=Column(UTCDateTime, nullable=False))
    approved_by_id: int | None = Field(default=None, sa_column=Column(BigInt, ForeignKey("person.id"), nullable=True))
    approved_at: datetime | None = Field(default=None, sa_column=Column(UTCDateTime, nullable=True))
    refused_by_id: int | None = Field(default=None, sa_column=Column(BigInt, ForeignKey("person.id"), nullable=True))
    begins_at: datetime | None = Field(default=None, sa_column=Column(UTCDateTime, nullable=True))
    ends_at: datetime = Field(sa_column=Column(UTCDateTime, nullable=False))
    """When it ends by itself; while ``requested``, until when somebody may agree."""
    ended_at: datetime | None = Field(default=None, sa_column=Column(UTCDateTime, nullable=True))
    ended_by_id: int | None = Field(default=None, sa_column=Column(BigInt, ForeignKey("person.id"), nullable=True))
    """Null: its time was over."""
    review: str = ""
    """Of one that was open: empty (to come), ``asked``, ``overdue``, ``wrong`` (security looks) or ``reviewed``."""
    reviewer_id: int | None = Field(default=None, sa_column=Column(BigInt, ForeignKey("person.id"), nullable=True))
    """Who is asked to look at it afterwards; null: the security channel."""
    review_at: datetime | None = Field(default=None, sa_column=Column(UTCDateTime, nullable=True))
    """When the review moves on by itself: is asked for, or is overdue; null: it does not."""
    reviewed_by_id: int | None = Field(default=None, sa_column=Column(BigInt, ForeignKey("person.id"), nullable=True))
    reviewed_at: datetime | None = Field(default=None, sa_column=Column(UTCDateTime, nullable=True))
    review_note: str = Field(default="", sa_type=Text)


GRANT = table_of(EmergencyGrant)

_RUNS = text("state IN ('requested', 'open')")
_REVIEW = text("review_at IS NOT NULL")
Index("ix_emergency_grant_ends", GRANT.c.ends_at, postgresql_where=_RUNS, sqlite_where=_RUNS)
Index("ix_emergency_grant_review", GRANT.c.review_at, postgresql_where=_REVIEW, sqlite_where=_REVIEW)
