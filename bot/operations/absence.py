"""Somebody goes away, or is back: noted in the directory and on record. What is open moves at the next climb."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time

from sqlalchemy import update
from sqlmodel import Session

from bot.errors import WhoseError
from bot.operations.context import Context
from bot.operations.directory import People
from bot.operations.named import person_named
from bot.operations.records import names_of
from bot.rules.calendar import zone_of
from bot.rules.people import PersonFacts, Reached, reach
from storage.ledger.log import append, lock
from storage.ledger.record import Entry, RecordKind, to_ms
from storage.people import PERSON


class AbsenceError(WhoseError):
    """An absence that cannot be; the text says what to write instead."""


@dataclass(frozen=True)
class Absence:
    """What holds from now on.

    Attributes:
        until: None: they are there.
        asked_instead: the name of who is asked in their place now; empty: nobody can be, and the ladder goes on.
        zone: theirs.
    """

    name: str
    until: datetime | None
    asked_instead: str
    zone: str


def go_away(ctx: Context, who: str, until: datetime, *, whole_day: bool, delegate: str) -> Absence:
    """Somebody is away from now on, and somebody else stands in for them.

    Args:
        who: their e-mail address.
        until: when they are back.
        whole_day: only the day of ``until`` counts: they are back at the first moment of it in their own zone.
        delegate: the e-mail address of who stands in.

    Raises:
        NotFoundError: nobody has one of the addresses.
        AbsenceError: they have left, it would be over already, or nobody can stand in like that.
    """
    with ctx.database.write() as session:
        lock(session)
        people = People(session, ctx, ctx.now())
        person, instead = _known(people, session, who), _known(people, session, delegate)
        if whole_day:
            until = datetime.combine(until.date(), time(), tzinfo=zone_of(person.zone)).astimezone(UTC)
        _check(person, instead, until, people.moment)
        _write(session, ctx, person, until, instead)
        people = People(session, ctx, people.moment)
        found = reach(person.id, people)
        asked = people.name_of(found.person_id) if isinstance(found, Reached) else ""
        return Absence(person.name, until, asked, person.zone)


def come_back(ctx: Context, who: str) -> Absence:
    """Somebody is there again. Who stands in for them stays noted for the next time.

    Raises:
        NotFoundError: nobody has that address.
        AbsenceError: they are not away.
    """
    with ctx.database.write() as session:
        lock(session)
        people = People(session, ctx, ctx.now())
        person = _known(people, session, who)
        if not person.away:
            raise AbsenceError(f"{person.name} is not away. Nothing was changed.")
        _write(session, ctx, person, None, people.get(person.delegate_id))
        return Absence(person.name, None, "", person.zone)


def _known(people: People, session: Session, email: str) -> PersonFacts:
    person = people.get(person_named(session, email))
    if person is None:
        raise LookupError("a person that was just found is gone")
    return person


def _check(person: PersonFacts, instead: PersonFacts, until: datetime, now: datetime) -> None:
    if not person.active:
        raise AbsenceError(f"{person.name} has left; whoever comes after them is asked already.")
    if until <= now:
        raise AbsenceError(f"That would be over already, at {until:%Y-%m-%d %H:%M} UTC. Name a later day.")
    if instead.id == person.id:
        raise AbsenceError("Nobody stands in for themselves. Name somebody else.")
    if not instead.active:
        raise AbsenceError(f"{instead.name} has left and cannot stand in. Name somebody else.")


def _write(
    session: Session, ctx: Context, person: PersonFacts, until: datetime | None, instead: PersonFacts | None
) -> None:
    """``until`` None: they are back."""
    now, reason = ctx.now(), "back" if until is None else "away"
    values = {"away_until": until, "delegate_id": None if instead is None else instead.id, "updated_at": now}
    session.connection().execute(update(PERSON).where(PERSON.c.id == person.id).values(values))
    details = {
        "person": person.ref,
        "until": None if until is None else to_ms(until),
        "stand_in": None if instead is None or until is None else instead.ref,
    }
    names = names_of([person.id, None if instead is None else instead.id], People(session, ctx, now))
    append(session, [Entry(RecordKind.PERSON_AWAY, reason, details=details, disclosures=names)], ctx.now)
