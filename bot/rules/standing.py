"""Who stands where towards one token at one moment: the roles behind both the ladder and the authority."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from bot.rules.people import Directory, Reached, Unreachable, managers_of, reach
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


_OFFICE: Final = {
    Rung.OWNER: Role.SERVICE_OWNER,
    Rung.BUSINESS_OWNER: Role.BUSINESS_OWNER,
    Rung.BACKUP_OWNER: Role.BACKUP_OWNER,
    Rung.VENDOR_RELATIONSHIP_OWNER: Role.VENDOR_RELATIONSHIP_OWNER,
}


def holders(role: Role, standing: Standing, directory: Directory) -> list[int]:
    """Active people who hold ``role`` towards the token, nearest first."""
    if role is Role.SECURITY:
        candidates = list(standing.security)
    elif role is Role.MANAGER:
        candidates = [person.id for person in managers_of(_answerable(standing), directory)]
    else:
        holder: int | None = getattr(standing, role.value)
        candidates = [] if holder is None else [holder]
    return [one for one in candidates if (person := directory.get(one)) is not None and person.active]


def reach_rung(rung: Rung, standing: Standing, directory: Directory) -> Reached | Unreachable:
    """Whom to tell at a rung. The manager rung climbs past managers who cannot be reached."""
    if rung is Rung.SECURITY:
        return Reached(None)
    if rung is not Rung.MANAGER:
        return reach(getattr(standing, _OFFICE[rung].value), directory)
    first: Unreachable | None = None
    nearest: int | None = None
    for manager in managers_of(_answerable(standing), directory):
        nearest = manager.id if nearest is None else nearest
        found = reach(manager.id, directory)
        if isinstance(found, Reached):
            passed = found.stands_in_for or (nearest if nearest != manager.id else None)
            return Reached(found.person_id, passed)
        first = first or found
    return first or Unreachable("missing")


def _answerable(standing: Standing) -> int | None:
    """Whose manager answers for the token: the service owner's (also of one who left), else the backup's."""
    return standing.service_owner or standing.backup_owner or standing.business_owner
