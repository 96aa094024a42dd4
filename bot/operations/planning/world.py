"""What there is when a plan begins."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from bot.operations.asking import Reader
from bot.operations.planning.post import Letter
from bot.operations.planning.question import Question
from bot.operations.planning.roster import RosterOverTime
from bot.rules.ladder import Told
from bot.rules.policy import Policy
from bot.rules.standing import Standing


@dataclass
class World:
    """People, open questions and messages on their way. The simulation changes it as it goes on."""

    policy: Policy
    roster: RosterOverTime
    standings: Callable[[list[int]], Mapping[int, Standing]]
    """Reads the standing of tokens, when it is first wanted."""
    users: Callable[[list[int]], Mapping[int, tuple[Told, ...]]] = lambda _: {}
    """Works out who is asked for their own use of these tokens, at the moment that the roster has come to."""
    incidents: frozenset[int] = frozenset()
    """Tokens that carry a tag which the policy calls an incident."""
    questions: list[Question] = field(default_factory=list)
    letters: list[Letter] = field(default_factory=list)
    recent: dict[Reader, list[datetime]] = field(default_factory=dict)
    """When the last day's messages to each went out, and when those that wait go out."""
    fired: set[tuple[int, int]] = field(default_factory=set)
    """Expiry notices (token, days before) that have fired for the expiry of now."""
    given_today: Counter[Reader] = field(default_factory=Counter)
    """How many new questions each has had today already."""
    first_day: datetime | None = None
    """The day (UTC) of the very first question; None: there never was one."""
