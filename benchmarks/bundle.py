"""Bundles of the ledger: exporting a whole log against reading and writing its bytes, and verifying one.

``python -m benchmarks.bundle [--records N] [--keep DIR]``.

* *export*: everything, with the tree, the table, the OCSF events, OSCAL and the report; the floor reads every body in
  order and writes it to one file. The aim is 60 seconds for a million.
* *verify*: the single file of the bundle in a process of its own, as an auditor runs it; the floor reads the records
  and hashes them. The aim is 10 seconds and 300 MB for a million. Memory is that of all processes together.
* *readings*: made anew from the bundle and compared, which ``whose ledger verify`` does beside.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.harness import Measured, measured, on_processor, peak_mb, show
from benchmarks.inventory import NOW
from benchmarks.ledger import BATCH, entries, write
from benchmarks.places import place
from bot.operations.export_ledger.choose import Choice
from bot.operations.export_ledger.export import export_ledger
from bot.operations.export_ledger.readings import differing
from bot.operations.export_ledger.write import Keys
from bot.operations.ledger_key import new_key
from bot.operations.publish_checkpoint import Publisher
from storage.database import Database
from storage.ledger.log import log_id
from storage.schema import create_all

_AIM_EXPORT_S, _AIM_VERIFY_S, _AIM_VERIFY_MB = 60, 10, 300


def _children(before: resource.struct_rusage | None = None) -> float:
    """Seconds on the processor of the processes that have ended, all or since then."""
    now = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = now.ru_utime + now.ru_stime
    return seconds - (before.ru_utime + before.ru_stime) if before else seconds


def _children_mb(processes: int) -> float:
    """Of so many at once, at most."""
    each = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return processes * each / (1024**2 if sys.platform == "darwin" else 1024)


def copy_bare(database: Database, target: Path) -> None:
    """Read every body in order and write it down."""
    with database.read_engine.connect() as connection, target.open("wb") as file:
        query = "SELECT body FROM ledger_leaf WHERE epoch = 0 ORDER BY seq"
        for (body,) in connection.execution_options(yield_per=2_000).exec_driver_sql(query):
            file.write(body + b"\n")


def hash_bare(records: Path) -> int:
    count = 0
    with records.open("rb") as file:
        for count, line in enumerate(file, start=1):  # noqa: B007 - how many there were
            sha256(b"\x00" + line[:-1]).digest()
    return count


def measure_export(database: Database, bundle: Path, keys: Keys, scratch: Path) -> bool:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with measured() as ours:
        manifest = export_ledger(database, bundle, Choice(), keys, lambda *_: None)
    ours.processor += _children(before)
    ours.peak_mb += _children_mb(2)
    with measured() as floor:
        copy_bare(database, scratch / "bare")
    (scratch / "bare").unlink()
    show(f"bundle, export {manifest.current.size:,} / read and write", ours, floor, note=on_processor(ours, floor))
    return ours.seconds <= _AIM_EXPORT_S


def measure_verify(bundle: Path, policy: Path, records: int) -> bool:
    """In a process of its own, which starts others; so what it used is asked of a third one that only waits for it."""
    script = (
        "import resource, subprocess, sys\n"
        "code = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL).returncode\n"
        "used = resource.getrusage(resource.RUSAGE_CHILDREN)\n"
        "print(code, used.ru_utime + used.ru_stime, used.ru_maxrss)\n"
    )
    command: list[str | Path] = [sys.executable, "-c", script, sys.executable, bundle / "verify.py", bundle]
    command += ["--policy", policy]
    with measured() as ours:
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert said[0] == "0", "the bundle does not hold"
    each = float(said[2]) / (1024**2 if sys.platform == "darwin" else 1024)
    # The largest of them, for each of them: more than they take.
    ours = Measured(ours.seconds, each * ((os.cpu_count() or 1) + 1), float(said[1]))
    with measured() as floor:
        assert hash_bare(bundle / "records.jsonl") == records
    show(f"bundle, verify {records:,} / read and hash", ours, floor, note=on_processor(ours, floor))
    return ours.seconds <= _AIM_VERIFY_S and ours.peak_mb <= _AIM_VERIFY_MB


def measure_readings(bundle: Path, records: int) -> None:
    with measured() as ours:
        assert differing(bundle) == []
    ours.peak_mb = peak_mb()
    with measured() as floor:
        hash_bare(bundle / "records.jsonl")
    show(f"bundle, readings of {records:,} made anew", ours, floor, note=on_processor(ours, floor))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--keep", type=Path, metavar="DIR", help="leave the bundle here")
    options = parser.parse_args()
    with place(postgres=False) as where, TemporaryDirectory() as made:
        log = where.make("log")
        create_all(log)
        write(log, entries(options.records), BATCH)
        with log.write() as session:
            key = new_key(log_id(session), "example.com")
        scratch = Path(made)
        Publisher(log, lambda: NOW, key, scratch / "state").publish()
        policy, bundle = scratch / "policy.txt", scratch / "bundle"
        policy.write_text(f"log {key.verifier(0)}\nquorum none\n")
        held = measure_export(log, bundle, Keys([key.verifier(0)]), scratch)
        held &= measure_verify(bundle, policy, options.records)
        measure_readings(bundle, options.records)
        log.close()
        if options.keep:
            shutil.copytree(bundle, options.keep)
    raise SystemExit(0 if held or options.records < 1_000_000 else 1)


if __name__ == "__main__":
    main()
