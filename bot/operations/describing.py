"""What a record calls a token, so that it can be read without the inventory: its name, its vendor, the contract."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlmodel import Session

from storage.database import among
from storage.inventory import TOKEN, VENDOR
from storage.ledger.record import to_ms

_DESCRIBED = select(TOKEN.c.id, TOKEN.c.display_name, VENDOR.c.name, VENDOR.c.contract_ends_at).outerjoin(
    VENDOR, VENDOR.c.id == TOKEN.c.vendor_id
)


def described(session: Session, token_ids: Sequence[int]) -> dict[int, dict[str, Any]]:
    """Parts of a record by token id: ``name``, ``vendor``, ``contract_ends`` (the moment after its
    last day, ms), as far as there are any."""
    rows = session.connection().execute(_DESCRIBED.where(among(session, TOKEN.c.id, token_ids)))
    return {
        token_id: {
            "name": name or None,
            "vendor": vendor,
            "contract_ends": None if ends is None else to_ms(ends),
        }
        for token_id, name, vendor, ends in rows
    }
