"""A backup is put back after a day of work: the workspace, which forgot nothing, gets no message a second time."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from pathlib import Path

from sqlalchemy import func, select

from bot.operations.restore import continue_record
from messages.action_ref import Verb
from storage.ledger.log import head
from storage.outbox import OUTBOX
from tests.contract.ledger_kit import keeper, verify
from tests.servers.keeping import put_back, take
from tests.servers.office import Office

EVERYBODY = ("ana", "ben", "mia", "omar", "vera", "noa", "sam")


def messages(office: Office) -> Counter[str]:
    """How many messages each person and the security channel has."""
    counted = Counter({who: len(office.inbox(who)) for who in EVERYBODY})
    counted["#security"] = len(office.channel())
    return counted


def settle(office: Office) -> None:
    """Ten minutes of a worker: what is unknown is read back, twice where it is not found."""
    for _ in range(10):
        office.tick()
        office.clock.advance(timedelta(minutes=1))


def in_work(office: Office) -> int:
    with office.database.read() as session:
        query = select(func.count()).select_from(OUTBOX)
        query = query.where(
            OUTBOX.c.state.in_(["pending", "sending", "unknown"]), OUTBOX.c.not_before <= office.ctx.now()
        )
        return int(session.connection().execute(query).scalar_one())


def test_what_was_sent_since_the_backup_is_not_sent_again(office: Office, tmp_path: Path) -> None:
    """Some messages wait for their reader's morning at the backup, others are not even thought of. A day later all
    are sent, and then the backup is put back."""
    office.tick()
    at_backup = messages(office)
    backup = take(office.database, tmp_path)
    office.advance(3 * 24, step=1)
    before = messages(office)
    assert before.total() > at_backup.total() + 3

    put_back(office.database, backup, office.clock.now())
    settle(office)
    assert messages(office) == before
    assert in_work(office) == 0


def test_people_go_on_with_the_cards_that_they_have(office: Office, tmp_path: Path) -> None:
    """Ana attested after the backup, which nobody knows any more: her card asks again, and her click counts."""
    office.tick()
    backup = take(office.database, tmp_path)
    office.clock.advance(timedelta(hours=1))
    office.press("ana", Verb.ATTEST, "drift-dev")
    office.tick()
    before = messages(office)
    old_card = office.inbox("ana")[-1]

    put_back(office.database, backup, office.clock.now())
    assert office.request("drift-dev").state == "open"
    settle(office)
    assert messages(office) == before
    assert "drift-dev" in office.card("ana")
    said = office.press("ana", Verb.ATTEST, "drift-stage", on=old_card)
    assert office.request("drift-stage").state == "open", said  # drawn before the restore, for a version that is not
    office.press("ana", Verb.ATTEST, "drift-dev")
    assert office.request("drift-dev").state == "settled"


def test_no_button_means_another_token_than_it_did(office: Office, tmp_path: Path) -> None:
    """Requests that were opened after the backup are gone; their ids are not given to others."""
    backup = take(office.database, tmp_path)
    settle(office)
    lost = {office.request(token).id for token in ("drift-prod", "drift-stage", "ledger-sync")}
    before = messages(office)
    put_back(office.database, backup, office.clock.now())
    settle(office)
    again = {office.request(token).id for token in ("drift-prod", "drift-stage", "ledger-sync")}
    assert all(one is not None and one > 1_000_000 for one in again)
    assert not lost & again
    assert messages(office)["omar"] == before["omar"]
    office.press("omar", Verb.ATTEST, "ledger-sync")
    assert office.decisions("ledger-sync") == [("attest", "omar", "service_owner")]


def test_the_record_goes_on_in_a_new_epoch_where_published_records_are_lost(office: Office, tmp_path: Path) -> None:
    publisher = keeper(office.database, office.clock, tmp_path)
    office.tick()
    publisher.publish()
    nothing_lost = take(office.database, tmp_path)
    put_back(office.database, nothing_lost, office.clock.now())
    assert continue_record(publisher, "A drill.") is None

    office.advance(24, step=6)
    publisher.publish()
    put_back(office.database, nothing_lost, office.clock.now())
    opened = continue_record(publisher, "The disk failed.")
    assert opened is not None
    assert opened.checkpoint.epoch == 1
    settle(office)
    publisher.publish()
    with office.database.read() as session:
        now_at = head(session)
    assert now_at is not None
    assert now_at.epoch == 1
    assert verify(office.database).ok
    assert continue_record(publisher, "Run twice.") is None
