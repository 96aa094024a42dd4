"""Who is given a piece of work, and who is asked to agree to one."""

from __future__ import annotations

from typing import Final

from bot.operations.asking import Reader
from bot.operations.case import Case
from bot.rules.authority import who_can
from bot.rules.durations import BusinessDuration
from bot.rules.people import Directory, Reached, reach
from bot.rules.policy_parts import Role, Rung
from bot.rules.standing import Standing, reach_rung

REMIND_AFTER: Final = BusinessDuration(2, "bd")
"""How long work may lie with somebody before they are reminded."""
_BY_HAND: Final = (Rung.OWNER, Rung.BACKUP_OWNER, Rung.BUSINESS_OWNER)


def carried_out_by(standing: Standing, directory: Directory, decided_by: int | None) -> Reader:
    """Who is given the work: the decider if they own the token, else the owner or backup who can be reached, else the
    decider, else (nobody decided, the policy did) the security channel."""
    if decided_by is not None and decided_by in (standing.service_owner, standing.backup_owner):
        return decided_by
    for rung in _BY_HAND:
        found = reach_rung(rung, standing, directory)
        if isinstance(found, Reached):
            return found.person_id
    return decided_by


def second_person(case: Case, requester: int | None) -> Reader:
    """Who is asked to agree: the first in the policy's order who can be reached and did not ask for it; where only the
    security team is left, its channel."""
    for person_id, role in who_can("approve", case.standing, case.people, case.ctx.policy):
        if role is Role.SECURITY:
            return None
        found = reach(person_id, case.people)
        if isinstance(found, Reached) and found.person_id != requester:
            return found.person_id
    return None
