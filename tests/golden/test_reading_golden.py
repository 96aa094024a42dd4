"""The readings of a bundle are the same bytes for the same records, wherever and whenever they are made."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.operations.export_ledger.ocsf import Events
from bot.operations.export_ledger.oscal import Assessment
from bot.operations.export_ledger.table import Table
from bot.operations.export_ledger.words import read
from bot.rules.controls import Controls
from tests.golden.ledger_examples import example

READINGS = Path(__file__).parent / "readings"


def made() -> dict[str, bytes]:
    about, records = example()
    controls = Controls.load()
    few = Controls([one for one in controls.frameworks if one.key in ("dora", "pci-dss-4-0-1")])
    table, events, assessment = Table(about), Events(about, controls), Assessment(about, few)
    said = [read(record) for record in records]
    for one in said:
        assessment.add(one)
    return {
        "records.csv": table.header() + b"".join(table.line(one) for one in said),
        "records.ocsf.jsonl": b"".join(events.line(one) for one in said),
        "oscal-ar.json": assessment.document(),
    }


@pytest.fixture(scope="module")
def readings() -> dict[str, bytes]:
    return made()


@pytest.mark.parametrize("name", ["records.csv", "records.ocsf.jsonl", "oscal-ar.json"])
def test_reading_is_unchanged(readings: dict[str, bytes], name: str, update_golden: bool) -> None:
    path = READINGS / name
    if update_golden:
        path.write_bytes(readings[name])
    assert path.read_bytes() == readings[name]


def test_made_again_they_are_the_same(readings: dict[str, bytes]) -> None:
    assert made() == readings
