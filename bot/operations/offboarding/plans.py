"""Plans as they are kept: read, changed, recorded and shown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy import func, insert, select, update
from sqlmodel import Session

from bot.operations.context import Context
from bot.operations.directory import People
from bot.operations.records import names_of
from bot.rules.authority import Grant
from bot.rules.calendar import next_working
from storage.ledger.log import append
from storage.ledger.record import Entry, RecordKind, to_ms
from storage.outbox import POSTING
from storage.outbox_enqueue import URGENT, enqueue
from storage.remediation import OFFBOARDING, OFFBOARDING_TOKEN

CARD: Final = "offboarding"
OPEN_STATES: Final = ("proposed", "running")


def read_plan(session: Session, plan_id: int) -> Any | None:
    """A plan's row; None: there is none."""
    return session.connection().execute(select(OFFBOARDING).where(OFFBOARDING.c.id == plan_id)).one_or_none()


def open_plan_of(session: Session, kind: str, subject: str) -> Any | None:
    """The plan about this that is under way; there is at most one."""
    query = select(OFFBOARDING).where(
        OFFBOARDING.c.kind == kind, OFFBOARDING.c.subject == subject, OFFBOARDING.c.state.in_(OPEN_STATES)
    )
    return session.connection().execute(query).one_or_none()


def plan_size(session: Session, plan_id: int) -> int:
    """How many tokens a plan is about."""
    query = select(func.count()).where(OFFBOARDING_TOKEN.c.offboarding_id == plan_id)
    return int(session.connection().execute(query).scalar_one())


def keep_plan(session: Session, token_ids: Iterable[int], **values: Any) -> int:
    """A new plan over these tokens; returns its id."""
    made = insert(OFFBOARDING).values(version=1, report={}, **values).returning(OFFBOARDING.c.id)
    plan_id = int(session.connection().execute(made).scalar_one())
    rows = [{"offboarding_id": plan_id, "token_id": one} for one in token_ids]
    if rows:
        session.connection().execute(insert(OFFBOARDING_TOKEN), rows)
    return plan_id


def change_plan(session: Session, plan: Any, **values: Any) -> None:
    """Set columns of a plan; its version grows, and whoever sees it sees it changed."""
    changed = update(OFFBOARDING).where(OFFBOARDING.c.id == plan.id)
    session.connection().execute(changed.values(version=OFFBOARDING.c.version + 1, **values))


def show_plan(session: Session, plan_id: int, now: datetime) -> None:
    """Have every message about a plan brought up to date. Such messages are few."""
    living = select(POSTING).where(
        POSTING.c.card == CARD, POSTING.c.replaced_by_id.is_(None), POSTING.c.gone_at.is_(None)
    )
    for row in session.connection().execute(living).all():
        if row.params.get("plan") == plan_id:
            enqueue(
                session,
                dedupe_key=f"plan-upd:{row.id}:{to_ms(now)}",
                card=CARD,
                lane=row.lane,
                not_before=now,
                created_at=now,
                person_id=row.person_id,
                posting_id=row.id,
                action="update",
                params=row.params,
                priority=URGENT,
            )


def tell_of_plan(
    session: Session, ctx: Context, people: People, plan_id: int, readers: Iterable[int | None], *, about: str
) -> None:
    """A message about a plan to each of these (None: the security channel), in their working time.

    Args:
        about: which message, ``proposed`` or ``ended``: each reaches everybody once.
    """
    now = ctx.now()
    for reader in dict.fromkeys(readers):
        channel = ctx.policy.channels.security if reader is None else ""
        enqueue(
            session,
            dedupe_key=f"plan:{plan_id}:{about}:{reader if reader is not None else 'security'}",
            card=CARD,
            lane=ctx.lane,
            not_before=now if reader is None else next_working(now, people.working_time(reader)),
            created_at=now,
            person_id=reader,
            channel=channel,
            params={"plan": plan_id},
        )


def record_plan(
    session: Session,
    ctx: Context,
    people: People,
    plan: Any,
    reason: str,
    *,
    actor_id: int | None = None,
    grant: Grant | None = None,
    counts: Mapping[str, int] | None = None,
    justification: str = "",
    platform: str = "",
) -> None:
    """What happened to a plan, on record; ``actor_id`` None: the contract's end, or the plan's own course."""
    actor = people.get(actor_id)
    role = None if grant is None else grant.role
    delegator = None if grant is None else people.get(grant.delegated_from)
    written = {"justification": justification} if justification else {}
    entry = Entry(
        RecordKind.OFFBOARDING,
        reason=reason,
        actor_ref=None if actor is None else actor.ref,
        actor_type="system" if actor is None else "human",
        role={} if role is None else {"name": role.value, "source": "policy", "as_of": to_ms(ctx.now())},
        authority={"rule": "offboarding"} | ({} if delegator is None else {"delegated_from": delegator.ref}),
        channel={"platform": platform} if platform else {},
        details={"plan": plan.kind, "subject": plan.subject, "cause": plan.cause, **(counts or {})},
        disclosures=written | names_of([actor_id], people),
    )
    append(session, [entry], ctx.now)
