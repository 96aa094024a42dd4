"""Everybody in the directory, over time: whoever is away comes back on the day they said."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlmodel import Session

from bot.operations.directory import People
from bot.rules.calendar import WorkingTime
from bot.rules.people import PersonFacts
from storage.people import PERSON


class RosterOverTime:
    """People by id as of ``moment``, which only moves forward; implements ``bot.operations.opening.Roster``."""

    def __init__(self, session: Session, people: People) -> None:
        """``people`` are read as of the moment to begin with."""
        people.load_all()
        ids = session.connection().execute(select(PERSON.c.id)).scalars()
        self._known = {one: person for one in ids if (person := people.get(one)) is not None}
        self._away = sorted(
            (person.away_until, person.id) for person in self._known.values() if person.away and person.away_until
        )
        self._channel = people.working_time(None)
        self._moment = people.moment
        self.into_the_day: Callable[[int | None], timedelta] = people.into_the_day

    @property
    def moment(self) -> datetime:
        return self._moment

    def get(self, person_id: int | None) -> PersonFacts | None:
        return None if person_id is None else self._known.get(person_id)

    def working_time(self, person_id: int | None) -> WorkingTime:
        person = self.get(person_id)
        return self._channel if person is None else person.working_time

    def move_to(self, moment: datetime) -> bool:
        """Move on; whether somebody has come back."""
        self._moment = moment
        back = 0
        while back < len(self._away) and self._away[back][0] <= moment:
            person_id = self._away[back][1]
            self._known[person_id] = replace(self._known[person_id], away=False)
            back += 1
        del self._away[:back]
        return back > 0
