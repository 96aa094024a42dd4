"""Whatever people click, in whatever order, while time passes, people leave and processes restart: what must hold.

The machine clicks at random, strangers and leavers included, repeats clicks, moves the clock over nights and weekends,
loses replies of the chat platform and starts the process anew; after every step the promises are looked at.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import func, or_, select, update

from bot.operations.climb_ladder import climb_ladder
from bot.operations.commands import Command, Done
from bot.operations.compose import composer, refusal_handler
from bot.operations.context import Context
from bot.operations.deliver import deliver
from bot.operations.directory import People
from bot.operations.record_decision import record_decision
from bot.operations.sweep import sweep
from bot.rules.calendar import is_working, zone_of
from bot.rules.policy import Policy
from bot.rules.policy_file import default_policy_text, load_policy
from messages.action_ref import Verb
from messages.cards.facts import Refusal
from storage.database import Database
from storage.inventory import OWNERSHIP, TOKEN, Token, Vendor
from storage.ledger.log import leaves
from storage.ledger.record import RecordKind
from storage.ledger.verify import verify_log
from storage.markers import note_synced
from storage.owners import assign
from storage.people import PERSON, ChatIdentity, Person
from storage.requests import DECISION, LADDER_STEP, OPEN_STATES, REQUEST
from storage.shared_use import USE
from tests.property.places import postgres_place, sqlite_place
from tests.servers.fake_clock import FakeClock
from tests.servers.recording_port import RecordingPort

LANE = "slack:T1"
#: Name, manager, zone, country, working week.
PEOPLE = (
    ("mia", "", "America/New_York", "US", ""),
    ("ben", "mia", "Europe/London", "GB", ""),
    ("ana", "ben", "Europe/Madrid", "ES", ""),
    ("vic", "mia", "Europe/Berlin", "DE", ""),
    ("dua", "ben", "Asia/Dubai", "AE", "sun-thu"),
    ("sam", "mia", "Asia/Tokyo", "JP", ""),
    ("eve", "", "Pacific/Auckland", "NZ", ""),
)
NAMES = [name for name, *_ in PEOPLE]
#: Owner, backup, environment, customer data, expires in days (0: never), with the vendor, who else uses it.
TOKENS = (
    ("ana", "dua", "production", True, 20, True, ""),
    ("ana", "", "production", False, 0, True, ""),
    ("dua", "ana", "development", False, 5, False, "ben@example.com; billing job, vic@example.com"),
    ("", "", "development", False, 400, True, "eve@example.com"),
    ("eve", "", "staging", False, 0, False, ""),
)
DECISIONS = [verb for verb in Verb if not verb.value.startswith("show") and verb is not Verb.OPEN]
#: Why a question goes on within a step.
WITHIN = ("stand_in", "succession")
EXAMPLES = int(os.environ.get("WHOSE_LIFECYCLE_EXAMPLES", "12"))


@cache
def policy() -> Policy:
    text = default_policy_text().replace("security: []", "security: [sam@example.com]")
    return load_policy(text, "the test's policy")


class Lifecycle(RuleBasedStateMachine):
    """One small company and its tokens."""

    def place(self) -> AbstractContextManager[str]:
        """The address of a database of one's own."""
        return sqlite_place()

    def __init__(self) -> None:
        super().__init__()
        self.gone_afterwards = ExitStack()
        self.address = self.gone_afterwards.enter_context(self.place())
        self.clock = FakeClock()
        self.port = RecordingPort(LANE, self.clock.now)
        self.commands: list[tuple[Command, bool]] = []
        self.gone: set[str] = set()
        self.checked = 0
        self.seen: dict[int, tuple[str, int]] = {}
        self.start()

    def start(self) -> None:
        self.database = Database(self.address)
        self.ctx = Context(self.database, self.clock.now, policy(), LANE)

    def teardown(self) -> None:
        self.database.close()
        self.gone_afterwards.close()

    @initialize()
    def furnish(self) -> None:
        now = self.clock.now()
        self.ids: dict[str, int] = {}
        with self.database.write() as session:
            for name, manager, zone, country, week in PEOPLE:
                person = Person(email=f"{name}@example.com", name=name.title(), created_at=now, updated_at=now)
                person.timezone, person.country, person.workweek = zone, country, week
                person.manager_id = self.ids.get(manager)
                session.add(person)
                session.flush()
                self.ids[name] = person.id or 0
                identity: dict[str, Any] = {"platform": "slack", "workspace": "T1", "user_id": f"U{name}"}
                session.add(ChatIdentity(person_id=self.ids[name], **identity))
            vendor = Vendor(name="Driftly", name_key="driftly", created_at=now, updated_at=now)
            vendor.relationship_owner_id = self.ids["vic"]
            session.add(vendor)
            session.flush()
            for number, (owner, backup, environment, customers, days, held, consumers) in enumerate(TOKENS):
                token = Token(issuing_system="aws", external_id=f"key-{number}", recorded_at=now, updated_at=now)
                token.environment, token.customer_data, token.data_classification = environment, customers, "internal"
                token.created_at = now - timedelta(days=500)
                token.expires_at = now + timedelta(days=days) if days else None
                token.vendor_id = vendor.id if held else None
                token.consumers = consumers
                session.add(token)
                session.flush()
                for role, name in (("service_owner", owner), ("backup_owner", backup)):
                    if name:
                        assign(session, token.id or 0, role, self.ids[name], now, "import")
            note_synced(session, LANE, now)
        self.work()

    # ------------------------------------------------------------------ what happens

    def work(self) -> None:
        sweep(self.ctx)
        climb_ladder(self.ctx)
        compose, refused = composer(self.ctx), refusal_handler(self.ctx)
        for _ in range(20):
            if deliver(self.ctx, self.port, compose, on_refused=refused).wait != 0.0:
                return

    @rule(hours=st.sampled_from([1, 3, 8, 24, 30, 72, 200]))
    def time_passes(self, hours: int) -> None:
        self.clock.advance(timedelta(hours=hours))
        self.work()

    @rule(
        verb=st.sampled_from(DECISIONS),
        who=st.sampled_from(NAMES),
        which=st.integers(0, 40),
        behind=st.sampled_from([0, 0, 0, 1]),
        to=st.sampled_from(["", *NAMES]),
        days=st.integers(-1, 20),
        why=st.sampled_from(["still needed", ""]),
    )
    def click(self, verb: Verb, who: str, which: int, behind: int, to: str, days: int, why: str) -> None:
        known = self.rows(select(REQUEST.c.id, REQUEST.c.version).order_by(REQUEST.c.id))
        if not known:
            return
        request_id, version = known[-1 - which % len(known)]
        command = Command(
            verb=verb,
            request_id=request_id,
            version=max(version - behind, 1),
            actor_id=self.ids[who],
            idempotency_key=f"click-{len(self.commands)}",
            platform="slack",
            justification=why,
            new_owner_id=self.ids.get(to),
            snooze_until=self.today() + timedelta(days=days),
            evidence="OPS-1",
            result="failed" if days % 3 == 0 else "accepted_unverified",
        )
        answer = record_decision(self.ctx, command)
        assert isinstance(answer, Done | Refusal)
        assert not (isinstance(answer, Done) and who in self.gone), "somebody who has left decided"
        self.commands.append((command, isinstance(answer, Done)))

    @precondition(lambda self: self.commands)
    @rule(which=st.integers(0, 100))
    def the_same_click_arrives_again(self, which: int) -> None:
        command, was_done = self.commands[which % len(self.commands)]
        before = self.rows(select(func.count()).select_from(DECISION))
        answer = record_decision(self.ctx, command)
        if was_done:
            assert isinstance(answer, Done)
            assert self.rows(select(func.count()).select_from(DECISION)) == before
        elif isinstance(answer, Done):  # it had been refused, and by now it is possible
            self.commands.append((command, True))

    @rule(outcomes=st.lists(st.sampled_from(["sent", "not_sent", "refused", "lost", "gone"]), max_size=4))
    def the_platform_stumbles(self, outcomes: list[str]) -> None:
        self.port.plan = outcomes
        self.work()
        self.port.plan = []

    @rule(who=st.sampled_from(NAMES[1:]))
    def somebody_leaves_or_returns(self, who: str) -> None:
        self.gone ^= {who}
        self.change_person(who, active=who not in self.gone)

    @rule(who=st.sampled_from(NAMES), delegate=st.sampled_from(["", *NAMES]), days=st.integers(1, 10))
    def somebody_is_away(self, who: str, delegate: str, days: int) -> None:
        until = self.clock.now() + timedelta(days=days)
        self.change_person(who, away_until=until, delegate_id=self.ids.get(delegate))

    @rule(which=st.integers(0, len(TOKENS) - 1), days=st.sampled_from([None, 2, 15, 300]), owner=st.sampled_from(NAMES))
    def an_import_says_otherwise(self, which: int, days: int | None, owner: str) -> None:
        now = self.clock.now()
        with self.database.write() as session:
            expires = None if days is None else now + timedelta(days=days)
            token_id = session.connection().execute(select(TOKEN.c.id).where(TOKEN.c.external_id == f"key-{which}"))
            one = token_id.scalar_one()
            session.connection().execute(update(TOKEN).where(TOKEN.c.id == one).values(expires_at=expires, tier=""))
            assign(session, one, "service_owner", self.ids[owner], now, "import")

    @rule()
    def the_process_starts_anew(self) -> None:
        self.database.close()
        self.start()

    # ------------------------------------------------------------------ what must hold

    @invariant()
    def at_most_one_open_request_a_token(self) -> None:
        open_ones = select(REQUEST.c.token_id).where(REQUEST.c.state.in_(OPEN_STATES))
        assert max(Counter(self.rows(open_ones)).values(), default=0) <= 1

    @invariant()
    def one_decision_a_request_and_a_record_of_each(self) -> None:
        settling = self.rows(select(DECISION.c.request_id).where(DECISION.c.settles))
        assert len(settling) == len(set(settling))
        with self.database.read() as session:
            kinds = Counter(record.kind for record in leaves(session))
        decided = self.rows(select(DECISION.c.kind, DECISION.c.platform, DECISION.c.details))
        by_policy = sum(platform == "system" for _, platform, _ in decided)
        assert kinds[RecordKind.DEFAULT_ACTION] >= by_policy
        people = len(decided) - by_policy
        answered = kinds[RecordKind.DECISION] + kinds[RecordKind.HANDOVER_PROPOSED]
        answered += kinds[RecordKind.HANDOVER_ANSWERED] + kinds[RecordKind.REMEDIATION_RESULT]
        assert answered == people
        opened = self.rows(select(func.count()).select_from(REQUEST))
        assert [(kinds[RecordKind.REQUEST_OPENED],)] == opened

    @invariant()
    def every_step_is_on_record_once(self) -> None:
        """A step of the ladder has its record: of the opening, of the asking, or of whoever took the token over. Within
        a step a question may go on to a stand-in or a successor, which has a record of its own kind."""
        step = (LADDER_STEP.c.request_id, LADDER_STEP.c.round, LADDER_STEP.c.step)
        tried = or_(LADDER_STEP.c.outcome != "unreachable", LADDER_STEP.c.why == "failed")
        told = self.rows(select(*step).where(tried).distinct())
        taken = self.rows(select(DECISION.c.details).where(DECISION.c.kind == "reassign"))
        with self.database.read() as session:
            kinds = Counter(record.kind for record in leaves(session) if record.fields.get("reason") not in WITHIN)
        accepted = sum("accepted" in details for details in taken)
        assert kinds[RecordKind.REQUEST_OPENED] + kinds[RecordKind.ASKED] + accepted == len(told)

    @invariant()
    def nobody_speaks_for_another_user(self) -> None:
        """A settled attestation has an answer, or a silence on record, of each user who was asked."""
        query = select(USE.c.outcome).join(REQUEST, REQUEST.c.id == USE.c.request_id)
        attested = self.rows(query.where(REQUEST.c.state == "settled", REQUEST.c.outcome == "attest"))
        assert set(attested) <= {"needed", "not_needed", "no_response", "unreachable"}
        with self.database.read() as session:
            answers = Counter(
                record.fields["reason"] for record in leaves(session) if record.kind is RecordKind.USE_ANSWERED
            )
        given = Counter(self.rows(select(USE.c.outcome).where(USE.c.outcome.in_(("needed", "not_needed")))))
        assert all(answers[outcome] >= number for outcome, number in given.items())

    @invariant()
    def a_new_state_is_a_new_version(self) -> None:
        for request_id, state, version in self.rows(select(REQUEST.c.id, REQUEST.c.state, REQUEST.c.version)):
            before_state, before = self.seen.get(request_id, (state, version))
            assert version > before or (state, version) == (before_state, before)
            self.seen[request_id] = (state, version)

    @invariant()
    def silence_is_on_record(self) -> None:
        silent = self.rows(select(func.count()).select_from(LADDER_STEP).where(LADDER_STEP.c.outcome == "no_response"))
        with self.database.read() as session:
            recorded = sum(record.kind is RecordKind.NO_RESPONSE for record in leaves(session))
        assert recorded >= silent[0][0]

    @invariant()
    def nobody_is_written_to_at_the_wrong_time(self) -> None:
        new, self.checked = self.port.posted[self.checked :], len(self.port.posted)
        with self.database.read() as session:
            people = People(session, self.ctx, self.clock.now())
            for message in new:
                if not message.to.user_id:
                    continue
                name = message.to.user_id.removeprefix("U")
                assert name not in self.gone, f"{name} has left and was written to"
                assert is_working(message.at, people.working_time(self.ids[name])), f"{name} was not at work"

    @invariant()
    def nobody_is_flooded(self) -> None:
        with self.database.read() as session:
            people = People(session, self.ctx, self.clock.now())
            zones = {name: zone_of(people.working_time(one).timezone) for name, one in self.ids.items()}
        each: Counter[tuple[str, date]] = Counter()
        for message in self.port.posted:
            if name := message.to.user_id.removeprefix("U"):
                each[name, message.at.astimezone(zones[name]).date()] += 1
        assert max(each.values(), default=0) <= policy().attention.messages_per_person_per_day

    @invariant()
    def owners_agree_with_their_intervals(self) -> None:
        current = select(TOKEN.c.service_owner_id, OWNERSHIP.c.person_id).outerjoin(
            OWNERSHIP,
            (OWNERSHIP.c.token_id == TOKEN.c.id) & (OWNERSHIP.c.role == "service_owner") & OWNERSHIP.c.to_at.is_(None),
        )
        assert all(cached == held for cached, held in self.rows(current))
        spans: dict[tuple[int, str], datetime] = {}
        columns = (OWNERSHIP.c.token_id, OWNERSHIP.c.role, OWNERSHIP.c.from_at, OWNERSHIP.c.to_at)
        for token_id, role, begins, ends in self.rows(select(*columns).order_by(OWNERSHIP.c.id)):
            assert spans.get((token_id, role), begins) <= begins
            spans[token_id, role] = ends or datetime.max.replace(tzinfo=UTC)

    @invariant()
    def open_requests_move_on(self) -> None:
        """What waits has a next step, unless its ladder is at its end."""
        columns = (REQUEST.c.id, REQUEST.c.step, REQUEST.c.tier)
        stuck = select(*columns).where(REQUEST.c.state.in_(OPEN_STATES), REQUEST.c.next_step_at.is_(None))
        for _, step, tier in self.rows(stuck):
            found = policy().tier_named(tier)
            assert found is not None
            assert step == len(policy().ladder_of(found).steps) - 1

    @invariant()
    def the_ledger_verifies(self) -> None:
        with self.database.read() as session:
            verdict = verify_log(session)
        assert verdict.ok, [str(finding) for finding in verdict.findings]

    # ------------------------------------------------------------------ hands

    def rows(self, query: Any) -> list[Any]:
        with self.database.read() as session:
            found = session.connection().execute(query).all()
        return [row[0] if len(row) == 1 and not isinstance(row[0], int) else tuple(row) for row in found]

    def change_person(self, who: str, **values: Any) -> None:
        with self.database.write() as session:
            session.connection().execute(update(PERSON).where(PERSON.c.id == self.ids[who]).values(**values))

    def today(self) -> date:
        return self.clock.now().date()


LIVES = settings(
    max_examples=EXAMPLES,
    stateful_step_count=30,
    deadline=None,
    # Making a failure smaller takes minutes here; the seed that Hypothesis prints reproduces it as it is.
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
TestLifecycle = Lifecycle.TestCase
TestLifecycle.settings = LIVES


def test_the_same_on_postgresql(postgres_uri: Callable[[str], str], postgres_template: str) -> None:
    """Fewer and shorter lives: each has a database of its own."""

    class OnPostgresql(Lifecycle):
        def place(self) -> AbstractContextManager[str]:
            return postgres_place(postgres_uri, postgres_template)

    lives = settings(LIVES, max_examples=max(EXAMPLES // 4, 1), stateful_step_count=20)
    run_state_machine_as_test(OnPostgresql, settings=lives)


def test_silence_reaches_the_end_of_every_ladder() -> None:
    """With nobody answering for a quarter of a year, no request is left standing on a rung."""
    machine = Lifecycle()
    try:
        machine.furnish()
        for _ in range(24 * 90 // 6):
            machine.time_passes(6)
        left = machine.rows(select(REQUEST.c.state, REQUEST.c.next_step_at, REQUEST.c.outcome))
        assert left
        for state, next_step_at, outcome in left:
            assert state != "handover"
            assert (state == "open" and next_step_at is None) or outcome in ("no_response", "no_longer_due")
        machine.the_ledger_verifies()
        machine.nobody_is_written_to_at_the_wrong_time()
        machine.nobody_is_flooded()
    finally:
        machine.teardown()
