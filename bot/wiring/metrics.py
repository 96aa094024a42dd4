"""What ``/metrics`` says, in Prometheus' text format (https://prometheus.io/docs/instrumenting/exposition_formats/).

Two sources: the database, looked at when somebody asks (:mod:`bot.operations.measure`), and this process's own counters
and histograms. Labels are words of ours and the places of the settings; never a person, a token or a text.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Metric, disable_created_metrics
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector
from sqlalchemy.exc import SQLAlchemyError

from bot.anchors import names_of
from bot.operations.delivery import DeliveryReport
from bot.operations.measure import Measures, Remembered, measure
from bot.operations.sweep import SweepReport
from bot.rules.undelivered import CONSEQUENCES
from bot.rules.watchdog import JobState, Kind, Trouble
from bot.wiring.installation import Installation

logger = logging.getLogger(__name__)
disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series for each counter, which nobody reads

#: Slack gives up on an answer after 3 s; around 0.1 s is where we want to be.
_CLICK_BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 3.0)
_JOB_BUCKETS: Final = (0.01, 0.05, 0.25, 1.0, 5.0, 15.0, 60.0, 300.0, 1800.0)
_OUTCOMES: Final = tuple(name for name in asdict(DeliveryReport()) if name not in {"trouble", "wait"})
_OTHER: Final = "other"


class Metrics:
    """The metrics of one process.

    Args:
        look: measures the database; None: only this process's own metrics.
        jobs: the clock's jobs, where this process has a clock.
    """

    def __init__(
        self, look: Callable[[], Measures] | None = None, jobs: Callable[[], Sequence[JobState]] = lambda: ()
    ) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        registry = self._registry
        self._click = Histogram(
            "whose_click_seconds",
            "Time from a request of the chat platform until our answer to it.",
            buckets=_CLICK_BUCKETS,
            registry=registry,
        )
        self._job = Histogram(
            "whose_task_seconds", "How long a turn of a job takes.", ["task"], buckets=_JOB_BUCKETS, registry=registry
        )
        self._failures = Counter("whose_task_failures", "Turns of a job that failed.", ["task"], registry=registry)
        self._deliveries = Counter(
            "whose_deliveries", "What became of messages that were tried.", ["outcome"], registry=registry
        )
        for outcome in _OUTCOMES:
            self._deliveries.labels(outcome)
        self._due = Gauge("whose_tokens_due", "Tokens that the last sweep found due.", registry=registry)
        self._deferred = Gauge(
            "whose_tokens_deferred",
            "Due tokens that the last sweep left for a later day, by the policy's caps.",
            registry=registry,
        )
        self._trouble = Gauge(
            "whose_trouble", "1 while the watchdog finds this kind of trouble.", ["kind"], registry=registry
        )
        for kind in Kind:
            self._trouble.labels(kind.value)
        registry.register(_Jobs(jobs))
        if look is not None:
            registry.register(_Database(look))

    def clicked(self, seconds: float) -> None:
        """A request of the chat platform was answered."""
        self._click.observe(seconds)

    def ran(self, job: str, seconds: float, failed: bool) -> None:
        """A job had its turn."""
        self._job.labels(job).observe(seconds)
        self._failures.labels(job).inc(failed)

    def swept(self, report: SweepReport) -> None:
        """A sweep was done."""
        self._due.set(len(report.due))
        self._deferred.set(report.deferred)

    def delivered(self, report: DeliveryReport) -> None:
        """A pass over the outbox was done."""
        for outcome in _OUTCOMES:
            self._deliveries.labels(outcome).inc(getattr(report, outcome))

    def watched(self, found: Sequence[Trouble]) -> None:
        """The watchdog looked."""
        kinds = {one.kind for one in found}
        for kind in Kind:
            self._trouble.labels(kind.value).set(kind in kinds)

    def write(self, accept: str = "") -> tuple[bytes, str]:
        """Everything, and its content type; ``accept`` is what the asker takes."""
        encode, content_type = choose_encoder(accept)
        return encode(self._registry), content_type


def metrics_of(installation: Installation, jobs: Callable[[], Sequence[JobState]] = lambda: ()) -> Metrics:
    """The metrics of a process of this installation."""
    anchors = names_of(installation.settings.anchors)
    look = Remembered(lambda: measure(installation.database, installation.now(), anchors), time.monotonic)
    return Metrics(look, jobs)


class _Jobs(Collector):
    def __init__(self, jobs: Callable[[], Sequence[JobState]]) -> None:
        self._jobs = jobs

    def collect(self) -> Iterator[Metric]:
        since = {job.name: job.since_success.total_seconds() for job in self._jobs()}
        yield _labelled("whose_task_since_success_seconds", "Time since a job last ended well.", "task", since)


class _Database(Collector):
    def __init__(self, look: Callable[[], Measures]) -> None:
        self._look = look

    def collect(self) -> Iterator[Metric]:
        """Without the database, what it would say is left out, and ``whose_database_up`` is 0."""
        up = GaugeMetricFamily("whose_database_up", "1 where the database answers.")
        try:
            found = self._look()
        except SQLAlchemyError as error:
            logger.warning("the database could not be measured: %s", type(error).__name__)
            up.add_metric([], 0)
            yield up
            return
        up.add_metric([], 1)
        yield up
        yield from _of_requests(found)
        yield from _of_outbox(found)
        yield from _of_ledger(found)
        ages = {lane: _age(found, at) for lane, at in found.directory_read_at.items()}
        yield _labelled(
            "whose_directory_age_seconds", "Time since the workspace's directory was last read.", "workspace", ages
        )


def _of_requests(found: Measures) -> Iterator[Metric]:
    states = dict.fromkeys(("open", "handover", "remediating"), 0)
    rungs: dict[str, int] = {}
    for one in found.requests:
        states[one.state] = states.get(one.state, 0) + one.number
        rungs[one.rung] = rungs.get(one.rung, 0) + one.overdue
    yield _labelled("whose_requests_open", "Requests that wait for something, by state.", "state", states)
    yield _labelled("whose_requests_overdue", "Open requests past their day, by who is waited for.", "rung", rungs)
    stuck = "Requests whose next step was due more than 30 minutes ago and was not taken."
    yield _plain("whose_ladders_stuck", stuck, found.steps_missed)


def _of_outbox(found: Measures) -> Iterator[Metric]:
    numbers = {state: one.number for state, one in found.outbox.items()}
    oldest = {state: _age(found, one.oldest) if one.oldest else 0.0 for state, one in found.outbox.items()}
    undelivered = dict.fromkeys([*CONSEQUENCES, _OTHER], 0)
    for dead in found.undelivered:
        undelivered[dead.error if dead.error in CONSEQUENCES else _OTHER] += dead.number
    said = "Messages that are not done, by state; dead: given up."
    yield _labelled("whose_outbox_messages", said, "state", numbers)
    said = "For how long the oldest of them is due (pending), under way (sending, unknown) or given up (dead)."
    yield _labelled("whose_outbox_oldest_seconds", said, "state", oldest)
    yield _plain("whose_outbox_late_messages", "Messages that should have left an hour ago.", found.late_messages)
    shown = {reason: number for reason, number in undelivered.items() if number or reason == _OTHER}
    said = "Messages that were given up and wait for an operator, by reason."
    yield _labelled("whose_outbox_undelivered_messages", said, "reason", shown)


def _of_ledger(found: Measures) -> Iterator[Metric]:
    yield _plain("whose_ledger_records", "Records in the ledger's current epoch.", found.records)
    yield _plain("whose_ledger_epoch", "The ledger's current epoch; a new one follows a loss.", found.epoch)
    if found.checkpoint_at is not None:
        said = "Time since the last checkpoint was signed."
        yield _plain("whose_ledger_checkpoint_age_seconds", said, _age(found, found.checkpoint_at))
    held = {name: _age(found, one.done_at) for name, one in found.anchors.items() if one.done_at is not None}
    yield _labelled(
        "whose_anchor_age_seconds", "Time since an anchor took the newest checkpoint it holds.", "anchor", held
    )
    waits = {name: _age(found, one.waiting_since) for name, one in found.anchors.items()}
    said = "For how long an anchor has not taken the newest checkpoint; 0: it has."
    yield _labelled("whose_anchor_waiting_seconds", said, "anchor", waits)


def _age(found: Measures, moment: datetime | None) -> float:
    """Seconds since then; 0 where there is no moment, or it is still to come."""
    return 0.0 if moment is None else max((found.at - moment).total_seconds(), 0.0)


def _plain(name: str, said: str, value: float) -> Metric:
    return GaugeMetricFamily(name, said, value=value)


def _labelled(name: str, said: str, label: str, values: Mapping[str, float]) -> Metric:
    family = GaugeMetricFamily(name, said, labels=[label])
    for word, value in values.items():
        family.add_metric([word], value)
    return family
