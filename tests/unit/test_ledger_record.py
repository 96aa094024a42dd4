"""What may stand in a record, and the bytes that must never change."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from enum import Enum, StrEnum
from pathlib import Path
from typing import Any

import pytest
import rfc8785

from storage.ledger.limits import MAX_INTEGER, MAX_RECORD_BYTES
from storage.ledger.merkle import leaf_hash
from storage.ledger.record import (
    Entry,
    LedgerError,
    Place,
    RecordKind,
    canonical,
    disclose,
    disclosure_digest,
    from_ms,
    parse_canonical,
    record_bytes,
    to_ms,
)

GOLDEN = sorted((Path(__file__).parent.parent / "golden" / "ledger").glob("*.json"))
PLACE = Place("0" * 32, 0, 7, "1" * 32, 1767605400000, 2, "ab" * 32)


def test_kinds_keep_their_numbers_for_ever() -> None:
    assert {kind.name.lower(): kind.value for kind in RecordKind} == {
        "request_opened": 1,
        "asked": 2,
        "no_response": 3,
        "decision": 4,
        "refused": 5,
        "ownership_changed": 6,
        "handover_proposed": 7,
        "handover_answered": 8,
        "remediation_opened": 9,
        "remediation_result": 10,
        "default_action": 11,
        "inventory_imported": 12,
        "token_vanished": 13,
        "delivery_failed": 14,
        "policy_changed": 15,
        "request_withdrawn": 16,
        "person_left": 17,
        "epoch_opened": 18,
        "key_rotated": 19,
        "person_erased": 20,
        "person_named": 21,
        "delivery_handled": 22,
        "person_away": 23,
        "remediation_step": 24,
        "remediation_agreed": 25,
        "token_discovered": 26,
        "offboarding": 27,
        "emergency_access": 28,
        "use_answered": 29,
    }


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_golden_bytes(path: Path) -> None:
    """The file holds an entry, its place and the bytes that the first release wrote for them."""
    golden = json.loads(path.read_text("utf-8"))
    entry = dict(golden["entry"])
    entry["kind"] = RecordKind(entry["kind"])
    if "effective_at" in entry:
        entry["effective_at"] = from_ms(entry["effective_at"])
    digests = [disclosure_digest(*disclosure) for disclosure in golden["disclosures"]]
    body = record_bytes(Entry(**entry), Place(**golden["place"]), digests)
    assert body.decode("utf-8") == golden["body"]
    assert leaf_hash(body).hex() == golden["leaf_hash"]
    assert rfc8785.dumps(json.loads(golden["body"])) == body


def test_there_are_golden_bytes() -> None:
    assert len(GOLDEN) >= 3


def test_absent_parts_are_left_out() -> None:
    fields = parse_canonical(record_bytes(Entry(RecordKind.POLICY_CHANGED), PLACE))
    assert sorted(fields) == sorted(
        ["actor", "effective_at", "epoch", "id", "kind", "log", "reason", "recorded_at", "seq", "v"]
    )
    assert fields["actor"] == {"type": "system"}


def test_absent_members_are_left_out() -> None:
    entry = Entry(
        RecordKind.ASKED, token_id=5, token={"issuer": "aws", "expires": None}, details={"step": 1, "to": None}
    )
    fields = parse_canonical(record_bytes(entry, PLACE))
    assert fields["token"] == {"id": 5, "issuer": "aws"}
    assert fields["details"] == {"step": 1}


def test_effective_time_may_differ_from_the_time_of_recording() -> None:
    entry = Entry(RecordKind.OWNERSHIP_CHANGED, effective_at=datetime(2025, 8, 12, tzinfo=UTC))
    fields = parse_canonical(record_bytes(entry, PLACE))
    assert fields["effective_at"] == 1754956800000
    assert fields["recorded_at"] == PLACE.recorded_at


class _Word(StrEnum):
    EXPIRING = "expiring"


class _OldWord(str, Enum):  # noqa: UP042 - its str() is not its value, which is the point
    EXPIRING = "expiring"


@pytest.mark.parametrize("word", [_Word.EXPIRING, _OldWord.EXPIRING])
def test_enums_are_recorded_as_their_values(word: str) -> None:
    fields = parse_canonical(
        record_bytes(Entry(RecordKind.ASKED, reason=word, details={"a": word, "b": [word]}), PLACE)
    )
    assert fields["reason"] == "expiring"
    assert fields["details"] == {"a": "expiring", "b": ["expiring"]}


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({"x": 1.0}, "x: a float"),
        ({"x": float("nan")}, "x: a float"),
        ({"x": [None]}, "x: a NoneType"),
        ({"x": b"bytes"}, "x: a bytes"),
        ({"x": datetime(2026, 1, 5, tzinfo=UTC)}, "x: a datetime"),
        ({"x": {1, 2}}, "x: a set"),
        ({"x": MAX_INTEGER + 1}, "beyond"),
        ({"x": [-MAX_INTEGER - 1]}, "beyond"),
        ({"é": 1}, "ASCII"),
        ({1: "x"}, "ASCII"),
        ({"x": {"y": 1, 2: 2}}, "ASCII"),
        ({None: 1}, "ASCII"),
        ({"x": "\ud800"}, "surrogate"),
    ],
)
def test_what_has_no_exact_form_is_refused(value: Any, said: str) -> None:
    with pytest.raises(LedgerError, match=said):
        canonical(value)
    with pytest.raises(LedgerError, match=said):
        record_bytes(Entry(RecordKind.DECISION, details=value), PLACE)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"1",
        b'{"a":1.0}',
        b'{"a":1e2}',
        b'{"a":-0}',
        b'{"a":null}',
        b'{"a":NaN}',
        b'{"a":9007199254740992}',
        b'{"a":1,"a":1}',
        b'{"b":1,"a":1}',
        b'{"a":{"b":1,"a":1}}',
        b'{"a":[{"b":1,"a":1}]}',
        b'{"a": 1}',
        b'{"a":1}\n',
        b'{"a":"\\u0041"}',
        b'{"a":"\\/"}',
        b'{"a":"\\u000A"}',
        b'{"a":"\xff"}',
        b'{"\xc3\xa9":1}',
        b'{"a":"\\ud800"}',
        b'{"a":18446744073709551616}',
        b"[" * 100_000,
        b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"a":' + b"[" * 20 + b"1.0" + b"]" * 20 + b"}",
        b'{"a":' + b'{"b":' * 20 + b"null" + b"}" * 21,
    ],
)
def test_reading_accepts_the_canonical_form_alone(body: bytes) -> None:
    with pytest.raises(LedgerError):
        parse_canonical(body)


@pytest.mark.parametrize("inner", [b"1", b'"\xc3\xa9"', b'{"a":true,"b":[]}'])
def test_reading_goes_as_deep_as_writing(inner: bytes) -> None:
    body = b'{"a":' + b"[" * 30 + inner + b"]" * 30 + b"}"
    assert canonical(parse_canonical(body)) == body


def test_the_longest_record_and_one_byte_more() -> None:
    room = MAX_RECORD_BYTES - len(record_bytes(Entry(RecordKind.DECISION, details={"x": ""}), PLACE))
    entry = Entry(RecordKind.DECISION, details={"x": "y" * room})
    assert len(record_bytes(entry, PLACE)) == MAX_RECORD_BYTES == 65_535
    with pytest.raises(LedgerError, match="65535 bytes and this one has 65536"):
        record_bytes(replace(entry, details={"x": "y" * (room + 1)}), PLACE)


@pytest.mark.parametrize("ref", ["", "olga@example.com", "Olga Example", "x" * 129, "p\n"])
def test_an_actor_is_a_pseudonym(ref: str) -> None:
    with pytest.raises(LedgerError, match="pseudonym"):
        record_bytes(Entry(RecordKind.DECISION, actor_ref=ref, actor_type="human"), PLACE)


def test_a_token_is_never_described_without_its_id() -> None:
    with pytest.raises(LedgerError, match="token_id"):
        record_bytes(Entry(RecordKind.DECISION, token={"issuer": "aws"}), PLACE)


def test_disclosures_are_salted() -> None:
    first, second = disclose({"name": "Olga Example"}) + disclose({"name": "Olga Example"})
    assert first.salt != second.salt
    assert first.digest != second.digest
    assert first.digest == disclosure_digest(first.salt, "name", "Olga Example")
    assert len(first.digest) == 43


@pytest.mark.parametrize("value", ["a\x00b", "\udc80", "x" * 65_536])
def test_a_disclosure_that_cannot_be_stored_is_refused(value: str) -> None:
    with pytest.raises(LedgerError):
        disclose({"justification": value})


def test_milliseconds_round_down_and_return_exactly() -> None:
    assert to_ms(datetime(2026, 1, 5, 9, 30, 0, 999, tzinfo=UTC)) == 1767605400000
    assert to_ms(from_ms(1767605400123)) == 1767605400123
