"""Whatever people click, whatever the issuing system answers and whoever else has a hand in it: what must hold of the
work that a connector carries out.

The machine clicks at random, strangers and requesters included; the connector fails in every way; somebody changes
credentials behind our back; workers die in the middle of a call; after every step the promises are looked at.
"""

from __future__ import annotations

import os
from contextlib import ExitStack
from datetime import datetime, timedelta
from typing import Any, Final

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from bot.errors import UpstreamError
from bot.rules.issuing import KeyState, NotDone, Rejected, Unclear
from bot.rules.lifecycle import State
from bot.rules.remediation import Stage, Step, next_stage
from messages.action_ref import Verb
from storage.database import Database
from storage.ledger.log import leaves
from storage.ledger.record import RecordKind
from storage.ledger.verify import verify_log
from tests.contract.carrying_kit import Bench
from tests.property.places import sqlite_place
from tests.servers.fake_clock import FakeClock
from tests.servers.issuers.key_office import CHOSEN, FULL, DeathError, Lost

NAMES: Final = ("one", "two", "three")
WHO: Final = ("ana", "ben", "mia", "vera", "sam", "eve")
CLICKS: Final = (Verb.APPROVE, Verb.CALL_OFF, Verb.GIVE_BACK, Verb.RESUME, Verb.RETRY, Verb.DONE)
METHODS: Final = ("look", "disable", "enable", "revoke", "verify", "create", "siblings", "replace", "works")
FAULTS: Final = (
    NotDone("too fast", 30),
    Unclear("no answer"),
    Lost(),
    Lost(NotDone("it says so, and is wrong")),
    Rejected("AccessDenied", "our role may not do that"),
    UpstreamError("The system is down."),
    DeathError(done=True),
    DeathError(done=False),
)
DECIDED: Final = st.sampled_from(
    ((Verb.REVOKE, "ana"), (Verb.ROTATE, "ana"), (Verb.REVOKE, "ben"), (Verb.ROTATE, "ben"), None)
)
"""Who decided what about a key, in the beginning."""
GRACE: Final = timedelta(days=10)
WAITS: Final = frozenset({"notified", "by_hand", "returned", "halted"})
Work = list[tuple[str, Any, Any, Any]]
"""Name, run, task and request of every key whose end or rotation was decided."""
MOST_TURNS: Final = 12
EXAMPLES = int(os.environ.get("WHOSE_REMEDIATION_EXAMPLES", "15"))


class Remediation(RuleBasedStateMachine):
    """Three keys of Ana's in production."""

    def __init__(self) -> None:
        super().__init__()
        self.afterwards = ExitStack()
        self.address = self.afterwards.enter_context(sqlite_place())
        self.clock = FakeClock()
        self.disabled_at: dict[str, datetime] = {}
        self.by_others: set[str] = set()
        """Keys that somebody else deleted, disabled or enabled."""
        self.stages: dict[str, str] = {}
        self.steps: dict[str, int] = {}

    @initialize(chosen=st.booleans(), decided=st.lists(DECIDED, min_size=3, max_size=3))
    def furnish(self, chosen: bool, decided: list[tuple[Verb, str] | None]) -> None:
        self.bench = Bench(Database(self.address), self.clock, able=CHOSEN if chosen else FULL)
        for name in NAMES:
            self.bench.key(name, environment="production", secret_ref=self.ref(name), rotation_method="by Whose")
            self.bench.sink.now[self.ref(name)] = f"secret of {name}"
        for name, decision in zip(NAMES, decided, strict=True):
            if decision is not None:
                self.somebody_decides(name, *decision)
        self.turn()

    def teardown(self) -> None:
        if hasattr(self, "bench"):
            with self.bench.database.read() as session:
                verdict = verify_log(session)
            self.bench.database.close()
            assert verdict.ok, [str(one) for one in verdict.findings]
        self.afterwards.close()

    def ref(self, name: str) -> str:
        return f"file:/run/secrets/{name}"

    # ------------------------------------------------------------------ what happens

    @rule(name=st.sampled_from(NAMES), verb=st.sampled_from((Verb.REVOKE, Verb.ROTATE)), who=st.sampled_from(WHO))
    def somebody_decides(self, name: str, verb: Verb, who: str) -> None:
        self.bench.press(verb, who, name, justification="The contract is over.")

    @rule(name=st.sampled_from(NAMES), verb=st.sampled_from(CLICKS), who=st.sampled_from(WHO))
    def somebody_clicks(self, name: str, verb: Verb, who: str) -> None:
        self.bench.press(
            verb, who, name, justification="It is needed.", result="accepted_unverified", evidence="TICKET-1"
        )

    @rule(name=st.sampled_from(NAMES), verb=st.sampled_from((Verb.RETRY, Verb.GIVE_BACK, Verb.RESUME)))
    def whoever_may_clicks(self, name: str, verb: Verb) -> None:
        for who in ("ben", "ana"):
            self.bench.press(verb, who, name, justification="It is needed.")

    @rule(hours=st.sampled_from((1, 26, 250, 500)))
    def everybody_agrees_and_time_passes(self, hours: float) -> None:
        for name in NAMES:
            for who in ("ben", "vera"):
                self.bench.press(Verb.APPROVE, who, name)
        self.time_passes_for(hours)

    @rule(hours=st.sampled_from((0.02, 0.2, 1, 7, 26, 240)))
    def time_passes(self, hours: float) -> None:
        self.time_passes_for(hours)

    def time_passes_for(self, hours: float) -> None:
        until = self.clock.now() + timedelta(hours=hours)
        for _ in range(MOST_TURNS):
            at = self.bench.goes_on_at()
            if at is None or at > until:
                break
            self.clock.advance(max(at - self.clock.now(), timedelta()))
            self.turn()
        self.clock.advance(max(until - self.clock.now(), timedelta()))

    @rule(method=st.sampled_from(METHODS), fault=st.sampled_from(FAULTS), times=st.sampled_from((1, 1, 2, 9)))
    def the_connector_fails(self, method: str, fault: Any, times: int) -> None:
        if isinstance(fault, Lost) and method not in ("disable", "enable", "revoke", "create", "replace"):
            fault = Unclear("no answer")
        self.bench.connector.faults.pop(method, None)
        self.bench.connector.fail(method, *[fault] * times)

    @rule(name=st.sampled_from(NAMES), what=st.sampled_from(("delete", "disable", "enable", "use")))
    def somebody_elses_hand(self, name: str, what: str) -> None:
        key = self.bench.office.keys.get(name)
        if key is None:
            return
        if what == "use":
            key.last_used_at = self.clock.now()
            return
        self.by_others.add(name)
        self.disabled_at.pop(name, None)
        if what == "delete":
            del self.bench.office.keys[name]
        else:
            key.state = KeyState.DISABLED if what == "disable" else KeyState.ACTIVE

    @rule()
    def the_process_starts_anew_and_everything_answers(self) -> None:
        self.bench.connector.faults.clear()
        self.bench.database.close()
        self.bench.database = Database(self.address)

    def turn(self) -> None:
        before = len(self.bench.office.calls)
        try:
            self.bench.turn()
        except ExceptionGroup as died:
            assert died.split(DeathError)[1] is None, "something else than a death"  # noqa: PT017
        self._look_at(self.bench.office.calls[before:])

    def _look_at(self, calls: list[tuple[str, str]]) -> None:
        """Nothing is deleted that was not disabled for the grace before, unless somebody else had a hand in it."""
        for action, key in calls:
            if action == "disable":
                self.disabled_at.setdefault(key, self.clock.now())
            elif action == "enable":
                self.disabled_at.pop(key, None)
            elif action == "revoke" and key not in self.by_others and "-new" not in key:
                since = self.disabled_at.get(key)
                assert since is not None, f"{key} was deleted without having been disabled"
                assert self.clock.now() - since >= GRACE - timedelta(minutes=1), f"{key} was deleted within its grace"

    # ------------------------------------------------------------------ what holds

    def work(self) -> Work:
        found = []
        for name in NAMES:
            request = self.bench.request(name)
            if request.state in (State.REMEDIATING, State.SETTLED):
                found.append((name, self.bench.run(name), self.bench.task(name), request))
        return found

    @invariant()
    def what_holds(self) -> None:
        """Everything below, of one look at the database."""
        work = self.work()
        self.nobody_agrees_to_what_they_asked_for(work)
        self.what_is_called_was_written_down(work)
        self.a_result_agrees_with_the_truth(work)
        self.a_secret_is_never_lost(work)
        self.never_two_rotations(work)
        self.one_result_settles(work)
        self.somebody_is_reminded_wherever_somebody_is_waited_for(work)
        self.every_stage_is_on_record(work)

    def nobody_agrees_to_what_they_asked_for(self, work: Work) -> None:
        """In production a second person is needed for everything."""
        for _, run, _, _ in work:
            assert run.approved_by_id is None or run.approved_by_id != run.requested_by_id
            acted = run.begun_at is not None
            assert not acted or run.approved_by_id is not None, "it acted without a second person"

    def what_is_called_was_written_down(self, work: Work) -> None:
        intended = [call for name, *_ in work for call in self.bench.calls(name)]
        made = self.bench.office.calls
        for action in ("disable", "enable", "revoke", "create", "replace"):
            assert sum(one == action for one, _ in made) <= sum(one.action == action for one in intended), action

    def a_result_agrees_with_the_truth(self, work: Work) -> None:
        for name, run, task, _ in work:
            key = self.bench.office.keys.get(name)
            if task.result != "confirmed":
                continue
            if task.kind == "revoke" or run.old_id:
                assert key is None, f"{name} is said to be over"
            else:
                current = self.bench.sink.now[self.ref(name)]
                assert current != f"secret of {name}"
                assert name in self.by_others or (key is not None and key.secret == current)

    def a_secret_is_never_lost(self, work: Work) -> None:
        """Whoever reads the secret of a key that is not being ended gets in, or the secret that is kept beside it
        does."""
        for name, run, task, _ in work:
            if task.kind != "rotate" or name in self.by_others or task.connector == "manual":
                continue
            held = [self.bench.sink.now.get(self.ref(name)), self.bench.sink.next.get(self.ref(name))]
            assert any(one is not None and self.bench.office.accepts(one) for one in held), (name, run)

    def never_two_rotations(self, work: Work) -> None:
        """A second new key only after a person was told of the first one, by its name, and said to go on."""
        for name, *_ in work:
            new = [key for key in self.bench.office.keys if key.startswith(f"{name}-new")]
            assert len(new) <= 1, new

    def one_result_settles(self, work: Work) -> None:
        for name, run, task, request in work:
            results = [
                one.fields["details"]["result"]
                for one in self.bench.records(RecordKind.REMEDIATION_RESULT)
                if one.fields["request"] == request.id
            ]
            settled = [one for one in results if one != "failed"]
            assert len(settled) <= 1
            assert (request.state == State.SETTLED) == (task.done_at is not None), (name, run.stage)
            if task.done_at is not None and task.result != "called_off":
                assert settled == [task.result]
                assert not [one for one in self.bench.calls(name) if one.ended_at is None], "a call has no end"

    def somebody_is_reminded_wherever_somebody_is_waited_for(self, work: Work) -> None:
        for name, run, task, request in work:
            if request.state == State.REMEDIATING and run.stage in WAITS:
                assert request.next_step_at is not None, (name, run.stage)
                assert task.remind_at is not None
            if request.state == State.REMEDIATING and run.stage not in WAITS:
                assert run.act_at is not None, f"{name} waits for nobody, and does not go on"

    def every_stage_is_on_record(self, work: Work) -> None:
        with self.bench.database.read() as session:
            records = list(leaves(session))
        for name, run, _, request in work:
            stage, halted_from = Stage.PLANNED, None
            for one in records:
                if one.fields.get("request") != request.id:
                    continue
                if one.kind not in (RecordKind.REMEDIATION_STEP, RecordKind.REMEDIATION_AGREED):
                    continue
                step, said = Step(str(one.fields["reason"])), Stage(str(one.fields["details"]["stage"]))
                after = next_stage(stage, step, halted_from)
                assert said in (after, Stage.PROVEN if step is Step.RESUME else after), (name, stage, step, said)
                halted_from = stage if said is Stage.HALTED else None
                stage = said
            by_person = run.stage == Stage.BY_HAND
            assert stage == run.stage or by_person, (name, stage, run.stage)


Remediation.TestCase.settings = settings(
    max_examples=EXAMPLES,
    stateful_step_count=40,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
TestRemediation = Remediation.TestCase
