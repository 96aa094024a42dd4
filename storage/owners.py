"""Who owns a token in which role since when: one change at a time (the import changes many at once)."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import insert, select, update
from sqlmodel import Session

from storage.inventory import OWNERSHIP, OWNERSHIP_ROLES, TOKEN


def assign(
    session: Session, token_id: int, role: str, person_id: int | None, at: datetime, source: str = "decision"
) -> int | None:
    """Make ``person_id`` the holder of ``role`` from ``at`` on; None: nobody. Returns who held it before.

    The row in force is closed at ``at`` and a new one opened; nothing is deleted, and nothing is written where
    the holder stays the same. ``token.service_owner_id`` follows.

    Args:
        at: a moment with a zone.
        source: ``decision`` or ``import``: what made it so.

    Raises:
        ValueError: when there is no such role.
    """
    if role not in OWNERSHIP_ROLES:
        raise ValueError(f"{role!r} is no ownership role; roles: {', '.join(OWNERSHIP_ROLES)}")
    connection = session.connection()
    current = (OWNERSHIP.c.token_id == token_id) & (OWNERSHIP.c.role == role) & OWNERSHIP.c.to_at.is_(None)
    before: int | None = connection.scalar(select(OWNERSHIP.c.person_id).where(current).with_for_update())
    if before == person_id:
        return before
    connection.execute(update(OWNERSHIP).where(current).values(to_at=at))
    if person_id is not None:
        row = {"token_id": token_id, "person_id": person_id, "role": role, "from_at": at, "source": source}
        connection.execute(insert(OWNERSHIP).values(row))
    if role == "service_owner":
        connection.execute(
            update(TOKEN).where(TOKEN.c.id == token_id).values(service_owner_id=person_id, updated_at=at)
        )
    return before
