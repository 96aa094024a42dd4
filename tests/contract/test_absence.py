"""``whose person away`` and ``back``: noted, recorded, and what cannot be is refused. On both databases."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from click.testing import CliRunner

from bot.cli import whose
from bot.errors import NotFoundError
from bot.operations.absence import AbsenceError, come_back, go_away
from bot.operations.climb_ladder import climb_ladder
from storage.database import Database
from storage.ledger.record import RecordKind, to_ms
from storage.people import Person
from tests.contract.sweep_kit import Inventory
from tests.servers.fake_clock import FakeClock

BACK = datetime(2026, 1, 19, tzinfo=UTC)


@pytest.fixture
def inventory(database: Database, clock: FakeClock) -> Inventory:
    made = Inventory(database, clock)
    made.person("bob")
    made.person("leo", active=False)
    return made


def person(inventory: Inventory, name: str) -> Person:
    with inventory.database.read() as session:
        found = session.get(Person, inventory.people[name])
    assert found is not None
    return found


def test_it_is_noted_recorded_and_followed(inventory: Inventory) -> None:
    inventory.token(last_attested_at=None)
    inventory.sweep()
    noted = go_away(inventory.ctx, "Ana@example.com", BACK, whole_day=True, delegate="bob@example.com")
    assert (noted.name, noted.until, noted.asked_instead) == ("Ana", BACK, "Bob")
    ana, bob = person(inventory, "ana"), person(inventory, "bob")
    assert (ana.away_until, ana.delegate_id) == (BACK, bob.id)
    [record] = inventory.records(RecordKind.PERSON_AWAY)
    assert record.fields["reason"] == "away"
    assert record.fields["details"] == {"person": ana.ref, "until": to_ms(BACK), "stand_in": bob.ref}
    assert b"ana@example.com" not in record.body
    assert set(record.disclosures) == {ana.ref, bob.ref}
    assert climb_ladder(inventory.ctx) == 1
    assert inventory.request().waiting_on_id == bob.id

    assert come_back(inventory.ctx, "ana@example.com").until is None
    ana = person(inventory, "ana")
    assert (ana.away_until, ana.delegate_id) == (None, bob.id)
    assert [one.fields["reason"] for one in inventory.records(RecordKind.PERSON_AWAY)] == ["away", "back"]
    assert climb_ladder(inventory.ctx) == 0
    assert inventory.request().waiting_on_id == bob.id


def test_a_day_is_a_day_where_they_live(inventory: Inventory) -> None:
    inventory.person("cho", manager="ana")
    with inventory.database.write() as session:
        session.connection().exec_driver_sql(
            "UPDATE person SET timezone = 'Asia/Tokyo' WHERE email = 'cho@example.com'"
        )
    noted = go_away(inventory.ctx, "cho@example.com", BACK, whole_day=True, delegate="bob@example.com")
    assert noted.until == datetime(2026, 1, 18, 15, 0, tzinfo=UTC)
    exactly = go_away(inventory.ctx, "cho@example.com", BACK, whole_day=False, delegate="bob@example.com")
    assert exactly.until == BACK


def test_a_stand_in_who_is_away_too(inventory: Inventory) -> None:
    inventory.person("cho")
    go_away(inventory.ctx, "bob@example.com", BACK, whole_day=True, delegate="cho@example.com")
    noted = go_away(inventory.ctx, "ana@example.com", BACK, whole_day=True, delegate="bob@example.com")
    assert noted.asked_instead == "Cho"
    circle = go_away(inventory.ctx, "cho@example.com", BACK, whole_day=True, delegate="ana@example.com")
    assert circle.asked_instead == ""


@pytest.mark.parametrize(
    ("who", "until", "delegate", "said"),
    [
        ("ana", datetime(2026, 1, 5, tzinfo=UTC), "bob", "over already"),
        ("ana", BACK, "ana", "for themselves"),
        ("ana", BACK, "leo", "Leo has left and cannot stand in"),
        ("leo", BACK, "bob", "Leo has left"),
    ],
)
def test_what_cannot_be_is_refused(inventory: Inventory, who: str, until: datetime, delegate: str, said: str) -> None:
    before = inventory.everything()
    with pytest.raises(AbsenceError, match=said):
        go_away(inventory.ctx, f"{who}@example.com", until, whole_day=True, delegate=f"{delegate}@example.com")
    with pytest.raises(NotFoundError):
        go_away(inventory.ctx, "anna@example.com", BACK, whole_day=True, delegate="bob@example.com")
    with pytest.raises(AbsenceError, match="not away"):
        come_back(inventory.ctx, "ana@example.com")
    assert inventory.everything() == before


def test_on_the_command_line(
    inventory: Inventory, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The machine's own clock counts here, so the day is far away."""
    monkeypatch.chdir(tmp_path_factory.mktemp("nothing"))
    for name in ("SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "SLACK_SIGNING_SECRET", "WHOSE_POLICY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DATABASE_URL", inventory.database.url.render_as_string(hide_password=False))
    monkeypatch.setattr(
        "storage.migrations.current_revision", lambda _: __import__("storage.migrations").migrations.head_revision()
    )
    run = CliRunner().invoke
    done = run(whose, ["person", "away", "ana@example.com", "--until", "2999-01-11", "--delegate", "bob@example.com"])
    assert done.exit_code == 0, done.stderr
    assert done.stdout == "Ana is away until 2999-01-11 00:00 UTC.\n"
    assert "Bob is asked in their place" in done.stderr
    assert run(whose, ["person", "back", "ana@example.com"]).stdout == "Ana is back.\n"
    again = run(whose, ["person", "back", "ana@example.com"])
    assert again.exit_code == 2
    assert "Nothing was changed" in again.stderr
