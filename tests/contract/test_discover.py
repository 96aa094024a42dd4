"""What exists at the issuing systems is held against the inventory: found, changed, gone, back. On both databases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from sqlalchemy import select

from bot.errors import SettingsError, UpstreamError
from bot.operations.discovery import discover, discover_due, listings_are_fresh
from bot.operations.erase_person import erase_person
from bot.operations.import_inventory import import_inventory
from bot.operations.token_facts import token_facts
from bot.processes import clockwork_of
from bot.rules.issuing import Capabilities, KeyState, Sighting, Unclear
from bot.wiring.slack import Worker
from messages.action_ref import Verb
from storage.database import Database
from storage.inventory import OWNERSHIP
from storage.remediation import ISSUER_CALL
from tests.contract.discover_kit import Look, Teller
from tests.servers.fake_clock import FakeClock
from tests.servers.issuers.key_office import FULL, KeyOffice, Lost

MARCH = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def look(database: Database, clock: FakeClock) -> Look:
    return Look(database, clock)


def tokens(look: Look, number: int) -> None:
    """So many, in the inventory and at the issuing system."""
    for i in range(number):
        look.token(f"key{i}")
        look.office.add(f"key{i}")


# ------------------------------------------------------------------ new


def test_a_new_one_enters_the_inventory_without_an_owner(look: Look) -> None:
    used = look.days(-2)
    look.aws.say(Sighting("found", KeyState.ACTIVE, "backup", "access_key", "s3:Get", look.days(-90), MARCH, used))
    report = look.look()
    assert (report.listed, report.new, report.changed, report.vanished, report.back) == (1, 1, 0, 0, 0)
    row = look.entry("found")
    assert (row.display_name, row.credential_type, row.scopes) == ("backup", "access_key", "s3:Get")
    assert (row.created_at, row.expires_at, row.last_used_at) == (look.days(-90), MARCH, used)
    assert (row.state, row.service_owner_id, row.purpose, row.vanished_at) == ("active", None, "", None)
    with look.database.read() as session:
        assert not session.connection().execute(select(OWNERSHIP)).all()
    seen = look.seen("found")
    assert (seen.state, seen.discovered, seen.first_seen_at) == ("active", True, look.clock.now())
    assert look.on_record() == [("new", "found")]
    assert not look.log_faults()


def test_security_is_asked_about_it_and_one_form_claims_it(look: Look) -> None:
    look.aws.say(Sighting("found", name="backup"))
    look.look()
    look.tokens["found"] = look.entry("found").id
    look.sweep()
    assert "owner_missing" in look.request("found").reasons
    facts = look.seen_by("sam", "found")
    assert facts.becomes_owner
    assert {Verb.REASSIGN, Verb.REVOKE} <= set(facts.offered)
    look.decide(Verb.REASSIGN, "found", "sam", new_owner_id=look.people["sam"])
    assert look.entry("found").service_owner_id == look.people["sam"]


def test_looking_again_finds_nothing_and_records_nothing(look: Look) -> None:
    look.aws.say(Sighting("found", expires_at=MARCH, last_used_at=look.days(-1)))
    look.look()
    look.clock.advance(timedelta(hours=1))
    report = look.look()
    assert (report.new, report.changed, report.vanished, report.back) == (0, 0, 0, 0)
    seen = look.seen("found")
    assert (seen.first_seen_at, seen.last_seen_at) == (look.days(-1 / 24), look.clock.now())
    assert seen.discovered
    assert len(look.discovered()) == 1


def test_systems_do_not_mix(look: Look) -> None:
    look.others["gcp"] = Teller(KeyOffice(), "gcp", FULL)
    look.token("key", issuing_system="gcp")
    look.others["gcp"].say(Sighting("key"))
    look.aws.say(Sighting("key"))
    report = look.look_at_all()
    assert [(one.system, one.new, one.vanished) for one in report.systems] == [("aws", 1, 0), ("gcp", 0, 0)]
    assert look.entry("key", "gcp").id != look.entry("key").id


# ------------------------------------------------------------------ changed


def test_what_the_issuing_system_knows_better_is_taken_over(look: Look) -> None:
    look.vendor("acme")
    look.token("key", vendor="acme", purpose="Billing", scopes="everything", display_name="", tier="low")
    look.aws.say(
        Sighting(
            "key", name="svc-billing", credential_type="pat", scopes="read", expires_at=MARCH, owner_hints=("eve",)
        )
    )
    before = look.entry("key")
    assert look.look().changed == 1
    row = look.entry("key")
    assert (row.expires_at, row.scopes, row.display_name, row.credential_type) == (MARCH, "read", "svc-billing", "pat")
    assert row.created_at == before.created_at
    assert (row.purpose, row.vendor_id, row.service_owner_id) == ("Billing", before.vendor_id, look.people["ana"])
    assert row.tier == ""
    [record] = look.discovered()
    assert record.fields["reason"] == "changed"
    assert record.fields["details"]["fields"] == ["expires_at", "scopes"]
    assert look.look().changed == 0


def test_names_and_types_that_people_gave_stay(look: Look) -> None:
    look.token("key", display_name="Billing", credential_type="robot")
    look.aws.say(Sighting("key", name="svc", credential_type="pat"))
    assert look.look().changed == 0
    assert (look.entry("key").display_name, look.entry("key").credential_type) == ("Billing", "robot")


def test_what_is_not_said_clears_nothing(look: Look) -> None:
    look.token("key", scopes="read", last_used_at=look.days(-3))
    before = look.entry("key")
    look.aws.say(Sighting("key"))
    assert look.look().changed == 0
    assert look.entry("key") == before


def test_a_use_alone_is_no_record_and_never_moves_back(look: Look) -> None:
    look.token("key", last_used_at=look.days(-3))
    for used, kept in ((-2, -2), (-9, -2)):
        look.aws.say(Sighting("key", last_used_at=look.days(used), used_for="s3"))
        assert look.look().changed == 0
        assert look.entry("key").last_used_at == look.days(kept)
    assert not look.discovered()
    assert look.seen("key").used_for == "s3"


def test_disabled_by_somebody_else_is_a_change(look: Look) -> None:
    tokens(look, 1)
    look.look()
    look.office.keys["key0"].state = KeyState.DISABLED
    assert look.look().changed == 1
    assert look.seen("key0").state == "disabled"
    assert look.entry("key0").state == "active"
    assert look.discovered()[-1].fields["details"]["fields"] == ["state"]
    assert look.look().changed == 0


# ------------------------------------------------------------------ gone and back


def test_gone_and_back(look: Look) -> None:
    tokens(look, 4)
    look.look()
    del look.office.keys["key0"]
    look.clock.advance(timedelta(hours=1))
    assert look.look().vanished == 1
    row = look.entry("key0")
    assert (row.vanished_at, row.state, row.service_owner_id) == (look.clock.now(), "active", look.people["ana"])
    assert look.seen("key0").state == "gone"
    look.clock.advance(timedelta(hours=1))
    assert look.look().vanished == 0

    look.office.add("key0")
    assert look.look().back == 1
    assert look.entry("key0").vanished_at is None
    assert look.seen("key0").state == "active"
    assert [what for what, _ in look.on_record()] == ["vanished", "back"]
    assert not look.log_faults()


def test_what_an_import_names_and_the_issuing_system_does_not_is_recorded_once(look: Look) -> None:
    tokens(look, 4)
    del look.office.keys["key0"]
    assert look.look().vanished == 1
    look.change("key0", vanished_at=None)
    assert look.look().vanished == 0
    assert look.entry("key0").vanished_at is not None
    assert look.on_record() == [("vanished", "key0")]


def test_what_the_issuing_system_shows_does_not_vanish_because_a_file_leaves_it_out(look: Look, tmp_path: Path) -> None:
    look.aws.say(Sighting("found"), Sighting("named"), Sighting("gone"))
    look.look()
    look.aws.say(Sighting("found"), Sighting("named"))
    look.clock.advance(timedelta(hours=1))
    look.look()
    inventory = tmp_path / "tokens.csv"
    inventory.write_text("issuing_system,external_id\naws,named\naws,gone\n")

    def vanished() -> int:
        now = look.clock.now
        return import_inventory(look.database, [inventory], now=now(), clock=now).files[0].vanished

    assert vanished() == 0
    assert look.entry("found").vanished_at is None
    assert look.entry("gone").vanished_at is None  # the file names it; the next look knows better
    assert look.look().vanished == 0
    assert look.entry("gone").vanished_at is not None
    look.clock.advance(timedelta(days=2))  # nobody has looked since: then the file is what is known
    assert vanished() == 1


def test_an_empty_list_and_a_third_gone_are_not_believed(look: Look) -> None:
    tokens(look, 40)
    before = look.look()
    assert not before.fault
    kept = dict(look.office.keys)
    for left in (0, 26):
        look.office.keys = dict(list(kept.items())[:left])
        report = look.look()
        assert "--force" in report.fault
        assert (report.new, report.vanished) == (0, 0)
    assert all(look.entry(f"key{i}").vanished_at is None for i in range(40))
    look.office.keys = dict(list(kept.items())[:27])
    assert look.look().vanished == 13
    look.office.keys = {}
    assert look.look(force=True).vanished == 27


def test_what_was_removed_here_and_can_be_used_there_is_said_loudly(look: Look) -> None:
    tokens(look, 2)
    look.change("key0", state="revoked")
    report = look.look_at_all()
    assert report.systems[0].still_usable == ["key0"]
    assert not report.holds
    assert look.entry("key0").state == "revoked"
    assert not look.discovered()
    del look.office.keys["key0"]
    assert look.look_at_all().holds
    look.office.add("key0")
    assert look.look().still_usable_count == 1
    assert look.on_record() == [("back", "key0")]


# ------------------------------------------------------------------ work under way


def test_a_token_that_is_being_removed_is_left_alone(look: Look) -> None:
    look.key("key", environment="production")
    look.look()
    look.press(Verb.REVOKE, justification="The contract is over.")
    look.turn()
    look.press(Verb.APPROVE, "ben")
    look.turn()
    assert look.stage() == "disabled"
    report = look.look()
    assert (report.changed, report.vanished, report.left_alone) == (0, 0, 1)
    del look.office.keys["key"]
    look.office.add("other")
    assert look.look().vanished == 0
    assert look.on_record() == [("new", "other")]


def test_what_a_rotation_made_is_not_new(look: Look) -> None:
    look.key("key")
    look.look()
    look.press(Verb.ROTATE, justification="It is old.")
    look.turn(3)
    assert look.stage() in {"delivered", "proven"}
    assert len(look.office.keys) == 2
    report = look.look()
    assert (report.new, report.vanished) == (0, 0)
    assert report.left_alone == 2
    look.settle(24 * 40)
    assert look.stage() == "verified"
    look.clock.advance(timedelta(minutes=1))
    report = look.look()
    assert (report.new, report.changed, report.vanished, report.left_alone) == (0, 0, 0, 0)
    assert not look.discovered()


def test_while_a_create_has_no_end_new_ones_wait(look: Look) -> None:
    look.key("key")
    look.connector.fail("create", Lost(Unclear("the answer was lost")))
    look.press(Verb.ROTATE, justification="It is old.")
    look.turn(2)
    with look.database.read() as session:
        [call] = session.connection().execute(select(ISSUER_CALL)).all()
    assert (call.action, call.ended_at) == ("create", None)
    look.office.add("other")
    report = look.look()
    assert (report.new, report.left_alone) == (0, 3)
    assert look.entry("other") is None


def test_what_came_into_the_inventory_while_the_list_was_read_is_not_gone(look: Look) -> None:
    tokens(look, 3)
    look.token("late", recorded_at=look.days(1))
    assert look.look().vanished == 0


def test_a_list_that_is_older_than_another_look_changes_nothing(look: Look) -> None:
    tokens(look, 3)

    class Slow(Teller):
        def listing(self) -> Any:
            found = list(super().listing())
            look.office.add("newer")
            look.clock.advance(timedelta(minutes=1))
            look.look()
            yield from found

    fresh = look.aws
    slow = Slow(look.office, "aws", FULL)
    [report] = discover(look.ctx, {"aws": slow}).systems
    assert fresh is look.aws
    assert "meanwhile" in report.fault
    assert look.entry("newer").vanished_at is None


# ------------------------------------------------------------------ hints


@pytest.mark.parametrize(
    ("hints", "words", "who"),
    [
        (("MIA@Example.com",), "MIA@Example.com", "mia"),
        (("team-x", "mia@example.com"), "mia@example.com", "mia"),
        (("  mia ",), "mia", "mia"),
        (("team-x", "eve@evil.example"), "team-x", None),
        ((), "", None),
    ],
)
def test_a_hint_means_one_person_or_nobody(look: Look, hints: tuple[str, ...], words: str, who: str | None) -> None:
    look.aws.say(Sighting("found", owner_hints=hints))
    look.look()
    seen = look.seen("found")
    assert (seen.owner_hint, seen.hint_person_id) == (words, look.people.get(who or ""))
    assert look.entry("found").service_owner_id is None


def test_a_name_that_two_have_means_neither(look: Look) -> None:
    with look.database.write() as session:
        session.connection().exec_driver_sql("UPDATE person SET name = 'Mia' WHERE email = 'eve@example.com'")
    look.aws.say(Sighting("found", owner_hints=("Mia",)))
    look.look()
    assert look.seen("found").hint_person_id is None


def test_a_hint_is_shown_while_nobody_owns_it_and_stands_in_no_record(look: Look) -> None:
    look.token("owned")
    look.aws.say(Sighting("found", owner_hints=("mia@example.com",)), Sighting("owned", owner_hints=("eve",)))
    look.look()
    found, owned = look.entry("found").id, look.entry("owned").id
    with look.database.read() as session:
        facts = token_facts(session, look.ctx, [found, owned])
    assert facts[found].owner_hint == "Mia"
    assert facts[owned].owner_hint == ""
    [record] = look.discovered()
    assert b"mia" not in record.body.lower()
    assert record.disclosures == {"hint": "mia@example.com"}


def test_erasing_somebody_erases_what_hints_at_them(look: Look) -> None:
    look.aws.say(
        Sighting("found", owner_hints=("Mia@example.com",)), Sighting("other", owner_hints=("eve@example.com",))
    )
    look.look()
    erase_person(look.database, look.clock.now, "mia@example.com")
    assert (look.seen("found").owner_hint, look.seen("found").hint_person_id) == ("", None)
    assert look.seen("other").owner_hint == "eve@example.com"
    assert [one.disclosures for one in look.discovered()] == [{}, {"hint": "eve@example.com"}]
    assert not look.log_faults()


# ------------------------------------------------------------------ failures


def test_a_list_that_ends_early_changes_nothing_and_the_others_are_looked_at(look: Look) -> None:
    tokens(look, 12)
    look.others["gcp"] = Teller(KeyOffice(), "gcp", FULL)
    look.others["gcp"].say(Sighting("elsewhere"))
    look.office.keys.pop("key0")
    look.office.add("found")
    look.aws.fail("listing", "cut")
    before = look.everything()
    report = look.look_at_all(systems=["aws"])
    assert "early" in report.systems[0].fault
    after = look.everything()
    before.pop("marker"), after.pop("marker")
    assert before == after
    look.aws.fail("listing", "cut")
    both = look.look_at_all()
    assert [(one.system, bool(one.fault), one.new) for one in both.systems] == [("aws", True, 0), ("gcp", False, 1)]
    assert not both.holds


def test_a_connector_that_breaks_off_keeps_nobody_else_waiting(look: Look) -> None:
    class Broken(Teller):
        def listing(self) -> Any:
            yield Sighting("one")
            raise KeyError("secret-value")

    look.others = {"broken": Broken(KeyOffice(), "broken", FULL)}
    report = look.look_at_all()
    assert [bool(one.fault) for one in report.systems] == [False, True]
    assert "secret-value" not in report.systems[1].fault
    assert look.entry("one", "broken") is None


def test_only_systems_that_list_are_looked_at(look: Look) -> None:
    look.others["mute"] = Teller(KeyOffice(), "mute", Capabilities(revoke=True))
    assert [one.system for one in look.look_at_all().systems] == ["aws"]
    with pytest.raises(UpstreamError, match="cannot list"):
        look.look_at_all(systems=["mute"])
    with pytest.raises(SettingsError, match="mute"):
        look.look_at_all(systems=["nowhere"])


def test_a_dry_run_says_the_same_and_writes_nothing(look: Look) -> None:
    tokens(look, 4)
    look.look()
    look.office.keys.pop("key1")
    look.office.keys["key2"].state = KeyState.DISABLED
    look.aws.say(Sighting("found"))
    before = look.everything()
    dry = look.look(dry_run=True)
    assert look.everything() == before
    assert look.look() == dry
    assert (dry.new, dry.changed, dry.vanished) == (1, 1, 1)


# ------------------------------------------------------------------ on the clock


def test_the_clock_looks_once_an_hour_whoever_asks(look: Look) -> None:
    look.aws.say(Sighting("one"))
    assert [one.new for one in discover_due(look.ctx, look.issuers).systems] == [1]
    look.clock.advance(timedelta(minutes=20))
    assert not discover_due(look.ctx, look.issuers).systems
    look.clock.advance(timedelta(minutes=40))
    assert len(discover_due(look.ctx, look.issuers).systems) == 1


def test_a_worker_looks_hourly(look: Look) -> None:
    nowhere: Any = None
    worker = Worker(look.ctx, nowhere, nowhere, None, issuers=cast("Any", look.issuers))
    metrics: Any = SimpleNamespace(swept=None, ran=lambda *_: None)
    jobs = {job.name: job for job in clockwork_of(worker, 5, None, metrics, lambda: None).jobs}
    assert jobs["discover"].seconds == 3600
    look.aws.say(Sighting("found"))
    jobs["discover"].run()
    assert look.entry("found") is not None
    worker.issuers = None
    assert "discover" not in {job.name for job in clockwork_of(worker, 5, None, metrics, lambda: None).jobs}


def test_the_clock_says_which_failed_after_all_were_looked_at(look: Look) -> None:
    look.others["gcp"] = Teller(KeyOffice(), "gcp", FULL)
    look.others["gcp"].say(Sighting("one"))
    look.aws.fail("listing", "cut")
    with pytest.raises(UpstreamError, match=r"1 of 2 .*: aws"):
        discover_due(look.ctx, look.issuers)
    assert look.entry("one", "gcp") is not None


def test_a_process_that_ends_leaves_the_rest_for_later(look: Look) -> None:
    look.aws.say(Sighting("one"), Sighting("two"))
    assert not look.look_at_all(stopping=lambda: True).systems
    assert look.entry("one") is None


def test_the_doctor_knows_when_each_was_listed(look: Look) -> None:
    def said() -> tuple[str, str]:
        [finding] = listings_are_fresh(look.database, ["aws"], look.clock.now())
        return finding.level, finding.said

    assert said()[0] == "look"
    look.aws.say(Sighting("one"))
    look.look()
    assert said() == ("ok", "1 credentials, listed just now")
    look.clock.advance(timedelta(hours=4))
    assert said() == ("look", "was last listed 4 hours ago")
    look.aws.fail("listing", "cut")
    look.look()
    level, text = said()
    assert level == "wrong"
    assert "ended early" in text
    assert "4 hours ago" in text
