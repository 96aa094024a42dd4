"""The people of the simulated year: they read what reaches them, and answer it in their own time, or do not.

:class:`Workspace` is the chat platform in memory. What somebody answers is what their copy of a message shows at that
moment, with the version that its button carries, and it goes through ``record_decision`` like a click.
"""

from __future__ import annotations

import heapq
import random
from array import array
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import select

from benchmarks.year.world import SECURITY, account_of, email_of
from bot.operations.absence import go_away
from bot.operations.commands import Command, Done
from bot.operations.compose import ask_for_person
from bot.operations.context import Context
from bot.operations.ports import Destination, DirectoryEntry, Outcome, Refused, Sent
from bot.operations.record_decision import record_decision
from messages.action_ref import ActionRef, Verb
from messages.view import Buttons, Row, View
from storage.database import among
from storage.inventory import TOKEN
from storage.requests import LADDER_STEP, REQUEST

_HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)
_MANNERS = {"prompt": 0.70, "slow": 0.22, "forgetful": 0.05, "silent": 0.03}
_READS_AFTER = {"prompt": 3 * _HOUR, "slow": 40 * _HOUR, "forgetful": 20 * _HOUR}
_OVERLOOKS = {"prompt": 0.03, "slow": 0.1, "forgetful": 0.7}
_LEAVE, _TELL_OF_ABSENCE = 0.02, 0.15
"""Shares of the owners who leave in the course of the year, and who have an absence that the bot is told of."""
_WORK_TAKES = 3 * _DAY
_AT_MOST = 200
"""What the security team gets through when it goes over its list."""
_OWNERS = frozenset(("owner", "business_owner", "backup_owner"))
_REASON = "Still needed for the nightly load."


class Post(NamedTuple):
    """A message that reached its reader; ``person`` 0: the security channel."""

    person: int
    at: datetime


@dataclass
class Workspace:
    """Implements :class:`bot.operations.ports.ChatPort` and ``DirectoryPort``: everything arrives at once, and an
    account that is closed is refused."""

    platform: str
    workspace: str
    now: Callable[[], datetime]
    people: int
    closed: set[int] = field(default_factory=set)
    arrived: Callable[[int, tuple[str, str]], None] = lambda _person, _place: None
    readers: array[int] = field(default_factory=lambda: array("l"))
    moments: array[int] = field(default_factory=lambda: array("q"))
    boards: dict[tuple[str, str], dict[int, int]] = field(default_factory=dict)
    """What the buttons of each message carry: request id and version."""
    updates: int = 0
    turned_away: Counter[int] = field(default_factory=Counter)
    """Attempts to write to an account that is closed, by person."""

    def __post_init__(self) -> None:
        self.lane = f"{self.platform}:{self.workspace}"

    def posts(self) -> Iterator[Post]:
        zone = self.now().tzinfo
        for person, moment in zip(self.readers, self.moments, strict=True):
            yield Post(person, datetime.fromtimestamp(moment, zone))

    def accounts(self) -> Iterator[DirectoryEntry]:
        """Nobody's zone is given: it stays what the people file says."""
        for one in range(1, self.people + 1):
            yield DirectoryEntry(account_of(one), email_of(one), f"Owner {one}", "", one in self.closed)

    def post(self, to: Destination, view: View, delivery_key: str) -> Outcome:  # noqa: ARG002 - nothing is ever lost
        person = int(to.user_id[1:]) if to.user_id else 0
        if person in self.closed:
            self.turned_away[person] += 1
            return Refused("user_disabled")
        self.readers.append(person)
        self.moments.append(int(self.now().timestamp()))
        place = (f"D{person}" if person else to.channel, str(len(self.readers)))
        self.boards[place] = _carried(view)
        self.arrived(person, place)
        return Sent(*place)

    def update(self, channel: str, message_id: str, view: View) -> Outcome:
        self.updates += 1
        carried = _carried(view)
        if carried:
            self.boards[channel, message_id] = carried
        else:
            self.boards.pop((channel, message_id), None)
        return Sent(channel, message_id)

    def find(self, to: Destination, delivery_key: str, since: datetime) -> list[Sent]:
        raise AssertionError(f"no outcome was unknown, and {delivery_key} to {to} since {since} was looked for")

    def delete(self, channel: str, message_id: str) -> Outcome:
        raise AssertionError(f"there is no second copy, and {message_id} in {channel} was taken back")


def _carried(view: View) -> dict[int, int]:
    """The requests that the view's buttons are about, with the version they were drawn for."""
    refs: list[ActionRef] = []
    for one in view.elements:
        if isinstance(one, Buttons):
            refs += [button.action for button in one.buttons]
        elif isinstance(one, Row) and one.button:
            refs.append(one.button.action)
    return {ref.subject: ref.version for ref in refs if ref.version}


class Event(NamedTuple):
    """Something that somebody does."""

    at: datetime
    number: int
    act: Callable[[int, Any], None]
    person: int
    about: Any


class Crowd:
    """Everybody who reads and answers, with a seed of their own.

    Args:
        owners: there are people 1 to ``owners``.
        until: nobody leaves or goes away after this moment.
    """

    def __init__(self, ctx: Context, workspace: Workspace, owners: int, until: datetime, seed: int) -> None:
        self.ctx = ctx
        self.workspace = workspace
        self.owners = owners
        self.answers: Counter[str] = Counter()
        self.refusals: Counter[str] = Counter()
        self.absences = 0
        self.rotated: set[int] = set()
        """Tokens that were rotated since an import last looked."""
        self._draw = random.Random(seed)
        self._events: list[Event] = []
        self._number = 0
        self._manner = ["", *self._draw.choices(list(_MANNERS), list(_MANNERS.values()), k=owners)]
        for one in SECURITY:
            self._manner[one] = "prompt"
        self._away_until: dict[int, datetime] = {}
        workspace.arrived = self._arrived
        self._plan_lives(ctx.now(), until)

    def next_at(self) -> datetime | None:
        """When somebody does something next."""
        return self._events[0].at if self._events else None

    def act(self) -> None:
        """Whatever comes next is done now."""
        event = heapq.heappop(self._events)
        event.act(event.person, event.about)

    # ------------------------------------------------------------------ what happens to people

    def _at(self, at: datetime, act: Callable[[int, Any], None], person: int, about: Any = None) -> None:
        self._number += 1
        heapq.heappush(self._events, Event(at, self._number, act, person, about))

    def _after(self, mean: timedelta) -> datetime:
        return self.ctx.now() + mean * self._draw.expovariate(1.0)

    def _plan_lives(self, start: datetime, until: datetime) -> None:
        for one in range(1, self.owners + 1):
            fate, at = self._draw.random(), start + (until - start) * self._draw.random()
            if one in SECURITY:
                continue
            if fate < _LEAVE:
                self._at(at, self._leave, one)
            elif fate < _LEAVE + _TELL_OF_ABSENCE:
                self._at(at, self._go_away, one)
        week = 7 * _DAY
        self._at(start + week, self._go_over_the_list, SECURITY[0], week)

    def _leave(self, person: int, _about: object) -> None:
        self.workspace.closed.add(person)

    def _go_away(self, person: int, _about: object) -> None:
        instead = person % self.owners + 1
        if instead in self.workspace.closed or person in self.workspace.closed:
            return
        until = self.ctx.now() + _DAY * self._draw.randint(3, 15)
        go_away(self.ctx, email_of(person), until, whole_day=True, delegate=email_of(instead))
        self._away_until[person] = until
        self.absences += 1

    # ------------------------------------------------------------------ reading and answering

    def _arrived(self, person: int, place: tuple[str, str]) -> None:
        reader = person or self._draw.choice(SECURITY)
        manner = self._manner[reader]
        if manner != "silent":
            self._at(self._after(_READS_AFTER[manner]), self._read, reader, place)

    def _read(self, reader: int, place: tuple[str, str]) -> None:
        back = self._away_until.get(reader)
        if back is not None and back > self.ctx.now():
            self._at(back + 2 * _HOUR, self._read, reader, place)
            return
        carried = self.workspace.boards.get(place)
        if not carried or reader in self.workspace.closed or self._draw.random() < _OVERLOOKS[self._manner[reader]]:
            return
        self._answer(reader, dict(carried), as_security=place[0][0] != "D")

    def _go_over_the_list(self, reader: int, again: timedelta) -> None:
        """What waits for the security channel, as its list shows it; once a week, as far as they get."""
        for _ in range(_AT_MOST):
            with self.ctx.database.read() as session:
                listed = ask_for_person(session, self.ctx, None).requests
            before = sum(self.answers.values())
            self._answer(reader, {one.request_id: one.version for one in listed}, as_security=True)
            if sum(self.answers.values()) == before:
                break
        self._at(self.ctx.now() + again, self._go_over_the_list, reader, again)

    def _answer(self, reader: int, carried: dict[int, int], *, as_security: bool) -> None:
        for facts in self._facts(reader, list(carried)):
            for verb in self._wishes(reader, facts, as_security=as_security):
                answer = record_decision(
                    self.ctx, self._command(reader, facts, verb, carried[facts.id] or facts.version)
                )
                if isinstance(answer, Done):
                    self._answered(reader, facts, verb)
                    break
                self.refusals[f"{verb.value}: {answer.code}"] += 1
                if answer.code not in ("not_offered", "invalid", "no_authority"):
                    break

    def _answered(self, reader: int, facts: Any, verb: Verb) -> None:
        self.answers[verb.value] += 1
        if verb in (Verb.ROTATE, Verb.REVOKE):
            self._at(self._after(_WORK_TAKES), self._report, reader, facts.id)
        elif verb is Verb.DONE and facts.outcome == "rotate":
            self.rotated.add(facts.token_id)

    def _report(self, reader: int, request_id: int) -> None:
        """Whoever decided that there is work has done it, unless somebody else has, or will have to."""
        if reader not in self.workspace.closed and self._draw.random() < 0.9:
            self._answer(reader, {request_id: 0}, as_security=False)

    def _facts(self, reader: int, request_ids: list[int]) -> list[Any]:
        """What the reader knows of each request that still waits, and as what they were told of it."""
        columns = ("id", "token_id", "state", "version", "tier", "reasons", "outcome", "handover_to_id")
        told = (LADDER_STEP.c.request_id == REQUEST.c.id) & (LADDER_STEP.c.person_id == reader)
        told &= LADDER_STEP.c.round == REQUEST.c.round
        query = (
            select(*(REQUEST.c[name] for name in columns), TOKEN.c.expires_at, LADDER_STEP.c.rung)
            .join(TOKEN, TOKEN.c.id == REQUEST.c.token_id)
            .outerjoin(LADDER_STEP, told)
            .where(REQUEST.c.state.in_(("open", "handover", "remediating")))
            .order_by(REQUEST.c.id, LADDER_STEP.c.id)
        )
        with self.ctx.database.read() as session:
            rows = session.connection().execute(query.where(among(session, REQUEST.c.id, request_ids))).all()
        return list({row.id: row for row in rows}.values())

    def _wishes(self, reader: int, facts: Any, *, as_security: bool) -> list[Verb]:
        """What the reader would do, and what instead where that is not open to them."""
        chance = self._draw.random()
        if facts.state == "remediating":
            return [Verb.DONE]
        if facts.state == "handover":
            return [Verb.ACCEPT if chance < 0.8 else Verb.DECLINE] if facts.handover_to_id == reader else []
        if as_security or facts.rung not in _OWNERS:
            return [Verb.REASSIGN, Verb.REVOKE] if chance < 0.5 else [Verb.REVOKE]
        if {"expiring", "expired"} & set(facts.reasons):
            return [Verb.LET_LAPSE, Verb.ROTATE] if chance < 0.25 else [Verb.ROTATE]
        if chance < 0.88:
            return [Verb.ATTEST, Verb.ROTATE]
        rare = (Verb.SNOOZE, Verb.ROTATE, Verb.REVOKE, Verb.DISOWN)
        return [rare[int((chance - 0.88) / 0.12 * len(rare))], Verb.ATTEST, Verb.ROTATE]

    def _command(self, reader: int, facts: Any, verb: Verb, version: int) -> Command:
        self._number += 1
        now = self.ctx.now()
        new_owner = None
        if verb is Verb.REASSIGN or (verb is Verb.DISOWN and self._draw.random() < 0.5):
            new_owner = self._draw.randint(1, self.owners)
        return Command(
            verb=verb,
            request_id=facts.id,
            version=version,
            actor_id=reader,
            idempotency_key=f"year:{self._number}",
            platform="slack",
            justification=_REASON if facts.tier == "high" or verb is not Verb.ATTEST else "",
            new_owner_id=new_owner,
            snooze_until=(now + 2 * _DAY).date() if verb is Verb.SNOOZE else None,
            evidence="OPS-1042" if verb is Verb.DONE else "",
            result=("failed" if self._draw.random() < 0.03 else "accepted_unverified") if verb is Verb.DONE else "",
        )
