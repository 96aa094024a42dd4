"""The log as files: paths, contents, and proofs made from them."""

from __future__ import annotations

import pytest

from storage.ledger.limits import MAX_RECORD_BYTES
from storage.ledger.merkle import EMPTY_ROOT, leaf_hash
from storage.ledger.proofs import ProofError, consistency_proof, inclusion_proof, subtree_root
from storage.ledger.tiles import (
    ENTRIES,
    Tile,
    TileHashes,
    build_tiles,
    bundle_of,
    entries_in,
    hashes_in,
    tiles_of,
)
from tests.unit.ledger_tree import ListTree, VirtualTree, leaves


@pytest.mark.parametrize(
    ("tile", "path"),
    [
        (Tile(0, 0), "tile/0/000"),
        (Tile(0, 273, 112), "tile/0/273.p/112"),
        (Tile(3, 999), "tile/3/999"),
        (Tile(3, 1000, 1), "tile/3/x001/000.p/1"),
        (Tile(0, 1234067), "tile/0/x001/x234/067"),  # the example of the specification
        (Tile(63, 5, 255), "tile/63/005.p/255"),
        (Tile(ENTRIES, 1234067, 7), "tile/entries/x001/x234/067.p/7"),
        (Tile(0, 2**55), "tile/0/x036/x028/x797/x018/x963/968"),
    ],
)
def test_paths(tile: Tile, path: str) -> None:
    assert tile.path == path
    assert Tile.from_path(path) == tile


@pytest.mark.parametrize(
    "path",
    [
        "",
        "tile/0/0",
        "tile/0/00",
        "tile/0/0000",
        "tile/00/000",
        "tile/-1/000",
        "tile/64/000",
        "tile/100/000",
        "tile/0/x000/000",
        "tile/0/x000/x001/000",
        "tile/0/000/000",
        "tile/0/x001",
        "tile/0/000.p/0",
        "tile/0/000.p/01",
        "tile/0/000.p/256",
        "tile/0/000.p/999",
        "tile/0/000.p/",
        "tile/0/000.p",
        "tile/0/000/",
        "tile/0/000\n",
        "/tile/0/000",
        "tile/0/../000",
        "tile//000",
        "tile/data/000",
        "tile/entries/0٠0",
        "tile/0/" + "x999/" * 7 + "999",
        "checkpoint",
    ],
)
def test_paths_that_no_tile_has(path: str) -> None:
    with pytest.raises(ProofError, match="not the path of a tile"):
        Tile.from_path(path)


def test_the_tiles_of_the_specifications_example() -> None:
    tiles = list(tiles_of(70_000))
    count = {level: [tile for tile in tiles if tile.level == level] for level in (0, 1, 2, 3, ENTRIES)}
    assert [len(row) for row in count.values()] == [274, 2, 1, 0, 274]
    assert [row[-1].width for row in count.values() if row] == [112, 17, 1, 112]
    assert list(tiles_of(256)) == [Tile(0, 0), Tile(1, 0, 1), Tile(ENTRIES, 0)]
    assert list(tiles_of(0)) == []


@pytest.mark.parametrize("size", [0, 1, 2, 255, 256, 257, 511, 512, 1000])
def test_building_yields_every_tile_and_what_it_should_hold(size: int) -> None:
    bodies = [b"record %d" % number for number in range(size)]
    hashes = leaves(size)
    tree = ListTree(hashes)
    built = dict(build_tiles(bodies))
    assert len(built) == len(list(tiles_of(size)))
    assert set(built) == set(tiles_of(size))
    for tile, data in built.items():
        first = 256 * tile.index
        if tile.level == ENTRIES:
            assert entries_in(data, tile.width) == bodies[first : first + tile.width]
        else:
            wanted = [tree.node(8 * tile.level, at) for at in range(first, first + tile.width)]
            assert hashes_in(data, tile.width) == wanted


def test_building_climbs_as_far_as_there_are_full_tiles() -> None:
    tree = ListTree([leaf_hash(b"")] * 65_537)
    count = 0
    for tile, data in build_tiles([b""] * 65_537):
        count += 1
        if tile.level > 0:
            first = 256 * tile.index
            assert hashes_in(data, tile.width) == [
                tree.node(8 * tile.level, at) for at in range(first, first + tile.width)
            ]
    assert count == len(list(tiles_of(65_537)))


def test_contents_must_be_whole() -> None:
    hashes = leaves(3)
    assert hashes_in(b"".join(hashes), 3) == hashes
    for data in (b"", b"".join(hashes)[:-1], b"".join(hashes) + b"\0", b"".join(hashes[:2])):
        with pytest.raises(ProofError):
            hashes_in(data, 3)
    bundle = bundle_of([b"", b"one", b"x" * MAX_RECORD_BYTES])
    assert bundle[:7] == b"\0\0\0\x03one"
    assert entries_in(bundle, 3) == [b"", b"one", b"x" * MAX_RECORD_BYTES]
    for data, width in ((bundle, 2), (bundle, 4), (bundle[:-1], 3), (bundle + b"\0", 3), (b"\0", 1), (b"", 1)):
        with pytest.raises(ProofError, match="exactly"):
            entries_in(data, width)
    with pytest.raises(ProofError, match="does not fit"):
        bundle_of([b"x" * (MAX_RECORD_BYTES + 1)])


def test_every_record_fits_into_a_bundle() -> None:
    assert MAX_RECORD_BYTES == 65_535 == 2**16 - 1, "its length is written in two bytes"


@pytest.mark.parametrize("size", [1, 2, 255, 256, 257, 300, 700])
def test_proofs_from_tiles_are_those_from_leaves(size: int) -> None:
    tree = ListTree(leaves(size))
    tiles = dict(build_tiles(b"record %d" % number for number in range(size)))
    reader = TileHashes(size, lambda *at: hashes_in(tiles[Tile(*at)], at[2]))
    assert subtree_root(reader, 0, size) == subtree_root(tree, 0, size)
    for index in range(0, size, 1 if size < 300 else 7):
        assert inclusion_proof(reader, index, size) == inclusion_proof(tree, index, size)
        assert consistency_proof(reader, index, size) == consistency_proof(tree, index, size)


@pytest.mark.parametrize("size", [1_000_000, 2**20, 2**40 + 12345, 2**63 - 1])
def test_a_proof_reads_few_tiles_and_each_of_them_once(size: int) -> None:
    tree = VirtualTree([size // 3])
    read: list[tuple[int, int, int]] = []

    def tile(level: int, index: int, width: int) -> list[bytes]:
        read.append((level, index, width))
        return tree.tile(level, index, width)

    assert inclusion_proof(TileHashes(size, tile), size // 3, size) == inclusion_proof(tree, size // 3, size)
    levels = -(-size.bit_length() // 8)
    assert len(read) == len(set(read)) <= 2 * levels
    read.clear()
    assert consistency_proof(TileHashes(size, tile), size // 3, size) == consistency_proof(tree, size // 3, size)
    assert len(read) == len(set(read)) <= 2 * levels


def test_a_tile_that_does_not_hold_what_it_should_is_named() -> None:
    short = TileHashes(300, lambda _level, _index, width: leaves(width - 1))
    with pytest.raises(ProofError, match=r"tile/0/001\.p/44 does not hold 44 hashes"):
        short.node(0, 299)
    cut = TileHashes(300, lambda _level, _index, width: [b"\0" * 31] * width)
    with pytest.raises(ProofError, match="tile/0/000 does not hold 256 hashes of 32 bytes"):
        cut.node(3, 0)


def test_a_tile_that_has_grown_since_serves_as_well() -> None:
    reader = TileHashes(3, lambda *_: leaves(256))
    assert inclusion_proof(reader, 2, 3) == inclusion_proof(ListTree(leaves(3)), 2, 3)


@pytest.mark.parametrize(("level", "index"), [(0, 300), (8, 1), (9, 0), (0, -1), (-1, 0)])
def test_nodes_that_the_tree_does_not_have(level: int, index: int) -> None:
    with pytest.raises(ProofError, match="has no node"):
        TileHashes(300, lambda *_: []).node(level, index)


def test_sizes_that_no_tree_has() -> None:
    for size in (-1, 2**63):
        with pytest.raises(ProofError):
            TileHashes(size, lambda *_: [])
    assert subtree_root(TileHashes(0, lambda *_: []), 0, 0) == EMPTY_ROOT
