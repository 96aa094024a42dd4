"""Who stood where towards a token at a moment in the past: from intervals that are closed, never deleted.

The inventory keeps the history of owners, vendor relationships and contracts. It keeps none of who managed whom and
of which vendor a token belonged to: those are read as they are today.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Table, or_, select
from sqlmodel import Session

from bot.operations.case import frozen_policy
from bot.operations.context import Context
from bot.operations.directory import People
from bot.operations.lookups.told import part
from bot.operations.naming import ERASED
from bot.rules.authority import who_can
from bot.rules.people import MAX_CHAIN, PersonFacts
from bot.rules.policy import Policy
from bot.rules.policy_parts import DecisionKind
from bot.rules.standing import Standing
from storage.database import table_of
from storage.inventory import OWNERSHIP, OWNERSHIP_ROLES, TOKEN, VENDOR
from storage.ledger.record import RecordKind, parse_canonical
from storage.ledger.tables import LEAF
from storage.people import PERSON
from storage.requests import PolicyVersion
from storage.vendors import CONTRACT, VENDOR_RELATIONSHIP


@dataclass(frozen=True)
class Holder:
    """Somebody in a role at the moment, and since when."""

    person_id: int
    since: datetime


@dataclass(frozen=True)
class ContractThen:
    """``active``, ``ended``, ``open_ended`` or ``unknown``, and when that was written down."""

    state: str
    starts_on: date | None = None
    ends_on: date | None = None
    recorded_at: datetime | None = field(default=None, compare=False)


class PeopleThen:
    """The directory as of a moment: who had left by then, and who was away."""

    def __init__(self, session: Session, ctx: Context, at: datetime) -> None:
        self._people = People(session, ctx, at)
        self._session = session

    @property
    def moment(self) -> datetime:
        return self._people.moment

    def get(self, person_id: int | None) -> PersonFacts | None:
        person = self._people.get(person_id)
        if person is None or person.active:
            return person
        left_at = self._session.connection().scalar(select(PERSON.c.left_at).where(PERSON.c.id == person.id))
        return replace(person, active=left_at is not None and left_at > self.moment)

    def by_email(self, addresses: Sequence[str]) -> list[int]:
        return self._people.by_email(addresses)

    def called(self, person_id: int | None) -> str:
        """The name; of somebody whose name was erased, the pseudonym."""
        person = self.get(person_id)
        if person is None:
            return ""
        return f"{person.ref} (erased)" if person.email.endswith(ERASED) else person.name

    def name_of(self, person_id: int | None) -> str:
        """:meth:`called`; somebody who had left by then is marked so."""
        person = self.get(person_id)
        left = person is not None and not person.active and not person.email.endswith(ERASED)
        return f"{self.called(person_id)} (had left)" if left else self.called(person_id)


def owners_at(session: Session, token_id: int, at: datetime) -> dict[str, Holder]:
    """Role to holder, of the three ownership roles; a role that nobody held is left out."""
    query = select(OWNERSHIP.c.role, OWNERSHIP.c.person_id, OWNERSHIP.c.from_at).where(
        OWNERSHIP.c.token_id == token_id, _covers(OWNERSHIP, at)
    )
    rows = session.connection().execute(query.order_by(OWNERSHIP.c.from_at))
    found = {row.role: Holder(row.person_id, row.from_at) for row in rows}
    return {role: found[role] for role in OWNERSHIP_ROLES if role in found}


def vendor_chain(session: Session, vendor_id: int | None) -> list[Any]:
    """The vendor's row and its parents', nearest first; a circle ends."""
    chain: list[Any] = []
    seen: set[int] = set()
    while vendor_id is not None and vendor_id not in seen and len(chain) < MAX_CHAIN:
        seen.add(vendor_id)
        row = session.connection().execute(select(VENDOR).where(VENDOR.c.id == vendor_id)).one_or_none()
        if row is None:
            break
        chain.append(row)
        vendor_id = row.parent_id
    return chain


def relationship_owner_at(session: Session, chain: Sequence[Any], at: datetime) -> Holder | None:
    """The vendor's relationship owner at the moment, or the nearest parent's."""
    for vendor in chain:
        query = select(VENDOR_RELATIONSHIP.c.person_id, VENDOR_RELATIONSHIP.c.from_at).where(
            VENDOR_RELATIONSHIP.c.vendor_id == vendor.id, _covers(VENDOR_RELATIONSHIP, at)
        )
        row = session.connection().execute(query.order_by(VENDOR_RELATIONSHIP.c.from_at.desc())).first()
        if row is not None:
            return Holder(row.person_id, row.from_at)
    return None


def contract_at(session: Session, chain: Sequence[Any], at: datetime) -> ContractThen:
    """The contract of the vendor, else of the nearest parent that has one, on the moment's day in UTC, as it was
    believed at the moment."""
    return _contract(session, chain, at, at)


def contract_learned_later(session: Session, chain: Sequence[Any], at: datetime, now: datetime) -> ContractThen | None:
    """What is believed today about the contract of that day; None: nothing that was not believed then."""
    then, today = _contract(session, chain, at, at), _contract(session, chain, at, now)
    if today.state == "unknown" or (today.state, today.ends_on) == (then.state, then.ends_on):
        return None
    return today


def contracts_of(session: Session, chain: Sequence[Any]) -> list[ContractThen]:
    """The contracts of the vendor, else of the nearest parent that has any, as they are believed today, by start."""
    for vendor in chain:
        rows = [row for row in _contract_rows(session, vendor.id) if row.replaced_at is None]
        if rows:
            found = [ContractThen("", row.starts_on, row.ends_on, row.recorded_at) for row in rows]
            return sorted(found, key=lambda one: (one.starts_on or date.min, one.ends_on or date.max))
    return []


def ownerships_of(session: Session, token_id: int) -> list[Any]:
    """Every ownership row of a token: role, person_id, from_at, to_at."""
    columns = (OWNERSHIP.c.role, OWNERSHIP.c.person_id, OWNERSHIP.c.from_at, OWNERSHIP.c.to_at)
    query = select(*columns).where(OWNERSHIP.c.token_id == token_id).order_by(OWNERSHIP.c.from_at, OWNERSHIP.c.role)
    return list(session.connection().execute(query))


def relationships_of(session: Session, chain: Sequence[Any]) -> list[Any]:
    """Who looked after the vendor, else the nearest parent that anybody looked after: person_id, from_at, to_at."""
    rel = VENDOR_RELATIONSHIP.c
    for vendor in chain:
        query = select(rel.person_id, rel.from_at, rel.to_at).where(rel.vendor_id == vendor.id)
        rows = session.connection().execute(query.order_by(rel.from_at)).all()
        if rows:
            return list(rows)
    return []


def policy_at(session: Session, ctx: Context, at: datetime) -> tuple[Policy, str]:
    """The policy in force at a moment and what it is called; today's and nothing where no older one is known.

    A policy is kept when it first comes into force. Where there were several, the record says which one came into
    force last: an earlier one may have been put back.
    """
    kept = table_of(PolicyVersion).c
    query = select(kept.hash).where(kept.first_used_at <= at).order_by(kept.first_used_at, kept.hash)
    hashes = list(session.connection().execute(query).scalars())
    if not hashes:
        return ctx.policy, ""
    last = _policy_on_record(session, at) if len(hashes) > 1 else hashes[0]
    policy = frozen_policy(session, last if last in hashes else hashes[-1])
    return policy, f"{policy.policy_id}, version {policy.version}"


def _policy_on_record(session: Session, at: datetime) -> str:
    """The hash of the policy that came into force last by a moment; empty: the record does not say."""
    # Without an order: so the few records that are about no token are found by the index over tokens.
    query = select(LEAF.c.epoch, LEAF.c.seq, LEAF.c.body).where(
        LEAF.c.token_id.is_(None), LEAF.c.kind == int(RecordKind.POLICY_CHANGED), LEAF.c.recorded_at <= at
    )
    found = max(session.connection().execute(query), key=lambda row: (row.epoch, row.seq), default=None)
    said = {} if found is None else part(parse_canonical(found.body), "authority")
    return str(said.get("hash", ""))


def standing_at(policy: Policy, owners: dict[str, Holder], relationship: Holder | None, people: PeopleThen) -> Standing:
    """The roles of that moment, as the rules of authority take them."""
    held = {role: holder.person_id for role, holder in owners.items()}
    return Standing(
        service_owner=held.get("service_owner"),
        business_owner=held.get("business_owner"),
        backup_owner=held.get("backup_owner"),
        vendor_relationship_owner=None if relationship is None else relationship.person_id,
        security=tuple(people.by_email(policy.people_in("security"))),
    )


def could_revoke(standing: Standing, people: PeopleThen, policy: Policy) -> list[tuple[str, str]]:
    """(role, name) of everyone whom the policy lets revoke."""
    allowed = who_can(DecisionKind.REVOKE, standing, people, policy)
    return [(role.value, people.name_of(person_id)) for person_id, role in allowed]


def first_known(session: Session, token_id: int) -> datetime | None:
    """When the token was first imported."""
    found: datetime | None = session.connection().scalar(select(TOKEN.c.recorded_at).where(TOKEN.c.id == token_id))
    return found


def vendor_of(session: Session, token_id: int) -> int | None:
    """The token's vendor."""
    found: int | None = session.connection().scalar(select(TOKEN.c.vendor_id).where(TOKEN.c.id == token_id))
    return found


def _contract(session: Session, chain: Sequence[Any], on: datetime, believed_at: datetime) -> ContractThen:
    for vendor in chain:
        rows = [
            row
            for row in _contract_rows(session, vendor.id)
            if row.recorded_at <= believed_at and (row.replaced_at is None or row.replaced_at > believed_at)
        ]
        if rows:
            return _contract_on(rows, on.astimezone(UTC).date())
    return ContractThen("unknown")


def _contract_rows(session: Session, vendor_id: int) -> list[Any]:
    query = select(CONTRACT).where(CONTRACT.c.vendor_id == vendor_id).order_by(CONTRACT.c.id)
    return list(session.connection().execute(query))


def _contract_on(rows: Sequence[Any], day: date) -> ContractThen:
    begun = [row for row in rows if row.starts_on is None or row.starts_on <= day]
    running = [row for row in begun if row.ends_on is None or row.ends_on >= day]
    if running:
        best = max(running, key=lambda row: (row.ends_on is None, row.ends_on or date.max))
        state = "open_ended" if best.ends_on is None else "active"
        return ContractThen(state, best.starts_on, best.ends_on, best.recorded_at)
    if begun:
        last = max(begun, key=lambda row: row.ends_on)
        return ContractThen("ended", last.starts_on, last.ends_on, last.recorded_at)
    return ContractThen("unknown")


def _covers(table: Table, at: datetime) -> ColumnElement[bool]:
    """The interval ``[from_at, to_at)`` holds the moment."""
    return (table.c.from_at <= at) & or_(table.c.to_at.is_(None), table.c.to_at > at)
