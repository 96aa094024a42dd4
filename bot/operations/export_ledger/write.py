"""Writing a bundle: everything that proves itself, straight out of the database. The readings are made of it later.

Memory does not grow with the log, but for the numbers of the records where only some are chosen.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import IO, NamedTuple

from sqlmodel import Session

from bot.errors import WhoseError
from bot.operations.export_ledger.choose import Choice, Chosen, Stored, choose, stored
from storage.ledger import bundle
from storage.ledger.bundle import EpochPart, Manifest, checkpoint_path, line_of, place, proof_path
from storage.ledger.checkpoint import add_cosignatures, origin_of, read_checkpoint
from storage.ledger.log import Head, head
from storage.ledger.nodes import DatabaseHashes
from storage.ledger.note import NoteError, VerifierKey, encode_base64
from storage.ledger.proofs import ProofError, consistency_proof, inclusion_proof
from storage.ledger.published import Published, checkpoints, latest_checkpoint, receipts
from storage.ledger.tiles import build_tiles
from storage.ledger.tlog_proof import TlogProof

Progress = Callable[[str, int, int], None]
_STEP = 1_000


class ExportError(WhoseError):
    """No bundle can be made; the text says what to do."""


class Keys(NamedTuple):
    """Whose signatures the operator says are its own log's and its witnesses'; for ``policy.txt``."""

    logs: Sequence[VerifierKey]
    witnesses: Sequence[VerifierKey] = ()


@dataclass
class Folder:
    """The files of a bundle as they are written, with what the manifest says of each."""

    path: Path
    files: dict[str, tuple[int, str]] = field(default_factory=dict)

    def write(self, name: str, data: bytes, *, listed: bool = True) -> None:
        """One file. ``listed=False``: the manifest leaves it out, because a checkpoint binds it."""
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        if listed:
            self.files[name] = len(data), sha256(data).hexdigest()

    @contextmanager
    def open(self, name: str) -> Iterator[Callable[[bytes], None]]:
        """A file to be written piece by piece."""
        digest, size = sha256(), 0

        def write(data: bytes) -> None:
            nonlocal size
            size += len(data)
            digest.update(data)
            file.write(data)

        file: IO[bytes]
        with (self.path / name).open("wb") as file:
            yield write
        self.files[name] = size, digest.hexdigest()


def write_records(
    session: Session, folder: Folder, choice: Choice, keys: Keys, software: str, progress: Progress
) -> Manifest:
    """Write what proves itself, and say what it is; the manifest lacks the files that are yet to come.

    Raises:
        ExportError: nothing was signed yet.
        NotFoundError: there are no such records.
    """
    heads = _heads(session)
    chosen = choose(session, choice, {one.epoch: one.size for one in heads})
    published = {one.epoch: list(checkpoints(session, one.epoch)) for one in heads}
    notes = _Notes(session, published, keys)
    current = heads[-1].epoch
    with folder.open(bundle.RECORDS) as record, folder.open(bundle.DISCLOSURES) as disclosure:
        for one in heads:
            records = _written(stored(session, chosen, one.epoch), record, disclosure)
            total = chosen.count(one.epoch)
            records = _counted(records, total, progress)
            if chosen.selection.kind == "all":
                for tile, content in build_tiles(record.body for record in records):
                    folder.write(place(one.epoch, current) + tile.path, content, listed=False)
            else:
                _write_proofs(session, folder, one, records, notes, current)
            if newest := notes.newest(one.epoch, one.size):
                folder.write(place(one.epoch, current) + bundle.CHECKPOINT, notes.cosigned(newest))
    if chosen.selection.kind != "all":
        _write_consistency(session, folder, heads, published)
    kept = {one.epoch: _to_keep(published[one.epoch], one, chosen, notes) for one in heads}
    _write_anchors(folder, kept, notes)
    epochs = tuple(
        EpochPart(
            one.epoch, origin_of(_first_origin(published), one.epoch), one.size, one.root, chosen.count(one.epoch)
        )
        for one in heads
    )
    return Manifest(software, heads[-1].log, chosen.selection, epochs, folder.files)


def _heads(session: Session) -> list[Head]:
    """Every epoch as it is exported: the current one as it was signed last, the earlier ones whole."""
    now_at = head(session)
    newest = None if now_at is None else latest_checkpoint(session, now_at.epoch)
    if now_at is None or newest is None or newest.size == 0:
        raise ExportError("Nothing is signed yet, so nothing could be proven. Run: whose ledger checkpoint")
    earlier = [head(session, epoch) for epoch in range(now_at.epoch)]
    return [*(one for one in earlier if one is not None), Head(now_at.log, now_at.epoch, newest.size, newest.root)]


def _first_origin(published: Mapping[int, Sequence[Published]]) -> str:
    """The log's name, from its newest checkpoint."""
    epoch, last = next((epoch, of[-1]) for epoch, of in sorted(published.items(), reverse=True) if of)
    return read_checkpoint(last.note)[0].origin.removesuffix(f"/epoch/{epoch}" if epoch else "")


class _Notes:
    """The published checkpoints, and the answers of the places they were brought to."""

    def __init__(self, session: Session, published: Mapping[int, Sequence[Published]], keys: Keys) -> None:
        self._published = published
        self._keys = keys
        self.receipts: dict[tuple[int, int], list[tuple[str, bytes]]] = {}
        for epoch in published:
            for size, anchor, receipt in receipts(session, epoch):
                self.receipts.setdefault((epoch, size), []).append((anchor, receipt))

    def newest(self, epoch: int, size: int) -> Published | None:
        """The newest checkpoint over records that the bundle has."""
        return next((one for one in reversed(self._published[epoch]) if one.size <= size), None)

    def cosigned(self, checkpoint: Published) -> bytes:
        """A checkpoint with the cosignatures that came back for it."""
        note = checkpoint.note
        for anchor, receipt in self.receipts.get((checkpoint.epoch, checkpoint.size), ()):
            if kind_of(anchor) == "witness":
                try:
                    note = add_cosignatures(note, receipt, self._keys.witnesses)
                except NoteError:  # by a witness that is not in the settings any more; it stays in anchors/
                    continue
        return note


def kind_of(anchor: str) -> str:
    """``folder``, ``chat``, ``tsa`` or ``witness``."""
    return anchor.partition(":")[0]


def _written(
    records: Iterable[Stored], record: Callable[[bytes], None], disclosure: Callable[[bytes], None]
) -> Iterator[Stored]:
    for one in records:
        record(one.body + b"\n")
        for told in one.disclosures:
            disclosure(line_of({"epoch": one.epoch, "seq": one.seq, **told._asdict()}))
        yield one


def _counted(records: Iterable[Stored], total: int, progress: Progress) -> Iterator[Stored]:
    done = 0
    for done, record in enumerate(records, start=1):
        if done % _STEP == 0:
            progress("records", done, total)
        yield record
    progress("records", done, total)


def _write_proofs(
    session: Session, folder: Folder, of: Head, records: Iterable[Stored], notes: _Notes, current: int
) -> None:
    """A proof for each record that a checkpoint of its epoch covers."""
    newest = notes.newest(of.epoch, of.size)
    hashes = None if newest is None else DatabaseHashes(session, of.epoch, newest.size)
    note = b"" if newest is None else notes.cosigned(newest)
    for one in records:
        if newest is None or hashes is None or one.seq >= newest.size:
            continue
        try:
            path = tuple(inclusion_proof(hashes, one.seq, newest.size))
        except ProofError as error:
            raise ExportError(f"The tree over the records is damaged: {error}. Run: whose ledger verify") from None
        folder.write(proof_path(one.seq, of.epoch, current), TlogProof(one.seq, path, note).encode())


def _write_consistency(
    session: Session, folder: Folder, heads: Sequence[Head], published: Mapping[int, Sequence[Published]]
) -> None:
    """A proof from each checkpoint there was, so that whoever holds one can compare without all the records."""
    with folder.open(bundle.CONSISTENCY) as write:
        for of in heads:
            hashes = DatabaseHashes(session, of.epoch, of.size)
            for size in [one.size for one in published[of.epoch] if one.size < of.size]:
                proof = [encode_base64(one) for one in consistency_proof(hashes, size, of.size)]
                write(line_of({"epoch": of.epoch, "from": size, "proof": proof, "to": of.size}))


def _to_keep(of: Sequence[Published], one: Head, chosen: Chosen, notes: _Notes) -> list[Published]:
    """All checkpoints of a whole log; of a part, the first over each record, the first with an answer, the newest."""
    fitting = [checkpoint for checkpoint in of if checkpoint.size <= one.size]
    if chosen.selection.kind == "all":
        return fitting
    answered = [checkpoint for checkpoint in fitting if (one.epoch, checkpoint.size) in notes.receipts]
    kept = {*fitting[-1:], *answered[-1:]}
    for line in (fitting, answered):
        sizes = [checkpoint.size for checkpoint in line]
        kept.update(line[at] for at in {bisect_right(sizes, seq) for seq in chosen.listed[one.epoch]} if at < len(line))
    return sorted(kept, key=lambda checkpoint: checkpoint.size)


def _write_anchors(folder: Folder, kept: Mapping[int, Sequence[Published]], notes: _Notes) -> None:
    with folder.open(bundle.ANCHORS) as write:
        for epoch, published in kept.items():
            for checkpoint in published:
                folder.write(checkpoint_path(epoch, checkpoint.size), checkpoint.note)
                for number, (anchor, receipt) in enumerate(notes.receipts.get((epoch, checkpoint.size), ())):
                    said: dict[str, object] = {"anchor": anchor, "epoch": epoch, "size": checkpoint.size}
                    name = f"anchors/{epoch}-{checkpoint.size}-{number}"
                    write(line_of(said | _answer(folder, name, anchor, receipt)))


def _answer(folder: Folder, name: str, anchor: str, receipt: bytes) -> dict[str, str]:
    """What came back: a file of its own where it proves something, else the words themselves."""
    suffix = {"tsa": ".tsr", "witness": ".cosig"}.get(kind_of(anchor))
    if suffix is None:
        return {"receipt": receipt.decode("utf-8", "replace")}
    folder.write(name + suffix, receipt)
    return {"file": name + suffix}
