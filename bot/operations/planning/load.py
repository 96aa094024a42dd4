"""Reads what a plan begins with; nothing is written."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, or_, select
from sqlmodel import Session

from bot.operations.asking import CARD, Reader
from bot.operations.context import Context
from bot.operations.directory import People
from bot.operations.planning.post import Letter
from bot.operations.planning.question import AWAITED, Question, by_reader, role_at_work
from bot.operations.planning.roster import RosterOverTime
from bot.operations.planning.world import World
from bot.operations.shared_use import HOLDER
from bot.operations.standing import standings
from bot.operations.urgency import tokens_in_incidents
from bot.operations.users import shared_among, users_of
from bot.rules.attention import hears_at, start_of_day
from bot.rules.calendar import next_working
from bot.rules.due import Reason
from bot.rules.ladder import Told, next_step_at
from bot.rules.lifecycle import State
from bot.rules.policy import Policy, policy_from_json
from bot.rules.policy_parts import Rung
from bot.rules.standing import Standing
from storage.database import table_of
from storage.inventory import TOKEN
from storage.outbox import OUTBOX
from storage.outbox_enqueue import URGENT
from storage.requests import LADDER_STEP, OPEN_STATES, QUIET, REQUEST, PolicyVersion, RemediationTask
from storage.shared_use import USE

_DAY = timedelta(days=1)
_TASK, _VERSION = table_of(RemediationTask), table_of(PolicyVersion)


def load_world(session: Session, ctx: Context, start: datetime) -> World:
    """Everything that decides what happens from ``start`` on, as the database has it."""
    people = People(session, ctx, start)
    roster = RosterOverTime(session, people)

    def read_standings(token_ids: list[int]) -> Mapping[int, Standing]:
        return standings(session, ctx, people, token_ids)

    world = World(ctx.policy, roster, read_standings)
    world.users = _users_later(session, ctx, people, world)
    world.incidents = frozenset(tokens_in_incidents(session, ctx, None))
    world.questions = _questions(session, world)
    world.fired = _fired(session)
    world.letters = _letters(session, ctx, world, start)
    world.recent = _recent(session, ctx, world, start)
    world.given_today, world.first_day = _given(session, start)
    return world


def _questions(session: Session, world: World) -> list[Question]:
    policies = _policies(session)
    waiting, told_at = _waiting(session)
    users = _users_asked(session)
    work = {row.request_id: row for row in session.connection().execute(select(_TASK).where(_TASK.c.done_at.is_(None)))}
    query = select(REQUEST, TOKEN.c.expires_at).join(TOKEN, TOKEN.c.id == REQUEST.c.token_id)
    rows = session.connection().execute(query.where(REQUEST.c.state.in_(OPEN_STATES)).order_by(REQUEST.c.id)).all()
    held = world.standings([row.token_id for row in rows])
    found = [
        _question(row, policies[row.policy_hash], held[row.token_id], waiting[row.id], told_at, work.get(row.id), world)
        for row in rows
    ]
    for question, row in zip(found, rows, strict=True):
        if question.state in AWAITED:
            question.users = tuple(users[row.id])
            question.held = row.waiting_role == HOLDER
    return found


def _question(
    row: Any,
    policy: Policy,
    standing: Standing,
    waiting: list[Told],
    told_at: Mapping[tuple[int, Reader], datetime],
    task: Any,
    world: World,
) -> Question:
    tier = policy.tier_named(row.tier) or policy.tiers[-1]
    question = Question(
        token_id=row.token_id,
        tier=tier,
        ladder=policy.ladder_of(tier),
        standing=standing,
        expires_at=row.expires_at,
        opened_at=row.opened_at,
        due_at=row.due_at,
        reasons=sum(Reason[name.upper()] for name in row.reasons),
        step=row.step,
        next_at=row.next_step_at,
        reader=row.waiting_on_id,
        waiting=tuple(waiting),
        state=State(row.state),
    )
    if question.state is State.HANDOVER:
        question.waiting = (Told(Rung.OWNER, row.handover_to_id),)
    elif question.state is State.REMEDIATING and task is not None:
        question.reminded = task.remind_at is None
        told = [Told(role_at_work(task.assignee_id, standing), task.assignee_id)]
        if question.reminded or task.result == "failed":
            told.append(Told(Rung.SECURITY, None))
        question.waiting = tuple(told)
    moment = told_at.get((row.id, row.waiting_on_id))
    if question.state is State.OPEN and moment is not None and row.waiting_on_id is not None and question.next_at:
        # Whoever has moved to another calendar since still gets the working time that they were given.
        reader = row.waiting_on_id
        working, heard = world.roster.working_time(reader), hears_at(world.roster, reader, moment)
        question.next_at = max(question.next_at, next_step_at(row.step, question.ladder, tier.grace, heard, working))
    return question


def _policies(session: Session) -> dict[str, Policy]:
    wanted = select(REQUEST.c.policy_hash).where(REQUEST.c.state.in_(OPEN_STATES)).distinct()
    rows = session.connection().execute(select(_VERSION.c.hash, _VERSION.c.body).where(_VERSION.c.hash.in_(wanted)))
    return {row.hash: policy_from_json(row.body) for row in rows}


def _waiting(session: Session) -> tuple[dict[int, list[Told]], dict[tuple[int, Reader], datetime]]:
    """By request: who is waited for, in the order they were told; and when each was told."""
    query = (
        select(LADDER_STEP.c.request_id, LADDER_STEP.c.rung, LADDER_STEP.c.person_id, LADDER_STEP.c.told_at)
        .join(REQUEST, (REQUEST.c.id == LADDER_STEP.c.request_id) & (REQUEST.c.round == LADDER_STEP.c.round))
        .where(REQUEST.c.state == State.OPEN.value, LADDER_STEP.c.outcome == "waiting")
        .order_by(LADDER_STEP.c.id)
    )
    told: dict[int, list[Told]] = defaultdict(list)
    at: dict[tuple[int, Reader], datetime] = {}
    for request_id, rung, person_id, moment in session.connection().execute(query):
        told[request_id].append(Told(Rung(rung), person_id))
        at[request_id, person_id] = moment
    return told, at


def _users_asked(session: Session) -> dict[int, list[Told]]:
    """By request: the users of its token who are waited for."""
    found: dict[int, list[Told]] = defaultdict(list)
    waiting = select(USE.c.request_id, USE.c.asked_id).where(USE.c.outcome == "waiting").order_by(USE.c.id)
    for request_id, asked_id in session.connection().execute(waiting):
        found[request_id].append(Told(Rung.OWNER, asked_id))
    return found


def _users_later(
    session: Session, ctx: Context, people: People, world: World
) -> Callable[[list[int]], Mapping[int, tuple[Told, ...]]]:
    """Who will be asked for their own use; most inventories have few shared tokens, so that these are found once."""
    shared = shared_among(session, None)

    def users(token_ids: list[int]) -> Mapping[int, tuple[Told, ...]]:
        wanted = {one: shared[one] for one in token_ids if one in shared}
        found = users_of(session, ctx, people, wanted, world.roster)
        return {
            token_id: tuple(Told(Rung.OWNER, one.asked_id) for one in users if one.asked_id is not None)
            for token_id, users in found.items()
        }

    return users


def _fired(session: Session) -> set[tuple[int, int]]:
    query = (
        select(QUIET.c.token_id, QUIET.c.threshold_days)
        .join(TOKEN, (TOKEN.c.id == QUIET.c.token_id) & (TOKEN.c.expires_at == QUIET.c.about_at))
        .where(QUIET.c.reason == "expiring")
    )
    return {(row.token_id, row.threshold_days) for row in session.connection().execute(query)}


def _letters(session: Session, ctx: Context, world: World, start: datetime) -> list[Letter]:
    """Messages that wait; one whose time has passed goes out as soon as its reader works."""
    roles: dict[Reader, Rung] = {}
    for question in world.questions:
        for reader, rung in by_reader(question.waiting).items():
            roles.setdefault(reader, rung)
    found = []
    for row in session.connection().execute(_asks(ctx).where(OUTBOX.c.state.in_(("pending", "sending", "unknown")))):
        at = max(row.not_before, start)
        urgent = row.priority == URGENT
        if at > row.not_before and not (urgent and ctx.policy.urgent.ignore_working_hours):
            into = timedelta() if urgent else world.roster.into_the_day(row.person_id)
            at = next_working(at, world.roster.working_time(row.person_id), into)
        role = roles.get(row.person_id, Rung.SECURITY if row.person_id is None else Rung.OWNER)
        found.append(Letter(row.person_id, at, role, urgent))
    return found


def _recent(session: Session, ctx: Context, world: World, start: datetime) -> dict[Reader, list[datetime]]:
    found: dict[Reader, list[datetime]] = defaultdict(list)
    lately = _asks(ctx).where(OUTBOX.c.not_before >= start - _DAY, OUTBOX.c.state.in_(("sent", "dead")))
    for row in session.connection().execute(lately):
        found[row.person_id].append(row.not_before)
    for letter in world.letters:
        found[letter.reader].append(letter.at)
    return found


def _asks(ctx: Context) -> Any:
    columns = (OUTBOX.c.person_id, OUTBOX.c.not_before, OUTBOX.c.priority)
    to = or_(OUTBOX.c.person_id.is_not(None), OUTBOX.c.channel == ctx.policy.channels.security)
    return select(*columns).where(OUTBOX.c.card == CARD, OUTBOX.c.action == "post", OUTBOX.c.lane == ctx.lane, to)


def _given(session: Session, start: datetime) -> tuple[Counter[Reader], datetime | None]:
    """How many new questions each has had on the day of ``start``, settled ones among them, and the very first day."""
    first: datetime | None = session.connection().execute(select(func.min(REQUEST.c.opened_at))).scalar()
    query = select(REQUEST.c.waiting_on_id, func.count()).where(REQUEST.c.opened_at >= start_of_day(start))
    rows = session.connection().execute(query.group_by(REQUEST.c.waiting_on_id)).all()
    return Counter({row[0]: row[1] for row in rows}), None if first is None else start_of_day(first)
