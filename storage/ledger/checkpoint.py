"""Checkpoints (C2SP tlog-checkpoint): how many records a log has and the root of the tree over them, signed.

Also what is said to a witness about one (C2SP tlog-witness). Everything here is text to bytes and back;
nothing is read, sent or stored.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from storage.ledger.merkle import EMPTY_ROOT, HASH_SIZE
from storage.ledger.note import (
    LOG_SIGNATURE,
    Note,
    NoteError,
    Signed,
    SignerKey,
    VerifierKey,
    decode_base64,
    encode_base64,
)
from storage.ledger.proofs import MAX_SIZE

MAX_PROOF_HASHES = 63
_NUMBER = re.compile(r"0|[1-9][0-9]{0,18}")


class CheckpointError(NoteError):
    """A checkpoint that is malformed, or not signed by its log. The message says why."""


class Checkpoint(NamedTuple):
    """The head of a log at one size.

    Attributes:
        origin: the log's identity, one line; also the name of the keys that sign for it.
        size: how many records there are.
        root: the Merkle root over them, 32 bytes.
        extensions: further lines. Signed, but without meaning here, and best left out (tlog-checkpoint).
    """

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The text that is signed.

        Raises:
            CheckpointError: when these values make none.
        """
        text = "".join(f"{line}\n" for line in (self.origin, self.size, encode_base64(self.root), *self.extensions))
        if Checkpoint.parse(text) != self:
            raise CheckpointError("the parts of a checkpoint are single lines")
        return text

    @classmethod
    def parse(cls, text: str) -> Checkpoint:
        """Read the text of a checkpoint: three lines or more, none of them empty, each in its one spelling.

        Raises:
            CheckpointError: when it is anything else.
        """
        lines = text.split("\n")
        if len(lines) < 4 or lines.pop() or not all(lines):
            raise CheckpointError("a checkpoint is three lines or more, none of them empty")
        origin, size, root = lines[0], parse_number(lines[1]), parse_hash(lines[2])
        if size == 0 and root != EMPTY_ROOT:
            raise CheckpointError("the root of an empty log is the hash of nothing, and this one is not")
        return cls(origin, size, root, tuple(lines[3:]))


class SignedCheckpoint(NamedTuple):
    """A checkpoint with the signatures on it that hold, and the note they came in."""

    checkpoint: Checkpoint
    note: Note
    signatures: tuple[Signed, ...]


def origin_of(log: str, epoch: int) -> str:
    """The origin of one epoch of a log: its name and, after the first epoch, which one it is.

    A log signs no two checkpoints that disagree (tlog-checkpoint). An epoch that follows a restore with lost
    records disagrees with the one before, so it is a log of its own, for witnesses as for readers. That is
    said in the origin, and not in an extension line, which nobody checks.
    """
    return log if epoch == 0 else f"{log}/epoch/{epoch}"


def sign_checkpoint(checkpoint: Checkpoint, signers: Iterable[SignerKey]) -> bytes:
    """The signed note, with one signature a key.

    Raises:
        CheckpointError: when a key has another name than the log, or the checkpoint cannot be.
        NoteError: when there is no key.
    """
    signers = list(signers)
    if any(signer.name != checkpoint.origin for signer in signers):
        raise CheckpointError(f"the keys that sign for the log {checkpoint.origin!r} bear its name")
    text = checkpoint.text
    return Note(text, tuple(signer.sign(text) for signer in signers)).encode()


def read_checkpoint(data: bytes) -> tuple[Checkpoint, Note]:
    """What a signed checkpoint says, verifying no signature.

    Raises:
        NoteError: when it is not a note (:class:`CheckpointError`: when it is, but not of a checkpoint).
    """
    note = Note.parse(data)
    return Checkpoint.parse(note.text), note


def verify_checkpoint(data: bytes, keys: Iterable[VerifierKey]) -> SignedCheckpoint:
    """What a checkpoint says, on the word of these keys: those of logs, and those of witnesses.

    A log speaks for itself alone: a key counts as the log's when its name is the checkpoint's origin.

    Raises:
        NoteError: when it is malformed, one of the keys' signatures is wrong, or its log has not signed it.
    """
    checkpoint, note = read_checkpoint(data)
    signatures = tuple(note.verify(keys))
    if not any(by.algorithm == LOG_SIGNATURE and by.name == checkpoint.origin for by, _ in signatures):
        raise CheckpointError(f"the checkpoint is not signed by a trusted key of its log, {checkpoint.origin!r}")
    return SignedCheckpoint(checkpoint, note, signatures)


def add_checkpoint_request(old_size: int, proof: Sequence[bytes], checkpoint: bytes) -> bytes:
    """What a witness is asked (tlog-witness, ``add-checkpoint``): cosign this, which extends what you have seen.

    Args:
        old_size: the size of the checkpoint that the witness cosigned last; 0 if none is known.
        proof: the consistency proof from there.
        checkpoint: the signed checkpoint.

    Raises:
        CheckpointError: when the parts do not make a request.
    """
    if not 0 <= old_size <= MAX_SIZE or len(proof) > MAX_PROOF_HASHES or any(len(one) != HASH_SIZE for one in proof):
        raise CheckpointError("a witness is told an old size and at most 63 hashes of 32 bytes")
    lines = "".join(f"{line}\n" for line in (f"old {old_size}", *map(encode_base64, proof), ""))
    return lines.encode() + checkpoint


def add_cosignatures(checkpoint: bytes, response: bytes, witnesses: Iterable[VerifierKey]) -> bytes:
    """The checkpoint with those of a witness's signature lines that hold, an older one of the same key replaced.

    Lines by unknown keys are left out, as tlog-witness has it.

    Raises:
        NoteError: when the response is malformed or a signature in it is wrong, or no trusted one is there.
    """
    note = Note.parse(checkpoint)
    answer = Note.parse(f"{note.text}\n".encode() + response)
    if answer.text != note.text:
        raise NoteError("the witness answers with more than signature lines")
    keys = {(signed.key.name, signed.key.key_id) for signed in answer.verify(witnesses)}
    new = tuple(one for one in answer.signatures if one[:2] in keys)
    return Note(note.text, tuple(one for one in note.signatures if one[:2] not in keys) + new).encode()


def witness_size(response: bytes) -> int:
    """The size that a witness has seen, from the body of its answer 409 (``text/x.tlog.size``).

    Raises:
        CheckpointError: when it is not a number and a newline.
    """
    text = response[:32].decode("latin-1")  # longer than any such number
    if not text.endswith("\n"):
        raise CheckpointError("the witness does not answer with the size that it has seen")
    return parse_number(text[:-1])


def parse_number(text: str) -> int:
    """A decimal number below 2⁶³ without leading zeros or sign.

    Raises:
        CheckpointError: when it is spelled otherwise.
    """
    if not _NUMBER.fullmatch(text) or int(text) > MAX_SIZE:
        raise CheckpointError(f"not a number below 2^63 in plain digits: {text[:40]!r}")
    return int(text)


def parse_hash(text: str) -> bytes:
    """32 bytes from base64.

    Raises:
        CheckpointError: when it is spelled otherwise.
    """
    try:
        data = decode_base64(text)
    except NoteError as error:
        raise CheckpointError(f"not a hash in base64: {text[:60]!r}") from error
    if len(data) != HASH_SIZE:
        raise CheckpointError(f"a hash has {HASH_SIZE} bytes; {text[:60]!r} has {len(data)}")
    return data
