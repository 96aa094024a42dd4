"""Attestation requests, what was decided, who was told, and the work that a decision opened."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Column, ForeignKey, Index, Text, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from storage.database import BigInt, UTCDateTime, table_of

#: States in which a request still waits for something; at most one such request a token.
OPEN_STATES = ("open", "handover", "remediating")


class PolicyVersion(SQLModel, table=True):
    """A policy as it was when a request was opened under it; requests name it by hash."""

    __tablename__ = "policy_version"

    hash: str = Field(primary_key=True)
    policy_id: str
    version: str
    body: str = Field(sa_type=Text)
    """The validated policy as canonical JSON."""
    first_used_at: datetime = Field(sa_column=Column(UTCDateTime, nullable=False))


class AttestationRequest(SQLModel, table=True):
    """ "Please stand behind this token." ``version`` grows with every change; a button carries it."""

    __tablename__ = "request"

    id: int | None = Field(default=None, sa_column=Column(BigInt, primary_key=True))
    token_id: int = Field(sa_column=Column(BigInt, ForeignKey("token.id"), nullable=False))
    state: str = "open"
    """``open`` (an answer is awaited), ``handover`` (a proposed owner is asked), ``remediating`` (decided; the
    work is not done), ``settled`` or ``withdrawn``. The moves are in ``bot/rules/lifecycle.py``."""
    version: int = 1
    reasons: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    tier: str
    risk: int = 0
    policy_hash: str = Field(sa_column=Column(Text, ForeignKey("policy_version.hash"), nullable=False))
    opened_at: datetime = Field(sa_column=Column(UTCDateTime, nullable=False))
    due_at: datetime = Field(sa_column=Column(UTCDateTime, nullable=False))
    """The moment by which an answer is wanted; a handover never moves it."""
    round: int = 0
    """How often the ladder began anew (a new owner starts it again)."""
    step: int = 0
    """The rung that was told last, counted from 0."""
    next_step_at: datetime | None = Field(default=None, sa_column=Column(UTCDateTime, nullable=True))
    waiting_on_id: int | None = Field(default=None, sa_column=Column(BigInt, ForeignKey("person.id"), nullable=True))
    """Whose working time the ladder counts in; null: the security channel."""
    waiting_role: str = "owner"
    handover_to_id: int | None = Field(default=None, sa_column=Column(BigInt, ForeignKey("person.id"), nullable=True))
    handover_count: int = 0
    snoozed_until: datetime | None = Field(default=None, sa_column=Column(UTCDateTime, nullable=True))
    snooze_count: int = 0
    settled_at: datetime | None = Field(default=None, sa_column=Column(UTCDateTime, nullable=True))
    outcome: str = ""
    """The decision that settled it, ``no_response`` for a default action, or why it was withdrawn."""


class LadderStep(SQLModel, table=True):
    """One person (or the security channel) told about a request at one rung, and what came of it."""

    __tablename__ = "ladder_step"
    __table_args__ = (UniqueConstraint("request_id", "round", "step", "rung"),)

    id: int | None = Field(default=None, sa_column=Column(BigInt, primary_key=True))
    request_id: int = Field(sa_column=Column(BigInt, ForeignKey("request.id"), nullable=False))
    round: int
    step: int
    rung: str
    person_id: int | None = Field(
        default=None, sa_column=Column(BigInt, ForeignKey("person.id"), index=True, nullable=True)
    )
    """Who was told (a delegate where the holder of the rung is away); null: a channel, or nobody."""
    told_at: datetime = Field(sa_column=Column(UTCDateTime, nullable=False))
    why: str = ""
    """Why it reached this person, as a word of ``messages/wording.py``."""
    outcome: str = "waiting"
    """``waiting``, ``answered``, ``no_response``, ``unreachable`` or ``closed``."""
    ended_at: datetime | None = Field(default=None, sa_column=Column(UTCDateTime, nullable=True))


class Decision(SQLModel, table=True):
    """What somebody with the authority to say so said about a request. At most one settles it."""

    __tablename__ = "decision"

    id: int | None = Field(default=None, sa_column=Column(BigInt, primary_key=True))
    request_id: int = Field(sa_column=Column(BigInt, ForeignKey("request.id"), nullable=False, index=True))
    token_id: int = Field(sa_column=Column(BigInt, ForeignKey("token.id"), nullable=False, index=True))
    kind: str
    actor_id: int | None = Field(default=None, sa_column=Column(BigInt, ForeignKey("person.id"), nullable=True))
    """Null: the policy's default action, taken by the system."""
    role: str
    """The role held at that moment that gave the authority."""
    delegated_from_id: int | None = Field(
        default=None, sa_column=Column(BigInt, ForeignKey("person.id"), nullable=True)
    )
    justification: str = Field(default="", sa_type=Text)
    details: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    decided_at: datetime = Field(sa_column=Column(UTCDateTime, nullable=False))
    platform: str
    """``slack``, ``teams``, ``cli`` or ``system``."""
    idempotency_key: str = Field(unique=True)
    settles: bool = False


class RemediationTask(SQLModel, table=True):
    """The work a rotate or revoke opened. ``result`` is never just "revoked"."""

    __tablename__ = "remediation_task"

    id: int | None = Field(default=None, sa_column=Column(BigInt, primary_key=True))
    request_id: int = Field(sa_column=Column(BigInt, ForeignKey("request.id"), nullable=False, unique=True))
    token_id: int = Field(sa_column=Column(BigInt, ForeignKey("token.id"), nullable=False, index=True))
    kind: str
    """``rotate`` or ``revoke``."""
    connector: str = "manual"
    """Which connector carries it out, by a row of :class:`storage.remediation.RemediationRun`; ``manual``: a person."""
    instructions: str = Field(default="", sa_type=Text)
    assignee_id: int | None = Field(default=None, sa_column=Column(BigInt, ForeignKey("person.id"), nullable=True))
    """Whoever is waited for: to do it, to agree, to look. Null: the security channel."""
    opened_at: datetime = Field(sa_column=Column(UTCDateTime, nullable=False))
    remind_at: datetime | None = Field(default=None, sa_column=Column(UTCDateTime, nullable=True))
    """When the first reminder is due; null: it has gone out, and security hears of the next ones too."""
    done_at: datetime | None = Field(default=None, sa_column=Column(UTCDateTime, nullable=True))
    done_by_id: int | None = Field(default=None, sa_column=Column(BigInt, ForeignKey("person.id"), nullable=True))
    evidence: str = Field(default="", sa_type=Text)
    result: str = ""
    """``confirmed``, ``accepted_unverified``, ``failed``, ``called_off``; empty while open."""


class RefusedAttempt(SQLModel, table=True):
    """Somebody without the authority tried to decide. Kept so that pressing again adds no second record."""

    __tablename__ = "refused_attempt"

    request_id: int = Field(sa_column=Column(BigInt, ForeignKey("request.id"), primary_key=True))
    version: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    actor_id: int = Field(sa_column=Column(BigInt, ForeignKey("person.id"), primary_key=True))
    verb: str = Field(primary_key=True)
    refused_at: datetime = Field(sa_column=Column(UTCDateTime, nullable=False))


class Quiet(SQLModel, table=True):
    """A reason that somebody has answered, and until when it stays quiet.

    It holds for one instance of the condition: ``about_at`` is the expiry or contract end that the answer was
    about, ``threshold_days`` the expiry notice that fired; a new expiry date is a new condition.
    """

    __tablename__ = "quiet"

    id: int | None = Field(default=None, sa_column=Column(BigInt, primary_key=True))
    token_id: int = Field(sa_column=Column(BigInt, ForeignKey("token.id"), nullable=False))
    reason: str
    about_at: datetime | None = Field(default=None, sa_column=Column(UTCDateTime, nullable=True))
    threshold_days: int = 0
    until: datetime | None = Field(default=None, sa_column=Column(UTCDateTime, nullable=True))
    """Null: for as long as the condition stays the same."""
    request_id: int | None = Field(default=None, sa_column=Column(BigInt, nullable=True))


class Marker(SQLModel, table=True):
    """Small facts about the installation itself: which policy the tokens were tiered with, and such."""

    __tablename__ = "marker"

    name: str = Field(primary_key=True)
    value: str = Field(sa_type=Text)


REQUEST, LADDER_STEP, DECISION, QUIET = (
    table_of(AttestationRequest),
    table_of(LadderStep),
    table_of(Decision),
    table_of(Quiet),
)

_OPEN = text("state IN ('open', 'handover', 'remediating')")
_SETTLES = text("settles")

Index("ux_request_open", REQUEST.c.token_id, unique=True, postgresql_where=_OPEN, sqlite_where=_OPEN)
Index("ix_request_token", REQUEST.c.token_id)
Index("ix_request_next_step", REQUEST.c.next_step_at, postgresql_where=_OPEN, sqlite_where=_OPEN)
Index("ix_request_waiting_on", REQUEST.c.waiting_on_id, postgresql_where=_OPEN, sqlite_where=_OPEN)
Index(
    "ux_decision_settles",
    DECISION.c.request_id,
    unique=True,
    postgresql_where=_SETTLES,
    sqlite_where=_SETTLES,
)
Index("ix_quiet_token", QUIET.c.token_id, QUIET.c.reason)
