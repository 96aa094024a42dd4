"""Examples of a token that several people use. Everybody in them is made up."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from messages.action_ref import Verb
from messages.cards.ask import ask
from messages.cards.facts import DigestFacts, RequestFacts, SharedUse, TokenFacts
from tests.golden.example import Example


def at(day: int, hour: int = 9) -> datetime:
    return datetime(2025, 3, day, hour, tzinfo=UTC)


USERS = (("Cyd Roth", "needed"), ("Dan Weiss", "waiting"), ("Ben Okafor", "waiting"))
OWNERS = SharedUse(USERS, attests=True, until=at(11))
OWNER = RequestFacts(
    request_id=21,
    version=1,
    state="open",
    token=TokenFacts(
        token_id=9,
        name="billing-export",
        issuing_system="github",
        external_id="42",
        vendor="Ledgerly",
        environment="production",
        customer_data=False,
        owners=(("service_owner", "Ana Lima"), ("backup_owner", "Ben Okafor")),
    ),
    reasons=("attestation_overdue",),
    tier="standard",
    risk=40,
    opened_at=at(4),
    due_at=at(11),
    why="owner",
    use=OWNERS,
    next_name="Ben Okafor",
    next_role="backup_owner",
    next_at=at(11),
    offered=(Verb.ATTEST, Verb.ROTATE, Verb.REVOKE),
    needs_form=frozenset({Verb.ROTATE, Verb.REVOKE}),
    zone="Europe/Berlin",
)
USER = replace(
    OWNER,
    why="user",
    use=SharedUse(USERS, mine="waiting", until=at(11)),
    offered=(Verb.STILL_USED, Verb.NOT_USED),
    needs_form=frozenset(),
)
DELEGATE = replace(USER, use=SharedUse(USERS, mine="waiting", mine_for="Dan Weiss", until=at(11)))
ANSWERED = replace(USER, use=SharedUse(USERS, mine="needed", until=at(11)), offered=(Verb.NOT_USED,))
HELD = replace(
    OWNER,
    version=2,
    why="service_owner",
    use=SharedUse(USERS, held_by="Ana Lima", held_at=at(4, 10), until=at(11)),
    offered=(Verb.ROTATE, Verb.REVOKE),
)


def _one(facts: RequestFacts) -> Example:
    return Example(ask, (DigestFacts("Dan Weiss", [facts], zone=facts.zone),))


VIEWS: dict[str, Example] = {
    "shared_owner": _one(OWNER),
    "shared_user": _one(USER),
    "shared_delegate": _one(DELEGATE),
    "shared_answered": _one(ANSWERED),
    "shared_held": _one(HELD),
    "shared_list": Example(
        ask,
        (
            DigestFacts(
                "Dan Weiss",
                [
                    USER,
                    replace(ANSWERED, request_id=22, token=replace(OWNER.token, token_id=10, name="billing-import")),
                    replace(HELD, request_id=23, token=replace(OWNER.token, token_id=11, name="crm-sync")),
                ],
                zone="Europe/Berlin",
            ),
        ),
    ),
}
