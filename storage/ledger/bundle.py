"""A bundle: the ledger, or a part of it, as a folder that proves itself. What its files are called and what they hold.

    manifest.json           what this is, and the SHA-256 of every file but the tiles, which the checkpoint binds
    checkpoint              the newest signed checkpoint (C2SP tlog-checkpoint), with its cosignatures
    records.jsonl           the records, a line each: exactly the bytes that were hashed
    disclosures.jsonl       the personal data that may still be read, a line each, by record
    tile/…                  the whole tree (C2SP tlog-tiles), where all records are here
    proofs/<n>.tlog-proof   a proof for each record (C2SP tlog-proof), where only some are
    consistency.jsonl       proofs that the newest checkpoint continues earlier ones, where only some are
    checkpoints/<e>-<size>.txt  checkpoints as they were published
    anchors.jsonl, anchors/…    where checkpoints were put, and what came back: time-stamps, cosignatures
    epochs/<e>/…            the same for earlier epochs of the log
    policy.txt              the keys that the operator says are its own. Nobody should take these from here.
    verify.py, VERIFY.md    how to check it all
    report.html, records.csv, records.ocsf.jsonl, oscal-ar.json  what the records say, in other forms

Shared by what writes bundles and what verifies them, so nothing but the standard library is used.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

FORMAT = 1

MANIFEST = "manifest.json"
CHECKPOINT = "checkpoint"
RECORDS = "records.jsonl"
DISCLOSURES = "disclosures.jsonl"
CONSISTENCY = "consistency.jsonl"
ANCHORS = "anchors.jsonl"
POLICY = "policy.txt"
VERIFIER = "verify.py"
GUIDE = "VERIFY.md"
READINGS = ("records.csv", "records.ocsf.jsonl", "oscal-ar.json", "report.html")

MAX_MANIFEST_BYTES = 64_000_000
_HEX = re.compile(r"[0-9a-f]{64}")
_LOG_ID = re.compile(r"[0-9a-f]{32}")
_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,200}")

#: What a bundle may hold: everything, the records of one token, of a vendor's tokens, or of a stretch of time.
SELECTIONS = ("all", "token", "vendor", "from_to")


class BundleError(ValueError):
    """A folder that is not a bundle, or a file in it that does not hold what it should. The message says which."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which records a bundle holds.

    Attributes:
        kind: one of :data:`SELECTIONS`.
        of: what they were selected by, for people: ``aws/AKIA…``, ``Driftly``, two moments; empty for all.
        ranges: for ``from_to``, ``(epoch, first, last)``: every record from the first to the last is there.
    """

    kind: str
    of: str = ""
    ranges: tuple[tuple[int, int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class EpochPart:
    """One epoch of the log, as far as the bundle goes.

    Attributes:
        origin: what its checkpoints call it.
        size: how many records the tree has; of the current epoch, as its checkpoint says; of earlier ones, at the end.
        root: the root over them.
        records: how many of them are in the bundle.
    """

    epoch: int
    origin: str
    size: int
    root: bytes
    records: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """``manifest.json``. Nothing in it is believed: it says what should be there, and the verifier looks."""

    software: str
    log_id: str
    selection: Selection
    epochs: tuple[EpochPart, ...]
    files: Mapping[str, tuple[int, str]]
    """Relative path to size in bytes and SHA-256 in hexadecimal."""

    @property
    def complete(self) -> bool:
        """Whether the bundle should hold every record."""
        return self.selection.kind == "all"

    @property
    def current(self) -> EpochPart:
        return self.epochs[-1]

    def encode(self) -> bytes:
        """The file, the same bytes for the same values."""
        selection: dict[str, Any] = {"kind": self.selection.kind, "of": self.selection.of}
        if self.selection.ranges:
            selection["ranges"] = [list(one) for one in self.selection.ranges]
        epochs = [
            {"epoch": one.epoch, "origin": one.origin, "records": one.records, "root": one.root.hex(), "size": one.size}
            for one in self.epochs
        ]
        files = {path: {"bytes": size, "sha256": digest} for path, (size, digest) in sorted(self.files.items())}
        whole = {
            "epochs": epochs,
            "files": files,
            "format": FORMAT,
            "log": self.log_id,
            "selection": selection,
            "software": self.software,
        }
        return (json.dumps(whole, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()

    @classmethod
    def parse(cls, data: bytes) -> Manifest:
        """Read a manifest.

        Raises:
            BundleError: when it is not one, or one of a format that is not known here.
        """
        try:
            said = json.loads(data)
            if said["format"] != FORMAT:
                raise BundleError(f"this bundle is of format {said['format']!r}; format {FORMAT} is known here")
            epochs = tuple(_epoch(number, one) for number, one in enumerate(said["epochs"]))
            files = {_path(path): _file(one) for path, one in said["files"].items()}
            manifest = cls(str(said["software"]), str(said["log"]), _selection(said["selection"]), epochs, files)
        except (KeyError, TypeError, AttributeError, ValueError, RecursionError) as error:
            if isinstance(error, BundleError):
                raise
            raise BundleError(f"{MANIFEST} is not a manifest: {error}") from error
        if not epochs or not _LOG_ID.fullmatch(manifest.log_id):
            raise BundleError(f"{MANIFEST} names no log")
        return manifest


def place(epoch: int, current: int) -> str:
    """The folder of an epoch's ``checkpoint``, ``tile`` and ``proofs``, to be put in front of their names."""
    return "" if epoch == current else f"epochs/{epoch}/"


def proof_path(index: int, epoch: int, current: int) -> str:
    """Where the proof of one record is."""
    return f"{place(epoch, current)}proofs/{index}.tlog-proof"


def checkpoint_path(epoch: int, size: int) -> str:
    """Where a checkpoint is kept as it was published."""
    return f"checkpoints/{epoch}-{size}.txt"


def line_of(value: Mapping[str, Any]) -> bytes:
    """One line of a ``.jsonl`` file of the bundle's own."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _selection(said: Mapping[str, Any]) -> Selection:
    if said["kind"] not in SELECTIONS:
        raise BundleError(f"{MANIFEST}: a selection by {said['kind']!r} is not known here")
    ranges: Sequence[Any] = said.get("ranges", ())
    return Selection(said["kind"], str(said["of"]), tuple((int(a), int(b), int(c)) for a, b, c in ranges))


def _epoch(number: int, said: Mapping[str, Any]) -> EpochPart:
    sizes = said["size"], said["records"]
    if said["epoch"] != number or not all(type(one) is int and 0 <= one < 2**63 for one in sizes):
        raise BundleError(f"{MANIFEST}: epoch {number} is not described")
    if not _HEX.fullmatch(said["root"]):
        raise BundleError(f"{MANIFEST}: the root of epoch {number} is not one")
    return EpochPart(number, str(said["origin"]), said["size"], bytes.fromhex(said["root"]), said["records"])


def _path(path: str) -> str:
    """A relative path that stays inside of the folder."""
    if not all(_PART.fullmatch(part) for part in path.split("/")):
        raise BundleError(f"{MANIFEST} names a file that no bundle has: {path[:100]!r}")
    return path


def _file(said: Mapping[str, Any]) -> tuple[int, str]:
    if type(said["bytes"]) is not int or not _HEX.fullmatch(said["sha256"]):
        raise BundleError(f"{MANIFEST}: a file is not described")
    return said["bytes"], said["sha256"]
