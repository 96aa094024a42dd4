"""The dashboard of ``examples/grafana``: it shows the metrics that there are, all of them, and asks for no others."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from bot.operations.measure import measure
from bot.rules.watchdog import JobState
from bot.wiring.metrics import Metrics
from storage.database import Database
from storage.ledger.published import Published, keep_checkpoint
from tests.contract.sweep_kit import Inventory
from tests.servers.fake_clock import FakeClock

FILE = Path(__file__).parents[2] / "examples" / "grafana" / "whose.json"
#: Of a histogram, Prometheus keeps these three.
PARTS = re.compile(r"_(bucket|sum|count)$")


@pytest.fixture(scope="module")
def dashboard() -> dict[str, Any]:
    found = json.loads(FILE.read_text("utf-8"))
    assert isinstance(found, dict)
    return found


@pytest.fixture
def samples(sqlite_database: Database, clock: FakeClock) -> dict[str, set[str]]:
    """The names of every sample of ours, and the labels it can have."""
    inventory = Inventory(sqlite_database, clock)
    with sqlite_database.write() as session:
        keep_checkpoint(session, Published(0, 1, b"\0" * 32, b"note\n", clock.now()), ["folder:/a"])
    found = measure(sqlite_database, inventory.clock.now(), ["folder:/a"])
    metrics = Metrics(lambda: found, lambda: [JobState("climb", timedelta(1), timedelta(0), False, "")])
    metrics.ran("climb", 1.0, False)
    families = list(text_string_to_metric_families(metrics.write()[0].decode()))
    labels: dict[str, set[str]] = {family.name: set() for family in families if family.name.startswith("whose_")}
    for family in families:
        for sample in family.samples:
            labels.setdefault(sample.name, set()).update(sample.labels)
    labels["whose_requests_overdue"], labels["whose_anchor_age_seconds"] = {"rung"}, {"anchor"}
    return {name: found for name, found in labels.items() if name.startswith("whose_")}


def expressions(dashboard: dict[str, Any]) -> list[str]:
    return [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", [])]


def test_it_asks_for_nothing_that_is_not_there(dashboard: dict[str, Any], samples: dict[str, set[str]]) -> None:
    asked = set(re.findall(r"whose_\w+", json.dumps(dashboard)))
    assert asked - samples.keys() == set()


def test_it_shows_everything_that_is_there(dashboard: dict[str, Any], samples: dict[str, set[str]]) -> None:
    asked = {PARTS.sub("", name) for name in re.findall(r"whose_\w+", json.dumps(dashboard))}
    there = {PARTS.sub("", name) for name in samples}
    assert {name for name in there if not {name, f"{name}_total"} & asked} == set()


def test_it_groups_by_labels_that_are_there(dashboard: dict[str, Any], samples: dict[str, set[str]]) -> None:
    for expression in expressions(dashboard):
        [name] = set(re.findall(r"whose_\w+", expression))
        wanted = {word for group in re.findall(r"by \(([\w, ]+)\)", expression) for word in group.split(", ")}
        assert wanted <= samples[name], expression
        assert expression.count("(") == expression.count(")")


def test_no_label_of_ours_is_one_of_prometheus_own(samples: dict[str, set[str]]) -> None:
    """It would be renamed to exported_job."""
    assert not {"job", "instance"} & set().union(*samples.values())


def test_panels_are_told_apart_and_do_not_overlap(dashboard: dict[str, Any]) -> None:
    panels = dashboard["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert at["x"] + at["w"] <= 24
        assert not cells & taken, panel["title"]
        taken |= cells
    assert all(panel.get("description") for panel in panels if panel["type"] != "row")
