"""The readings of a bundle by their file names: each made of :class:`About` and the records, and of nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

from bot.operations.export_ledger.about import About
from bot.operations.export_ledger.read_back import about, records_in
from bot.operations.export_ledger.table import Table
from bot.operations.export_ledger.words import read
from storage.ledger.bundle_files import BundleFolder
from storage.ledger.log import StoredRecord

Records = Callable[[], Iterable[StoredRecord]]
Write = Callable[[bytes], object]

_BLOCK = 1 << 20


def _table(seen: About, records: Records, write: Write) -> None:
    table = Table(seen)
    write(table.header())
    for record in records():
        write(table.line(read(record)))


#: A new reading is a function and a line here.
READINGS: dict[str, Callable[[About, Records, Write], None]] = {
    "records.csv": _table,
}


def make_reading(name: str, bundle: Path, target: Path, seen: About) -> None:
    """Make one reading of the bundle in a folder, into a file."""
    with target.open("wb", buffering=_BLOCK) as file:
        READINGS[name](seen, lambda: records_in(bundle), file.write)


def differing(bundle: Path) -> list[str]:
    """The readings in a verified bundle that do not say what its records say: each is made anew and compared."""
    folder = BundleFolder(bundle)
    manifest = folder.manifest()
    seen = about(bundle, manifest)
    different = []
    with TemporaryDirectory() as scratch:
        for name in READINGS:
            anew = Path(scratch, name)
            make_reading(name, bundle, anew, seen)
            if BundleFolder(Path(scratch)).measure(name) != folder.measure(name):
                different.append(name)
            anew.unlink()
    return different
