"""What an import says about itself: counts, problems, warnings and what would change."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, Protocol

Kind = Literal["people", "vendors", "tokens"]

#: So many problems are kept word for word; the rest are only counted.
MAX_PROBLEMS = 1_000
#: So many changes are listed for ``--dry-run``.
MAX_DIFF = 200


class Progress(Protocol):
    """Told how far an import is: ``stage`` is ``reading`` (bytes) or ``writing`` (steps)."""

    def __call__(self, stage: str, done: int, total: int) -> None: ...


def counted(number: int, one: str, many: str) -> str:
    """``1 person is`` or ``12 people are``."""
    return f"{number:,} {one if number == 1 else many}"


@dataclass(frozen=True, slots=True)
class RowProblem:
    """One thing that is wrong, and where. ``line`` counts from 1 and is where the row starts; 0: the whole file."""

    file: str
    line: int
    column: str
    value_masked: str
    """The value as it may be shown: whole where it is harmless, else two characters and the length."""
    reason: str
    allowed: str

    def __str__(self) -> str:
        where = self.file + (f", line {self.line}" if self.line else "") + (f", {self.column}" if self.column else "")
        value = f" ({self.value_masked})" if self.value_masked else ""
        return f"{where}: {self.reason}{value}." + (f" {self.allowed}." if self.allowed else "")


@dataclass(frozen=True, slots=True)
class Change:
    """One line of a diff. ``what`` is ``new``, ``changed`` or ``vanished``; a new thing has no column."""

    kind: Kind
    what: str
    name: str
    column: str = ""
    before: str = ""
    after: str = ""


@dataclass(slots=True)
class FileReport:
    """What became of one file's rows. ``vanished`` counts what this file's issuing systems no longer name."""

    file: str
    kind: Kind | None = None
    sha256: str = ""
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    vanished: int = 0
    rejected: int = 0
    rejected_file: str = ""

    @property
    def rows(self) -> int:
        """How many rows of this file were taken."""
        return self.new + self.changed + self.unchanged


@dataclass(slots=True)
class ImportReport:
    """The outcome of one command. ``written``: the database was changed or already said the same."""

    files: list[FileReport] = field(default_factory=list)
    problems: list[RowProblem] = field(default_factory=list)
    problem_count: int = 0
    """All problems, also those beyond the first :data:`MAX_PROBLEMS`."""
    warnings: list[str] = field(default_factory=list)
    diff: list[Change] = field(default_factory=list)
    """The first :data:`MAX_DIFF` changes."""
    written: bool = False
    dry_run: bool = False

    @property
    def ok(self) -> bool:
        """Nothing was refused."""
        return self.problem_count == 0

    @property
    def changed_anything(self) -> bool:
        return any(one.new or one.changed or one.vanished for one in self.files)

    def add(self, problem: RowProblem) -> None:
        """Count a problem, and keep it if it is among the first."""
        self.problem_count += 1
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append(problem)

    def add_change(self, change: Change) -> None:
        if len(self.diff) < MAX_DIFF:
            self.diff.append(change)
