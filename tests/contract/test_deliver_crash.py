"""The worker dies at a random line, is started again, and every message is there exactly once.

The long form is ``make crash``. ``WHOSE_CRASH_SEED`` chooses other lines.
"""

from __future__ import annotations

import os

import pytest

from storage.database import Database
from tests.contract.crash_trial import crash_runs

SEED = int(os.environ.get("WHOSE_CRASH_SEED", "20260105"))


@pytest.mark.parametrize("fault_rate", [0.0, 0.2], ids=["calm", "with faults"])
def test_exactly_one_message_whatever_the_line_it_died_at(database: Database, fault_rate: float) -> None:
    runs = (15 if database.is_sqlite else 8) if not fault_rate else 6
    toll = crash_runs(database, runs=runs, seed=SEED, fault_rate=fault_rate)
    assert toll.deaths == runs
    assert toll.second_deaths >= runs * 3 // 10 - 1
    assert bool(toll.troubles) == bool(fault_rate)
