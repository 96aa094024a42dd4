"""What is urgent, and whether it may reach people outside their working hours: only where the policy says so."""

from __future__ import annotations

from datetime import datetime, timedelta

from bot.rules.policy_attention import Urgent, UrgentCause


def urgent_causes(urgent: Urgent, expires_at: datetime | None, tags: str, now: datetime) -> frozenset[UrgentCause]:
    """Why a question about a token is urgent at ``now``; empty: it is not.

    Args:
        tags: as ``Token.tags`` has them, ``,crm,eu,``.
    """
    found = set()
    if expires_at is not None and now < expires_at <= now + timedelta(hours=urgent.expiry_within):
        found.add(UrgentCause.EXPIRY)
    if not set(urgent.incident_tags).isdisjoint(tags.split(",")):
        found.add(UrgentCause.INCIDENT)
    return frozenset(found)


def may_come_at_any_hour(urgent: Urgent, causes: frozenset[UrgentCause]) -> bool:
    """Whether the policy lets a message for these causes out at night, at weekends and on holidays."""
    return not causes.isdisjoint(urgent.ignore_working_hours)
