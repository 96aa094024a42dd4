"""Changes of a token's service owner that a decision brings about, with their record."""

from __future__ import annotations

from bot.operations.case import Case
from bot.operations.commands import Command
from bot.operations.records import names_of, policy_part, token_of
from bot.rules.people import PersonFacts
from storage.ledger.record import Entry, RecordKind
from storage.owners import assign


def has_owner(case: Case) -> bool:
    """Whether the token has a service owner who is still there."""
    owner = case.people.get(case.standing.service_owner)
    return owner is not None and owner.active


def become_owner(case: Case, person: PersonFacts, command: Command) -> dict[str, str]:
    """Make ``person`` the service owner from now on; returns who is accountable after it, role to pseudonym."""
    before_id = assign(case.session, case.token_id, "service_owner", person.id, case.now, "decision")
    after = {**case.accountable, "service_owner": person.ref}
    case.record(
        Entry(
            RecordKind.OWNERSHIP_CHANGED,
            reason=command.verb.value,
            token_id=case.token_id,
            token=token_of(case.token),
            request_id=case.request_id,
            accountable={"before": case.accountable, "after": after},
            actor_ref=person.ref,
            actor_type="human",
            authority=policy_part(case.request, case.policy),
            details={"role": "service_owner"},
            disclosures=names_of([before_id, person.id], case.people),
        )
    )
    return after
