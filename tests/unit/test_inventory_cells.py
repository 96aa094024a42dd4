"""One cell to one value; and a whole column at once gives what cell by cell gives, or gives up."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.operations.import_inventory import MappingError, cells, load_mapping, parse_mapping, shipped_mappings
from bot.operations.import_inventory.cells import CellError, Cells, Moment, Text
from bot.operations.import_inventory.circles import circles, find_circle
from bot.operations.import_inventory.columns import NAMES, HeaderError, understand

LATEST = datetime(2026, 11, 23, tzinfo=UTC)


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("2025-12-31", "2025-12-31 00:00:00.000000"),
        (" 2025-12-31 ", "2025-12-31 00:00:00.000000"),
        ("2025-12-31T09:30:00Z", "2025-12-31 09:30:00.000000"),
        ("2025-12-31 09:30", "2025-12-31 09:30:00.000000"),
        ("2025-12-31T09:30:00.5+02:00", "2025-12-31 07:30:00.500000"),
        ("2026-01-01T00:30:00+01:00", "2025-12-31 23:30:00.000000"),
        ("1970-01-01", "1970-01-01 00:00:00.000000"),
        ("2200-12-31", "2200-12-31 00:00:00.000000"),
        ("2024-02-29", "2024-02-29 00:00:00.000000"),
        ("", None),
        ("   ", None),
    ],
)
def test_moments_are_utc(written: str, stored: str | None) -> None:
    assert cells.moment(written) == stored


@pytest.mark.parametrize(
    "written",
    [
        "1969-12-31T23:59:59Z",
        "1970-01-01T00:30:00+01:00",
        "2201-01-01",
        "2023-02-29",
        "2025-W01-1",
        "20251231",
        "2025-1-1",
        "31.12.2025",
        "2025-12-31T24:30:00Z",
        "2025-12-31T09:30:00Z trailing",
        "yesterday",
    ],
)
def test_what_is_no_moment_is_refused_with_a_way_out(written: str) -> None:
    with pytest.raises(CellError) as refused:
        cells.moment(written)
    assert refused.value.reason
    assert "2025-12-31" in refused.value.allowed


_WRITTEN = st.one_of(
    st.just(""),
    st.datetimes(datetime(1960, 1, 1), datetime(2210, 1, 1)).map(lambda one: f"{one:%Y-%m-%dT%H:%M:%SZ}"),
    st.datetimes(datetime(1960, 1, 1), datetime(2210, 1, 1)).map(lambda one: one.isoformat()),
    st.from_regex(r"20[0-9]{2}-[01][0-9]-[0-3][0-9]T[0-9]{2}:[0-9]{2}:[0-9]{2}Z", fullmatch=True),
)


@given(st.lists(_WRITTEN, min_size=1, max_size=8), st.booleans())
def test_a_column_of_moments_is_read_as_its_cells_are(column: list[str], bounded: bool) -> None:
    agree(Moment(LATEST if bounded else None), column)


_TEXT = st.one_of(
    st.text(max_size=30),
    st.sampled_from(["a|b", " a", "a ", "|", "", "a" * 41, "ghp" + "_" + "a1B2" * 9, "line\nbreak", "é", "\u202e"]),
)


@given(st.lists(_TEXT, min_size=1, max_size=6))
def test_a_column_of_text_is_read_as_its_cells_are(column: list[str]) -> None:
    agree(Text(40), column)


def agree(convert: Any, column: list[str]) -> None:
    """Where the column gives values, they are the cells' own; where a cell is refused, the column is not taken."""
    try:
        one_by_one = [convert(cell) for cell in column]
    except CellError:
        one_by_one = None
    try:
        together = convert.many(column)
    except CellError:
        assert one_by_one is None
        return
    assert together is None or together == one_by_one


def test_repeated_cells_are_converted_once_and_few_are_remembered() -> None:
    seen: list[str] = []

    def convert(cell: str) -> str:
        seen.append(cell)
        return cell.upper()

    remembered = Cells(convert)
    assert remembered.many(["a", "b", "a"]) == ["A", "B", "A"]
    assert remembered["a"] == "A"
    assert seen == ["a", "b"]
    long = "x" * 500
    assert remembered[long] == remembered[long]
    assert seen.count(long) == 2


def test_a_circle_is_found_and_blamed_on_the_first_row_in_it() -> None:
    assert find_circle({"a": "b", "b": "c"}) is None
    assert set(find_circle({"x": "a", "a": "b", "b": "c", "c": "a"}) or []) == {"a", "b", "c"}
    given_rows = {"c": "a", "d": "d"}
    order = {"c": (0, 2), "d": (0, 3)}
    blamed = [name for name, _ in circles({"a": "b", "b": "c"}, given_rows, order)]
    assert sorted(blamed) == ["c", "d"]
    assert list(circles({"a": "b", "b": "a"}, {}, {})) == []


def test_the_kind_of_a_file_is_seen_from_its_columns() -> None:
    assert understand(["name", "email"]).kind == "people"
    assert understand(["Vendor Name", "Owner"]).kind == "vendors"
    both = understand(["external_id", "Token ID", "system", "colour"])
    assert both.kind == "tokens"
    assert both.positions == {"external_id": 0, "issuing_system": 2}
    assert both.unknown == ("Token ID", "colour")
    with pytest.raises(HeaderError, match="issuing_system is missing"):
        understand(["external_id", "purpose"])


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("columns: {a: nonsense}", "nonsense is no column of tokens"),
        ("colums: {a: external_id}", "line 1, colums"),
        ("columns: {a: external_id}\nconstants: {external_id: x}", "external_id is filled twice"),
        ("columns: [a]", "line 1, columns"),
        ("kind: secrets", "line 1, kind"),
        ("a: &x 1", "Anchors"),
        ("- 1", "mapping"),
        ("", "mapping"),
    ],
)
def test_a_mapping_that_is_wrong_says_where(text: str, says: str) -> None:
    with pytest.raises(MappingError, match="mapping") as refused:
        parse_mapping(text)
    assert says in str(refused.value)


def test_shipped_mappings_are_valid_and_found_by_name() -> None:
    assert "aws-credential-report" in shipped_mappings()
    for name in shipped_mappings():
        mapping = load_mapping(name)
        assert set(mapping.ours) <= set(NAMES[mapping.kind])
    with pytest.raises(MappingError, match="aws-credential-report"):
        load_mapping("no-such-mapping.yaml")
