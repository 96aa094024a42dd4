"""Proposing a plan, agreeing to it, calling it off: two people, and each on record."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlmodel import Session

from bot.operations.context import Context
from bot.operations.directory import People
from bot.operations.offboarding.authority import Accountable, able_to_agree, accountable_for, may_agree, may_propose
from bot.operations.offboarding.members import Subject, member_ids, subject_of
from bot.operations.offboarding.plans import (
    change_plan,
    keep_plan,
    open_plan_of,
    plan_size,
    read_plan,
    record_plan,
    show_plan,
    tell_of_plan,
)
from bot.operations.secret_patterns import looks_like_secret
from messages.cards.facts import Refusal
from messages.cards.forms import MOST_REASON
from messages.wording import deciding
from storage.inventory import VENDOR
from storage.ledger.log import lock


@dataclass(frozen=True)
class Planned:
    """It was done and is committed. ``outcome``: ``proposed``, ``approved`` or ``called_off``."""

    outcome: str
    plan_id: int
    kind: str
    subject: str
    tokens: int


def propose(
    ctx: Context, subject: Subject, actor_id: int, *, reason: str = "", platform: str = ""
) -> Planned | Refusal:
    """Propose to end all that the subject stands for. Nothing happens before a second person agrees."""
    with ctx.database.write() as session:
        lock(session)
        people = People(session, ctx, ctx.now())
        who = accountable_for(session, ctx, people, subject.vendor_id)
        grant = may_propose(who, ctx, people, actor_id)
        if grant is None:
            return _no_authority(people, actor_id, subject.name, _proposers(who, people))
        if fault := _fault(reason):
            return Refusal("invalid", subject.name, detail=fault)
        under_way = open_plan_of(session, subject.kind, subject.name)
        if under_way is not None:
            return Planned("proposed", under_way.id, subject.kind, subject.name, len(member_ids(session, subject)))
        token_ids = member_ids(session, subject)
        if not token_ids:
            return Refusal("invalid", subject.name, detail=f"{subject.name} holds no token that still works.")
        plan = _keep(session, ctx, subject, token_ids, cause="asked", requested_by_id=actor_id)
        counts = {"tokens": len(token_ids)}
        record_plan(
            session, ctx, people, plan, "proposed",
            actor_id=actor_id, grant=grant, counts=counts, justification=reason, platform=platform,
        )  # fmt: skip
        tell_of_plan(session, ctx, people, plan.id, _readers(who, actor_id), about="proposed")
        return Planned("proposed", plan.id, subject.kind, subject.name, len(token_ids))


def propose_by_itself(session: Session, ctx: Context, subject: Subject, cause: str, begins_at: Any) -> None:
    """The contract ends, or the vendor's status says so: a plan is proposed, and one person has to agree."""
    token_ids = member_ids(session, subject)
    if not token_ids or open_plan_of(session, subject.kind, subject.name) is not None:
        return
    people = People(session, ctx, ctx.now())
    who = accountable_for(session, ctx, people, subject.vendor_id)
    plan = _keep(session, ctx, subject, token_ids, cause=cause, requested_by_id=None, begins_at=begins_at)
    record_plan(session, ctx, people, plan, "proposed", counts={"tokens": len(token_ids)})
    tell_of_plan(session, ctx, people, plan.id, _readers(who, None), about="proposed")


def agree(ctx: Context, plan_id: int, actor_id: int, *, version: int = 0, platform: str = "") -> Planned | Refusal:
    """The second person agrees to the whole plan."""
    with ctx.database.write() as session:
        found = _for_decision(session, ctx, plan_id, actor_id, version, ("proposed",))
        if isinstance(found, Refusal):
            return found
        plan, people, who = found
        grant = may_agree(who, ctx, people, actor_id, plan)
        if grant is None:
            return _no_authority(people, actor_id, plan.subject, able_to_agree(who, people, plan))
        now = ctx.now()
        change_plan(session, plan, state="running", approved_by_id=actor_id, approved_at=now)
        if plan.vendor_id is not None:
            vendors = subject_of(session, plan).vendor_ids
            leaving = VENDOR.update().where(VENDOR.c.id.in_(vendors), VENDOR.c.status == "active")
            session.connection().execute(leaving.values(status="offboarding", updated_at=now))
        record_plan(session, ctx, people, plan, "approved", actor_id=actor_id, grant=grant, platform=platform)
        show_plan(session, plan_id, now)
        return Planned("approved", plan_id, plan.kind, plan.subject, plan_size(session, plan_id))


def call_off(
    ctx: Context, plan_id: int, actor_id: int, *, reason: str, version: int = 0, platform: str = ""
) -> Planned | Refusal:
    """It is not to go on. What has begun by then goes its own way, and can be called off token by token."""
    with ctx.database.write() as session:
        found = _for_decision(session, ctx, plan_id, actor_id, version, ("proposed", "running"))
        if isinstance(found, Refusal):
            return found
        plan, people, who = found
        grant = may_agree(who, ctx, people, actor_id, plan) or may_propose(who, ctx, people, actor_id)
        if grant is None:
            return _no_authority(people, actor_id, plan.subject, able_to_agree(who, people, plan))
        fault = _fault(reason) or ("" if reason.strip() else deciding.REASON_NEEDED)
        if fault:
            return Refusal("invalid", plan.subject, detail=fault)
        now = ctx.now()
        change_plan(session, plan, state="called_off", ended_at=now)
        record_plan(
            session, ctx, people, plan, "called_off",
            actor_id=actor_id, grant=grant, justification=reason, platform=platform,
        )  # fmt: skip
        show_plan(session, plan_id, now)
        return Planned("called_off", plan_id, plan.kind, plan.subject, plan_size(session, plan_id))


# ------------------------------------------------------------------ shared


def _keep(session: Session, ctx: Context, subject: Subject, token_ids: list[int], **values: Any) -> Any:
    given = {"kind": subject.kind, "subject": subject.name, "vendor_id": subject.vendor_id, "state": "proposed"}
    plan_id = keep_plan(session, token_ids, **given, requested_at=ctx.now(), **values)
    return read_plan(session, plan_id)


def _for_decision(
    session: Session, ctx: Context, plan_id: int, actor_id: int, version: int, states: tuple[str, ...]
) -> tuple[Any, People, Accountable] | Refusal:
    lock(session)
    plan = read_plan(session, plan_id)
    people = People(session, ctx, ctx.now())
    actor = people.get(actor_id)
    if plan is None:
        return Refusal("not_found")
    if actor is None or not actor.active:
        return Refusal("unknown_person" if actor is None else "inactive", plan.subject)
    if plan.state not in states:
        return Refusal("not_offered", plan.subject)
    if version not in (0, plan.version):
        return Refusal("stale", plan.subject)
    return plan, people, accountable_for(session, ctx, people, plan.vendor_id)


def _readers(who: Accountable, actor_id: int | None) -> list[int | None]:
    """Whoever asked, the relationship owner, and the security team, which sees all plans."""
    return [*([actor_id] if actor_id is not None else []), *([who.vendor_owner] if who.vendor_owner else []), None]


def _proposers(who: Accountable, people: People) -> list[tuple[str, str]]:
    able = [] if who.vendor_owner is None else [(people.name_of(who.vendor_owner), "vendor_relationship_owner")]
    return able + [(people.name_of(one), "security") for one in who.security]


def _no_authority(people: People, actor_id: int, name: str, able: list[tuple[str, str]]) -> Refusal:
    if people.get(actor_id) is None:
        return Refusal("unknown_person", name)
    return Refusal("no_authority", name, who_can=able)


def _fault(text: str) -> str:
    if len(text) > MOST_REASON:
        return deciding.TOO_LONG.format(most=MOST_REASON)
    return deciding.LOOKS_LIKE_SECRET if looks_like_secret(text) is not None else ""
