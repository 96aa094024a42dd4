"""The clock's part: what nobody agreed to lapses, what is over ends by itself, and afterwards it is looked at."""

from __future__ import annotations

from typing import Final

from sqlalchemy import and_, or_, select

from bot.operations.context import Context
from bot.operations.emergency.authority import reviewer_of
from bot.operations.emergency.granting import finish
from bot.operations.emergency.grants import GrantCase, load_grant
from bot.rules.calendar import add_business
from bot.rules.durations import BusinessDuration
from bot.rules.emergency import GrantState
from storage.emergency import GRANT
from storage.ledger.log import lock

REVIEW_WITHIN: Final = BusinessDuration(2, "bd")
"""How long the look afterwards may be owed before the security channel is told."""


def look_after_grants(ctx: Context) -> int:
    """Do everything whose time has come; returns how much that was. At any time, and again; one transaction each.

    Raises:
        ExceptionGroup: something could not be done; everything else was.
    """
    done, faults = 0, []
    for grant_id in _due(ctx):
        try:
            done += _move_one(ctx, grant_id)
        except Exception as fault:  # noqa: BLE001 - raised below; a broken one must not keep every other one open
            fault.add_note(f"emergency access {grant_id} could not move on")
            faults.append(fault)
    if faults:
        raise ExceptionGroup("emergency access that could not move on", faults)
    return done


def _due(ctx: Context) -> list[int]:
    now = ctx.now()
    over = and_(GRANT.c.state.in_((GrantState.REQUESTED.value, GrantState.OPEN.value)), GRANT.c.ends_at <= now)
    with ctx.database.read() as session:
        query = select(GRANT.c.id).where(or_(over, GRANT.c.review_at <= now)).order_by(GRANT.c.id)
        return list(session.connection().execute(query).scalars())


def _move_one(ctx: Context, grant_id: int) -> bool:
    with ctx.database.write() as session:
        lock(session)
        case = load_grant(session, ctx, grant_id)
        if case is None:
            return False
        over, review_at = case.row.ends_at <= case.now, case.row.review_at
        match GrantState(case.row.state):
            case GrantState.REQUESTED if over:
                _lapse(case)
            case GrantState.OPEN if over:
                finish(case, ended_by=None)
            case GrantState.ENDED if review_at is not None and review_at <= case.now:
                _owe_review(case)
            case _:
                return False
    return True


def _lapse(case: GrantCase) -> None:
    """Nobody agreed in time, so that it never began."""
    case = case.change(state=GrantState.LAPSED.value, ended_at=case.row.ends_at)
    case.record("lapsed", effective_at=case.row.ends_at)
    case.tell([case.row.person_id, case.row.requested_by_id], "lapsed")


def _owe_review(case: GrantCase) -> None:
    """Ask for the look afterwards; where it stayed away, tell the security channel, and that is on record."""
    if case.row.review == "":
        reviewer = reviewer_of(case)
        again_at = add_business(case.now, REVIEW_WITHIN, case.people.working_time(reviewer))
        case.change(review="asked", reviewer_id=reviewer, review_at=again_at).tell([reviewer], "review")
        return
    silent = case.people.get(case.row.reviewer_id)
    case = case.change(review="overdue", review_at=None)
    case.record("unreviewed", details={"reviewer": "security_channel" if silent is None else silent.ref})
    case.tell([None], "overdue")
