"""The authority of somebody who was asked as a stand-in, once the person they stood in for is back.

What was asked stays with whoever has it until the question moves on; whoever is back can answer as well.
"""

from __future__ import annotations

from sqlalchemy import select

from bot.operations.case import Case
from bot.rules.authority import Act, Grant
from bot.rules.policy_parts import Rung
from bot.rules.standing import OFFICE
from storage.requests import LADDER_STEP


def authority_as_asked(case: Case, act: Act, person_id: int) -> Grant | None:
    """The office-holder's authority, used by the stand-in who is waited for.

    None: nobody asked them, the holder has left or holds the office no longer, or the policy lets no stand-in decide.
    """
    person = case.people.get(person_id)
    if person is None or not person.active or not case.ctx.policy.authority.delegates_may_decide:
        return None
    rungs = select(LADDER_STEP.c.rung).where(
        LADDER_STEP.c.request_id == case.request_id,
        LADDER_STEP.c.round == case.request.round,
        LADDER_STEP.c.outcome == "waiting",
        LADDER_STEP.c.why == "delegate",
        LADDER_STEP.c.person_id == person_id,
    )
    allowed = case.ctx.policy.authority.roles_for(act)
    for rung in case.session.connection().execute(rungs).scalars():
        role = OFFICE.get(Rung(rung))
        if role is None or role not in allowed:
            continue
        holder_id: int | None = getattr(case.standing, role.value)
        holder = case.people.get(holder_id)
        if holder is not None and holder.active:
            return Grant(role, f"authority.{act}", delegated_from=holder.id)
    return None
