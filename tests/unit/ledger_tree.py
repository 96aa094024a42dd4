"""Trees to prove things about, and the other side of the protocols, for the tests of the ledger."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import cache
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from storage.ledger.merkle import leaf_hash, node_hash, root_of
from storage.ledger.note import COSIGNATURE, NoteSignature, SignerKey, VerifierKey

ORIGIN = "example.com/whose"


class ListTree:
    """A hash reader over a list of leaf hashes."""

    def __init__(self, leaves: Sequence[bytes]) -> None:
        self.leaves = leaves
        self.node = cache(self._node)

    def _node(self, level: int, index: int) -> bytes:
        row = self.leaves[index << level : (index + 1) << level]
        assert len(row) == 1 << level, "asked for a subtree that is not complete"
        return row[0] if level == 0 else node_hash(self.node(level - 1, 2 * index), self.node(level - 1, 2 * index + 1))


class VirtualTree:
    """A hash reader over a tree of any size in which all leaves are alike but a few."""

    def __init__(self, odd_ones: Collection[int]) -> None:
        self.odd_ones = odd_ones
        self.plain = [leaf_hash(b"")]
        for _ in range(64):
            self.plain.append(node_hash(self.plain[-1], self.plain[-1]))
        self.node = cache(self._node)

    def _node(self, level: int, index: int) -> bytes:
        if not any(odd >> level == index for odd in self.odd_ones):
            return self.plain[level]
        if level == 0:
            return leaf_hash(b"%d" % index)
        return node_hash(self.node(level - 1, 2 * index), self.node(level - 1, 2 * index + 1))

    def tile(self, level: int, index: int, width: int) -> list[bytes]:
        """What a tile of this tree holds."""
        return [self.node(8 * level, 256 * index + at) for at in range(width)]


def leaves(count: int) -> list[bytes]:
    return [leaf_hash(b"record %d" % number) for number in range(count)]


def path_by_definition(index: int, row: Sequence[bytes]) -> list[bytes]:
    """``PATH(m, D_n)``, word for word from RFC 9162, 2.1.3.1."""
    if len(row) == 1:
        return []
    k = 1 << (len(row) - 1).bit_length() - 1
    if index < k:
        return [*path_by_definition(index, row[:k]), root_of(row[k:])]
    return [*path_by_definition(index - k, row[k:]), root_of(row[:k])]


def subproof_by_definition(m: int, row: Sequence[bytes], is_whole: bool = True) -> list[bytes]:
    """``SUBPROOF(m, D_n, b)``, word for word from RFC 9162, 2.1.4.1."""
    if m == len(row):
        return [] if is_whole else [root_of(row)]
    k = 1 << (len(row) - 1).bit_length() - 1
    if m <= k:
        return [*subproof_by_definition(m, row[:k], is_whole), root_of(row[k:])]
    return [*subproof_by_definition(m - k, row[k:], False), root_of(row[:k])]


def signer(name: str = ORIGIN, seed: str = "log") -> SignerKey:
    """A key that is the same in every run. Made up; it signs nothing but tests."""
    return SignerKey(name, Ed25519PrivateKey.from_private_bytes(sha256(seed.encode()).digest()))


class Witness:
    """Cosigns as C2SP tlog-cosignature has it, with its own code."""

    def __init__(self, name: str) -> None:
        self.private = Ed25519PrivateKey.from_private_bytes(sha256(name.encode()).digest())
        self.key = VerifierKey(name, COSIGNATURE, self.private.public_key().public_bytes_raw())

    def cosign(self, text: str, at: int) -> NoteSignature:
        message = f"cosignature/v1\ntime {at}\n{text}".encode()
        key_id = sha256(self.key.name.encode() + b"\n\x04" + self.key.public).digest()[:4]
        return NoteSignature(self.key.name, key_id, at.to_bytes(8, "big") + self.private.sign(message))
