"""What a card says of a plan, proposed or only looked at."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import select
from sqlmodel import Session

from bot.operations.context import Context
from bot.operations.directory import People
from bot.operations.offboarding.authority import accountable_for, may_agree, may_propose
from bot.operations.offboarding.members import Subject, member_ids, subject_of
from bot.operations.offboarding.plans import read_plan
from bot.operations.offboarding.progress import LEFT_OVER, UNDER_WAY, Member, counts, members
from bot.operations.token_facts import token_facts
from bot.rules.remediation import can_carry_out
from messages.action_ref import Verb
from messages.cards.facts import OffboardingFacts, PlanToken
from storage.inventory import VENDOR

MOST_TOKENS: Final = 50
_LATELY: Final = timedelta(days=30)
_FIRST: Final = (*LEFT_OVER, *UNDER_WAY, "gone", "confirmed")


def plan_facts(session: Session, ctx: Context, plan_id: int, reader: int | None) -> OffboardingFacts | None:
    """A plan as a reader sees it (None: the security channel, or the operator); None: there is no such plan."""
    plan = read_plan(session, plan_id)
    if plan is None:
        return None
    people = People(session, ctx, ctx.now())
    subject = subject_of(session, plan)
    return _facts(
        session,
        ctx,
        subject,
        members(session, plan_id),
        plan_id=plan.id,
        version=plan.version,
        subject=plan.subject,
        kind=plan.kind,
        state=plan.state,
        cause=plan.cause,
        requested_by=people.name_of(plan.requested_by_id),
        requested_at=plan.requested_at,
        approved_by=people.name_of(plan.approved_by_id),
        approved_at=plan.approved_at,
        begins_at=plan.begins_at,
        ended_at=plan.ended_at,
        offered=_offered(session, ctx, people, plan, reader),
        zone=people.working_time(reader).timezone,
    )


def draft_facts(session: Session, ctx: Context, subject: Subject, reader: int | None) -> OffboardingFacts:
    """What a plan about this would be: nothing is kept. ``reader`` None: the operator."""
    people = People(session, ctx, ctx.now())
    who = accountable_for(session, ctx, people, subject.vendor_id)
    may = reader is not None and may_propose(who, ctx, people, reader) is not None
    return _facts(
        session,
        ctx,
        subject,
        _as_members(session, ctx, member_ids(session, subject)),
        plan_id=0,
        version=0,
        subject=subject.name,
        kind=subject.kind,
        state="draft",
        cause="asked",
        offered=[Verb.OFFBOARD] if may and subject.vendor_id is not None else [],
        zone=people.working_time(reader).timezone,
    )


def _as_members(session: Session, ctx: Context, token_ids: list[int]) -> list[Member]:
    tokens = token_facts(session, ctx, token_ids)
    return [
        Member(
            one.token_id,
            None,
            one.name,
            one.issuing_system,
            next((name for _, name in one.owners), ""),
            one.environment,
            one.last_used_at,
            "waiting",
            "",
            "",
            "",
        )
        for one in (tokens[token_id] for token_id in token_ids)
    ]


def _facts(session: Session, ctx: Context, about: Subject, found: Sequence[Member], **given: Any) -> OffboardingFacts:
    systems = Counter(one.system for one in found)
    vendor = None if about.vendor_id is None else _vendor(session, about.vendor_id)
    contract_ends = None if vendor is None else vendor.contract_ends_at
    ordered = sorted(found, key=lambda one: (_FIRST.index(one.state), one.system, one.name))
    since = ctx.now() - _LATELY
    return OffboardingFacts(
        tokens=[_token(ctx, one) for one in ordered[:MOST_TOKENS]],
        counts=counts(list(found)),
        systems=[(name, number, _can_end(ctx, name)) for name, number in systems.most_common()],
        total=len(found),
        production=sum(one.environment in ("production", "") for one in found),
        used_lately=sum(one.last_used_at is not None and one.last_used_at >= since for one in found),
        children=_names(session, about.vendor_ids[1:]),
        vendor_id=about.vendor_id or 0,
        contract_ends_on=None if contract_ends is None else (contract_ends - timedelta(days=1)).date(),
        grace_days=ctx.policy.remediation.grace,
        act=ctx.policy.remediation.act,
        **given,
    )


def _token(ctx: Context, one: Member) -> PlanToken:
    return PlanToken(
        name=one.name,
        system=one.system,
        owner=one.owner,
        state=one.state,
        stage=one.stage,
        fault=one.fault,
        fault_detail=one.fault_detail,
        environment=one.environment,
        last_used_at=one.last_used_at,
        by_itself=_can_end(ctx, one.system),
    )


def _can_end(ctx: Context, system: str) -> bool:
    connector = ctx.connectors.get(system)
    return connector is not None and can_carry_out("revoke", connector.able)


def _offered(session: Session, ctx: Context, people: People, plan: Any, reader: int | None) -> list[Verb]:
    if plan.state not in ("proposed", "running"):
        return []
    if reader is None:
        # Where many read it, what the security team may do is shown; whether the one who clicks may is seen then.
        return [Verb.PLAN_APPROVE, Verb.PLAN_CALL_OFF] if plan.state == "proposed" else [Verb.PLAN_CALL_OFF]
    who = accountable_for(session, ctx, people, plan.vendor_id)
    agrees = may_agree(who, ctx, people, reader, plan) is not None
    calls_off = agrees or may_propose(who, ctx, people, reader) is not None
    offered = [Verb.PLAN_APPROVE] if agrees and plan.state == "proposed" else []
    return [*offered, Verb.PLAN_CALL_OFF] if calls_off else offered


def _vendor(session: Session, vendor_id: int) -> Any:
    return session.connection().execute(select(VENDOR).where(VENDOR.c.id == vendor_id)).one()


def _names(session: Session, vendor_ids: Sequence[int]) -> list[str]:
    if not vendor_ids:
        return []
    query = select(VENDOR.c.name).where(VENDOR.c.id.in_(vendor_ids)).order_by(VENDOR.c.name)
    return list(session.connection().execute(query).scalars())
