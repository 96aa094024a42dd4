"""Who may agree to emergency access, end it and look at it afterwards, worked out at the click.

Nobody decides about their own: neither whoever gets the access, nor whoever asked for it, nor somebody who only stands
in for one of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from bot.operations.asking import Reader
from bot.operations.emergency.grants import GrantCase
from bot.rules.authority import Grant, authority_for, who_can
from bot.rules.people import Reached, reach, stand_ins
from bot.rules.policy_parts import Role
from bot.rules.standing import holders

_ANSWER_FOR_IT: Final = tuple(Role)
_LOOKS_FIRST: Final = (Role.SERVICE_OWNER, Role.BUSINESS_OWNER, Role.VENDOR_RELATIONSHIP_OWNER, Role.BACKUP_OWNER)
_MOST_ASKED: Final = 3


def may_agree(case: GrantCase, actor_id: int) -> Grant | None:
    """The authority to agree, or to refuse; None: there is none."""
    if actor_id in _their_own(case):
        return None
    found = authority_for("approve", actor_id, case.standing, case.people, case.ctx.policy)
    return None if found is None or found.delegated_from in _their_own(case) else found


def able_to_agree(case: GrantCase) -> list[tuple[int, Role]]:
    """Everybody who may, in the policy's order."""
    found = who_can("approve", case.standing, case.people, case.ctx.policy)
    return [(person_id, role) for person_id, role in found if person_id not in _their_own(case)]


def asked_to_agree(case: GrantCase) -> list[Reader]:
    """Whom to ask: the nearest of those who may and can be reached, and always the security channel."""
    persons: list[Reader] = []
    for person_id, role in able_to_agree(case):
        found = reach(person_id, case.people)
        reader = found.person_id if isinstance(found, Reached) else None
        if role is not Role.SECURITY and reader is not None and reader not in (*_their_own(case), *persons):
            persons.append(reader)
    return [*persons[:_MOST_ASKED], None]


def may_hasten(case: GrantCase, actor_id: int) -> Grant | None:
    """The authority to have it begin before anybody has agreed: everybody who answers for the token."""
    return _holds(case, actor_id, _ANSWER_FOR_IT, "emergency.urgent")


def may_end(case: GrantCase, actor_id: int) -> Grant | None:
    """The authority to end it before its time."""
    return _holds(case, actor_id, _ANSWER_FOR_IT, "emergency.end")


def has_part(case: GrantCase, actor_id: int) -> bool:
    """Whether somebody has the access, asked for it or agreed to it: they may end it, too."""
    person = case.people.get(actor_id)
    part = (case.row.person_id, case.row.requested_by_id, case.row.approved_by_id)
    return person is not None and person.active and actor_id in part


def may_review(case: GrantCase, actor_id: int) -> Grant | None:
    """The authority to say afterwards what it was for: whoever answers for the token, never whoever had it. Once
    something was wrong, the security team's alone."""
    if actor_id == case.row.person_id:
        return None
    roles = (Role.SECURITY,) if case.row.review == "wrong" else _ANSWER_FOR_IT
    found = _holds(case, actor_id, roles, "emergency.review")
    return None if found is None or found.delegated_from == case.row.person_id else found


def able_to_review(case: GrantCase) -> list[tuple[int, Role]]:
    """Everybody who may, nearest first."""
    found: dict[int, Role] = {}
    for role in (Role.SECURITY,) if case.row.review == "wrong" else (*_LOOKS_FIRST, Role.MANAGER, Role.SECURITY):
        for person_id in holders(role, case.standing, case.people):
            found.setdefault(person_id, role)
    found.pop(case.row.person_id, None)
    return list(found.items())


def reviewer_of(case: GrantCase) -> Reader:
    """Who is asked afterwards: the first who answers for the token or its vendor and can be reached, but for whoever
    had the access; else the security channel."""
    for role in _LOOKS_FIRST:
        for person_id in holders(role, case.standing, case.people):
            found = reach(person_id, case.people)
            if person_id != case.row.person_id and isinstance(found, Reached) and found.person_id != case.row.person_id:
                return found.person_id
    return None


def _their_own(case: GrantCase) -> tuple[int, int]:
    return case.row.person_id, case.row.requested_by_id


def _holds(case: GrantCase, actor_id: int, roles: Iterable[Role], rule: str) -> Grant | None:
    actor = case.people.get(actor_id)
    if actor is None or not actor.active:
        return None
    for role in roles:
        in_office = holders(role, case.standing, case.people)
        if actor_id in in_office:
            return Grant(role, rule)
        for holder_id in in_office if case.ctx.policy.authority.delegates_may_decide else ():
            holder = case.people.get(holder_id)
            if holder is not None and actor in stand_ins(holder, case.people):
                return Grant(role, rule, delegated_from=holder_id)
    return None
