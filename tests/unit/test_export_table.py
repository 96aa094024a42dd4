"""The table of a bundle: nothing in it acts, every line is a record, and it says what the record says."""

from __future__ import annotations

import csv
import io
import unicodedata
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.operations.export_ledger.about import About, CheckpointLine, Kept
from bot.operations.export_ledger.dated import Dated
from bot.operations.export_ledger.table import HEADER, Table, cell, harmless
from bot.operations.export_ledger.words import KIND_WORDS, read, utc
from storage.ledger.log import StoredRecord
from storage.ledger.record import RecordKind
from tests.golden.ledger_examples import ANA, about, by, example, hostile_example, stored
from tests.unit.hostile_text import HOSTILE, text_faults

FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", " =1", "−1"]
FORMULAS += ["＝1+1", "＋1", "－1", "＠x", "﹢1", "﹣1", "﹦1"]  # other forms of the same signs


def lines(about: About, records: list[StoredRecord]) -> list[dict[str, str]]:
    table = Table(about)
    written = (table.header() + b"".join(table.line(read(record)) for record in records)).decode("utf-8")
    assert written.count("\r\n") == written.count("\n") == written.count("\r") == len(records) + 1
    found = list(csv.reader(io.StringIO(written, newline=""), strict=True))
    assert {len(line) for line in found} == {len(HEADER)}
    return [dict(zip(HEADER, line, strict=True)) for line in found[1:]]


def acts(content: str) -> bool:
    """Whether a spreadsheet could take a cell for a formula. Written without the table's own rule."""
    first = unicodedata.normalize("NFKC", content.strip()[:1])
    return content[:1] in ("\t", "\r", "\n") or first in ("=", "+", "-", "@", "\u2212")


@pytest.mark.parametrize("content", FORMULAS)
def test_a_formula_is_no_formula_any_more(content: str) -> None:
    assert acts(content)
    assert not acts(harmless(content))
    assert not acts(cell(content))


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_text_does_nothing_in_any_cell(name: str) -> None:
    content = HOSTILE[name]
    read_back = next(csv.reader([cell(content)]), [""])
    assert len(read_back) == 1 or not cell(content)
    assert not acts(read_back[0] if read_back else "")
    assert text_faults(read_back[0] if read_back else "") == []
    assert "\n" not in cell(content)
    cell(content).encode("utf-8")


def test_a_written_reason_that_is_a_formula_is_defused_and_readable() -> None:
    why = {"justification": HOSTILE["formula"]}
    records = stored([by(ANA, RecordKind.DECISION, "attest", disclosures=why)])
    [line] = lines(about(records), records)
    assert line["Written reason"] == "'" + HOSTILE["formula"]


def test_hostile_records_are_lines_like_others() -> None:
    said, records = hostile_example()
    for line in lines(said, records):
        for content in line.values():
            assert not acts(content)
            assert text_faults(content) == []


def test_every_record_is_a_line_that_says_what_it_says() -> None:
    said, records = example()
    found = lines(said, records)
    assert [line["Leaf hash"] for line in found] == [record.leaf_hash.hex() for record in records]
    assert [line["Kind"] for line in found] == [KIND_WORDS[record.kind] for record in records]
    attested = next(line for line in found if line["Reason"] == "attest")
    assert attested == {
        **attested,
        "Recorded at (UTC)": "2026-03-02T09:10:00.000Z",
        "Outcome": "re-attested it",
        "Token issuer": "aws-prod",
        "Token": "AKIAEXAMPLE0000001",
        "Tier": "critical",
        "Request": "11",
        "Actor": "Ana Lima <ana@example.com>",
        "Actor type": "human",
        "Role": "service owner",
        "Role from": "inventory",
        "Policy": "example",
        "Policy version": "3",
        "Rule": "authority.attest",
        "Accountable before": "business owner: Ben Okoro <ben@example.com>; service owner: Ana Lima <ana@example.com>",
        "Written reason": "Still feeds the nightly export. Checked with finance.",
        "Platform": "slack",
        "First signed checkpoint": "20",
        "First dated proof": "tsa:https://tsa.example.com",
    }


def test_who_cannot_be_named_any_more_stays_a_pseudonym() -> None:
    said, records = example()
    refused = next(line for line in lines(said, records) if line["Kind"] == "refused")
    assert refused["Actor"] == "p_eve0000000000000000000"


def test_every_kind_has_words() -> None:
    assert KIND_WORDS.keys() == set(RecordKind)
    assert len(set(KIND_WORDS.values())) == len(KIND_WORDS)


@pytest.mark.parametrize(
    ("at", "said"),
    [
        (0, "1970-01-01T00:00:00.000Z"),
        (1_772_442_000_007, "2026-03-02T09:00:00.007Z"),
        (253_402_300_799_999, "9999-12-31T23:59:59.999Z"),
        (2**53, "9007199254740992"),
        (-1, "-1"),
    ],
)
def test_moments(at: int, said: str) -> None:
    assert utc(at) == said


# ------------------------------------------------------------------ which checkpoint proves a record

MOMENTS = st.integers(0, 5).map(lambda minutes: datetime(2026, 3, 2, tzinfo=UTC) + timedelta(minutes=minutes))
KEPT = st.builds(Kept, st.sampled_from(["tsa", "witness"]), st.just("somewhere"), st.none() | MOMENTS)
LINES = st.builds(
    CheckpointLine, st.integers(0, 1), st.integers(1, 8), st.just(b""), st.lists(KEPT, max_size=3).map(tuple)
)


@given(
    st.lists(LINES, max_size=6, unique_by=lambda line: (line.epoch, line.size)), st.integers(0, 1), st.integers(0, 9)
)
def test_found_by_halving_is_found_by_looking(checkpoints: list[CheckpointLine], epoch: int, seq: int) -> None:
    said = About("log", "00", 1, 9, b"", "all", "", True, 9, tuple(checkpoints))
    dated = Dated(said)
    assert dated.signed(epoch, seq) == said.first_signed(epoch, seq)
    assert dated.kept(epoch, seq) == said.first_kept(epoch, seq)


def test_the_table_reads_the_right_proof_out_of_order_too() -> None:
    said, records = example()
    table, fresh = Table(said), {}
    for record in records:
        fresh[record.epoch, record.seq] = Table(said).line(read(record))
    for record in [*records[::-1], *records[::3], *records]:
        assert table.line(read(record)) == fresh[record.epoch, record.seq]
