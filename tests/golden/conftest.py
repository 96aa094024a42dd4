"""``--update-golden`` writes the expected files anew; read the difference before committing it."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write the expected files of tests/golden anew")


@pytest.fixture
def update_golden(request: pytest.FixtureRequest) -> bool:
    # The default serves runs that begin above this folder, where the option is not known.
    return bool(request.config.getoption("--update-golden", default=False))
