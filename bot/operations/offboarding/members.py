"""Which tokens a plan is about: those of a vendor and of all that come through it, or those with a tag or consumer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import ColumnElement, func, select
from sqlmodel import Session

from bot.errors import NotFoundError
from storage.database import among
from storage.inventory import TOKEN, VENDOR
from storage.vendors import vendor_key

Kind = Literal["vendor", "tag", "consumer"]


@dataclass(frozen=True)
class Subject:
    """What a plan is about. ``vendor_ids``: the vendor first, then its children and theirs."""

    kind: Kind
    name: str
    vendor_ids: tuple[int, ...] = ()

    @property
    def vendor_id(self) -> int | None:
        return self.vendor_ids[0] if self.vendor_ids else None


def vendor_subject(session: Session, vendor_id: int) -> Subject:
    """A vendor with everything that comes through it: reseller and managed-service chains, to any depth.

    Raises:
        NotFoundError: there is no such vendor.
    """
    rows = session.connection().execute(select(VENDOR.c.id, VENDOR.c.parent_id, VENDOR.c.name)).all()
    children: dict[int, list[int]] = {}
    for row in rows:
        if row.parent_id is not None:
            children.setdefault(row.parent_id, []).append(row.id)
    family: dict[int, None] = {}
    waiting = [vendor_id]
    while waiting:  # a circle of parents, should there be one, ends here
        one = waiting.pop(0)
        if one not in family:
            family[one] = None
            waiting += sorted(children.get(one, []))
    name = next((row.name for row in rows if row.id == vendor_id), None)
    if name is None:
        raise NotFoundError("There is no such vendor.")
    return Subject("vendor", name, tuple(family))


def vendor_id_of(session: Session, name: str) -> int | None:
    """A vendor by its whole name, whatever its letters' case."""
    found: int | None = session.connection().scalar(select(VENDOR.c.id).where(VENDOR.c.name_key == vendor_key(name)))
    return found


def subject_of(session: Session, plan: Any) -> Subject:
    """What a plan that was kept is about."""
    if plan.vendor_id is not None:
        return vendor_subject(session, plan.vendor_id)
    return Subject(plan.kind, plan.subject)


def member_ids(session: Session, subject: Subject) -> list[int]:
    """Ids of the tokens that still work, as far as anybody knows, in the order of their names."""
    query = select(TOKEN.c.id).where(TOKEN.c.state == "active", _belongs(session, subject))
    return list(session.connection().execute(query.order_by(TOKEN.c.issuing_system, TOKEN.c.external_id)).scalars())


def _belongs(session: Session, subject: Subject) -> ColumnElement[bool]:
    match subject.kind:
        case "vendor":
            return among(session, TOKEN.c.vendor_id, subject.vendor_ids)
        case "tag":
            return TOKEN.c.tags.contains(f",{subject.name.strip().lower()},", autoescape=True)
        case "consumer":
            # Written as a list by people: commas or semicolons, with or without spaces.
            listed = func.replace(
                func.replace(func.replace(func.lower(TOKEN.c.consumers), ";", ","), " ,", ","), ", ", ","
            )
            return ("," + listed + ",").contains(f",{subject.name.strip().lower()},", autoescape=True)
