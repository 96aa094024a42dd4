"""The messages of a plan: who has what waiting for them, and when they hear of it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.operations.asking import Reader
from bot.operations.planning.roster import RosterOverTime
from bot.rules.attention import Messages, one_more
from bot.rules.ladder import Told
from bot.rules.policy_parts import Rung

_DAY = timedelta(days=1)


@dataclass(slots=True, eq=False)
class Letter:
    """A message that waits to go out, and the rung of whatever it was written for."""

    reader: Reader
    at: datetime
    role: Rung
    urgent: bool


class Post:
    """As ``bot.operations.asking`` keeps it in the outbox: one message shows everything that waits for its reader."""

    def __init__(self, roster: RosterOverTime, most: int, recent: Mapping[Reader, list[datetime]]) -> None:
        """``most``: messages a person may get on a day. ``recent``: when the last day's went out, and those go that
        wait."""
        self._roster = roster
        self._most = most
        self._recent = defaultdict(list, {reader: list(moments) for reader, moments in recent.items()})
        self._pending: dict[Reader, list[Letter]] = defaultdict(list)
        self._waiting: Counter[Reader] = Counter()

    def wait_for(self, told: Iterable[Told]) -> None:
        """Something waits for each of them from now on."""
        self._waiting.update({one.person_id for one in told})

    def wait_no_more(self, told: Iterable[Told]) -> None:
        self._waiting.subtract({one.person_id for one in told})

    def take_over(self, letter: Letter) -> None:
        """A message that waits already, and is among the recent ones."""
        self._pending[letter.reader].append(letter)

    def ask(
        self,
        readers: Mapping[Reader, Rung],
        earliest: datetime,
        urgent: Mapping[Reader, bool],
        send: Callable[[Letter], None],
    ) -> None:
        """See that a message is on its way to each; ``send`` is called for every new one.

        Args:
            urgent: the readers for whom it is urgent, and whether it may come at any hour.
        """
        for reader, role in readers.items():
            anytime, working = urgent.get(reader), self._roster.working_time(reader)
            past = self._past(reader)
            into = self._roster.into_the_day(reader)
            at = one_more(past, earliest, working, most=self._most, into=into, anytime=anytime)
            if at is not None:
                letter = Letter(reader, at, role, anytime is not None)
                self._pending[reader].append(letter)
                past.recent.append(at)
                send(letter)

    def send(self, letter: Letter) -> bool:
        """It goes out; False: nothing waits for its reader any more, so it does not."""
        self._pending[letter.reader].remove(letter)
        if self._waiting[letter.reader] > 0:
            return True
        self._recent[letter.reader].remove(letter.at)
        return False

    def _past(self, reader: Reader) -> Messages:
        pending = self._pending[reader]
        recent = self._recent[reader]
        if recent:
            since = self._roster.moment - _DAY
            recent[:] = [one for one in recent if one >= since]
        urgent_at = min((one.at for one in pending if one.urgent), default=None)
        return Messages(bool(pending), urgent_at, recent)
