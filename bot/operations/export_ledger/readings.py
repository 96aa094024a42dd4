"""The readings of a bundle by their file names: each made of :class:`About` and the records, and of nothing else."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

from bot.operations.export_ledger.about import About
from bot.operations.export_ledger.ocsf import Events
from bot.operations.export_ledger.oscal import Assessment
from bot.operations.export_ledger.read_back import about, records_in
from bot.operations.export_ledger.report import report
from bot.operations.export_ledger.table import Table
from bot.operations.export_ledger.words import Said, read
from bot.rules.controls import Controls
from storage.ledger.bundle_files import BundleFolder

Write = Callable[[bytes], object]

REPORT = "report.html"
_BLOCK = 1 << 20


class Reading(Protocol):
    """Takes in one record after the other."""

    def add(self, said: Said) -> None: ...

    def finish(self) -> None:
        """There are no more."""


class _Lines:
    """A reading with a line for each record."""

    def __init__(self, write: Write, line: Callable[[Said], bytes], header: bytes = b"") -> None:
        self._write, self._line = write, line
        write(header)

    def add(self, said: Said) -> None:
        self._write(self._line(said))

    def finish(self) -> None:
        """Every line is written."""


class _Document:
    """A reading that is written when all records are known."""

    def __init__(self, write: Write, assessment: Assessment) -> None:
        self._write, self._assessment = write, assessment
        self.add = assessment.add

    def finish(self) -> None:
        self._write(self._assessment.document())


def _table(seen: About, _: Controls, write: Write) -> Reading:
    table = Table(seen)
    return _Lines(write, table.line, table.header())


def _events(seen: About, controls: Controls, write: Write) -> Reading:
    return _Lines(write, Events(seen, controls).line)


def _assessment(seen: About, controls: Controls, write: Write) -> Reading:
    return _Document(write, Assessment(seen, controls))


#: A new reading is a function and a line here.
_MAKERS: dict[str, Callable[[About, Controls, Write], Reading]] = {
    "records.csv": _table,
    "records.ocsf.jsonl": _events,
    "oscal-ar.json": _assessment,
}

#: Those that are made together in one pass over the records; the passes may run side by side.
PASSES: tuple[tuple[str, ...], ...] = (tuple(_MAKERS), (REPORT,))
READINGS = tuple(name for names in PASSES for name in names)


def make_readings(names: Sequence[str], bundle: Path, target: Path, seen: About) -> None:
    """Make the readings of one pass over the bundle in a folder.

    Args:
        target: the folder to write them into.
    """
    controls = Controls.load()
    if names == (REPORT,):  # reads the records twice, to find out which of them to tell
        (target / REPORT).write_text(report(seen, lambda: records_in(bundle), controls), encoding="utf-8", newline="")
        return
    with ExitStack() as files:
        readings = [
            _MAKERS[name](seen, controls, files.enter_context((target / name).open("wb", buffering=_BLOCK)).write)
            for name in names
        ]
        for record in records_in(bundle):
            said = read(record)
            for reading in readings:
                reading.add(said)
        for reading in readings:
            reading.finish()


def differing(bundle: Path) -> list[str]:
    """The readings in a verified bundle that do not say what its records say: each is made anew and compared."""
    folder = BundleFolder(bundle)
    manifest = folder.manifest()
    seen = about(bundle, manifest)
    with TemporaryDirectory() as scratch:
        anew = BundleFolder(Path(scratch))
        for names in PASSES:
            make_readings(names, bundle, anew.root, seen)
        return [name for name in READINGS if anew.measure(name) != folder.measure(name)]
