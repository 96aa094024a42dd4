"""The auditor's question, answered: what was so at a moment, what was known of it then, and what proves it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from typing import Any

from sqlmodel import Session

from bot.operations.context import Context
from bot.operations.directory import People
from bot.operations.emergency.grants import emergencies_at
from bot.operations.lookups import accountable as then
from bot.operations.lookups.naming import lines_of
from bot.operations.lookups.proven import proofs_of
from bot.operations.lookups.told import effective_at
from bot.operations.shared_use_facts import users_at
from messages.cards.facts import AccountableFacts, LaterFact, Story, Tenure, TokenFacts
from storage.ledger.log import StoredRecord, leaves
from storage.vendors import contract_end


def answer(session: Session, ctx: Context, token: TokenFacts, at: datetime, zone: str) -> AccountableFacts:
    """Who was accountable for a token at a moment, what had been asked and answered by then, who could have removed
    it. What the ledger got to know only later stands apart.

    Args:
        token: as the reader sees it today.
        at: a moment with a zone, not in the future.
        zone: the reader's.
    """
    people = then.PeopleThen(session, ctx, at)
    owners = then.owners_at(session, token.token_id, at)
    chain = then.vendor_chain(session, then.vendor_of(session, token.token_id))
    relationship = then.relationship_owner_at(session, chain, at)
    policy, policy_name = then.policy_at(session, ctx, at)
    standing = then.standing_at(policy, owners, relationship, people)
    contract = then.contract_at(session, chain, at)
    first_known = then.first_known(session, token.token_id)
    records = list(leaves(session, token_id=token.token_id))
    known = [one for one in records if one.recorded_at <= at]
    later = [one for one in records if one.recorded_at > at >= effective_at(one)]
    roles: list[tuple[str, str, datetime | None]] = [
        (role, people.name_of(holder.person_id), holder.since) for role, holder in owners.items()
    ]
    return AccountableFacts(
        token=token,
        at=at,
        roles=roles,
        vendor=chain[0].name if chain else "",
        vendor_owner=people.name_of(relationship.person_id) if relationship else "",
        vendor_owner_since=relationship.since if relationship else None,
        contract=contract.state,
        contract_starts_on=contract.starts_on,
        contract_ends_on=contract.ends_on,
        asked=lines_of(session, known),
        could_remove=then.could_revoke(standing, people, policy),
        policy=policy_name,
        first_known_at=first_known,
        first_record=known[0].seq if known else None,
        last_record=known[-1].seq if known else None,
        later=lines_of(session, later),
        later_facts=_learned_later(session, ctx, token.token_id, chain, at, first_known),
        proofs=proofs_of(session, known),
        users=users_at(session, people.name_of, token.token_id, at),
        emergencies=emergencies_at(session, People(session, ctx, at), [token.token_id], at).get(token.token_id, []),
        zone=zone,
    )


def story(session: Session, ctx: Context, found: AccountableFacts) -> Story:
    """The answer with what its picture shows around it: who held what from the beginning until now."""
    token_id = found.token.token_id
    chain = then.vendor_chain(session, then.vendor_of(session, token_id))
    after = [one for one in leaves(session, token_id=token_id) if effective_at(one) > found.at]
    return Story(found, _tenures(session, ctx, token_id, chain), lines_of(session, _in_time(after)), ctx.now())


def _in_time(records: Sequence[StoredRecord]) -> list[StoredRecord]:
    return sorted(records, key=lambda one: (effective_at(one), one.epoch, one.seq))


def _learned_later(
    session: Session, ctx: Context, token_id: int, chain: Sequence[Any], at: datetime, first_known: datetime | None
) -> list[LaterFact]:
    """What the inventory says of the moment today, and did not say then."""
    found = []
    if first_known is not None and at < first_known:
        people = then.PeopleThen(session, ctx, first_known)
        owners = then.owners_at(session, token_id, first_known)
        found += [LaterFact(role, people.name_of(one.person_id), first_known) for role, one in owners.items()]
    contract = then.contract_learned_later(session, chain, at, ctx.now())
    if contract is not None and contract.recorded_at is not None:
        found.append(LaterFact("contract", contract.state, contract.recorded_at, contract.ends_on))
    return found


def _tenures(session: Session, ctx: Context, token_id: int, chain: Sequence[Any]) -> list[Tenure]:
    people = then.PeopleThen(session, ctx, ctx.now())
    owned = [
        Tenure(row.role, people.called(row.person_id), row.from_at, row.to_at)
        for row in then.ownerships_of(session, token_id)
    ]
    looked_after = [
        Tenure("vendor_relationship_owner", people.called(row.person_id), row.from_at, row.to_at)
        for row in then.relationships_of(session, chain)
    ]
    return owned + looked_after + [_in_force(one) for one in then.contracts_of(session, chain)]


def _in_force(contract: then.ContractThen) -> Tenure:
    since = datetime.combine(contract.starts_on or date.min, time(), UTC)
    until = None if contract.ends_on is None else contract_end(contract.ends_on)
    return Tenure("contract", "", since, until)
