"""Merkle tree hashing of RFC 9162 (the tree of RFC 6962), section 2.1, with SHA-256.

A :class:`Frontier` is all a log has to remember in order to grow: the roots of the complete subtrees
that the leaves so far fall into, largest first. Appending costs one hash on average, the root at most
one per level. Proofs read inner nodes; all of them follow from the leaf hashes, which the log stores.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import sha256

HASH_SIZE = 32
LEAF_PREFIX = b"\x00"
NODE_PREFIX = b"\x01"
EMPTY_ROOT = sha256(b"").digest()
STORED_EVERY = 8  # levels: the height of a tile (C2SP tlog-tiles)


def leaf_hash(body: bytes) -> bytes:
    """``SHA-256(0x00 || body)``, 32 bytes (RFC 9162, 2.1.1)."""
    return sha256(LEAF_PREFIX + body).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """``SHA-256(0x01 || left || right)``, 32 bytes (RFC 9162, 2.1.1)."""
    return sha256(NODE_PREFIX + left + right).digest()


class Frontier:
    """The complete subtrees over the first ``size`` leaves: one root per set bit of ``size``."""

    __slots__ = ("_roots", "size")

    def __init__(self, size: int = 0, roots: Iterable[bytes] = ()) -> None:
        self.size = size
        self._roots = list(roots)
        if size < 0 or len(self._roots) != size.bit_count():
            raise ValueError(f"a tree of {size} leaves does not have {len(self._roots)} complete subtrees")

    @classmethod
    def from_bytes(cls, size: int, data: bytes) -> Frontier:
        """Read what :meth:`to_bytes` wrote.

        Raises:
            ValueError: when ``data`` cannot belong to a tree of ``size`` leaves.
        """
        if len(data) % HASH_SIZE:
            raise ValueError(f"a frontier is made of {HASH_SIZE}-byte hashes; this has {len(data)} bytes")
        return cls(size, (data[at : at + HASH_SIZE] for at in range(0, len(data), HASH_SIZE)))

    def to_bytes(self) -> bytes:
        """The subtree roots, largest subtree first, 32 bytes each and nothing between them."""
        return b"".join(self._roots)

    def append(self, leaf: bytes) -> None:
        """Add the hash of the next leaf."""
        self.extend([leaf])

    def extend(self, leaves: Iterable[bytes]) -> list[tuple[int, int, bytes]]:
        """Add the hashes of the next leaves, merging the subtrees that they complete.

        Returns:
            The nodes they complete at levels 8, 16, 24 …: level, index within the level, hash.
        """
        return self._add(0, list(leaves))

    def join(self, other: Frontier) -> list[tuple[int, int, bytes]]:
        """Add the leaves of a tree of their own, which come next: at most as many as a power of two that divides our
        size.

        Returns:
            The nodes that they complete with ours, as :meth:`extend`; not those that ``other`` completed.
        """
        levels = [level for level in reversed(range(other.size.bit_length())) if other.size >> level & 1]
        return [node for level, root in zip(levels, other._roots, strict=True) for node in self._add(level, [root])]

    def _add(self, level: int, nodes: list[bytes]) -> list[tuple[int, int, bytes]]:
        """Add complete subtrees of one level, and merge level by level."""
        lowest, before, self.size = level, self.size, self.size + (len(nodes) << level)
        waiting: list[bytes] = []  # for their right neighbours, smallest subtree first
        stored = []
        while nodes:
            first = before >> level
            if level > lowest and level % STORED_EVERY == 0:
                stored += [(level, index, node) for index, node in enumerate(nodes, first)]
            if first & 1:
                nodes.insert(0, self._roots.pop())
            if len(nodes) & 1:
                waiting.append(nodes.pop())
            pairs = zip(nodes[::2], nodes[1::2], strict=True)
            nodes = [sha256(NODE_PREFIX + left + right).digest() for left, right in pairs]
            level += 1
        self._roots += reversed(waiting)
        return stored

    def root(self) -> bytes:
        """The Merkle tree hash over all leaves so far; ``SHA-256("")`` of an empty log."""
        if not self._roots:
            return EMPTY_ROOT
        root = self._roots[-1]
        for left in reversed(self._roots[:-1]):
            root = node_hash(left, root)
        return root


def root_of(leaves: Sequence[bytes]) -> bytes:
    """The Merkle tree hash of a list of leaf hashes, straight from the definition (RFC 9162, 2.1.1).

    Linear in time but it needs them all at once: the yardstick for :class:`Frontier`, not its rival.
    """
    if not leaves:
        return EMPTY_ROOT
    if len(leaves) == 1:
        return leaves[0]
    split = 1 << ((len(leaves) - 1).bit_length() - 1)
    return node_hash(root_of(leaves[:split]), root_of(leaves[split:]))
