"""Vendors by name, and until when each one's contract runs."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

from sqlalchemy import select, update
from sqlmodel import Session

from storage.database import table_of
from storage.inventory import VENDOR, Contract, VendorRelationship

CONTRACT, VENDOR_RELATIONSHIP = table_of(Contract), table_of(VendorRelationship)


def vendor_key(name: str) -> str:
    """What two spellings of one vendor have in common: case folded, single spaces."""
    return " ".join(name.split()).casefold()


def contract_end(ends_on: date) -> datetime:
    """The first moment after a contract whose last day is ``ends_on``, in UTC."""
    return datetime.combine(ends_on + timedelta(days=1), time(), UTC)


def refresh_contract_ends(session: Session) -> int:
    """Set every vendor's ``contract_ends_at`` anew; returns how many changed.

    A vendor's own contract counts, also where it has no end; a vendor without one stands under the contract of
    its nearest parent that has one. Vendors number in thousands, so this reads them all.
    """
    connection = session.connection()
    ends: dict[int, datetime | None] = {
        row.vendor_id: None if row.ends_on is None else contract_end(row.ends_on)
        for row in connection.execute(
            select(CONTRACT.c.vendor_id, CONTRACT.c.ends_on)
            .where(CONTRACT.c.replaced_at.is_(None))
            .order_by(CONTRACT.c.id)
        )
    }
    vendors = connection.execute(select(VENDOR.c.id, VENDOR.c.parent_id, VENDOR.c.contract_ends_at)).all()
    parents: dict[int, int | None] = {row.id: row.parent_id for row in vendors}
    changed = 0
    for row in vendors:
        effective = _nearest(row.id, ends, parents)
        if effective != row.contract_ends_at:
            connection.execute(update(VENDOR).where(VENDOR.c.id == row.id).values(contract_ends_at=effective))
            changed += 1
    return changed


def _nearest(vendor_id: int, ends: dict[int, datetime | None], parents: dict[int, int | None]) -> datetime | None:
    current: int | None = vendor_id
    for _ in range(len(parents) + 1):  # a circle of parents, should there be one, ends here
        if current is None:
            return None
        if current in ends:
            return ends[current]
        current = parents.get(current)
    return None
