"""A bundle read back from its files, for the readings that are made of it. Nothing is verified here."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pydantic_core import from_json

from bot.operations.export_ledger.about import About, CheckpointLine, Kept
from storage.ledger import bundle
from storage.ledger.bundle import Manifest
from storage.ledger.bundle_bounds import Anchored, anchors_in
from storage.ledger.bundle_files import BundleFolder
from storage.ledger.bundle_records import Told, read_told
from storage.ledger.checkpoint import read_checkpoint
from storage.ledger.kinds import RecordKind
from storage.ledger.log import StoredRecord
from storage.ledger.merkle import leaf_hash
from storage.ledger.receipt import dated
from storage.ledger.record import from_ms


def records_in(root: Path) -> Iterator[StoredRecord]:
    """The records of a bundle with their disclosures, in the order of the log."""
    folder = BundleFolder(root)
    told = _told(folder)
    waiting = next(told, None)
    for line in folder.lines(bundle.RECORDS):
        fields = from_json(line, cache_strings="keys")
        epoch, seq = fields["epoch"], fields["seq"]
        disclosures = {}
        while waiting is not None and (waiting.epoch, waiting.seq) <= (epoch, seq):
            disclosures[waiting.name] = waiting.value
            waiting = next(told, None)
        token = fields.get("token")
        yield StoredRecord(
            epoch=epoch,
            seq=seq,
            leaf_hash=leaf_hash(line),
            kind=RecordKind(fields["kind"]),
            token_id=None if token is None else token["id"],
            token_seq=fields.get("token_seq"),
            request_id=fields.get("request"),
            recorded_at=from_ms(fields["recorded_at"]),
            body=line,
            fields=fields,
            disclosures=disclosures,
        )


def about(root: Path, manifest: Manifest) -> About:
    """What a bundle is, out of its own files."""
    folder = BundleFolder(root)
    current = manifest.current
    last = b""
    for line in folder.lines(bundle.RECORDS):
        last = line
    return About(
        log=current.origin,
        log_id=manifest.log_id,
        epoch=current.epoch,
        size=current.size,
        root=current.root,
        selection=manifest.selection.kind,
        selected=manifest.selection.of,
        complete=manifest.complete,
        records=sum(one.records for one in manifest.epochs),
        checkpoints=_checkpoints(folder, manifest),
        names={one.name: one.value for one in _told(folder) if one.name.startswith("p_")},
        as_of=from_ms(from_json(last)["recorded_at"]) if last else None,
    )


def _told(folder: BundleFolder) -> Iterator[Told]:
    return (read_told(line) for line in folder.lines(bundle.DISCLOSURES))


def _checkpoints(folder: BundleFolder, manifest: Manifest) -> list[CheckpointLine]:
    kept: dict[tuple[int, int], list[Kept]] = {}
    for one in anchors_in(folder):
        kept.setdefault((one.epoch, one.size), []).append(_kept(folder, one))
    epochs = {one.origin: one.epoch for one in manifest.epochs}
    found = []
    for name in manifest.files:
        if name.startswith("checkpoints/"):
            said, _ = read_checkpoint(folder.read(name))
            place = epochs[said.origin], said.size
            found.append(CheckpointLine(*place, said.root, kept.get(place, [])))
    return sorted(found, key=lambda line: (line.epoch, line.size))


def _kept(folder: BundleFolder, one: Anchored) -> Kept:
    kind = one.anchor.partition(":")[0]
    return Kept(kind, one.anchor, dated(one.anchor, folder.read(one.file)) if one.file else None)
