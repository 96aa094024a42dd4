"""Inclusion and consistency proofs of RFC 9162, sections 2.1.3 and 2.1.4: making them and checking them.

Making a proof needs a :class:`HashReader`, which answers for the roots of complete subtrees; everything else
is hashed on the way. Checking one needs nothing but the proof, and trusts nothing in it: every hash must have
32 bytes (else two of them could be cut apart elsewhere) and every proof exactly the length its sizes give it.

Only the standard library and :mod:`storage.ledger.merkle` are used, here and in all that an auditor runs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from storage.ledger.merkle import EMPTY_ROOT, HASH_SIZE, node_hash

MAX_SIZE = 2**63 - 1  # C2SP formats count in signed 64-bit numbers, and 63 hashes are the longest proof


class ProofError(ValueError):
    """A proof that does not prove what it should, or one that cannot be made. The message says why."""


class HashReader(Protocol):
    """Where a tree's hashes come from: a database, tiles, a list."""

    def node(self, level: int, index: int) -> bytes:
        """The root, 32 bytes, of leaves ``index << level`` up to ``(index + 1) << level``, all of which exist."""
        ...


def inclusion_proof(reader: HashReader, index: int, size: int) -> list[bytes]:
    """The path from leaf ``index`` to the root of the tree of ``size`` leaves, the leaf's sibling first.

    ``PATH(m, D_n)`` of RFC 9162, 2.1.3.1. Reads at most two nodes a level.

    Raises:
        ProofError: when the tree has no such leaf.
    """
    if not 0 <= index < size <= MAX_SIZE:
        raise ProofError(f"a tree of {size} leaves has no leaf {index}")
    path, start, end = [], 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            path.append(subtree_root(reader, middle, end))
            end = middle
        else:
            path.append(subtree_root(reader, start, middle))
            start = middle
    return path[::-1]


def consistency_proof(reader: HashReader, old_size: int, new_size: int) -> list[bytes]:
    """What shows that the tree of ``new_size`` leaves begins with the tree of ``old_size`` leaves.

    ``PROOF(m, D_n)`` of RFC 9162, 2.1.4.1. Empty when there is nothing to show: between equal sizes, and from
    the empty tree (C2SP tlog-witness).

    Raises:
        ProofError: when ``old_size`` is larger than ``new_size``.
    """
    if not 0 <= old_size <= new_size <= MAX_SIZE:
        raise ProofError(f"a tree of {new_size} leaves does not begin with one of {old_size}")
    if old_size == 0:
        return []
    path, start, end = [], 0, new_size
    while end != old_size:
        middle = start + _split(end - start)
        if old_size <= middle:
            path.append(subtree_root(reader, middle, end))
            end = middle
        else:
            path.append(subtree_root(reader, start, middle))
            start = middle
    if start:  # else this subtree is the old tree itself, whose root the verifier has
        path.append(subtree_root(reader, start, end))
    return path[::-1]


def subtree_root(reader: HashReader, start: int, end: int) -> bytes:
    """``MTH(D[start:end])`` of RFC 9162, 2.1.1, for a range that proofs are made of, or a whole tree.

    Such a range begins at a multiple of the power of two that is not smaller than its length, so each of its
    complete subtrees is a node of the tree.
    """
    length = end - start
    if length == 0:
        return EMPTY_ROOT
    if length & (length - 1) == 0:
        return reader.node(length.bit_length() - 1, start // length)
    middle = start + _split(length)
    return node_hash(subtree_root(reader, start, middle), subtree_root(reader, middle, end))


def verify_inclusion(leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> None:
    """Check that the tree of ``size`` leaves with this root has this leaf hash at ``index`` (RFC 9162, 2.1.3.2).

    Raises:
        ProofError: when the path does not show it.
    """
    if not 0 <= index < size <= MAX_SIZE:
        raise ProofError(f"a tree of {size} leaves has no leaf {index}")
    _check_hashes(leaf, root, *path)
    computed = leaf
    for sibling, is_left in _climb(index, size - 1, path):
        computed = node_hash(sibling, computed) if is_left else node_hash(computed, sibling)
    if computed != root:
        raise ProofError(f"record {index} is not in the tree of {size} records with this root")


def verify_consistency(old_size: int, old_root: bytes, new_size: int, new_root: bytes, path: Sequence[bytes]) -> None:
    """Check that the new tree begins with the old one (RFC 9162, 2.1.4.2).

    The RFC leaves two cases out. A tree is consistent with itself, and every tree with the empty one, whose
    root is known; both have an empty proof.

    Raises:
        ProofError: when the path does not show it.
    """
    if not 0 <= old_size <= new_size <= MAX_SIZE:
        raise ProofError(f"a tree of {new_size} leaves does not begin with one of {old_size}")
    _check_hashes(old_root, new_root, *path)
    if old_size in (0, new_size):
        if path:
            raise ProofError("the proof is too long")
        if (old_size == 0 and old_root != EMPTY_ROOT) or (old_size == new_size and old_root != new_root):
            raise ProofError(f"two trees of {old_size} leaves have different roots")
        return
    if not path:
        raise ProofError("the proof is too short")
    # A complete old tree is itself the first hash, which the proof leaves out.
    first, *rest = path if old_size & (old_size - 1) else (old_root, *path)
    level = (old_size & -old_size).bit_length() - 1  # of the last complete subtree of the old tree
    old, new = first, first
    for sibling, is_left in _climb((old_size - 1) >> level, (new_size - 1) >> level, rest):
        old = node_hash(sibling, old) if is_left else old
        new = node_hash(sibling, new) if is_left else node_hash(new, sibling)
    if old != old_root or new != new_root:
        raise ProofError(f"the tree of {new_size} records does not begin with the {old_size} records of the old one")


def _climb(node: int, last: int, path: Sequence[bytes]) -> Iterator[tuple[bytes, bool]]:
    """Each sibling on the way to the root, and whether it stands on the left of what was computed so far.

    ``node`` and ``last`` are the indexes, on the level where the path begins, of the node to climb from and of
    the last node there is: ``fn`` and ``sn`` of RFC 9162.
    """
    for sibling in path:
        if last == 0:
            raise ProofError("the proof is too long")
        is_left = bool(node & 1) or node == last
        while is_left and node and not node & 1:  # at the right border: up to where there is a left sibling
            node, last = node >> 1, last >> 1
        yield sibling, is_left
        node, last = node >> 1, last >> 1
    if last:
        raise ProofError("the proof is too short")


def _split(length: int) -> int:
    """The largest power of two smaller than ``length`` (``k`` of RFC 9162, 2.1.1)."""
    return 1 << (length - 1).bit_length() - 1


def _check_hashes(*hashes: bytes) -> None:
    for one in hashes:
        if len(one) != HASH_SIZE:
            raise ProofError(f"a hash has {HASH_SIZE} bytes; one here has {len(one)}")
