"""Rotations and revocations during which the worker dies at lines that chance chooses, and what the issuing system says
of them afterwards.

``tests/contract/test_carrying_out_crash.py`` makes a few, ``make crash`` five hundred for each kind of connector. Every
life has a database of its own; the issuing system, its sink and whoever clicks outlive the worker.
"""

from __future__ import annotations

import json
import logging
import os
import random
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from pydantic import SecretStr

import bot.issuers
import bot.operations.carrying_out
from bot.operations.commands import Done
from bot.operations.issuer_port import SecretSink
from bot.rules.issuing import Rotation
from bot.rules.remediation import ENDS, Kind, Stage, Step, next_stage
from messages.action_ref import Verb
from storage.database import Database
from storage.ledger.log import leaves
from storage.ledger.record import RecordKind
from storage.ledger.verify import verify_log
from tests.contract.carrying_kit import Bench
from tests.contract.crash_carrying_worker import Sinks, vault_of
from tests.contract.crash_systems import STANDS, System
from tests.contract.crash_worker import COUNT, NEVER
from tests.property.places import sqlite_place
from tests.servers.fake_clock import FakeClock
from tests.servers.issuers.ground import Made
from tests.servers.issuers.vault import TOKEN, vault_server

#: A Monday later than any use that moto notes by the machine's own clock.
START: Final = datetime(2035, 1, 8, 9, 30, tzinfo=UTC)
MOST_TURNS: Final = 80
AGAIN: Final = 0.4
"""How often a worker that was started again dies again."""
_FAR_FOR_A_NEAR_ONE: Final = 30
"""Lines of everybody's for one of ours, as a first guess."""
EVERYWHERE: Final = ""
NEAR: Final = "near"
BELOW: Final = {
    EVERYWHERE: [],
    NEAR: [f"{Path(one.__file__ or '').parent}{os.sep}" for one in (bot.operations.carrying_out, bot.issuers)],
}
"""Half of the deaths are at any line, of a driver's mostly; half at one of the machine, a connector or a sink."""


@dataclass
class Toll:
    """What happened in some lives."""

    runs: int = 0
    """Lives."""
    deaths: int = 0
    """Lives in which the worker died."""
    second_deaths: int = 0
    """Lives in which it died again after it was started again."""
    ends: Counter[str] = field(default_factory=Counter)
    """How they ended: ``rotate confirmed``, ``rotate orphan`` …"""


@dataclass
class Doom:
    """When the worker dies: at a line of the turn that begins at ``stage``, and perhaps of those after it."""

    stage: str
    chance: random.Random
    lines: dict[tuple[str, str], int]
    """Lines of a turn, by where they are counted and the stage at which it begins; learned as it goes."""
    deaths: int = 0
    said: list[str] = field(default_factory=list)
    counted: str | None = None
    """Where the lines of this turn are counted; None: they are not."""

    def order(self, stage: str) -> tuple[int, str]:
        """The line to die at, and where lines are counted."""
        again = self.deaths and self.chance.random() < AGAIN
        if not again and (self.deaths or stage != self.stage):
            self.counted = None
            return NEVER, EVERYWHERE
        self.counted = where = self.chance.choice([EVERYWHERE, NEAR])
        near = self.lines.get((NEAR, stage), 200)
        line = self.chance.randint(1, self.lines.get((where, stage), near * _FAR_FOR_A_NEAR_ONE))
        self.said.append(f"{stage}, {where or 'any'} line {line}")
        return line, where

    def heard(self, stage: str, answer: dict[str, Any]) -> None:
        """What became of the turn."""
        self.deaths += answer["died"]
        if not answer["died"] and self.counted is not None:
            self.lines[self.counted, stage] = answer["lines"]


class Trial:
    """One issuing system, one worker, one folder for secrets."""

    def __init__(
        self, system: System, worker: subprocess.Popen[str], folder: Path, vault: dict[str, str] | None
    ) -> None:
        self.system, self._worker, self._folder = system, worker, folder
        self._vault = vault
        self.able = system.ground.issuer.capabilities
        self.chosen = self.able.rotate is Rotation.CHOSEN
        self._numbers = 0

    def live(
        self, job: Kind, doom: Callable[[str], tuple[int, str]], died: Callable[[str, dict[str, Any]], None]
    ) -> str:
        """One piece of work from the click to its end; returns how it ended.

        Raises:
            AssertionError: something that must hold does not.
        """
        self._numbers += 1
        made = self.system.ground.make(f"key{self._numbers}")
        other = self.system.ground.make(f"other{self._numbers}")
        with sqlite_place() as address, ExitStack() as afterwards:
            database = Database(address)
            afterwards.callback(database.close)
            life = Life(self, job, made, Bench(database, FakeClock(START), able=self.able), address)
            afterwards.callback(self.system.leave, made)
            life.begin()
            for _ in range(MOST_TURNS):
                stage = life.bench.stage()
                if Stage(stage) in ENDS or stage == Stage.HALTED:
                    break
                if stage == Stage.NOTIFIED:
                    assert isinstance(life.bench.press(Verb.APPROVE, "ben"), Done)
                    continue
                died(stage, life.turn(*doom(stage)))
                life.look()
            life.check_end()
            assert self.system.ground.accepts(other), "the other credential does not work any more"
            return life.ended()

    def keep(self, made: Made) -> str:
        """Put a credential's secret where its reference says; the reference."""
        text = self.system.kept(made)
        name = f"key{self._numbers}"
        ref = f"vault:kv/{name}#secret" if self._vault else f"file:{self._folder / name}"
        sink = self.sink(ref)
        sink.stage(ref, SecretStr(text))
        sink.promote(ref)
        return ref

    def sink(self, ref: str) -> SecretSink:
        return Sinks(vault_of({"vault": self._vault})).sink_for(ref)

    def send(self, now: datetime, database: str, die_at: int, where: str) -> dict[str, Any]:
        """Have the worker make a turn."""
        self.system.at(now)
        order = {
            **self.system.order,
            "database": database,
            "now": now.isoformat(),
            "die_at": die_at,
            "below": BELOW[where],
            "vault": self._vault,
        }
        assert self._worker.stdin is not None
        assert self._worker.stdout is not None
        print(json.dumps(order), file=self._worker.stdin, flush=True)
        answer: dict[str, Any] = json.loads(self._worker.stdout.readline())
        self.system.wait_until_left()
        return answer


@dataclass
class Life:
    """One credential that is to be rotated or revoked, and everybody who has to do with it."""

    trial: Trial
    job: Kind
    made: Made
    bench: Bench
    address: str
    ref: str = ""
    first: str = ""
    """What lay at the reference in the beginning."""

    def begin(self) -> None:
        """Ana decides."""
        self.ref, self.first = self.trial.keep(self.made), self.trial.system.kept(self.made)
        self.bench.token(
            backup="ben",
            vendor="driftly",
            external_id=self.made.credential.external_id,
            secret_ref=self.ref,
            environment="production",
            rotation_method="by Whose",
            last_attested_at=self.bench.days(-400),
        )
        self.bench.sweep()
        verb = Verb.ROTATE if self.job == "rotate" else Verb.REVOKE
        assert isinstance(self.bench.press(verb, justification="The contract is over."), Done)

    def turn(self, die_at: int, where: str) -> dict[str, Any]:
        """The machine goes on as soon as it does by itself."""
        clock, at = self.bench.clock, self.bench.goes_on_at()
        assert at is not None, f"{self.bench.stage()} waits for nobody, and does not go on"
        clock.advance(max(at - clock.now(), timedelta(seconds=2)))
        return self.trial.send(clock.now(), self.address, die_at, where)

    # ------------------------------------------------------------------ at every moment

    def look(self) -> None:
        """What holds however far it has come."""
        system, made = self.trial.system, self.made
        new, state = system.new_beside(made), system.state(made)
        intended = {one.action for one in self.bench.calls()}
        assert len(new) <= 1, f"two rotations: {new}"
        assert not new or "create" in intended, "made without a word of it before"
        if state != "active":
            assert ("disable" if state == "disabled" else "revoke") in intended, f"{state} without a word of it before"
        if self.bench.stage() == "disabled":
            assert state == "disabled", f"disabled, says the machine; {state}, says the system"
            assert not system.still_in(made), "disabled, and a session of it goes on"
        if self.job == "rotate":
            self._look_as_reader(intended)

    def _look_as_reader(self, intended: set[str]) -> None:
        """Somebody fetches the secret, at this very moment."""
        sink = self.trial.sink(self.ref)
        current, staged = sink.current(self.ref), sink.staged(self.ref)
        assert current is not None, "there is no secret any more"
        if self.trial.system.reads(self.made, current.get_secret_value()):
            return
        assert self.trial.chosen, "the secret that is read does not work"
        assert "replace" in intended, "replaced without a word of it before"
        assert staged is not None, "the secret that is read does not work, and there is no other"
        assert self.trial.system.reads(self.made, staged.get_secret_value()), "neither secret works"

    # ------------------------------------------------------------------ in the end

    def ended(self) -> str:
        run = self.bench.run()
        return f"{self.job} {run.fault if run.stage == 'halted' else self.bench.task().result}"

    def check_end(self) -> None:
        """The issuing system is asked for the truth."""
        run, task = self.bench.run(), self.bench.task()
        assert not [one.action for one in self.bench.calls() if one.ended_at is None], "a call has no end"
        self._check_ledger()
        self.look()
        if run.stage == Stage.HALTED:
            self._check_orphan(run)
            return
        assert run.stage == Stage.VERIFIED, f"{run.stage} {run.fault} {run.fault_detail}"
        assert self.bench.request().state == "settled"
        if self.job == "revoke":
            assert self.bench.row().state == "revoked"
            assert task.result != "confirmed" or self.trial.system.state(self.made) == "gone", "confirmed, and works"
            assert not self.trial.system.ground.accepts(self.made), "ended, and works"
            assert not self.trial.system.still_in(self.made), "ended, and a session of it goes on"
        else:
            self._check_rotated(task)

    def _check_rotated(self, task: Any) -> None:
        system, sink = self.trial.system, self.trial.sink(self.ref)
        current = sink.current(self.ref)
        assert current is not None
        assert current.get_secret_value() != self.first, "the old secret is still the one that is read"
        assert system.reads(self.made, current.get_secret_value()), "the new secret does not work"
        assert sink.staged(self.ref) is None
        assert task.result != "confirmed" or not system.reads(self.made, self.first), "confirmed, and the old one works"
        if not self.trial.chosen:
            assert system.state(self.made) == "gone"
            assert system.new_beside(self.made) == [self.bench.row().external_id]

    def _check_orphan(self, run: Any) -> None:
        """Between the system's answer and the sink the secret was in one process alone: that is said, and no more."""
        assert (self.job, run.fault) == ("rotate", "orphan"), f"{run.fault} {run.fault_detail}"
        new = self.trial.system.new_beside(self.made)
        assert run.fault_detail == ", ".join(new), f"{new} is left over, and {run.fault_detail} is named"
        sink = self.trial.sink(self.ref)
        current, staged = sink.current(self.ref), sink.staged(self.ref)
        assert current is not None
        assert current.get_secret_value() == self.first
        assert self.trial.system.reads(self.made, self.first), "the old one does not work any more"
        assert staged is None, "somebody has the new secret after all"
        assert Verb.RETRY in self.bench.seen_by("ana").offered

    def _check_ledger(self) -> None:
        """Every stage that it reached is on record, in the order of the table."""
        with self.bench.database.read() as session:
            findings = [str(one) for one in verify_log(session).findings]
            records = list(leaves(session))
        assert not findings, findings
        stage: Stage | None = Stage.PLANNED
        for one in records:
            if one.kind in (RecordKind.REMEDIATION_STEP, RecordKind.REMEDIATION_AGREED):
                stage = next_stage(stage, Step(str(one.fields["reason"]))) if stage is not None else None
        assert stage == self.bench.stage()


def crash_lives(name: str, *, deaths: int, seed: int, progress: Callable[[Toll], None] = lambda _toll: None) -> Toll:
    """Let the worker die in so many lives of one kind of connector, and count.

    Raises:
        AssertionError: something that must hold does not; the text names seed and life.
    """
    stand, chance, toll = STANDS[name], random.Random(f"{seed} {name}"), Toll()
    with _trial(name) as trial:
        lines = {job: _count_lines(trial, job) for job in stand.jobs}
        while toll.deaths < deaths:
            assert toll.runs < 3 * deaths + 10, "the worker hardly ever dies"
            job = stand.jobs[toll.runs % len(stand.jobs)]
            stages = sorted({stage for _, stage in lines[job]})
            doom = Doom(chance.choice(stages), chance, lines[job])
            try:
                end = trial.live(job, doom.order, doom.heard)
            except AssertionError as error:
                where = f"{name}, life {toll.runs + 1} of seed {seed} ({job}): died at {'; '.join(doom.said)}"
                raise AssertionError(f"{where}: {error}") from error
            toll.runs += 1
            toll.deaths += doom.deaths > 0
            toll.second_deaths += doom.deaths > 1
            toll.ends[end] += 1
            progress(toll)
    return toll


def _count_lines(trial: Trial, job: Kind) -> dict[tuple[str, str], int]:
    """How many near lines the turn of each stage has, where nothing goes wrong."""
    lines: dict[tuple[str, str], int] = {}

    def counted(stage: str, answer: dict[str, Any]) -> None:
        lines[NEAR, stage] = answer["lines"]

    end = trial.live(job, lambda _stage: (COUNT, NEAR), counted)
    assert end == f"{job} confirmed", end
    return lines


@contextmanager
def _trial(name: str) -> Iterator[Trial]:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # it would tell of every request
    with ExitStack() as stack:
        system = stack.enter_context(STANDS[name].running())
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="whose-sink-")))
        vault = stack.enter_context(vault_server()) if name == "gitlab" else None
        worker = stack.enter_context(_worker())
        yield Trial(system, worker, folder, {"address": vault.address, "token": TOKEN} if vault else None)


@contextmanager
def _worker() -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "tests.contract.crash_carrying_worker"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield process
        assert process.stdin is not None
        process.stdin.close()
