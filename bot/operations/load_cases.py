"""Requests with everything that bears on them, for showing: several at once, and nothing held still."""

from __future__ import annotations

from collections.abc import Sequence

from sqlmodel import Session, select

from bot.operations.case import Case, frozen_policy
from bot.operations.context import Context
from bot.operations.directory import People
from bot.operations.standing import standings
from storage.database import table_of
from storage.inventory import TOKEN, Token
from storage.requests import REQUEST, AttestationRequest, RemediationTask

_TASK = table_of(RemediationTask)


def load_cases(session: Session, ctx: Context, request_ids: Sequence[int]) -> list[Case]:
    """The cases of these requests, in their order; those that do not exist are left out. Not for deciding:
    ``bot/operations/case.py`` loads one with the ledger locked."""
    requests = {
        one.id: one for one in session.exec(select(AttestationRequest).where(REQUEST.c.id.in_(list(request_ids))))
    }
    token_ids = [one.token_id for one in requests.values()]
    tokens = {one.id: one for one in session.exec(select(Token).where(TOKEN.c.id.in_(token_ids)))}
    tasks = session.exec(select(RemediationTask).where(_TASK.c.request_id.in_(list(request_ids))))
    task_of = {task.request_id: task for task in tasks}
    people = People(session, ctx, ctx.now())
    standing = standings(session, ctx, people, token_ids)
    return [
        Case(
            session=session,
            ctx=ctx,
            now=people.moment,
            request=request,
            token=tokens[request.token_id],
            policy=frozen_policy(session, request.policy_hash),
            people=people,
            standing=standing[request.token_id],
            task=task_of.get(request_id),
        )
        for request_id in request_ids
        if (request := requests.get(request_id)) is not None
    ]
