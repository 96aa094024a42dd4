"""What delivery keeps, on both databases, against a strict workspace that loses replies and says no."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import select, update
from sqlmodel import Session

from bot.operations.deliver import DeliveryReport, deliver
from bot.operations.delivery import Composed
from bot.operations.pace import Pacer
from bot.sandbox.faults import Fault
from bot.slack.sender import SlackSender
from storage import outbox_queries as outbox
from storage import postings
from storage.database import Database
from storage.outbox import OUTBOX, POSTING, OutboxMessage
from storage.outbox_enqueue import URGENT, WHENEVER, enqueue_many, enqueue_updates_of
from storage.people import CHAT_IDENTITY
from storage.requests import REQUEST
from tests.contract.delivery_kit import LANE, Office
from tests.servers.fake_clock import FakeClock
from tests.servers.workspace import RunningWorkspace, running_workspace

LEASE = timedelta(seconds=61)
GRACE = timedelta(seconds=31)


class Desk:
    """An office whose people sit in a served workspace."""

    def __init__(self, office: Office, slack: RunningWorkspace) -> None:
        self.office, self.slack = office, slack
        self.port = SlackSender(LANE, slack.bot_token, slack.url)
        self.faults = slack.workspace.faults

    def person(self, name: str) -> int:
        user = self.slack.workspace.add_user(name.title(), email=f"{name}@example.com")
        return self.office.person(name, user.id)

    def deliver(self, **more: object) -> DeliveryReport:
        options = {"on_refused": self.office.on_refused, **more}
        return deliver(self.office.ctx, self.port, self.office.compose, **options)  # type: ignore[arg-type]

    def later(self, by: timedelta) -> None:
        self.office.clock.advance(by)

    def texts(self, name: str) -> list[str]:
        """What is in the direct messages of this person."""
        workspace = self.slack.workspace
        dm = workspace.find_dm(workspace.user_by_email(f"{name}@example.com").id)
        return [message.text for message in workspace.messages(dm.id)] if dm else []


@pytest.fixture
def desk(database: Database, clock: FakeClock) -> Iterator[Desk]:
    with running_workspace(clock.now) as slack:
        yield Desk(Office(database, clock), slack)


# ------------------------------------------------------------------ the plain way


def test_a_message_is_sent_once_and_its_posting_kept(desk: Desk) -> None:
    ada = desk.person("ada")
    requests = [desk.office.request(ada), desk.office.request(ada)]
    desk.office.ask(ada)
    report = desk.deliver()
    assert (report.posted, report.wait) == (1, None)
    assert desk.texts("ada") == [f"ask: request {requests[0]} is open, request {requests[1]} is open"]
    [(channel, message_id, shown)] = desk.office.postings()
    assert shown == requests
    dm = desk.slack.workspace.find_dm(desk.slack.workspace.user_by_email("ada@example.com").id)
    assert dm is not None
    assert (channel, message_id) == (dm.id, next(iter(dm.messages)))
    assert desk.deliver() == DeliveryReport(wait=None)
    assert len(desk.texts("ada")) == 1


def test_the_same_cause_makes_one_message(desk: Desk) -> None:
    ada = desk.person("ada")
    assert desk.office.enqueue("req:1:step:1", card="note", person_id=ada)
    assert not desk.office.enqueue("req:1:step:1", card="note", person_id=ada)
    assert desk.office.states() == ["pending"]


def test_nothing_left_to_say_is_not_said(desk: Desk) -> None:
    ada = desk.person("ada")
    request = desk.office.request(ada)
    desk.office.ask(ada)
    desk.office.settle(request)
    assert desk.deliver().cancelled == 1
    assert (desk.office.states(), desk.texts("ada")) == (["cancelled"], [])


def test_a_message_waits_for_its_time(desk: Desk) -> None:
    ada = desk.person("ada")
    desk.office.request(ada)
    with desk.office.database.write() as session:
        now = desk.office.clock.now()
        row = {"dedupe_key": "k", "card": "ask", "lane": LANE, "person_id": ada, "created_at": now}
        enqueue_many(session, [{**row, "not_before": now + timedelta(hours=2)}])
    assert desk.deliver().wait == 7200
    desk.later(timedelta(hours=2))
    assert desk.deliver().posted == 1


def test_urgent_goes_first_then_the_oldest(desk: Desk) -> None:
    names = ["ada", "bob", "cem", "dee"]
    people = [desk.person(name) for name in names]
    for person, priority in zip(people, (WHENEVER, 1, 1, URGENT), strict=True):
        desk.office.request(person)
        desk.office.enqueue(f"k{person}", card="ask", person_id=person, priority=priority)
    for expected in ("dee", "bob", "cem", "ada"):
        assert desk.deliver(limit=1).posted == 1
        assert [name for name in names if desk.texts(name)][-1:] != []
        assert desk.texts(expected)


def test_a_channel_gets_its_message(desk: Desk) -> None:
    request = desk.office.request(None)
    channel = desk.slack.workspace.add_channel("security")
    desk.office.enqueue("k", card="note", channel="#security")
    assert desk.deliver().posted == 1
    assert [(place, shown) for place, _, shown in desk.office.postings()] == [(channel.id, [request])]


def test_another_lane_is_left_alone(desk: Desk) -> None:
    ada = desk.person("ada")
    with desk.office.database.write() as session:
        now = desk.office.clock.now()
        row = {"dedupe_key": "k", "card": "ask", "lane": "teams:x", "person_id": ada}
        enqueue_many(session, [{**row, "created_at": now, "not_before": now}])
    assert desk.deliver() == DeliveryReport(wait=None)
    assert desk.office.states() == ["pending"]


def test_it_ends_between_two_messages_when_told_to(desk: Desk) -> None:
    for name in ("ada", "bob"):
        person = desk.person(name)
        desk.office.request(person)
        desk.office.ask(person)
    assert desk.deliver(stop=lambda: "sent" in desk.office.states()).posted == 1
    assert sorted(desk.office.states()) == ["pending", "sent"]


# ------------------------------------------------------------------ one living message, brought up to date


def test_a_newer_digest_takes_the_place_of_the_older(desk: Desk) -> None:
    ada = desk.person("ada")
    desk.office.request(ada)
    for _ in range(3):
        desk.office.ask(ada)
        desk.later(timedelta(minutes=1))
        while desk.deliver().posted + desk.deliver().updated:
            pass
    texts = desk.texts("ada")
    assert [text.startswith("ask") for text in texts] == [False, False, True]
    with desk.office.database.read() as session:
        newer = select(POSTING.c.replaced_by_id).order_by(POSTING.c.id)
        assert session.connection().execute(newer).scalars().all() == [2, 3, None]


def test_a_newer_list_takes_the_place_of_the_older_in_a_channel_too(desk: Desk) -> None:
    desk.office.request(None)
    for name in ("security", "elsewhere"):
        desk.slack.workspace.add_channel(name)
    for number, name in enumerate(("security", "elsewhere", "security")):
        desk.office.enqueue(f"ask:{number}", card="ask", channel=f"#{name}")
        desk.later(timedelta(minutes=1))
        while desk.deliver().posted + desk.deliver().updated:
            pass
    with desk.office.database.read() as session:
        newer = select(POSTING.c.replaced_by_id).order_by(POSTING.c.id)
        assert session.connection().execute(newer).scalars().all() == [3, None, None]


def test_a_decision_updates_every_living_posting(desk: Desk) -> None:
    ada, bob = desk.person("ada"), desk.person("bob")
    request = desk.office.request(ada)
    desk.office.ask(ada)
    desk.deliver()
    with desk.office.database.write() as session:
        session.connection().execute(update(REQUEST).values(waiting_on_id=bob))
    desk.office.enqueue("bob", card="note", person_id=bob)
    desk.deliver()
    assert desk.office.settle(request) == 2
    assert desk.deliver().updated == 2
    assert desk.texts("ada") == [f"ask: request {request} is settled"]
    assert desk.texts("bob") == [f"note: request {request} is settled"]


def test_several_changes_make_one_update(desk: Desk) -> None:
    ada = desk.person("ada")
    requests = [desk.office.request(ada) for _ in range(3)]
    desk.office.ask(ada)
    desk.deliver()
    assert [desk.office.settle(request) for request in requests] == [1, 0, 0]
    assert desk.deliver().updated == 1
    assert desk.texts("ada") == ["ask: " + ", ".join(f"request {request} is settled" for request in requests)]


def test_a_change_while_the_message_is_under_way_is_not_lost(desk: Desk) -> None:
    ada = desk.person("ada")
    request = desk.office.request(ada)
    desk.office.ask(ada)
    post = desk.port.post

    def decided_meanwhile(*args: object) -> object:
        assert desk.office.settle(request) == 0, "no posting is known yet"
        return post(*args)  # type: ignore[arg-type]

    desk.port.post = decided_meanwhile  # type: ignore[method-assign,assignment]
    report = desk.deliver()
    assert (report.posted, report.updated) == (1, 1)
    assert desk.texts("ada") == [f"ask: request {request} is settled"]


def test_a_change_while_an_update_is_under_way_is_not_lost(desk: Desk) -> None:
    ada = desk.person("ada")
    first, second = desk.office.request(ada), desk.office.request(ada)
    desk.office.ask(ada)
    desk.deliver()
    desk.office.settle(first)
    change = desk.port.update

    def decided_meanwhile(*args: object) -> object:
        desk.port.update = change  # type: ignore[method-assign]
        assert desk.office.settle(second) == 1
        return change(*args)  # type: ignore[arg-type]

    desk.port.update = decided_meanwhile  # type: ignore[method-assign,assignment]
    assert desk.deliver().updated == 2
    assert desk.texts("ada") == [f"ask: request {first} is settled, request {second} is settled"]


@pytest.mark.parametrize("code", ["message_not_found", "edit_window_closed"])
def test_a_posting_that_is_gone_is_posted_anew_once_while_it_is_open(desk: Desk, code: str) -> None:
    ada = desk.person("ada")
    first, second = desk.office.request(ada), desk.office.request(ada)
    desk.office.ask(ada)
    desk.deliver()
    for request in (first, second):
        desk.faults.add("chat.update", Fault.ERROR, error=code)
        desk.office.settle(request)
        desk.later(timedelta(minutes=1))
        desk.deliver()
    assert desk.texts("ada")[1:] == [f"ask: request {second} is open"]
    assert desk.office.states() == ["sent", "cancelled", "sent", "cancelled"]
    assert desk.office.rows()[1].error == code
    assert desk.office.refused == []


# ------------------------------------------------------------------ surely not sent


def test_a_rate_limit_rests_the_whole_lane(desk: Desk) -> None:
    for name in ("ada", "bob"):
        person = desk.person(name)
        desk.office.request(person)
        desk.office.ask(person)
    desk.faults.add("chat.postMessage", Fault.TOO_MANY_REQUESTS, retry_after=20)
    seconds = [0.0]
    pacer = Pacer(lambda: seconds[0])
    report = desk.deliver(pacer=pacer)
    assert (report.posted, report.deferred, report.trouble, report.wait) == (0, 1, "ratelimited", 20)
    assert desk.deliver(pacer=pacer).posted == 0
    assert desk.slack.workspace.calls.count("chat.postMessage") == 1
    desk.later(timedelta(seconds=20))
    seconds[0] += 20
    assert desk.deliver(pacer=pacer).posted == 2
    assert (len(desk.texts("ada")), len(desk.texts("bob"))) == (1, 1)


@pytest.mark.parametrize("error", ["ratelimited", "token_revoked", "missing_scope"])
def test_what_is_not_the_messages_fault_never_gives_it_up(desk: Desk, error: str) -> None:
    ada = desk.person("ada")
    desk.office.request(ada)
    desk.office.ask(ada)
    desk.faults.add("chat.postMessage", Fault.ERROR, error=error, times=3)
    for _ in range(3):
        assert desk.deliver().trouble == error
        desk.later(timedelta(hours=4))
    assert desk.deliver().posted == 1
    assert desk.office.refused == []


def test_a_platform_that_is_down_is_tried_ever_more_rarely(desk: Desk) -> None:
    ada = desk.person("ada")
    desk.office.request(ada)
    desk.office.ask(ada)
    there = desk.port
    desk.port = SlackSender(LANE, "xoxb-test-token", "http://127.0.0.1:9/api/")
    waits = []
    for _ in range(9):
        waits.append(desk.deliver().wait)
        desk.later(timedelta(minutes=5))
    assert waits == [5, 10, 20, 40, 80, 160, 300, 300, 300]
    desk.port = there
    assert desk.deliver().posted == 1


# ------------------------------------------------------------------ refused for good


@pytest.mark.parametrize("code", ["user_disabled", "not_in_channel", "msg_too_long", "restricted_action"])
def test_a_refusal_is_kept_and_handed_on_in_the_same_transaction(desk: Desk, code: str) -> None:
    ada = desk.person("ada")
    desk.office.request(ada)
    desk.office.ask(ada)
    desk.faults.add("chat.postMessage", Fault.ERROR, error=code)
    assert desk.deliver().refused == 1
    [row] = desk.office.rows()
    assert (row.state, row.error) == ("dead", code)
    assert desk.office.refused == [(row.id, code)]
    desk.later(timedelta(days=1))
    assert desk.deliver() == DeliveryReport(wait=None)


def test_if_handing_on_fails_nothing_is_given_up(desk: Desk) -> None:
    ada = desk.person("ada")
    desk.office.request(ada)
    desk.office.ask(ada)
    desk.faults.add("chat.postMessage", Fault.ERROR, error="user_disabled")

    def fail(session: Session, row: OutboxMessage, code: str) -> None:
        raise RuntimeError("the ladder could not be moved")

    with pytest.raises(RuntimeError):
        desk.deliver(on_refused=fail)
    assert desk.office.states() == ["sending"], "it is looked at again when the lease has run out"


@pytest.mark.parametrize(
    ("account", "active", "code"),
    [
        ("none", True, "no_account"),
        ("closed", True, "no_account"),
        ("elsewhere", True, "no_account"),
        ("here", False, "person_left"),
    ],
)
def test_who_cannot_be_reached_is_told_of_and_not_written_to(desk: Desk, account: str, active: bool, code: str) -> None:
    user = desk.slack.workspace.add_user("Ada Example", email="ada@example.com")
    workspace = "T000000002" if account == "elsewhere" else LANE.partition(":")[2]
    ada = desk.office.person("ada", None if account == "none" else user.id, workspace=workspace, active=active)
    if account == "closed":
        with desk.office.database.write() as session:
            session.connection().execute(update(CHAT_IDENTITY).values(deactivated=True))
    desk.office.request(ada)
    desk.office.ask(ada)
    desk.deliver()
    assert [word for _, word in desk.office.refused] == [code]
    assert desk.texts("ada") == []


def test_an_account_that_names_no_workspace_will_do(desk: Desk) -> None:
    user = desk.slack.workspace.add_user("Ada Example", email="ada@example.com")
    ada = desk.office.person("ada", user.id, workspace="")
    desk.office.request(ada)
    desk.office.ask(ada)
    assert desk.deliver().posted == 1


def test_a_card_that_cannot_be_rendered_stops_nothing_else(desk: Desk) -> None:
    ada, bob = desk.person("ada"), desk.person("bob")
    for person in (ada, bob):
        desk.office.request(person)
        desk.office.ask(person)

    def compose(session: Session, row: OutboxMessage) -> Composed | None:
        if row.person_id == ada:
            raise KeyError("a fault in a card")
        return desk.office.compose(session, row)

    ctx, port, on_refused = desk.office.ctx, desk.port, desk.office.on_refused
    report = deliver(ctx, port, compose, on_refused=on_refused)
    assert (report.posted, report.deferred) == (1, 1)
    for _ in range(8):
        desk.later(timedelta(hours=1))
        deliver(ctx, port, compose, on_refused=on_refused)
    assert [word for _, word in desk.office.refused] == ["cannot_be_rendered"]


# ------------------------------------------------------------------ unknown, read back


def test_a_lost_reply_is_read_back_and_not_sent_again(desk: Desk) -> None:
    ada = desk.person("ada")
    request = desk.office.request(ada)
    desk.office.ask(ada)
    desk.faults.add("chat.postMessage", Fault.DROP_REPLY)
    assert desk.deliver().unknown == 1
    assert desk.deliver().wait == 30
    desk.office.settle(request)  # meanwhile
    desk.later(GRACE)
    assert desk.deliver().found == 1
    desk.deliver()
    assert desk.texts("ada") == [f"ask: request {request} is settled"], "and the decision is shown"
    assert [shown for _, _, shown in desk.office.postings()] == [[request]]


def test_absent_twice_is_sent_again(desk: Desk) -> None:
    ada = desk.person("ada")
    desk.office.request(ada)
    desk.office.ask(ada)
    desk.faults.add("chat.postMessage", Fault.FAIL_BEFORE)
    desk.deliver()
    desk.later(GRACE)
    assert (desk.deliver().posted, desk.office.states()) == (0, ["unknown"])
    desk.later(GRACE)
    report = desk.deliver()
    assert (report.absent, report.posted) == (1, 1)
    assert len(desk.texts("ada")) == 1


def test_a_read_back_that_fails_is_no_absence(desk: Desk) -> None:
    ada = desk.person("ada")
    desk.office.request(ada)
    desk.office.ask(ada)
    desk.faults.add("chat.postMessage", Fault.DROP_REPLY)
    desk.deliver()
    desk.faults.add("conversations.history", Fault.FAIL_BEFORE, times=5)
    for _ in range(5):
        desk.later(GRACE)
        assert desk.deliver().posted == 0
    desk.later(GRACE)
    assert desk.deliver().found == 1
    assert len(desk.texts("ada")) == 1


def test_an_outcome_that_nobody_can_tell_moves_the_ladder_in_the_end(desk: Desk) -> None:
    ada = desk.person("ada")
    desk.office.request(ada)
    desk.office.ask(ada)
    desk.faults.add("chat.postMessage", Fault.DROP_REPLY)
    desk.faults.add("conversations.history", Fault.FAIL_BEFORE, times=100)
    for _ in range(8):
        desk.deliver()
        desk.later(timedelta(hours=1))
    assert [word for _, word in desk.office.refused] == ["outcome_unknown"]


def test_a_late_first_copy_is_taken_back(desk: Desk) -> None:
    ada = desk.person("ada")
    desk.office.request(ada)
    desk.office.ask(ada)
    desk.faults.add("chat.postMessage", Fault.DROP_REPLY)
    desk.deliver()
    find, desk.port.find = desk.port.find, lambda *args: []  # type: ignore[method-assign]
    for _ in range(2):
        desk.later(GRACE)
        desk.deliver()
    assert len(desk.texts("ada")) == 2
    desk.port.find = find  # type: ignore[method-assign]
    desk.later(timedelta(minutes=6))
    assert desk.deliver().duplicates_removed == 1
    assert len(desk.texts("ada")) == 1
    [(_, kept, _)] = desk.office.postings()
    dm = desk.slack.workspace.find_dm(desk.slack.workspace.user_by_email("ada@example.com").id)
    assert dm is not None
    assert list(dm.messages) == [kept]
    assert desk.deliver() == DeliveryReport(wait=None)


def test_two_copies_that_are_found_become_one(desk: Desk) -> None:
    ada = desk.person("ada")
    desk.office.request(ada)
    desk.office.ask(ada)
    post = desk.port.post

    def twice(*args: object) -> object:
        post(*args)  # type: ignore[arg-type]
        desk.faults.add("chat.postMessage", Fault.DROP_REPLY)
        return post(*args)  # type: ignore[arg-type]

    desk.port.post = twice  # type: ignore[method-assign,assignment]
    desk.deliver()
    assert len(desk.texts("ada")) == 2
    desk.later(GRACE)
    report = desk.deliver()
    assert (report.found, report.duplicates_removed) == (1, 1)
    assert len(desk.texts("ada")) == 1


def test_an_update_of_unknown_outcome_is_done_again(desk: Desk) -> None:
    ada = desk.person("ada")
    request = desk.office.request(ada)
    desk.office.ask(ada)
    desk.deliver()
    desk.office.settle(request)
    desk.faults.add("chat.update", Fault.FAIL_BEFORE)
    assert desk.deliver().unknown == 1
    desk.later(timedelta(seconds=5))
    assert desk.deliver().updated == 1
    assert desk.texts("ada") == [f"ask: request {request} is settled"]


# ------------------------------------------------------------------ leases and fences


def take(desk: Desk, **more: object) -> OutboxMessage:
    with desk.office.database.write() as session:
        [row] = outbox.claim(session, LANE, desk.office.clock.now(), lease=timedelta(seconds=60), **more)  # type: ignore[arg-type]
    return row


def test_a_worker_that_vanished_before_sending_loses_nothing(desk: Desk) -> None:
    ada = desk.person("ada")
    desk.office.request(ada)
    desk.office.ask(ada)
    take(desk)
    assert desk.deliver().wait == 60
    for wait in (LEASE, GRACE, GRACE):
        assert desk.texts("ada") == []
        desk.later(wait)
        desk.deliver()
    assert len(desk.texts("ada")) == 1


def test_a_worker_that_was_presumed_dead_changes_nothing(desk: Desk) -> None:
    ada = desk.person("ada")
    desk.office.request(ada)
    desk.office.ask(ada)
    asleep = take(desk)
    for wait in (LEASE, GRACE, GRACE):
        desk.later(wait)
        desk.deliver()
    with desk.office.database.write() as session:
        assert not outbox.mark(session, asleep, state="pending")
    assert desk.office.states() == ["sent"]


def test_too_little_of_a_lease_is_not_used(desk: Desk) -> None:
    ada = desk.person("ada")
    desk.office.request(ada)
    desk.office.ask(ada)

    def slowly(session: Session, row: OutboxMessage) -> Composed | None:
        desk.later(timedelta(seconds=55))
        return desk.office.compose(session, row)

    report = deliver(desk.office.ctx, desk.port, slowly, on_refused=desk.office.on_refused, limit=1)
    assert (report.posted, report.deferred, desk.office.states()) == (0, 1, ["pending"])
    assert desk.deliver().posted == 1


def test_one_message_at_a_time_to_one_person(desk: Desk) -> None:
    ada, bob = desk.person("ada"), desk.person("bob")
    for person in (ada, ada, bob):
        desk.office.enqueue(f"k{desk.office.states()}", card="note", person_id=person)
    first = take(desk)
    assert (first.person_id, take(desk).person_id) == (ada, bob)
    with desk.office.database.write() as session:
        assert outbox.claim(session, LANE, desk.office.clock.now(), lease=LEASE, limit=5) == []
        outbox.mark(session, first, state="sent")
    assert take(desk).person_id == ada


def test_a_claim_takes_many_at_once_without_breaking_the_order(desk: Desk) -> None:
    people = [desk.person(name) for name in ("ada", "bob")]
    for number in range(6):
        desk.office.enqueue(f"k{number}", card="note", person_id=people[number % 2])
    with desk.office.database.write() as session:
        rows = outbox.claim(session, LANE, desk.office.clock.now(), lease=LEASE, limit=10)
    assert [row.person_id for row in rows] == people


def test_two_workers_never_take_the_same_row(postgres_database: Database, clock: FakeClock) -> None:
    office = Office(postgres_database, clock)
    for name in ("ada", "bob"):
        office.enqueue(name, card="note", person_id=office.person(name, f"U{name}"))
    with postgres_database.write() as one, postgres_database.write() as other:
        first = outbox.claim(one, LANE, clock.now(), lease=LEASE)
        second = outbox.claim(other, LANE, clock.now(), lease=LEASE, limit=5)
        assert len(first) == len(second) == 1
        assert first[0].id != second[0].id


def test_a_pending_update_is_not_taken_from_under_a_decision(postgres_database: Database, clock: FakeClock) -> None:
    """Otherwise it would be rendered from what was true before the decision, and no other update would follow."""
    office = Office(postgres_database, clock)
    ada = office.person("ada", "U000000007")
    first, second = office.request(ada), office.request(ada)
    office.ask(ada)
    with postgres_database.write() as session:
        [row] = outbox.claim(session, LANE, clock.now(), lease=LEASE)
        row.shown = [[first, 1], [second, 1]]
        assert outbox.mark(session, row, state="sent")
        postings.add_posting(session, row, channel="D1", message_id="1.1", posted_at=clock.now(), now=clock.now())
    assert office.settle(first) == 1
    with postgres_database.write() as deciding:
        deciding.connection().execute(update(REQUEST).where(REQUEST.c.id == second).values(version=2))
        assert enqueue_updates_of(deciding, {second: 2}, now=clock.now()) == 0
        with postgres_database.write() as worker:
            assert outbox.claim(worker, LANE, clock.now(), lease=LEASE) == []
    with postgres_database.write() as worker:
        assert len(outbox.claim(worker, LANE, clock.now(), lease=LEASE)) == 1


# ------------------------------------------------------------------ pace and bulk


def test_the_pace_holds_for_the_lane_and_for_each_place(desk: Desk) -> None:
    ada, bob = desk.person("ada"), desk.person("bob")
    for number, person in enumerate((ada, ada, ada, bob)):
        desk.office.request(person)
        desk.office.enqueue(f"k{number}", card="note", person_id=person)
    seconds = [0.0]
    pacer = Pacer(lambda: seconds[0], per_minute={"post": 30.0, "update": 50.0}, burst=3)
    report = desk.deliver(pacer=pacer)
    assert report.posted == 2, "one to each"
    assert report.wait == 1.0
    seconds[0] = 1.0
    assert desk.deliver(pacer=pacer).posted == 1
    seconds[0] = 2.0
    report = desk.deliver(pacer=pacer)
    assert (report.posted, report.wait) == (1, None)
    desk.office.enqueue("k9", card="note", person_id=bob)
    report = desk.deliver(pacer=pacer)
    assert report.posted == 0
    assert report.wait == pytest.approx(2.0), "three and what came back in two seconds are spent"


def test_ten_thousand_rows_go_in_at_once_each_with_its_own_key(desk: Desk) -> None:
    ada = desk.person("ada")
    now = desk.office.clock.now()
    rows = [
        {"dedupe_key": f"k{n}", "card": "ask", "lane": LANE, "person_id": ada, "not_before": now, "created_at": now}
        for n in range(10_000)
    ]
    with desk.office.database.write() as session:
        enqueue_many(session, rows)
        enqueue_many(session, rows)
    with desk.office.database.read() as session:
        keys = session.connection().execute(select(OUTBOX.c.delivery_key)).scalars().all()
    assert len(set(keys)) == 10_000
