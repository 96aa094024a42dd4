"""A vendor with everybody it passes access on to: resellers and managed services are children of a vendor."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any

from sqlalchemy import select
from sqlmodel import Session

from bot.errors import NotFoundError
from storage.inventory import VENDOR
from storage.search import normalise
from storage.vendors import vendor_key

_NEAR = 3


def vendor_and_children(session: Session, name: str) -> tuple[str, list[int]]:
    """The name of a vendor as it is kept, and the ids of it and of all below it.

    Raises:
        NotFoundError: no vendor is named so; the text names those near.
    """
    query = select(VENDOR.c.id, VENDOR.c.name, VENDOR.c.name_key, VENDOR.c.parent_id)
    rows = list(session.connection().execute(query))
    by_key = {row.name_key: row for row in rows}
    key = vendor_key(normalise(name))
    if key not in by_key:
        near = [by_key[one].name for one in get_close_matches(key, by_key, n=_NEAR, cutoff=0.6)]
        said = f" The nearest names are: {', '.join(near)}." if near else ""
        raise NotFoundError(f"No vendor is named {name!r}.{said}")
    return by_key[key].name, _below(rows, by_key[key].id)


def _below(rows: Sequence[Any], vendor_id: int) -> list[int]:
    """The id and those of all descendants; a circle ends."""
    found = [vendor_id]
    for one in found:
        found += [row.id for row in rows if row.parent_id == one and row.id not in found]
    return found
