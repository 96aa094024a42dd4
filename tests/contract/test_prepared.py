"""Statements put together once: the values, rows and errors of SQLAlchemy's own way, on both databases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import bindparam, select, update
from sqlalchemy.exc import IntegrityError

from storage.database import Database
from storage.outbox import POSTING
from storage.people import CHAT_IDENTITY, PERSON
from storage.prepared import Prepared, insert_into, one_of

NOW = datetime(2026, 11, 23, 9, 30, 0, 123456, tzinfo=UTC)
ADD = Prepared(insert_into(PERSON))
ADD_POSTING = Prepared(insert_into(POSTING))
ADD_ACCOUNT = Prepared(insert_into(CHAT_IDENTITY))
RENAME = Prepared(update(PERSON).where(PERSON.c.email == bindparam("of")).values(name=bindparam("new")))
ALL = Prepared(select(PERSON).order_by(PERSON.c.id))
THESE = Prepared(
    lambda sqlite: select(PERSON.c.id).where(one_of(PERSON.c.id, "ids", sqlite=sqlite)).order_by(PERSON.c.id)
)


def person(number: int, **more: object) -> dict[str, object]:
    row: dict[str, object] = {column.name: None for column in PERSON.c if column.nullable}
    row |= {"ref": f"p_{number}", "email": f"{number}@example.com", "name": "O'Hara\t:x %s ?\n😀", "active": True}
    row |= {"timezone": "", "country": "", "subdivision": "", "workweek": "", "by_mention": False}
    return row | {"created_at": NOW, "updated_at": NOW} | more


def test_rows_are_those_of_sqlalchemy(database: Database) -> None:
    berlin = NOW.astimezone(timezone(timedelta(hours=1)))
    with database.write() as session:
        assert ADD.run(session, **person(1, created_at=berlin)) == 1
        assert ADD.run(session, **person(2, active=False, away_until=NOW)) == 1
    with database.read() as session:
        ours = ALL.all(session)
        theirs = session.connection().execute(select(PERSON).order_by(PERSON.c.id)).all()
        assert [one._asdict() for one in ours] == [one._asdict() for one in theirs]
        first = ALL.first(session)
    assert ALL.look(database) == ours
    assert first is not None
    assert (first.created_at, first.active, first.away_until) == (NOW, True, None)


def test_json_goes_in_and_comes_out(database: Database) -> None:
    facts = {"note": "ü", "size": 3, "list": [1, None]}
    given: dict[str, object] = {column.name: None for column in POSTING.c if not column.primary_key}
    given |= {"lane": "slack:T1", "channel": "C1", "message_id": "1.1", "card": "ask"}
    with database.write() as session:
        ADD_POSTING.run(session, **{**given, "params": facts, "posted_at": NOW})
        found = Prepared(select(POSTING.c.params)).first(session)
    assert found is not None
    assert found.params == facts


def test_how_many_rows_were_changed(database: Database) -> None:
    with database.write() as session:
        ADD.run(session, **person(1))
        assert RENAME.run(session, of="1@example.com", new="Ana") == 1
        assert RENAME.run(session, of="2@example.com", new="Ana") == 0
        assert Prepared(select(PERSON.c.name)).all(session) == [("Ana",)]


@pytest.mark.parametrize(("wanted", "found"), [([], []), ([2], [2]), ([3, 1, 7], [1, 3])])
def test_any_number_of_ids(database: Database, wanted: list[int], found: list[int]) -> None:
    with database.write() as session:
        for number in (1, 2, 3):
            ADD.run(session, **person(number))
        assert [row.id for row in THESE.all(session, ids=wanted)] == found


def test_a_broken_rule_is_sqlalchemys_error_without_the_values(database: Database) -> None:
    with database.write() as session:
        ADD.run(session, **person(1))
        with pytest.raises(IntegrityError) as caught:
            ADD.run(session, **person(1, name="Somebody's name"))
        session.rollback()
    assert "Somebody's name" not in str(caught.value)
    with database.read() as session:
        assert ALL.all(session) == []


def test_a_value_that_is_missing_is_a_mistake_here(database: Database) -> None:
    with database.write() as session, pytest.raises(KeyError):
        RENAME.run(session, of="1@example.com")


def test_a_list_that_would_change_the_statement_is_refused(database: Database) -> None:
    listed = Prepared(select(PERSON.c.id).where(PERSON.c.id.in_(bindparam("ids", expanding=True))))
    with database.read() as session, pytest.raises(ValueError, match="expands"):
        listed.all(session, ids=[1])
