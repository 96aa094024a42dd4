"""Verifying a bundle: with no database, no network and no trust in whoever made it.

What the auditor brings decides: the policy with the keys to trust, checkpoints that were held since earlier, the roots
of time-stamping authorities. First comes what the bytes say by themselves (:mod:`storage.ledger.bundle_tree`), then
whose signature stands under it, then what is known of it elsewhere and since when.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from cryptography.x509 import Certificate

from storage.ledger import bundle
from storage.ledger.bundle import BundleError, EpochPart, checkpoint_path, place
from storage.ledger.bundle_answer import answer
from storage.ledger.bundle_bounds import anchors_in, bound_by
from storage.ledger.bundle_files import BundleFolder, MissingError
from storage.ledger.bundle_records import RecordError, Told, read_told
from storage.ledger.bundle_tree import Disclosed, PartTree, Progress, WholeTree
from storage.ledger.bundle_trust import Trust, cited_by, head_of, rotations_in
from storage.ledger.checkpoint import Checkpoint, origin_of
from storage.ledger.note import NoteError
from storage.ledger.timestamp import MAX_REPLY_BYTES, TimestampError
from storage.ledger.trust_policy import TrustPolicy
from storage.ledger.verdict import BundleVerdict, counted, shown_moment


@dataclass(frozen=True)
class Brought:
    """What the auditor brings along. None of it comes from the bundle.

    Attributes:
        policy: whose signatures count.
        held: checkpoints that were kept since earlier, each with a name for it.
        roots: certificates of time-stamping authorities that are trusted.
        token: a token that the auditor asks about: its external id, ``issuer/external id`` or name; empty: none.
        at: the moment asked about, UTC; None: whenever.
    """

    policy: TrustPolicy
    held: Sequence[tuple[str, bytes]] = ()
    roots: Sequence[Certificate] = ()
    token: str = ""
    at: datetime | None = None


def verify_bundle(root: Path, brought: Brought, progress: Progress | None = None) -> BundleVerdict:
    """Verify the bundle in a folder. Whatever is in it, the answer is a verdict.

    Args:
        progress: called with (stage, done, of how many) now and then.
    """
    verification = _Verification(BundleFolder(root), brought, progress or (lambda *_: None))
    try:
        verification.run()
    except MissingError as error:
        verification.verdict.missing.append(f"{error}.")
    except BundleError as error:
        verification.verdict.tampered.append(f"{error}.")
    return verification.verdict


@dataclass
class _Verification:
    folder: BundleFolder
    brought: Brought
    progress: Progress
    verdict: BundleVerdict = field(default_factory=BundleVerdict)
    trees: list[WholeTree | PartTree] = field(default_factory=list)

    def run(self) -> None:
        self.manifest = self.folder.manifest()
        self._check_files()
        self._check_records()
        self._check_epochs()
        self.trust = Trust(self.brought.policy, len(self.manifest.epochs))
        published = list(self._published())
        handed_on = self.trust.follow(rotations_in(self._kept()), [note for _, note in published])
        if self._check_signature():
            if handed_on:
                self.verdict.proven.append("The log was handed on to another key, and the key that you trust says so.")
            self._check_published(published)
            self._check_held()
            self._find_bounds(dict(published))
            self._say_what_is_open()
        if self.brought.token:
            named = {one.name: one.value for one in self._told() if one.name.startswith("p_")}
            self.verdict.answer += answer(self._kept(), self.brought.token, self.brought.at, named, self.verdict)

    # ------------------------------------------------------------ the bytes

    def _check_files(self) -> None:
        """Every file that the manifest names is here and has not changed since it was written."""
        listed = self.manifest.files
        for done, (name, (size, digest)) in enumerate(sorted(listed.items()), start=1):
            try:
                if self.folder.measure(name) != (size, digest):
                    self.verdict.tampered.append(f"{name} is not the file that the manifest describes.")
            except MissingError as error:
                self.verdict.missing.append(f"{error}.")
            self.progress("files", done, len(listed))
        bound = {place(one.epoch, self.manifest.current.epoch) + bundle.CHECKPOINT for one in self.manifest.epochs}
        for name in self.folder.names():
            if name not in listed and name not in bound and name != bundle.MANIFEST:
                self.verdict.not_proven.append(f"{name} does not belong to the bundle, so nothing is said about it.")

    def _check_records(self) -> None:
        manifest = self.manifest
        told = Disclosed(self._told())
        lines = self.folder.lines(bundle.RECORDS)
        for of in manifest.epochs:
            current = manifest.current.epoch
            if manifest.complete:
                if of.records != of.size:
                    raise BundleError(f"{bundle.MANIFEST} says that all records are here, and not how many there are")
                whole = WholeTree(self.folder, of, current, manifest.log_id, self.brought.token)
                self.trees.append(whole)
                whole.check(lines, told, self.verdict, self.progress)
            else:
                part = PartTree(self.folder, of, current, manifest.log_id, self.brought.token)
                self.trees.append(part)
                part.check(lines, told, self.verdict, self.progress, manifest.selection)
        if next(lines, None) is not None:
            self.verdict.tampered.append(f"{bundle.RECORDS} has more lines than there are records.")
        if told.left():
            self.verdict.tampered.append(f"{bundle.DISCLOSURES} has lines that belong to no record here.")
        self.told = told.count

    def _told(self) -> Iterator[Told]:
        for number, line in enumerate(self.folder.lines(bundle.DISCLOSURES), start=1):
            try:
                yield read_told(line)
            except RecordError as error:
                raise BundleError(f"line {number} of {bundle.DISCLOSURES} is {error}") from error

    def _kept(self) -> list[tuple[int, bytes]]:
        return [one for tree in self.trees for one in tree.kept]

    def _check_epochs(self) -> None:
        """Each epoch's tree is the one it should be, and each epoch but the first says how the one before ended."""
        for tree in self.trees:
            if tree.root is not None and tree.root != tree.of.root:
                self.verdict.tampered.append(f"The root of {_epoch(tree.of)} is not that of its records.")
        for of in self.manifest.epochs[:-1]:
            cited = cited_by(self._kept(), of.epoch + 1)
            if cited is None:
                self.verdict.missing.append(f"The record that opens epoch {of.epoch + 1} is not here.")
            elif cited.sealed != (of.epoch, of.size, of.root):
                self.verdict.tampered.append(
                    f"Epoch {of.epoch} did not end as the record says that opens the next one."
                )
            else:
                lost = max(cited.held[1] - of.size, 0)
                what = f"{lost:,} records of it were lost, and the record says so" if lost else "the record says why"
                self.verdict.not_proven.append(
                    f"Epoch {of.epoch} of the log ended with record {of.size - 1:,}: {what}. "
                    "What was lost can be shown by nobody but whoever holds a copy of it."
                )

    # ------------------------------------------------------------ whose word

    def _published(self) -> Iterator[tuple[tuple[int, int], bytes]]:
        """The checkpoints in the folder, by epoch and size, where the tree bears them out."""
        for name in sorted(self.manifest.files):
            if not name.startswith("checkpoints/"):
                continue
            try:
                note = self.folder.read(name)
                said = head_of(note)
                epoch = self._epoch_of(said)
                if epoch is None or name != checkpoint_path(epoch, said.size):
                    raise BundleError(f"{name} is a checkpoint of something else")
                if fault := self.trees[epoch].continues(said.size, said.root):
                    self.verdict.tampered.append(f"{name} is of another history: {fault}.")
                    continue
            except (NoteError, BundleError) as error:
                whose = self.verdict.missing if isinstance(error, MissingError) else self.verdict.tampered
                whose.append(f"{name}: {error}.")
                continue
            yield (epoch, said.size), note

    def _epoch_of(self, said: Checkpoint) -> int | None:
        return next((one.epoch for one in self.manifest.epochs if one.origin == said.origin), None)

    def _check_signature(self) -> bool:
        """The newest checkpoint: by a trusted key, seen by the witnesses that the policy wants, over this tree."""
        current = self.manifest.current
        note = self.folder.read(bundle.CHECKPOINT)
        try:
            said = self.trust.verify(note).checkpoint
        except NoteError as error:
            self.verdict.tampered.append(
                f"The newest checkpoint does not count by your policy: {error}. Its keys came from you, not from here; "
                "if they are the right ones, somebody else has signed this."
            )
            return False
        if (said.origin, said.size, said.root) != (current.origin, current.size, current.root):
            self.verdict.tampered.append("The newest checkpoint is not over the records that are here.")
            return False
        if self.verdict.exit_code == 0:
            self._say_what_holds(current)
        return True

    def _say_what_holds(self, current: EpochPart) -> None:
        records = counted(sum(one.records for one in self.manifest.epochs), "record", "records")
        tokens = counted(sum(tree.tokens for tree in self.trees), "token", "tokens")
        promised = sum(tree.promised for tree in self.trees)
        proven, root = self.verdict.proven, current.root.hex()
        if self.manifest.complete:
            proven.append(
                f"All {records} of the log {current.origin} are here, and none was changed, added, left out or moved "
                f"since it was signed (root {root})."
            )
            proven.append(f"The history of {tokens} is whole: no record is missing in it.")
        else:
            proven.append(
                f"What is here, {records}, is in the log {current.origin}, unchanged since it was signed "
                f"(over {current.size:,} records, root {root})."
            )
            if self.manifest.selection.kind != "from_to":
                proven.append(f"In the history of {tokens} no record is missing in front of the last one.")
        disclosures = counted(promised, "disclosure", "disclosures")
        gone = "; the others were erased or withheld" if self.told < promised else ""
        proven.append(
            f"Of {disclosures} (names, reasons in words) {self.told:,} can still be read here, as recorded{gone}."
        )

    def _check_published(self, published: Sequence[tuple[tuple[int, int], bytes]]) -> None:
        signed = 0
        newest = (self.manifest.current.epoch, self.manifest.current.size)
        for (epoch, size), note in published:
            try:
                signed += self.trust.is_signed(note) is not None and (epoch, size) != newest
            except NoteError as error:
                self.verdict.tampered.append(f"{checkpoint_path(epoch, size)}: {error}.")
        if signed:
            earlier = counted(signed, "checkpoint", "checkpoints")
            self.verdict.proven.append(f"Of the same history: {earlier} from earlier, signed by a key that you trust.")

    def _check_held(self) -> None:
        """What the auditor held since earlier: all that shows a history that was rewritten and signed anew."""
        for name, note in self.brought.held:
            try:
                signed = self.trust.is_signed(note)
                if signed is None:
                    raise MissingError("no key that you trust has signed it")
                said = signed.checkpoint
                if lost := self._lost(said):
                    self.verdict.not_proven.append(f"The checkpoint {name} that you hold {lost}.")
                    continue
                fault = self._fault_of_held(said)
            except (NoteError, MissingError) as error:
                self.verdict.missing.append(f"The checkpoint {name} that you hold cannot be compared: {error}.")
                continue
            if fault:
                self.verdict.tampered.append(f"The checkpoint {name} that you hold says otherwise: {fault}.")
            else:
                self.verdict.proven.append(
                    f"The log continues the checkpoint {name} that you hold, of {said.size:,} records."
                )

    def _fault_of_held(self, said: Checkpoint) -> str:
        epoch = self._epoch_of(said)
        if epoch is None:
            log = self.manifest.epochs[0].origin
            later = range(len(self.manifest.epochs), len(self.manifest.epochs) + 1_000)
            if any(said.origin == origin_of(log, one) for one in later):
                return "it is of a later epoch of the log, so this folder is older or was cut short"
            return f"it is of the log {said.origin!r}, and this is {log!r}"
        of = self.manifest.epochs[epoch]
        if said.size <= of.size:
            return self.trees[epoch].continues(said.size, said.root)
        cited = cited_by(self._kept(), epoch + 1)
        if cited is not None and said.size == cited.held[1]:
            return "the record of the loss cites another checkpoint of that size"
        return (
            f"it covers {said.size:,} records, and there are {of.size:,} here: records were taken away, or the folder "
            "was made before"
        )

    def _lost(self, said: Checkpoint) -> str:
        """What the folder says of a held checkpoint over records that were lost, openly; empty: it is not one."""
        epoch = self._epoch_of(said)
        cited = None if epoch is None else cited_by(self._kept(), epoch + 1)
        if epoch is None or cited is None or not self.manifest.epochs[epoch].size < said.size <= cited.held[1]:
            return ""
        covers = f"covers {said.size:,} records, some of which were lost in a restore"
        if said.size < cited.held[1]:
            return f"{covers}. The record of the loss cites a later one, so yours cannot be compared"
        return f"{covers}. The record of the loss cites this very checkpoint" if said.root == cited.held[2] else ""

    # ------------------------------------------------------------ since when

    def _find_bounds(self, published: dict[tuple[int, int], bytes]) -> None:
        unchecked = 0
        for one in anchors_in(self.folder):
            note = published.get((one.epoch, one.size))
            if note is None or not one.file:
                continue
            try:
                bound = bound_by(one, note, self.folder.read(one.file, MAX_REPLY_BYTES), self.brought.roots, self.trust)
            except (NoteError, TimestampError) as error:
                self.verdict.tampered.append(f"{one.file}: {error}.")
                continue
            if bound is None:
                unchecked += 1
            else:
                self.verdict.bounds.append(bound)
        if unchecked:
            self.verdict.not_proven.append(
                f"Time-stamps and cosignatures that nothing you brought can check: {unchecked:,} "
                "(--tsa-root for an authority's certificate, a witness line in the policy)."
            )

    def _say_what_is_open(self) -> None:
        current = self.manifest.current
        for of in self.manifest.epochs:
            mine = sorted((one for one in self.verdict.bounds if one.epoch == of.epoch), key=lambda one: one.at)
            covered = 0
            for one in mine:
                if one.size > covered:
                    self.verdict.proven.append(
                        f"Records {covered:,} to {one.size - 1:,} of {_epoch(of)} were written by "
                        f"{shown_moment(one.at)}, on the word of {one.by}."
                    )
                    covered = one.size
        dated = max((one.size for one in self.verdict.bounds if one.epoch == current.epoch), default=0)
        open_ = self.verdict.not_proven
        if dated < current.size:
            open_.append(
                f"Records {dated:,} to {current.size - 1:,} of {_epoch(current)} carry no date but the operator's own. "
                "Whoever has the key could have written or rewritten them at any time up to now, unless you hold a "
                "checkpoint over them."
            )
        open_.append(
            "What happened after the last anchor, and what was changed before it within the pause between two anchors, "
            "nobody outside has seen."
        )
        if not self.manifest.complete:
            open_.append("Completeness is not proven: other records may exist that are not in this folder.")
        if self.verdict.bounds and self.brought.roots:
            open_.append("Whether a time-stamping authority's certificate was revoked was not looked up.")
        open_.append(
            "The report, the table, the OCSF events and the OSCAL file are readings of the records. Where they differ, "
            "the records count."
        )


def _epoch(of: EpochPart) -> str:
    return "the log" if of.epoch == 0 else f"epoch {of.epoch}"
