"""What a message says now: facts for the cards, read from the database when they are needed and never kept.

One place turns rows into the facts of ``messages/cards/facts.py``, for messages, forms and lookups alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, or_, select
from sqlmodel import Session

from bot.operations.asking import CARD, Reader
from bot.operations.carrying_out.stages import WAITS
from bot.operations.case import Case
from bot.operations.climb_ladder import move_on_undelivered
from bot.operations.composing import request_facts
from bot.operations.context import Context
from bot.operations.delivery import Compose, Composed, OnRefused
from bot.operations.directory import People
from bot.operations.emergency.facts import grant_facts
from bot.operations.emergency.grants import CARD as EMERGENCY
from bot.operations.load_cases import load_cases
from bot.operations.lookups.reader import can_see, reader_of
from bot.operations.offboarding.facts import plan_facts
from bot.operations.offboarding.plans import CARD as PLAN
from bot.operations.token_facts import token_facts
from bot.operations.urgency import any_may_come_at_any_hour
from bot.operations.watch import CARD as TROUBLE
from bot.rules.attention import hears_at
from bot.rules.calendar import next_working
from bot.rules.lifecycle import AWAITED, State
from bot.rules.remediation import Stage
from messages.cards.ask import MOST_ROWS, ask
from messages.cards.checkpoint import checkpoint
from messages.cards.emergency import emergency
from messages.cards.facts import DigestFacts, RequestFacts
from messages.cards.offboarding import offboarding
from messages.cards.replaced import replaced
from messages.cards.trouble import trouble
from storage.database import table_of
from storage.outbox import POSTING_REQUEST, OutboxMessage
from storage.outbox_enqueue import URGENT
from storage.remediation import RUN
from storage.requests import LADDER_STEP, REQUEST, RemediationTask
from storage.shared_use import USE

__all__ = ["ask_for_person", "composer", "refusal_handler", "request_for_reader", "token_facts"]


def composer(ctx: Context) -> Compose:
    """Renders outbox rows for the delivery."""

    def compose(session: Session, row: OutboxMessage) -> Composed | None:
        if row.card == "checkpoint":
            return Composed(checkpoint(row.params["note"], row.params["size"]), [])
        if row.card == TROUBLE:
            return Composed(trouble(row.params["kind"], row.params["number"], row.params["about"]), [])
        if row.card == PLAN:
            return _plan(session, ctx, row)
        if row.card == EMERGENCY:
            return _emergency(session, ctx, row)
        if row.card != CARD:
            return Composed(replaced(), [])
        waiting = _waiting(session, row.person_id) if row.posting_id is None else []
        ids = waiting[:MOST_ROWS] if row.posting_id is None else _shown_in(session, row.posting_id)
        if not ids:
            return None
        return Composed(ask(_digest(session, ctx, row.person_id, ids)), ids, _wait_until(session, ctx, row, waiting))

    return compose


def _plan(session: Session, ctx: Context, row: OutboxMessage) -> Composed | None:
    facts = plan_facts(session, ctx, row.params["plan"], row.person_id)
    if facts is None:
        return None
    return Composed(offboarding(facts), [], _wait_until(session, ctx, row, []))


def _emergency(session: Session, ctx: Context, row: OutboxMessage) -> Composed | None:
    facts = grant_facts(session, ctx, row.params["grant"], row.person_id)
    if facts is None:
        return None
    # The security channel reads of an emergency at once; nobody in person is woken for it.
    wait = None if row.person_id is None else _wait_until(session, ctx, row, [])
    return Composed(emergency(facts), [], wait)


def _wait_until(session: Session, ctx: Context, row: OutboxMessage, waiting: Sequence[int]) -> datetime | None:
    """The reader's next working moment, for a message that would call for attention: a worker that was away for a
    while must not catch up at night, nor with everybody at the opening of the day. A posting that changes in place
    wakes nobody, and what the policy lets out at any hour need not wait."""
    now = ctx.now()
    if row.action != "post" or (row.priority == URGENT and any_may_come_at_any_hour(session, ctx, waiting, now)):
        return None
    people = People(session, ctx, now)
    if row.priority == URGENT:
        return next_working(now, people.working_time(row.person_id))
    return hears_at(people, row.person_id, now)


def refusal_handler(ctx: Context) -> OnRefused:
    """What happens when a message is given up: the record says so, and the ladder moves on."""

    def refused(session: Session, row: OutboxMessage, code: str) -> None:
        if row.card == CARD and row.action == "post":
            move_on_undelivered(session, ctx, row, code)

    return refused


def ask_for_person(session: Session, ctx: Context, person_id: Reader) -> DigestFacts:
    """Everything that waits for a reader (None: the security channel), most at risk first."""
    return _digest(session, ctx, person_id, _waiting(session, person_id)[:MOST_ROWS])


def request_for_reader(session: Session, ctx: Context, request_id: int, reader_id: int | None) -> RequestFacts | None:
    """One request as this reader sees it; None: there is none, as far as they are told. ``reader_id`` None: the
    operator, who sees all."""
    cases = load_cases(session, ctx, [request_id])
    if not cases:
        return None
    case = cases[0]
    if reader_id is not None and not _may_see(session, ctx, case, reader_id):
        return None
    return request_facts(case, reader_id, token_facts(session, ctx, [case.token_id])[case.token_id])


def _may_see(session: Session, ctx: Context, case: Case, reader_id: int) -> bool:
    if case.request.handover_to_id == reader_id or (case.task is not None and case.task.assignee_id == reader_id):
        return True
    return can_see(session, reader_of(session, ctx, reader_id), case.token_id)


def _digest(session: Session, ctx: Context, reader: Reader, ids: Sequence[int]) -> DigestFacts:
    people = People(session, ctx, ctx.now())
    cases = load_cases(session, ctx, ids)
    tokens = token_facts(session, ctx, [case.token_id for case in cases])
    person = people.get(reader)
    elsewhere = len(set(_waiting(session, reader)) - set(ids))
    return DigestFacts(
        name="" if person is None else person.name,
        requests=[request_facts(case, reader, tokens[case.token_id]) for case in cases],
        more=elsewhere,
        zone=people.working_time(reader).timezone,
    )


def _waiting(session: Session, reader: Reader) -> list[int]:
    """Ids of the requests that wait for a reader, most at risk first."""
    task = table_of(RemediationTask)
    told = exists().where(
        LADDER_STEP.c.request_id == REQUEST.c.id,
        LADDER_STEP.c.round == REQUEST.c.round,
        LADDER_STEP.c.outcome == "waiting",
        _is(LADDER_STEP.c.person_id, reader),
    )
    mine: ColumnElement[bool] = _is(task.c.assignee_id, reader)
    if reader is None:
        # Security also hears of work that failed or has been lying since the first reminder.
        mine = or_(mine, task.c.result == "failed", task.c.remind_at.is_(None))
    # While a connector is at it, nobody is waited for; what is disabled can be given back.
    goes_on = exists().where(RUN.c.task_id == task.c.id, RUN.c.stage.not_in(_WAITING_STAGES))
    work = exists().where(task.c.request_id == REQUEST.c.id, task.c.done_at.is_(None), mine, ~goes_on)
    waits: list[ColumnElement[bool]] = [
        and_(REQUEST.c.state == State.OPEN.value, told),
        and_(REQUEST.c.state == State.REMEDIATING.value, work),
    ]
    if reader is not None:
        asked = select(USE.c.request_id).where(USE.c.asked_id == reader, USE.c.outcome == "waiting")
        waits.append(and_(REQUEST.c.state.in_([one.value for one in AWAITED]), REQUEST.c.id.in_(asked)))
        waits.append(and_(REQUEST.c.state == State.HANDOVER.value, REQUEST.c.handover_to_id == reader))
    query = select(REQUEST.c.id).where(or_(*waits))
    query = query.order_by(REQUEST.c.risk.desc(), REQUEST.c.due_at, REQUEST.c.id)
    return list(session.connection().execute(query).scalars())


_WAITING_STAGES = [one.value for one in (*WAITS, Stage.DISABLED)]


def _is(column: ColumnElement[Any], reader: Reader) -> ColumnElement[bool]:
    return column.is_(None) if reader is None else column == reader


def _shown_in(session: Session, posting_id: int) -> list[int]:
    query = (
        select(REQUEST.c.id)
        .join(POSTING_REQUEST, POSTING_REQUEST.c.request_id == REQUEST.c.id)
        .where(POSTING_REQUEST.c.posting_id == posting_id)
        .order_by(REQUEST.c.risk.desc(), REQUEST.c.due_at, REQUEST.c.id)
    )
    return list(session.connection().execute(query).scalars())
