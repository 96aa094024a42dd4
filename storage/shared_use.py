"""Whether each of several users of one token still needs it: one question a person and request."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import JSON, Column, ForeignKey, Index, Text, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from storage.database import BigInt, UTCDateTime, table_of


class UseQuestion(SQLModel, table=True):
    """ "Do you still use it?", asked of one user of a shared token beside the request about it."""

    __tablename__ = "use_question"
    __table_args__ = (UniqueConstraint("request_id", "person_id"),)

    id: int | None = Field(default=None, sa_column=Column(BigInt, primary_key=True))
    request_id: int = Field(sa_column=Column(BigInt, ForeignKey("request.id"), nullable=False))
    token_id: int = Field(sa_column=Column(BigInt, ForeignKey("token.id"), nullable=False, index=True))
    person_id: int = Field(sa_column=Column(BigInt, ForeignKey("person.id"), nullable=False))
    """Whose use it is about."""
    asked_id: int | None = Field(default=None, sa_column=Column(BigInt, ForeignKey("person.id"), nullable=True))
    """Who was asked: a delegate where that person was away; null: nobody could be."""
    consumers: str = Field(default="", sa_type=Text)
    """What the inventory said of the token's consumers then: "no longer needed" holds while it says the same."""
    asked_at: datetime = Field(sa_column=Column(UTCDateTime, nullable=False))
    outcome: str = "waiting"
    """``waiting``, ``needed``, ``not_needed``, ``no_response``, ``unreachable``, ``spoken_for`` (somebody else's answer
    counts, as the policy has it) or ``closed`` (the request ended otherwise)."""
    ended_at: datetime | None = Field(default=None, sa_column=Column(UTCDateTime, nullable=True))
    keys: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    """The clicks that answered it: the same click again is no other answer."""


USE = table_of(UseQuestion)

_WAITS = text("outcome = 'waiting'")
Index("ix_use_question_waiting", USE.c.asked_id, postgresql_where=_WAITS, sqlite_where=_WAITS)
