"""``whose import``: read everything, then write everything, in one transaction or not at all."""

from __future__ import annotations

import gc
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from bot.operations.import_inventory.checking import Checker, Flaw, RowError
from bot.operations.import_inventory.columns import HeaderError, understand
from bot.operations.import_inventory.mapping import ColumnMapping
from bot.operations.import_inventory.people import Directory, Left, check_people, warn_of_mentions, write_people
from bot.operations.import_inventory.reading import Block, FileError, blocks, opened
from bot.operations.import_inventory.recording import record_import
from bot.operations.import_inventory.rejected import write_rejected
from bot.operations.import_inventory.report import FileReport, ImportReport, Kind, Progress
from bot.operations.import_inventory.rows import Origin, Run, StopImport
from bot.operations.import_inventory.tokens import merge_tokens
from bot.operations.import_inventory.vendors import Vendors, check_vendors, finish_vendors, write_vendors
from bot.operations.secret_patterns import shown_name
from storage.database import Database
from storage.search_index import refresh_search
from storage.staging import Scratch

MAX_FILES = 100
_STEPS = 5


def import_inventory(
    database: Database,
    files: Sequence[Path],
    *,
    now: datetime,
    clock: Callable[[], datetime],
    mapping: ColumnMapping | None = None,
    partial: bool = False,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> ImportReport:
    """Bring files of tokens, people and vendors into the database.

    Everything is read and checked first, into a file of its own; the database is written in one transaction
    afterwards, and only if nothing was refused. People come before vendors before tokens, whatever the order
    of ``files``. Bad input raises nothing: it is in the report, with file, line and column.

    * An empty cell means "not known" and clears the stored value, except ``last_used_at``, ``last_rotated_at`` and
      ``last_attested_at``, which only move forward, ``active``, ``status`` and chat accounts. A column that the file
      does not have leaves the stored value alone.
    * An owner, manager or delegate whose address is not in the directory becomes a person known by mention; a vendor
      that only a token names likewise. Each gives one warning.
    * A token of an issuing system that the files name, and which they do not contain, has vanished: it is marked and
      reported, still asked about, never deleted. When rows were refused, nothing is marked as vanished, and neither is
      a token that its issuing system itself has shown within a day.
    * A token that was revoked here stays revoked, with a warning, however often a file still names it.

    Args:
        files: CSV, JSON or YAML; the kind of rows is known by the columns.
        now: the moment from which new owners hold and old ones do not, with a zone.
        clock: read by the ledger when it appends.
        mapping: how another system's columns become ours; applied to every file.
        partial: write the good rows and leave the bad ones in ``FILE.rejected.csv``.
        dry_run: do everything, keep nothing; the report is what it would have been.
        progress: told how far it is.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: when the database cannot be written; nothing was.
    """
    report = ImportReport(dry_run=dry_run)
    with tempfile.TemporaryDirectory(prefix="whose-import-") as folder:
        scratch = Scratch(Path(folder))
        try:
            run = Run(report, scratch, now, partial=partial)
            with _collector_paused():
                _read_all(run, files, mapping, progress)
            if report.ok or partial:
                _write_all(run, database, files, clock, progress)
        except StopImport:
            report.written = False
        finally:
            scratch.close()
    return report


# ------------------------------------------------------------------ reading


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Rows are plain tuples, so looking for cycles among millions of them only costs time (a sixth of it)."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _read_all(run: Run, files: Sequence[Path], mapping: ColumnMapping | None, progress: Progress | None) -> None:
    run.report.files = [FileReport(str(path)) for path in files]
    if not files:
        run.report.files = [FileReport("")]
        run.fail(0, "no file is named", "Name one or more CSV, JSON or YAML files")
    if len(files) > MAX_FILES:
        run.fail(0, f"there are more than {MAX_FILES} files", "Import them in several runs")
    seen: dict[Path, int] = {}
    for number, path in enumerate(files):
        if seen.setdefault(path.absolute(), number) != number:
            run.fail(number, "this file is named twice", "Name every file once")
    total = sum(path.stat().st_size for path in files if path.is_file())
    done = 0
    stopped = False
    for number, path in enumerate(files):
        try:
            done += _read_file(run, number, path, mapping, progress, (done, total))
        except StopImport:
            stopped = True  # but the other files are still looked at, so that one run tells everything
    if stopped:
        raise StopImport
    if run.token_rows:
        _check_staged(run)


def _check_staged(run: Run) -> None:
    """What only shows when all tokens are there."""
    for file, line, ends in run.scratch.ended_before_made():
        flaw = Flaw("expires_at", ends[:19], "this is before created_at", "Check both dates")
        run.reject(Origin(file, line), "tokens", [flaw])
    for twice in run.scratch.duplicates():
        origin, first = Origin(twice.file, twice.line), Origin(twice.first_file, twice.first_line)
        run.reject(origin, "tokens", [run.twice("external_id", origin, first)])


def _read_file(
    run: Run,
    number: int,
    path: Path,
    mapping: ColumnMapping | None,
    progress: Progress | None,
    position: tuple[int, int],
) -> int:
    """Read one file; returns its size in bytes."""
    done, total = position
    try:
        with opened(path) as source:
            run.file(number).sha256 = source.sha256

            def tell(read: int) -> None:
                if progress is not None:
                    progress("reading", done + read, total)

            found = blocks(source, tell)
            taken = _take(run, number, mapping.blocks(found) if mapping else found)
            if not taken:
                warning = f"{path}: there are no rows in this file."
                run.report.warnings.append(warning)
            tell(source.size)
            return source.size
    except FileError as error:
        run.fail(number, error.reason, error.allowed, error.line)
    return 0


def _take(run: Run, number: int, found: Iterator[Block]) -> int:
    """Check and keep every row; returns how many there were."""
    count = 0
    checkers: dict[int, tuple[Checker, int]] = {}
    for block in found:
        count += len(block.rows)
        if id(block.header) not in checkers:
            checkers[id(block.header)] = _checker(run, number, block)
        if block.rows:
            _take_block(run, number, block, *checkers[id(block.header)])
    return count


def _take_block(run: Run, number: int, block: Block, checker: Checker, shape: int) -> None:
    """Column by column where all rows are fine, else row by row, to say what is wrong with which."""
    lines, columns = block.lines, checker.check_many(block.rows)
    if columns is None:
        lines, columns = _row_by_row(run, number, block, checker)
    if not lines:
        return
    if checker.kind == "tokens":
        run.add_tokens(number, lines, shape, columns)
        return
    for line, *values in zip(lines, *columns, strict=True):
        run.add_named(Origin(number, line), checker, values)


def _row_by_row(run: Run, number: int, block: Block, checker: Checker) -> tuple[list[int], list[Sequence[Any]]]:
    """The lines of the good rows and their values by column; the others are refused."""
    lines: list[int] = []
    good: list[list[Any]] = []
    for line, cells in zip(block.lines, block.rows, strict=True):
        try:
            good.append(checker.check(cells))
            lines.append(line)
        except RowError as error:
            run.reject(Origin(number, line), checker.kind, error.flaws)
    return lines, list(zip(*good, strict=True))


def _checker(run: Run, number: int, block: Block) -> tuple[Checker, int]:
    """How to check rows of this header; says once which columns mean nothing here."""
    section: Kind | None = next((kind for kind in ("tokens", "people", "vendors") if kind == block.section), None)
    try:
        header = understand(block.header, section)
    except HeaderError as error:
        run.fail(number, str(error), "See the columns in the documentation, or use a mapping file", 1)
    file = run.file(number)
    file.kind = file.kind or header.kind
    if header.unknown:
        names = ", ".join(shown_name(name) for name in header.unknown)
        warning = f"{file.file}: columns that are not read: {names}."
        if warning not in run.report.warnings:
            run.report.warnings.append(warning)
    checker = Checker(header, len(block.header), run.converters[header.kind])
    return checker, run.shape_of(checker.names) if header.kind == "tokens" else 0


# ------------------------------------------------------------------ writing


def _write_all(
    run: Run,
    database: Database,
    files: Sequence[Path],
    clock: Callable[[], datetime],
    progress: Progress | None,
) -> None:
    def tell(step: int) -> None:
        if progress is not None:
            progress("writing", step, _STEPS)

    report = run.report
    with run.scratch.write(database) as session:
        directory, vendors = Directory(session, run.now), Vendors(session, run.now)
        check_people(run, directory)
        check_vendors(run, vendors)
        if not (report.ok or run.partial):
            raise StopImport
        left: list[Left] = write_people(run, directory)
        tell(1)
        relationships = write_vendors(run, vendors, directory)
        tell(2)
        findings = merge_tokens(run, session, directory, vendors) if run.token_rows else None
        refresh_search(session)
        tell(3)
        finish_vendors(run, vendors)
        warn_of_mentions(run, directory)
        record_import(session, report, findings, left, relationships, directory, run.now, clock)
        tell(4)
        if report.dry_run:
            raise StopImport
        _write_rejected(run, files)
    report.written = True
    tell(_STEPS)


def _write_rejected(run: Run, files: Sequence[Path]) -> None:
    """Before the commit, so that no row is lost between the two files."""
    for number, path in enumerate(files):
        mine = {origin.line: one for origin, one in run.rejected.items() if origin.file == number}
        if mine:
            try:
                run.file(number).rejected_file = str(write_rejected(path, mine))
            except (OSError, FileError) as error:
                run.fail(number, f"the refused rows cannot be written beside it: {error}", "Nothing was imported")
