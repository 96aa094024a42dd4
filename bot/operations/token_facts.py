"""Tokens as readers see them: with vendor, contract and owners by name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

from sqlalchemy import select
from sqlmodel import Session

from bot.operations.context import Context
from bot.operations.directory import People
from bot.operations.emergency.grants import emergencies_at
from bot.rules.people import MAX_CHAIN
from messages.cards.facts import TokenFacts
from storage.inventory import OWNERSHIP, OWNERSHIP_ROLES, TOKEN, VENDOR, Token
from storage.remediation import SEEN_TOKEN

_DAY = timedelta(days=1)


@dataclass(frozen=True)
class _Vendor:
    name: str
    chain: Sequence[str]
    status: str
    contract_ends_on: date | None


def token_facts(session: Session, ctx: Context, token_ids: Sequence[int]) -> dict[int, TokenFacts]:
    """The facts of each token, by id; ids that do not exist are left out."""
    wanted = list(dict.fromkeys(token_ids))
    rows = session.connection().execute(select(TOKEN).where(TOKEN.c.id.in_(wanted))).all()
    vendors = _vendors(session, {row.vendor_id for row in rows if row.vendor_id is not None})
    people = People(session, ctx, ctx.now())
    owners = _owners(session, people, wanted)
    hints = _hints(session, people, rows)
    emergencies = emergencies_at(session, people, wanted, people.moment)
    nobody = _Vendor("", (), "", None)
    return {
        row.id: replace(
            _facts(Token(**row._mapping), vendors.get(row.vendor_id, nobody), owners.get(row.id, [])),
            owner_hint=hints.get(row.id, ""),
            emergencies=emergencies.get(row.id, []),
        )
        for row in rows
    }


def _facts(token: Token, vendor: _Vendor, owners: list[tuple[str, str]]) -> TokenFacts:
    return TokenFacts(
        token_id=token.id or 0,
        name=token.shown_name,
        issuing_system=token.issuing_system,
        external_id=token.external_id,
        vendor=vendor.name,
        vendor_chain=vendor.chain,
        contract_ends_on=vendor.contract_ends_on,
        vendor_status=vendor.status,
        purpose=token.purpose,
        environment=token.environment,
        data_classification=token.data_classification,
        customer_data=token.customer_data,
        data_scope=token.data_scope,
        scopes=token.scopes,
        created_at=token.created_at,
        expires_at=token.expires_at,
        last_used_at=token.last_used_at,
        last_rotated_at=token.last_rotated_at,
        last_attested_at=token.last_attested_at,
        held_by=token.held_by,
        revocation_path=token.revocation_path,
        rotation_method=token.rotation_method,
        tier=token.tier,
        state=token.state,
        vanished=token.vanished_at is not None,
        owners=owners,
    )


def _hints(session: Session, people: People, tokens: Sequence[Any]) -> dict[int, str]:
    """Who may own those that nobody owns who is still there."""
    vacant = [row.id for row in tokens if (owner := people.get(row.service_owner_id)) is None or not owner.active]
    if not vacant:
        return {}
    query = select(SEEN_TOKEN.c.token_id, SEEN_TOKEN.c.owner_hint, SEEN_TOKEN.c.hint_person_id)
    rows = session.connection().execute(query.where(SEEN_TOKEN.c.token_id.in_(vacant), SEEN_TOKEN.c.owner_hint != ""))
    return {token_id: people.name_of(person_id) or words for token_id, words, person_id in rows}


def _owners(session: Session, people: People, token_ids: list[int]) -> dict[int, list[tuple[str, str]]]:
    current = select(OWNERSHIP.c.token_id, OWNERSHIP.c.role, OWNERSHIP.c.person_id).where(
        OWNERSHIP.c.token_id.in_(token_ids), OWNERSHIP.c.to_at.is_(None)
    )
    held: dict[int, dict[str, str]] = {}
    for token_id, role, person_id in session.connection().execute(current):
        held.setdefault(token_id, {})[role] = people.name_of(person_id)
    return {
        token_id: [(role, roles[role]) for role in OWNERSHIP_ROLES if role in roles] for token_id, roles in held.items()
    }


def _vendors(session: Session, vendor_ids: set[int]) -> dict[int, _Vendor]:
    columns = (VENDOR.c.id, VENDOR.c.name, VENDOR.c.parent_id, VENDOR.c.status, VENDOR.c.contract_ends_at)
    rows = {}
    wanted = set(vendor_ids)
    while wanted:
        rows.update(
            {row.id: row for row in session.connection().execute(select(*columns).where(VENDOR.c.id.in_(wanted)))}
        )
        wanted = {row.parent_id for row in rows.values() if row.parent_id and row.parent_id not in rows}
    found = {}
    for vendor_id in vendor_ids:
        row = rows[vendor_id]
        ends = None if row.contract_ends_at is None else (row.contract_ends_at - _DAY).date()
        chain: list[str] = []
        parent = rows.get(row.parent_id)
        while parent is not None and len(chain) < MAX_CHAIN:
            chain.append(parent.name)
            parent = rows.get(parent.parent_id)
        found[vendor_id] = _Vendor(row.name, chain, row.status, ends)
    return found
