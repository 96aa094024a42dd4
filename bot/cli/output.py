"""What a command prints: data on stdout, everything else on stderr."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

import click

if TYPE_CHECKING:
    from messages.view import View


class Step(Protocol):
    """Told how far a long job is."""

    def __call__(self, stage: str, done: int, total: int) -> None: ...


#: Text is not drawn wider than this: long lines are hard to read.
_MOST_WIDTH = 100


def say(text: str) -> None:
    """Tell the person at the terminal something that is not data."""
    click.echo(text, err=True)


def show(text: str) -> None:
    """Print data for a person."""
    click.echo(text.rstrip("\n"))


def draw(view: View) -> None:
    """Print a message as plain text, as wide as the terminal."""
    from messages.plain_text import render

    show(render(view, width()))


def emit(objects: Iterable[Mapping[str, Any]]) -> None:
    """Print data for a program: one JSON object a line."""
    for one in objects:
        click.echo(json.dumps(one, ensure_ascii=False, separators=(",", ":"), default=_plain))


def zulu(moment: datetime) -> str:
    """``2026-11-23T09:30:00Z``, with as much of a second as there is."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _plain(value: object) -> object:
    """What JSON has no form for."""
    if isinstance(value, datetime):
        return zulu(value)
    if isinstance(value, frozenset | set):
        return sorted(value)
    return str(value)


def width() -> int:
    """How wide text may be drawn."""
    return min(shutil.get_terminal_size((_MOST_WIDTH, 24)).columns, _MOST_WIDTH)


def _silence(stage: str, done: int, total: int) -> None:
    """Nobody watches."""


@contextmanager
def progress() -> Iterator[Step]:
    """A bar for each stage of a long job, on stderr, where that is a terminal; silence elsewhere."""
    if not sys.stderr.isatty():
        yield _silence
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description:<10}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"))
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True), transient=True) as bars:
        tasks: dict[str, Any] = {}

        def step(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(stage, total=total or None)
            bars.update(tasks[stage], completed=done, total=total or None)

        yield step
