"""Examples of plans that end many tokens, from the look at one to its report. Everybody in them is made up."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

from messages.action_ref import Verb
from messages.cards.facts import OffboardingFacts, PlanToken
from messages.cards.offboarding import offboarding, offboarding_form
from tests.golden.example import Example


def at(day: int, hour: int = 9) -> datetime:
    return datetime(2025, 3, day, hour, tzinfo=UTC)


def _token(number: int, state: str, system: str = "aws-prod", **more: Any) -> PlanToken:
    return PlanToken(f"drift-{number:02}", system, "Ana Lima", state, by_itself=system != "intercom", **more)


BY_PEOPLE = replace(_token(38, "waiting", "intercom"), owner="")
DRAFT = OffboardingFacts(
    plan_id=0,
    version=0,
    kind="vendor",
    subject="Drift",
    state="draft",
    cause="asked",
    tokens=(*(_token(number, "waiting") for number in range(1, 4)), BY_PEOPLE),
    counts={"waiting": 40},
    systems=(("aws-prod", 20, True), ("github", 12, True), ("gitlab", 7, True), ("intercom", 1, False)),
    total=40,
    production=12,
    used_lately=5,
    children=("Drift Analytics",),
    vendor_id=5,
    contract_ends_on=date(2025, 3, 31),
    grace_days=10,
    offered=(Verb.OFFBOARD,),
    zone="Europe/Berlin",
)
PROPOSED = replace(
    DRAFT,
    plan_id=3,
    version=1,
    state="proposed",
    requested_by="Dana Fox",
    requested_at=at(4),
    offered=(Verb.PLAN_APPROVE, Verb.PLAN_CALL_OFF),
)
BY_CONTRACT = replace(
    PROPOSED, cause="contract_ended", requested_by="", requested_at=None, begins_at=datetime(2025, 4, 1, tzinfo=UTC)
)
BY_STATUS = replace(BY_CONTRACT, cause="status", begins_at=None, act=False)
FAILED = _token(7, "failed", "github", stage="halted", fault="rejected", fault_detail="403 Resource not accessible")
STILL_WORKS = _token(9, "failed", "gitlab", stage="halted", fault="still_works")
RUNNING = replace(
    PROPOSED,
    version=2,
    state="running",
    approved_by="Eva Sol",
    approved_at=at(4, 12),
    tokens=(FAILED, replace(BY_PEOPLE, state="by_hand"), _token(1, "running")),
    counts={"failed": 1, "by_hand": 1, "running": 20, "waiting": 6, "confirmed": 11, "accepted_unverified": 1},
    offered=(Verb.PLAN_CALL_OFF,),
)
ENDED = replace(
    RUNNING,
    version=3,
    state="ended",
    ended_at=at(14, 13),
    tokens=(FAILED, STILL_WORKS, _token(12, "accepted_unverified", "gitlab"), _token(1, "confirmed")),
    counts={"failed": 2, "accepted_unverified": 1, "confirmed": 37},
    offered=(),
)
CLEAN = replace(ENDED, tokens=(_token(1, "confirmed"),), counts={"confirmed": 40})
UNPROVEN = replace(
    ENDED, tokens=(_token(12, "accepted_unverified", "gitlab"),), counts={"accepted_unverified": 1, "confirmed": 39}
)

VIEWS: dict[str, Example] = {
    "plan_draft": Example(offboarding, (DRAFT,)),
    "plan_proposed": Example(offboarding, (PROPOSED,)),
    "plan_proposed_watched": Example(offboarding, (replace(PROPOSED, offered=(Verb.PLAN_CALL_OFF,)),)),
    "plan_by_contract": Example(offboarding, (BY_CONTRACT,)),
    "plan_by_status": Example(offboarding, (BY_STATUS,)),
    "plan_of_a_tag": Example(
        offboarding, (replace(PROPOSED, kind="tag", subject="crm-old", children=(), contract_ends_on=None),)
    ),
    "plan_running": Example(offboarding, (RUNNING,)),
    "plan_report": Example(offboarding, (ENDED,)),
    "plan_report_clean": Example(offboarding, (CLEAN,)),
    "plan_report_unproven": Example(offboarding, (UNPROVEN,)),
    "plan_called_off": Example(offboarding, (replace(RUNNING, state="called_off", offered=()),)),
}
FORMS: dict[str, Example] = {
    "form_offboard": Example(offboarding_form, (Verb.OFFBOARD, DRAFT)),
    "form_plan_call_off": Example(offboarding_form, (Verb.PLAN_CALL_OFF, RUNNING)),
}
