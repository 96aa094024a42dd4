"""``/metrics``: what it counts, to whom it answers, and what it never says. On both databases."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import event, text
from sqlalchemy.exc import OperationalError
from starlette.types import ASGIApp

from bot.operations.delivery import DeliveryReport
from bot.operations.measure import Measures, Remembered, measure
from bot.rules.watchdog import JobState, Kind, Trouble
from bot.web import MetricsPage, create_web_app
from bot.wiring.metrics import Metrics
from storage.database import Database
from storage.ledger.published import Published, anchored, keep_checkpoint
from storage.outbox_enqueue import enqueue
from tests.contract.sweep_kit import LANE, Inventory
from tests.servers.fake_clock import FakeClock

HOUR = timedelta(hours=1)
Values = dict[tuple[str, str], float]


def values(metrics: Metrics) -> Values:
    """``{(name of the sample, value of its one label or nothing): value}``, as Prometheus' own reader has it."""
    page, content_type = metrics.write()
    assert content_type.startswith("text/plain")
    found = {}
    for family in text_string_to_metric_families(page.decode()):
        assert family.documentation or family.name.startswith("process_"), family.name
        for sample in family.samples:
            found[sample.name, "".join(value for name, value in sample.labels.items() if name != "le")] = sample.value
    return found


@pytest.fixture
def inventory(database: Database, clock: FakeClock) -> Inventory:
    made = Inventory(database, clock)
    made.person("bob")
    return made


def look(inventory: Inventory, *anchors: str) -> Callable[[], Measures]:
    return lambda: measure(inventory.database, inventory.clock.now(), anchors)


# ------------------------------------------------------------------ what it counts


def test_an_empty_installation_has_every_metric(inventory: Inventory) -> None:
    found = values(Metrics(look(inventory)))
    assert found["whose_database_up", ""] == 1
    assert found["whose_requests_open", "open"] == 0
    assert found["whose_outbox_messages", "dead"] == 0
    assert found["whose_outbox_oldest_seconds", "pending"] == 0
    assert found["whose_deliveries_total", "posted"] == 0
    assert found["whose_ladders_stuck", ""] == 0
    assert found["whose_trouble", "stuck_ladders"] == 0
    assert found["whose_directory_age_seconds", LANE] == 0
    assert ("whose_ledger_checkpoint_age_seconds", "") not in found


def test_what_is_asked_and_overdue(inventory: Inventory) -> None:
    for name in ("one", "two"):
        inventory.token(name, last_attested_at=None)
    inventory.sweep()
    found = values(Metrics(look(inventory)))
    assert (found["whose_requests_open", "open"], found["whose_requests_overdue", "owner"]) == (2, 0)
    assert found["whose_outbox_messages", "pending"] == 1
    inventory.clock.advance(timedelta(days=30))
    found = values(Metrics(look(inventory)))
    assert (found["whose_requests_overdue", "owner"], found["whose_ladders_stuck", ""]) == (2, 2)
    assert found["whose_outbox_oldest_seconds", "pending"] == pytest.approx(30 * 86400, abs=86400)
    assert found["whose_outbox_late_messages", ""] == 1
    assert found["whose_ledger_records", ""] > 0


def test_what_could_not_be_delivered(inventory: Inventory) -> None:
    now = inventory.clock.now()
    with inventory.database.write() as session:
        for key in ("a", "b", "c"):
            where = {"lane": LANE, "channel": "audit", "not_before": now, "created_at": now}
            enqueue(session, dedupe_key=key, card="checkpoint", **where)  # type: ignore[arg-type]
        dead = "UPDATE outbox SET state = 'dead', done_at = not_before, error = :error WHERE dedupe_key = :key"
        for key, error in (("a", "not_in_channel"), ("b", "a_word_of_next_year")):
            session.connection().execute(text(dead), {"key": key, "error": error})
    inventory.clock.advance(HOUR)
    found = values(Metrics(look(inventory)))
    assert found["whose_outbox_messages", "dead"] == 2
    assert found["whose_outbox_oldest_seconds", "dead"] == 3600
    assert found["whose_outbox_undelivered_messages", "not_in_channel"] == 1
    assert found["whose_outbox_undelivered_messages", "other"] == 1, "a platform's new word makes no new series"


def test_checkpoint_and_anchors(inventory: Inventory) -> None:
    first = Published(0, 1, b"\0" * 32, b"note\n", inventory.clock.now())
    with inventory.database.write() as session:
        keep_checkpoint(session, first, ["folder:/a", "folder:/b"])
        anchored(session, "folder:/a", first, b"", inventory.clock.now())
    inventory.clock.advance(HOUR)
    found = values(Metrics(look(inventory, "folder:/a", "folder:/b")))
    assert found["whose_ledger_checkpoint_age_seconds", ""] == 3600
    assert found["whose_anchor_age_seconds", "folder:/a"] == 3600
    assert ("whose_anchor_age_seconds", "folder:/b") not in found, "it never held one"
    assert found["whose_anchor_waiting_seconds", "folder:/a"] == 0
    assert found["whose_anchor_waiting_seconds", "folder:/b"] == 3600


def test_what_the_process_did() -> None:
    jobs = [JobState("climb", timedelta(minutes=1), timedelta(seconds=90), False, "")]
    metrics = Metrics(jobs=lambda: jobs)
    metrics.delivered(DeliveryReport(posted=3, refused=1, trouble="ratelimited", wait=2.0))
    metrics.delivered(DeliveryReport(posted=1))
    metrics.clicked(0.02)
    metrics.ran("sweep", 2.0, False)
    metrics.ran("sweep", 2.0, True)
    metrics.watched([Trouble(Kind.SILENT_JOB, 1, ("climb",))])
    found = values(metrics)
    assert (found["whose_deliveries_total", "posted"], found["whose_deliveries_total", "refused"]) == (4, 1)
    assert found["whose_click_seconds_count", ""] == 1
    assert (found["whose_task_seconds_count", "sweep"], found["whose_task_failures_total", "sweep"]) == (2, 1)
    assert found["whose_task_since_success_seconds", "climb"] == 90
    assert found["whose_trouble", "silent_job"] == 1
    metrics.watched([])
    assert values(metrics)["whose_trouble", "silent_job"] == 0


def test_the_sweep_says_what_is_due(inventory: Inventory) -> None:
    inventory.token(last_attested_at=None)
    metrics = Metrics()
    metrics.swept(inventory.sweep())
    assert values(metrics)["whose_tokens_due", ""] == 1


# ------------------------------------------------------------------ what it never says, and what it costs


def test_it_names_nobody_and_no_token(inventory: Inventory) -> None:
    inventory.token("very-secret-name", last_attested_at=None)
    inventory.sweep()
    page = Metrics(look(inventory)).write()[0].decode()
    assert "very-secret-name" not in page
    assert "ana" not in page.lower().replace("manager", "")
    assert "example.com" not in page


def test_without_its_database_it_says_so_and_the_rest() -> None:
    def broken() -> Measures:
        raise OperationalError("SELECT 1", {}, Exception("gone"))

    metrics = Metrics(broken)
    metrics.clicked(0.1)
    found = values(metrics)
    assert (found["whose_database_up", ""], found["whose_click_seconds_count", ""]) == (0, 1)
    assert ("whose_ledger_records", "") not in found


def test_many_askers_make_one_look(inventory: Inventory) -> None:
    looks = []
    seconds = [0.0]

    def counted() -> Measures:
        looks.append(1)
        return look(inventory)()

    remembered = Remembered(counted, lambda: seconds[0], seconds=5.0)
    first = remembered()
    seconds[0] = 4.9
    assert remembered() is first
    seconds[0] = 5.0
    assert remembered() is not first
    assert len(looks) == 2


def test_every_count_uses_an_index(inventory: Inventory) -> None:
    if not inventory.database.is_sqlite:
        pytest.skip("PostgreSQL chooses by the size of the table")
    said: list[tuple[str, Any]] = []

    def listen(_connection: object, _cursor: object, statement: str, values: Any, *_rest: object) -> None:
        said.append((statement, values))

    event.listen(inventory.database.read_engine, "before_cursor_execute", listen)
    measure(inventory.database, inventory.clock.now(), ["folder:/a"])
    event.remove(inventory.database.read_engine, "before_cursor_execute", listen)
    large = [one for one in said if re.search(r"FROM (outbox|request|ledger_leaf)\b", one[0])]
    assert len(large) == 8
    with inventory.database.read_engine.connect() as connection:
        for statement, values in large:
            plan = str(connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values).all())
            assert re.search(r"USING (COVERING )?INDEX (ix_outbox|ix_request|ux_request)", plan), (statement, plan)


# ------------------------------------------------------------------ to whom it answers


def ask(app: ASGIApp, *, client: str = "127.0.0.1", host: str = "localhost", **headers: str) -> httpx.Response:
    async def go() -> httpx.Response:
        transport = httpx.ASGITransport(app, client=(client, 5000))
        async with httpx.AsyncClient(transport=transport, base_url=f"http://{host}:8000") as session:
            return await session.get("/metrics", headers={key.replace("_", "-"): said for key, said in headers.items()})

    return asyncio.run(go())


def page(*, to_all: bool = False) -> ASGIApp:
    return create_web_app(list, metrics=MetricsPage(Metrics().write, to_all))


def test_this_machine_is_answered() -> None:
    answer = ask(page())
    assert answer.status_code == 200
    assert "whose_click_seconds_bucket" in answer.text
    assert answer.headers["content-type"].startswith("text/plain")
    for client, host in (("::1", "[::1]"), ("::ffff:127.0.0.1", "127.0.0.1"), ("127.0.0.9", "127.0.0.1")):
        assert ask(page(), client=client, host=host).status_code == 200, client
    assert "# EOF" in ask(page(), accept="application/openmetrics-text").text


@pytest.mark.parametrize(
    ("client", "host", "headers"),
    [
        ("203.0.113.9", "localhost", {}),
        ("10.0.0.7", "localhost", {}),
        ("127.0.0.1", "whose.example.com", {}),
        ("127.0.0.1", "localhost", {"x_forwarded_for": "127.0.0.1"}),
        ("127.0.0.1", "localhost", {"forwarded": "for=127.0.0.1"}),
        ("127.0.0.1", "localhost", {"x_real_ip": "127.0.0.1"}),
        ("127.0.0.1", "localhost", {"via": "1.1 proxy"}),
    ],
)
def test_nobody_else_is_unless_the_settings_say_so(client: str, host: str, headers: dict[str, str]) -> None:
    answer = ask(page(), client=client, host=host, **headers)
    assert (answer.status_code, answer.text) == (404, "Not Found")
    assert ask(page(to_all=True), client=client, host=host, **headers).status_code == 200


def test_without_it_there_is_nothing_there() -> None:
    assert ask(create_web_app(list)).status_code == 404


def test_every_request_is_timed_by_its_path() -> None:
    seen: list[str] = []
    ask(create_web_app(list, observe=lambda path, seconds: seen.append(path) if seconds > 0 else None))
    assert seen == ["/metrics"]
