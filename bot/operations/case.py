"""One request with everything that bears on it, as of one moment and held still until the transaction ends."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, case, func, select, update
from sqlmodel import Session

from bot.operations.asking import Reader, enqueue_asks
from bot.operations.context import Context
from bot.operations.directory import People
from bot.operations.records import accountable
from bot.operations.standing import standing_of
from bot.rules.lifecycle import AWAITED, CLOSED, State
from bot.rules.policy import Policy, Tier, policy_from_json
from bot.rules.policy_parts import Ladder
from bot.rules.shared import names_people
from bot.rules.standing import Standing
from bot.rules.urgency import may_come_at_any_hour, urgent_causes
from storage.cases import TASK, CaseRow, RequestRow, RunRow, TaskRow, TokenRow, change, read_case
from storage.database import table_of
from storage.inventory import TOKEN
from storage.ledger.log import append, lock
from storage.ledger.record import Entry
from storage.outbox_enqueue import enqueue_updates
from storage.prepared import Prepared
from storage.remediation import RUN
from storage.requests import LADDER_STEP, REQUEST, PolicyVersion
from storage.shared_use import USE

_CLOSE_STEPS = Prepared(
    update(LADDER_STEP)
    .where(LADDER_STEP.c.request_id == bindparam("about_id"), LADDER_STEP.c.outcome == "waiting")
    .values(
        outcome=case((LADDER_STEP.c.person_id == bindparam("answered_by"), "answered"), else_=bindparam("others")),
        ended_at=bindparam("at"),
    )
)
_CLOSE_USES = Prepared(
    update(USE)
    .where(USE.c.request_id == bindparam("about_id"), USE.c.outcome == "waiting")
    .values(outcome="closed", ended_at=bindparam("at"))
)
_MOST_POLICIES = 32
_parsed: dict[str, Policy] = {}
"""By hash, which says all of a policy: so each is read and parsed once a process."""


@dataclass
class Case:
    """A request, its token and the people around it. ``policy`` is the one frozen onto the request; authority is a
    matter of ``ctx.policy``, the one in force."""

    session: Session
    ctx: Context
    now: datetime
    request: RequestRow
    token: TokenRow
    policy: Policy
    people: People
    standing: Standing
    task: TaskRow | None
    run: RunRow | None
    """The connector's part in the work; None: a person does it."""
    contract_ends_at: datetime | None
    """The first moment after the vendor's contract; None: open ended, or there is none."""

    @property
    def state(self) -> State:
        return State(self.request.state)

    @property
    def tier(self) -> Tier:
        found = self.policy.tier_named(self.request.tier)
        if found is None:
            raise LookupError(f"request {self.request.id} names a tier that its own policy lacks")
        return found

    @property
    def ladder(self) -> Ladder:
        return self.policy.ladder_of(self.tier)

    @property
    def token_id(self) -> int:
        return self.token.id

    @property
    def request_id(self) -> int:
        return self.request.id

    @property
    def accountable(self) -> dict[str, str]:
        """Role to pseudonym, as it was when the case was loaded."""
        return accountable(self.standing, self.people)

    def record(self, *entries: Entry) -> None:
        """Append to the ledger, in this transaction."""
        append(self.session, entries, self.ctx.now)

    def change(self, **values: Any) -> None:
        """Set columns of the request; its version stays, and so do the postings that show it."""
        change(self.session, REQUEST, self.request_id, values)
        _set(self.request, values)

    def change_token(self, **values: Any) -> None:
        """Set columns of the token."""
        change(self.session, TOKEN, self.token_id, {**values, "updated_at": self.now})

    def change_task(self, **values: Any) -> None:
        """Set columns of the work that a decision opened.

        Raises:
            LookupError: none was.
        """
        if self.task is None:
            raise LookupError(f"request {self.request_id} has opened no work")
        change(self.session, TASK, self.task.id, values)
        _set(self.task, values)

    def change_run(self, **values: Any) -> None:
        """Set columns of the connector's part; its turn grows, so that whoever worked from an older one finds out.

        Raises:
            LookupError: there is none.
        """
        if self.run is None:
            raise LookupError(f"no connector works for request {self.request_id}")
        grown = {**values, "turn": self.run.turn + 1}
        change(self.session, RUN, self.run.task_id, grown)
        _set(self.run, grown)

    def move(self, state: State, **values: Any) -> None:
        """Change the request; its version grows and every posting that shows it is brought up to date."""
        closed = {"settled_at": self.now, "next_step_at": None} if state in CLOSED else {}
        self.change(**{"state": state.value, "version": self.request.version + 1, **values, **closed})
        if state not in AWAITED and names_people(self.token.consumers):
            _CLOSE_USES.run(self.session, about_id=self.request_id, at=self.now)
        self.show()

    def show(self) -> None:
        """Have every posting that shows this request brought up to date."""
        enqueue_updates(self.session, self.request_id, self.request.version, now=self.now)

    def ask(self, readers: Iterable[Reader], *, hold: timedelta = timedelta()) -> None:
        """See that a message is on its way to each reader; it waits for ``hold`` at least where it is not urgent."""
        causes = urgent_causes(self.ctx.policy.urgent, self.token.expires_at, self.token.tags, self.now)
        anytime = may_come_at_any_hour(self.ctx.policy.urgent, causes)
        targets = list(readers)
        urgent = dict.fromkeys(targets, anytime) if causes else {}
        enqueue_asks(self.session, self.ctx, self.people, targets, now=self.now, urgent=urgent, hold=hold)

    def close_steps(self, answered_by: int | None, outcome: str = "closed") -> None:
        """End every step that still waits: ``answered`` for whoever answered, ``outcome`` for the others."""
        _CLOSE_STEPS.run(self.session, about_id=self.request_id, answered_by=answered_by, others=outcome, at=self.now)


def load_case(session: Session, ctx: Context, request_id: int) -> Case | None:
    """The case of a request, with the ledger locked: nobody else decides until this transaction ends."""
    lock(session)
    now = ctx.now()
    row = read_case(session, request_id)
    if row is None:
        return None
    people = People(session, ctx, now)
    standing = standing_of(session, ctx, people, row.token.id)
    people.read(standing.in_office)
    return case_of(session, ctx, row, people, standing)


def case_of(session: Session, ctx: Context, row: CaseRow, people: People, standing: Standing) -> Case:
    """The case that a row and the people around it make."""
    policy = frozen_policy(session, row.request.policy_hash)
    return Case(session, ctx, people.moment, row.request, row.token, policy, people, standing, *row[2:])


def frozen_policy(session: Session, policy_hash: str) -> Policy:
    """The policy that a request was opened under."""
    if policy_hash not in _parsed:
        version = table_of(PolicyVersion)
        body = session.connection().execute(select(version.c.body).where(version.c.hash == policy_hash)).scalar_one()
        if len(_parsed) >= _MOST_POLICIES:
            _parsed.clear()
        _parsed[policy_hash] = policy_from_json(body)
    return _parsed[policy_hash]


def times_told(session: Session, request_id: int) -> int:
    """How often somebody was told about a request, reminders included."""
    told = select(func.count()).where(LADDER_STEP.c.request_id == request_id, LADDER_STEP.c.outcome != "unreachable")
    return int(session.connection().execute(told).scalar_one())


def _set(row: RequestRow | TaskRow | RunRow, values: Mapping[str, Any]) -> None:
    for name, value in values.items():
        setattr(row, name, value)
