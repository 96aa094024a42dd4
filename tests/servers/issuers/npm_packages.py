"""Servers that come from npm: each version is named here, and installed once into a folder outside the checkout."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import httpx

VERSIONS: Final = {"oidc-provider": "9.13.3", "verdaccio": "6.1.6"}
_OVERRIDES: Final = {"verdaccio": {"node-fetch": "2.7.0"}}
"""verdaccio names a tag of node-fetch that not every registry has. From 6.10 on it wants Node 22."""
PATIENCE: Final = 180.0
_INSTALLING: Final = 600.0


def has_npm() -> bool:
    is_there = shutil.which("npm") is not None and shutil.which("node") is not None
    if not is_there and os.environ.get("WHOSE_REQUIRE_NPM"):
        raise RuntimeError("npm is not installed, and WHOSE_REQUIRE_NPM says that what needs it may not be left out")
    return is_there


def installed(name: str) -> Path:
    """The folder that holds ``node_modules`` with this package."""
    version = VERSIONS[name]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "whose-tests"
    folder = cache / f"{name}-{version}"
    if not (folder / "installed").exists():
        folder.mkdir(parents=True, exist_ok=True)
        wanted = {"private": True, "dependencies": {name: version}, "overrides": _OVERRIDES.get(name, {})}
        (folder / "package.json").write_text(json.dumps(wanted))
        command = ["npm", "install", "--no-fund", "--no-audit", "--ignore-scripts"]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=_INSTALLING, check=False)
        assert done.returncode == 0, done.stderr
        (folder / "installed").touch()
    return folder


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@contextmanager
def running(command: Sequence[str], folder: Path, health: str, environ: dict[str, str] | None = None) -> Iterator[None]:
    """A server process, from when it answers at ``health`` until the end."""
    log = folder / "server.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            command, cwd=folder, env=os.environ | (environ or {}), stdout=output, stderr=subprocess.STDOUT
        )
    try:
        _await(process, health, log)
        yield
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _await(process: subprocess.Popen[bytes], health: str, log: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            if httpx.get(health, trust_env=False).status_code < 500:
                return
        except httpx.HTTPError:
            pass
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.05)
