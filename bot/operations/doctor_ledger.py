"""Is the ledger signed, is it what was signed before, and do others hold it? For ``whose doctor``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from bot.operations.doctor import Finding
from bot.operations.ledger_key import LedgerKey
from bot.operations.ledger_state import read_state
from bot.operations.publish_checkpoint import EVERY, LogRefusedError, compare
from storage.database import Database
from storage.ledger.log import head
from storage.ledger.published import AnchorStatus, latest_checkpoint, status_of_anchor

_LATE = 2 * EVERY


def ledger_is_signed(database: Database, key: LedgerKey | None, state: Path, now: datetime) -> Iterable[Finding]:
    """The key, the comparison with the last checkpoint, and how old that is."""
    if key is None:
        advice = "Make one: whose ledger keygen, and set WHOSE_LEDGER_KEY_FILE."
        yield Finding(
            "ledger", "look", "no key is set, so nobody outside can tell whether records were changed", advice
        )
        return
    held = read_state(state)
    with database.read() as session:
        now_at, last = head(session), latest_checkpoint(session)
        if now_at is None:
            yield Finding("ledger", "ok", "has a key, and no records yet")
            return
        try:
            compare(session, key, now_at, last.note if held is None and last is not None else held, state)
        except LogRefusedError as error:
            yield Finding("ledger", "wrong", str(error))
            return
    if held is None and last is not None:
        advice = "See that WHOSE_LEDGER_STATE is on a disk that lasts, then run: whose ledger checkpoint"
        yield Finding("ledger", "look", f"{state} is missing, so a restored backup would go unnoticed", advice)
    if last is None:
        yield Finding("ledger", "look", "no checkpoint was published yet", "Run: whose ledger checkpoint")
        return
    age = now - last.published_at
    said = f"{now_at.size:,} records; the checkpoint over {last.size:,} of them is {_spoken(age)} old"
    if (last.epoch, last.size) != (now_at.epoch, now_at.size) and age > _LATE:
        yield Finding("ledger", "look", said, "See that `whose worker` or `whose up` runs.")
    else:
        yield Finding("ledger", "ok", said)


def anchors_hold(database: Database, names: Sequence[str], now: datetime) -> Iterable[Finding]:
    """One finding an anchor: what it holds, since when, and why not more."""
    with database.read() as session:
        statuses = {name: status_of_anchor(session, name) for name in names}
    for name, status in statuses.items():
        yield _of_anchor(name, status, now)


def _of_anchor(name: str, status: AnchorStatus, now: datetime) -> Finding:
    if status.size is None or status.done_at is None:
        held = "holds no checkpoint yet"
    else:
        held = f"holds the checkpoint over {status.size:,} records for {_spoken(now - status.done_at)}"
    if not status.error:
        never = status.done_at is None and status.waiting_since is not None
        return Finding("anchor", "look" if never else "ok", f"{name} {held}")
    waits = now - status.waiting_since if status.waiting_since else timedelta()
    said = f"{name} {held}, and has not taken the newest for {_spoken(waits)}: {status.error}"
    advice = "Nothing waits for it, and it is tried again by itself; until then it proves nothing that is newer."
    return Finding("anchor", "wrong" if waits > timedelta(days=1) else "look", said, advice)


def _spoken(age: timedelta) -> str:
    minutes = max(int(age.total_seconds()) // 60, 0)
    for size, word in ((1440, "day"), (60, "hour"), (1, "minute")):
        if minutes >= size:
            count = minutes // size
            return f"{count} {word}{'' if count == 1 else 's'}"
    return "less than a minute"
