"""Who was accountable when: read from intervals that are closed and never deleted, on both databases."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from sqlmodel import Session

from bot.operations import look_up
from bot.operations.context import Context
from bot.operations.erase_person import erase_person
from bot.operations.look_up import EVERYTHING, Reader, reader_of
from bot.operations.lookups.accountable import ContractThen, contract_at, vendor_chain
from bot.rules.policy import policy_hash, policy_to_json
from bot.rules.policy_file import default_policy_text, load_policy
from messages.cards.facts import AccountableFacts, LaterFact, Refusal, Story, VendorFacts
from messages.pages.who_page import who_page
from storage.database import Database
from storage.inventory import Contract, Token, Vendor, VendorRelationship
from storage.ledger.log import append
from storage.ledger.note import NoteSignature
from storage.ledger.published import Published, anchored, keep_checkpoint
from storage.ledger.record import Entry, RecordKind
from storage.owners import assign
from storage.people import Person
from storage.requests import PolicyVersion
from tests.servers.fake_clock import FakeClock

T0 = datetime(2025, 1, 1, tzinfo=UTC)
MARCH, AUGUST = datetime(2025, 3, 1, tzinfo=UTC), datetime(2025, 8, 1, tzinfo=UTC)
ANA, BEN, VERA, OTTO, SAM = 1, 2, 3, 4, 5
RESELLER, ACME = 1, 2
TOKEN = 1


def person(number: int, name: str, **values: Any) -> Person:
    email = f"{name.lower()}@example.com"
    return Person(id=number, ref=f"p_{number}", email=email, name=name, created_at=T0, updated_at=T0, **values)


@pytest.fixture
def ctx(database: Database) -> Context:
    """Ana owned the token until August, when she left; Ben since. Vera looked after the reseller until March, Otto
    since; the reseller's contract ended in June, Acme has none of its own."""
    text = default_policy_text().replace("security: []", "security: [sam@example.com]")
    clock = FakeClock()
    with database.write() as session:
        session.add(person(SAM, "Sam"))
        session.add(person(BEN, "Ben"))
        session.add(person(ANA, "Ana", active=False, left_at=AUGUST, manager_id=BEN))
        session.add(person(VERA, "Vera"))
        session.add(person(OTTO, "Otto"))
        session.flush()
        made: dict[str, Any] = {"created_at": T0, "updated_at": T0}
        session.add(Vendor(id=RESELLER, name="Reseller", name_key="reseller", relationship_owner_id=OTTO, **made))
        session.flush()
        session.add(Vendor(id=ACME, name="Acme Cloud", name_key="acme cloud", parent_id=RESELLER, **made))
        session.flush()
        session.add(VendorRelationship(vendor_id=RESELLER, person_id=VERA, from_at=T0, to_at=MARCH))
        session.add(VendorRelationship(vendor_id=RESELLER, person_id=OTTO, from_at=MARCH))
        session.add(Contract(vendor_id=RESELLER, starts_on=date(2024, 1, 1), ends_on=date(2025, 6, 30), recorded_at=T0))
        session.add(
            Token(
                id=TOKEN,
                issuing_system="aws",
                external_id="AKIA1",
                display_name="drift-prod",
                vendor_id=ACME,
                recorded_at=T0,
                updated_at=T0,
            )
        )
        session.flush()
        assign(session, TOKEN, "service_owner", ANA, T0, "import")
        assign(session, TOKEN, "service_owner", BEN, AUGUST, "import")
        asked = {"reasons": ["never_attested"], "told": [{"rung": "owner", "ref": "p_1"}]}
        append(session, [Entry(RecordKind.REQUEST_OPENED, token_id=TOKEN, details=asked)], lambda: MARCH)
        changed: dict[str, Any] = {"before": {"service_owner": "p_1"}, "after": {"service_owner": "p_2"}}
        entry = Entry(RecordKind.OWNERSHIP_CHANGED, reason="import", token_id=TOKEN, accountable=changed)
        append(session, [entry], lambda: AUGUST)
    return Context(database, clock.now, load_policy(text, "the test's policy"), "slack:T1")


@pytest.fixture
def session(ctx: Context) -> Iterator[Session]:
    with ctx.database.read() as reading:
        yield reading


def who(session: Session, ctx: Context, at: datetime, reader: Reader = EVERYTHING) -> AccountableFacts:
    answer = look_up.who(session, ctx, reader, TOKEN, at)
    assert isinstance(answer, AccountableFacts)
    return answer


def test_each_moment_has_its_own_owner(session: Session, ctx: Context) -> None:
    moment = timedelta(seconds=1)
    assert who(session, ctx, T0).roles == [("service_owner", "Ana", T0)]
    assert who(session, ctx, AUGUST - moment).roles == [("service_owner", "Ana", T0)]
    assert who(session, ctx, AUGUST).roles == [("service_owner", "Ben", AUGUST)]
    assert who(session, ctx, T0 - moment).roles == []


def test_the_vendors_owner_of_the_moment_comes_from_the_nearest_parent(session: Session, ctx: Context) -> None:
    assert who(session, ctx, T0).vendor == "Acme Cloud"
    assert who(session, ctx, T0).vendor_owner == "Vera"
    assert who(session, ctx, MARCH).vendor_owner == "Otto"
    assert who(session, ctx, T0 - timedelta(days=1)).vendor_owner == ""


def test_the_contract_of_the_moment(session: Session, ctx: Context) -> None:
    def on(year: int, month: int, day: int) -> tuple[str, date | None]:
        facts = who(session, ctx, datetime(year, month, day, 12, tzinfo=UTC))
        return facts.contract, facts.contract_ends_on

    assert on(2025, 6, 30) == ("active", date(2025, 6, 30))
    assert on(2025, 7, 1) == ("ended", date(2025, 6, 30))
    assert on(2023, 7, 1) == ("unknown", None)


def test_what_was_believed_then_counts_not_what_an_import_said_later(ctx: Context) -> None:
    with ctx.database.write() as writing:
        old = writing.get(Contract, 1)
        assert old is not None
        old.replaced_at = AUGUST
        writing.add(old)
        writing.add(Contract(vendor_id=RESELLER, recorded_at=AUGUST))
    with ctx.database.read() as session:
        chain = vendor_chain(session, ACME)
        assert contract_at(session, chain, datetime(2025, 7, 15, tzinfo=UTC)).state == "ended"
        assert contract_at(session, chain, datetime(2025, 8, 15, tzinfo=UTC)) == ContractThen("open_ended")


def test_what_had_been_asked_and_recorded_by_then(session: Session, ctx: Context) -> None:
    before, later = who(session, ctx, MARCH - timedelta(days=1)), who(session, ctx, AUGUST)
    assert (before.asked, before.first_record, before.last_record) == ([], None, None)
    assert [(line.kind, line.subject) for line in later.asked] == [
        ("request_opened", ""),
        ("asked", "Ana"),
        ("ownership_changed", "Ben"),
    ]
    assert (later.first_record, later.last_record) == (0, 1)


def test_who_could_have_removed_it(session: Session, ctx: Context) -> None:
    could = dict(who(session, ctx, MARCH).could_remove)
    assert could == {
        "service_owner": "Ana",
        "vendor_relationship_owner": "Otto",
        "manager": "Ben",
        "security": "Sam",
    }


def test_whoever_had_left_by_then_is_marked_and_could_remove_nothing(ctx: Context) -> None:
    with ctx.database.write() as writing:
        assign(writing, TOKEN, "backup_owner", ANA, MARCH, "import")
    with ctx.database.read() as session:
        then = who(session, ctx, AUGUST + timedelta(days=1))
    assert ("backup_owner", "Ana (had left)", MARCH) in then.roles
    assert not any("Ana" in name for _, name in then.could_remove)


def test_the_future_is_refused_and_what_is_not_there_is_not_found(session: Session, ctx: Context) -> None:
    tomorrow = look_up.who(session, ctx, EVERYTHING, TOKEN, ctx.now() + timedelta(days=1))
    assert isinstance(tomorrow, Refusal)
    assert tomorrow.code == "invalid"
    stranger = reader_of(session, ctx, VERA)
    for answer in (
        look_up.who(session, ctx, stranger, TOKEN, MARCH),
        look_up.who(session, ctx, stranger, 999, MARCH),
        look_up.history(session, ctx, stranger, TOKEN),
        look_up.history(session, ctx, EVERYTHING, 999),
        look_up.token(session, ctx, stranger, TOKEN),
        look_up.vendor(session, ctx, stranger, "acme"),
    ):
        assert isinstance(answer, Refusal)
        assert answer.code == "not_found"
    assert look_up.who(session, ctx, stranger, TOKEN, MARCH) == look_up.who(session, ctx, stranger, 999, MARCH)


def test_readers_see_what_the_policy_lets_them(session: Session, ctx: Context) -> None:
    assert reader_of(session, ctx, SAM).scope is None
    for one, sees in ((BEN, True), (OTTO, True), (VERA, False)):
        found = look_up.find(session, ctx, reader_of(session, ctx, one), "drift")
        assert bool(found.tokens) is sees, one


def test_a_security_person_who_has_left_sees_nothing_of_others(ctx: Context) -> None:
    with ctx.database.write() as writing:
        sam = writing.get(Person, SAM)
        assert sam is not None
        sam.active = False
        writing.add(sam)
    with ctx.database.read() as session:
        assert reader_of(session, ctx, SAM).scope is not None


def test_a_vendor_by_a_part_of_its_name(session: Session, ctx: Context) -> None:
    facts = look_up.vendor(session, ctx, EVERYTHING, "ACME")
    assert isinstance(facts, VendorFacts)
    assert (facts.name, facts.chain, facts.relationship_owner) == ("Acme Cloud", ["Reseller"], "Otto")
    assert (facts.token_count, [one.name for one in facts.tokens]) == (1, ["drift-prod"])
    near = look_up.vendor(session, ctx, EVERYTHING, "acme clodu")
    assert isinstance(near, Refusal)
    assert near.nearest == ["Acme Cloud"]
    for inert in ("%", "_", "", "'; --"):
        assert isinstance(look_up.vendor(session, ctx, EVERYTHING, inert), Refusal)


def test_answers_are_json(session: Session, ctx: Context) -> None:
    found = look_up.find(session, ctx, EVERYTHING, "drift")
    told = look_up.history(session, ctx, EVERYTHING, TOKEN)
    assert not isinstance(told, Refusal)
    for answer in (who(session, ctx, AUGUST), found, told, look_up.due(session, ctx, EVERYTHING)):
        assert json.loads(json.dumps(asdict(answer), default=str))


# ------------------------------------------------------------------ what was known then, and what proves it


def test_what_was_written_down_later_stands_apart(ctx: Context) -> None:
    """In August it is written down that Ben took the token over in April; in July, that the contract has no end."""
    april, may, july = (datetime(2025, month, 1, tzinfo=UTC) for month in (4, 5, 7))
    changed: dict[str, Any] = {"before": {"service_owner": "p_1"}, "after": {"service_owner": "p_2"}}
    late = Entry(RecordKind.OWNERSHIP_CHANGED, reason="import", token_id=TOKEN, accountable=changed, effective_at=april)
    with ctx.database.write() as writing:
        append(writing, [late], lambda: AUGUST)
        old = writing.get(Contract, 1)
        assert old is not None
        old.replaced_at = july
        writing.add(old)
        writing.add(Contract(vendor_id=RESELLER, recorded_at=july))
    with ctx.database.read() as session:
        answer = who(session, ctx, may)
        assert [(line.kind, line.effective_at) for line in answer.later] == [("ownership_changed", april)]
        assert "ownership_changed" not in [line.kind for line in answer.asked]
        assert (answer.contract, answer.contract_ends_on) == ("active", date(2025, 6, 30))
        assert answer.later_facts == [LaterFact("contract", "open_ended", july)]
        assert who(session, ctx, AUGUST).later == []
        assert who(session, ctx, AUGUST).later_facts == []


def test_before_the_first_import_the_first_owners_are_told_as_learned_later(session: Session, ctx: Context) -> None:
    before = who(session, ctx, T0 - timedelta(days=1))
    assert before.roles == []
    assert before.later_facts == [
        LaterFact("service_owner", "Ana", T0),
        LaterFact("contract", "active", T0, date(2025, 6, 30)),
    ]


def test_the_policy_of_the_moment_says_who_could_have_removed_it(ctx: Context) -> None:
    """Until July the security team could not revoke. From July on it could, and on 20 August that was taken back."""
    july, back = datetime(2025, 7, 1, tzinfo=UTC), AUGUST + timedelta(days=19)
    old = ctx.policy.model_copy(update={"version": "old", "roles": {"security": ()}})
    with ctx.database.write() as writing:
        for policy, since in ((old, T0), (ctx.policy, july)):
            body = policy_to_json(policy)
            named = {"policy_id": policy.policy_id, "version": policy.version}
            writing.add(PolicyVersion(hash=policy_hash(policy), body=body, first_used_at=since, **named))
        for policy, since in ((old, AUGUST), (ctx.policy, AUGUST), (old, back)):
            authority = {"policy_id": policy.policy_id, "version": policy.version, "hash": policy_hash(policy)}
            append(writing, [Entry(RecordKind.POLICY_CHANGED, authority=authority)], partial(_same, since))
    with ctx.database.read() as session:
        moments = (T0 - timedelta(days=1), MARCH, AUGUST, back)
        before, march, august, later = (who(session, ctx, at) for at in moments)
    assert before.policy == "", "no policy was kept by then, so today's stands in and is not named"
    assert "security" not in dict(march.could_remove)
    assert march.policy.endswith("version old")
    assert ("security", "Sam") in august.could_remove
    assert "security" not in dict(later.could_remove)
    assert later.policy == march.policy


def _same(at: datetime) -> datetime:
    return at


def test_each_record_names_the_first_checkpoint_over_it_and_who_dated_it_first(ctx: Context) -> None:
    """Two records: one signed and dated by a witness, the other neither yet."""
    signed, seconds = MARCH + timedelta(hours=1), int((MARCH + timedelta(hours=2)).timestamp())
    line = NoteSignature("witness.example/w1", b"\x01\x02\x03\x04", seconds.to_bytes(8, "big") + bytes(64)).line()
    anchors = ["folder:/safe", "witness:https://witness.example", "tsa:https://tsa.example"]
    checkpoint = Published(0, 1, bytes(32), b"a note", signed)
    with ctx.database.write() as writing:
        keep_checkpoint(writing, checkpoint, anchors)
        for anchor, receipt in zip(anchors, (b"/safe/1", line.encode(), b"not DER"), strict=True):
            anchored(writing, anchor, checkpoint, receipt, AUGUST)
    with ctx.database.read() as session:
        first, second = who(session, ctx, AUGUST).proofs
    assert (first.seq, first.signed_size, first.signed_at) == (0, 1, signed)
    assert (first.kept_kind, first.kept_by) == ("witness", "https://witness.example")
    assert first.kept_at == datetime.fromtimestamp(seconds, UTC)
    assert (second.seq, second.signed_size, second.kept_at) == (1, None, None)


def test_the_story_has_everybody_from_the_beginning_until_now(session: Session, ctx: Context) -> None:
    told = look_up.who_story(session, ctx, EVERYTHING, TOKEN, MARCH)
    assert isinstance(told, Story)
    assert [(one.role, one.name, one.since, one.until) for one in told.tenures] == [
        ("service_owner", "Ana", T0, AUGUST),
        ("service_owner", "Ben", AUGUST, None),
        ("vendor_relationship_owner", "Vera", T0, MARCH),
        ("vendor_relationship_owner", "Otto", MARCH, None),
        ("contract", "", datetime(2024, 1, 1, tzinfo=UTC), datetime(2025, 7, 1, tzinfo=UTC)),
    ]
    assert [line.kind for line in told.afterwards] == ["ownership_changed"]
    assert isinstance(look_up.who_story(session, ctx, reader_of(session, ctx, VERA), TOKEN, MARCH), Refusal)


def test_whoever_was_erased_is_a_pseudonym_everywhere(ctx: Context) -> None:
    erase_person(ctx.database, lambda: AUGUST, "ana@example.com", force=True)
    with ctx.database.read() as session:
        told = look_up.who_story(session, ctx, EVERYTHING, TOKEN, MARCH)
    assert isinstance(told, Story)
    assert told.answer.roles == [("service_owner", "p_1 (erased)", T0)]
    assert told.tenures[0].name == "p_1 (erased)"
    assert "p_1" in [line.subject for line in told.answer.asked]
    assert "example.com" not in who_page(told).replace("ben@example.com", "")
    assert "erased.invalid" not in who_page(told)
