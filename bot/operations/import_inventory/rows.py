"""What a run has read so far: the rows of people and vendors, the staged tokens, and what was refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import repeat
from typing import Any, NamedTuple

from bot.operations.import_inventory.checking import Checker, Converters, Flaw
from bot.operations.import_inventory.columns import OWNER_COLUMNS
from bot.operations.import_inventory.report import FileReport, ImportReport, Kind, RowProblem
from storage.staging import Scratch
from storage.vendors import vendor_key

#: A run with more bad rows than this is refused also with ``--partial``: it is the wrong file, not a few bad rows.
MAX_REJECTED = 100_000


class StopImport(Exception):  # noqa: N818 - not an error: the report says what happened
    """Nothing more is to be done; what was written in this transaction is rolled back."""


class Origin(NamedTuple):
    """Where a row comes from: the file's number in the run, and the line."""

    file: int
    line: int


class Named(NamedTuple):
    """A row of people or vendors: only the columns that the file has."""

    origin: Origin
    values: dict[str, Any]


class Register(dict[str, int]):
    """Names to small numbers in the order of their first mention; empty names have none."""

    def number(self, name: str) -> int | None:
        """The number of ``name``; given now if it is new."""
        return self.setdefault(name, len(self) + 1) if name else None


@dataclass
class Rejection:
    """What is wrong with one row of one file."""

    reasons: list[str] = field(default_factory=list)
    secrets: set[str] = field(default_factory=set)
    """Masks of the values that look like secrets."""


class Run:
    """The state of one import between reading and writing."""

    def __init__(self, report: ImportReport, scratch: Scratch, now: datetime, *, partial: bool) -> None:
        self.report, self.scratch, self.now, self.partial = report, scratch, now, partial
        self.people: dict[str, Named] = {}
        self.vendors: dict[str, Named] = {}
        self.addresses = Register()
        self.vendor_keys = Register()
        self.vendor_names: dict[str, str] = {}
        """Key to the spelling that was read first."""
        self.shapes: dict[int, tuple[str, ...]] = {}
        self.rejected: dict[Origin, Rejection] = {}
        self.token_rows = 0
        self.rejected_tokens = 0
        owners = dict.fromkeys(OWNER_COLUMNS, self.addresses.number)
        self.converters: dict[Kind, Converters] = {
            "tokens": Converters.make("tokens", now, {**owners, "vendor": self._vendor_number}),
            "people": Converters.make("people", now),
            "vendors": Converters.make("vendors", now),
        }

    def _vendor_number(self, name: str) -> int | None:
        key = vendor_key(name)
        if key:
            self.vendor_names.setdefault(key, name)
        return self.vendor_keys.number(key)

    def file(self, number: int) -> FileReport:
        return self.report.files[number]

    # -------------------------------------------------------------- good rows

    def shape_of(self, names: tuple[str, ...]) -> int:
        """The number of a set of columns."""
        for number, known in self.shapes.items():
            if known == names:
                return number
        self.shapes[len(self.shapes)] = names
        return len(self.shapes) - 1

    def add_tokens(self, file: int, lines: Sequence[int], shape: int, columns: Sequence[Sequence[Any]]) -> None:
        """Stage rows of tokens, given by column."""
        self.scratch.add(self.shapes[shape], zip(repeat(file), lines, repeat(shape), *columns))
        self.token_rows += len(lines)

    def add_named(self, origin: Origin, checker: Checker, values: Sequence[Any]) -> None:
        """Keep a row of people or vendors, or refuse it where an earlier row names the same one."""
        row = Named(origin, dict(zip(checker.names, values, strict=True)))
        if checker.kind == "people":
            known, key, column = self.people, row.values["email"], "email"
        else:
            known, key, column = self.vendors, vendor_key(row.values["name"]), "name"
        if key in known:
            self.reject(origin, checker.kind, [self.twice(column, origin, known[key].origin)])
        else:
            known[key] = row

    def twice(self, column: str, origin: Origin, first: Origin) -> Flaw:
        """The flaw of a row that an earlier row already names."""
        where = f"line {first.line}" + (f" of {self.file(first.file).file}" if first.file != origin.file else "")
        return Flaw(column, "", f"{where} already names this one", "Keep one of the two rows")

    # -------------------------------------------------------------- bad rows

    def reject(self, origin: Origin, kind: Kind, flaws: Sequence[Flaw]) -> None:
        """Refuse a row, saying everything that is wrong with it.

        Raises:
            StopImport: when more rows are refused than a person would mend.
        """
        file = self.file(origin.file)
        file.rejected += origin not in self.rejected
        self.rejected_tokens += kind == "tokens"
        for flaw in flaws:
            self.report.add(
                RowProblem(file.file, origin.line, flaw.column, flaw.value_masked, flaw.reason, flaw.allowed)
            )
        if self.partial and len(self.rejected) >= MAX_REJECTED:
            self.fail(origin.file, f"more than {MAX_REJECTED:,} rows are refused", "Check that this is the right file")
        rejection = self.rejected.setdefault(origin, Rejection())
        if self.partial:
            rejection.reasons += [f"{flaw.column}: {flaw.reason}".removeprefix(": ") for flaw in flaws]
            rejection.secrets |= {flaw.value_masked for flaw in flaws if flaw.secret}
        elif len(self.rejected) > MAX_REJECTED:
            raise StopImport

    def fail(self, file: int, reason: str, allowed: str, line: int = 0) -> None:
        """Refuse a whole file, and so the run.

        Raises:
            StopImport: always.
        """
        self.report.add(RowProblem(self.file(file).file, line, "", "", reason, allowed))
        raise StopImport
