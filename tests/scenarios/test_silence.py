"""What happens when people do not answer, pass it on, or put it off. On both databases."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta

from bot.rules.calendar import is_working
from messages.action_ref import Verb
from storage.ledger.record import RecordKind
from tests.servers.office import Office, words


def who_was_told(office: Office, token: str) -> list[list[str]]:
    """Whom each step of the ladder told, in order, as it is on record."""
    return [people for _, people in office.told(token)]


def days_of(moments: list[datetime]) -> list[str]:
    return [f"{one:%a %d %b}" for one in moments]


def test_nobody_answers(office: Office) -> None:
    """A grave token climbs to its end in eight working days and is to be revoked; an ordinary one takes longer, and
    nothing is switched off. Every step is on record once, and nobody is written to outside their hours."""
    office.tick()
    office.advance(11 * 24, step=2)
    office.advance(19 * 24, step=6)

    grave = office.told("drift-prod")
    assert [people for _, people in grave] == [
        ["ana"],
        ["ana"],
        ["omar", "vera"],
        ["ben"],
        ["security"],
        ["ana", "security"],
    ]
    assert days_of([when for when, _ in grave]) == [
        "Mon 05 Jan",
        "Tue 06 Jan",
        "Thu 08 Jan",
        "Mon 12 Jan",  # two working days of Omar's, who does not work on Friday and Saturday, but does on Sunday
        "Tue 13 Jan",
        "Thu 15 Jan",
    ]
    silence = [one.fields["details"] for one in office.records("drift-prod", RecordKind.NO_RESPONSE)]
    assert [one["step"] for one in silence if "step" in one] == [0, 1, 2, 2, 3, 4]  # the last step acts at once
    [end] = office.records("drift-prod", RecordKind.DEFAULT_ACTION)
    assert end.fields["details"]["action"] == "open_revocation"
    assert office.decisions("drift-prod") == [("revoke", "", "policy")]
    assert office.request("drift-prod").state == "remediating"

    assert who_was_told(office, "drift-stage") == [["ana"], ["ana"], ["vera"], ["ben"], ["security"]]
    [end] = office.records("drift-stage", RecordKind.DEFAULT_ACTION)
    assert end.fields["details"]["action"] == "none"
    assert office.decisions("drift-stage") == []
    assert office.request("drift-stage").state == "open"
    assert "attest" not in str(office.records("drift-stage", RecordKind.DECISION))  # silence is no answer

    for who in office.accounts:
        sent = [office.sent_at(one) for one in office.inbox(who)]
        assert all(is_working(one, office.working_time(who)) for one in sent), who
        assert max(Counter(one.date() for one in sent).values(), default=0) <= 3, who
    assert office.inbox("leo") == office.inbox("eve") == office.inbox("kim") == []
    assert any("drift-prod" in words(one.blocks) for one in office.channel("security"))


def test_whoever_answers_first_ends_it_for_all(office: Office) -> None:
    """Ana is silent, and it goes to Omar and Vera. Vera revokes; Omar's card says so. The silence stays on record."""
    office.tick()
    office.advance(4 * 24, step=3)
    assert who_was_told(office, "drift-prod")[-1] == ["omar", "vera"]
    office.fill("vera", Verb.REVOKE, "drift-prod", justification="The contract is being cancelled.")
    office.tick()
    assert office.decisions("drift-prod") == [("revoke", "vera", "vendor_relationship_owner")]
    assert "Vera Cole" in office.card("omar")
    assert "decided to revoke it" in office.card("omar")
    assert [one.fields["details"]["step"] for one in office.records("drift-prod", RecordKind.NO_RESPONSE)] == [0, 1]


def test_every_card_follows_the_ladder(office: Office) -> None:
    """Omar was told at the third step. As it climbs further his card says who is next, at every step."""
    office.tick()
    office.press("omar", Verb.LET_LAPSE, "ledger-sync")
    office.advance(4 * 24, step=3)
    assert "Ben Okafor (manager) is next" in office.card("omar")
    office.advance(3 * 24, step=3)
    assert who_was_told(office, "drift-prod")[-1] == ["ben"]
    assert "the security channel is next" in office.card("omar")
    office.advance(24, step=3)
    assert who_was_told(office, "drift-prod")[-1] == ["security"]
    assert "is next" not in office.card("omar")
    assert "If nobody answers by" in office.card("omar")


def test_not_mine_and_the_next_owner_accepts(office: Office) -> None:
    """Ana names Omar. Until he accepts she stays accountable; then it is his, and he is asked."""
    office.tick()
    said = office.fill("ana", Verb.DISOWN, "drift-stage", new_owner="omar", justification="His team runs it.")
    assert "Omar Haddad is asked to take it over" in said
    assert office.request("drift-stage").state == "handover"
    assert office.owner("drift-stage") == "ana"
    office.tick()
    assert "drift-stage" in office.card("omar")
    assert "Ana Lima named you as next owner" in office.card("omar")

    assert "you are the service owner of drift-stage now" in office.press("omar", Verb.ACCEPT, "drift-stage")
    assert office.owner("drift-stage") == "omar"
    assert office.request("drift-stage").state == "open"
    assert [
        one.fields["details"]["accepted"] for one in office.records("drift-stage", RecordKind.HANDOVER_ANSWERED)
    ] == [True]
    office.tick()
    office.press("omar", Verb.ATTEST, "drift-stage")
    assert office.decisions("drift-stage") == [
        ("disown", "ana", "service_owner"),
        ("reassign", "omar", "service_owner"),
        ("attest", "omar", "service_owner"),
    ]


def test_not_mine_and_the_next_owner_declines(office: Office) -> None:
    """Omar says no: it stays Ana's, and whoever comes after the owner is asked."""
    office.tick()
    office.fill("ana", Verb.DISOWN, "drift-stage", new_owner="omar", justification="His team runs it.")
    office.tick()
    said = office.press("omar", Verb.DECLINE, "drift-stage")
    assert "you do not take drift-stage over" in said
    office.tick()
    assert office.owner("drift-stage") == "ana"
    assert who_was_told(office, "drift-stage") == [["ana"], ["vera"]]
    [answer] = office.records("drift-stage", RecordKind.HANDOVER_ANSWERED)
    assert answer.fields["details"]["accepted"] is False


def test_not_mine_and_the_next_owner_is_silent(office: Office) -> None:
    """Omar never answers: his silence is on record, and the question goes on as if Ana had not."""
    office.tick()
    office.fill("ana", Verb.DISOWN, "drift-stage", new_owner="omar", justification="His team runs it.")
    office.advance(45, step=3)
    assert office.request("drift-stage").state == "handover"
    office.advance(6, step=3)  # two of Omar's working days are over
    assert office.request("drift-stage").state == "open"
    assert office.owner("drift-stage") == "ana"
    assert len(office.told("drift-stage")) == 2
    silence = office.records("drift-stage", RecordKind.NO_RESPONSE)
    assert any("Omar" in str(one.disclosures) for one in silence)


def test_nobody_named_goes_to_the_next_at_once(office: Office) -> None:
    """Ana says "not mine" and knows nobody: the next tick asks whoever comes after her."""
    office.tick()
    office.fill("ana", Verb.DISOWN, "drift-stage", justification="Never seen it.")
    office.tick()
    assert office.owner("drift-stage") == "ana"
    assert who_was_told(office, "drift-stage") == [["ana"], ["vera"]]


def test_put_off_and_asked_again_on_that_morning(office: Office) -> None:
    """Omar puts it off to Sunday, a working day of his; until then it is quiet, and then it is asked anew."""
    office.tick()
    said = office.fill("omar", Verb.SNOOZE, "ledger-sync", until="2026-01-11", justification="")
    assert "ledger-sync can wait" in said
    office.advance(5 * 24, step=6)
    assert "ledger-sync" not in office.card("omar")  # drift-prod of Ana, who is silent, has come to him meanwhile
    assert len(office.told("ledger-sync")) == 1
    office.advance(24, step=3)
    assert office.told("ledger-sync")[1] == (datetime.fromisoformat("2026-01-11T06:30Z"), ["omar"])
    assert office.sent_at(office.inbox("omar")[-1]) - datetime.fromisoformat("2026-01-11T06:30Z") < timedelta(minutes=1)
