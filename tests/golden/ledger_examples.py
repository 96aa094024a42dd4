"""A small log with every kind of record, of fixed ids, salts and times, so that its readings are the same bytes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic_core import from_json

from bot.operations.export_ledger.about import About, CheckpointLine, Kept
from storage.ledger.log import StoredRecord
from storage.ledger.merkle import Frontier, leaf_hash
from storage.ledger.record import Entry, Place, RecordKind, disclosure_digest, record_bytes, to_ms
from tests.unit.hostile_text import HOSTILE

LOG_ID = "5f" * 16
BEGIN = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
ANA, BEN, EVE = "p_ana0000000000000000000", "p_ben0000000000000000000", "p_eve0000000000000000000"
NAMES = {ANA: "Ana Lima <ana@example.com>", BEN: "Ben Okoro <ben@example.com>"}
_TOKEN = {
    "issuer": "aws-prod",
    "external_id": "AKIAEXAMPLE0000001",
    "tier": "critical",
    "expires": to_ms(datetime(2026, 4, 1, tzinfo=UTC)),
    "scopes": "s3:read s3:write",
    "created": to_ms(datetime(2025, 1, 1, tzinfo=UTC)),
}
_POLICY = {"policy_id": "example", "version": "3", "hash": "ab" * 32}
_CHANNEL = {
    "platform": "slack",
    "workspace": "T0001",
    "message": "D0001/1772442000.000100",
    "payload_sha256": "cd" * 32,
}
_DROPPED = {"why": "It was settled by telephone."}
_OWNED = {"service_owner": ANA, "business_owner": BEN}


def on_token(kind: RecordKind, reason: str, **more: Any) -> Entry:
    """A record about the example token."""
    same: dict[str, Any] = {"token_id": 7, "token": _TOKEN, "request_id": 11, "authority": _POLICY}
    return Entry(kind, reason=reason, **{**same, "accountable": {"before": _OWNED}, **more})


def by(actor: str, kind: RecordKind, reason: str, **more: Any) -> Entry:
    """A record of what a person did about the example token."""
    acting: dict[str, Any] = {
        "actor_ref": actor,
        "actor_type": "human",
        "role": {"name": "service_owner", "source": "inventory", "as_of": to_ms(BEGIN)},
        "authority": {**_POLICY, "rule": f"authority.{reason}"},
        "channel": _CHANNEL,
    }
    return on_token(kind, reason, **{**acting, **more})


def entries() -> list[Entry]:
    """One record of every kind at least."""
    told = [{"rung": "owner", "ref": ANA}, {"rung": "security", "ref": "security_channel"}]
    counts = {"new": 2, "changed": 0, "unchanged": 1, "vanished": 1, "rejected": 0}
    files = [{"sha256": "ef" * 32, "kind": "tokens", **counts}]
    due = {"reasons": ["expiring", "owner_left"], "step": 0, "told": told}
    gone: dict[str, Any] = {"token_id": 8, "token": {"issuer": "aws-prod", "external_id": "AKIAEXAMPLE0000002"}}
    return [
        Entry(RecordKind.INVENTORY_IMPORTED, "import", details={"files": files, "first_owners": 2}),
        Entry(RecordKind.POLICY_CHANGED, "policy_changed", authority=_POLICY),
        Entry(RecordKind.PERSON_NAMED, "named", details={"person": ANA}, disclosures={ANA: NAMES[ANA]}),
        on_token(RecordKind.REQUEST_OPENED, "due", details=due),
        on_token(RecordKind.REQUEST_OPENED, "due", request_id=12, details={**due, "reasons": ["expiring"]}),
        *_silence(told),
        *_decisions(),
        *_owners(),
        *_work(),
        Entry(RecordKind.TOKEN_VANISHED, "not_in_import", accountable={"before": {"service_owner": ANA}}, **gone),
        on_token(RecordKind.DELIVERY_FAILED, "undelivered", details={"code": "channel_not_found", "to": ANA}),
        on_token(RecordKind.REQUEST_WITHDRAWN, "no_longer_due", authority={}, accountable={}),
        Entry(RecordKind.PERSON_LEFT, "account_deactivated", effective_at=BEGIN, details={"person": EVE}),
        Entry(RecordKind.KEY_ROTATED, "key_rotated", details={"old": "example+1234abcd+AAAA", "new": "example+56+AA"}),
        Entry(RecordKind.PERSON_ERASED, "erasure", details={"person": EVE, "disclosures": 2, "accounts": 1}),
        Entry(RecordKind.DELIVERY_HANDLED, "drop", details={"count": 1, "messages": [7]}, disclosures=_DROPPED),
        Entry(RecordKind.PERSON_AWAY, "away", details={"person": ANA, "until": 1_773_014_400_000, "stand_in": BEN}),
        *_carried_out(),
        *_wider(),
    ]


def _silence(told: list[dict[str, str]]) -> list[Entry]:
    silence = {"rung": "owner", "ref": ANA, "step": 0, "asked_so_far": 1, "left": False}
    stood_in = {"step": 1, "kind": "escalation", "told": [{**told[0], "for": BEN}]}
    return [
        on_token(RecordKind.ASKED, "escalation", details=stood_in),
        on_token(RecordKind.NO_RESPONSE, "no_response", details=silence, disclosures={ANA: NAMES[ANA]}),
        on_token(RecordKind.NO_RESPONSE, "revoke", details={"remediation": "open"}),
        on_token(RecordKind.DEFAULT_ACTION, "no_response", details={"action": "open_revocation", "asked": 3}),
        on_token(RecordKind.DEFAULT_ACTION, "no_response", details={"action": "none", "asked": 3}),
    ]


def _decisions() -> list[Entry]:
    why = {"justification": "Still feeds the nightly export.\nChecked with finance."}
    formula = {"justification": '=HYPERLINK("https://evil.example")'}
    attested = {"decision": "attest", "reasons": ["expiring", "owner_left"]}
    return [
        by(ANA, RecordKind.DECISION, "attest", details=attested, disclosures=why),
        by(ANA, RecordKind.DECISION, "rotate", details={"decision": "rotate"}, disclosures=formula),
        by(EVE, RecordKind.REFUSED, "no_authority", role={}, details={"verb": "revoke"}),
    ]


def _owners() -> list[Entry]:
    handed = {"before": _OWNED, "after": {**_OWNED, "service_owner": BEN}}
    vendors = {"before": {"vendor_relationship_owner": ANA}, "after": {"vendor_relationship_owner": BEN}}
    of_vendor = {"role": "vendor_relationship_owner", "vendor": 3}
    return [
        by(ANA, RecordKind.HANDOVER_PROPOSED, "disown", details={"new_owner": BEN}),
        by(BEN, RecordKind.HANDOVER_ANSWERED, "accept", details={"accepted": True}),
        by(BEN, RecordKind.HANDOVER_ANSWERED, "decline", details={"accepted": False}),
        by(BEN, RecordKind.OWNERSHIP_CHANGED, "accept", accountable=handed, details={"role": "service_owner"}),
        Entry(RecordKind.OWNERSHIP_CHANGED, "import", details=of_vendor, accountable=vendors),
    ]


def _work() -> list[Entry]:
    reported = {"result": "accepted_unverified", "connector": "manual"}
    proven = {"result": "confirmed", "connector": "aws", "proof": "probe"}
    return [
        on_token(RecordKind.REMEDIATION_OPENED, "revoke", details={"connector": "manual", "assignee": ANA}),
        by(ANA, RecordKind.REMEDIATION_RESULT, "revoke", details=reported, disclosures={"evidence": "TICKET-1"}),
        on_token(RecordKind.REMEDIATION_RESULT, "rotate", details=proven),
        on_token(RecordKind.REMEDIATION_RESULT, "revoke", details={"result": "failed", "connector": "aws"}),
    ]


def _carried_out() -> list[Entry]:
    """A removal at its issuing system, from the question to a second person to its end."""
    at = {"work": "revoke", "connector": "aws", "system": "aws-prod", "credential": "AKIAEXAMPLE0000001"}
    steps: list[tuple[str, dict[str, Any]]] = [
        ("ask", {"stage": "notified"}),
        ("disable", {"stage": "disabled", "issuer_request_id": "7a1c-example"}),
        ("enable", {"stage": "returned", "issuer_request_id": "7a1d-example"}),
        ("delete", {"stage": "deleted", "issuer_request_id": "7a1e-example"}),
        ("verify", {"stage": "verified", "outcome": "confirmed", "proof": "relist"}),
    ]
    said = {"detail": "AccessDenied: not allowed to delete."}
    halted = {**at, "stage": "halted", "fault": "rejected"}
    return [
        *[on_token(RecordKind.REMEDIATION_STEP, step, details={**at, **more}) for step, more in steps],
        on_token(RecordKind.REMEDIATION_STEP, "halt", details=halted, disclosures=said),
        agreed("approve", "approved"),
        agreed("give_back", "returning", justification="The nightly export needs it."),
        agreed("call_off", "called_off", justification="The nightly export needs it."),
    ]


def agreed(word: str, stage: str, **written: str) -> Entry:
    """What a second person says about the removal of the example token."""
    details = {"work": "revoke", "stage": stage}
    return by(BEN, RecordKind.REMEDIATION_AGREED, word, details=details, disclosures=written)


def _wider() -> list[Entry]:
    """What issuing systems show, plans over many tokens, emergencies and shared use."""
    seen: dict[str, Any] = {"token_id": 9, "token": {"issuer": "aws-prod", "external_id": "AKIAEXAMPLE0000003"}}
    changed = {"system": "aws-prod", "fields": ["expires_at", "scopes"]}
    plan: dict[str, Any] = {"plan": "vendor", "subject": "Drift", "tokens": 40}
    came = {"confirmed": 36, "accepted_unverified": 1, "failed": 2, "by_hand": 1, "called_off": 0}
    why = {"justification": "The database is down."}
    grant = {"person": EVE, "until": to_ms(BEGIN + timedelta(hours=4))}
    human: dict[str, Any] = {"actor_ref": BEN, "actor_type": "human"}
    hint = {"hint": "ben@example.com"}
    discovered = Entry(RecordKind.TOKEN_DISCOVERED, "new", details={"system": "aws-prod"}, disclosures=hint, **seen)
    return [
        discovered,
        Entry(RecordKind.TOKEN_DISCOVERED, "changed", details=changed, **seen),
        Entry(RecordKind.TOKEN_DISCOVERED, "vanished", details={"system": "aws-prod"}, **seen),
        Entry(RecordKind.OFFBOARDING, "proposed", details=plan, **human),
        Entry(RecordKind.OFFBOARDING, "ended", details={**plan, **came}),
        Entry(RecordKind.EMERGENCY_ACCESS, "opened", details=grant, disclosures=why, **human),
        Entry(RecordKind.EMERGENCY_ACCESS, "ended", details=grant),
        by(BEN, RecordKind.USE_ANSWERED, "not_needed", details={"consumer": "nightly export"}),
    ]


def new_epoch(size: int) -> list[Entry]:
    """What an epoch begins with after a restore that lost records."""
    details = {
        "held": {"origin": "whose/example", "size": size, "root": "11" * 32},
        "sealed": {"epoch": 0, "size": size - 1, "root": "22" * 32},
    }
    why = {"why": "The disk was lost, and the backup was a day old."}
    return [
        Entry(RecordKind.EPOCH_OPENED, "shrank", details=details, disclosures=why),
        on_token(RecordKind.REQUEST_OPENED, "due", details={"reasons": ["no_expiry"], "step": 0, "told": []}),
    ]


def stored(wanted: Iterable[Entry], *, epoch: int = 0, begin: datetime = BEGIN) -> list[StoredRecord]:
    """The entries as the log holds them: a minute apart, with ids and salts that are worked out and not drawn."""
    made: list[StoredRecord] = []
    chains: dict[int, tuple[int, bytes]] = {}
    for seq, entry in enumerate(wanted):
        at = begin + timedelta(minutes=seq)
        token_seq, last = chains.get(entry.token_id or 0, (0, b""))
        record_id = hashlib.sha256(f"{epoch}/{seq}".encode()).hexdigest()[:32]
        place = Place(
            LOG_ID, epoch, seq, record_id, to_ms(at), None if entry.token_id is None else token_seq, last.hex()
        )
        digests = [disclosure_digest(f"salt-{name}", name, value) for name, value in entry.disclosures.items()]
        body = record_bytes(entry, place, digests)
        hashed = leaf_hash(body)
        if entry.token_id is not None:
            chains[entry.token_id] = (token_seq + 1, hashed)
        made.append(
            StoredRecord(
                epoch, seq, hashed, entry.kind, entry.token_id, place.token_seq, entry.request_id, at, body,
                from_json(body), dict(entry.disclosures),
            )
        )  # fmt: skip
    return made


def example() -> tuple[About, list[StoredRecord]]:
    """Two epochs, with checkpoints over them."""
    first = stored(entries())
    second = stored(new_epoch(len(first) + 1), epoch=1, begin=BEGIN + timedelta(days=1))
    return about([*first, *second]), [*first, *second]


def about(records: Sequence[StoredRecord]) -> About:
    """What a bundle of these records says about itself: a checkpoint every ten records, two of them time-stamped."""
    epoch = max((record.epoch for record in records), default=0)
    lines = []
    for one in range(epoch + 1):
        frontier = Frontier.from_bytes(0, b"")
        of = [record for record in records if record.epoch == one]
        for record in of:
            frontier.append(record.leaf_hash)
            if frontier.size % 10 == 0 or frontier.size == len(of):
                lines.append(
                    CheckpointLine(one, frontier.size, frontier.root(), _kept(frontier.size, record.recorded_at))
                )
    return About(
        log="whose/example" if epoch == 0 else f"whose/example/epoch/{epoch}",
        log_id=LOG_ID,
        epoch=epoch,
        size=lines[-1].size if lines else 0,
        root=lines[-1].root if lines else b"",
        selection="all",
        selected="",
        complete=True,
        records=len(records),
        checkpoints=lines,
        names=NAMES,
        as_of=records[-1].recorded_at if records else None,
    )


def _kept(size: int, at: datetime) -> list[Kept]:
    if size % 20:
        return [Kept("witness", "witness:w.example.com", at + timedelta(minutes=9))]
    return [Kept("folder", "folder:/srv/held"), Kept("tsa", "tsa:https://tsa.example.com", at + timedelta(minutes=5))]


def many(times: int) -> tuple[About, list[StoredRecord]]:
    """The example's records over and over, for measuring."""
    said = [replace(entry, request_id=number) for number in range(times) for entry in entries()]
    records = stored(said)
    return about(records), records


def hostile_example() -> tuple[About, list[StoredRecord]]:
    """Records of every kind whose every text tries to act, and some whose parts are not what they should be."""
    texts = [text for text in HOSTILE.values() if "\x00" not in text and "\ud800" not in text and len(text) < 500]
    wrong: list[Any] = [7, True, [], ["x", 1], {"a": {"b": []}}, "\x7f", ""]
    kinds = list(RecordKind)
    records = []
    for seq, text in enumerate(texts * 3):
        for offset, value in enumerate([text, wrong[seq % len(wrong)]]):
            kind = kinds[(seq + offset) % len(kinds)]
            records += stored([_poisoned(kind, value, text)], begin=BEGIN + timedelta(seconds=seq))
    placed = [replace(record, seq=seq) for seq, record in enumerate(records)]
    said = about(placed)
    return replace(said, log=texts[0], selected="\x1b[2J", names={ANA: texts[1], BEN: texts[2]}), placed


def _poisoned(kind: RecordKind, value: Any, text: str) -> Entry:
    keys = (
        "told",
        "reasons",
        "verb",
        "left",
        "result",
        "kind",
        "connector",
        "action",
        "files",
        "person",
        "role",
        "ref",
        "work",
        "stage",
        "system",
        "outcome",
        "proof",
        "fault",
        "issuer_request_id",
        "fields",
        "plan",
        "subject",
        "until",
        "consumer",
        "confirmed",
        "failed",
    )
    details = dict.fromkeys(keys, value) | {"vendor": value, "accepted": value, "remediation": value}
    part = {"name": value, "source": value, "policy_id": value, "version": value, "rule": value, "platform": value}
    token = {"issuer": value, "external_id": value, "tier": value, "expires": value, "scopes": value}
    on: dict[str, Any] = {"token_id": 7, "token": token, "request_id": 3} if kind % 2 else {}
    return Entry(
        kind,
        reason=text,
        actor_ref=EVE if kind % 3 else None,
        role=part,
        authority={**part, "delegated_from": value},
        channel=part,
        accountable={"before": value, "after": {"service_owner": value, text.encode("ascii", "ignore").decode(): EVE}},
        details=details if kind % 5 else {"told": [{"ref": value, "rung": value, "for": value}]},
        disclosures={"justification": text, EVE: text},
        **on,
    )
