"""Somebody leaves: within one sync their questions go to who comes after them, in one message. On both databases."""

from __future__ import annotations

from datetime import timedelta

from messages.action_ref import Verb
from storage.ledger.record import RecordKind
from tests.servers.office import Office, words

HOUR = timedelta(hours=1)


def leave(office: Office, *names: str) -> None:
    """Their accounts are closed, and the directory is read."""
    for name in names:
        office.slack.workspace.users[office.accounts[name]].deleted = True
    report = office.worker.sync_directory()
    assert report.left == sorted(f"{name}@example.com" for name in names)


def an_hour(office: Office) -> None:
    """Time in which everything that waits may go out."""
    office.clock.advance(HOUR)
    office.worker.climb()
    office.worker.deliver()


def test_a_leavers_questions_go_to_whoever_comes_after_them(office: Office) -> None:
    """Ana had three questions open. What has a backup goes to Omar, the rest to her manager Ben, in one message."""
    office.tick()
    assert "3 tokens need your answer" in office.card("ana")
    before = {who: len(office.inbox(who)) for who in office.accounts}
    office.slack.workspace.calls.clear()
    leave(office, "ana")
    assert office.slack.workspace.calls.count() == office.slack.workspace.calls.count("users.list") == 1
    assert [people for _, people in office.told("drift-prod")] == [["ana"], ["omar"]]
    assert [people for _, people in office.told("drift-stage")] == [["ana"], ["ben"]]
    [silence] = office.records("drift-stage", RecordKind.NO_RESPONSE)
    assert silence.fields["details"]["left"] is True

    an_hour(office)
    assert len(office.inbox("ben")) == before["ben"] + 1
    for token in ("drift-stage", "drift-dev", "warehouse-root"):
        assert token in office.card("ben")
    why = words(office.open("ben", Verb.OPEN, "drift-stage").content["blocks"])
    assert "This came to you because Ana Lima reports to you." in why
    assert "The backup owner" not in why or "No backup owner is named" in why
    assert {who: len(office.inbox(who)) - before[who] for who in ("ana", "omar", "vera", "mia")} == {
        "ana": 0,
        "omar": 1,
        "vera": 0,
        "mia": 0,
    }


def test_what_a_leaver_was_not_asked_about_is_due_for_it(office: Office) -> None:
    """Omar has answered about his token; now that he has left it is due again, in the one message that Ben gets."""
    office.tick()
    office.press("omar", Verb.ATTEST, "ledger-sync")
    office.tick()
    assert office.request("ledger-sync").state == "settled"
    an_hour(office)
    before = len(office.inbox("ben"))
    leave(office, "omar")
    assert office.request("ledger-sync").state == "open"
    assert office.request("ledger-sync").reasons == ["owner_left"]
    assert [people for _, people in office.told("ledger-sync")][-1] == ["ben"]
    an_hour(office)
    assert len(office.inbox("ben")) == before + 1
    assert "ledger-sync" in office.card("ben")


def test_the_manager_has_left_too(office: Office) -> None:
    """Ana and Ben leave on one day: what nobody backs goes to Mia, Ben's manager."""
    office.tick()
    leave(office, "ana", "ben")
    assert [people for _, people in office.told("drift-stage")][-1] == ["mia"]
    assert [people for _, people in office.told("warehouse-root")][-1] == ["mia"]
    an_hour(office)
    assert sum("drift-stage" in str(one.blocks) for one in office.inbox("mia")) == 1


def test_nobody_is_left_but_security(office: Office) -> None:
    """Everybody above Ana has left, and the vendor's owner too: the security channel hears of it, once."""
    office.tick()
    leave(office, "ana", "ben", "mia", "vera", "omar", "noa")
    for token in ("drift-prod", "drift-stage", "drift-dev", "warehouse-root"):
        assert [people for _, people in office.told(token)][-1] == ["security"]
    an_hour(office)
    [message] = office.channel("security")
    assert "drift-prod" in str(message.blocks)
    assert all(one.state == "open" for one in map(office.request, ("drift-prod", "drift-stage", "ledger-sync")))


def test_managers_in_a_circle(office: Office) -> None:
    """Ben and Mia report to each other, says the directory, and both have left: it ends, with the vendor's owner."""
    office.tick()
    with office.database.write() as session:
        session.connection().exec_driver_sql(
            "UPDATE person SET manager_id = (SELECT id FROM person WHERE email = 'ben@example.com') "
            "WHERE email = 'mia@example.com'"
        )
    leave(office, "ana", "ben", "mia", "omar")
    assert [people for _, people in office.told("drift-stage")][-1] == ["vera"]
    assert [people for _, people in office.told("warehouse-root")][-1] == ["security"]


def test_the_successor_leaves_too(office: Office) -> None:
    """From Ana to Omar, from Omar to Ben, from Ben to Mia: each once, and the question has not moved up by itself."""
    office.tick()
    for who in ("ana", "omar", "ben"):
        leave(office, who)
        an_hour(office)
    assert [people for _, people in office.told("drift-prod")] == [["ana"], ["omar"], ["ben"], ["mia"]]
    assert office.request("drift-prod").step == 0


def test_work_that_a_leaver_had_goes_on(office: Office) -> None:
    """Ana had decided to revoke and was to do it. Now it is Omar's, and he is told."""
    office.tick()
    office.fill("ana", Verb.REVOKE, "drift-prod", justification="We left Driftly.")
    office.tick()
    leave(office, "ana")
    an_hour(office)
    assert [people for _, people in office.told("drift-prod")] == [["ana"], ["omar"]]
    assert "Omar Haddad was asked, in place of Ana Lima" in office.ask("omar", "history drift-prod")
    assert "drift-prod" in office.card("omar")
    said = office.fill("omar", Verb.DONE, "drift-prod", result="accepted_unverified", evidence="OPS-17")
    assert "accepted, not verified" in said


def test_the_proposed_owner_leaves(office: Office) -> None:
    """Ana had named Omar, who leaves before he answers: the question goes on as if he had been silent."""
    office.tick()
    office.fill("ana", Verb.DISOWN, "drift-stage", new_owner="omar", justification="His team runs it.")
    leave(office, "omar")
    assert office.request("drift-stage").state == "open"
    assert office.owner("drift-stage") == "ana"
