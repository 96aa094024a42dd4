"""Exporting a bundle: what proves itself, then the readings made of it, then the manifest over all of it.

The folder appears under its name only when it is whole. The same state of the ledger gives the same bytes.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from string import Template

from bot.operations.export_ledger.choose import Choice
from bot.operations.export_ledger.read_back import about
from bot.operations.export_ledger.readings import PASSES, READINGS, make_readings
from bot.operations.export_ledger.single_file import single_file
from bot.operations.export_ledger.write import ExportError, Folder, Keys, Progress, write_records
from storage.database import Database
from storage.ledger import bundle
from storage.ledger.bundle import Manifest
from storage.ledger.bundle_files import BundleFolder
from storage.ledger.bundle_tree import SIDE_BY_SIDE


def export_ledger(database: Database, target: Path, choice: Choice, keys: Keys, progress: Progress) -> Manifest:
    """Write a bundle into a new folder.

    Args:
        keys: what ``policy.txt`` is to say; the first one is the current epoch's.
        progress: called with (stage, done, of how many) now and then.

    Raises:
        ExportError: the folder is there and not empty, or cannot be written; or nothing was signed yet.
        NotFoundError: there are no such records.
    """
    software = f"whose {version('whose')}"
    with _new_folder(target) as path:
        folder = Folder(path)
        with database.read() as session:
            manifest = write_records(session, folder, choice, keys, software, progress)
        _write_guide(folder, manifest, keys)
        _write_readings(folder, manifest, progress)
        (path / bundle.MANIFEST).write_bytes(manifest.encode())
    return manifest


@contextmanager
def _new_folder(target: Path) -> Iterator[Path]:
    """A folder beside the one that is meant, which takes its name when all went well, and is gone when it did not."""
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise ExportError(f"{target} is there already, and nothing is written over. Name another folder.")
    path = target.with_name(f".{target.name}.part")
    try:
        shutil.rmtree(path, ignore_errors=True)  # of an export that was cut off
        path.mkdir(parents=True)
        yield path
        if target.exists():
            target.rmdir()
        path.rename(target)
    except OSError as error:
        raise ExportError(f"The bundle cannot be written to {target}: {error.strerror or error}.") from None
    finally:
        shutil.rmtree(path, ignore_errors=True)


def _write_guide(folder: Folder, manifest: Manifest, keys: Keys) -> None:
    text = files(__package__).joinpath("guide.md").read_text(encoding="utf-8")
    selection = manifest.selection
    what = {
        "all": "all",
        "token": f"what is recorded of the token {selection.of} (a part)",
        "vendor": f"what is recorded of the tokens of {selection.of} (a part)",
        "from_to": f"what was recorded from {selection.of} (a part)",
    }[selection.kind]
    said = Template(text).substitute(what=what, log=manifest.current.origin, key=keys.logs[0])
    folder.write(bundle.GUIDE, said.encode())
    folder.write(bundle.VERIFIER, single_file())
    logs = "".join(f"log {key}\n" for key in keys.logs[:1])
    witnesses = "".join(f"witness w{number} {key}\n" for number, key in enumerate(keys.witnesses, start=1))
    warning = (
        "# What the operator says its keys are. Compare with what you were given elsewhere; do not trust this file.\n"
    )
    folder.write(bundle.POLICY, f"{warning}{logs}{witnesses}quorum none\n".encode())


def _write_readings(folder: Folder, manifest: Manifest, progress: Progress) -> None:
    """Each pass in a process of its own where that is worth its start."""
    seen = about(folder.path, manifest)
    if seen.records < SIDE_BY_SIDE:
        for done, names in enumerate(PASSES, start=1):
            make_readings(names, folder.path, folder.path, seen)
            progress("readings", done, len(PASSES))
    else:
        with ProcessPoolExecutor(len(PASSES)) as pool:
            jobs = [pool.submit(make_readings, names, folder.path, folder.path, seen) for names in PASSES]
            for done, job in enumerate(jobs, start=1):
                job.result()
                progress("readings", done, len(PASSES))
    for name in READINGS:
        folder.files[name] = BundleFolder(folder.path).measure(name)
