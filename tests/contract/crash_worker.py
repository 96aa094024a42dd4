"""A worker that dies in the middle of delivering, at a line that its parent chooses.

Imports everything once, then forks a child for each line of JSON on its standard input: ``{"database", "api_url",
"token", "now", "die_at"}``. The child makes one pass over the outbox and is gone, without any clean-up, at its
``die_at``-th line of Python, in our code or in a library's (or never, see below). Answers ``{"died", "lines"}``.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from datetime import datetime
from types import FrameType
from typing import Any

from bot.operations.deliver import deliver
from bot.slack.sender import SlackSender
from storage.database import Database
from tests.contract.delivery_kit import LANE, Office
from tests.servers.fake_clock import FakeClock

DIED, FAILED = 77, 78
COUNT, NEVER = 0, -1
"""For ``die_at``: live, and count the lines; or just live, which is faster."""


class Lines:
    """Counts lines of Python; at the chosen one the process is gone. ``below``: only of files in these folders."""

    def __init__(self, die_at: int, below: tuple[str, ...] = ()) -> None:
        self.count = 0
        self._die_at = die_at
        self._below = below

    def __call__(self, frame: FrameType, event: str, arg: Any) -> Lines | None:
        if event == "call" and self._below and not frame.f_code.co_filename.startswith(self._below):
            return None
        if event == "line":
            self.count += 1
            if self.count == self._die_at:
                os._exit(DIED)
        return self


def one_pass(order: dict[str, Any], lines: Lines) -> None:
    """Deliver what is due, counting lines from the first one."""
    database = Database(order["database"])
    office = Office(database, FakeClock(datetime.fromisoformat(order["now"])), LANE, is_new=False)
    if order["die_at"] != NEVER:
        sys.settrace(lines)
    port = SlackSender(LANE, order["token"], order["api_url"])
    deliver(office.ctx, port, office.compose, on_refused=office.on_refused)
    sys.settrace(None)


def in_a_child(order: dict[str, Any], make: Callable[[dict[str, Any], Lines], None] = one_pass) -> dict[str, Any]:
    """Fork, make one pass there, and say how it ended."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        status = FAILED
        try:
            lines = Lines(order["die_at"], tuple(order.get("below", ())))
            make(order, lines)
            os.write(writer, str(lines.count).encode())
            status = 0
        finally:
            sys.settrace(None)
            if status:
                sys.excepthook(*sys.exc_info())
            os._exit(status)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        counted = pipe.read()
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    if code not in (0, DIED):
        raise RuntimeError(f"the worker failed with exit code {code}")
    return {"died": code == DIED, "lines": int(counted or 0)}


if __name__ == "__main__":
    for line in sys.stdin:
        print(json.dumps(in_a_child(json.loads(line))), flush=True)
