"""Examples of work that a connector carries out, stage by stage. People, vendors and tokens are made up."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from messages.action_ref import Verb
from messages.cards.ask import ask
from messages.cards.confirmation import confirmation
from messages.cards.facts import DigestFacts, RequestFacts, Settled, TokenFacts, WorkFacts
from messages.cards.forms import form
from tests.golden.example import Example

ZONE = "Europe/Berlin"


def at(day: int, hour: int = 9) -> datetime:
    return datetime(2025, 3, day, hour, tzinfo=UTC)


EXPORT = TokenFacts(
    token_id=12,
    name="export-prod",
    issuing_system="aws-prod",
    external_id="AKIAEXAMPLE0000000012",
    vendor="Drift",
    vendor_chain=("Resell Ltd",),
    purpose="Copies chat transcripts into the CRM, so that sales can answer",
    environment="production",
    data_classification="confidential",
    customer_data=True,
    data_scope="names, e-mail addresses and chat transcripts of customers",
    scopes="s3:GetObject, s3:PutObject",
    last_used_at=at(1),
    held_by="vendor",
    revocation_path="AWS console, IAM, Users, drift-export, Security credentials, Delete",
    owners=(("service_owner", "Ana Lima"),),
)
PLANNED = WorkFacts(
    kind="revoke",
    stage="planned",
    system="aws-prod",
    since=at(4, 11),
    goes_on_at=at(4, 11),
    disables_first=True,
    reversible=True,
    causes=("production",),
    requested_by="Ana Lima",
    tells_use=True,
    consumers="the nightly export, the sales dashboard",
    grace_days=10,
)
SEEN = replace(PLANNED, seen_at=at(4, 11), seen_state="active", last_used_at=at(4, 2), used_for="s3 in eu-central-1")
NOTIFIED = replace(SEEN, stage="notified", goes_on_at=None, reason="The export runs with a role of its own by now.")
APPROVED = replace(SEEN, stage="approved", approved_by="Chen Wei", approved_at=at(4, 13), goes_on_at=at(4, 13))
DISABLED = replace(APPROVED, stage="disabled", since=at(4, 13), goes_on_at=at(14, 13))
HALTED = replace(
    DISABLED, stage="halted", goes_on_at=None, fault="rejected", fault_detail="AccessDenied: iam:DeleteAccessKey"
)
ROTATING = replace(SEEN, kind="rotate", causes=("production",))
PROVEN = replace(
    ROTATING,
    stage="proven",
    since=at(4, 14),
    goes_on_at=at(4, 15),
    last_used_at=at(4, 13),
    old_id="AKIAEXAMPLE0000000012",
    new_id="AKIAEXAMPLE0000000034",
)
RUNNING = RequestFacts(
    request_id=61,
    version=3,
    state="remediating",
    token=EXPORT,
    reasons=("unused",),
    tier="high",
    risk=90,
    opened_at=at(3),
    due_at=at(5, 16),
    why="owner",
    offered=(),
    settled=Settled("revoke", "Ana Lima", "service_owner", at(4, 11), "slack"),
    instructions=EXPORT.revocation_path,
    assignee="Chen Wei",
    zone=ZONE,
)


def running(work: WorkFacts, *offered: Verb) -> RequestFacts:
    """The request at a stage of its work, with what its reader may do."""
    forms = {Verb.CALL_OFF, Verb.GIVE_BACK, Verb.DONE}
    settled = Settled(work.kind, "Ana Lima", "service_owner", at(4, 11), "slack")
    asked = forms & {*offered}
    return replace(RUNNING, work=work, offered=offered, needs_form=frozenset(asked), settled=settled)


def ended(kind: str, result: str, proof: str = "", detail: str = "") -> RequestFacts:
    """The request once the work has come to its end."""
    settled = Settled(kind, "Ana Lima", "service_owner", at(4, 11), "slack", result, proof, "aws-prod", detail)
    return replace(RUNNING, state="settled", settled=settled)


BLAST = running(NOTIFIED, Verb.APPROVE, Verb.CALL_OFF)
BLAST_ROTATE = running(
    replace(ROTATING, stage="notified", goes_on_at=None, replaces=True, causes=("production", "irreversible")),
    Verb.APPROVE,
    Verb.CALL_OFF,
)
USED = running(
    replace(
        NOTIFIED,
        causes=("production", "irreversible", "used"),
        disables_first=False,
        reversible=False,
        approved_by="Chen Wei",
        last_used_at=at(4, 14),
        seen_at=at(4, 15),
        consumers="",
    ),
    Verb.APPROVE,
    Verb.CALL_OFF,
)
UNSAID = replace(running(replace(NOTIFIED, tells_use=False, last_used_at=None), Verb.APPROVE))
DRY = running(replace(SEEN, stage="by_hand", fault="dry_run", goes_on_at=None), Verb.DONE)
FROM_THE_POLICY = replace(
    running(replace(NOTIFIED, requested_by=""), Verb.APPROVE, Verb.CALL_OFF),
    settled=Settled("no_response", "", "", at(14, 16), "system"),
    assignee="",
    why="security",
)

STAGES: dict[str, RequestFacts] = {
    "planned": running(PLANNED, Verb.CALL_OFF),
    "waiting_for_second": running(NOTIFIED, Verb.CALL_OFF),
    "approved": running(replace(APPROVED, whole_plan="Drift"), Verb.CALL_OFF),
    "at_the_cap": running(replace(APPROVED, fault="cap", goes_on_at=at(4, 14)), Verb.CALL_OFF),
    "paused": running(replace(APPROVED, fault="paused", goes_on_at=at(4, 14)), Verb.CALL_OFF),
    "disabled": running(DISABLED, Verb.GIVE_BACK),
    "observed": running(replace(DISABLED, stage="observed", goes_on_at=at(14, 13))),
    "deleted": running(replace(DISABLED, stage="deleted", goes_on_at=at(14, 13))),
    "returning": running(replace(DISABLED, stage="returning", goes_on_at=at(5))),
    "returned": running(replace(DISABLED, stage="returned", goes_on_at=None), Verb.CALL_OFF, Verb.RESUME),
    "halted": running(HALTED, Verb.CALL_OFF, Verb.RETRY, Verb.DONE),
    "delivered": running(replace(PROVEN, stage="delivered", old_id="")),
    "proven": running(PROVEN),
    "old_disabled": running(
        replace(PROVEN, stage="disabled", goes_on_at=at(14, 13), approved_by="Chen Wei"), Verb.GIVE_BACK
    ),
    "rotation_halted": running(
        replace(PROVEN, stage="halted", goes_on_at=None, fault="canary", fault_detail="InvalidClientTokenId"),
        Verb.RETRY,
    ),
    "by_hand_after_all": DRY,
}
ENDS: dict[str, RequestFacts] = {
    "gone_by_probe": ended("revoke", "confirmed", "probe"),
    "gone_by_list": ended("revoke", "confirmed", "relist"),
    "gone_unproven": ended(
        "revoke", "accepted_unverified", "", "It is not listed any more, and its use was not tried."
    ),
    "rotated": ended("rotate", "confirmed", "introspect"),
    "called_off": ended("revoke", "called_off"),
}


def _one(facts: RequestFacts, name: str = "Ana Lima") -> Example:
    return Example(ask, (DigestFacts(name, (facts,), zone=ZONE),))


VIEWS: dict[str, Example] = {
    "blast_radius": _one(BLAST, "Chen Wei"),
    "blast_radius_rotate": _one(BLAST_ROTATE, "Chen Wei"),
    "blast_radius_used": _one(USED, "Chen Wei"),
    "blast_radius_unsaid": _one(UNSAID, "Chen Wei"),
    "blast_radius_channel": _one(FROM_THE_POLICY, ""),
    **{f"work_{name}": _one(facts) for name, facts in STAGES.items()},
    **{f"work_{name}": _one(facts) for name, facts in ENDS.items()},
    "digest_work": Example(ask, (DigestFacts("Chen Wei", (BLAST, STAGES["disabled"], STAGES["halted"]), 0, ZONE),)),
    "digest_work_under_way": Example(
        ask, (DigestFacts("Ana Lima", (STAGES["proven"], STAGES["at_the_cap"]), 0, ZONE),)
    ),
    "confirmation_approve": Example(confirmation, (Verb.APPROVE, running(APPROVED))),
    "confirmation_give_back": Example(confirmation, (Verb.GIVE_BACK, STAGES["returning"])),
    "confirmation_call_off": Example(confirmation, (Verb.CALL_OFF, ENDS["called_off"])),
    "confirmation_revoke_carried_out": Example(confirmation, (Verb.REVOKE, STAGES["planned"])),
}
FORMS: dict[str, Example] = {
    "form_call_off": Example(form, (Verb.CALL_OFF, BLAST)),
    "form_give_back": Example(form, (Verb.GIVE_BACK, STAGES["disabled"])),
}
