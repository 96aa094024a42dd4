"""Inclusion and consistency proofs against the RFC's own words, the published vectors, and every alteration."""

from __future__ import annotations

import pytest

from storage.ledger.merkle import EMPTY_ROOT, leaf_hash, node_hash, root_of
from storage.ledger.proofs import (
    MAX_SIZE,
    ProofError,
    consistency_proof,
    inclusion_proof,
    subtree_root,
    verify_consistency,
    verify_inclusion,
)
from tests.unit.ledger_tree import ListTree, leaves, path_by_definition, subproof_by_definition
from tests.unit.test_ledger_merkle import CT_LEAVES, CT_ROOTS

# The proofs that the Certificate Transparency implementations test with; leaves counted from 0 here.
A = "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
N1 = "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7"
N23 = "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e"
N4567 = "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"
N4 = "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"
N45 = "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a"
N67 = "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0"
INCLUSION = [
    (0, 1, []),
    (0, 8, [N1, N23, N4567]),
    (5, 8, [N4, N67, CT_ROOTS[3]]),
    (2, 3, [CT_ROOTS[1]]),
    (1, 5, [A, N23, N4]),
]
CONSISTENCY = [(1, 1, []), (1, 8, [N1, N23, N4567]), (6, 8, [N45, N67, CT_ROOTS[3]]), (2, 5, [N23, N4])]
SIZES = [*range(1, 70), 127, 128, 129, 200, 255, 256, 257, 300]


@pytest.fixture(scope="module")
def tree() -> ListTree:
    return ListTree(leaves(max(SIZES)))


@pytest.mark.parametrize(("index", "size", "path"), INCLUSION)
def test_published_inclusion_proofs(index: int, size: int, path: list[str]) -> None:
    hashes = [leaf_hash(body) for body in CT_LEAVES]
    made = inclusion_proof(ListTree(hashes), index, size)
    assert [one.hex() for one in made] == path
    verify_inclusion(hashes[index], index, size, made, bytes.fromhex(CT_ROOTS[size - 1]))


@pytest.mark.parametrize(("old", "new", "path"), CONSISTENCY)
def test_published_consistency_proofs(old: int, new: int, path: list[str]) -> None:
    made = consistency_proof(ListTree([leaf_hash(body) for body in CT_LEAVES]), old, new)
    assert [one.hex() for one in made] == path
    verify_consistency(old, bytes.fromhex(CT_ROOTS[old - 1]), new, bytes.fromhex(CT_ROOTS[new - 1]), made)


@pytest.mark.parametrize("size", SIZES)
def test_every_leaf_is_proven_as_the_rfc_defines_it(size: int, tree: ListTree) -> None:
    row = tree.leaves[:size]
    root = root_of(row)
    assert subtree_root(tree, 0, size) == root
    for index in range(size):
        path = inclusion_proof(tree, index, size)
        verify_inclusion(row[index], index, size, path, root)
        if size < 70 or index % 13 == 0:
            assert path == path_by_definition(index, row)


@pytest.mark.parametrize("new", SIZES)
def test_every_earlier_tree_is_proven_as_the_rfc_defines_it(new: int, tree: ListTree) -> None:
    new_root = subtree_root(tree, 0, new)
    for old in range(1, new + 1):
        path = consistency_proof(tree, old, new)
        verify_consistency(old, subtree_root(tree, 0, old), new, new_root, path)
        if new < 70 or old % 13 == 0:
            assert path == subproof_by_definition(old, tree.leaves[:new])


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 11, 64, 65])
def test_an_inclusion_proof_serves_no_other_claim(size: int, tree: ListTree) -> None:
    root = subtree_root(tree, 0, size)
    for index in range(size):
        leaf, path = tree.leaves[index], inclusion_proof(tree, index, size)
        # Another size may have the same shape of path as long as the root is the same; a size is proven by the
        # checkpoint, which signs it beside the root. What must not be is another leaf or another place.
        claims = [(leaf, other, size, path, root) for other in range(-1, size + 2) if other != index]
        claims += [(leaf_hash(b"other"), index, size, path, root), (leaf, index, size, path, leaf_hash(b"other"))]
        claims += [(leaf, index, size, list(altered), root) for altered in _alterations(path)]
        claims += [(leaf, index, none, path, root) for none in (index, 0, -1, 2**63)]
        for claim in claims:
            with pytest.raises(ProofError):
                verify_inclusion(*claim)


@pytest.mark.parametrize("new", [2, 3, 7, 8, 11, 64, 65])
def test_a_consistency_proof_serves_no_other_claim(new: int, tree: ListTree) -> None:
    new_root = subtree_root(tree, 0, new)
    for old in range(1, new):
        old_root, path = subtree_root(tree, 0, old), consistency_proof(tree, old, new)
        other_roots = [leaf_hash(b"other"), EMPTY_ROOT, subtree_root(tree, 0, old + 1)]
        claims = [(old, root, new, new_root, path) for root in other_roots if root != old_root]
        claims += [(old, old_root, new, root, path) for root in other_roots if root != new_root]
        claims += [(old, old_root, new, new_root, list(altered)) for altered in _alterations(path)]
        claims += [(old, old_root, smaller, new_root, path) for smaller in (old, old - 1, 0, -1)]
        claims += [(0, EMPTY_ROOT, new, new_root, path), (new + 1, old_root, new, new_root, path)]
        for claim in claims:
            with pytest.raises(ProofError):
                verify_consistency(*claim)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 11])
def test_a_proof_that_hashes_well_still_needs_the_right_length(size: int, tree: ListTree) -> None:
    """With a root made to fit: one node more above the root, or one less below it."""
    extra = leaf_hash(b"extra")
    root = subtree_root(tree, 0, size)
    for index in range(size):
        leaf, path = tree.leaves[index], inclusion_proof(tree, index, size)
        for higher in (node_hash(extra, root), node_hash(root, extra)):
            with pytest.raises(ProofError, match="too long"):
                verify_inclusion(leaf, index, size, [*path, extra], higher)
        with pytest.raises(ProofError, match=r"too short|has no leaf"):
            verify_inclusion(leaf, index, 2 * size + 1, path, root)
    for old in range(1, size):
        old_root, path = subtree_root(tree, 0, old), consistency_proof(tree, old, size)
        with pytest.raises(ProofError, match="too long"):
            verify_consistency(old, node_hash(extra, old_root), size, node_hash(extra, root), [*path, extra])
        with pytest.raises(ProofError):
            verify_consistency(old, old_root, 2 * size + 1, root, path)


@pytest.mark.parametrize("cut", [1, 31, -1])
def test_two_hashes_cannot_be_cut_apart_elsewhere(cut: int, tree: ListTree) -> None:
    """What is hashed is the same, so that only the lengths of its parts tell."""
    left, right, root = tree.leaves[0], tree.leaves[1], subtree_root(tree, 0, 2)
    both = left + right
    with pytest.raises(ProofError, match="32 bytes"):
        verify_inclusion(both[: 32 + cut], 0, 2, [both[32 + cut :]], root)
    with pytest.raises(ProofError, match="32 bytes"):
        verify_inclusion(both[32 + cut :], 1, 2, [both[: 32 + cut]], root)
    with pytest.raises(ProofError, match="32 bytes"):
        verify_consistency(1, both[: 32 + cut], 2, root, [both[32 + cut :]])
    with pytest.raises(ProofError, match="32 bytes"):
        verify_inclusion(b"", 0, 1, [], b"")


def _alterations(path: list[bytes]) -> list[list[bytes]]:
    """The path with something changed, left out, added or moved anywhere."""
    extra = leaf_hash(b"extra")
    altered = [[*path[:at], extra, *path[at:]] for at in range(len(path) + 1)]
    for at, one in enumerate(path):
        altered += [[*path[:at], wrong, *path[at + 1 :]] for wrong in (extra, one[:-1], one + b"\0", b"")]
        altered += [path[:at] + path[at + 1 :]]
        if at and path[at - 1] != one:
            altered += [[*path[: at - 1], one, path[at - 1], *path[at + 1 :]]]
    return altered


def test_a_tree_is_consistent_with_itself_and_with_the_empty_one(tree: ListTree) -> None:
    root = subtree_root(tree, 0, 9)
    assert consistency_proof(tree, 0, 9) == consistency_proof(tree, 9, 9) == consistency_proof(tree, 0, 0) == []
    verify_consistency(9, root, 9, root, [])
    verify_consistency(0, EMPTY_ROOT, 9, root, [])
    verify_consistency(0, EMPTY_ROOT, 0, EMPTY_ROOT, [])


@pytest.mark.parametrize(
    ("old", "old_root", "new", "new_root", "path"),
    [
        (9, leaf_hash(b"a"), 9, leaf_hash(b"b"), []),
        (9, leaf_hash(b"a"), 9, leaf_hash(b"a"), [leaf_hash(b"a")]),
        (0, EMPTY_ROOT, 9, leaf_hash(b"a"), [leaf_hash(b"a")]),
        (0, leaf_hash(b"a"), 9, leaf_hash(b"a"), []),
        (0, EMPTY_ROOT, 0, leaf_hash(b"a"), []),
        (0, leaf_hash(b"a"), 0, leaf_hash(b"a"), []),
        (4, leaf_hash(b"a"), 8, leaf_hash(b"a"), []),
        (5, leaf_hash(b"a"), 8, leaf_hash(b"a"), []),
        (1, b"", 2, leaf_hash(b"a"), [leaf_hash(b"a")]),
    ],
)
def test_the_simple_cases_are_no_way_round(
    old: int, old_root: bytes, new: int, new_root: bytes, path: list[bytes]
) -> None:
    with pytest.raises(ProofError):
        verify_consistency(old, old_root, new, new_root, path)


@pytest.mark.parametrize(("index", "size"), [(0, 0), (1, 1), (-1, 3), (3, 3), (0, MAX_SIZE + 1)])
def test_no_proof_is_made_of_a_leaf_that_is_not_there(index: int, size: int, tree: ListTree) -> None:
    with pytest.raises(ProofError, match="has no leaf"):
        inclusion_proof(tree, index, size)


@pytest.mark.parametrize(("old", "new"), [(2, 1), (-1, 1), (0, MAX_SIZE + 1)])
def test_no_proof_is_made_of_a_tree_that_is_not_an_earlier_one(old: int, new: int, tree: ListTree) -> None:
    with pytest.raises(ProofError, match="does not begin"):
        consistency_proof(tree, old, new)
