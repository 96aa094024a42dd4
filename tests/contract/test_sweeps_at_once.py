"""Two workers sweep at the same time: what one opens, the other leaves alone."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from bot.operations import opening
from bot.operations import sweep as sweeping
from storage.database import Database
from storage.ledger.record import RecordKind
from tests.contract.sweep_kit import Inventory
from tests.servers.fake_clock import FakeClock


def test_the_slower_sweep_withdraws_nothing(
    database: Database, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has looked before the faster one opened its requests, and comes to its end after that."""
    inventory = Inventory(database, clock)
    for name in ("one", "two", "three"):
        inventory.token(name, last_attested_at=None)
    opens = opening.open_requests

    def open_after_the_other(*args: Any, **more: Any) -> int:
        monkeypatch.setattr(sweeping, "open_requests", opens)
        clock.advance(-timedelta(seconds=1))  # it had begun a moment before
        assert inventory.sweep().opened == 3
        clock.advance(timedelta(seconds=1))
        return opens(*args, **more)

    monkeypatch.setattr(sweeping, "open_requests", open_after_the_other)
    slower = inventory.sweep()
    assert (slower.opened, slower.withdrawn) == (0, 0)
    assert {inventory.request(name).state for name in ("one", "two", "three")} == {"open"}
    assert inventory.records(RecordKind.REQUEST_WITHDRAWN) == []
