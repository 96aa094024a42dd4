"""What a connector was about to do and what came of it, and the plans that end many tokens at once."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Column, ForeignKey, Index, Text, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from storage.database import BigInt, UTCDateTime, table_of


class RemediationRun(SQLModel, table=True):
    """The part of a piece of work that a connector carries out; work without one is done by hand."""

    __tablename__ = "remediation_run"

    task_id: int = Field(
        sa_column=Column(BigInt, ForeignKey("remediation_task.id"), primary_key=True, autoincrement=False)
    )
    stage: str
    """Where it stands; the moves are in ``bot/rules/remediation.py``."""
    turn: int = 0
    """Grows with every claim and every move: whoever writes has to have seen the newest one (a fence)."""
    act_at: datetime | None = Field(default=None, sa_column=Column(UTCDateTime, nullable=True))
    """When the machine goes on by itself; null: it does not."""
    attempts: int = 0
    """How often the present move was surely not done."""
    requested_by_id: int | None = Field(default=None, sa_column=Column(BigInt, ForeignKey("person.id"), nullable=True))
    """Who decided it, and so cannot be the second person; null: the policy did."""
    approved_by_id: int | None = Field(default=None, sa_column=Column(BigInt, ForeignKey("person.id"), nullable=True))
    approved_at: datetime | None = Field(default=None, sa_column=Column(UTCDateTime, nullable=True))
    seen: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    """What the issuing system showed when it was last looked at: ``at``, ``state``, ``last_used_at``, ``used_for``."""
    reached_at: datetime = Field(sa_column=Column(UTCDateTime, nullable=False))
    """Since when it is at this stage."""
    halted_from: str = ""
    fault: str = ""
    """Why it halted, or why agreement is asked for again, as a word of ``messages/wording``."""
    fault_detail: str = Field(default="", sa_type=Text)
    new_id: str = ""
    """Of a rotation: the external id of the credential that was made beside the old one."""
    old_id: str = ""
    """The external id that is being retired, once the token's own is the new one."""
    proof: str = ""
    """By what its end was seen: ``relist``, ``introspect`` or ``probe``."""
    begun_at: datetime | None = Field(default=None, sa_column=Column(UTCDateTime, nullable=True))
    """When it first changed something at the issuing system: what the policy's cap counts."""
    offboarding_id: int | None = Field(
        default=None, sa_column=Column(BigInt, ForeignKey("offboarding.id"), index=True, nullable=True)
    )
    """The plan that it is part of, which was agreed to as a whole."""


class IssuerCall(SQLModel, table=True):
    """One call that changes something at an issuing system: written before it is made, ended after it. One without an
    end was cut short, and what it did has to be looked at."""

    __tablename__ = "issuer_call"

    id: int | None = Field(default=None, sa_column=Column(BigInt, primary_key=True))
    task_id: int = Field(sa_column=Column(BigInt, ForeignKey("remediation_task.id"), nullable=False, index=True))
    action: str
    """``disable``, ``enable``, ``revoke``, ``create`` or ``replace``."""
    external_id: str
    """The exact credential."""
    siblings: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    """Before a ``create``: the ids of the same holder's credentials."""
    intended_at: datetime = Field(sa_column=Column(UTCDateTime, nullable=False))
    ended_at: datetime | None = Field(default=None, sa_column=Column(UTCDateTime, nullable=True))
    outcome: str = ""
    """``accepted``, ``absent``, ``rejected``, ``not_done``, ``unclear``, or ``looked`` (cut short, and looked at)."""
    detail: str = Field(default="", sa_type=Text)
    """For an operator, without anything secret."""
    issuer_request_id: str = ""


class SeenToken(SQLModel, table=True):
    """What the last discovery saw of a token at its issuing system."""

    __tablename__ = "seen_token"

    token_id: int = Field(sa_column=Column(BigInt, ForeignKey("token.id"), primary_key=True, autoincrement=False))
    first_seen_at: datetime = Field(sa_column=Column(UTCDateTime, nullable=False))
    last_seen_at: datetime = Field(sa_column=Column(UTCDateTime, nullable=False))
    state: str = ""
    """``active``, ``disabled``, ``expired``, or ``gone``."""
    used_for: str = ""
    owner_hint: str = ""
    """Who may own it, in the issuing system's own words."""
    hint_person_id: int | None = Field(default=None, sa_column=Column(BigInt, ForeignKey("person.id"), nullable=True))
    """That hint as a person of the directory."""
    discovered: bool = False
    """True: the inventory did not have it before the issuing system was asked."""


class Offboarding(SQLModel, table=True):
    """One plan to end everything that a vendor and its children hold, or that carries a tag or serves a consumer."""

    __tablename__ = "offboarding"

    id: int | None = Field(default=None, sa_column=Column(BigInt, primary_key=True))
    kind: str
    """``vendor``, ``tag`` or ``consumer``."""
    subject: str
    """The vendor's name, the tag, the consumer."""
    vendor_id: int | None = Field(default=None, sa_column=Column(BigInt, ForeignKey("vendor.id"), nullable=True))
    cause: str
    """``asked``, ``contract_ended`` or ``status``."""
    state: str = "proposed"
    """``proposed`` (waits for the second person), ``running``, ``ended`` or ``called_off``."""
    version: int = 1
    requested_by_id: int | None = Field(default=None, sa_column=Column(BigInt, ForeignKey("person.id"), nullable=True))
    """Null: the contract's end or the vendor's status did."""
    requested_at: datetime = Field(sa_column=Column(UTCDateTime, nullable=False))
    begins_at: datetime | None = Field(default=None, sa_column=Column(UTCDateTime, nullable=True))
    """Where notice is given before: not earlier than this."""
    approved_by_id: int | None = Field(default=None, sa_column=Column(BigInt, ForeignKey("person.id"), nullable=True))
    approved_at: datetime | None = Field(default=None, sa_column=Column(UTCDateTime, nullable=True))
    ended_at: datetime | None = Field(default=None, sa_column=Column(UTCDateTime, nullable=True))
    report: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    """Once it has ended: how many came to which end."""


class OffboardingToken(SQLModel, table=True):
    """One token of a plan, and the request through which it is ended."""

    __tablename__ = "offboarding_token"
    __table_args__ = (UniqueConstraint("offboarding_id", "token_id"),)

    id: int | None = Field(default=None, sa_column=Column(BigInt, primary_key=True))
    offboarding_id: int = Field(sa_column=Column(BigInt, ForeignKey("offboarding.id"), nullable=False, index=True))
    token_id: int = Field(sa_column=Column(BigInt, ForeignKey("token.id"), nullable=False, index=True))
    request_id: int | None = Field(default=None, sa_column=Column(BigInt, ForeignKey("request.id"), nullable=True))
    """Null: not begun with yet."""


RUN, ISSUER_CALL, SEEN_TOKEN, OFFBOARDING, OFFBOARDING_TOKEN = (
    table_of(RemediationRun),
    table_of(IssuerCall),
    table_of(SeenToken),
    table_of(Offboarding),
    table_of(OffboardingToken),
)

_OPEN = text("state IN ('proposed', 'running')")
_ACTS = text("act_at IS NOT NULL")
_CUT_SHORT = text("ended_at IS NULL")

Index(
    "ux_offboarding_open",
    OFFBOARDING.c.kind,
    OFFBOARDING.c.subject,
    unique=True,
    postgresql_where=_OPEN,
    sqlite_where=_OPEN,
)
Index("ix_remediation_run_act_at", RUN.c.act_at, postgresql_where=_ACTS, sqlite_where=_ACTS)
Index("ix_issuer_call_open", ISSUER_CALL.c.task_id, postgresql_where=_CUT_SHORT, sqlite_where=_CUT_SHORT)
