"""What lookups, refusals and confirmations say."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta

import pytest

from messages.action_ref import Verb
from messages.cards.confirmation import confirmation
from messages.cards.due import due
from messages.cards.facts import DigestFacts, Refusal
from messages.cards.found import none, several, token_card
from messages.cards.help import help_card
from messages.cards.history import history
from messages.cards.mine import mine
from messages.cards.refusal import refusal
from messages.cards.vendor import vendor
from messages.cards.who import who
from messages.wording import refusing
from tests.golden.card_examples import (
    ACCOUNTABLE,
    ATTESTED,
    CHANNEL,
    DRIFT,
    HANDOVER_WATCHED,
    HIGH,
    MAP_TILES,
    NO_AUTHORITY,
    ORDINARY,
    RECORDS,
    REVOKING,
    VENDOR,
)
from tests.unit.card_reading import buttons, said, verbs

# ------------------------------------------------------------------ lookups


def test_a_token_shows_its_owners_and_what_is_open_about_it() -> None:
    view = token_card(DRIFT, HIGH, "Europe/Berlin")
    for part in ("Ana Lima", "Chen Wei", "Ben Okafor", "ghapp-51423", "An answer is awaited by Wed 5 Mar 2025"):
        assert part in said(view)
    assert verbs(view) == [Verb.OPEN, Verb.SHOW_HISTORY]
    assert "It has no owner." in said(token_card(MAP_TILES))
    assert "may be gone" in said(token_card(replace(MAP_TILES, vanished=True)))
    assert "re-attested" in said(token_card(DRIFT, ATTESTED))


def test_several_matches_have_a_button_each_and_no_more_than_ten() -> None:
    view = several("map", [replace(MAP_TILES, token_id=n) for n in range(14)], 3)
    assert [button.action.subject for button in buttons(view)] == list(range(10))
    assert "17 tokens match" in said(view)
    assert "And 7 more" in said(view)


def test_no_match_offers_the_nearest_names_or_help() -> None:
    assert "/whose drift-prod" in said(none("drfit", ["drift-prod"]))
    assert "/whose help" in said(none("zzz"))


def test_mine_has_what_waits_and_what_is_owned() -> None:
    view = mine(DigestFacts("Ana", (HIGH, ORDINARY)), [replace(DRIFT, token_id=n) for n in range(30)], 10)
    assert "In your name: 40 tokens" in said(view)
    assert "And 20 more." in said(view)
    assert "No token is in your name." in said(mine(DigestFacts("Ana", ())))


def test_due_says_who_is_waited_for() -> None:
    text = said(due([CHANNEL, HANDOVER_WATCHED, REVOKING], 5))
    assert "asked last: Chen Wei" in text
    assert "waiting for Ben Okafor" in text
    assert "8 tokens wait for an answer" in text
    assert "Nothing that you may see" in said(due([]))


def test_a_vendor_shows_who_looks_after_it_its_contract_and_its_tokens() -> None:
    text = said(vendor(VENDOR))
    for part in ("Dana Fox", "31 Dec 2025", "being offboarded", "Resell Ltd", "drift-prod", "5 tokens", "And 3 more"):
        assert part in text
    bare = replace(VENDOR, relationship_owner="", contract_ends_on=None, tokens=(), more=0, token_count=0)
    assert "nobody" in said(vendor(bare))
    assert "No token of this vendor" in said(vendor(bare))


def test_a_history_shows_the_latest_records_in_order_with_their_numbers() -> None:
    many = [replace(RECORDS[0], seq=n) for n in range(40)]
    text = said(history(DRIFT, many, 10))
    assert "25 earlier records not shown" in text
    assert re.findall(r"record (\d+)", text) == [str(n) for n in range(15, 40)]
    assert "Nothing is recorded" in said(history(DRIFT, []))


def test_the_auditors_question_is_answered_on_one_screen() -> None:
    text = said(who(ACCOUNTABLE), 72)
    for part in ("Ana Lima, its service owner since Wed 1 Jan 2025.", "Dana Fox", "in force until 31 Dec 2025"):
        assert part in text
    for part in ("Could have removed it", "No answer came from Ana Lima", "records 12 to 331", "whose ledger verify"):
        assert part in text
    assert len(text.split("\n")) <= 45
    nobody = replace(ACCOUNTABLE, roles=(), asked=(), could_remove=(), first_record=None, proofs=())
    for part in ("Nobody: no owner was named", "Nobody had been asked", "nobody that is known", "No record of this"):
        assert part in said(who(nobody))
    early = said(who(replace(nobody, first_known_at=nobody.at + timedelta(days=9))))
    assert "Not known: this token was first imported" in early
    assert "looked after by nobody" not in early, "what was not yet written down is not said to have been nobody's"
    long = replace(ACCOUNTABLE, asked=[replace(RECORDS[1], seq=n) for n in range(50)])
    assert "And 42 earlier: /whose history drift-prod" in said(who(long))


def test_help_names_every_form_of_the_command() -> None:
    text = said(help_card())
    for typed in ("drift-prod", "mine", "due", "vendor acme", "history drift-prod", "help"):
        assert f"/whose {typed}\n" in text
    assert "/whose who drift-prod on 2025-08-12" in text


# ------------------------------------------------------------------ refusals and confirmations


def test_a_refusal_for_lack_of_authority_names_who_can_decide() -> None:
    text = said(refusal(NO_AUTHORITY))
    assert "Ana Lima (service owner)" in text
    assert "Ben Okafor (backup owner)" in text
    crowd = replace(NO_AUTHORITY, who_can=[(f"Person {n}", "security") for n in range(20)])
    assert "and 12 more" in said(refusal(crowd))
    assert "security team" in said(refusal(Refusal("no_authority", "x")))


def test_whoever_comes_second_is_told_who_decided_what_and_when() -> None:
    text = said(refusal(Refusal("already_decided", "ci-cache", settled=ATTESTED.settled, zone="Europe/Berlin")))
    assert "Ana Lima (service owner) re-attested it (Tue 4 Mar 2025, 11:00 CET, Slack)." in text


@pytest.mark.parametrize("code", [*refusing._HEADINGS, "something_new", ""])
def test_every_refusal_says_something(code: str) -> None:
    text = said(refusal(Refusal(code, "{name} {0} %s")))
    assert len(text.split()) > 5
    assert "{name}" not in text or "{name} {0} %s" in text
    unnamed = said(refusal(Refusal(code)))
    assert "{" not in unnamed
    assert not re.search(r"[.?] [a-z]|^[a-z]", unnamed, re.MULTILINE)


@pytest.mark.parametrize("verb", Verb)
def test_every_decision_is_confirmed_in_words(verb: Verb) -> None:
    assert "Recorded" in said(confirmation(verb, REVOKING))
    assert "ci-cache" in said(confirmation(verb, ATTESTED))
