"""How far a plan has come: each of its tokens in one word, and who has to look at it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlmodel import Session

from bot.rules.lifecycle import CLOSED, State
from bot.rules.remediation import ACTS, Stage
from storage.cases import TASK
from storage.inventory import OWNERSHIP, TOKEN
from storage.people import PERSON
from storage.remediation import OFFBOARDING_TOKEN, RUN
from storage.requests import REQUEST

#: In the order in which somebody has to look at them.
LEFT_OVER = ("failed", "by_hand", "called_off", "accepted_unverified")
UNDER_WAY = ("waiting", "running")


@dataclass(frozen=True)
class Member:
    """One token of a plan as it stands."""

    token_id: int
    request_id: int | None
    name: str
    system: str
    owner: str
    environment: str
    last_used_at: datetime | None
    state: str
    """As :class:`messages.cards.facts.PlanToken` has it."""
    stage: str
    fault: str
    fault_detail: str


def members(session: Session, plan_id: int) -> list[Member]:
    """Every token of a plan, by issuing system and name."""
    query = (
        select(
            TOKEN.c.id,
            TOKEN.c.issuing_system,
            TOKEN.c.external_id,
            TOKEN.c.display_name,
            TOKEN.c.environment,
            TOKEN.c.last_used_at,
            TOKEN.c.state.label("token_state"),
            OFFBOARDING_TOKEN.c.request_id,
            REQUEST.c.state,
            TASK.c.result,
            RUN.c.stage,
            RUN.c.fault,
            RUN.c.fault_detail,
            PERSON.c.name.label("owner"),
        )
        .select_from(OFFBOARDING_TOKEN)
        .join(TOKEN, TOKEN.c.id == OFFBOARDING_TOKEN.c.token_id)
        .outerjoin(REQUEST, REQUEST.c.id == OFFBOARDING_TOKEN.c.request_id)
        .outerjoin(TASK, TASK.c.request_id == REQUEST.c.id)
        .outerjoin(RUN, RUN.c.task_id == TASK.c.id)
        .outerjoin(
            OWNERSHIP,
            (OWNERSHIP.c.token_id == TOKEN.c.id) & (OWNERSHIP.c.role == "service_owner") & OWNERSHIP.c.to_at.is_(None),
        )
        .outerjoin(PERSON, PERSON.c.id == OWNERSHIP.c.person_id)
        .where(OFFBOARDING_TOKEN.c.offboarding_id == plan_id)
        .order_by(TOKEN.c.issuing_system, TOKEN.c.external_id)
    )
    return [
        Member(
            row.id,
            row.request_id,
            row.display_name or row.external_id,
            row.issuing_system,
            row.owner or "",
            row.environment,
            row.last_used_at,
            _state(row.token_state, row.state, row.result, row.stage),
            row.stage or "",
            row.fault or "",
            row.fault_detail or "",
        )
        for row in session.connection().execute(query)
    ]


def counts(found: list[Member]) -> dict[str, int]:
    """How many are in each state."""
    return dict(Counter(one.state for one in found))


def is_over(found: list[Member]) -> bool:
    """Whether nothing goes on by itself any more: what is left waits for people, each with a request of its own."""
    return not any(one.state in UNDER_WAY for one in found)


def _state(token_state: str, request_state: str | None, result: str | None, stage: str | None) -> str:
    if request_state is None:
        return "waiting" if token_state == "active" else "gone"
    if State(request_state) in CLOSED:
        return result if result in ("confirmed", "accepted_unverified", "called_off") else "called_off"
    if stage is None or stage == Stage.BY_HAND.value:
        return "by_hand"
    return "running" if Stage(stage) in ACTS else "failed"
