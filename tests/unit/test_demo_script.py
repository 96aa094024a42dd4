"""What ``whose demo`` is played with: whoever plays is anybody, so no issuing system is spoken to unasked."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.demo import script_for
from bot.settings import Settings


@pytest.mark.parametrize("files", [[], [Path("tokens.csv")]], ids=["the examples", "files of one's own"])
def test_the_issuers_of_the_real_bot_stay_out_of_reach(files: list[Path]) -> None:
    settings = Settings(issuers_path=Path("issuers.yaml"))
    assert script_for(files, settings).issuers is None
    assert script_for(files, settings, Path("trial.yaml")).issuers == Path("trial.yaml")
