"""A deadline is a moment, worked out when somebody is told. Should their calendar be another one when it comes (they
have moved to another zone or country, or work other days), they still get the working time that they were given: it may
move later, never earlier.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func, select

from bot.operations.asking import CARD
from bot.operations.case import Case
from bot.operations.telling import waiting_steps
from bot.rules.attention import hears_at
from bot.rules.ladder import answer_by, next_step_at
from bot.rules.lifecycle import State
from storage.outbox_letters import never_arrived
from storage.requests import DECISION


def grant_what_is_owed(case: Case) -> bool:
    """Let the request wait on where its reader's working time is not over; False: it is, or nobody is waited for.

    Both the next step and the day of the answer are worked out anew from the moment at which the reader was told.
    """
    reader = case.request.waiting_on_id
    told_at = _told_at(case)
    if reader is None or told_at is None or never_arrived(case.session, CARD, reader, told_at):
        return False
    working = case.people.working_time(reader)
    step = 0 if case.state is State.HANDOVER else case.request.step
    heard = hears_at(case.people, reader, told_at)
    owed = next_step_at(step, case.ladder, case.tier.grace, heard, working)
    if owed <= case.now:
        return False
    wanted = answer_by(heard, case.tier.grace, working, case.token.expires_at)
    case.change(next_step_at=owed, due_at=max(case.request.due_at, wanted))
    case.show()
    return True


def _told_at(case: Case) -> datetime | None:
    """When the reader of an open question was told; None: no time of theirs is running."""
    if case.state is State.OPEN:
        told = [one.told_at for one in waiting_steps(case) if one.person_id == case.request.waiting_on_id]
        return max(told, default=None)
    if case.state is State.HANDOVER:
        proposed = select(func.max(DECISION.c.decided_at)).where(DECISION.c.request_id == case.request_id)
        moment: datetime | None = case.session.connection().execute(proposed).scalar()
        return moment
    return None
