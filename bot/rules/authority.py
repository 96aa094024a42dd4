"""Who may decide what about a token, worked out at the click and from nothing that the click carried."""

from __future__ import annotations

from dataclasses import dataclass

from bot.rules.people import Directory, stand_ins
from bot.rules.policy import Policy
from bot.rules.policy_parts import Act as Act
from bot.rules.policy_parts import Role
from bot.rules.standing import Standing, holders


@dataclass(frozen=True, slots=True)
class Grant:
    """The authority somebody has: the role that gives it and, for a delegate, whose it is."""

    role: Role
    rule: str
    """The policy's line that says so, ``authority.revoke``."""
    delegated_from: int | None = None


def authority_for(act: Act, actor_id: int, standing: Standing, directory: Directory, policy: Policy) -> Grant | None:
    """The first role of the policy's list that the actor holds, in person or as the delegate of someone away.

    None: no authority. Someone who has left holds no role.
    """
    actor = directory.get(actor_id)
    if actor is None or not actor.active:
        return None
    rule = f"authority.{act}"
    for role in policy.authority.roles_for(act):
        in_office = holders(role, standing, directory)
        if actor_id in in_office:
            return Grant(role, rule)
        if policy.authority.delegates_may_decide:
            for holder_id in in_office:
                holder = directory.get(holder_id)
                if holder is not None and actor in stand_ins(holder, directory):
                    return Grant(role, rule, delegated_from=holder_id)
    return None


def who_can(act: Act, standing: Standing, directory: Directory, policy: Policy) -> list[tuple[int, Role]]:
    """Everyone who may decide this, each once, in the policy's order: what a refusal tells the reader."""
    found: dict[int, Role] = {}
    for role in policy.authority.roles_for(act):
        for person_id in holders(role, standing, directory):
            found.setdefault(person_id, role)
    return list(found.items())
