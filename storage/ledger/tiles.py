"""The log as files, in the layout of C2SP tlog-tiles: 256 hashes, or 256 records, to a file.

A tile of level ``L`` holds roots of complete subtrees of ``256 ** L`` leaves, so tiles keep every eighth level
of the tree; the seven between follow by hashing. The database keeps the same levels, and
:class:`TileHashes` lets proofs be made from either.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from storage.ledger.limits import MAX_RECORD_BYTES
from storage.ledger.merkle import HASH_SIZE, leaf_hash, node_hash
from storage.ledger.proofs import MAX_SIZE, ProofError

TILE_HEIGHT = 8
TILE_WIDTH = 1 << TILE_HEIGHT
ENTRIES = -1  # the level of a bundle of records, whose path says "entries" where others have a number
_TILES_IN_MEMORY = 64
_PATH = re.compile(
    r"tile/(?P<level>entries|0|[1-9][0-9]?)/(?P<index>(?:x[0-9]{3}/){0,6}[0-9]{3})(?:\.p/(?P<width>[1-9][0-9]{0,2}))?"
)

#: From a tile's level and index, and how many of its hashes are wanted, to at least that many of them.
ReadTile = Callable[[int, int, int], Sequence[bytes]]


@dataclass(frozen=True, slots=True)
class Tile:
    """A tile's place: level (:data:`ENTRIES` for records), index within the level, number of hashes in it."""

    level: int
    index: int
    width: int = TILE_WIDTH

    @property
    def path(self) -> str:
        """Relative path, ``tile/<L>/<N>[.p/<W>]``; ``N`` in groups of three digits, all but the last after an x."""
        digits = f"{self.index:03d}"
        digits = digits.zfill(-(-len(digits) // 3) * 3)
        *groups, last = (digits[at : at + 3] for at in range(0, len(digits), 3))
        name = "".join(f"x{group}/" for group in groups) + last
        level = "entries" if self.level == ENTRIES else str(self.level)
        return f"tile/{level}/{name}" + (f".p/{self.width}" if self.width < TILE_WIDTH else "")

    @classmethod
    def from_path(cls, path: str) -> Tile:
        """The tile that a path names, accepting nothing but its one spelling.

        Raises:
            ProofError: when it is not the path of a tile.
        """
        if found := _PATH.fullmatch(path):
            level = ENTRIES if found["level"] == "entries" else int(found["level"])
            index = int(found["index"].replace("x", "").replace("/", ""))
            tile = cls(level, index, int(found["width"] or TILE_WIDTH))
            if level < 64 and tile.path == path:
                return tile
        raise ProofError(f"not the path of a tile: {path[:100]!r}")


def tiles_of(size: int) -> Iterator[Tile]:
    """Every tile of a tree of ``size`` leaves, level by level, then its bundles of records; none for an empty tree."""
    level = 0
    while nodes := size >> TILE_HEIGHT * level:
        yield from _row(level, nodes)
        level += 1
    yield from _row(ENTRIES, size)


def _row(level: int, nodes: int) -> Iterator[Tile]:
    for index in range(-(-nodes // TILE_WIDTH)):
        yield Tile(level, index, min(TILE_WIDTH, nodes - index * TILE_WIDTH))


def hashes_in(data: bytes, width: int) -> list[bytes]:
    """The hashes of a tile's content.

    Raises:
        ProofError: when there are not exactly ``width`` of them.
    """
    if len(data) != width * HASH_SIZE:
        raise ProofError(f"a tile of {width} hashes has {width * HASH_SIZE} bytes, not {len(data)}")
    return [data[at : at + HASH_SIZE] for at in range(0, len(data), HASH_SIZE)]


def entries_in(data: bytes, width: int) -> list[bytes]:
    """The records of a bundle, each after its length as a big-endian 16-bit number.

    Raises:
        ProofError: when there are not exactly ``width`` of them.
    """
    entries: list[bytes] = []
    at = 0
    while at < len(data) and len(entries) < width:
        end = at + 2 + int.from_bytes(data[at : at + 2], "big")
        entries.append(data[at + 2 : end])
        at = end
    if len(entries) != width or at != len(data):
        raise ProofError(f"a bundle does not hold exactly {width} records")
    return entries


def bundle_of(entries: Iterable[bytes]) -> bytes:
    """What :func:`entries_in` reads.

    Raises:
        ProofError: when a record is longer than 65,535 bytes.
    """
    bundle = bytearray()
    for entry in entries:
        if len(entry) > MAX_RECORD_BYTES:
            raise ProofError(f"a record of {len(entry)} bytes does not fit into a bundle; {MAX_RECORD_BYTES} do")
        bundle += len(entry).to_bytes(2, "big") + entry
    return bytes(bundle)


def build_tiles(entries: Iterable[bytes]) -> Iterator[tuple[Tile, bytes]]:
    """All tiles and bundles of a log and their contents, from its records in order, as each is complete.

    Holds one unfinished tile a level in memory, whatever the size of the log.
    """
    bodies: list[bytes] = []
    rows: list[list[bytes]] = [[]]
    done = [0]  # complete tiles, by level
    for body in entries:
        bodies.append(body)
        rows[0].append(leaf_hash(body))
        level = 0
        while len(rows[level]) == TILE_WIDTH:
            if level == 0:
                yield Tile(ENTRIES, done[0]), bundle_of(bodies)
                bodies.clear()
            yield Tile(level, done[level]), b"".join(rows[level])
            if level + 1 == len(rows):
                rows.append([])
                done.append(0)
            rows[level + 1].append(_levels_above(rows[level])[TILE_HEIGHT][0])
            rows[level].clear()
            done[level] += 1
            level += 1
    if bodies:
        yield Tile(ENTRIES, done[0], len(bodies)), bundle_of(bodies)
    for level, row in enumerate(rows):
        if row:
            yield Tile(level, done[level], len(row)), b"".join(row)


class TileHashes:
    """A :class:`~storage.ledger.proofs.HashReader` over the tiles of a tree of ``size`` leaves.

    A tile is read at most once while it stays among the last few used: a proof reads one or two for every
    eight levels, and hashes no more than the 255 nodes within each.
    """

    def __init__(self, size: int, read: ReadTile) -> None:
        if not 0 <= size <= MAX_SIZE:
            raise ProofError(f"no tree has {size} leaves")
        self._size = size
        self._read = read
        self._tile = lru_cache(maxsize=_TILES_IN_MEMORY)(self._read_tile)

    def node(self, level: int, index: int) -> bytes:
        """The root of a complete subtree.

        Raises:
            ProofError: when the tree has no such subtree, or its tile does not hold what it should.
        """
        if level < 0 or not 0 <= index < self._size >> level:
            raise ProofError(f"a tree of {self._size} leaves has no node {index} at level {level}")
        tile_level, height = divmod(level, TILE_HEIGHT)
        tile, at = divmod(index, TILE_WIDTH >> height)
        return self._tile(tile_level, tile)[height][at]

    def _read_tile(self, level: int, index: int) -> list[Sequence[bytes]]:
        width = min(TILE_WIDTH, (self._size >> TILE_HEIGHT * level) - index * TILE_WIDTH)
        row = self._read(level, index, width)[:width]
        if len(row) != width or any(len(one) != HASH_SIZE for one in row):
            raise ProofError(f"{Tile(level, index, width).path} does not hold {width} hashes of {HASH_SIZE} bytes")
        return _levels_above(row)


def _levels_above(row: Sequence[bytes]) -> list[Sequence[bytes]]:
    """A row of nodes and the complete nodes of the levels above it, up to the level where one at most is left."""
    levels = [row]
    while len(row) > 1:
        row = [node_hash(row[at], row[at + 1]) for at in range(0, len(row) - 1, 2)]
        levels.append(row)
    return levels
