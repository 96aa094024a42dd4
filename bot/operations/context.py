"""What every operation stands on, joined once in ``bot/wiring.py``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from bot.rules.issuing import Connector
from bot.rules.policy import Policy
from storage.database import Database

Now = Callable[[], datetime]
"""Gives the present moment in UTC. Only ``bot/clock.py`` makes one that reads the machine's clock."""


@dataclass(frozen=True)
class Context:
    """The database, the clock, the policy in force and where messages go."""

    database: Database
    now: Now
    policy: Policy
    lane: str
    """The platform and workspace that people are reached on, ``slack:T0123``."""
    connectors: Mapping[str, Connector] = field(default_factory=dict)
    """What speaks to which issuing system, by the inventory's name of it. Where none does, people do the work."""

    @property
    def platform(self) -> str:
        return self.lane.partition(":")[0]

    @property
    def workspace(self) -> str:
        return self.lane.partition(":")[2]
