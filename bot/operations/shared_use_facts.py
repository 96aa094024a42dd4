"""What cards and look-ups say of the users of a shared token."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy import exists, select
from sqlmodel import Session

from bot.operations.case import Case
from bot.operations.shared_use import held_by, is_held, question_of, questions
from bot.operations.users import uses_of
from messages.cards.facts import SharedUse
from storage.requests import LADDER_STEP, REQUEST
from storage.shared_use import USE


def use_facts(case: Case, reader: int | None) -> SharedUse | None:
    """What the users of a request's token say; None: it is no shared one."""
    rows = questions(case)
    if not rows:
        return None
    mine = None if reader is None else question_of(case, rows, reader)
    held = held_by(case) if is_held(case) else None
    for_another = mine is not None and mine.person_id != reader
    return SharedUse(
        users=[(case.people.name_of(row.person_id), row.outcome) for row in rows],
        mine="" if mine is None else mine.outcome,
        mine_for=case.people.name_of(mine.person_id) if mine is not None and for_another else "",
        attests=_is_asked_to_attest(case, reader),
        held_by="" if held is None else case.people.name_of(held.actor_id),
        held_at=None if held is None else held.decided_at,
        until=case.request.due_at,
    )


def users_at(
    session: Session, name_of: Callable[[int | None], str], token_id: int, at: datetime
) -> list[tuple[str, str]]:
    """The users of a token and what each had answered by a moment, to the newest request about it by then."""
    query = (
        select(REQUEST.c.id)
        .where(REQUEST.c.token_id == token_id, REQUEST.c.opened_at <= at)
        .where(exists().where(USE.c.request_id == REQUEST.c.id))
    )
    newest = session.connection().execute(query.order_by(REQUEST.c.opened_at.desc(), REQUEST.c.id.desc())).scalar()
    return [] if newest is None else [(name_of(row.person_id), _by(row, at)) for row in uses_of(session, newest)]


def _by(row: Any, at: datetime) -> str:
    return str(row.outcome) if row.ended_at is not None and row.ended_at <= at else "waiting"


def _is_asked_to_attest(case: Case, reader: int | None) -> bool:
    asked = select(LADDER_STEP.c.id).where(
        LADDER_STEP.c.request_id == case.request_id,
        LADDER_STEP.c.round == case.request.round,
        LADDER_STEP.c.outcome == "waiting",
        LADDER_STEP.c.person_id == reader,
    )
    return reader is not None and case.session.connection().execute(asked).first() is not None
