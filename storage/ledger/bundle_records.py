"""The records of a bundle, checked one after the other: what their bytes say, and that they follow each other.

A whole log is checked in parts of some thousand records, which may be done side by side: :func:`check_part` looks at
everything inside of a part and says how it begins and ends; :class:`Chains` joins the parts. Only the standard
library is used, so that an auditor needs nothing else.
"""

from __future__ import annotations

import json
import re
from base64 import urlsafe_b64encode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from storage.ledger.kinds import RecordKind
from storage.ledger.limits import LATEST_MS, MAX_INTEGER, MAX_RECORD_BYTES
from storage.ledger.merkle import leaf_hash, root_of
from storage.ledger.tiles import ENTRIES, TILE_WIDTH, Tile, bundle_of

MOST_SAID = 50  # sentences about one kind of fault; a thousand help nobody

#: Kinds whose records the verifier itself has to read.
OF_THE_LOG = (RecordKind.EPOCH_OPENED, RecordKind.KEY_ROTATED)


class RecordError(ValueError):
    """Bytes that are no record. The message says why."""


class Told(NamedTuple):
    """A line of ``disclosures.jsonl``."""

    epoch: int
    seq: int
    digest: str
    salt: str
    name: str
    value: str


class End(NamedTuple):
    """A token's chain within a part: place and predecessor of its first record, place and hash of its last."""

    first: int
    prev: str
    last: int
    hash: bytes


class Part(NamedTuple):
    """A stretch of a whole log: records from ``first`` on, and where their tiles are."""

    log: str
    epoch: int
    first: int
    lines: Sequence[bytes]
    told: Sequence[Told]
    folder: str
    wanted: str
    """Keep the records of this token: its external id, ``issuer/external id`` or name; empty: of none."""


@dataclass(slots=True)
class Checked:
    """What a part was found to be."""

    tiles: list[bytes] = field(default_factory=list)
    """The root of each complete tile of it."""
    ends: dict[int, End] = field(default_factory=dict)
    """By token."""
    began_ms: int = 0
    ended_ms: int = 0
    promised: int = 0
    """Disclosures that its records promise."""
    kept: list[bytes] = field(default_factory=list)
    """Records of :data:`OF_THE_LOG` and of the token that was asked about, as they are."""
    faults: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)


def _no_float(text: str) -> Any:
    raise RecordError(f"it has the number {text[:20]}, and numbers in it are whole")


def _integer(text: str) -> int:
    number = int(text) if len(text) <= 17 else MAX_INTEGER + 1
    if not -MAX_INTEGER <= number <= MAX_INTEGER:
        raise RecordError("it has a number that not every reader can hold")
    return number


# A check of every number costs a fifth of the whole; most records have none that could be too large.
_parse = json.JSONDecoder(parse_float=_no_float, parse_constant=_no_float).raw_decode
_parse_numbers = json.JSONDecoder(parse_float=_no_float, parse_int=_integer, parse_constant=_no_float).raw_decode
_MAYBE_LARGE = re.compile(r"[:,\[]-?[0-9]{16}")
_encode = json.JSONEncoder(sort_keys=True, ensure_ascii=False, separators=(",", ":"), check_circular=False).encode


def read_record(body: bytes) -> dict[str, Any]:
    """What a record says, accepting nothing but its one spelling (RFC 8785, of integers and text).

    Raises:
        RecordError: it is anything else.
    """
    if len(body) > MAX_RECORD_BYTES:
        raise RecordError(f"it has {len(body)} bytes, and a record has at most {MAX_RECORD_BYTES}")
    try:
        text = body.decode()
        fields, _ = (_parse_numbers if _MAYBE_LARGE.search(text) else _parse)(text)
        if type(fields) is not dict or _encode(fields) != text:
            raise RecordError("it is not in canonical form")
    except RecordError:
        raise
    except (ValueError, RecursionError) as error:
        raise RecordError("it is not JSON") from error
    return fields


def disclosure_digest(salt: str, name: str, value: str) -> str:
    """What a record promises: base64url, unpadded, of SHA-256 over the canonical JSON of the three."""
    return urlsafe_b64encode(sha256(_encode([salt, name, value]).encode()).digest()).rstrip(b"=").decode()


def read_told(line: bytes) -> Told:
    """A line of ``disclosures.jsonl``.

    Raises:
        RecordError: it is not one.
    """
    try:
        said = json.loads(line)
        told = Told(said["epoch"], said["seq"], said["digest"], said["salt"], said["name"], said["value"])
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise RecordError("not a disclosure") from error
    if type(told.epoch) is not int or type(told.seq) is not int or not all(type(one) is str for one in told[2:]):
        raise RecordError("not a disclosure")
    return told


def check_part(part: Part) -> Checked:
    """Check a stretch of a whole log: every record, its disclosures, and the tiles it fills."""
    found = Checked()
    told: dict[int, list[Told]] = {}
    for one in part.told:
        told.setdefault(one.seq, []).append(one)
    hashes = [leaf_hash(line) for line in part.lines]
    for at, line in enumerate(part.lines):
        seq = part.first + at
        _check_line(part, seq, line, hashes[at], told.pop(seq, ()), found)
    for seq in told:
        found.faults.append(f"A disclosure belongs to record {seq}, which is not here.")
    _check_tiles(part, hashes, found)
    del found.faults[MOST_SAID:], found.missing[MOST_SAID:]
    return found


def _check_line(part: Part, seq: int, line: bytes, hashed: bytes, told: Sequence[Told], found: Checked) -> None:
    try:
        fields = read_record(line)
    except RecordError as fault:
        found.faults.append(f"Record {seq}: {fault}.")
        return
    if (fields.get("log"), fields.get("epoch"), fields.get("seq")) != (part.log, part.epoch, seq):
        found.faults.append(f"Record {seq}: {misplaced(fields)}.")
    at = fields.get("recorded_at")
    if type(at) is not int or not 0 <= at <= LATEST_MS:
        found.faults.append(f"Record {seq}: the time in it is not one.")
    elif at < found.ended_ms:
        found.faults.append(f"Record {seq}: it was recorded before the record in front of it.")
    else:
        found.began_ms = found.began_ms or at
        found.ended_ms = at
    token = fields.get("token")
    if token is not None:
        _check_token(seq, fields, token, hashed, found)
    promised = fields.get("_sd", ())
    found.promised += len(promised)
    if told:
        found.faults += check_told(seq, promised, told)
    if fields.get("kind") in OF_THE_LOG or (part.wanted and is_about(fields, part.wanted)):
        found.kept.append(line)


def _check_token(seq: int, fields: Mapping[str, Any], token: Any, hashed: bytes, found: Checked) -> None:
    number, prev = fields.get("token_seq"), fields.get("prev")
    token_id = token.get("id") if type(token) is dict else None
    if type(token_id) is not int or type(number) is not int or type(prev) is not str:
        found.faults.append(f"Record {seq}: it does not say where it stands in its token's chain.")
        return
    before = found.ends.get(token_id)
    if before is None:
        found.ends[token_id] = End(number, prev, number, hashed)
        return
    if fault := broken(before.last, before.hash, number, prev):
        found.faults.append(f"Record {seq}: {fault}.")
    found.ends[token_id] = End(before.first, before.prev, number, hashed)


def broken(last: int | None, hashed: bytes, number: int, prev: str) -> str:
    """What is wrong between two neighbours of a token's chain; empty: nothing. ``last`` None: it begins here."""
    if last is None:
        if number == 0:
            return "" if prev == "" else "it opens its token's chain but names a record before it"
        return f"it is number {number} of its token's chain, and those before it are not here"
    if number != last + 1:
        return f"it is number {number} of its token's chain, and the one before it here is number {last}"
    return "" if prev == hashed.hex() else "it names another record before it than the one in its token's chain"


def misplaced(fields: Mapping[str, Any]) -> str:
    """What a record says of its own place, where that is not the place it was found in."""
    log, epoch, seq = (str(fields.get(name))[:40] for name in ("log", "epoch", "seq"))
    return f"it says that it is record {seq} of epoch {epoch} of the log {log}"


def check_told(seq: int, promised: Any, told: Sequence[Told]) -> Iterator[str]:
    """What is wrong with the disclosures of a record."""
    for one in told:
        if type(promised) not in (list, tuple) or one.digest not in promised:
            yield f"Record {seq}: it promises no disclosure {one.digest[:50]!r}."
        elif one.digest != disclosure_digest(one.salt, one.name, one.value):
            yield f"Record {seq}: its disclosure {one.name[:40]!r} is not the one that was recorded."


def is_about(fields: Mapping[str, Any], wanted: str) -> bool:
    """Whether a record is about the token that somebody named."""
    token = fields.get("token")
    if type(token) is not dict:
        return False
    issuer, external_id = token.get("issuer", ""), token.get("external_id", "")
    return wanted in (external_id, f"{issuer}/{external_id}", token.get("name"), f"id:{token.get('id')}")


def _check_tiles(part: Part, hashes: Sequence[bytes], found: Checked) -> None:
    for at in range(0, len(hashes), TILE_WIDTH):
        row = hashes[at : at + TILE_WIDTH]
        index = (part.first + at) // TILE_WIDTH
        bodies = bundle_of(line[:MAX_RECORD_BYTES] for line in part.lines[at : at + TILE_WIDTH])
        for tile, content in ((Tile(ENTRIES, index, len(row)), bodies), (Tile(0, index, len(row)), b"".join(row))):
            check_tile(part.folder, tile, content, found.faults, found.missing)
        if len(row) == TILE_WIDTH:
            found.tiles.append(root_of(row))


def check_tile(folder: str, tile: Tile, content: bytes, faults: list[str], missing: list[str]) -> None:
    """That a tile of the tree, which is a file, is the one that follows from the records."""
    path = Path(folder, tile.path)
    try:
        same = path.stat().st_size == len(content) and path.read_bytes() == content
    except OSError:
        missing.append(f"{tile.path} is not here.")
        return
    if not same:
        faults.append(f"{tile.path} is not that of the records.")


class Chains:
    """Where each token's chain stands, over the parts of one epoch so far."""

    def __init__(self) -> None:
        self._ends: dict[int, bytes] = {}
        self.ended_ms = 0

    def __len__(self) -> int:
        return len(self._ends)

    def join(self, first: int, checked: Checked) -> Iterator[str]:
        """Go on with the next part; what is wrong at the seam."""
        if checked.began_ms and checked.began_ms < self.ended_ms:
            yield f"The records from {first} on were recorded before those in front of them."
        self.ended_ms = max(self.ended_ms, checked.ended_ms)
        for token_id, end in checked.ends.items():
            kept = self._ends.get(token_id)
            last, hashed = (None, b"") if kept is None else (int.from_bytes(kept[32:], "big"), kept[:32])
            if fault := broken(last, hashed, end.first, end.prev):
                yield f"The chain of token {token_id} from record {first} on: {fault}."
            # A number and a hash in one value: a log has many tokens.
            self._ends[token_id] = end.hash + end.last.to_bytes(8, "big", signed=True)
