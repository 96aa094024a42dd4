"""``whose import``."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bot.cli.installation import json_option, with_installation
from bot.cli.output import emit, progress, say, show

if TYPE_CHECKING:
    from bot.operations.import_inventory.report import Change, FileReport, ImportReport, RowProblem
    from bot.wiring.installation import Installation

_COLUMNS = ("new", "changed", "unchanged", "vanished", "rejected")


@click.command("import")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--mapping", metavar="FILE", help="How another system's columns become ours; or a shipped mapping's name."
)
@click.option("--partial", is_flag=True, help="Write the good rows and leave the bad ones in FILE.rejected.csv.")
@click.option("--dry-run", is_flag=True, help="Show what would change; write nothing.")
@json_option
@with_installation
def import_command(
    installation: Installation,
    files: tuple[Path, ...],
    mapping: str | None,
    partial: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Read FILES of tokens, people and vendors: CSV, JSON or YAML.

    What each file holds is seen from its columns. Nothing is ever deleted; importing again changes what changed. With
    one bad row nothing is written, unless --partial. A cell that looks like a real secret is refused.
    Exit code 1 when rows were rejected.

    \b
    Examples:
        whose import people.csv vendors.csv tokens.csv
        whose import --mapping aws-credential-report credential-report.csv
    """
    from bot.operations.import_inventory import import_inventory
    from bot.operations.import_inventory.mapping import load_mapping

    with progress() as step:
        report = import_inventory(
            installation.database,
            files,
            now=installation.now(),
            clock=installation.now,
            mapping=load_mapping(mapping) if mapping else None,
            partial=partial,
            dry_run=dry_run,
            progress=step,
        )
    for warning in report.warnings:
        say(warning)
    if as_json:
        emit(_as_data(report))
    else:
        for line in report_lines(report):
            show(line)
    _say_outcome(report)
    sys.exit(0 if report.ok else 1)


def _as_data(report: ImportReport) -> Iterator[dict[str, Any]]:
    for file in report.files:
        yield {"file": file.file, "kind": file.kind, **{name: getattr(file, name) for name in _COLUMNS}}
    for problem in report.problems:
        yield {"problem": asdict(problem)}
    for change in report.diff:
        yield {"change": asdict(change)}


def report_lines(report: ImportReport) -> Iterator[str]:
    """Counts by file, then what is wrong, then (dry run) what would change."""
    rows = [("file", "holds", *_COLUMNS), *(_counts(file) for file in report.files)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        words = [cell.ljust(size) for cell, size in zip(row[:2], widths[:2], strict=True)]
        numbers = [cell.rjust(size) for cell, size in zip(row[2:], widths[2:], strict=True)]
        yield "  ".join([*words, *numbers]).rstrip()
    if report.problems:
        yield ""
    for problem in report.problems:
        yield _problem_line(problem)
    if report.problem_count > len(report.problems):
        yield f"... and {report.problem_count - len(report.problems)} more"
    if report.dry_run and report.diff:
        yield ""
        yield from (_change_line(change) for change in report.diff)
        if sum(file.new + file.changed + file.vanished for file in report.files) > len(report.diff):
            yield "..."


def _counts(file: FileReport) -> tuple[str, ...]:
    return (file.file, file.kind or "?", *(str(getattr(file, name)) for name in _COLUMNS))


def _problem_line(problem: RowProblem) -> str:
    """``FILE:LINE column: reason (value …; allowed …)``."""
    where = (
        problem.file + (f":{problem.line}" if problem.line else "") + (f" {problem.column}" if problem.column else "")
    )
    more = [f"value {problem.value_masked}"] if problem.value_masked else []
    more += [problem.allowed[0].lower() + problem.allowed[1:]] if problem.allowed else []
    return f"{where}: {problem.reason}" + (f" ({'; '.join(more)})" if more else "")


def _change_line(change: Change) -> str:
    subject = f"{change.what:<8}  {change.kind.rstrip('s') if change.kind != 'people' else 'person'}  {change.name}"
    return f"{subject}  {change.column}: {change.before or '-'} -> {change.after or '-'}" if change.column else subject


def _say_outcome(report: ImportReport) -> None:
    rejected = [file.rejected_file for file in report.files if file.rejected_file]
    if report.dry_run:
        say("Nothing was written: this was a dry run.")
    elif not report.written:
        say("Nothing was written. Mend the rows named above, or take the good ones now with --partial.")
    elif rejected:
        say(f"The good rows were written; the rejected ones are in {', '.join(rejected)}.")
    elif not report.changed_anything:
        say("Nothing has changed since the last import.")
