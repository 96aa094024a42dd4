"""A record becomes sentences from its own fields and a mapping of names, and from nothing else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.operations.lookups.told import lines_of_record
from messages.wording.recording import happened
from storage.ledger.log import StoredRecord
from storage.ledger.record import RecordKind, to_ms

AT = datetime(2026, 1, 5, 9, 30, tzinfo=UTC)
NAMES = {"p_1": "Ana Lima", "p_2": "Ben Okafor"}


def record(kind: RecordKind, *, disclosures: dict[str, str] | None = None, **fields: Any) -> StoredRecord:
    return StoredRecord(0, 7, b"", kind, 1, 0, 3, AT, b"{}", fields, disclosures or {})


def told(kind: RecordKind, **fields: Any) -> list[str]:
    return [happened(line) for line in lines_of_record(record(kind, **fields), NAMES)]


@pytest.mark.parametrize(
    ("kind", "fields", "sentences"),
    [
        (
            RecordKind.REQUEST_OPENED,
            {"details": {"reasons": ["expiring"], "told": [{"rung": "owner", "ref": "p_1"}]}},
            ["An answer was asked for: it expires soon.", "Ana Lima was asked, as service owner."],
        ),
        (
            RecordKind.ASKED,
            {"details": {"told": [{"rung": "manager", "ref": "p_2", "for": "p_1"}]}},
            ["Ben Okafor was asked, as manager, in place of Ana Lima."],
        ),
        (
            RecordKind.NO_RESPONSE,
            {"details": {"ref": "p_1", "rung": "owner"}},
            ["No answer came from Ana Lima."],
        ),
        (RecordKind.NO_RESPONSE, {"details": {"remediation": "open"}}, ["The work had not been reported as done."]),
        (
            RecordKind.OWNERSHIP_CHANGED,
            {"accountable": {"before": {"service_owner": "p_1"}, "after": {"service_owner": "p_2"}}},
            ["Ben Okafor became its service owner, after Ana Lima."],
        ),
        (
            RecordKind.OWNERSHIP_CHANGED,
            {"accountable": {"before": {"vendor_relationship_owner": "p_1"}, "after": {}}, "details": {"vendor": 3}},
            ["Nobody is vendor relationship owner of vendor 3 any more; it was Ana Lima."],
        ),
        (
            RecordKind.INVENTORY_IMPORTED,
            {"details": {"files": [{"new": 3, "vanished": 1}, {"new": 2}]}},
            ["The inventory was imported from 2 files: 5 new, 1 no longer there."],
        ),
        (
            RecordKind.POLICY_CHANGED,
            {"authority": {"policy_id": "default", "version": "3"}},
            ["The policy changed: default, version 3 is in force."],
        ),
        (
            RecordKind.EPOCH_OPENED,
            {"reason": "shrank"},
            ["The record was begun anew after a restore, because records were missing."],
        ),
        (
            RecordKind.KEY_ROTATED,
            {},
            ["The key that signs the record was replaced; the key before it signed that too."],
        ),
        (
            RecordKind.PERSON_ERASED,
            {"details": {"person": "p_9"}},
            ["The name and the words of p_9 were erased."],
        ),
        (RecordKind.PERSON_NAMED, {"details": {"person": "p_2"}}, ["Ben Okafor is written as p_2 in the record."]),
        (
            RecordKind.PERSON_NAMED,
            {"details": {"person": "p_9"}},
            ["Whom p_9 stands for was noted beside the record."],
        ),
        (
            RecordKind.REFUSED,
            {"reason": "no_authority", "actor": {"ref": "p_2"}, "details": {"verb": "revoke"}},
            ["Ben Okafor wanted to revoke it, and the policy leaves that to others."],
        ),
        (
            RecordKind.DELIVERY_FAILED,
            {"details": {"code": "x", "to": "security_channel"}},
            ["A message to the security channel could not be delivered."],
        ),
        (
            RecordKind.PERSON_AWAY,
            {"reason": "away", "details": {"person": "p_2", "until": 1_773_014_400_000, "stand_in": "p_1"}},
            ["Ben Okafor is away until 9 Mar 2026, and Ana Lima stands in."],
        ),
        (RecordKind.PERSON_AWAY, {"reason": "back", "details": {"person": "p_2"}}, ["Ben Okafor is back."]),
        (
            RecordKind.DELIVERY_HANDLED,
            {"reason": "retry", "details": {"count": 2}},
            ["2 messages that could not be delivered were to be sent again."],
        ),
        (
            RecordKind.DELIVERY_HANDLED,
            {"reason": "drop", "details": {"count": 1}, "disclosures": {"why": "Settled by telephone."}},
            ["1 message that could not be delivered was to be left unsent. Reason given: “Settled by telephone.”"],
        ),
        (
            RecordKind.REMEDIATION_STEP,
            {"reason": "disable", "details": {"system": "aws-prod", "issuer_request_id": "7a1c"}},
            ["It was switched off at aws-prod, and can be given back. Its own id for the call is 7a1c."],
        ),
        (
            RecordKind.REMEDIATION_STEP,
            {
                "reason": "halt",
                "details": {"work": "rotate", "system": "aws-prod", "fault": "canary"},
                "disclosures": {"detail": "InvalidClientTokenId"},
            },
            [
                "The rotation halted. The new secret is kept, but aws-prod does not accept it. The old one stays in "
                "use. Detail: “InvalidClientTokenId”"
            ],
        ),
        (
            RecordKind.REMEDIATION_STEP,
            {"reason": "hand_over", "details": {"fault": "dry_run"}},
            [
                "It was left to a person to do by hand. The policy lets nothing be carried out by itself, so it is "
                "left to a person."
            ],
        ),
        (
            RecordKind.REMEDIATION_RESULT,
            {
                "reason": "revoke",
                "token": {"issuer": "aws-prod"},
                "details": {"result": "confirmed", "connector": "aws", "proof": "probe"},
            },
            ["Removed: it was tried, and aws-prod refused it."],
        ),
        (
            RecordKind.REMEDIATION_RESULT,
            {
                "reason": "revoke",
                "details": {"result": "accepted_unverified", "connector": "npm"},
                "disclosures": {"evidence": "It is not listed, and still works."},
            },
            [
                "npm accepted the removal (not verified). It may still work. Detail: “It is not listed, and still "
                "works.”"
            ],
        ),
        (
            RecordKind.REMEDIATION_AGREED,
            {
                "reason": "approve",
                "actor": {"ref": "p_2"},
                "role": {"name": "manager"},
                "details": {"work": "revoke", "stage": "approved"},
            },
            ["Ben Okafor (manager) agreed to the removal."],
        ),
        (
            RecordKind.REMEDIATION_AGREED,
            {
                "reason": "call_off",
                "actor": {"ref": "p_2"},
                "details": {"work": "rotate"},
                "disclosures": {"justification": "Wrong token."},
            },
            ["Ben Okafor called the rotation off. Reason given: “Wrong token.”"],
        ),
        (
            RecordKind.TOKEN_DISCOVERED,
            {"reason": "new", "details": {"system": "aws-prod"}, "disclosures": {"hint": "ana@example.com"}},
            ["aws-prod showed it, and the inventory did not have it. It may belong to: “ana@example.com”"],
        ),
        (
            RecordKind.TOKEN_DISCOVERED,
            {"reason": "changed", "details": {"system": "aws-prod", "fields": ["expires_at", "scopes"]}},
            ["aws-prod showed it with other particulars than before: expires at, scopes."],
        ),
        (
            RecordKind.OFFBOARDING,
            {
                "reason": "proposed",
                "actor": {"ref": "p_1"},
                "details": {"plan": "vendor", "subject": "Drift", "tokens": 40},
            },
            ["Ana Lima proposed to end all access that Drift holds: 40 tokens."],
        ),
        (
            RecordKind.OFFBOARDING,
            {
                "reason": "ended",
                "details": {"plan": "tag", "subject": "crm", "tokens": 9, "confirmed": 7, "failed": 2, "by_hand": 0},
            },
            ["The plan to end all access tagged crm has come to its end: 7 confirmed as ended, 2 not ended."],
        ),
        (
            RecordKind.EMERGENCY_ACCESS,
            {
                "reason": "opened",
                "actor": {"ref": "p_1"},
                "details": {"person": "p_2", "until": 1_773_014_400_000},
                "disclosures": {"justification": "The database is down."},
            },
            [
                "Ana Lima gave Ben Okafor access for an emergency, until Mon 9 Mar 2026, 00:00 UTC. Reason given: "
                "“The database is down.”"
            ],
        ),
        (
            RecordKind.USE_ANSWERED,
            {"reason": "not_needed", "actor": {"ref": "p_2"}, "details": {"consumer": "nightly export"}},
            ["Ben Okafor said that it is no longer needed for nightly export."],
        ),
    ],
)
def test_each_kind_has_a_sentence(kind: RecordKind, fields: dict[str, Any], sentences: list[str]) -> None:
    assert told(kind, **fields) == sentences


@pytest.mark.parametrize("kind", list(RecordKind))
@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"details": "text", "actor": [], "role": 3, "authority": None, "accountable": ["x"], "effective_at": "x"},
        {"details": {"told": [3, {}], "reasons": [None, 1], "files": [[]], "ref": {}, "person": 4}, "reason": {}},
        {"effective_at": 2**60, "accountable": {"before": 1, "after": {"service_owner": {}}}},
    ],
)
def test_a_record_of_another_shape_is_told_without_a_fault(kind: RecordKind, fields: dict[str, Any]) -> None:
    for line in lines_of_record(record(kind, **fields), NAMES):
        assert happened(line)


def test_names_come_from_the_mapping_then_from_the_record_and_are_missed_in_words() -> None:
    asked: dict[str, Any] = {"details": {"told": [{"rung": "owner", "ref": "p_9"}]}}
    [from_disclosure] = lines_of_record(record(RecordKind.ASKED, disclosures={"p_9": "Eve <eve@x>"}, **asked), NAMES)
    [gone] = lines_of_record(record(RecordKind.ASKED, **asked), NAMES, " (erased)")
    assert (from_disclosure.subject, gone.subject) == ("Eve", "p_9 (erased)")


def test_authority_and_the_time_it_took_effect_come_along() -> None:
    before = AT - timedelta(days=2)
    decision = record(
        RecordKind.DECISION,
        disclosures={"justification": "still needed"},
        actor={"ref": "p_2", "type": "human"},
        role={"name": "manager", "source": "directory"},
        authority={"policy_id": "default", "version": "3", "rule": "authority.attest", "delegated_from": "p_1"},
        reason="attest",
        effective_at=to_ms(before),
    )
    [line] = lines_of_record(decision, NAMES)
    assert (line.actor, line.role, line.source, line.delegated_from) == (
        "Ben Okafor",
        "manager",
        "directory",
        "Ana Lima",
    )
    assert (line.policy, line.rule, line.effective_at, line.request) == (
        "default, version 3",
        "authority.attest",
        before,
        3,
    )
    assert happened(line) == "Ben Okafor (manager) re-attested it. Reason given: “still needed”"
