"""What an issuing system lists was written by others: nothing of it breaks the inventory, nothing is half applied."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, cast

import pytest

from bot.operations.discovery import reading
from bot.operations.secret_patterns import looks_like_secret
from bot.rules.issuing import KeyState, Sighting
from storage.database import Database
from tests.contract.discover_kit import Look, Teller
from tests.servers.fake_clock import FakeClock
from tests.servers.issuers.key_office import FULL, KeyOffice
from tests.unit.hostile_text import HOSTILE
from tests.unit.made_up_secrets import MADE_UP_SECRETS

NEW_YORK = timezone(timedelta(hours=-5))


@pytest.fixture
def look(database: Database, clock: FakeClock) -> Look:
    return Look(database, clock)


def test_texts_that_try_to_act_are_kept_harmless(look: Look) -> None:
    texts = [*HOSTILE.values(), "x" * 10_000, "\ud800half", "\x00", ""]
    look.aws.say(
        *(
            Sighting(f"id{i}", KeyState.ACTIVE, text, text, text, used_for=text, owner_hints=(text,) * 50)
            for i, text in enumerate(texts)
        )
    )
    report = look.look()
    assert (report.new, report.refused, report.fault) == (len(texts), 0, "")
    for i in range(len(texts)):
        row, seen = look.entry(f"id{i}"), look.seen(f"id{i}")
        for text, most in ((row.display_name, 200), (row.credential_type, 100), (row.scopes, 4_000)):
            assert len(text) <= most
            assert text.isprintable() or "\u200d" in text or "\u200c" in text
        assert max(len(seen.used_for), len(seen.owner_hint)) <= 200
    assert look.look().changed == 0
    assert not look.log_faults()


@pytest.mark.parametrize("external_id", ["", " ", " a", "a\n", "a\x00b", "\u202egnp", "\ud800", "x" * 501])
def test_an_id_that_no_inventory_can_hold_is_left_out(look: Look, external_id: str) -> None:
    look.aws.say(Sighting(external_id), Sighting("good"))
    report = look.look()
    assert (report.new, report.refused) == (1, 1)
    assert look.on_record() == [("new", "good")]


def test_a_secret_never_enters(look: Look) -> None:
    """Except as an id of no known format: systems draw their ids at random, too."""
    known = [(name, text) for name, text in MADE_UP_SECRETS if not name.startswith("AWS secret")]
    secrets = [text for _, text in known]
    look.aws.say(*(Sighting(f"id{i}", name=s, scopes=s, used_for=s, owner_hints=(s,)) for i, s in enumerate(secrets)))
    look.look()
    look.others["typed"] = Teller(KeyOffice(), "typed", FULL)
    look.others["typed"].say(*(Sighting(secret) for secret in secrets if str(looks_like_secret(secret)) in FORMATS))
    report = look.look_at_all(systems=["typed"]).systems[0]
    assert report.new == 0
    assert report.refused > 10
    kept = repr(look.everything())
    assert not [secret for secret in secrets if secret in kept]


FORMATS = {"GitHub token", "GitLab token", "Slack token", "Stripe key", "JSON Web Token", "npm token", "OpenAI key"}


def test_dates_that_cannot_be_are_not_known(look: Look) -> None:
    tomorrow = look.clock.now() + timedelta(hours=2)
    naive = datetime(2025, 5, 1, 12, 0)
    look.aws.say(
        Sighting("never", expires_at=datetime.max.replace(tzinfo=UTC), created_at=datetime.min.replace(tzinfo=UTC)),
        Sighting("west", expires_at=datetime.max.replace(tzinfo=NEW_YORK)),
        Sighting("ahead", last_used_at=tomorrow),
        Sighting("future", last_used_at=look.days(40), created_at=look.days(40)),
        Sighting("naive", created_at=naive, expires_at=datetime(2027, 1, 1, tzinfo=NEW_YORK)),
    )
    assert look.look().new == 5
    assert (look.entry("never").expires_at, look.entry("never").created_at) == (None, None)
    assert look.entry("west").expires_at is None
    assert look.entry("ahead").last_used_at == look.clock.now()
    assert (look.entry("future").last_used_at, look.entry("future").created_at) == (None, None)
    assert look.entry("naive").created_at == naive.replace(tzinfo=UTC)
    assert look.entry("naive").expires_at == datetime(2027, 1, 1, 5, tzinfo=UTC)


def test_an_id_that_is_listed_twice_is_one_token_and_usable_if_either_is(look: Look) -> None:
    look.aws.say(
        Sighting("one", KeyState.DISABLED, "first"),
        Sighting("two", KeyState.ACTIVE, "first"),
        Sighting("one", KeyState.ACTIVE, "second"),
        Sighting("two", KeyState.EXPIRED, "second"),
    )
    report = look.look()
    assert (report.new, report.repeated) == (2, 2)
    assert (look.seen("one").state, look.seen("two").state) == ("active", "active")
    assert len(look.discovered()) == 2


@pytest.mark.parametrize(
    "nonsense",
    [
        {"external_id": "a dict"},
        None,
        "text",
        Sighting(cast("str", 7)),
        Sighting("a", cast("KeyState", "dead")),
        Sighting("a", name=cast("str", None)),
        Sighting("a", owner_hints=cast("Any", 3)),
        Sighting("a", expires_at=cast("Any", "2026-01-01")),
    ],
)
def test_what_is_no_sighting_spoils_the_list(look: Look, nonsense: Any) -> None:
    look.token("known")
    look.aws.say(Sighting("known"), nonsense, Sighting("good"))
    report = look.look()
    assert "no sighting" in report.fault
    assert look.entry("good") is None
    assert look.entry("known").vanished_at is None


def test_a_list_without_an_end_is_given_up(look: Look, monkeypatch: pytest.MonkeyPatch) -> None:
    read = 0

    class Endless(Teller):
        def listing(self) -> Iterator[Sighting]:
            nonlocal read
            while True:
                read += 1
                yield Sighting(f"id{read}")

    look.aws = Endless(KeyOffice(), "aws", FULL)
    monkeypatch.setattr(reading, "MOST_SIGHTINGS", 2_000)
    assert "does not end" in look.look().fault
    assert read == 2_001
    assert look.entry("id1") is None


def test_the_same_over_and_over_and_texts_without_an_end_are_given_up(
    look: Look, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Circle(Teller):
        def listing(self) -> Iterator[Sighting]:
            while True:
                yield Sighting("again", scopes="x" * 4_000)

    look.aws = Circle(KeyOffice(), "aws", FULL)
    monkeypatch.setattr(reading, "MOST_CHARACTERS", 100_000)
    assert "does not end" in look.look().fault


def test_a_list_as_long_as_may_be_is_read(sqlite_database: Database, clock: FakeClock) -> None:
    look = Look(sqlite_database, clock)
    look.aws.say(*(Sighting(f"id{i}", name=f"user {i}") for i in range(20_000)))
    assert look.look().new == 20_000
    assert len(look.look().found) == 0
    assert not look.log_faults()
