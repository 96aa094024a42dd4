"""Who may propose a plan and who may agree to one, worked out at the click."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlmodel import Session

from bot.operations.context import Context
from bot.operations.directory import People
from bot.operations.standing import relationship_owners
from bot.rules.authority import Grant
from bot.rules.people import managers_of, stand_ins
from bot.rules.policy_parts import Role


@dataclass(frozen=True)
class Accountable:
    """Who answers for what a plan is about."""

    vendor_owner: int | None
    """The vendor's relationship owner, or its nearest parent's."""
    managers: tuple[int, ...]
    """Of the relationship owner, nearest first."""
    security: tuple[int, ...]


def accountable_for(session: Session, ctx: Context, people: People, vendor_id: int | None) -> Accountable:
    """Of today. For a tag or a consumer it is the security team alone."""
    owner = None if vendor_id is None else relationship_owners(session, {vendor_id}).get(vendor_id)
    managers = tuple(one.id for one in managers_of(owner, people)) if owner is not None else ()
    return Accountable(owner, managers, tuple(people.by_email(ctx.policy.people_in("security"))))


def may_propose(who: Accountable, ctx: Context, people: People, actor_id: int) -> Grant | None:
    """The relationship owner (or whoever stands in for them) and the security team; None: no authority."""
    return _holds(ctx, people, actor_id, [(Role.VENDOR_RELATIONSHIP_OWNER, _one(who.vendor_owner)), _security(who)])


def may_agree(who: Accountable, ctx: Context, people: People, actor_id: int, plan: Any) -> Grant | None:
    """The second person: never whoever asked for it."""
    if plan.requested_by_id == actor_id:
        return None
    roles = [
        (Role.VENDOR_RELATIONSHIP_OWNER, _one(who.vendor_owner)),
        (Role.MANAGER, who.managers),
        _security(who),
    ]
    return _holds(ctx, people, actor_id, roles)


def able_to_agree(who: Accountable, people: People, plan: Any) -> list[tuple[str, str]]:
    """(name, role) of everybody who may, for a refusal."""
    found: dict[int, Role] = {}
    for person_id in _one(who.vendor_owner):
        found.setdefault(person_id, Role.VENDOR_RELATIONSHIP_OWNER)
    for person_id in who.managers:
        found.setdefault(person_id, Role.MANAGER)
    for person_id in who.security:
        found.setdefault(person_id, Role.SECURITY)
    found.pop(plan.requested_by_id, None)
    return [(people.name_of(one), role.value) for one, role in found.items() if _is_active(people, one)]


def _holds(ctx: Context, people: People, actor_id: int, roles: Iterable[tuple[Role, tuple[int, ...]]]) -> Grant | None:
    actor = people.get(actor_id)
    if actor is None or not actor.active:
        return None
    for role, holders in roles:
        if actor_id in holders:
            return Grant(role, "offboarding")
        for holder_id in holders if ctx.policy.authority.delegates_may_decide else ():
            holder = people.get(holder_id)
            if holder is not None and holder.active and actor in stand_ins(holder, people):
                return Grant(role, "offboarding", delegated_from=holder_id)
    return None


def _one(person_id: int | None) -> tuple[int, ...]:
    return () if person_id is None else (person_id,)


def _security(who: Accountable) -> tuple[Role, tuple[int, ...]]:
    return Role.SECURITY, who.security


def _is_active(people: People, person_id: int) -> bool:
    person = people.get(person_id)
    return person is not None and person.active
