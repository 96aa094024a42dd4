"""Which of some tokens or requests are urgent now, by the policy in force."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import or_, select
from sqlmodel import Session

from bot.operations.context import Context
from bot.rules.policy_attention import UrgentCause
from bot.rules.urgency import may_come_at_any_hour, urgent_causes
from storage.database import among
from storage.inventory import TOKEN
from storage.requests import REQUEST


def tokens_in_incidents(session: Session, ctx: Context, token_ids: Sequence[int] | None) -> set[int]:
    """Those of the tokens (None: of all) that carry a tag which the policy calls an incident."""
    wanted = set(ctx.policy.urgent.incident_tags)
    if not wanted or token_ids == []:
        return set()
    # LIKE only keeps most rows in the database (SQLite's does not tell a from A); what it finds is looked at again.
    tagged = or_(*(TOKEN.c.tags.contains(f",{tag},", autoescape=True) for tag in sorted(wanted)))
    query = select(TOKEN.c.id, TOKEN.c.tags).where(tagged)
    if token_ids is not None:
        query = query.where(among(session, TOKEN.c.id, token_ids))
    return {row.id for row in session.connection().execute(query) if not wanted.isdisjoint(row.tags.split(","))}


def any_may_come_at_any_hour(session: Session, ctx: Context, request_ids: Sequence[int], now: datetime) -> bool:
    """Whether one of these requests is so urgent at ``now`` that the policy lets its message out at any hour."""
    urgent = ctx.policy.urgent
    if not urgent.ignore_working_hours or not request_ids:
        return False
    query = select(TOKEN.c.expires_at, TOKEN.c.tags).join(REQUEST, REQUEST.c.token_id == TOKEN.c.id)
    rows = session.connection().execute(query.where(among(session, REQUEST.c.id, request_ids))).all()
    causes: frozenset[UrgentCause] = frozenset()
    for row in rows:
        causes |= urgent_causes(urgent, row.expires_at, row.tags, now)
    return may_come_at_any_hour(urgent, causes)
