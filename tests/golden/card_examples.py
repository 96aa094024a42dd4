"""One example of every kind of message and form. People, vendors and tokens are made up."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

from messages.action_ref import Verb
from messages.cards.ask import ask
from messages.cards.checkpoint import checkpoint
from messages.cards.confirmation import confirmation
from messages.cards.due import due
from messages.cards.facts import (
    AccountableFacts,
    DigestFacts,
    HistoryLine,
    LaterFact,
    ProvenRecord,
    Refusal,
    RequestFacts,
    Settled,
    TokenFacts,
    VendorFacts,
)
from messages.cards.forms import form
from messages.cards.found import none, several, token_card
from messages.cards.help import help_card
from messages.cards.history import history
from messages.cards.mine import mine
from messages.cards.refusal import refusal
from messages.cards.replaced import replaced
from messages.cards.trouble import trouble
from messages.cards.vendor import vendor
from messages.cards.who import who
from tests.golden import emergency_examples, plan_examples, shared_examples, work_examples
from tests.golden.example import Example as Example

ZONE = "Europe/Berlin"


def at(day: int, hour: int = 9, month: int = 3) -> datetime:
    return datetime(2025, month, day, hour, tzinfo=UTC)


DRIFT = TokenFacts(
    token_id=7,
    name="drift-prod",
    issuing_system="github",
    external_id="ghapp-51423",
    vendor="Drift",
    vendor_chain=("Resell Ltd",),
    contract_ends_on=date(2025, 12, 31),
    vendor_status="active",
    purpose="Copies chat transcripts into the CRM, so that sales can answer",
    environment="production",
    data_classification="confidential",
    customer_data=True,
    data_scope="names, e-mail addresses and chat transcripts of customers",
    scopes="contacts:write, transcripts:read",
    created_at=at(1, month=1),
    expires_at=at(20),
    last_used_at=at(1),
    last_attested_at=datetime(2024, 9, 2, 8, tzinfo=UTC),
    held_by="vendor",
    revocation_path="GitHub, Settings, Installed GitHub Apps, Drift, Uninstall",
    rotation_method="In Drift, Settings, Integrations, Reconnect",
    tier="high",
    owners=(("service_owner", "Ana Lima"), ("business_owner", "Chen Wei"), ("backup_owner", "Ben Okafor")),
)
CI_CACHE = TokenFacts(
    token_id=8,
    name="ci-cache",
    issuing_system="aws-iam",
    external_id="AKIAEXAMPLE0000000008",
    vendor="Acme Build",
    purpose="Reads the build cache",
    environment="staging",
    customer_data=False,
    scopes="s3:GetObject",
    last_used_at=at(2),
    tier="standard",
    owners=(("service_owner", "Ana Lima"),),
)
MAP_TILES = TokenFacts(
    token_id=9,
    name="map_tiles_key",
    issuing_system="maps",
    external_id="k-0009",
    vendor="Tilehaus",
    environment="production",
    customer_data=False,
    expires_at=at(28),
    tier="low",
)

CHOICES = (Verb.ATTEST, Verb.ROTATE, Verb.REVOKE, Verb.DISOWN, Verb.SNOOZE, Verb.LET_LAPSE)
HIGH = RequestFacts(
    request_id=41,
    version=1,
    state="open",
    token=DRIFT,
    reasons=("expiring", "attestation_overdue"),
    tier="high",
    risk=90,
    opened_at=at(3),
    due_at=at(5, 16),
    why="owner",
    next_name="Ben Okafor",
    next_role="backup_owner",
    next_at=at(6, 8),
    default_action="open_revocation",
    default_at=at(14, 16),
    offered=CHOICES,
    needs_form=frozenset(CHOICES),
    restate=True,
    reason_required=frozenset({Verb.ATTEST, Verb.REVOKE}),
    snooze_first=date(2025, 3, 4),
    snooze_last=date(2025, 3, 10),
    snoozes_left=1,
    zone=ZONE,
)
ORDINARY = replace(
    HIGH,
    request_id=42,
    token=CI_CACHE,
    reasons=("never_attested", "no_expiry"),
    tier="standard",
    risk=40,
    due_at=at(7, 16),
    next_name="Chen Wei",
    next_role="manager",
    next_at=at(10, 8),
    default_action="none",
    default_at=at(21, 16),
    offered=CHOICES[:-1],
    needs_form=frozenset({Verb.ROTATE, Verb.REVOKE, Verb.DISOWN, Verb.SNOOZE}),
    restate=False,
)
BACKUP = replace(
    ORDINARY,
    request_id=43,
    why="backup_owner",
    unreachable=(("business_owner", "away"),),
    asked_before=(("Ana Lima", at(3, 8)), ("Ana Lima", at(5, 8))),
)
OWNERLESS = replace(
    ORDINARY,
    request_id=44,
    token=replace(MAP_TILES, owner_hint="Kim Abe"),
    reasons=("owner_missing", "unused"),
    risk=20,
    why="vendor_relationship_owner",
    unreachable=(("owner", "missing"), ("backup_owner", "left")),
    next_name="",
    next_role="security",
    becomes_owner=True,
)
CHANNEL = replace(
    HIGH,
    why="security",
    unreachable=(("backup_owner", "left"),),
    asked_before=(("Ana Lima", at(3, 8)), ("Chen Wei", at(6, 8))),
    next_name="",
    next_role="",
    next_at=None,
)
HANDOVER = replace(
    ORDINARY,
    state="handover",
    version=2,
    why="handover",
    proposed_by="Ana Lima",
    proposed_to="Ben Okafor",
    handover_note="The build team moved to your department in January.",
    offered=(Verb.ACCEPT, Verb.DECLINE),
    needs_form=frozenset({Verb.DECLINE}),
)
HANDOVER_WATCHED = replace(HANDOVER, why="owner", offered=(), needs_form=frozenset())
ATTESTED = replace(
    ORDINARY,
    state="settled",
    version=2,
    offered=(),
    settled=Settled("attest", "Ana Lima", "service_owner", at(4, 10), "slack"),
)
REVOKING = replace(
    HIGH,
    state="remediating",
    version=2,
    offered=(Verb.DONE,),
    needs_form=frozenset({Verb.DONE}),
    settled=Settled("revoke", "Ana Lima", "service_owner", at(4, 11), "slack"),
    instructions=DRIFT.revocation_path,
    assignee="Ben Okafor",
)
REVOKED = replace(
    REVOKING,
    state="settled",
    version=3,
    offered=(),
    settled=Settled("revoke", "Ana Lima", "service_owner", at(4, 11), "slack", "accepted_unverified"),
)
UNANSWERED = replace(
    REVOKING, settled=Settled("no_response", "", "", at(14, 16), "system"), assignee="", instructions=""
)
WITHDRAWN = replace(ORDINARY, state="withdrawn", offered=(), settled=Settled("withdrawn", "", "", at(4, 12)))

RECORDS = (
    HistoryLine(301, at(3, 8), "REQUEST_OPENED", "", "", "", "expiring"),
    HistoryLine(302, at(3, 8), "ASKED", "", "", "owner", "", "Ana Lima"),
    HistoryLine(318, at(5, 16), "NO_RESPONSE", "", "", "owner", "", "Ana Lima"),
    HistoryLine(319, at(6, 8), "ASKED", "", "", "backup_owner", "", "Ben Okafor"),
    HistoryLine(325, at(6, 9), "REFUSED", "Dana Fox", "", "revoke"),
    HistoryLine(330, at(6, 10), "DECISION", "Ben Okafor", "backup_owner", "revoke", "Drift is being replaced"),
    HistoryLine(331, at(6, 10), "REMEDIATION_OPENED", "", "", "revoke"),
    HistoryLine(340, at(7, 10), "REMEDIATION_RESULT", "Ben Okafor", "", "accepted_unverified", "revoke"),
)
ACCOUNTABLE = AccountableFacts(
    token=DRIFT,
    at=at(6, 12),
    roles=(
        ("service_owner", "Ana Lima", at(1, month=1)),
        ("business_owner", "Chen Wei", at(1, month=1)),
        ("backup_owner", "Ben Okafor", at(1, month=2)),
    ),
    vendor="Drift",
    vendor_owner="Dana Fox",
    contract="active",
    contract_ends_on=date(2025, 12, 31),
    asked=RECORDS[:7],
    could_remove=(("service_owner", "Ana Lima"), ("backup_owner", "Ben Okafor"), ("security", "Eva Sol")),
    first_record=12,
    last_record=331,
    zone=ZONE,
    vendor_owner_since=at(1, month=1),
    policy="default, version 1",
    proofs=(
        ProvenRecord(
            0, 12, at(1, month=1), 13, at(1, 10, month=1), "witness", "https://w1.example", at(1, 11, month=1)
        ),
        ProvenRecord(0, 330, at(6, 10), 331, at(6, 11), "tsa", "https://tsa.example/r", at(6, 11)),
        ProvenRecord(0, 331, at(6, 10)),
    ),
)
LATER = replace(
    ACCOUNTABLE,
    proofs=(ProvenRecord(0, 330, at(6, 10), 331, at(6, 11), "tsa", "https://tsa.example/r", at(6, 11)),),
    asked=RECORDS[:2],
    later=(HistoryLine(410, at(20), "OWNERSHIP_CHANGED", "", "", "backup_owner", "", "Eva Sol", effective_at=at(4)),),
    later_facts=(LaterFact("contract", "active", at(25), date(2026, 6, 30)),),
)
NOBODY = replace(ACCOUNTABLE, roles=(("service_owner", "", None),), asked=(), vendor="", proofs=())
VENDOR = VendorFacts(
    name="Drift",
    chain=("Resell Ltd",),
    children=("Drift Analytics",),
    status="offboarding",
    relationship_owner="Dana Fox",
    contract_starts_on=date(2023, 1, 1),
    contract_ends_on=date(2025, 12, 31),
    tokens=(DRIFT, replace(MAP_TILES, name="drift-map")),
    more=3,
    token_count=5,
    zone=ZONE,
)
NO_AUTHORITY = Refusal(
    "no_authority", "drift-prod", (("Ana Lima", "service_owner"), ("Ben Okafor", "backup_owner")), zone=ZONE
)


def _one(request: RequestFacts, name: str = "Ana Lima") -> Example:
    return Example(ask, (DigestFacts(name, (request,), zone=ZONE),))


CHECKPOINT = (
    "whose/8a1f00c2d95e4b7790ab31c6f2d4e581\n1204\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n"
    "— whose/8a1f00c2d95e4b7790ab31c6f2d4e581 AQIDBGRlbW8=\n"
)

VIEWS: dict[str, Example] = {
    "ask_high_risk": _one(HIGH),
    "ask_ordinary": _one(ORDINARY),
    "ask_reminder": _one(replace(ORDINARY, why="reminder")),
    "ask_backup_owner": _one(BACKUP, "Ben Okafor"),
    "ask_without_owner": _one(OWNERLESS, "Dana Fox"),
    "ask_security_channel": _one(CHANNEL, "#security"),
    "ask_handover": _one(HANDOVER, "Ben Okafor"),
    "ask_handover_watched": _one(HANDOVER_WATCHED),
    "ask_attested": _one(ATTESTED),
    "ask_revoking": _one(REVOKING),
    "ask_revoked": _one(REVOKED),
    "ask_unanswered": _one(UNANSWERED),
    "ask_withdrawn": _one(WITHDRAWN),
    "digest": Example(ask, (DigestFacts("Ana Lima", (HIGH, ORDINARY, OWNERLESS), 4, ZONE),)),
    "digest_answered": Example(ask, (DigestFacts("Ana Lima", (REVOKING, ATTESTED, OWNERLESS), 0, ZONE),)),
    "replaced": Example(replaced, ()),
    "checkpoint": Example(checkpoint, (CHECKPOINT, 1204)),
    "trouble_stuck": Example(trouble, ("stuck_ladders", 3, ())),
    "trouble_undelivered": Example(trouble, ("undelivered", 12, ("not_in_channel", "msg_too_long"))),
    "trouble_anchor": Example(trouble, ("late_anchor", 1, ("tsa:https://tsa.example.com",))),
    "found_one": Example(token_card, (DRIFT, HIGH, ZONE)),
    "found_no_owner": Example(token_card, (replace(MAP_TILES, vanished=True), None, ZONE)),
    "found_several": Example(several, ("map", (DRIFT, CI_CACHE, MAP_TILES), 2, ZONE)),
    "found_none": Example(none, ("drfit", ("drift-prod", "drift-test"))),
    "digest_only_work": Example(ask, (DigestFacts("", (REVOKING, UNANSWERED), 0, ZONE),)),
    "mine": Example(mine, (DigestFacts("Ana Lima", (HIGH, ORDINARY), 0, ZONE), (DRIFT, CI_CACHE), 0)),
    "mine_nothing": Example(mine, (DigestFacts("Dana Fox", (), 0, ZONE), (), 0)),
    "due": Example(due, ((CHANNEL, HANDOVER_WATCHED, OWNERLESS), 7)),
    "vendor": Example(vendor, (VENDOR,)),
    "vendor_to_leave": Example(vendor, (replace(VENDOR, vendor_id=5, offered=(Verb.OFFBOARD,)),)),
    "history": Example(history, (DRIFT, RECORDS, 290, ZONE)),
    "who": Example(who, (ACCOUNTABLE,)),
    "who_later": Example(who, (LATER,)),
    "who_nobody": Example(
        who, (replace(ACCOUNTABLE, roles=(("service_owner", "", None),), asked=(), vendor="", proofs=()),)
    ),
    "help": Example(help_card, ("/whose",)),
    "refusal_no_authority": Example(refusal, (NO_AUTHORITY,)),
    "refusal_already_decided": Example(
        refusal, (Refusal("already_decided", "ci-cache", settled=ATTESTED.settled, zone=ZONE),)
    ),
    "refusal_stale": Example(refusal, (Refusal("stale", "drift-prod"),)),
    "refusal_unknown_person": Example(refusal, (Refusal("unknown_person"),)),
    "refusal_inactive": Example(refusal, (Refusal("inactive"),)),
    "refusal_not_visible": Example(refusal, (Refusal("not_visible", "drift-prod"),)),
    "refusal_not_found": Example(refusal, (Refusal("not_found", "drfit", nearest=("drift-prod",)),)),
    "confirmation_attest": Example(confirmation, (Verb.ATTEST, ATTESTED)),
    "confirmation_revoke": Example(confirmation, (Verb.REVOKE, REVOKING)),
    "confirmation_disown": Example(confirmation, (Verb.DISOWN, HANDOVER)),
    "confirmation_snooze": Example(confirmation, (Verb.SNOOZE, ORDINARY)),
    "confirmation_done": Example(confirmation, (Verb.DONE, REVOKED)),
    **work_examples.VIEWS,
    **plan_examples.VIEWS,
    **emergency_examples.VIEWS,
    **shared_examples.VIEWS,
}
FORMS: dict[str, Example] = {
    "form_attest_high_risk": Example(form, (Verb.ATTEST, HIGH)),
    "form_attest": Example(form, (Verb.ATTEST, OWNERLESS)),
    "form_rotate": Example(form, (Verb.ROTATE, HIGH)),
    "form_revoke": Example(form, (Verb.REVOKE, HIGH)),
    "form_disown": Example(form, (Verb.DISOWN, HIGH)),
    "form_reassign": Example(form, (Verb.REASSIGN, OWNERLESS)),
    "form_snooze": Example(form, (Verb.SNOOZE, HIGH)),
    "form_let_lapse": Example(form, (Verb.LET_LAPSE, HIGH)),
    "form_decline": Example(form, (Verb.DECLINE, HANDOVER)),
    "form_done": Example(form, (Verb.DONE, REVOKING)),
    **work_examples.FORMS,
    **plan_examples.FORMS,
    **emergency_examples.FORMS,
}
