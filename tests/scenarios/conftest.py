"""The office of the stories."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.database import Database
from tests.servers.fake_clock import FakeClock
from tests.servers.office import Office, open_office


@pytest.fixture
def office(database: Database, clock: FakeClock, tmp_path: Path) -> Iterator[Office]:
    """Monday morning, half past nine in London, on each database; the inventory is in, nobody was asked yet."""
    with open_office(database, clock, tmp_path) as opened:
        yield opened
