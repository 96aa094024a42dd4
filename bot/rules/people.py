"""What the rules know of a person, and who stands in for whom."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from bot.rules.calendar import WorkingTime

MAX_CHAIN = 20
"""How far a chain of managers or delegates is followed; longer is a loop in somebody's file."""


@dataclass(frozen=True, slots=True)
class PersonFacts:
    """A person at one moment. ``working_time`` has the policy's hours where the person's row says nothing."""

    id: int
    ref: str
    name: str
    email: str
    active: bool = True
    away: bool = False
    away_until: datetime | None = None
    """Until when they are away, or were; in UTC."""
    delegate_id: int | None = None
    manager_id: int | None = None
    has_account: bool = True
    """Whether the chat platform in use can reach them."""
    zone: str = "UTC"
    working_time: WorkingTime = field(default_factory=WorkingTime)


class Directory(Protocol):
    """Whoever is asked about by id, as of one moment."""

    @property
    def moment(self) -> datetime: ...

    def get(self, person_id: int | None) -> PersonFacts | None:
        """None: no such person."""
        ...


@dataclass(frozen=True, slots=True)
class Reached:
    """Somebody to tell. ``stands_in_for``: the holder of the rung, where a delegate or a manager's manager is told."""

    person_id: int | None
    """None: the security channel."""
    stands_in_for: int | None = None


@dataclass(frozen=True, slots=True)
class Unreachable:
    """Why nobody was told: ``missing``, ``left``, ``away`` or ``no_account``."""

    reason: str
    person_id: int | None = None


def reach(person_id: int | None, directory: Directory) -> Reached | Unreachable:
    """The person, or whoever they delegated to while away.

    Someone who has left, has no chat account, or is away without a delegate who can be asked, cannot be asked.
    """
    holder = directory.get(person_id)
    if holder is None:
        return Unreachable("missing", person_id)
    if not holder.active:
        return Unreachable("left", holder.id)
    if not holder.away:
        return Reached(holder.id) if holder.has_account else Unreachable("no_account", holder.id)
    for one in stand_ins(holder, directory):
        if not one.away:
            return Reached(one.id, holder.id) if one.has_account else Unreachable("away", holder.id)
    return Unreachable("away", holder.id)


def stand_ins(holder: PersonFacts, directory: Directory) -> list[PersonFacts]:
    """Who stands in for somebody now, nearest first: their delegate while they are away, that one's delegate where
    that one is away too, and so on. Ends at whoever is there, has left, or was passed before."""
    found: list[PersonFacts] = []
    seen = {holder.id}
    person = holder
    while person.away and person.delegate_id not in seen and len(found) < MAX_CHAIN:
        following = directory.get(person.delegate_id)
        if following is None or not following.active:
            break
        seen.add(following.id)
        found.append(following)
        person = following
    return found


def managers_of(person_id: int | None, directory: Directory) -> list[PersonFacts]:
    """The chain above somebody, nearest first, those who have left included. Ends at a loop."""
    chain: list[PersonFacts] = []
    seen = {person_id}
    person = directory.get(person_id)
    while person is not None and person.manager_id not in seen and len(chain) < MAX_CHAIN:
        seen.add(person.manager_id)
        person = directory.get(person.manager_id)
        if person is not None:
            chain.append(person)
    return chain
