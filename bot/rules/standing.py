"""Who stands where towards one token at one moment: the roles behind both the ladder and the authority."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from bot.rules.people import Directory, PersonFacts, Reached, Unreachable, managers_of, reach
from bot.rules.policy_parts import Role, Rung


@dataclass(frozen=True, slots=True)
class Standing:
    """Holders by person id, as the inventory and the directory have them; who has left is still named here."""

    service_owner: int | None = None
    business_owner: int | None = None
    backup_owner: int | None = None
    vendor_relationship_owner: int | None = None
    security: tuple[int, ...] = ()
    """Those whom the policy lists under ``roles: security``."""

    @property
    def in_office(self) -> tuple[int | None, ...]:
        """Who holds the offices of the token and its vendor; ``None`` where nobody does."""
        return (self.service_owner, self.business_owner, self.backup_owner, self.vendor_relationship_owner)


OFFICE: Final = {
    Rung.OWNER: Role.SERVICE_OWNER,
    Rung.BUSINESS_OWNER: Role.BUSINESS_OWNER,
    Rung.BACKUP_OWNER: Role.BACKUP_OWNER,
    Rung.VENDOR_RELATIONSHIP_OWNER: Role.VENDOR_RELATIONSHIP_OWNER,
}
"""The role that a rung is about, where one person holds it."""


SUCCESSION: Final = (Rung.BACKUP_OWNER, Rung.MANAGER, Rung.VENDOR_RELATIONSHIP_OWNER)
"""Who is told in the place of somebody who has left, nearest first; after them the security channel."""


def holders(role: Role, standing: Standing, directory: Directory) -> list[int]:
    """Active people who hold ``role`` towards the token, nearest first."""
    if role is Role.SECURITY:
        candidates = list(standing.security)
    elif role is Role.MANAGER:
        candidates = [person.id for person in _managers(standing, directory)]
    else:
        holder: int | None = getattr(standing, role.value)
        candidates = [] if holder is None else [holder]
    return [one for one in candidates if (person := directory.get(one)) is not None and person.active]


def reach_rung(rung: Rung, standing: Standing, directory: Directory) -> Reached | Unreachable:
    """Whom to tell at a rung. The manager rung climbs past managers who cannot be reached.

    While whoever answers for the token is away, it begins above the person who stands in for them.
    """
    if rung is Rung.SECURITY:
        return Reached(None)
    if rung is not Rung.MANAGER:
        return reach(getattr(standing, OFFICE[rung].value), directory)
    first: Unreachable | None = None
    nearest: int | None = None
    for manager in _managers(standing, directory):
        nearest = manager.id if nearest is None else nearest
        found = reach(manager.id, directory)
        if isinstance(found, Reached):
            passed = found.stands_in_for or (nearest if nearest != manager.id else None)
            return Reached(found.person_id, passed)
        first = first or found
    return first or Unreachable("missing")


def succeed(standing: Standing, directory: Directory) -> tuple[Rung, Reached, list[tuple[Rung, Unreachable]]]:
    """Who comes after somebody who has left: the first of :data:`SUCCESSION` who can be told, else security's channel.

    Returns:
        The rung, who is told there, and who before them could not be told and why.
    """
    passed: list[tuple[Rung, Unreachable]] = []
    for rung in SUCCESSION:
        found = reach_rung(rung, standing, directory)
        if isinstance(found, Reached):
            return rung, found, passed
        passed.append((rung, found))
    return Rung.SECURITY, Reached(None), passed


def _managers(standing: Standing, directory: Directory) -> list[PersonFacts]:
    """The managers above the token, nearest first: a stand-in's own before those of the person they stand in for."""
    holder = _answerable(standing)
    found = reach(holder, directory)
    instead = found.person_id if isinstance(found, Reached) and found.stands_in_for is not None else None
    above = managers_of(instead, directory) if instead is not None else []
    chain = {one.id: one for one in [*above, *managers_of(holder, directory)]}
    return [one for one in chain.values() if one.id != holder]


def _answerable(standing: Standing) -> int | None:
    """Whose manager answers for the token: the service owner's (also of one who left), else the backup's."""
    return standing.service_owner or standing.backup_owner or standing.business_owner
