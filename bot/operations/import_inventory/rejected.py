"""``FILE.rejected.csv``: the rows that were refused, with their line and why, ready to be mended.

Same columns as the file, and ``line`` and ``reason`` behind them. A cell that looks like a secret is masked
here too. A cell that a spreadsheet would run as a formula gets an apostrophe in front: take it away again when
mending, where it was not meant.
"""

from __future__ import annotations

import csv
import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from bot.operations.import_inventory.cells import Unreadable
from bot.operations.import_inventory.reading import blocks, opened
from bot.operations.import_inventory.rows import Rejection
from bot.operations.secret_patterns import looks_like_secret, mask

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def write_rejected(path: Path, rejected: Mapping[int, Rejection]) -> Path:
    """Write the rows of ``path`` that start in these lines; returns the new file's path.

    Raises:
        OSError: when the file cannot be written where the source lies.
    """
    with opened(path) as source:
        found = [
            (block.header, line, cells)
            for block in blocks(source)
            for line, cells in zip(block.lines, block.rows, strict=True)
            if line in rejected
        ]
    columns = list(dict.fromkeys(name for header, _, _ in found for name in header))
    target = path.with_name(path.name + ".rejected.csv")
    # A new file moved into place: never half written, readable by its owner only, no link followed.
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".rejected-", suffix=".csv")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as stream:
            writer = csv.writer(stream)
            writer.writerow([*(safe(name) for name in columns), "line", "reason"])
            for header, line, cells in found:
                reason = safe("; ".join(rejected[line].reasons))
                writer.writerow([*_cells(header, cells, columns, rejected[line]), line, reason])
        os.replace(temporary, target)  # noqa: PTH105 - one call, atomic
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return target


def _cells(header: Sequence[str], row: Sequence[str], columns: list[str], rejection: Rejection) -> list[str]:
    known = dict(zip(header, row, strict=False))
    cells = [*row] if len(row) > len(header) else [known.get(name, "") for name in columns]
    return [_masked(cell, rejection) for cell in cells]


def _masked(cell: str, rejection: Rejection) -> str:
    if isinstance(cell, Unreadable):
        return ""
    hidden = mask(cell)
    if hidden in rejection.secrets or mask(cell.strip()) in rejection.secrets or looks_like_secret(cell):
        return safe(hidden)
    return safe(cell)


def safe(cell: str) -> str:
    """The cell with nothing in it that a spreadsheet runs or a terminal obeys."""
    clean = "".join(char if char.isprintable() or char == "\n" else "\ufffd" for char in cell)
    return "'" + clean if clean.lstrip().startswith(_FORMULA) else clean
