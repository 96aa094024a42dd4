"""One request with everything that bears on it, as of one moment and held still until the transaction ends."""

from __future__ import annotations

from collections.abc import Iterable
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
from bot.rules.lifecycle import CLOSED, State
from bot.rules.policy import Policy, Tier, policy_from_json
from bot.rules.policy_parts import Ladder
from bot.rules.standing import Standing
from storage.database import table_of
from storage.inventory import TOKEN, Token
from storage.ledger.log import append, lock
from storage.ledger.record import Entry
from storage.outbox_enqueue import enqueue_updates
from storage.requests import LADDER_STEP, REQUEST, AttestationRequest, PolicyVersion, RemediationTask

# Put together once: they run at every click.
_CASE: Any = (
    select(AttestationRequest, Token, RemediationTask)
    .join(Token, TOKEN.c.id == REQUEST.c.token_id)
    .outerjoin(RemediationTask, table_of(RemediationTask).c.request_id == REQUEST.c.id)
    .where(REQUEST.c.id == bindparam("request_id"))
)
_CLOSE_STEPS = (
    update(LADDER_STEP)
    .where(LADDER_STEP.c.request_id == bindparam("about_id"), LADDER_STEP.c.outcome == "waiting")
    .values(
        outcome=case((LADDER_STEP.c.person_id == bindparam("answered_by"), "answered"), else_=bindparam("others")),
        ended_at=bindparam("at"),
    )
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
    request: AttestationRequest
    token: Token
    policy: Policy
    people: People
    standing: Standing
    task: RemediationTask | None

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
        return _present(self.token.id)

    @property
    def request_id(self) -> int:
        return _present(self.request.id)

    @property
    def accountable(self) -> dict[str, str]:
        """Role to pseudonym, as it was when the case was loaded."""
        return accountable(self.standing, self.people)

    def record(self, *entries: Entry) -> None:
        """Append to the ledger, in this transaction."""
        append(self.session, entries, self.ctx.now)

    def move(self, state: State, **values: Any) -> None:
        """Change the request; its version grows and every posting that shows it is brought up to date."""
        self.request.state = state.value
        self.request.version += 1
        for name, value in values.items():
            setattr(self.request, name, value)
        if state in CLOSED:
            self.request.settled_at = self.now
            self.request.next_step_at = None
        self.show()

    def show(self) -> None:
        """Have every posting that shows this request brought up to date."""
        self.session.add(self.request)
        enqueue_updates(self.session, self.request_id, self.request.version, now=self.now)

    def ask(self, readers: Iterable[Reader]) -> None:
        """See that a message is on its way to each reader."""
        self.session.flush()
        soon = self.now + timedelta(hours=self.ctx.policy.urgent.expiry_within)
        expires = self.token.expires_at
        targets = list(readers)
        urgent = frozenset(targets) if expires is not None and self.now < expires <= soon else frozenset[Reader]()
        enqueue_asks(self.session, self.ctx, self.people, targets, now=self.now, urgent=urgent)

    def close_steps(self, answered_by: int | None, outcome: str = "closed") -> None:
        """End every step that still waits: ``answered`` for whoever answered, ``outcome`` for the others."""
        given = {"about_id": self.request_id, "answered_by": answered_by, "others": outcome, "at": self.now}
        self.session.connection().execute(_CLOSE_STEPS, given)


def load_case(session: Session, ctx: Context, request_id: int) -> Case | None:
    """The case of a request, with the ledger locked: nobody else decides until this transaction ends."""
    lock(session)
    now = ctx.now()
    row = session.exec(_CASE, params={"request_id": request_id}).one_or_none()
    if row is None:
        return None
    request, token, task = row
    people = People(session, ctx, now)
    standing = standing_of(session, ctx, people, request.token_id)
    people.read(standing.in_office)
    return Case(
        session=session,
        ctx=ctx,
        now=now,
        request=request,
        token=token,
        policy=frozen_policy(session, request.policy_hash),
        people=people,
        standing=standing,
        task=task,
    )


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


def _present(row_id: int | None) -> int:
    if row_id is None:
        raise LookupError("a row that was read has no id")
    return row_id
