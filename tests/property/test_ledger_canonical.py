"""Our canonical bytes are those of an independent RFC 8785 encoder, for every value a record may hold."""

from __future__ import annotations

import json
from typing import Any

import pytest
import rfc8785
from hypothesis import example, given
from hypothesis import strategies as st

from storage.ledger.bundle_records import RecordError, read_record
from storage.ledger.limits import MAX_INTEGER
from storage.ledger.record import LedgerError, canonical, parse_canonical

KEYS = st.text(st.characters(max_codepoint=127), max_size=12)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
INTEGERS = st.integers(-MAX_INTEGER, MAX_INTEGER)
VALUES: st.SearchStrategy[Any] = st.recursive(
    TEXTS | INTEGERS | st.booleans(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=25,
)
RECORDS = st.dictionaries(KEYS, VALUES, max_size=8)


@given(VALUES)
@example("".join(map(chr, range(0x20))) + '\x7f"\\/\u2028\u2029\ufeff😀é')
@example({"B": 1, "a": 2, "_": 3, "a\x00": 4, "": 5, "\x7f": 6})
@example([MAX_INTEGER, -MAX_INTEGER, 0, True, False])
def test_equals_an_independent_encoder(value: Any) -> None:
    assert canonical(value) == rfc8785.dumps(value)


@given(RECORDS)
def test_reading_gives_back_what_was_written(record: dict[str, Any]) -> None:
    assert parse_canonical(canonical(record)) == record


@given(RECORDS, st.sampled_from(["absent", "zz", "A"]))
def test_absent_members_leave_no_trace(record: dict[str, Any], name: str) -> None:
    record.pop(name, None)
    assert canonical({**record, name: None, "deep": {name: None}}) == canonical({**record, "deep": {}})


@given(RECORDS)
def test_any_other_spelling_is_refused(record: dict[str, Any]) -> None:
    body = canonical(record)
    spellings = {
        json.dumps(record).encode(),
        json.dumps(record, ensure_ascii=False, separators=(",", ":"), sort_keys=False).encode(),
        json.dumps(dict(reversed(record.items())), ensure_ascii=False, separators=(",", ":")).encode(),
        body + b"\n",
        b" " + body,
        body.replace(b"a", b"\\u0061"),
    }
    for spelling in spellings - {body}:
        with pytest.raises(LedgerError):
            parse_canonical(spelling)


@given(st.binary(max_size=80))
def test_reading_garbage_raises_nothing_but_our_error(body: bytes) -> None:
    try:
        fields = parse_canonical(body)
    except LedgerError:
        return
    assert canonical(fields) == body


def _read(read: Any, error: type[Exception], body: bytes) -> Any:
    """What a reader makes of bytes; None: it refuses."""
    try:
        return read(body)
    except error:
        return None


@given(RECORDS)
def test_the_verifier_reads_what_was_written(record: dict[str, Any]) -> None:
    """The auditor's reader has the standard library alone; it must mean the same by the same bytes."""
    assert read_record(canonical(record)) == record


@given(RECORDS, st.data())
@example({"a": 1}, None)
def test_the_verifier_refuses_what_the_log_refuses(record: dict[str, Any], data: st.DataObject | None) -> None:
    body = canonical(record)
    hostile = [b'{"a":1,"a":2}', b'{"b":1,"a":2}', b'{"a":1.0}', b'{"a":9007199254740992}', b'{"a":1e3}', b"[]", b"{}x"]
    if data is not None:
        at = data.draw(st.integers(0, len(body) - 1))
        hostile.append(body[:at] + data.draw(st.binary(max_size=2)) + body[at + 1 :])
    for changed in hostile:
        ours, theirs = _read(parse_canonical, LedgerError, changed), _read(read_record, RecordError, changed)
        # A null, and a key beyond ASCII, is something that no record of ours holds, but reads one way only.
        assert ours == theirs or (ours is None and (b"null" in changed or not changed.isascii())), changed
