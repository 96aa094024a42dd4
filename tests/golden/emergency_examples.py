"""Examples of access for an emergency, from the question to the look afterwards. Everybody in them is made up."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from messages.action_ref import Verb
from messages.cards.emergency import emergency, emergency_form
from messages.cards.emergency_facts import EmergencyFacts
from messages.cards.facts import TokenFacts
from tests.golden.example import Example


def at(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2025, 3, day, hour, minute, tzinfo=UTC)


TOKEN = TokenFacts(
    token_id=7,
    name="drift-prod",
    issuing_system="salesforce-prod",
    external_id="3MVG9EXAMPLE",
    vendor="Drift",
    environment="production",
    data_classification="confidential",
    customer_data=True,
    owners=(("service_owner", "Ana Lima"), ("backup_owner", "Ben Okafor")),
)
REQUESTED = EmergencyFacts(
    grant_id=3,
    version=1,
    token=TOKEN,
    person="Eve Novak",
    state="requested",
    reason="The nightly sync is down, and Ana is on a plane.",
    requested_by="Ana Lima",
    requested_at=at(4, 16),
    ends_at=at(5, 0),
    lasts_minutes=240,
    offered=(Verb.GRANT_APPROVE, Verb.GRANT_REFUSE),
    zone="Europe/Berlin",
)
OPEN = replace(
    REQUESTED,
    version=2,
    state="open",
    approved_by="Ben Okafor",
    approved_at=at(4, 16, 20),
    begins_at=at(4, 16, 20),
    ends_at=at(4, 20, 20),
    yours=True,
    offered=(Verb.GRANT_END,),
)
URGENT = replace(
    OPEN,
    version=2,
    urgent=True,
    approved_by="",
    approved_at=None,
    begins_at=at(4, 16),
    ends_at=at(4, 20),
    yours=False,
    offered=(Verb.GRANT_APPROVE, Verb.GRANT_REFUSE, Verb.GRANT_END),
)
ENDED = replace(OPEN, version=3, state="ended", ended_at=at(4, 20, 20), reviewer="Ana Lima", offered=())
REVIEW = replace(ENDED, version=4, review="asked", offered=(Verb.GRANT_REVIEW, Verb.GRANT_WRONG), yours=False)
LOOKED_AT = replace(
    REVIEW,
    version=5,
    review="reviewed",
    reviewed_by="Ana Lima",
    reviewed_at=at(5, 9, 30),
    review_note="Two jobs were run again by hand.",
    offered=(),
)
WRONG = replace(
    LOOKED_AT, review="wrong", review_note="It was used at night, after it had ended.", offered=(Verb.GRANT_REVIEW,)
)

VIEWS: dict[str, Example] = {
    "emergency_requested": Example(emergency, (REQUESTED,)),
    "emergency_open": Example(emergency, (OPEN,)),
    "emergency_urgent": Example(emergency, (URGENT,)),
    "emergency_refused": Example(
        emergency, (replace(REQUESTED, version=2, state="refused", refused_by="Ben Okafor", offered=()),)
    ),
    "emergency_lapsed": Example(
        emergency, (replace(REQUESTED, state="lapsed", until_at=at(4, 22), requested_by="Eve Novak", offered=()),)
    ),
    "emergency_ended": Example(emergency, (ENDED,)),
    "emergency_review": Example(emergency, (REVIEW,)),
    "emergency_reviewed": Example(emergency, (LOOKED_AT,)),
    "emergency_wrong": Example(emergency, (WRONG,)),
}
FORMS: dict[str, Example] = {
    "form_grant_refuse": Example(emergency_form, (Verb.GRANT_REFUSE, REQUESTED)),
    "form_grant_review": Example(emergency_form, (Verb.GRANT_REVIEW, REVIEW)),
    "form_grant_wrong": Example(emergency_form, (Verb.GRANT_WRONG, REVIEW)),
}
