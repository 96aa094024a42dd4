"""Search over the inventory, on both databases: what is found, in which order, and what stays hidden."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from sqlalchemy import delete, insert, text, update
from sqlmodel import Session

from storage.database import Database, table_of
from storage.inventory import OWNERSHIP, TOKEN, VENDOR
from storage.people import PERSON
from storage.requests import LADDER_STEP, REQUEST, PolicyVersion
from storage.search import find_tokens, nearest, normalise, pieces
from storage.search_index import refresh_search, search_ddl
from storage.visibility import Scope

NOW = datetime(2026, 1, 5, 9, 30, tzinfo=UTC)
ANA, BEN, CEO, EVE, VERA = 1, 2, 3, 4, 5
"""Ana owns; Ben is her manager and the CEO his (in a ring); Eve has nothing; Vera looks after the reseller."""
RESELLER, CUSTOMER = 1, 2


def person(person_id: int, manager_id: int | None = None) -> dict[str, object]:
    email = f"person{person_id}@example.com"
    return {
        "id": person_id,
        "ref": f"p_{person_id}",
        "email": email,
        "manager_id": manager_id,
        "name": "",
        "timezone": "",
        "country": "",
        "subdivision": "",
        "workweek": "",
        "active": True,
        "by_mention": False,
        "created_at": NOW,
        "updated_at": NOW,
    }


def vendor(vendor_id: int, parent: int | None, owner: int | None) -> dict[str, object]:
    return {
        "id": vendor_id,
        "name": f"Vendor {vendor_id}",
        "name_key": f"vendor {vendor_id}",
        "parent_id": parent,
        "relationship_owner_id": owner,
        "status": "active",
        "by_mention": False,
        "created_at": NOW,
        "updated_at": NOW,
    }


_EMPTY = (
    *("credential_type", "purpose", "environment", "data_classification", "data_scope", "scopes", "rotation_method"),
    *("revocation_path", "secret_ref", "consumers", "held_by", "expected_cidrs", "expected_countries"),
    *("expected_hours", "tags", "notes", "tier"),
)


def token(token_id: int, name: str, external_id: str, vendor_id: int | None = None) -> dict[str, object]:
    return dict.fromkeys(_EMPTY, "") | {
        "id": token_id,
        "issuing_system": "aws",
        "external_id": external_id,
        "display_name": name,
        "vendor_id": vendor_id,
        "state": "active",
        "recorded_at": NOW,
        "updated_at": NOW,
    }


TOKENS = [
    token(1, "drift-prod", "AKIA0001"),
    token(2, "drift-prod-eu", "AKIA0002"),
    token(3, "old drift prod sync", "AKIA0003"),
    token(4, "Ümlaut-Straße", "id-0004", RESELLER),
    token(5, "100%_done", "id\\0005", CUSTOMER),
    token(6, "", "drift-prod"),
    token(7, 'say "hi" OR drop', "AKIA0007"),
    token(8, "eu", "AKIA0008"),
]


@pytest.fixture(params=["indexed", "stale"])
def session(database: Database, request: pytest.FixtureRequest) -> Iterator[Session]:
    """An inventory; also before anybody brought the index up to date, when a search must find the same."""
    with database.write() as writing:
        connection = writing.connection()
        connection.execute(insert(PERSON), [person(ANA), person(BEN), person(CEO), person(EVE), person(VERA)])
        for who, manager in ((ANA, BEN), (BEN, CEO), (CEO, BEN)):
            connection.execute(update(PERSON).where(PERSON.c.id == who).values(manager_id=manager))
        connection.execute(insert(VENDOR), [vendor(RESELLER, None, VERA), vendor(CUSTOMER, RESELLER, None)])
        connection.execute(insert(TOKEN), TOKENS)
        for token_id, role in ((1, "service_owner"), (2, "backup_owner")):
            row = {"token_id": token_id, "person_id": ANA, "role": role, "from_at": NOW, "source": "import"}
            connection.execute(insert(OWNERSHIP).values(row))
        closed = {"token_id": 3, "person_id": ANA, "role": "service_owner", "from_at": NOW, "to_at": NOW}
        connection.execute(insert(OWNERSHIP).values(closed | {"source": "import"}))
        if request.param == "indexed":
            refresh_search(writing)
    with database.read() as reading:
        yield reading


def found(session: Session, words: str, visible: Scope | None = None, limit: int = 10) -> list[int]:
    return [hit.id for hit in find_tokens(session, words, limit, visible=visible)]


def test_an_exact_name_or_id_is_the_answer(session: Session) -> None:
    assert found(session, "drift-prod") == [1, 6]
    assert found(session, "DRIFT-PROD") == [1, 6]
    assert found(session, "akia0002") == [2]
    assert found(session, "eu") == [8]


def test_beginnings_come_before_what_holds_the_words(session: Session) -> None:
    assert found(session, "drift") == [1, 6, 2, 3]
    assert found(session, "AKIA") == [1, 2, 3, 7, 8] or set(found(session, "AKIA")) == {1, 2, 3, 7, 8}


def test_every_word_must_occur_in_any_order(session: Session) -> None:
    assert found(session, "prod drift") == [6, 1, 2, 3] or set(found(session, "prod drift")) == {1, 2, 3, 6}
    assert found(session, "sync drift") == [3]
    assert found(session, "drift nothing") == []


def test_a_short_word_counts_beside_a_longer_one(session: Session) -> None:
    assert found(session, "drift eu") == [2]
    assert found(session, "dr") == [1, 6, 2]
    assert found(session, "if") == []


def test_letters_beyond_a_to_z(session: Session) -> None:
    assert found(session, "Ümlaut") == [4]
    assert found(session, "Straße") == [4]
    assert found(session, "Ümlaut-Straße") == [4]


@pytest.mark.parametrize("inert", ["%", "_", "%%%", "___", "dri%", "drift_prod", "*", "dri*", "akia000?", "100%%"])
def test_wildcards_are_letters_like_others(session: Session, inert: str) -> None:
    assert found(session, inert) == []


def test_a_name_with_wildcards_is_found(session: Session) -> None:
    assert found(session, "100%_done") == [5]
    assert found(session, "0%_d") == [5]
    assert found(session, "id\\0005") == [5]
    assert found(session, "d\\00") == [5]


@pytest.mark.parametrize(
    "hostile",
    [
        '"',
        '""""',
        '"drift',
        "drift OR prod",
        "drift AND NOT prod",
        "NEAR(drift prod)",
        "display_name:drift",
        "{display_name} : drift",
        "-drift",
        "^drift",
        "drift*",
        "'; DROP TABLE token; --",
        "x') OR 1=1 --",
        "drift\\",
        "\\",
        "\x00drift",
        "(((",
        ":phrases",
        "%s %(x)s",
        "drift\ud800prod",
        "😀😀😀",
        "a" * 10_000,
        " ".join("abcd" for _ in range(5_000)),
    ],
)
def test_query_syntax_is_text(session: Session, hostile: str) -> None:
    assert set(found(session, hostile)) <= {7, 1, 2, 3, 6}
    nearest(session, hostile, visible=None)
    nearest(session, hostile, visible=Scope(ANA))
    found(session, hostile, Scope(ANA))


def test_operators_in_a_name_are_found_as_letters(session: Session) -> None:
    assert found(session, '"hi" OR') == [7]
    assert found(session, 'say "hi" OR drop') == [7]


def test_a_person_sees_what_is_theirs(session: Session) -> None:
    assert found(session, "drift", Scope(ANA)) == [1, 2]
    assert found(session, "drift", Scope(EVE)) == []
    assert found(session, "drift-prod", Scope(EVE)) == []


def test_managers_see_what_their_people_own_also_in_a_ring(session: Session) -> None:
    assert found(session, "drift", Scope(BEN)) == [1, 2]
    assert found(session, "drift", Scope(CEO)) == [1, 2]


def test_a_vendors_owner_sees_its_tokens_and_those_sold_through_it(session: Session) -> None:
    assert found(session, "Straße", Scope(VERA)) == [4]
    assert found(session, "100%", Scope(VERA)) == [5]
    assert found(session, "drift", Scope(VERA)) == []


def test_who_was_asked_sees_it_as_long_as_it_waits(session: Session) -> None:
    with Session(session.get_bind()) as writing, writing.begin():
        connection = writing.connection()
        body = {"hash": "h", "policy_id": "p", "version": "1", "body": "{}", "first_used_at": NOW}
        connection.execute(insert(table_of(PolicyVersion)).values(body))
        request = {
            "token_id": 3,
            "state": "open",
            "version": 1,
            "reasons": [],
            "tier": "t",
            "risk": 0,
            "policy_hash": "h",
            "opened_at": NOW,
            "due_at": NOW,
            "round": 0,
            "step": 0,
            "waiting_role": "manager",
            "handover_count": 0,
            "snooze_count": 0,
            "outcome": "",
        }
        connection.execute(insert(REQUEST).values(request | {"id": 1}))
        step = {"request_id": 1, "round": 0, "step": 0, "rung": "manager", "person_id": EVE, "told_at": NOW}
        connection.execute(insert(LADDER_STEP).values(step | {"why": "", "outcome": "waiting"}))
    session.rollback()
    assert found(session, "drift", Scope(EVE)) == [3]
    with Session(session.get_bind()) as writing, writing.begin():
        writing.connection().execute(update(REQUEST).values(state="settled"))
    session.rollback()
    assert found(session, "drift", Scope(EVE)) == []


def test_large_scopes_find_the_same(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    small = [found(session, words, Scope(ANA)) for words in ("drift", "drift-prod", "prod drift", "Straße", "dr")]
    monkeypatch.setattr("storage.search._SMALL_SCOPE", 0)
    large = [found(session, words, Scope(ANA)) for words in ("drift", "drift-prod", "prod drift", "Straße", "dr")]
    assert large == small
    assert nearest(session, "drift-prdo", visible=Scope(EVE)) == []


def test_a_slip_suggests_the_name(session: Session) -> None:
    assert nearest(session, "drift-prdo", visible=None)[0] == "drift-prod"
    assert "drift-prod-eu" in nearest(session, "drfit-prod-eu", visible=None)
    assert nearest(session, "zzzzzzzz", visible=None) == []
    assert nearest(session, "drift-prdo", visible=Scope(EVE)) == []
    assert nearest(session, "drift-prdo", visible=Scope(ANA))[0] == "drift-prod"


def test_names_that_change_are_found_by_the_new_one_only(session: Session) -> None:
    for refresh in (False, True):
        with Session(session.get_bind()) as writing, writing.begin():
            name = f"renamed-thing-{refresh}"
            writing.connection().execute(update(TOKEN).where(TOKEN.c.id == 2).values(display_name=name))
            if refresh:
                refresh_search(writing)
        session.rollback()
        assert found(session, "renamed-thing") == [2]
        assert found(session, "prod-eu") == []
        assert 2 in found(session, "thing renamed")
    with Session(session.get_bind()) as writing, writing.begin():
        writing.connection().execute(delete(TOKEN).where(TOKEN.c.id == 8))
        refresh_search(writing)
        refresh_search(writing)
    session.rollback()
    assert found(session, "AKIA0008") == []


def test_the_fts_index_agrees_with_the_table(sqlite_database: Database) -> None:
    with sqlite_database.write() as writing:
        writing.connection().execute(insert(TOKEN), [one | {"vendor_id": None} for one in TOKENS])
        refresh_search(writing)
        writing.connection().execute(
            update(TOKEN).where(TOKEN.c.id == 1).values(display_name="other", external_id="o1")
        )
        refresh_search(writing)
        writing.connection().execute(text("INSERT INTO token_search(token_search, rank) VALUES ('integrity-check', 1)"))
        left = writing.connection().execute(text("SELECT count(*) FROM token_name WHERE name = 'drift-prod'")).scalar()
        assert left == 1  # token 6, whose id it is


def test_what_is_searched_for_is_bounded() -> None:
    assert normalise("  a \x00\n b\u202e ") == "a b"
    assert len(normalise("x" * 100_000)) == 200
    assert pieces("ab") == []
    assert all(len(piece) >= 3 for piece in pieces("drift-prod"))


def test_no_other_database() -> None:
    with pytest.raises(ValueError, match="mysql"):
        search_ddl("mysql")
