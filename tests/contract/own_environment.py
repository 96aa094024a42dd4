"""A virtual environment for a tool that must not come near ours: it pins old versions, or would draw in half the world.

Made once, kept in pytest's cache directory, and made anew only when its packages or our Python change.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

_LIMIT = 240


def python_with(config: pytest.Config, packages: tuple[str, ...]) -> Path:
    """The Python of an environment with ``packages`` (exact versions) and what they need.

    Skips the test where no package index can be reached, except in CI, where the test must run.
    """
    key = hashlib.sha256("\n".join((*packages, sys.version)).encode()).hexdigest()[:16]
    home = Path(config.rootpath, ".pytest_cache") if config.cache is None else config.cache.mkdir("environments")
    home.mkdir(exist_ok=True)
    with (home / f"{key}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # another worker may be at it: then there is nothing left to do
        if not (home / key / "ready").exists():
            shutil.rmtree(home / key, ignore_errors=True)
            _make(home / key, packages)
            (home / key / "ready").touch()
    return home / key / "bin" / "python"


def run(python: Path, program: str, *arguments: str) -> list[str]:
    """What a program printed, line by line; fails where it did not end well. It sees none of our packages."""
    done = subprocess.run(
        [str(python), "-I", "-c", program, *arguments], capture_output=True, text=True, timeout=_LIMIT, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def _make(folder: Path, packages: tuple[str, ...]) -> None:
    _succeed([sys.executable, "-m", "venv", "--without-pip", str(folder)], "no virtual environment could be made")
    pip = [
        sys.executable,
        "-m",
        "pip",
        "--disable-pip-version-check",
        "--quiet",
        "--python",
        str(folder / "bin/python"),
    ]
    _succeed([*pip, "install", *packages], f"{', '.join(packages)} could not be installed: is a package index reached?")


def _succeed(command: list[str], otherwise: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=_LIMIT, check=False)
    if done.returncode:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"{otherwise}\n{done.stderr[-2_000:]}")
