"""``whose demo`` as a newcomer runs it: it says where it is, shows the workspace, and Ctrl-C ends it cleanly."""

from __future__ import annotations

import os
import queue
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

PATIENCE = 180.0
PEOPLE = """email,name,manager,timezone,active
ana@example.com,Ana Lima,mia@example.com,Europe/Lisbon,true
ben@example.com,Ben Okafor,mia@example.com,Europe/Berlin,true
mia@example.com,Mia Stone,,Europe/London,true
leo@example.com,Leo Gone,mia@example.com,Europe/London,false
"""
VENDORS = "name,relationship_owner,status\nDriftly,ben@example.com,active\n"
TOKENS = """external_id,issuing_system,display_name,vendor,environment,customer_data,service_owner,created_at
k1,aws-iam,drift-prod,Driftly,production,true,ana@example.com,2024-01-01
k2,github,drift-bot,Driftly,development,false,mia@example.com,2024-01-01
"""


class Demo:
    """A running ``whose demo``."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.said: list[str] = []
        self._lines: queue.Queue[str | None] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self._lines.put(line)
        self._lines.put(None)

    def wait_for(self, pattern: str) -> re.Match[str]:
        deadline = time.monotonic() + PATIENCE
        while True:
            line = self._lines.get(timeout=max(0.1, deadline - time.monotonic()))
            assert line is not None, f"it ended early: {''.join(self.said)}"
            self.said.append(line)
            if match := re.search(pattern, line):
                return match

    def stop(self) -> int:
        self.process.send_signal(signal.SIGINT)
        code = self.process.wait(PATIENCE)
        while (line := self._lines.get(timeout=PATIENCE)) is not None:
            self.said.append(line)
        return code


@contextmanager
def demo(folder: Path, *args: str) -> Iterator[Demo]:
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("SLACK_", "WHOSE_"))}
    command = [sys.executable, "-c", "from bot.cli import main; main()", "demo", "--no-browser", *args]
    process = subprocess.Popen(command, cwd=folder, env=environ, stderr=subprocess.PIPE, text=True)
    try:
        yield Demo(process)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    for name, text in (("people.csv", PEOPLE), ("vendors.csv", VENDORS), ("tokens.csv", TOKENS)):
        (tmp_path / name).write_text(text)
    return ["people.csv", "vendors.csv", "tokens.csv"]


def test_the_examples_are_played_and_ctrl_c_ends_them(tmp_path: Path) -> None:
    with demo(tmp_path, "--port", "0") as running:
        url = running.wait_for(r"(http://127\.0\.0\.1:\d+)")[1]
        running.wait_for("watch it climb")
        assert httpx.get(url).status_code == 200
        state = httpx.get(f"{url}/ui/state").json()
        assert state["now"].startswith("2026-11-23T09:3")
        assert state["clock"] is True
        assert any(user["unread"] for user in state["users"]), "somebody has been asked before the page is shown"
        assert state["suggested_user"] in {user["id"] for user in state["users"] if user["unread"]}
        assert (tmp_path / ".demo" / "whose.db").is_file()
        assert running.stop() == 0
    assert "Traceback" not in "".join(running.said)
    assert not (tmp_path / ".demo" / "whose.db").exists()


def test_files_of_ones_own_are_played_from_now_on_and_kept_if_wanted(tmp_path: Path, files: list[str]) -> None:
    with demo(tmp_path, "--port", "0", "--keep", *files) as running:
        url = running.wait_for(r"(http://127\.0\.0\.1:\d+)")[1]
        users = {user["email"]: user for user in httpx.get(f"{url}/ui/state").json()["users"]}
        assert users["leo@example.com"]["deleted"] is True
        assert users["ana@example.com"]["tz"] == "Europe/Lisbon"
        assert running.stop() == 0
    kept = tmp_path / ".demo" / "whose.db"
    assert kept.is_file()
    verify = subprocess.run(
        [sys.executable, "-c", "from bot.cli import main; main()", "ledger", "verify"],
        cwd=tmp_path,
        env={**os.environ, "DATABASE_URL": f"sqlite:///{kept}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert verify.returncode == 0, verify.stderr


def test_a_file_of_tokens_is_enough(tmp_path: Path) -> None:
    (tmp_path / "tokens.csv").write_text(TOKENS)
    with demo(tmp_path, "--port", "0", "tokens.csv") as running:
        url = running.wait_for(r"(http://127\.0\.0\.1:\d+)")[1]
        running.wait_for("/whose help")
        state = httpx.get(f"{url}/ui/state").json()
        assert {user["email"] for user in state["users"]} == {"ana@example.com", "mia@example.com"}
        assert state["team"]["name"] == "Your Company"
        assert running.stop() == 0
    assert "watch it climb" in "".join(running.said)


def test_a_taken_port_is_passed_over_and_said(tmp_path: Path, files: list[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with demo(tmp_path, "--port", str(port), *files) as running:
            running.wait_for(f"Port {port} is taken")
            running.wait_for(r"http://127\.0\.0\.1:\d+")
            assert running.stop() == 0


def test_a_bad_row_is_named_and_nothing_starts(tmp_path: Path) -> None:
    (tmp_path / "tokens.csv").write_text("external_id,issuing_system,environment\nk1,aws-iam,moon\n")
    with demo(tmp_path, "--port", "0", "tokens.csv") as running:
        running.wait_for("mend the rows")
        assert running.process.wait(PATIENCE) == 1
