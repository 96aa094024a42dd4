"""The worker dies at a random line of a rotation or revocation, is started again, and the issuing system confirms what
is said of it: no second rotation, no end that is none, no secret that nobody has.

The long form is ``make crash``. ``WHOSE_CRASH_SEED`` chooses other lines.
"""

from __future__ import annotations

import importlib.util
import os

import pytest

from tests.contract.crash_carrying_trial import crash_lives
from tests.contract.crash_systems import STANDS
from tests.servers.issuers.npm_packages import has_npm

SEED = int(os.environ.get("WHOSE_CRASH_SEED", "20260105"))
DEATHS = {"aws_iam": 2, "postgres_roles": 3}
"""Fewer where a life takes long."""


@pytest.mark.parametrize("name", list(STANDS))
def test_what_is_said_of_a_credential_is_true_whatever_the_line_the_worker_died_at(name: str) -> None:
    needs = STANDS[name].needs
    found = has_npm() if needs == "npm" else not needs or importlib.util.find_spec(needs)
    if not found:
        pytest.skip(f"{name} needs {needs}")
    deaths = DEATHS.get(name, 4)
    toll = crash_lives(name, deaths=deaths, seed=SEED)
    assert toll.deaths == deaths
    assert sum(toll.ends.values()) == toll.runs
