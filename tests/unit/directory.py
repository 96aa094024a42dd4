"""A directory of people for tests of the rules: made from a few words a person."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from bot.rules.people import PersonFacts

MOMENT = datetime(2026, 1, 5, 9, 30, tzinfo=UTC)


@dataclass
class Everybody:
    """People by name; ids are given in the order of their coming, from 1. Implements ``bot.rules.people.Directory``."""

    moment: datetime = MOMENT
    people: dict[int, PersonFacts] = field(default_factory=dict)
    ids: dict[str, int] = field(default_factory=dict)

    def add(self, name: str, *, manager: str = "", delegate: str = "", **facts: Any) -> int:
        """``manager`` and ``delegate`` may be named before they are added."""
        own = self._id(name)
        above, instead = (self._id(other) if other else None for other in (manager, delegate))
        facts = {"away": bool(delegate), "manager_id": above, "delegate_id": instead} | facts
        self.people[own] = PersonFacts(own, f"p_{own}", name.title(), f"{name}@example.com", **facts)
        return own

    def get(self, person_id: int | None) -> PersonFacts | None:
        return self.people.get(person_id or 0)

    def _id(self, name: str) -> int:
        return self.ids.setdefault(name, len(self.ids) + 1)


def office() -> Everybody:
    """Ana, her managers Ben and Mia, Omar and Vera beside her, Sam of security, Leo who has left."""
    everybody = Everybody()
    everybody.add("ana", manager="ben")
    everybody.add("ben", manager="mia")
    everybody.add("mia")
    everybody.add("omar", manager="ben")
    everybody.add("vera", manager="mia")
    everybody.add("sam")
    everybody.add("leo", manager="ben", active=False)
    return everybody
