"""The Merkle tree against published vectors and against its own definition."""

from __future__ import annotations

from hashlib import sha256

import pytest

from storage.ledger.merkle import EMPTY_ROOT, Frontier, leaf_hash, node_hash, root_of

#: The eight leaves that the Certificate Transparency implementations test with, and the roots they publish.
CT_LEAVES = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
CT_ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


@pytest.mark.parametrize("size", range(1, 9))
def test_published_roots(size: int) -> None:
    leaves = [leaf_hash(body) for body in CT_LEAVES[:size]]
    frontier = Frontier()
    for leaf in leaves:
        frontier.append(leaf)
    assert root_of(leaves).hex() == CT_ROOTS[size - 1]
    assert frontier.root().hex() == CT_ROOTS[size - 1]


def test_the_empty_tree_hashes_the_empty_string() -> None:
    assert EMPTY_ROOT == sha256(b"").digest() == Frontier().root() == root_of([])


def test_leaves_and_nodes_are_kept_apart_by_their_first_byte() -> None:
    left, right = leaf_hash(b"a"), leaf_hash(b"b")
    assert node_hash(left, right) == sha256(b"\x01" + left + right).digest()
    assert leaf_hash(left + right) != node_hash(left, right)


def test_frontier_agrees_with_the_definition_and_survives_storage() -> None:
    leaves, frontier = [], Frontier()
    for number in range(200):
        leaves.append(leaf_hash(b"%d" % number))
        frontier = Frontier.from_bytes(frontier.size, frontier.to_bytes())
        frontier.append(leaves[-1])
        assert frontier.size == number + 1
        assert frontier.root() == root_of(leaves)
        assert len(frontier.to_bytes()) == 32 * (number + 1).bit_count()


@pytest.mark.parametrize("steps", [[1], [256], [255, 1, 1], [1000, 3, 0, 5000, 60_000, 41], [65_535, 1, 65_536]])
def test_many_leaves_at_once_are_as_one_by_one(steps: list[int]) -> None:
    """And the nodes they complete at every eighth level are the roots of those stretches of leaves."""
    leaves = [leaf_hash(b"%d" % number) for number in range(sum(steps))]
    frontier, stored = Frontier(), []
    for step in steps:
        stored += frontier.extend(leaves[frontier.size : frontier.size + step])
    single = Frontier()
    for leaf in leaves:
        single.append(leaf)
    assert frontier.size == len(leaves)
    assert frontier.to_bytes() == single.to_bytes()
    assert frontier.root() == root_of(leaves)
    assert {(level, index) for level, index, _ in stored} == {
        (level, index) for level in (8, 16) for index in range(len(leaves) >> level)
    }
    assert len(stored) == len(set(stored))
    for level, index, node in stored:
        assert node == root_of(leaves[index << level : index + 1 << level])


@pytest.mark.parametrize(("size", "data"), [(1, b""), (2, b"\0" * 64), (3, b"\0" * 63), (0, b"\0" * 32), (-1, b"")])
def test_a_frontier_that_cannot_be_is_refused(size: int, data: bytes) -> None:
    with pytest.raises(ValueError, match=r"frontier|complete subtrees"):
        Frontier.from_bytes(size, data)
