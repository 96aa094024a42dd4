"""The main job, from the inventory file to the record, told as what people see and do. On both databases."""

from __future__ import annotations

from datetime import timedelta

from bot.rules.calendar import is_working
from messages.action_ref import Verb
from storage.ledger.record import RecordKind
from tests.servers.office import Office, words

HOUR = timedelta(hours=1)


def test_the_first_morning(office: Office) -> None:
    """Everybody gets one message, in their own morning; whoever has left gets none, and Leo's goes to his backup."""
    report = office.tick()
    assert report.opened == 8
    assert {one.external_id: one.reviewer.partition("@")[0] for one in report.due} == {
        "k1": "ana",
        "k2": "ana",
        "k3": "ana",
        "k4": "omar",
        "k5": "mia",
        "k6": "noa",
        "k7": "vera",
        "k8": "ben",
    }
    assert "3 tokens need your answer" in office.card("ana")
    assert "Do you still stand behind ledger-sync?" in office.card("omar")
    assert "The service owner has left" in office.card("mia")
    assert office.inbox("vera") == office.inbox("noa") == []  # it is night in New York, and evening in Tokyo

    for _ in range(18):
        office.clock.advance(HOUR)
        office.worker.deliver()
    assert "you look after the vendor, Driftly" in office.card("vera")
    assert "you stand in for Kim Abe" in office.card("noa")
    for who in office.accounts:
        expected = 0 if who in ("leo", "kim", "sam", "eve") else 1
        assert len(office.inbox(who)) == expected, who
        assert all(is_working(office.sent_at(one), office.working_time(who)) for one in office.inbox(who)), who


def test_one_click_stands_behind_a_token(office: Office) -> None:
    """An ordinary token: one click, one decision, one record, and the card says so in its place."""
    office.tick()
    said = office.press("omar", Verb.ATTEST, "ledger-sync")
    assert "Recorded: you stand behind ledger-sync" in said
    assert office.decisions("ledger-sync") == [("attest", "omar", "service_owner")]
    [record] = office.records("ledger-sync", RecordKind.DECISION)
    assert record.fields["details"]["decision"] == "attest"
    assert "Omar Haddad" in str(record.disclosures)
    assert b"Omar" not in record.body

    office.tick()
    [card] = office.inbox("omar")
    assert "Omar Haddad" in words(card.blocks)
    assert "re-attested it" in words(card.blocks)
    assert office.request("ledger-sync").state == "settled"
    assert office.tick().opened == 0


def test_customer_data_in_production_asks_why(office: Office) -> None:
    """A grave token restates what it is for; without a reason nothing is recorded."""
    office.tick()
    form = office.open("ana", Verb.ATTEST, "drift-prod")
    shown = words(form.content["blocks"])
    for restated in ("Driftly, through Union Group", "Nightly export of chats", "production, customer data"):
        assert restated in shown
    refused = office.send("ana", form, still_right="yes", justification=" ")
    assert "justification" in refused.errors
    assert office.decisions("drift-prod") == []

    said = office.fill("ana", Verb.ATTEST, "drift-prod", still_right="yes", justification="The chats are billed by it.")
    assert "you stand behind drift-prod" in said
    [record] = office.records("drift-prod", RecordKind.DECISION)
    assert record.disclosures["justification"] == "The chats are billed by it."
    assert b"billed" not in record.body  # a reason can be erased one day without touching the record


def test_revoked_with_a_reason_and_carried_out_with_evidence(office: Office) -> None:
    """Revoking opens work; the token counts as removed once somebody says how, and nobody asks again."""
    office.tick()
    said = office.fill("ana", Verb.REVOKE, "drift-prod", justification="We left Driftly.")
    assert "still works until somebody removes it" in said
    assert office.request("drift-prod").state == "remediating"
    office.tick()
    assert "decided to revoke it" in office.card("ana")

    form = office.open("ana", Verb.DONE, "drift-prod")
    assert "evidence" in office.send("ana", form, result="accepted_unverified", evidence="").errors
    said = office.fill("ana", Verb.DONE, "drift-prod", result="accepted_unverified", evidence="OPS-17")
    assert "accepted, not verified" in said  # a person's word is no confirmation
    [opened] = office.records("drift-prod", RecordKind.REMEDIATION_OPENED)
    [result] = office.records("drift-prod", RecordKind.REMEDIATION_RESULT)
    assert opened.fields["details"]["connector"] == "manual"
    assert result.fields["details"]["result"] == "accepted_unverified"
    assert result.disclosures["evidence"] == "OPS-17"
    assert office.request("drift-prod").state == "settled"
    assert "k1" not in {one.external_id for one in office.tick().due}


def test_a_strangers_click_is_refused_kindly(office: Office) -> None:
    """Eve presses a forwarded card, twice. Nothing changes; she reads who can decide; it is recorded once."""
    office.tick()
    [card] = office.inbox("omar")
    both = [office.accounts["eve"], office.accounts["omar"]]
    random = office.slack.workspace.add_channel("random", members=both)
    bot = office.slack.workspace.bot_user.id
    forwarded = office.slack.workspace.post(random.id, "forwarded", blocks=card.blocks, user=bot)
    for _ in range(2):
        said = office.press("eve", Verb.ATTEST, "ledger-sync", on=forwarded)
        assert "This is for somebody else to decide" in said
        assert "Omar Haddad" in said
    assert office.decisions("ledger-sync") == []
    assert office.request("ledger-sync").state == "open"
    [record] = office.records("ledger-sync", RecordKind.REFUSED)
    assert record.fields["details"]["verb"] == "attest"
    assert "Eve" in str(record.disclosures)


def test_one_decision_whatever_is_pressed(office: Office) -> None:
    """A click delivered twice, replayed, and pressed again later: one decision, and who made it when is said."""
    office.tick()
    [card] = office.inbox("omar")
    office.slack.delivery.duplicate_next()
    office.press("omar", Verb.ATTEST, "ledger-sync")
    click = next(one for one in reversed(office.slack.delivery.transport.log) if one.kind == "block_actions")
    assert office.slack.driver.replay(click).status == 200

    office.clock.advance(HOUR)
    office.tick()
    said = office.press("omar", Verb.ATTEST, "ledger-sync", on=card)
    assert "This is already decided" in said
    assert "Omar Haddad" in said
    assert "5 Jan 2026" in said
    assert office.decisions("ledger-sync") == [("attest", "omar", "service_owner")]
    assert len(office.records("ledger-sync", RecordKind.DECISION)) == 1


def test_a_card_from_before_a_change_is_out_of_date(office: Office) -> None:
    """Omar puts it off on his phone; the card that his laptop still shows does not count any more."""
    office.tick()
    [card] = office.inbox("omar")
    office.fill("omar", Verb.SNOOZE, "ledger-sync", until="2026-01-11", justification="")
    said = office.press("omar", Verb.ATTEST, "ledger-sync", on=card)
    assert "This card is out of date" in said
    assert office.decisions("ledger-sync") == [("snooze", "omar", "service_owner")]
    assert office.request("ledger-sync").state == "open"


def test_the_leavers_token_finds_its_successor(office: Office) -> None:
    """Leo has left. His backup stands behind his token, and from then on it is hers."""
    office.tick()
    office.advance(24, step=6)
    assert office.owner("legacy-export") == "leo"
    office.press("mia", Verb.ATTEST, "legacy-export")
    assert office.owner("legacy-export") == "mia"
    *_, change = office.records("legacy-export", RecordKind.OWNERSHIP_CHANGED)
    assert "Mia Stone" in str(change.disclosures)
    assert "Leo Gone" in str(change.disclosures)
    assert office.inbox("leo") == []
    assert "legacy-export" in office.ask("mia", "mine")
    assert "*Leo Gone (had left)*, its service owner" in office.ask("mia", "who legacy-export on 2026-01-05")
    assert "*Mia Stone*, its service owner" in office.ask("mia", "who legacy-export on 2026-01-06")


def test_let_it_lapse_and_hear_no_more(office: Office) -> None:
    """Omar lets a token run out. No notice follows, not even after it has expired; a new date is a new question."""
    office.tick()
    office.press("omar", Verb.LET_LAPSE, "ledger-sync")
    assert office.decisions("ledger-sync") == [("let_lapse", "omar", "service_owner")]
    for day in range(15):
        office.clock.advance(24 * HOUR)
        assert "k4" not in {one.external_id for one in office.worker.sweep().due}, day
    office.bring(tokens="external_id,issuing_system,expires_at\nk4,github,2026-01-29\n")
    [again] = [one for one in office.worker.sweep().due if one.external_id == "k4"]
    assert again.reasons == ["never_attested", "expiring"]


def test_a_list_is_kept_true_in_its_place(office: Office) -> None:
    """What is decided stays in Ana's list and says how; a newer list takes the place of the older one."""
    office.tick()
    first = office.inbox("ana")[0]
    office.press("ana", Verb.ATTEST, "drift-dev")
    office.tick()
    [card] = office.inbox("ana")
    assert card.ts == first.ts
    assert "2 tokens need your answer" in words(card.blocks)
    assert "Ana Lima" in words(card.blocks)

    office.advance(24, step=6)
    older, newer = office.inbox("ana")
    assert older.ts == first.ts
    assert "continues in a newer message" in words(older.blocks)
    assert "2 tokens need your answer" in words(newer.blocks)
    assert "a reminder" in words(newer.blocks)
    assert "drift-dev" not in words(newer.blocks)


def test_questions_are_answered(office: Office) -> None:
    """Who stood behind it on that day, what is mine, what is due, whose vendor, what happened, and what can I ask?"""
    office.tick()
    office.fill("ana", Verb.ATTEST, "drift-prod", still_right="yes", justification="Needed.")
    office.clock.advance(48 * HOUR)

    then = office.ask("sam", "who drift-prod on 2026-01-05")
    for part in ("Ana Lima", "Omar Haddad", "Driftly, looked after by Vera Cole", "Ana Lima was asked", "re-attested"):
        assert part in then, part
    assert "Sam Reed (security" in then  # could have removed it
    assert "whose ledger verify" in then
    assert "2 tokens need your answer" in office.ask("ana", "mine")
    assert "warehouse-root" in office.ask("sam", "due")
    vendor = office.ask("vera", "vendor driftly")
    assert "Vera Cole" in vendor
    assert "orphan-hook" in vendor
    history = office.ask("ana", "history drift-prod")
    assert "Reason given: “Needed.”" in history
    assert "/whose who" in office.ask("eve", "help")
    assert "Nothing found" in office.ask("eve", "drift-prod")
