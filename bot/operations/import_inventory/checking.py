"""Rows of text to rows of values, with every problem of a row named. Pure, and fast where nothing is wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from bot.operations.import_inventory.cells import MAX_CELL, CellError, Cells, Convert
from bot.operations.import_inventory.columns import Header, columns_of
from bot.operations.import_inventory.report import Kind
from bot.operations.secret_patterns import mask, shown


class Flaw(NamedTuple):
    """What is wrong with a row; ``column`` is empty where the whole row is."""

    column: str
    value_masked: str
    reason: str
    allowed: str
    secret: bool = False
    """The value itself must not be seen again, not in the file of rejected rows either."""


class RowError(ValueError):
    """A row that cannot be taken."""

    def __init__(self, flaws: Sequence[Flaw]) -> None:
        super().__init__(f"{len(flaws)} problems")
        self.flaws = flaws


@dataclass(frozen=True)
class Converters:
    """The converters of one kind, remembered over all files of a run.

    ``also`` turns an already valid text of a column into something else (an address into its number).
    """

    kind: Kind
    cells: Mapping[str, Cells]
    required: frozenset[str]

    @classmethod
    def make(cls, kind: Kind, now: datetime, also: Mapping[str, Callable[[Any], Any]] | None = None) -> Converters:
        columns = columns_of(kind, now)
        cells = {one.name: Cells(_chain(one.convert, (also or {}).get(one.name))) for one in columns}
        return cls(kind, cells, frozenset(one.name for one in columns if one.required))


def _chain(convert: Convert, then: Callable[[Any], Any] | None) -> Convert:
    if then is None:
        return convert
    return lambda cell: then(convert(cell))


class Checker:
    """Checks the rows of one header; ``names`` are our columns in the order of the values it returns."""

    def __init__(self, header: Header, width: int, converters: Converters) -> None:
        self.kind = header.kind
        self.names = tuple(header.positions)
        self._width = width
        self._places = list(header.positions.values())
        self._cells = [converters.cells[name] for name in self.names]
        self._required = [self.names.index(name) for name in self.names if name in converters.required]

    def check(self, row: Sequence[str]) -> list[Any]:
        """The row's values in the order of :attr:`names`.

        Raises:
            RowError: with every problem of the row.
        """
        if len(row) != self._width:
            raise RowError([self._wrong_width(len(row))])
        picked = [row[place] for place in self._places]
        try:
            values = [cells[cell] for cells, cell in zip(self._cells, picked, strict=True)]
        except CellError:
            raise RowError(self._flaws(picked)) from None
        for i in self._required:
            if not values[i]:
                raise RowError(self._flaws(picked))
        return values

    def check_many(self, rows: Sequence[Sequence[str]]) -> list[Sequence[Any]] | None:
        """The values of all rows by column; None where any row has a problem, which :meth:`check` then names."""
        if set(map(len, rows)) != {self._width}:
            return None
        columns = list(zip(*rows, strict=True))
        try:
            values: list[Sequence[Any]] = [
                cells.many(columns[place]) for cells, place in zip(self._cells, self._places, strict=True)
            ]
        except CellError:
            return None
        return values if all(all(values[i]) for i in self._required) else None

    def _wrong_width(self, found: int) -> Flaw:
        columns = f"{found} cells in place of {self._width}" if found else "the wrong number of cells"
        allowed = "Check for a missing quote or a comma inside a cell that is not in quotes"
        return Flaw("", "", f"this row has {columns}", allowed)

    def _flaws(self, picked: Sequence[str]) -> list[Flaw]:
        flaws = []
        for i, (name, cells, cell) in enumerate(zip(self.names, self._cells, picked, strict=True)):
            if len(cell) > MAX_CELL:
                flaws.append(Flaw(name, mask(cell), "this cell is larger than 64 kB", "Shorten it"))
                continue
            try:
                value = cells[cell]
            except CellError as error:
                value_masked = mask(cell) if error.secret else shown(cell)
                flaws.append(Flaw(name, value_masked, error.reason, error.allowed, error.secret))
                continue
            if i in self._required and not value:
                flaws.append(Flaw(name, "", "this cell is empty", "It is needed in every row"))
        return flaws
