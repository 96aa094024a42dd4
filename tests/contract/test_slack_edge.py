"""Slack's edge from the outside: what people click, type and see, in a workspace as strict as Slack."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlmodel import select

from bot.sandbox.faults import Fault
from messages.action_ref import ActionRef, Verb
from storage.database import Database
from storage.people import ChatIdentity, Person
from storage.requests import AttestationRequest
from tests.contract.slack_kit import Office, open_office, shown, text_of
from tests.servers.fake_clock import FakeClock


@pytest.fixture
def office(database: Database, clock: FakeClock) -> Iterator[Office]:
    with open_office(database, clock) as opened:
        yield opened


@pytest.fixture
def small(sqlite_database: Database, clock: FakeClock) -> Iterator[Office]:
    """For what no database makes a difference to."""
    with open_office(sqlite_database, clock) as opened:
        yield opened


def request_id(office: Office, token: str = "plain") -> int:
    found = office.request(token).id
    assert found is not None
    return found


# ------------------------------------------------------------------ deciding


def test_one_click_attests_and_says_so(office: Office) -> None:
    office.ask()
    said = office.click("ana", Verb.ATTEST, request_id(office))
    assert "drift-prod" in said
    assert "you stand behind" in said
    assert office.request().state == "settled"
    assert [one.kind for one in office.decisions()] == ["attest"]
    office.deliver()
    assert "drift-prod" in shown(office.message("ana").blocks)


def test_a_second_click_is_told_what_was_decided(office: Office) -> None:
    office.ask()
    seen = office.message("ana")
    office.click("ana", Verb.ATTEST, request_id(office))
    said = office.click("ana", Verb.ATTEST, request_id(office), on=seen)
    assert "already decided" in said
    assert "Ana" in said
    assert len(office.decisions()) == 1


def test_a_click_delivered_twice_is_one_decision(office: Office) -> None:
    office.ask()
    office.slack.delivery.duplicate_next()
    office.click("ana", Verb.ATTEST, request_id(office))
    assert len(office.decisions()) == 1
    click = next(one for one in reversed(office.slack.delivery.transport.log) if one.kind == "block_actions")
    assert office.slack.driver.replay(click).status == 200
    assert len(office.decisions()) == 1


def test_a_strangers_click_is_refused_kindly_and_names_who_can(office: Office) -> None:
    office.ask()
    message = office.message("ana")
    channel = office.slack.workspace.add_channel("random", members=[office.accounts["eve"], office.accounts["ana"]])
    posted = office.slack.workspace.post(
        channel.id, "forwarded", blocks=message.blocks, user=office.slack.workspace.bot_user.id
    )
    before = office.state()
    said = office.click("eve", Verb.ATTEST, request_id(office), on=posted)
    assert "somebody else" in said
    assert "Ana" in said
    assert office.state() == before


def test_a_grave_token_asks_why_first(office: Office) -> None:
    office.ask()
    asked = request_id(office, "grave")
    view = office.open("ana", Verb.OPEN, asked)
    assert "crm-export" in text_of(view)
    outcome = office.slack.driver.click_in_view(office.accounts["ana"], view.id, f"whose:attest:{asked}")
    form = outcome.view
    assert form is not None
    assert form.content["callback_id"] == "whose:attest"
    assert office.request("grave").state == "open"
    outcome = office.submit("ana", form, still_right="yes", justification="Needed for the nightly export.")
    assert outcome.errors == {}
    assert outcome.view is not None
    assert "you stand behind" in text_of(outcome.view)
    [decision] = office.decisions()
    assert (decision.kind, decision.justification) == ("attest", "Needed for the nightly export.")


def test_revoke_asks_for_a_reason_then_opens_the_work(office: Office) -> None:
    office.ask()
    asked = request_id(office)
    view = office.open("ana", Verb.OPEN, asked)
    form = office.slack.driver.click_in_view(office.accounts["ana"], view.id, f"whose:revoke:{asked}").view
    assert form is not None
    outcome = office.submit("ana", form, justification="Nobody uses it.")
    assert outcome.error is None
    assert outcome.view is not None
    assert "to be revoked" in text_of(outcome.view)
    assert office.request().state == "remediating"


def test_not_mine_proposes_a_colleague_who_accepts(office: Office) -> None:
    office.ask()
    asked = request_id(office)
    view = office.open("ana", Verb.OPEN, asked)
    form = office.slack.driver.click_in_view(office.accounts["ana"], view.id, f"whose:disown:{asked}").view
    assert form is not None
    outcome = office.submit("ana", form, new_owner=office.accounts["ben"], justification="It moved to your team.")
    assert outcome.errors == {}
    office.deliver()
    said = office.click("ben", Verb.ACCEPT, asked)
    assert "service owner" in said
    assert office.request().state == "open"


def test_a_secret_in_a_reason_is_refused_and_kept_nowhere(office: Office, caplog: pytest.LogCaptureFixture) -> None:
    office.ask()
    asked = request_id(office, "grave")
    view = office.open("ana", Verb.OPEN, asked)
    form = office.slack.driver.click_in_view(office.accounts["ana"], view.id, f"whose:attest:{asked}").view
    assert form is not None
    secret = "ghp_" + "aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0eF2gH4"
    before = office.state()
    outcome = office.submit("ana", form, still_right="yes", justification=f"key is {secret}")
    assert "secret" in outcome.errors["justification"].lower()
    assert secret not in str(outcome)
    assert office.state() == before
    assert secret not in caplog.text


def test_a_form_on_a_card_that_has_changed_is_refused(office: Office) -> None:
    office.ask()
    asked = request_id(office)
    view = office.open("ana", Verb.OPEN, asked)
    form = office.slack.driver.click_in_view(office.accounts["ana"], view.id, f"whose:revoke:{asked}").view
    assert form is not None
    with office.database.write() as session:
        request = session.get(AttestationRequest, asked)
        assert request is not None
        request.version += 1
        session.add(request)
    outcome = office.submit("ana", form, justification="Unused.")
    assert outcome.view is not None
    assert "out of date" in text_of(outcome.view)
    assert office.decisions() == []


def test_an_expired_trigger_loses_nothing(small: Office) -> None:
    """What was to be shown is whispered; a form cannot be, so the person is asked to click again."""
    small.ask()
    small.slack.workspace.faults.add("views.open", Fault.ERROR, times=2, error="expired_trigger_id")
    asked = request_id(small)
    said = small.click("ana", Verb.OPEN, asked)
    assert "Do you still stand behind drift-prod?" in said
    whispered = next(one for one in small.slack.driver.inbox(small.accounts["ana"]) if one.visible_to)
    before = len(small.whispers("ana"))
    button = f"whose:revoke:{asked}"
    small.slack.driver.click(small.accounts["ana"], whispered.channel, whispered.ts, button)
    small.slack.driver.until(lambda: len(small.whispers("ana")) > before)
    assert "click the button once more" in small.whispers("ana")[-1]


# ------------------------------------------------------------------ who clicked


def test_an_account_seen_for_the_first_time_is_tied_by_its_address(office: Office) -> None:
    now = office.clock.now()
    with office.database.write() as session:
        session.add(Person(email="neu@example.com", name="Neu", created_at=now, updated_at=now))
    account = office.slack.workspace.add_user("Neu", email="Neu@example.com")
    office.accounts["neu"] = account.id
    assert "Nothing waits" in office.say("neu", "mine")
    calls = office.slack.workspace.calls.count("users.info")
    office.say("neu", "mine")
    assert office.slack.workspace.calls.count("users.info") == calls == 1


def test_nobody_of_the_directory_is_told_so_and_asked_about_once(small: Office) -> None:
    small.accounts["guest"] = small.slack.workspace.add_user("Guest", email="guest@elsewhere.example").id
    for _ in range(3):
        assert "not in the directory" in small.say("guest", "mine")
    assert small.slack.workspace.calls.count("users.info") == 1


def test_whoever_has_left_is_told_so(small: Office) -> None:
    assert "not active" in small.say("lea", "mine")


def test_a_closed_account_is_refused(small: Office) -> None:
    with small.database.write() as session:
        identity = session.exec(select(ChatIdentity).where(ChatIdentity.user_id == small.accounts["ben"])).one()
        identity.deactivated = True
        session.add(identity)
    assert "not active" in small.say("ben", "mine")


# ------------------------------------------------------------------ looking up


def test_a_token_by_a_part_of_its_name(office: Office) -> None:
    said = office.say("ana", "drift")
    assert "drift-prod" in said
    assert "Acme Cloud" in said
    assert "Ana" in said


def test_what_is_not_yours_does_not_exist_for_you(office: Office) -> None:
    for words in ("drift-prod", "AKIA-plain", "who drift-prod", "history drift-prod", "vendor acme"):
        said = office.say("eve", words)
        assert "Nothing found" in said, words
        assert "security team" in said, words
        assert "Ana" not in said
    assert "drift-prod" not in office.say("eve", "drift-prdo")
    for who in ("ben", "sam", "vera"):
        assert "Ana" in office.say(who, "drift-prod"), who


def test_several_matches_are_a_list_with_buttons(office: Office) -> None:
    outcome = office.slack.driver.command(office.accounts["sam"], "AKIA")
    [listed] = outcome.ephemeral
    assert "2 tokens match" in shown(listed.blocks)
    button = ActionRef(Verb.SHOW_TOKEN, office.tokens["grave"]).action_id
    view = office.slack.driver.click(office.accounts["sam"], listed.channel, listed.ts, button).view
    assert view is not None
    assert "crm-export" in text_of(view)
    history = ActionRef(Verb.SHOW_HISTORY, office.tokens["grave"]).action_id
    view = office.slack.driver.click_in_view(office.accounts["sam"], view.id, history).view
    assert view is not None
    assert "recorded about crm-export" in text_of(view)


def test_a_slip_gets_a_suggestion(office: Office) -> None:
    assert "drift-prod" in office.say("ana", "drift-prdo")
    assert "mine" in office.say("sam", "mien")


def test_mine_due_vendor_history_help(office: Office) -> None:
    office.ask()
    mine = office.say("ana", "mine")
    assert "drift-prod" in mine
    assert "crm-export" in mine
    due = office.say("sam", "due")
    assert "2 tokens wait" in due
    assert "Nothing" in office.say("eve", "due")
    vendor = office.say("vera", "vendor acme")
    assert "Acme Cloud" in vendor
    assert "Vera" in vendor
    assert "2 tokens" in vendor
    history = office.say("ana", "history drift-prod")
    assert "An answer was asked for" in history
    assert "Ana was asked" in history
    assert "/whose" in office.say("eve", "help")
    assert "/whose" in office.say("eve", "")


def test_who_was_accountable_on_a_day(office: Office) -> None:
    office.ask()
    office.click("ana", Verb.ATTEST, request_id(office))
    office.clock.advance(timedelta(days=2))
    then = office.say("sam", "who drift-prod on 2025-08-12")
    assert "Ana" in then
    assert "Vera" in then
    assert "Sam" in then
    assert "No record of this token existed by then" in then
    now = office.say("sam", "who drift-prod on 2026-01-05")
    assert "Ana was asked" in now
    assert "re-attested it" in now
    assert "records 2 to 3" in now
    assert "still to come" in office.say("sam", "who drift-prod on 2030-01-01")
    assert "not a day" in office.say("sam", "who drift-prod on 2025-02-30")
    before_anybody = office.say("sam", "who drift-prod on 2024-01-01")
    assert "Nobody" in before_anybody


# ------------------------------------------------------------------ the Home tab


def test_the_home_tab_shows_mine_and_follows_a_click(small: Office) -> None:
    small.ask()
    small.slack.driver.open_home(small.accounts["ana"])
    home = small.slack.workspace.views
    small.slack.driver.until(lambda: home.home(small.accounts["ana"]) is not None)
    view = home.home(small.accounts["ana"])
    assert view is not None
    assert "drift-prod" in text_of(view)
    outcome = small.slack.driver.click_in_view(small.accounts["ana"], view.id, f"whose:attest:{request_id(small)}")
    assert outcome.view is not None
    assert "you stand behind" in text_of(outcome.view)
    button = f"whose:attest:{request_id(small)}"
    small.slack.driver.until(lambda: button not in str(home.home(small.accounts["ana"])))


def test_the_home_tab_of_a_stranger_says_why_it_is_empty(small: Office) -> None:
    guest = small.slack.workspace.add_user("Guest", email="guest@elsewhere.example").id
    small.slack.driver.open_home(guest)
    small.slack.driver.until(lambda: small.slack.workspace.views.home(guest) is not None)
    view = small.slack.workspace.views.home(guest)
    assert view is not None
    assert "not in the directory" in text_of(view)


# ------------------------------------------------------------------ when things go wrong here


def test_nobody_waits_until_slack_has_said_who_we_are(small: Office) -> None:
    before = small.slack.workspace.calls.count("auth.test")
    small.say("eve", "help")
    assert small.slack.workspace.calls.count("auth.test") == before


def test_a_fault_of_ours_is_a_kind_sentence_and_no_traceback(
    small: Office, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("row ('my justification',) was refused")

    small.ask()
    monkeypatch.setattr("bot.slack.commands.look_up.find", broken)
    assert "try again" in small.say("ana", "drift-prod")
    assert "my justification" not in caplog.text
    assert "could not be answered" in caplog.text
