"""The vendors file: who stands behind whom, who answers for the relationship, and until when a contract runs.

A contract that a file states otherwise is replaced by a new one and stays on record. A vendor that is no longer
in the file stays: only the file's own rows change anything.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Row, insert, select, update
from sqlmodel import Session

from bot.operations.import_inventory.checking import Flaw
from bot.operations.import_inventory.circles import circles, describe
from bot.operations.import_inventory.people import Directory
from bot.operations.import_inventory.report import Change, counted
from bot.operations.import_inventory.rows import Named, Run
from storage.database import insert_or_ignore
from storage.inventory import VENDOR
from storage.vendors import CONTRACT, VENDOR_RELATIONSHIP, refresh_contract_ends, vendor_key

_SHOWN = 10


class RelationshipChange(NamedTuple):
    """A vendor that had a relationship owner before has another now, or none."""

    vendor_id: int
    before: str
    after: str
    """Addresses; empty: nobody."""


class Vendors:
    """All vendors, by key; :meth:`mention` adds those whom only another row names."""

    def __init__(self, session: Session, now: datetime) -> None:
        self.session, self._now = session, now
        self.mentioned: list[str] = []
        self.known: dict[str, Row[Any]] = {}
        self._load()

    def _load(self) -> None:
        self.known = {row.name_key: row for row in self.session.connection().execute(select(VENDOR))}

    def mention(self, names: Iterable[str], *, by_mention: bool = True) -> None:
        """Make a vendor of every name that is not known yet."""
        new = {key: name for name in names if (key := vendor_key(name)) not in self.known}
        rows = [
            {
                "name": " ".join(name.split()),
                "name_key": key,
                "status": "active",
                "by_mention": by_mention,
                "created_at": self._now,
                "updated_at": self._now,
            }
            for key, name in new.items()
        ]
        insert_or_ignore(self.session, VENDOR, rows)
        if new:
            self._load()
        if by_mention:
            self.mentioned += new.values()

    def id_of(self, name: str) -> int | None:
        return self.known[vendor_key(name)].id if name else None


def check_vendors(run: Run, vendors: Vendors) -> None:
    """Refuse rows whose parents go round in a circle and contracts that end before they start."""
    keys = {row.id: key for key, row in vendors.known.items()}
    stored = {key: keys[row.parent_id] for key, row in vendors.known.items() if row.parent_id is not None}
    given = {key: vendor_key(row.values["parent"]) for key, row in run.vendors.items() if "parent" in row.values}
    order = {key: row.origin for key, row in run.vendors.items()}
    for blamed, circle in circles(stored, given, order):
        reason = f"the parents go round in a circle: {describe(circle)}"
        allowed = "A vendor's parent is the one it belongs to or is bought through; the last has none"
        run.reject(run.vendors.pop(blamed).origin, "vendors", [Flaw("parent", "", reason, allowed)])
    for key, row in list(run.vendors.items()):
        starts, ends = row.values.get("contract_start"), row.values.get("contract_end")
        if starts is not None and ends is not None and ends < starts:
            flaw = Flaw("contract_end", str(ends), "this is before contract_start", "Check both dates")
            run.reject(run.vendors.pop(key).origin, "vendors", [flaw])


def write_vendors(run: Run, vendors: Vendors, directory: Directory) -> list[RelationshipChange]:
    """Write every row of vendors; returns the relationships that changed hands."""
    before = dict(vendors.known)
    vendors.mention((row.values["name"] for row in run.vendors.values()), by_mention=False)
    vendors.mention(row.values["parent"] for row in run.vendors.values() if row.values.get("parent"))
    owners = (row.values.get("relationship_owner") for row in run.vendors.values())
    directory.mention(owner for owner in owners if owner)
    contracts = _contracts(vendors)
    changes: list[RelationshipChange] = []
    for key, row in run.vendors.items():
        vendor = vendors.known[key]
        values = _values(row, vendors, directory)
        differing = {name: value for name, value in values.items() if getattr(vendor, name) != value}
        if differing:
            statement = update(VENDOR).where(VENDOR.c.id == vendor.id).values(**differing, updated_at=run.now)
            vendors.session.connection().execute(statement)
        if "relationship_owner_id" in differing:
            _move_relationship(vendors, vendor.id, differing["relationship_owner_id"], run.now)
            if vendor.relationship_owner_id is not None:
                old, new = vendor.relationship_owner_id, differing["relationship_owner_id"]
                changes.append(RelationshipChange(vendor.id, directory.email_of(old), directory.email_of(new)))
        contract = _write_contract(vendors, vendor.id, row, contracts.get(vendor.id), run.now)
        _count(run, vendors, directory, row, before.get(key), differing, contract)
    return changes


def finish_vendors(run: Run, vendors: Vendors) -> None:
    """After tokens have named their vendors too: contract ends, and a line about those known by name only."""
    refresh_contract_ends(vendors.session)
    if vendors.mentioned:
        names = sorted(vendors.mentioned)
        more = " …" if len(names) > _SHOWN else "."
        who = counted(len(names), "vendor is", "vendors are")
        run.report.warnings.append(
            f"{who} known only because a file names them: {', '.join(names[:_SHOWN])}{more} "
            "A vendors file can say who answers for them and until when their contract runs."
        )


def _values(row: Named, vendors: Vendors, directory: Directory) -> dict[str, Any]:
    given = row.values
    values: dict[str, Any] = {"name": " ".join(given["name"].split()), "by_mention": False}
    if "parent" in given:
        values["parent_id"] = vendors.id_of(given["parent"])
    if "relationship_owner" in given:
        values["relationship_owner_id"] = directory.id_of(given["relationship_owner"])
    if given.get("status"):
        values["status"] = given["status"]
    return values


def _move_relationship(vendors: Vendors, vendor_id: int, person_id: int | None, now: datetime) -> None:
    connection, table = vendors.session.connection(), VENDOR_RELATIONSHIP
    connection.execute(update(table).where(table.c.vendor_id == vendor_id, table.c.to_at.is_(None)).values(to_at=now))
    if person_id is not None:
        connection.execute(insert(table).values(vendor_id=vendor_id, person_id=person_id, from_at=now))


def _contracts(vendors: Vendors) -> dict[int, Row[Any]]:
    query = select(CONTRACT).where(CONTRACT.c.replaced_at.is_(None)).order_by(CONTRACT.c.id)
    return {row.vendor_id: row for row in vendors.session.connection().execute(query)}


def _write_contract(
    vendors: Vendors, vendor_id: int, row: Named, stored: Row[Any] | None, now: datetime
) -> list[tuple[str, Any, Any]]:
    """The contract's columns that changed: name, before, after."""
    was = {"contract_start": stored.starts_on if stored else None, "contract_end": stored.ends_on if stored else None}
    now_is = {name: row.values.get(name, value) for name, value in was.items()}
    if now_is == was:
        return []
    connection = vendors.session.connection()
    if stored is not None:
        connection.execute(update(CONTRACT).where(CONTRACT.c.id == stored.id).values(replaced_at=now))
    if any(now_is.values()):
        values = {"starts_on": now_is["contract_start"], "ends_on": now_is["contract_end"]}
        connection.execute(insert(CONTRACT).values(vendor_id=vendor_id, recorded_at=now, **values))
    return [(name, was[name], now_is[name]) for name in was if was[name] != now_is[name]]


def _count(
    run: Run,
    vendors: Vendors,
    directory: Directory,
    row: Named,
    before: Row[Any] | None,
    differing: dict[str, Any],
    contract: list[tuple[str, Any, Any]],
) -> None:
    file, name = run.file(row.origin.file), row.values["name"]
    if before is None:
        file.new += 1
        run.report.add_change(Change("vendors", "new", name))
        return
    changed = bool(differing or contract)
    file.changed += changed
    file.unchanged += not changed
    names = {vendor.id: vendor.name for vendor in vendors.known.values()} if "parent_id" in differing else {}
    for column, value in differing.items():
        old = getattr(before, column)
        if column == "relationship_owner_id":
            old, value = directory.email_of(old), directory.email_of(value)
        elif column == "parent_id":
            old, value = names.get(old, ""), names.get(value, "")
        shown = column.removesuffix("_id")
        run.report.add_change(Change("vendors", "changed", name, shown, _text(old), _text(value)))
    for column, old, value in contract:
        run.report.add_change(Change("vendors", "changed", name, column, _text(old), _text(value)))


def _text(value: Any) -> str:
    return "" if value is None else str(value)
