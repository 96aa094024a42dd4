"""What is due and not asked about yet, and which of it the caps of a day let through."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from heapq import heappop, heappush
from itertools import islice
from operator import itemgetter

from bot.operations.asking import Reader
from bot.operations.opening import Opening, Planner, without_pointless_notices
from bot.operations.planning.question import Question
from bot.operations.planning.world import World
from bot.operations.sweep import riskiest_first
from bot.rules.attention import caps_of_day, start_of_day, within_caps
from bot.rules.due import Reason, still_asked
from bot.rules.standing import Standing
from bot.rules.urgency import urgent_causes
from storage.due import DueRow

Place = tuple[int, datetime, tuple[str, str]]
"""Where in the line a due token stands."""

_READ_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True)
class _Answer:
    reasons: int
    quiet_until: datetime | None
    """None: for good."""


class DueList:
    """Due tokens by id. ``rows``: all of them as the query has them; ``fresh``: those without a question."""

    def __init__(self, world: World) -> None:
        self.rows: dict[int, DueRow] = {}
        self.fresh: dict[int, DueRow] = {}
        self.look_at_all = True
        """Whether the next choice is among everything that waits, not only among what is new."""
        self._world = world
        self._policy = world.policy
        self._risk = {tier.name: tier.risk for tier in world.policy.tiers}
        self._tags = ",".join(world.policy.urgent.incident_tags)
        self._answers: dict[int, _Answer] = {}
        self._look_again: list[tuple[datetime, int]] = []
        self._urgent_from: list[tuple[datetime, int]] = []
        self._urgent: set[int] = set()
        self._line: list[tuple[Place, DueRow]] = []
        self._not_in_line: set[int] = set()
        self._today: datetime | None = None
        self._given_before: Counter[Reader] = Counter(world.given_today)
        self._opened_today: list[Question] = []
        self._standings: dict[int, Standing] = {}

    # ------------------------------------------------------------------ what is due

    def learn(self, at: datetime, changed: Mapping[int, DueRow | None], asked: Mapping[int, Question]) -> list[int]:
        """Take in what the due query says anew; the tokens that are due since this look and have no question."""
        self._begin_day(at)
        for token_id, row in changed.items():
            kept = None if row is None else without_pointless_notices(row)
            if kept is None or not kept.tier:
                self.rows.pop(token_id, None)
            else:
                self.rows[token_id] = kept
        again = self._come_up(self._look_again, at)
        return [one for one in changed.keys() | again if one not in asked and self._is_fresh(one, at)]

    def answered(self, question: Question, at: datetime, *, gone: bool) -> None:
        """Somebody stood behind the token, or it is ``gone`` for good: revoked, or left to lapse."""
        until = None if gone else at + timedelta(days=question.tier.attest_every)
        self._answers[question.token_id] = _Answer(question.reasons, until)
        for moment in () if until is None else (at, until):
            heappush(self._look_again, (moment, question.token_id))

    def _begin_day(self, at: datetime) -> None:
        today = start_of_day(at)
        if today != self._today:
            if self._today is not None:
                self._given_before.clear()
            self._today, self._opened_today, self.look_at_all = today, [], True

    def _is_fresh(self, token_id: int, at: datetime) -> bool:
        row = self._still_due(token_id, at)
        if row is None:
            self.fresh.pop(token_id, None)
            return False
        self.fresh[token_id] = row
        self._not_in_line.add(token_id)
        if token_id in self._world.incidents:
            self._urgent.add(token_id)
        if row.expires_at is not None and row.expires_at > at:
            begins = row.expires_at - timedelta(hours=self._policy.urgent.expiry_within)
            heappush(self._urgent_from, (begins, token_id))
        return True

    def _still_due(self, token_id: int, at: datetime) -> DueRow | None:
        """The token's row without what was answered in this plan."""
        row, answer = self.rows.get(token_id), self._answers.get(token_id)
        if row is None or answer is None:
            return row
        if answer.quiet_until is None:
            return None
        left = still_asked(row.reasons, answer.reasons, quiet=at < answer.quiet_until)
        if (token_id, row.notice_days) in self._world.fired:
            left &= ~int(Reason.EXPIRING)
        return row._replace(reasons=left) if left else None

    @staticmethod
    def _come_up(heap: list[tuple[datetime, int]], at: datetime) -> set[int]:
        found = set()
        while heap and heap[0][0] <= at:
            found.add(heappop(heap)[1])
        return found

    # ------------------------------------------------------------------ what is asked about today

    def choose(self, at: datetime, new: Iterable[int]) -> list[Opening]:
        """What is asked about now, the riskiest first; the caller opens all of it."""
        self._urgent |= self._come_up(self._urgent_from, at)
        rows = self._in_line() if self.look_at_all else self._sorted({*new, *self._urgent})
        self.look_at_all = False
        planner = Planner(self._policy, self._world.roster, at)
        planned: dict[int, Opening] = {}

        def reader_of(row: DueRow) -> Reader:
            opening = planned[row.token_id] = planner.plan(row, self._standings.get(row.token_id))
            return opening.reader

        given = self._given_before + Counter(one.reader for one in self._opened_today)
        each, total = caps_of_day(self._policy.cap, first_day=self._is_first_day())
        ready = self._ready(planner, rows)
        chosen = within_caps(ready, reader_of, given, each=each, room=total - given.total())
        taken = {row.token_id for row in chosen}
        held = [row for row in self._sorted(self._urgent) if row.token_id not in taken and self._is_urgent(row, at)]
        for row in self._ready(planner, held):
            reader_of(row)
        self._urgent.clear()
        for row in (*chosen, *held):
            del self.fresh[row.token_id]
        return [planned[row.token_id] for row in (*chosen, *held)]

    def _in_line(self) -> list[DueRow]:
        """Everything that waits, in its order. The line is kept sorted, since it may be long and changes little."""
        self._line = [one for one in self._line if self.fresh.get(one[1].token_id) is one[1]]
        self._line += [(self._place(row), row) for one in self._not_in_line if (row := self.fresh.get(one)) is not None]
        self._line.sort(key=itemgetter(0))
        self._not_in_line.clear()
        return [row for _, row in self._line]

    def _sorted(self, token_ids: Iterable[int]) -> list[DueRow]:
        return sorted((self.fresh[one] for one in token_ids if one in self.fresh), key=self._place)

    def _place(self, row: DueRow) -> Place:
        return riskiest_first(self._risk[row.tier], row)

    def _ready(self, planner: Planner, rows: Iterable[DueRow]) -> Iterator[DueRow]:
        """The same rows, with what must be known about each before it can be planned; no further than anybody asks."""
        rest = iter(rows)
        while part := list(islice(rest, _READ_AT_ONCE)):
            self.read_standings(row.token_id for row in part if planner.needs_standing(row))
            yield from part

    def opened(self, question: Question) -> None:
        """A question was opened for one of those chosen."""
        self._opened_today.append(question)
        self._world.first_day = self._world.first_day or self._today

    def moved(self, question: Question) -> None:
        """Another reader is waited for: if it was opened today, the one before has room for one more."""
        if self._today is not None and question.opened_at >= self._today:
            self.look_at_all = True

    def read_standings(self, token_ids: Iterable[int]) -> None:
        wanted = [one for one in token_ids if one not in self._standings]
        self._standings.update(self._world.standings(wanted))

    def standing(self, token_id: int) -> Standing:
        return self._standings[token_id]

    def _is_first_day(self) -> bool:
        return self._world.first_day is None or self._world.first_day == self._today

    def _is_urgent(self, row: DueRow, at: datetime) -> bool:
        tags = self._tags if row.token_id in self._world.incidents else ""
        return bool(urgent_causes(self._policy.urgent, row.expires_at, tags, at))
