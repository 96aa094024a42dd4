"""What a real day writes into the ledger is what its readings and the control mapping know."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from pathlib import Path

import pytest
from sqlmodel import Session

from bot.operations.export_ledger.ocsf import Events
from bot.operations.export_ledger.oscal import Assessment
from bot.operations.export_ledger.table import Table
from bot.operations.export_ledger.words import read
from bot.rules.controls import Controls, reasons_of
from bot.rules.controls.vocabulary import VOCABULARY, word
from storage.ledger.log import StoredRecord, leaves
from tests.contract.test_ocsf import faults
from tests.golden.ledger_examples import about
from tests.scenarios.test_record_holds import a_days_work
from tests.servers.office import Office


# What is recorded is the same on every database; other tests hold that.
@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_day_in_every_reading(office: Office, pytestconfig: pytest.Config, tmp_path: Path) -> None:
    a_days_work(office)
    office.advance(24 * 4, step=24)  # until silence has its consequence
    with Session(office.database.engine) as session:
        records = list(leaves(session))
    assert len({record.kind for record in records}) > 8
    for record in records:
        _is_known(record)

    controls, said = Controls.load(), replace(about(records), names={})
    table, events, assessment = Table(said), Events(said, controls), Assessment(said, controls)
    taken_apart = [read(record) for record in records]
    assert faults(pytestconfig, tmp_path, [events.line(one) for one in taken_apart]) == []
    lines = b"".join(table.line(one) for one in taken_apart).decode("utf-8")
    assert len(list(csv.reader(io.StringIO(lines, newline="")))) == len(records)
    for one in taken_apart:
        assessment.add(one)
    assert b"Evidence for SOC 2" in assessment.document()


def _is_known(record: StoredRecord) -> None:
    """Every word that a mapping could ask for is in the vocabulary, or a mapping could never ask for it."""
    known, details = VOCABULARY[record.kind], record.fields.get("details", {})
    assert set(reasons_of(record.fields)) <= known.reasons, record.kind.name
    for key, values in known.details.items():
        assert key not in details or word(details[key]) in values, (record.kind.name, key)
