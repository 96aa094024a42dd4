"""The tree of one epoch of a bundle: computed anew from all records, or proven record by record where only some are.

Either way it ends in a root, and :meth:`continues` says whether an earlier checkpoint is part of the same tree. Whose
signature stands under the root is asked elsewhere.
"""

from __future__ import annotations

import json
import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Any

from storage.ledger.bundle import CONSISTENCY, RECORDS, BundleError, EpochPart, Selection, place, proof_path
from storage.ledger.bundle_files import BundleFolder, MissingError
from storage.ledger.bundle_records import (
    OF_THE_LOG,
    Chains,
    Checked,
    Part,
    RecordError,
    Told,
    broken,
    check_part,
    check_tile,
    check_told,
    is_about,
    misplaced,
    read_record,
)
from storage.ledger.merkle import leaf_hash, root_of
from storage.ledger.note import NoteError, decode_base64
from storage.ledger.proofs import ProofError, subtree_root, verify_consistency, verify_inclusion
from storage.ledger.tiles import TILE_WIDTH, Tile, TileHashes, hashes_in
from storage.ledger.tlog_proof import MAX_PROOF_BYTES, TlogProof
from storage.ledger.verdict import BundleVerdict

PART = 16 * TILE_WIDTH  # records that are checked together
SIDE_BY_SIDE = 50_000  # from so many records on, several processors are worth their start
_AHEAD = 4  # parts that wait for a processor, each

Progress = Callable[[str, int, int], None]


class Disclosed:
    """The disclosures in the order of the file, handed out by record."""

    def __init__(self, told: Iterator[Told]) -> None:
        self._told = told
        self._next: Told | None = next(told, None)
        self.count = 0

    def below(self, epoch: int, seq: int) -> list[Told]:
        """Those of records in front of ``seq`` of an epoch that were not handed out yet."""
        found = []
        while self._next is not None and (self._next.epoch, self._next.seq) < (epoch, seq):
            found.append(self._next)
            self._next = next(self._told, None)
        self.count += len(found)
        return found

    def left(self) -> bool:
        return self._next is not None


class WholeTree:
    """All records of an epoch are here."""

    def __init__(self, folder: BundleFolder, of: EpochPart, current: int, log: str, wanted: str) -> None:
        self.of = of
        self.kept: list[tuple[int, bytes]] = []
        self.root: bytes | None = None
        self.promised = 0
        self._log, self._wanted = log, wanted
        self._folder = folder
        self._place = str(folder.root / place(of.epoch, current)) if place(of.epoch, current) else str(folder.root)
        self._rows: list[list[bytes]] = [[]]  # by tile level, from 1 on
        self._chains = Chains()
        self._read = 0

    def check(self, lines: Iterator[bytes], told: Disclosed, verdict: BundleVerdict, progress: Progress) -> None:
        """Read this epoch's records and compute the tree over them."""
        for first, checked in self._checked(islice(lines, self.of.size), told):
            verdict.tampered += checked.faults
            verdict.missing += checked.missing
            verdict.tampered += self._chains.join(first, checked)
            self.promised += checked.promised
            self._rows[0] += checked.tiles
            self.kept += ((self.of.epoch, body) for body in checked.kept)
            progress("records", self._read, self.of.size)
        if self._read < self.of.size:
            verdict.missing.append(f"{RECORDS} ends at record {self._read:,} of {self.of.size:,}.")
            return
        self._check_upper_tiles(verdict)
        try:
            self.root = self._root_at(self.of.size)
        except (ProofError, MissingError) as error:
            verdict.missing.append(f"The tree over the records is not here: {error}.")

    @property
    def tokens(self) -> int:
        return len(self._chains)

    def continues(self, size: int, root: bytes) -> str:
        """What is wrong with an earlier checkpoint of this tree; empty: nothing.

        Raises:
            MissingError: it cannot be told.
        """
        if size > self.of.size:
            return f"it covers {size:,} records, and there are {self.of.size:,}"
        if self.root is None:
            raise MissingError("the tree could not be computed")
        try:
            computed = self._root_at(size)
        except ProofError as error:
            raise MissingError(str(error)) from error
        return "" if computed == root else f"its {size:,} records are not the first {size:,} ones here"

    def _checked(self, lines: Iterator[bytes], told: Disclosed) -> Iterator[tuple[int, Checked]]:
        parts = self._parts(lines, told)
        processors = os.cpu_count() or 1
        if self.of.size < SIDE_BY_SIDE or processors == 1:
            yield from ((part.first, check_part(part)) for part in parts)
            return
        with ProcessPoolExecutor(processors) as pool:
            waiting: deque[tuple[int, Future[Checked]]] = deque()
            for part in parts:
                waiting.append((part.first, pool.submit(check_part, part)))
                if len(waiting) > processors * _AHEAD:
                    first, done = waiting.popleft()
                    yield first, done.result()
            for first, done in waiting:
                yield first, done.result()

    def _parts(self, lines: Iterator[bytes], told: Disclosed) -> Iterator[Part]:
        while part := list(islice(lines, PART)):
            first, self._read = self._read, self._read + len(part)
            disclosed = told.below(self.of.epoch, self._read)
            yield Part(self._log, self.of.epoch, first, part, disclosed, self._place, self._wanted)

    def _check_upper_tiles(self, verdict: BundleVerdict) -> None:
        """The tiles above those of the records, each made of the roots of the complete ones below."""
        level = 1
        while row := self._rows[level - 1]:
            above: list[bytes] = []
            for at in range(0, len(row), TILE_WIDTH):
                some = row[at : at + TILE_WIDTH]
                tile = Tile(level, at // TILE_WIDTH, len(some))
                check_tile(self._place, tile, b"".join(some), verdict.tampered, verdict.missing)
                if len(some) == TILE_WIDTH:
                    above.append(root_of(some))
            self._rows.append(above)
            level += 1

    def _root_at(self, size: int) -> bytes:
        return subtree_root(TileHashes(size, self._hashes), 0, size)

    def _hashes(self, level: int, index: int, width: int) -> Sequence[bytes]:
        """Of level 0 from the tiles, which were compared with the records; else as computed."""
        if level:
            return self._rows[level - 1][index * TILE_WIDTH : index * TILE_WIDTH + width]
        here = min(TILE_WIDTH, self.of.size - index * TILE_WIDTH)
        path = Path(self._place, Tile(0, index, here).path)
        try:
            return hashes_in(path.read_bytes(), here)[:width]
        except OSError as error:
            raise MissingError(f"{Tile(0, index, here).path} is not here") from error


class PartTree:
    """Only some records of an epoch are here, each with a proof."""

    def __init__(self, folder: BundleFolder, of: EpochPart, current: int, log: str, wanted: str) -> None:
        self.of = of
        self.kept: list[tuple[int, bytes]] = []
        self.root: bytes | None = of.root  # what the proofs have to lead to
        self.promised = 0
        self.tokens = 0
        self._folder, self._current = folder, current
        self._log, self._wanted = log, wanted
        self._steps = self._read_steps()
        self._ends: dict[int, tuple[int, bytes]] = {}
        self._seen: list[int] = []
        self._head: tuple[int, bytes] | None = None  # of the checkpoint in the proofs, known to be in the tree

    def check(
        self,
        lines: Iterator[bytes],
        told: Disclosed,
        verdict: BundleVerdict,
        progress: Progress,
        selection: Selection,
    ) -> None:
        """Read this epoch's records and verify the proof of each."""
        for done, line in enumerate(islice(lines, self.of.records), start=1):
            self._check_line(line, told, verdict, selection)
            if done % TILE_WIDTH == 0:
                progress("records", done, self.of.records)
        if len(self._seen) < self.of.records:
            verdict.missing.append(f"{RECORDS} has {len(self._seen):,} records of {self.of.records:,}.")
        for epoch, first, last in selection.ranges:
            if epoch == self.of.epoch:
                gone = last - first + 1 - sum(first <= seq <= last for seq in self._seen)
                if gone:
                    verdict.missing.append(f"Of the records {first} to {last}, {gone:,} are not here.")
        self.tokens = len(self._ends)

    def continues(self, size: int, root: bytes) -> str:
        """What is wrong with an earlier checkpoint of this tree; empty: nothing.

        Raises:
            MissingError: nothing here shows how the two are related.
        """
        if size > self.of.size:
            return f"it covers {size:,} records, and there are {self.of.size:,}"
        if size == self.of.size:
            return "" if root == self.of.root else f"it has another root over the same {size:,} records"
        if size not in self._steps:
            raise MissingError(f"there is no proof here from {size:,} records on; the whole record would show it")
        try:
            verify_consistency(size, root, self.of.size, self.of.root, self._steps[size])
        except ProofError as error:
            return str(error)
        return ""

    def _check_line(self, line: bytes, told: Disclosed, verdict: BundleVerdict, selection: Selection) -> None:
        try:
            fields = read_record(line)
        except RecordError as error:
            verdict.tampered.append(f"Line {len(self._seen) + 1} of {RECORDS}: {error}.")
            self._seen.append(-1)
            return
        seq = fields.get("seq")
        if (fields.get("log"), fields.get("epoch")) != (self._log, self.of.epoch) or type(seq) is not int:
            verdict.tampered.append(f"A record is not of this log: {misplaced(fields)}.")
            return
        if self._seen and seq <= self._seen[-1]:
            verdict.tampered.append(f"Record {seq} is not in its order.")
        self._seen.append(seq)
        hashed = leaf_hash(line)
        self._check_proof(seq, hashed, verdict)
        self._check_chain(seq, fields, hashed, verdict, selection)
        promised = fields.get("_sd", ())
        self.promised += len(promised)
        mine = told.below(self.of.epoch, seq + 1)
        verdict.tampered += (
            f"A disclosure is of record {one.seq}, which is not here." for one in mine if one.seq != seq
        )
        verdict.tampered += check_told(seq, promised, [one for one in mine if one.seq == seq])
        if fields.get("kind") in OF_THE_LOG or (self._wanted and is_about(fields, self._wanted)):
            self.kept.append((self.of.epoch, line))

    def _check_proof(self, seq: int, hashed: bytes, verdict: BundleVerdict) -> None:
        try:
            name = proof_path(seq, self.of.epoch, self._current)
            proof = TlogProof.parse(self._folder.read(name, MAX_PROOF_BYTES))
            size, root = self._head_of(proof)
            if proof.index != seq:
                raise ProofError(f"it is of record {proof.index}")
            verify_inclusion(hashed, seq, size, proof.path, root)
        except MissingError as error:
            verdict.missing.append(f"Record {seq} of epoch {self.of.epoch} is not proven: {error}.")
        except (BundleError, ProofError) as error:
            verdict.tampered.append(f"Record {seq}: its proof does not hold: {error}.")

    def _head_of(self, proof: TlogProof) -> tuple[int, bytes]:
        """The tree that a proof leads to, once it is known to be the beginning of this one."""
        head = proof.head
        if head.origin != self.of.origin:
            raise ProofError(f"it is of the log {head.origin[:100]!r}")
        found = (head.size, head.root)
        if found != self._head:
            if fault := self.continues(*found):
                raise ProofError(fault)
            self._head = found
        return found

    def _check_chain(
        self, seq: int, fields: dict[str, Any], hashed: bytes, verdict: BundleVerdict, selection: Selection
    ) -> None:
        token = fields.get("token")
        if token is None:
            return
        number, prev = fields.get("token_seq"), fields.get("prev")
        token_id = token.get("id") if type(token) is dict else None
        if type(token_id) is not int or type(number) is not int or type(prev) is not str:
            verdict.tampered.append(f"Record {seq}: it does not say where it stands in its token's chain.")
            return
        last, before = self._ends.get(token_id, (None, b""))
        self._ends[token_id] = number, hashed
        if last is None and selection.kind == "from_to":
            return  # a stretch of time may begin in the middle of a chain
        if fault := broken(last, before, number, prev):
            # A gap may be a file that lacks a line; a wrong hash cannot.
            gap = number > (-1 if last is None else last) + 1
            (verdict.missing if gap else verdict.tampered).append(f"Record {seq}: {fault}.")

    def _read_steps(self) -> dict[int, list[bytes]]:
        """Consistency proofs to this epoch's size, by the size they begin at."""
        steps: dict[int, list[bytes]] = {}
        for line in self._folder.lines(CONSISTENCY):
            try:
                said = json.loads(line)
                if (said["epoch"], said["to"]) == (self.of.epoch, self.of.size):
                    steps[said["from"]] = [decode_base64(one) for one in said["proof"]]
            except (KeyError, TypeError, AttributeError, ValueError, RecursionError, NoteError) as error:
                raise BundleError(f"{CONSISTENCY} has a line that is no proof") from error
        return steps
