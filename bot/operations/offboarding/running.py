"""A plan's course, a turn at a time: begin with its tokens one by one, tell how far it has come, and see its end.

Each token is begun with in a transaction of its own, in which it is noted: a process that dies in the middle goes on
with the next one. What a token then goes through is the same as for any other revocation.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import or_, select, update
from sqlmodel import Session

from bot.operations.carrying_out.outcome import Outcome
from bot.operations.carrying_out.stages import reach
from bot.operations.case import Case, load_case
from bot.operations.commands import Command
from bot.operations.context import Context
from bot.operations.deciding import Actor
from bot.operations.decisions import revoke_in_plan
from bot.operations.directory import People
from bot.operations.offboarding.authority import accountable_for
from bot.operations.offboarding.members import subject_of, vendor_subject
from bot.operations.offboarding.plans import OPEN_STATES as OPEN_PLANS
from bot.operations.offboarding.plans import change_plan, read_plan, record_plan, show_plan, tell_of_plan
from bot.operations.offboarding.progress import LEFT_OVER, counts, is_over, members
from bot.operations.offboarding.proposing import propose_by_itself
from bot.operations.opening_one import open_request
from bot.rules.authority import Grant, authority_for
from bot.rules.lifecycle import State
from bot.rules.policy_parts import DecisionKind, Role
from bot.rules.remediation import Stage, Step
from messages.action_ref import Verb
from storage.inventory import TOKEN, VENDOR
from storage.ledger.log import lock
from storage.remediation import OFFBOARDING, OFFBOARDING_TOKEN
from storage.requests import OPEN_STATES, REQUEST

_MOST_A_TURN: Final = 200
"""Tokens of one plan that are begun with in one turn."""


def carry_plans(ctx: Context, *, stopping: Callable[[], bool] = lambda: False) -> int:
    """Propose what is due, go on with what was agreed to, end what is over; returns how many tokens were begun with.

    Everything is found in the database: it may be called at any time, and by several processes.
    """
    _drop_what_goes_on(ctx)
    _propose_what_ended(ctx)
    begun = 0
    for plan_id in _running(ctx):
        for token_id in _not_begun(ctx, plan_id):
            if stopping():
                return begun
            begun += _begin(ctx, plan_id, token_id)
        _look_after(ctx, plan_id)
    return begun


# ------------------------------------------------------------------ what proposes itself


def _propose_what_ended(ctx: Context) -> None:
    """Vendors whose contract ends within the policy's notice, or whose status says that they are leaving."""
    for vendor_id, cause, begins_at in _leaving(ctx):
        with ctx.database.write() as session:
            lock(session)
            propose_by_itself(session, ctx, vendor_subject(session, vendor_id), cause, begins_at)


def _drop_what_goes_on(ctx: Context) -> None:
    """A contract that was renewed after all: a plan that its end had caused, and that has not begun, is called off."""
    soon = ctx.now() + timedelta(days=ctx.policy.remediation.contract_notice)
    renewed = (
        select(OFFBOARDING.c.id)
        .join(VENDOR, VENDOR.c.id == OFFBOARDING.c.vendor_id)
        .where(OFFBOARDING.c.cause == "contract_ended", OFFBOARDING.c.state.in_(OPEN_PLANS))
        .where(or_(VENDOR.c.contract_ends_at.is_(None), VENDOR.c.contract_ends_at > soon))
    )
    with ctx.database.read() as session:
        plan_ids = list(session.connection().execute(renewed.order_by(OFFBOARDING.c.id)).scalars())
    for plan_id in plan_ids:
        with ctx.database.write() as session:
            lock(session)
            plan = read_plan(session, plan_id)
            begun = any(one.request_id is not None for one in members(session, plan_id))
            if plan is None or plan.state not in OPEN_PLANS or begun:
                continue
            now = ctx.now()
            change_plan(session, plan, state="called_off", ended_at=now)
            if plan.vendor_id is not None:
                stays = VENDOR.update().where(
                    VENDOR.c.id.in_(subject_of(session, plan).vendor_ids), VENDOR.c.status == "offboarding"
                )
                session.connection().execute(stays.values(status="active", updated_at=now))
            record_plan(session, ctx, People(session, ctx, now), plan, "called_off")
            show_plan(session, plan_id, now)


def _leaving(ctx: Context) -> list[tuple[int, str, Any]]:
    now = ctx.now()
    soon = now + timedelta(days=ctx.policy.remediation.contract_notice)
    query = select(VENDOR).where(
        or_(VENDOR.c.contract_ends_at <= soon, VENDOR.c.status.in_(("offboarding", "offboarded")))
    )
    with ctx.database.read() as session:
        connection = session.connection()
        rows = {row.id: row for row in connection.execute(query.order_by(VENDOR.c.id))}
        planned = list(connection.execute(select(OFFBOARDING).where(OFFBOARDING.c.vendor_id.is_not(None))))
        held = set(
            connection.execute(
                select(TOKEN.c.vendor_id).where(TOKEN.c.state == "active", TOKEN.c.vendor_id.is_not(None)).distinct()
            ).scalars()
        )
        found = []
        for row in rows.values():
            if row.parent_id in rows:
                continue  # its parent's plan is about it, too
            family = vendor_subject(session, row.id).vendor_ids
            if not held.intersection(family):
                continue
            by_status = row.status != "active"
            since = row.updated_at if by_status else row.contract_ends_at - (soon - now)
            if any(one.vendor_id in family and _answers(one, since) for one in planned):
                continue
            found.append((row.id, "status" if by_status else "contract_ended", row.contract_ends_at))
    return found


def _answers(plan: Any, since: Any) -> bool:
    """Whether a plan was about this very ending: it is under way, or somebody had to do with it since that came up. To
    agree to a plan changes the vendor's status, which is no reason for another one about what it left over."""
    moments = (plan.requested_at, plan.approved_at, plan.ended_at)
    return plan.state in ("proposed", "running") or any(at is not None and at >= since for at in moments)


# ------------------------------------------------------------------ beginning


def _running(ctx: Context) -> list[int]:
    now = ctx.now()
    begun = or_(OFFBOARDING.c.begins_at.is_(None), OFFBOARDING.c.begins_at <= now)
    query = select(OFFBOARDING.c.id).where(OFFBOARDING.c.state == "running", begun).order_by(OFFBOARDING.c.id)
    with ctx.database.read() as session:
        return list(session.connection().execute(query).scalars())


def _not_begun(ctx: Context, plan_id: int) -> list[int]:
    query = (
        select(OFFBOARDING_TOKEN.c.token_id)
        .join(TOKEN, TOKEN.c.id == OFFBOARDING_TOKEN.c.token_id)
        .where(OFFBOARDING_TOKEN.c.offboarding_id == plan_id, OFFBOARDING_TOKEN.c.request_id.is_(None))
        .where(TOKEN.c.state == "active")
        .order_by(OFFBOARDING_TOKEN.c.id)
        .limit(_MOST_A_TURN)
    )
    with ctx.database.read() as session:
        return list(session.connection().execute(query).scalars())


def _begin(ctx: Context, plan_id: int, token_id: int) -> bool:
    with ctx.database.write() as session:
        lock(session)
        plan = read_plan(session, plan_id)
        item = (OFFBOARDING_TOKEN.c.offboarding_id == plan_id, OFFBOARDING_TOKEN.c.token_id == token_id)
        noted = session.connection().scalar(select(OFFBOARDING_TOKEN.c.request_id).where(*item))
        if plan is None or plan.state != "running" or noted is not None:
            return False
        request_id = _open_request_of(session, token_id) or open_request(session, ctx, token_id, ["contract_ended"])
        if request_id is None:
            return False
        case = load_case(session, ctx, request_id)
        if case is None:
            raise LookupError(f"request {request_id} is gone")
        _end_token(case, plan)
        session.connection().execute(update(OFFBOARDING_TOKEN).where(*item).values(request_id=request_id))
    return True


def _open_request_of(session: Session, token_id: int) -> int | None:
    found: int | None = session.connection().scalar(
        select(REQUEST.c.id).where(REQUEST.c.token_id == token_id, REQUEST.c.state.in_(OPEN_STATES))
    )
    return found


def _end_token(case: Case, plan: Any) -> None:
    if case.state is State.REMEDIATING:
        _join(case, plan)
        return
    decider = plan.requested_by_id if plan.requested_by_id is not None else plan.approved_by_id
    person = case.people.get(decider)
    if person is None:
        raise LookupError(f"nobody has decided on plan {plan.id}")
    granted = authority_for(DecisionKind.REVOKE, person.id, case.standing, case.people, case.ctx.policy)
    grant = granted or Grant(Role.VENDOR_RELATIONSHIP_OWNER, "offboarding")
    command = Command(
        Verb.REVOKE,
        case.request_id,
        case.request.version,
        person.id,
        f"plan:{plan.id}:{case.token_id}",
        "system",
        justification=f"Part of the plan to end all access of {plan.subject}.",
    )
    revoke_in_plan(case, command, Actor(person, grant, case), plan.id)


def _join(case: Case, plan: Any) -> None:
    """It is being ended already: from now on as part of the plan, for which nobody else has to agree."""
    run = case.run
    if run is None or case.task is None or case.task.kind != "revoke":
        return
    case.change_run(offboarding_id=plan.id)
    if run.stage == Stage.NOTIFIED.value:
        case.change_run(approved_by_id=plan.approved_by_id, approved_at=plan.approved_at)
        reach(case, Stage.APPROVED, Outcome(Step.APPROVE))


# ------------------------------------------------------------------ how far it has come


def _look_after(ctx: Context, plan_id: int) -> None:
    with ctx.database.write() as session:
        lock(session)
        plan = read_plan(session, plan_id)
        if plan is None or plan.state != "running":
            return
        found = members(session, plan_id)
        now, progress = ctx.now(), counts(found)
        if is_over(found):
            _end(session, ctx, plan, progress, len(found))
        elif progress != plan.report.get("progress"):
            kept = update(OFFBOARDING).where(OFFBOARDING.c.id == plan_id)
            session.connection().execute(kept.values(report={"progress": progress}))
            show_plan(session, plan_id, now)


def _end(session: Session, ctx: Context, plan: Any, progress: dict[str, int], total: int) -> None:
    """Nothing goes on by itself any more: the report, with what is left over."""
    now = ctx.now()
    people = People(session, ctx, now)
    left = sum(progress.get(state, 0) for state in LEFT_OVER if state != "accepted_unverified")
    change_plan(session, plan, state="ended", ended_at=now, report={"progress": progress})
    if plan.vendor_id is not None and not left:
        vendors = subject_of(session, plan).vendor_ids
        gone = VENDOR.update().where(VENDOR.c.id.in_(vendors)).values(status="offboarded", updated_at=now)
        session.connection().execute(gone)
    record_plan(session, ctx, people, plan, "ended", counts={"tokens": total, **progress})
    show_plan(session, plan.id, now)
    who = accountable_for(session, ctx, people, plan.vendor_id)
    readers = [one for one in (plan.requested_by_id, plan.approved_by_id, who.vendor_owner) if one is not None]
    tell_of_plan(session, ctx, people, plan.id, [*readers, None], about="ended")
