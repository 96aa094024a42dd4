"""Whether every issuing system that can be listed was listed lately: what ``whose doctor`` says of discovery."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Final

from bot.operations.doctor import Finding
from storage.database import Database
from storage.looks import LastLook, last_look

_LATE: Final = timedelta(hours=3)
"""A worker looks hourly."""


def listings_are_fresh(database: Database, systems: Iterable[str], now: datetime) -> Iterator[Finding]:
    """One finding a system."""
    with database.read() as session:
        for system in systems:
            yield _finding(system, last_look(session, system), now)


def _finding(system: str, look: LastLook, now: datetime) -> Finding:
    name = f"{system}, discovery"
    again = f"Run `whose discover {system} --dry-run` to see what it shows."
    since = f"; it was last read {_ago(look.read, now)}" if look.read else ""
    if look.fault:
        return Finding(name, "wrong", f"{look.fault}{since}", again)
    if look.read is None:
        return Finding(name, "look", "has not been listed yet", "A worker does it within the hour. " + again)
    if now - look.read > _LATE:
        return Finding(name, "look", f"was last listed {_ago(look.read, now)}", "See that a worker runs. " + again)
    return Finding(name, "ok", f"{look.listed:,} credentials, listed {_ago(look.read, now)}")


def _ago(at: datetime | None, now: datetime) -> str:
    minutes = int((now - at).total_seconds() // 60) if at else 0
    if minutes < 1:
        return "just now"
    return f"{minutes} minutes ago" if minutes < 120 else f"{minutes // 60} hours ago"
