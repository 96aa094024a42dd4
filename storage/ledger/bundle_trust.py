"""Whose word stands under a bundle: the keys that the auditor brought, and those that these handed the log on to.

A key is trusted for one log. An epoch of a log has a name of its own, and the key signs for it under that name. A key
that takes over is named in a record, which a checkpoint by the key before it covers; so trust follows from the old
key to the new one, and never from the folder.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from storage.ledger.bundle_records import RecordError, read_record
from storage.ledger.checkpoint import (
    Checkpoint,
    SignedCheckpoint,
    add_cosignatures,
    origin_of,
    read_checkpoint,
    verify_checkpoint,
)
from storage.ledger.kinds import RecordKind
from storage.ledger.note import LOG_SIGNATURE, Note, NoteError, VerifierKey
from storage.ledger.trust_policy import Party, TrustPolicy

_OF_EPOCH = re.compile(r"/epoch/[0-9]+$")


class Rotation(NamedTuple):
    """A record that hands the log on: its place, and the keys before and after."""

    epoch: int
    seq: int
    old: VerifierKey
    new: VerifierKey


class Cited(NamedTuple):
    """What the first record of an epoch says of the one before: its checkpoint that was held, and its end."""

    held: tuple[str, int, bytes]
    sealed: tuple[int, int, bytes]


class Trust:
    """The keys that count, growing as the log was handed on."""

    def __init__(self, policy: TrustPolicy, epochs: int) -> None:
        self._policy = policy
        self._epochs = epochs
        self._keys: dict[VerifierKey, None] = {}
        for party in policy.logs:
            self._trust(party.key)

    def verify(self, checkpoint: bytes) -> SignedCheckpoint:
        """What a checkpoint says, where the policy accepts it: a key of the log, and the witnesses it asks for.

        Raises:
            NoteError: the policy does not.
        """
        logs = tuple(Party(key) for key in self._keys)
        return replace(self._policy, logs=logs).verify(checkpoint)

    def is_signed(self, checkpoint: bytes) -> SignedCheckpoint | None:
        """What a checkpoint says, where a trusted key of its log signed it, whoever saw it; None: none did.

        Raises:
            NoteError: it is malformed, or a signature by a trusted key is wrong.
        """
        note = Note.parse(checkpoint)
        known = {(key.name, key.key_id) for key in self._keys}
        if not any((one.name, one.key_id) in known for one in note.signatures):
            return None
        return verify_checkpoint(checkpoint, [*self._keys, *self.witnesses])

    @property
    def witnesses(self) -> list[VerifierKey]:
        return [party.key for party in self._policy.witnesses.values()]

    def follow(self, rotations: Sequence[Rotation], published: Iterable[bytes]) -> int:
        """Trust the keys that trusted keys handed the log on to; how many these are.

        Args:
            rotations: in the order of the log, each of them known to be in the tree.
            published: checkpoints that are known to be of the same tree.
        """
        notes = list(published)
        before = len(self._keys)
        for one in rotations:
            if one.old in self._keys and any(self._covers(note, one) for note in notes):
                self._trust(one.new)
        return (len(self._keys) - before) // max(self._epochs, 1)

    def _covers(self, note: bytes, rotation: Rotation) -> bool:
        """Whether the old key signed a checkpoint with the record that names its successor."""
        said, signed = read_checkpoint(note)
        if said.origin != rotation.old.name or said.size <= rotation.seq:
            return False
        mine = [one for one in signed.signatures if (one.name, one.key_id) == (rotation.old.name, rotation.old.key_id)]
        try:
            return any(rotation.old.verify(signed.text, one) is None for one in mine)
        except NoteError:
            return False

    def _trust(self, key: VerifierKey) -> None:
        base = _OF_EPOCH.sub("", key.name)
        for epoch in range(self._epochs):
            self._keys[VerifierKey(origin_of(base, epoch), LOG_SIGNATURE, key.public)] = None


def rotations_in(kept: Iterable[tuple[int, bytes]]) -> list[Rotation]:
    """The records that hand the log on, of those that the verifier kept."""
    found = []
    for epoch, body in kept:
        fields = read_record(body)
        details = fields.get("details")
        if fields.get("kind") != RecordKind.KEY_ROTATED or type(details) is not dict:
            continue
        try:
            old, new = VerifierKey.parse(str(details.get("old"))), VerifierKey.parse(str(details.get("new")))
        except NoteError:
            continue  # a record in the tree that names no key hands nothing on
        if old.algorithm == new.algorithm == LOG_SIGNATURE and old.name == new.name:
            found.append(Rotation(epoch, fields["seq"], old, new))
    return found


def cited_by(kept: Iterable[tuple[int, bytes]], epoch: int) -> Cited | None:
    """What record 0 of an epoch says of the epoch before; None: it is not here, or says nothing."""
    for of, body in kept:
        try:
            fields = read_record(body)
            if of == epoch and fields["seq"] == 0 and fields["kind"] == RecordKind.EPOCH_OPENED:
                return _cited(fields["details"])
        except (RecordError, KeyError, TypeError, ValueError):
            continue
    return None


def _cited(details: Any) -> Cited:
    held, sealed = details["held"], details["sealed"]
    if not all(type(one) is int for one in (held["size"], sealed["size"], sealed["epoch"])):
        raise ValueError("not what an epoch cites")
    return Cited(
        (str(held["origin"]), held["size"], bytes.fromhex(held["root"])),
        (sealed["epoch"], sealed["size"], bytes.fromhex(sealed["root"])),
    )


def with_cosignatures(checkpoint: bytes, answers: Iterable[bytes], witnesses: Sequence[VerifierKey]) -> bytes:
    """A checkpoint with what witnesses answered to it.

    Raises:
        NoteError: a cosignature by a trusted witness is wrong.
    """
    for answer in answers:
        checkpoint = add_cosignatures(checkpoint, answer, witnesses)
    return checkpoint


def head_of(checkpoint: bytes) -> Checkpoint:
    """What a checkpoint says, unverified.

    Raises:
        NoteError: it is none.
    """
    return read_checkpoint(checkpoint)[0]
