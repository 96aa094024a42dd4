"""Emergency access and shared use from the outside: what people click and read, in a workspace as strict as Slack."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from bot.operations.emergency.granting import Granted, Wanted, ask_for_access
from bot.operations.emergency.looking_after import look_after_grants
from messages.action_ref import Verb
from storage.database import Database
from storage.inventory import TOKEN
from storage.ledger.log import leaves
from storage.ledger.record import RecordKind
from tests.contract.slack_kit import Office, open_office, shown, text_of
from tests.servers.fake_clock import FakeClock


@pytest.fixture
def office(database: Database, clock: FakeClock) -> Iterator[Office]:
    with open_office(database, clock) as opened:
        yield opened


def asked(office: Office) -> int:
    wanted = Wanted(
        office.tokens["plain"], office.people["eve"], "The sync is down.", office.people["ana"], timedelta(hours=4)
    )
    answer = ask_for_access(office.ctx, wanted)
    assert isinstance(answer, Granted)
    office.deliver()
    return answer.grant_id


def reasons(office: Office, kind: RecordKind) -> list[str]:
    with office.database.read() as session:
        return [str(one.fields["reason"]) for one in leaves(session) if one.kind is kind]


def test_from_agreeing_to_the_look_afterwards(office: Office) -> None:
    grant_id = asked(office)
    said = office.click("ben", Verb.GRANT_APPROVE, grant_id)
    assert "Eve may use drift-prod for an emergency until" in said
    office.deliver()
    assert "You may use drift-prod until" in shown(office.message("eve").blocks)
    again = office.click("vera", Verb.GRANT_END, grant_id)
    assert "has ended" in again
    office.clock.advance(timedelta(days=1))
    look_after_grants(office.ctx)
    office.deliver()
    view = office.open("ana", Verb.GRANT_REVIEW, grant_id)
    assert "What was it used for?" in text_of(view)
    refused = office.submit("ana", view, justification="")
    assert refused.errors or refused.error
    office.submit("ana", view, justification="Two jobs were run again.")
    assert reasons(office, RecordKind.EMERGENCY_ACCESS) == ["requested", "opened", "ended", "reviewed"]
    office.deliver()
    assert "it was in order" in shown(office.message("ana").blocks)


def test_not_agreeing_asks_why(office: Office) -> None:
    grant_id = asked(office)
    view = office.open("ben", Verb.GRANT_REFUSE, grant_id)
    office.submit("ben", view, justification="Use the replica.")
    assert reasons(office, RecordKind.EMERGENCY_ACCESS) == ["requested", "refused"]
    office.deliver()
    assert "*Ben* did not agree" in shown(office.message("eve").blocks)


def test_each_user_answers_with_one_click(office: Office) -> None:
    with office.database.write() as session:
        named = TOKEN.update().where(TOKEN.c.id == office.tokens["plain"])
        session.connection().execute(named.values(consumers="eve@example.com, billing job", environment="development"))
    office.ask()
    request_id = office.request().id or 0
    assert "Do you still use drift-prod?" in shown(office.message("eve").blocks)
    office.click("ana", Verb.ATTEST, request_id)
    office.deliver()
    assert "Its other users are waited for" in shown(office.message("ana").blocks)
    said = office.click("eve", Verb.STILL_USED, request_id)
    assert "drift-prod is still needed" in said
    assert office.request().state == "settled"
    office.deliver()
    assert "*Ana* (service owner) re-attested it" in shown(office.message("ana").blocks)
    assert reasons(office, RecordKind.USE_ANSWERED) == ["needed"]
