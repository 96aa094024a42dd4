"""Reads who stands where towards a token: ownership, the vendor's owner (or its parents'), the security people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import and_, bindparam, select
from sqlmodel import Session

from bot.operations.context import Context
from bot.operations.directory import People
from bot.rules.people import MAX_CHAIN
from bot.rules.standing import Standing
from storage.database import among
from storage.inventory import OWNERSHIP, TOKEN, VENDOR
from storage.prepared import Prepared

_HELD = (
    select(
        TOKEN.c.id.label("token_id"),
        OWNERSHIP.c.role,
        OWNERSHIP.c.person_id,
        TOKEN.c.vendor_id,
        VENDOR.c.relationship_owner_id,
    )
    .outerjoin(OWNERSHIP, and_(OWNERSHIP.c.token_id == TOKEN.c.id, OWNERSHIP.c.to_at.is_(None)))
    .outerjoin(VENDOR, VENDOR.c.id == TOKEN.c.vendor_id)
)
_HELD_OF_ONE = Prepared(_HELD.where(TOKEN.c.id == bindparam("of_id")))


def standings(session: Session, ctx: Context, people: People, token_ids: Sequence[int]) -> dict[int, Standing]:
    """The standing of each token as of now, by token id."""
    if not token_ids:
        return {}
    rows = session.connection().execute(_HELD.where(among(session, TOKEN.c.id, token_ids))).all()
    return _standings(session, ctx, people, token_ids, rows)


def standing_of(session: Session, ctx: Context, people: People, token_id: int) -> Standing:
    """The standing of one token as of now."""
    rows = _HELD_OF_ONE.all(session, of_id=token_id)
    return _standings(session, ctx, people, [token_id], rows)[token_id]


def _standings(
    session: Session, ctx: Context, people: People, token_ids: Sequence[int], rows: Sequence[Any]
) -> dict[int, Standing]:
    roles: dict[int, dict[str, int]] = {token_id: {} for token_id in token_ids}
    owner_of_vendor = {row.vendor_id: row.relationship_owner_id for row in rows}
    unowned = {vendor for vendor, owner in owner_of_vendor.items() if vendor is not None and owner is None}
    owner_of_vendor.update(relationship_owners(session, unowned))
    for token_id, role, person_id, vendor_id, _ in rows:
        if role is not None:
            roles[token_id][role] = person_id
        if owner_of_vendor[vendor_id] is not None:
            roles[token_id]["vendor_relationship_owner"] = owner_of_vendor[vendor_id]
    security = tuple(people.by_email(ctx.policy.people_in("security")))
    return {token_id: Standing(**held, security=security) for token_id, held in roles.items()}


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
