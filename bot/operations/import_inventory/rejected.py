"""``FILE.rejected.csv``: the rows that were refused, with their line and why, ready to be mended.

Same columns as the file, and ``line`` and ``reason`` behind them. A cell that looks like a secret is masked
here too. A cell that a spreadsheet would run as a formula gets an apostrophe in front: take it away again when
mending, where it was not meant.
"""

from __future__ import annotations

import csv
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from bot.operations.import_inventory.cells import Unreadable
from bot.operations.import_inventory.reading import Row, opened, rows
from bot.operations.import_inventory.rows import Rejection
from bot.operations.secret_patterns import looks_like_secret, mask

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def write_rejected(path: Path, rejected: Mapping[int, Rejection]) -> Path:
    """Write the rows of ``path`` that start in these lines; returns the new file's path.

    Raises:
        OSError: when the file cannot be written where the source lies.
    """
    with opened(path) as source:
        found = [row for row in rows(source) if row.line in rejected]
    columns = list(dict.fromkeys(name for row in found for name in row.header))
    target = path.with_name(path.name + ".rejected.csv")
    # A new file moved into place: never half written, readable by its owner only, no link followed.
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".rejected-", suffix=".csv")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as stream:
            writer = csv.writer(stream)
            writer.writerow([*(safe(name) for name in columns), "line", "reason"])
            for row in found:
                rejection = rejected[row.line]
                reason = safe("; ".join(rejection.reasons))
                writer.writerow([*_cells(row, columns, rejection), row.line, reason])
        os.replace(temporary, target)  # noqa: PTH105 - one call, atomic
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return target


def _cells(row: Row, columns: list[str], rejection: Rejection) -> list[str]:
    known = dict(zip(row.header, row.cells, strict=False))
    extra = row.cells[len(row.header) :]
    cells = [known.get(name, "") for name in columns] if not extra else [*row.cells]
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
