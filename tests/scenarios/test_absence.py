"""Somebody is away: whoever stands in for them gets what is open and what comes, and keeps it. On both databases."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import update

from messages.action_ref import Verb
from storage.ledger.record import RecordKind
from storage.people import PERSON
from storage.requests import DECISION
from tests.servers.office import Office, words

DAYS = timedelta(days=1)


def away(office: Office, who: str, delegate: str, days: float) -> None:
    """As the people file would say: away for so many days from now, and who stands in."""
    with office.database.write() as session:
        columns = PERSON.select().with_only_columns(PERSON.c.email, PERSON.c.id)
        people = {row.email: row.id for row in session.connection().execute(columns)}
        row = update(PERSON).where(PERSON.c.email == f"{who}@example.com")
        instead = people[f"{delegate}@example.com"] if delegate else None
        until = office.clock.now() + days * DAYS
        session.connection().execute(row.values(away_until=until, delegate_id=instead))


def told(office: Office, token: str) -> list[list[str]]:
    return [people for _, people in office.told(token)]


def hours(office: Office, number: int) -> None:
    for _ in range(number):
        office.clock.advance(timedelta(hours=1))
        office.worker.climb()
        office.worker.deliver()


def test_what_is_open_moves_to_the_stand_in_in_one_message(office: Office) -> None:
    """Ana goes away and names Noa, in Tokyo. Next morning there Noa has Ana's three, and nobody has lost time."""
    office.tick()
    before = office.request("drift-stage").next_step_at
    messages = len(office.inbox("noa"))
    away(office, "ana", "noa", 14)
    office.worker.climb()
    for token in ("drift-prod", "drift-stage", "drift-dev"):
        assert told(office, token) == [["ana"], ["noa"]]
        assert office.request(token).step == 0
    after = office.request("drift-stage").next_step_at
    assert before is not None
    assert after is not None
    assert after >= before
    hours(office, 16)
    new = office.inbox("noa")[messages:]
    assert len(new) == 1
    card = words(new[0].blocks)
    for token in ("drift-prod", "drift-stage", "drift-dev", "tokyo-cdn"):
        assert token in card
    assert "you stand in for Ana Lima, who is away until " in card
    assert "19 Jan 2026" in card
    office.worker.climb()
    assert told(office, "drift-dev") == [["ana"], ["noa"]], "moved once"


def test_a_stand_in_decides_in_the_others_name(office: Office) -> None:
    office.tick()
    away(office, "ana", "noa", 14)
    hours(office, 16)
    office.press("noa", Verb.ATTEST, "drift-dev")
    assert office.decisions("drift-dev") == [("attest", "noa", "service_owner")]
    [record] = office.records("drift-dev", RecordKind.DECISION)
    assert record.fields["authority"]["delegated_from"] == record.fields["accountable"]["before"]["service_owner"]
    assert office.owner("drift-dev") == "ana"


def test_the_escalation_follows_the_stand_ins_chain(office: Office) -> None:
    """Noa is silent: it is Noa's manager Mia who hears of it, not Ana's manager Ben; and Mia may decide."""
    away(office, "ana", "noa", 60)
    office.tick()
    assert told(office, "drift-prod") == [["noa"]]
    while len(told(office, "drift-prod")) < 4:
        office.advance(24, step=3)
    assert told(office, "drift-prod") == [["noa"], ["noa"], ["omar", "vera"], ["mia"]]
    while "drift-prod" not in office.card("mia"):
        hours(office, 1)
    assert "Noa Sato reports to you" in words(office.open("mia", Verb.OPEN, "drift-prod").content["blocks"])
    office.fill("mia", Verb.REVOKE, "drift-prod", justification="Nobody needs it.")
    assert office.decisions("drift-prod") == [("revoke", "mia", "manager")]


def test_coming_back_gives_new_questions_back_and_leaves_open_ones(office: Office) -> None:
    """Ana is back sooner than Noa answered: Noa still has the question and may answer it; the next one is Ana's."""
    office.tick()
    away(office, "ana", "noa", 14)
    hours(office, 16)
    away(office, "ana", "", -1)
    office.tick()
    assert told(office, "drift-dev") == [["ana"], ["noa"]]
    office.press("noa", Verb.ATTEST, "drift-dev")
    with office.database.read() as session:
        [decided] = session.connection().execute(DECISION.select()).all()
    assert decided.delegated_from_id is not None
    assert "This is for somebody else to decide" not in str(office.whispers("noa")[-1:])
    office.bring(tokens=_one_more())
    office.tick()
    assert told(office, "drift-new") == [["ana"]]


def test_the_stand_in_is_away_too(office: Office) -> None:
    """From Ana to Noa, and from Noa to Omar: it goes to whoever is there, in Ana's place."""
    office.tick()
    away(office, "noa", "omar", 7)
    away(office, "ana", "noa", 7)
    office.worker.climb()
    assert told(office, "drift-dev") == [["ana"], ["omar"]]
    hours(office, 24)
    assert "you stand in for Ana Lima" in words(office.open("omar", Verb.OPEN, "drift-dev").content["blocks"])
    office.press("omar", Verb.ATTEST, "drift-dev")


def test_a_circle_of_stand_ins_moves_nothing_and_the_ladder_goes_on(office: Office) -> None:
    office.tick()
    away(office, "noa", "ana", 30)
    away(office, "ana", "noa", 30)
    office.worker.climb()
    assert told(office, "drift-dev") == [["ana"]]
    office.advance(24 * 6, step=3)
    assert told(office, "drift-dev")[1] == ["vera"]


def test_the_stand_in_has_left(office: Office) -> None:
    office.tick()
    away(office, "ana", "leo", 30)
    office.worker.climb()
    assert told(office, "drift-dev") == [["ana"]]
    office.advance(24 * 4, step=3)
    assert told(office, "drift-dev")[1] == ["vera"]


def test_the_stand_in_leaves_while_asked(office: Office) -> None:
    """Noa had Ana's question and leaves: nobody is waited for who is gone, and nothing breaks."""
    office.tick()
    away(office, "ana", "noa", 30)
    office.worker.climb()
    office.slack.workspace.users[office.accounts["noa"]].deleted = True
    office.worker.sync_directory()
    assert told(office, "drift-prod") == [["ana"], ["noa"], ["omar"]]
    assert told(office, "drift-dev") == [["ana"], ["noa"], ["ben"]]


def test_work_goes_to_the_stand_in_too(office: Office) -> None:
    office.tick()
    office.fill("ana", Verb.REVOKE, "drift-prod", justification="We left Driftly.")
    office.tick()
    away(office, "ana", "omar", 30)
    hours(office, 24)
    assert "drift-prod" in office.card("omar")
    said = office.fill("omar", Verb.DONE, "drift-prod", result="accepted_unverified", evidence="OPS-17")
    assert "accepted, not verified" in said


def _one_more() -> str:
    columns = "external_id,issuing_system,display_name,environment,data_classification,customer_data,service_owner"
    return f"{columns}\nk9,other,drift-new,development,internal,false,ana@example.com\n"
