"""The commands of Whose as processes of their own, in a folder of their own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from tests.servers.workspace import RunningWorkspace

PATIENCE = 180.0
WHOSE = (sys.executable, "-c", "from bot.cli import main; main()")
_numbers = count(1)


class Process:
    """A running ``whose …``; ``lines`` is what it has logged or said."""

    def __init__(self, process: subprocess.Popen[str], log: Path) -> None:
        self.process = process
        self._log = log

    @property
    def said(self) -> str:
        return self._log.read_text()

    def wait_for(self, words: str) -> str:
        """The line with these words."""
        deadline = time.monotonic() + PATIENCE
        while True:
            found = next((line for line in self.said.splitlines() if words in line), None)
            if found is not None:
                return found
            assert self.process.poll() is None, self.said
            assert time.monotonic() < deadline, self.said
            time.sleep(0.05)

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE)


class House:
    """A folder with an inventory, and settings that point at a workspace of ours.

    Args:
        url: the database; by default an SQLite file in the folder.
        program: what runs the command line.
    """

    def __init__(self, folder: Path, slack: RunningWorkspace, *, url: str = "", program: Sequence[str] = WHOSE) -> None:
        self.folder = folder
        self._program = program
        mine = {name: value for name, value in os.environ.items() if not name.startswith(("SLACK_", "WHOSE_"))}
        self.environ = mine | {
            "DATABASE_URL": url or f"sqlite:///{folder / 'whose.db'}",
            "SLACK_BOT_TOKEN": slack.bot_token,
            "SLACK_SIGNING_SECRET": slack.signing_secret,
            "SLACK_API_URL": slack.url,
        }

    def run(self, *args: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*self._program, *args], cwd=self.folder, env=self.environ, capture_output=True, text=True, check=False
        )

    @contextmanager
    def start(self, *args: str) -> Iterator[Process]:
        log = self.folder / f"{args[0]}-{next(_numbers)}.log"
        with log.open("w") as stderr:
            process = subprocess.Popen(
                [*self._program, *args], cwd=self.folder, env=self.environ, stderr=stderr, text=True
            )
        try:
            yield Process(process, log)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
