"""Accountability records as operations write them: one function a kind, personal data only in disclosures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from bot.operations.directory import People
from bot.operations.naming import shown_name
from bot.rules.authority import Grant
from bot.rules.ladder import Told
from bot.rules.policy import Policy
from bot.rules.policy_parts import Role
from bot.rules.standing import Standing
from storage.cases import RequestRow, TokenRow
from storage.ledger.record import Entry, RecordKind, to_ms

_OFFICES = ("service_owner", "business_owner", "backup_owner", "vendor_relationship_owner")


def token_part(issuing_system: str, external_id: str, tier: str, expires_at: datetime | None) -> dict[str, Any]:
    """What a record says about its token; never the secret."""
    return {
        "issuer": issuing_system,
        "external_id": external_id,
        "tier": tier,
        "expires": None if expires_at is None else to_ms(expires_at),
    }


def token_of(token: TokenRow) -> dict[str, Any]:
    """:func:`token_part` of a whole row, with what it may do."""
    return {
        **token_part(token.issuing_system, token.external_id, token.tier, token.expires_at),
        "name": token.display_name or None,
        "scopes": token.scopes or None,
        "created": None if token.created_at is None else to_ms(token.created_at),
        "last_used": None if token.last_used_at is None else to_ms(token.last_used_at),
    }


def accountable(standing: Standing, people: People) -> dict[str, str]:
    """Role to pseudonym, for every office that is held."""
    held = {}
    for office in _OFFICES:
        person = people.get(getattr(standing, office))
        if person is not None:
            held[office] = person.ref
    return held


def told_part(told: Sequence[Told], people: People) -> list[dict[str, str]]:
    """Who was told at which rung; the security channel has no pseudonym."""
    parts = []
    for one in told:
        person = people.get(one.person_id)
        stood_in_for = people.get(one.stands_in_for)
        part = {"rung": one.rung.value, "ref": person.ref if person else "security_channel"}
        if stood_in_for is not None:
            part["for"] = stood_in_for.ref
        parts.append(part)
    return parts


def names_of(person_ids: Sequence[int | None], people: People) -> dict[str, str]:
    """Disclosures that tie pseudonyms to names and addresses, erasable later."""
    found = {}
    for person_id in dict.fromkeys(person_ids):
        person = people.get(person_id)
        if person is not None:
            found[person.ref] = shown_name(person.name, person.email)
    return found


def policy_part(request: RequestRow, policy: Policy, rule: str = "") -> dict[str, Any]:
    """The policy a request was opened under, and the rule that applied."""
    return {
        "policy_id": policy.policy_id,
        "version": policy.version,
        "hash": request.policy_hash,
        "rule": rule or None,
    }


def of_request(
    kind: RecordKind,
    request: RequestRow,
    token: TokenRow,
    policy: Policy,
    *,
    reason: str = "",
    details: Mapping[str, Any] | None = None,
    disclosures: Mapping[str, str] | None = None,
    standing: Mapping[str, Any] | None = None,
) -> Entry:
    """A record about a request that nobody in person caused: steps, silence, default actions."""
    return Entry(
        kind,
        reason=reason,
        token_id=token.id,
        token=token_of(token),
        request_id=request.id,
        accountable={} if standing is None else {"before": dict(standing)},
        authority=policy_part(request, policy),
        details=dict(details or {}),
        disclosures=dict(disclosures or {}),
    )


def by_person(
    kind: RecordKind,
    request: RequestRow,
    token: TokenRow,
    policy: Policy,
    *,
    reason: str,
    actor_id: int,
    people: People,
    grant: Grant | None,
    at: datetime,
    channel: Mapping[str, Any],
    before: Mapping[str, str],
    after: Mapping[str, str] | None = None,
    details: Mapping[str, Any] | None = None,
    disclosures: Mapping[str, str] | None = None,
) -> Entry:
    """A record of what a person did, in which role and by what authority."""
    actor = people.get(actor_id)
    role = None if grant is None else grant.role
    delegator = None if grant is None else people.get(grant.delegated_from)
    authority = policy_part(request, policy, "" if grant is None else grant.rule)
    if delegator is not None:
        authority["delegated_from"] = delegator.ref
    return Entry(
        kind,
        reason=reason,
        token_id=token.id,
        token=token_of(token),
        request_id=request.id,
        accountable={"before": dict(before)} | ({} if after is None else {"after": dict(after)}),
        actor_ref=None if actor is None else actor.ref,
        actor_type="human",
        role={} if role is None else {"name": role.value, "source": _source(role), "as_of": to_ms(at)},
        authority=authority,
        channel=dict(channel),
        details=dict(details or {}),
        disclosures=dict(disclosures or {}) | names_of([actor_id], people),
    )


def _source(role: Role) -> str:
    """Where the role comes from: the inventory's owners, the vendor, the directory's managers or the policy."""
    return {
        Role.VENDOR_RELATIONSHIP_OWNER: "vendor",
        Role.MANAGER: "directory",
        Role.SECURITY: "policy",
    }.get(role, "inventory")
