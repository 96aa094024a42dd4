"""Rows in bulk: as the driver takes them, on both databases, with the errors and the values of everything else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from storage.database import Database, Moments, among, insert_rows
from storage.people import PERSON

NOW = datetime(2026, 11, 23, 9, 30, 0, 123456, tzinfo=UTC)
COLUMNS = ("id", "ref", "email", "name", "timezone", "country", "subdivision", "workweek", "active", "by_mention")


def person(number: int, at: object, **more: object) -> tuple[object, ...]:
    row = {"id": number, "ref": f"p_{number}", "email": f"{number}@example.com", "name": "O'Hara\t\\N\n😀"} | more
    return (*row.values(), "", "", "", "", True, False, at, at)


def write(database: Database, *rows: tuple[object, ...], tail: str = "") -> int:
    with database.write() as session:
        names = (*COLUMNS, "created_at", "updated_at")
        return insert_rows(session, PERSON, rows, columns=names, tail=tail)


def moment(database: Database, at: datetime) -> object:
    with database.read() as session:
        return Moments(session)(at)


def test_values_come_back_as_they_went_in(database: Database) -> None:
    berlin = NOW.astimezone(timezone(timedelta(hours=1)))
    assert write(database, person(1, moment(database, NOW)), person(2, moment(database, berlin))) == 2
    with database.read() as session:
        rows = session.connection().execute(select(PERSON).order_by(PERSON.c.id)).all()
    assert [row.created_at for row in rows] == [NOW, NOW]
    assert {row.name for row in rows} == {"O'Hara\t\\N\n😀"}
    assert [row.active for row in rows] == [True, True]
    assert rows[0].manager_id is None


def test_a_broken_rule_is_an_error_and_nothing_is_written(database: Database) -> None:
    at = moment(database, NOW)
    with pytest.raises(IntegrityError):
        write(database, person(1, at), person(2, at, email="1@example.com"))
    with database.read() as session:
        assert session.connection().execute(select(PERSON.c.id)).all() == []


def test_with_a_tail_what_is_there_already_is_left_out_and_not_counted(database: Database) -> None:
    at = moment(database, NOW)
    write(database, person(1, at))
    assert write(database, person(1, at), person(2, at), tail="ON CONFLICT DO NOTHING") == 1
    assert write(database) == 0


def test_any_number_of_ids_fit_into_one_condition(database: Database) -> None:
    at = moment(database, NOW)
    write(database, person(1, at), person(2, at), person(3, at))
    with database.read() as session:
        for ids, found in ((range(2, 70_000), [2, 3]), ([], []), ([1, 1, -5], [1])):
            query = select(PERSON.c.id).where(among(session, PERSON.c.id, ids)).order_by(PERSON.c.id)
            assert session.connection().execute(query).scalars().all() == found
