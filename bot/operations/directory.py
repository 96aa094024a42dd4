"""The directory as the rules see it: people of the database as of one moment, read when first asked about."""

from __future__ import annotations

from collections.abc import Iterable
from copy import copy
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import String, and_, bindparam, exists, or_, select
from sqlmodel import Session

from bot.operations.context import Context
from bot.rules.attention import into_the_day
from bot.rules.calendar import WorkingTime
from bot.rules.people import PersonFacts
from storage.markers import was_synced
from storage.people import CHAT_IDENTITY, PERSON
from storage.prepared import Prepared, one_of

_COLUMNS = (
    PERSON.c.id,
    PERSON.c.ref,
    PERSON.c.name,
    PERSON.c.email,
    PERSON.c.active,
    PERSON.c.away_until,
    PERSON.c.delegate_id,
    PERSON.c.manager_id,
    PERSON.c.timezone,
    PERSON.c.country,
    PERSON.c.subdivision,
    PERSON.c.workweek,
)

# For the bind parameters platform, workspace and lane.
_HERE = exists().where(
    CHAT_IDENTITY.c.person_id == PERSON.c.id,
    CHAT_IDENTITY.c.platform == bindparam("platform"),
    or_(CHAT_IDENTITY.c.workspace == "", CHAT_IDENTITY.c.workspace == bindparam("workspace")),
)
_LIVE = _HERE.where(CHAT_IDENTITY.c.deactivated.is_(False))
# Before the directory was read once, nobody knows who has no account there.
_REACHABLE = or_(_LIVE, and_(~_HERE, ~was_synced(bindparam("lane", type_=String))))
_EVERYBODY = select(*_COLUMNS, _REACHABLE.label("has_account"))
_THESE = Prepared(lambda sqlite: _EVERYBODY.where(one_of(PERSON.c.id, "ids", sqlite=sqlite)))
_ADDRESSED = Prepared(
    lambda sqlite: select(PERSON.c.email, PERSON.c.id).where(one_of(PERSON.c.email, "emails", sqlite=sqlite))
)


class People:
    """People by id, as of ``moment``; implements :class:`bot.rules.people.Directory`."""

    def __init__(self, session: Session, ctx: Context, moment: datetime) -> None:
        self._session = session
        self._hours = ctx.policy.working_hours
        self._spread = ctx.policy.morning
        self._moment = moment
        self._known: dict[int, PersonFacts | None] = {}
        self._working: dict[tuple[str, ...], WorkingTime] = {}  # one object for all who share it
        self._here = {"platform": ctx.platform, "workspace": ctx.workspace, "lane": ctx.lane}

    @property
    def moment(self) -> datetime:
        return self._moment

    def get(self, person_id: int | None) -> PersonFacts | None:
        if person_id is None:
            return None
        if person_id not in self._known:
            self.read([person_id])
        return self._known[person_id]

    def read(self, person_ids: Iterable[int | None]) -> None:
        """Read those who will be asked for, and are not known yet, at once."""
        wanted = {one for one in person_ids if one is not None} - self._known.keys()
        if not wanted:
            return
        self._known.update(dict.fromkeys(wanted))
        for row in _THESE.all(self._session, **self._here, ids=list(wanted)):
            self._known[row.id] = self._facts(row)

    def within(self, session: Session) -> People:
        """The same people for another transaction: who is known already is not read again."""
        other = copy(self)
        other._session = session
        return other

    def load_all(self) -> None:
        """Read everybody at once: for work over many tokens."""
        for row in self._session.connection().execute(_EVERYBODY, self._here).all():
            self._known[row.id] = self._facts(row)

    def by_email(self, addresses: Iterable[str]) -> list[int]:
        """Ids of those of ``addresses`` (any case) that the directory knows, in their order."""
        wanted = [address.lower() for address in addresses]
        if not wanted:
            return []
        found = {row.email: row.id for row in _ADDRESSED.all(self._session, emails=wanted)}
        return [found[address] for address in wanted if address in found]

    def name_of(self, person_id: int | None) -> str:
        """The name to show, or the empty string for nobody."""
        person = self.get(person_id)
        return "" if person is None else person.name

    def working_time(self, person_id: int | None) -> WorkingTime:
        """A person's working time; the policy's own hours for a channel or an unknown person."""
        person = self.get(person_id)
        return self._hours.of_person() if person is None else person.working_time

    def into_the_day(self, person_id: int | None) -> timedelta:
        """How long after the opening of a working day routine messages may reach somebody."""
        return into_the_day(person_id, self._spread)

    def _facts(self, row: Any) -> PersonFacts:
        place = (row.timezone, row.country, row.subdivision, row.workweek)
        if place not in self._working:
            self._working[place] = self._hours.of_person(*place)
        working = self._working[place]
        return PersonFacts(
            id=row.id,
            ref=row.ref,
            name=row.name or row.email,
            email=row.email,
            active=row.active,
            away=row.away_until is not None and row.away_until > self._moment,
            away_until=row.away_until,
            delegate_id=row.delegate_id,
            manager_id=row.manager_id,
            has_account=bool(row.has_account),
            zone=working.timezone,
            working_time=working,
        )
