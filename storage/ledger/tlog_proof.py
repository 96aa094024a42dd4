"""The proof of one record in one file (C2SP tlog-proof): its index, its path to the root, and the checkpoint.

It needs the record beside it, and a trust policy that does not come from the same hand. With these it can be
checked anywhere and for ever: no log, database or network is asked.
"""

from __future__ import annotations

from dataclasses import dataclass

from storage.ledger.checkpoint import (
    MAX_PROOF_HASHES,
    Checkpoint,
    CheckpointError,
    SignedCheckpoint,
    parse_hash,
    parse_number,
    read_checkpoint,
)
from storage.ledger.note import MAX_NOTE_BYTES, NoteError, decode_base64, encode_base64
from storage.ledger.proofs import ProofError, verify_inclusion
from storage.ledger.trust_policy import TrustPolicy

HEADER = "c2sp.org/tlog-proof@v1"
SUFFIX = ".tlog-proof"
MAX_PROOF_BYTES = 2 * MAX_NOTE_BYTES


@dataclass(frozen=True, slots=True)
class TlogProof:
    """What a ``.tlog-proof`` file says; nothing of it is verified before :meth:`verify`.

    Attributes:
        index: the record's place in the log, from 0.
        path: the inclusion proof, 32 bytes each, the leaf's sibling first.
        checkpoint: the signed checkpoint, verbatim.
        extra: anything else; never authenticated. ``None`` if there is no such line.
    """

    index: int
    path: tuple[bytes, ...]
    checkpoint: bytes
    extra: bytes | None = None

    def encode(self) -> bytes:
        """The file, which :meth:`parse` reads back unchanged.

        Raises:
            ProofError: when these values do not make a proof.
        """
        extra = () if self.extra is None else (f"extra {encode_base64(self.extra)}",)
        lines = (HEADER, *extra, f"index {self.index}", *map(encode_base64, self.path), "")
        data = "".join(f"{line}\n" for line in lines).encode() + self.checkpoint
        if TlogProof.parse(data) != self:
            raise ProofError("these values do not make a proof file")
        return data

    @classmethod
    def parse(cls, data: bytes) -> TlogProof:
        """Take a proof file apart, strictly.

        Raises:
            ProofError: when it is not a proof file, or larger than 2 MB.
        """
        if len(data) > MAX_PROOF_BYTES:
            raise ProofError(f"a proof has at most {MAX_PROOF_BYTES} bytes; this one has {len(data)}")
        head, gap, checkpoint = data.partition(b"\n\n")
        try:
            header, *lines = head.decode("ascii").split("\n", MAX_PROOF_HASHES + 3)
            if not gap or header != HEADER or not lines:
                raise ProofError(f"a proof begins with {HEADER} and ends, after an empty line, with a checkpoint")
            extra = decode_base64(_after("extra ", lines.pop(0))) if lines[0].startswith("extra ") else None
            number = parse_number(_after("index ", lines.pop(0) if lines else ""))
            if len(lines) > MAX_PROOF_HASHES:
                raise ProofError(f"a proof has at most {MAX_PROOF_HASHES} hashes")
            path = tuple(parse_hash(line) for line in lines)
            read_checkpoint(checkpoint)
        except (UnicodeDecodeError, NoteError) as error:
            raise ProofError(f"not a proof file: {error}") from error
        return cls(number, path, checkpoint, extra)

    @property
    def head(self) -> Checkpoint:
        """What the checkpoint in it says, unverified."""
        return read_checkpoint(self.checkpoint)[0]

    def verify(self, leaf: bytes, policy: TrustPolicy) -> SignedCheckpoint:
        """Check that the log, by the policy's lights, has the record with this leaf hash (32 bytes) at the index.

        Raises:
            NoteError: when the policy does not accept the checkpoint.
            ProofError: when the record is not proven to be under it.
        """
        verified = policy.verify(self.checkpoint)
        head = verified.checkpoint
        verify_inclusion(leaf, self.index, head.size, self.path, head.root)
        return verified


def _after(prefix: str, line: str) -> str:
    if not line.startswith(prefix):
        raise CheckpointError(f"a line that begins with {prefix.strip()!r} belongs here, not {line[:40]!r}")
    return line.removeprefix(prefix)
