"""The one file in a bundle verifies it in a fresh environment: Python, ``cryptography``, and no network."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pytest

from bot.operations.export_ledger.single_file import MODULES, single_file
from storage.database import Database
from tests.contract.bundle_kit import Log, changed, everyday, named
from tests.servers.fake_clock import FakeClock

RECORDS = 100_000

#: Runs the verifier with every way to the network closed: whatever tries it fails loudly.
_ALONE = """
import runpy, sys

def refuse(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.bind", "socket.sendto", "socket.gethostbyname"):
        raise RuntimeError(f"the verifier used the network: {event} {arguments}")

sys.addaudithook(refuse)
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.fixture(scope="module")
def fresh_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python of its own, with ``cryptography`` and what that needs."""
    folder = tmp_path_factory.mktemp("fresh")
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    python = folder / "bin" / "python"
    pip: list[str | Path] = [python, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "cryptography"]
    subprocess.run(pip, check=True, capture_output=True)
    listed = subprocess.run(
        [python, "-m", "pip", "list", "--format=freeze"], check=True, capture_output=True, text=True
    )
    names = {line.partition("==")[0].lower() for line in listed.stdout.split()}
    assert names <= {"pip", "setuptools", "cryptography", "cffi", "pycparser", "typing-extensions", "typing_extensions"}
    return python


def without_network() -> list[str]:
    """A command in front of another one that leaves it no network, where this machine allows that."""
    command = ["unshare", "--map-root-user", "--net"]
    allowed = (
        shutil.which("unshare") and subprocess.run([*command, "true"], capture_output=True, check=False).returncode == 0
    )
    return command if allowed else []


def source_of(name: str) -> str:
    return files("storage.ledger").joinpath(f"{name}.py").read_text(encoding="utf-8")


def imported(name: str) -> Iterator[str]:
    """The modules that a module imports, in full."""
    for node in ast.walk(ast.parse(source_of(name))):
        if isinstance(node, ast.Import):
            yield from (one.name for one in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module == "storage.ledger":
            yield from (f"{node.module}.{one.name}" for one in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or "a relative import"


@pytest.mark.parametrize("name", MODULES)
def test_it_needs_nothing_but_cryptography(name: str) -> None:
    """Everything that its modules import is of the standard library, of ``cryptography``, or stands before them."""
    before = {f"storage.ledger.{one}" for one in MODULES[: MODULES.index(name)]}
    for module in imported(name):
        top = module.partition(".")[0]
        assert module in before or top in sys.stdlib_module_names or top == "cryptography", module


def test_it_holds_the_modules_as_they_are() -> None:
    text = single_file().decode()
    for name in MODULES:
        assert source_of(name) in text


def test_a_bundle_of_many_records(
    sqlite_database: Database, clock: FakeClock, tmp_path: Path, fresh_python: Path
) -> None:
    log = Log(sqlite_database, clock, tmp_path / "log")
    for first in range(0, RECORDS, 5_000):
        log.publish(*(named() if first == 0 else ()), *everyday(5_000, first))
    bundle = log.export()
    script = tmp_path / "alone.py"
    script.write_text(_ALONE)

    def run(folder: Path) -> tuple[int, str]:
        command: list[str | Path] = [*without_network(), fresh_python, "-I", script, folder / "verify.py", folder]
        command += ["--policy", log.policy()]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert "Traceback" not in done.stderr, done.stderr
        return done.returncode, done.stdout

    code, said = run(bundle)
    assert code == 0, said
    assert f"All {RECORDS + 5:,} records" in said
    assert "Of the same history: 19 checkpoints from earlier" in said
    lines = (bundle / "records.jsonl").read_bytes().splitlines(keepends=True)
    lines[70_000] = lines[70_000].replace(b'"attest"', b'"revoke"').replace(b'"no_response"', b'"yes_response"')
    assert run(changed(bundle, "records.jsonl", lambda _: b"".join(lines)))[0] == 1
