"""The policy at work without a database: the sweep, the ladder and the messages over the weeks to come.

Every rule is the one the bot goes by (what is due, who is told, how long they have, how much a day may take); here
they only meet values in memory. That both come to the same messages is held by ``tests/contract/test_plan.py``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from heapq import heappop, heappush
from itertools import count
from typing import Protocol

from bot.operations.asking import Reader
from bot.operations.assigning import REMIND_AFTER, carried_out_by
from bot.operations.opening import Opening
from bot.operations.planning.answers import Answers
from bot.operations.planning.due_list import DueList
from bot.operations.planning.post import Letter, Post
from bot.operations.planning.question import AWAITED, Question, by_reader, role_at_work
from bot.operations.planning.world import World
from bot.rules.calendar import WorkingTime, add_business, next_working
from bot.rules.due import Reason
from bot.rules.durations import BusinessDuration
from bot.rules.ladder import Landing, Told, climb_from, default_action, hand_on, wait_after
from bot.rules.lifecycle import State
from bot.rules.people import Reached, reach
from bot.rules.policy_parts import DefaultAction, Rung
from bot.rules.standing import Standing
from bot.rules.urgency import may_come_at_any_hour, urgent_causes
from storage.due import DueRow

_OPENED_AT_ONCE = 1_000  # as by the sweep
_CLIMB, _SEND = 0, 1  # at one moment, ladders move before messages leave


class Heard(Protocol):
    """Is told what happens, in the order of time."""

    def sent(self, at: datetime, reader: Reader, role: Rung) -> None: ...

    def opened(self, at: datetime, questions: int) -> None: ...

    def answered(self, at: datetime) -> None: ...

    def revocation_opened(self, at: datetime) -> None: ...


class Simulation:
    """Moves through time: :meth:`sweep` for each look at what is due, :meth:`run_until` up to any moment."""

    def __init__(self, world: World, heard: Heard, answers: Answers) -> None:
        self.open = {one.token_id: one for one in world.questions}
        self.due = DueList(world)
        self._world, self._heard, self._answers = world, heard, answers
        self._policy, self._roster = world.policy, world.roster
        self._post = Post(self._roster, self._policy.attention.messages_per_person_per_day, world.recent)
        self._events: list[tuple[datetime, int, int, Question | Letter]] = []
        self._numbers = count()
        self._later: dict[tuple[BusinessDuration, WorkingTime, timedelta], datetime] = {}
        self._landings: dict[tuple[int, int, Standing], Landing] = {}
        self._begun = False
        for question in world.questions:
            self._post.wait_for(question.waiting)
            self._post.wait_for(question.users)
            self._plan_move(question)
        for letter in world.letters:
            self._post.take_over(letter)
            self._plan_sending(letter)

    # ------------------------------------------------------------------ time

    def run_until(self, moment: datetime) -> None:
        """Let everything happen that happens by itself before ``moment``."""
        while self._events and self._events[0][0] < moment:
            at, _, _, subject = heappop(self._events)
            self._move_to(at)
            if isinstance(subject, Letter):
                if self._post.send(subject):
                    self._heard.sent(at, subject.reader, subject.role)
            elif self.open.get(subject.token_id) is subject and subject.next_at is not None and subject.next_at <= at:
                self._move_on(subject, at)

    def _move_to(self, at: datetime) -> None:
        if at != self._roster.moment:
            self._later.clear()
        if self._roster.move_to(at):
            self._landings.clear()
            self.due.look_at_all = True

    def _after(self, amount: BusinessDuration, reader: Reader, into: timedelta = timedelta()) -> datetime:
        """So much of the reader's working time from now on, or from so long into their day."""
        working = self._roster.working_time(reader)
        key = (amount, working, into)
        if key not in self._later:
            self._later[key] = add_business(next_working(self._roster.moment, working, into), amount, working)
        return self._later[key]

    def _answer_by(self, question: Question, reader: Reader) -> datetime:
        """When the ladder moves on, if the reader is told now of the step that the question is at."""
        wait = wait_after(question.step, question.ladder, question.tier.grace)
        return self._after(wait, reader, self._roster.into_the_day(reader))

    def _plan_move(self, question: Question) -> None:
        if question.next_at is not None:
            at = max(question.next_at, self._roster.moment)
            heappush(self._events, (at, _CLIMB, next(self._numbers), question))

    def _plan_sending(self, letter: Letter) -> None:
        heappush(self._events, (letter.at, _SEND, next(self._numbers), letter))

    # ------------------------------------------------------------------ the sweep

    def sweep(self, at: datetime, changed: Mapping[int, DueRow | None]) -> None:
        """As ``bot.operations.sweep`` does at ``at``.

        Args:
            changed: the tokens of which the due query says something else than at the sweep before.
        """
        self.run_until(at)
        self._move_to(at)
        to_check = changed if self._begun else [*changed, *self.open]
        chosen = self.due.choose(at, self.due.learn(at, changed, self.open))
        for start in range(0, len(chosen), _OPENED_AT_ONCE):
            self._open_all(chosen[start : start + _OPENED_AT_ONCE], at)
        self._keep_true(to_check, at)
        if not self._begun:
            self._begun = True
            for question in list(self.open.values()):
                self._follow(question, at)

    def _open_all(self, openings: Sequence[Opening], at: datetime) -> None:
        token_ids = [one.row.token_id for one in openings]
        self.due.read_standings(token_ids)
        users = self._world.users(token_ids)
        readers: dict[Reader, Rung] = {}
        urgent: dict[Reader, bool] = {}
        for one in openings:
            question = self._opened(one, at, users.get(one.row.token_id, ()))
            for reader, rung in by_reader((*question.waiting, *question.users)).items():
                readers.setdefault(reader, rung)
            anytime = self._urgency(question, at)
            if anytime is not None:
                urgent[one.reader] = urgent.get(one.reader, False) or anytime
        self._ask(readers, at, urgent)
        self._heard.opened(at, len(openings))

    def _opened(self, one: Opening, at: datetime, users: tuple[Told, ...]) -> Question:
        row = one.row
        question = Question(
            token_id=row.token_id,
            tier=one.tier,
            ladder=self._policy.ladder_of(one.tier),
            standing=self.due.standing(row.token_id),
            expires_at=row.expires_at,
            opened_at=at,
            due_at=one.due_at,
            reasons=row.reasons,
            step=one.landing.step,
            next_at=one.next_step_at,
            reader=one.reader,
            waiting=tuple(one.landing.told),
            users=users,
        )
        if row.reasons & Reason.EXPIRING:
            self._world.fired.add((row.token_id, row.notice_days))
        self.open[row.token_id] = question
        self.due.opened(question)
        self._post.wait_for(question.waiting)
        self._post.wait_for(question.users)
        self._plan_move(question)
        return question

    def _keep_true(self, token_ids: Sequence[int] | Mapping[int, object], at: datetime) -> None:
        """Questions whose token is not due any more go; a further expiry notice asks again whoever is waited for."""
        again: dict[Reader, Rung] = {}
        for token_id in token_ids:
            question, row = self.open.get(token_id), self.due.rows.get(token_id)
            if question is None:
                continue
            if row is None:
                if question.state in AWAITED:
                    self._close(question)
                    self._wait_for_no_users(question)
                    del self.open[token_id]
                continue
            question.reasons = row.reasons
            notice = (token_id, row.notice_days)
            if row.reasons & Reason.EXPIRING and notice not in self._world.fired:
                self._world.fired.add(notice)
                if question.state is not State.REMEDIATING:
                    again.setdefault(question.reader, question.role)
        self._ask(again, at, {})

    # ------------------------------------------------------------------ the ladder

    def _move_on(self, question: Question, at: datetime) -> None:
        if question.held or (question.waiting and self._answers.next()):
            self._end(question, at)
        elif question.state is State.REMEDIATING:
            self._remind_of_work(question, at)
        else:
            self._climb(question, at)

    def _end(self, question: Question, at: datetime) -> None:
        """Answered: somebody stands behind the token, lets it lapse since it has expired, or has done the work of a
        revocation."""
        self._close(question)
        self._wait_for_no_users(question)
        del self.open[question.token_id]
        expired = question.expires_at is not None and question.expires_at <= at
        self.due.answered(question, at, gone=expired or question.state is State.REMEDIATING)
        self._heard.answered(at)

    def _climb(self, question: Question, at: datetime) -> None:
        self._close(question)
        if at >= question.due_at:
            self._wait_for_no_users(question)
        question.state = State.OPEN
        landing = self._landing(question)
        if landing.told:
            self._tell(question, landing, at)
        else:
            question.step = min(landing.step, len(question.ladder.steps) - 1)
            question.next_at = None
        if default_action(landing, question.ladder) is DefaultAction.OPEN_REVOCATION:
            self._open_revocation(question, at)
        self._plan_move(question)

    def _landing(self, question: Question) -> Landing:
        key = (question.step, id(question.ladder), question.standing)
        if key not in self._landings:
            self._landings[key] = climb_from(question.step + 1, question.ladder, question.standing, self._roster)
        return self._landings[key]

    def _tell(self, question: Question, landing: Landing, at: datetime) -> None:
        question.step = landing.step
        question.waiting = tuple(landing.told)
        question.reader = landing.told[0].person_id
        question.next_at = self._answer_by(question, question.reader)
        self._post.wait_for(question.waiting)
        self.due.moved(question)
        self._ask_about(question, by_reader(landing.told), at)

    def _open_revocation(self, question: Question, at: datetime) -> None:
        self._close(question)
        self._wait_for_no_users(question)
        question.state = State.REMEDIATING
        question.reader = carried_out_by(question.standing, self._roster, None)
        question.waiting = (Told(role_at_work(question.reader, question.standing), question.reader),)
        question.next_at = self._after(REMIND_AFTER, question.reader)
        self._post.wait_for(question.waiting)
        self.due.moved(question)
        self._ask_about(question, by_reader(question.waiting), at)
        self._heard.revocation_opened(at)

    def _remind_of_work(self, question: Question, at: datetime) -> None:
        """From the first reminder on, security has it waiting too; from the second on, it is told as well."""
        told = question.waiting if question.reminded else question.waiting[:1]
        if not question.reminded:
            question.reminded = True
            self._close(question)
            question.waiting = (*told, Told(Rung.SECURITY, None))
            self._post.wait_for(question.waiting)
        question.next_at = self._after(REMIND_AFTER, question.waiting[0].person_id)
        self._ask_about(question, by_reader(told), at)
        self._plan_move(question)

    def _close(self, question: Question) -> None:
        self._post.wait_no_more(question.waiting)
        question.waiting = ()

    def _wait_for_no_users(self, question: Question) -> None:
        self._post.wait_no_more(question.users)
        question.users = ()

    def _follow(self, question: Question, at: datetime) -> None:
        """Whoever is waited for may have left, or be away, when the plan begins: it follows as it will at once. Nobody
        leaves or goes away later."""
        person = self._roster.get(question.reader)
        if person is not None and not person.active and question.state is State.OPEN and question.step >= 0:
            others = tuple(one for one in question.waiting if self._is_here(one))
            self._close(question)
            if others:
                self._wait_for(question, others, others[0].person_id)
            else:
                self._tell(question, hand_on(question.step, question.standing, self._roster), at)
            self._plan_move(question)
        moved = {one: found for one in question.waiting if (found := self._stand_in(one.person_id)) is not None}
        if moved and question.state is not State.HANDOVER:
            told = {one: Told(one.rung, moved[one].person_id) if one in moved else one for one in question.waiting}
            reader = next((now.person_id for one, now in told.items() if one.person_id == question.reader), None)
            self._close(question)
            self._wait_for(question, tuple(told.values()), reader)
            self._plan_move(question)
            self._ask_about(question, by_reader(told[one] for one in moved), at)

    def _wait_for(self, question: Question, waiting: tuple[Told, ...], reader: Reader) -> None:
        """The reader's time begins now; what was promised before is kept."""
        if reader != question.reader and question.state is State.OPEN and question.next_at is not None:
            question.next_at = max(question.next_at, self._answer_by(question, reader))
        question.waiting, question.reader = waiting, reader
        self._post.wait_for(waiting)

    def _is_here(self, told: Told) -> bool:
        person = self._roster.get(told.person_id)
        return person is None or person.active

    def _stand_in(self, person_id: Reader) -> Reached | None:
        person = self._roster.get(person_id)
        found = None if person is None or not person.away else reach(person.id, self._roster)
        return found if isinstance(found, Reached) else None

    # ------------------------------------------------------------------ messages

    def _ask_about(self, question: Question, readers: Mapping[Reader, Rung], at: datetime) -> None:
        anytime = self._urgency(question, at)
        self._ask(readers, at, {} if anytime is None else dict.fromkeys(readers, anytime))

    def _ask(self, readers: Mapping[Reader, Rung], at: datetime, urgent: Mapping[Reader, bool]) -> None:
        self._post.ask(readers, at, urgent, self._plan_sending)

    def _urgency(self, question: Question, at: datetime) -> bool | None:
        """Whether it may come at any hour; None: it is not urgent."""
        rules = self._policy.urgent
        tags = ",".join(rules.incident_tags) if question.token_id in self._world.incidents else ""
        causes = urgent_causes(rules, question.expires_at, tags, at)
        return may_come_at_any_hour(rules, causes) if causes else None
