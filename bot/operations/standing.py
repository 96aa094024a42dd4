"""Reads who stands where towards a token: ownership, the vendor's owner (or its parents'), the security people."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlmodel import Session

from bot.operations.context import Context
from bot.operations.directory import People
from bot.rules.people import MAX_CHAIN
from bot.rules.standing import Standing
from storage.database import among
from storage.inventory import OWNERSHIP, TOKEN, VENDOR


def standings(session: Session, ctx: Context, people: People, token_ids: Sequence[int]) -> dict[int, Standing]:
    """The standing of each token as of now, by token id."""
    if not token_ids:
        return {}
    roles: dict[int, dict[str, int]] = {token_id: {} for token_id in token_ids}
    connection = session.connection()
    current = select(OWNERSHIP.c.token_id, OWNERSHIP.c.role, OWNERSHIP.c.person_id).where(
        among(session, OWNERSHIP.c.token_id, token_ids), OWNERSHIP.c.to_at.is_(None)
    )
    for token_id, role, person_id in connection.execute(current).all():
        roles[token_id][role] = person_id
    vendors = select(TOKEN.c.id, TOKEN.c.vendor_id).where(among(session, TOKEN.c.id, token_ids))
    vendor_of = {row.id: row.vendor_id for row in connection.execute(vendors).all()}
    owner_of_vendor = relationship_owners(session, {one for one in vendor_of.values() if one is not None})
    security = tuple(people.by_email(ctx.policy.people_in("security")))
    return {
        token_id: Standing(
            service_owner=held.get("service_owner"),
            business_owner=held.get("business_owner"),
            backup_owner=held.get("backup_owner"),
            vendor_relationship_owner=owner_of_vendor.get(vendor_of.get(token_id) or 0),
            security=security,
        )
        for token_id, held in roles.items()
    }


def standing_of(session: Session, ctx: Context, people: People, token_id: int) -> Standing:
    """The standing of one token as of now."""
    return standings(session, ctx, people, [token_id])[token_id]


def relationship_owners(session: Session, vendor_ids: set[int]) -> dict[int, int]:
    """For each vendor its relationship owner, or the nearest parent's where it has none of its own."""
    vendors: dict[int, tuple[int | None, int | None]] = {}
    wanted = set(vendor_ids)
    while wanted:
        rows = session.connection().execute(
            select(VENDOR.c.id, VENDOR.c.parent_id, VENDOR.c.relationship_owner_id).where(VENDOR.c.id.in_(wanted))
        )
        vendors.update({row.id: (row.parent_id, row.relationship_owner_id) for row in rows})
        wanted = {parent for parent, owner in vendors.values() if parent and owner is None and parent not in vendors}
    found: dict[int, int] = {}
    for vendor_id in vendor_ids:
        at: int | None = vendor_id
        for _ in range(MAX_CHAIN):
            parent, owner = vendors.get(at or 0, (None, None))
            if owner is not None:
                found[vendor_id] = owner
            if owner is not None or parent is None:
                break
            at = parent
    return found
