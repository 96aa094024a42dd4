"""Requests with everything that bears on them, for showing: several at once, and nothing held still."""

from __future__ import annotations

from collections.abc import Sequence

from sqlmodel import Session

from bot.operations.case import Case, case_of
from bot.operations.context import Context
from bot.operations.directory import People
from bot.operations.standing import standings
from storage.cases import read_cases


def load_cases(session: Session, ctx: Context, request_ids: Sequence[int]) -> list[Case]:
    """The cases of these requests, in their order; those that do not exist are left out. Not for deciding:
    ``bot/operations/case.py`` loads one with the ledger locked."""
    rows = {row.request.id: row for row in read_cases(session, request_ids)}
    people = People(session, ctx, ctx.now())
    standing = standings(session, ctx, people, [row.token.id for row in rows.values()])
    return [
        case_of(session, ctx, row, people, standing[row.token.id])
        for request_id in request_ids
        if (row := rows.get(request_id)) is not None
    ]
