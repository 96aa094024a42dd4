"""One example of each page. People, vendors, tokens and proofs are made up."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.operations.export_ledger.about import About, CheckpointLine, Kept
from bot.operations.export_ledger.report import report
from bot.rules.controls import Controls, read_framework
from messages.cards.facts import Story, Tenure
from storage.ledger.log import StoredRecord
from storage.ledger.record import RecordKind, to_ms
from tests.golden.card_examples import LATER, RECORDS, at

STORY = Story(
    answer=replace(LATER, first_known_at=at(1, month=1), asked=RECORDS[:7]),
    tenures=(
        Tenure("service_owner", "Ana Lima", at(1, month=1)),
        Tenure("business_owner", "Chen Wei", at(1, month=1), at(10)),
        Tenure("backup_owner", "Ben Okafor", at(1, month=2)),
        Tenure("vendor_relationship_owner", "Dana Fox", at(1, month=1)),
        Tenure("contract", "", datetime(2023, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)),
    ),
    afterwards=RECORDS[7:],
    as_of=at(28),
)

ANA, BEN, EVE = (f"p_{number:024x}" for number in (1, 2, 3))
K = RecordKind
T0 = datetime(2026, 1, 5, 9, 30, tzinfo=UTC)
HIGH: dict[str, Any] = {"issuer": "aws-iam", "external_id": "AKIA-DRIFT", "tier": "high", "scopes": "s3:GetObject"}
LOW: dict[str, Any] = {"issuer": "github", "external_id": "ghapp-7", "tier": "ordinary"}
POLICY = {"policy_id": "default", "version": "3", "hash": "ab" * 32}
OWNED = {"before": {"service_owner": ANA, "backup_owner": BEN}}


def _decided(verb: str, by: str, role: str, source: str) -> dict[str, Any]:
    return {
        "reason": verb,
        "actor": {"ref": by, "type": "human"},
        "role": {"name": role, "source": source, "as_of": to_ms(T0)},
        "authority": {**POLICY, "rule": f"authority.{verb}"},
    }


def _told(ref: str, rung: str, **more: str) -> dict[str, Any]:
    return {"told": [{"rung": rung, "ref": ref, **more}]}


_STORY: list[tuple[RecordKind, int | None, dict[str, Any], dict[str, str]]] = [
    (K.INVENTORY_IMPORTED, None, {"reason": "import", "details": {"files": [{"new": 2}]}}, {}),
    (K.PERSON_NAMED, None, {"reason": "directory", "details": {"person": ANA}}, {ANA: "Ana Lima <ana@example.com>"}),
    (K.POLICY_CHANGED, None, {"reason": "policy_changed", "authority": POLICY}, {}),
    (
        K.REQUEST_OPENED,
        1,
        {"reason": "due", "accountable": OWNED, "details": {"reasons": ["never_attested"], **_told(ANA, "owner")}},
        {},
    ),
    (K.REQUEST_OPENED, 2, {"reason": "due", "details": {"reasons": ["expiring"], **_told(EVE, "owner")}}, {}),
    (K.NO_RESPONSE, 1, {"reason": "no_response", "accountable": OWNED, "details": {"rung": "owner", "ref": ANA}}, {}),
    (
        K.ASKED,
        1,
        {"reason": "escalation", "accountable": OWNED, "details": _told(BEN, "backup_owner", **{"for": ANA})},
        {BEN: "Ben Okafor <ben@example.com>"},
    ),
    (
        K.REFUSED,
        1,
        {"reason": "no_authority", "actor": {"ref": EVE, "type": "human"}, "details": {"verb": "revoke"}},
        {},
    ),
    (
        K.DECISION,
        1,
        {"accountable": OWNED, **_decided("revoke", BEN, "backup_owner", "inventory")},
        {"justification": "The vendor is replaced"},
    ),
    (
        K.REMEDIATION_OPENED,
        1,
        {"reason": "revoke", "accountable": OWNED, "details": {"connector": "manual", "assignee": ANA}},
        {},
    ),
    (
        K.OWNERSHIP_CHANGED,
        1,
        {
            "reason": "import",
            "accountable": {"before": {"service_owner": ANA}, "after": {"service_owner": BEN}},
            "effective_at": to_ms(T0 + timedelta(hours=50)),
        },
        {},
    ),
    (K.NO_RESPONSE, 2, {"reason": "no_response", "details": {"rung": "owner", "ref": EVE}}, {}),
    (K.KEY_ROTATED, None, {"reason": "key_rotated"}, {}),
]


def _record(seq: int) -> StoredRecord:
    kind, token_id, fields, disclosures = _STORY[seq]
    at_ = T0 + timedelta(hours=12 * seq)
    made = {"recorded_at": to_ms(at_), "effective_at": to_ms(at_), "actor": {"type": "system"}, **fields}
    if token_id is not None:
        made["token"] = {**(HIGH if token_id == 1 else LOW), "id": token_id}
    request = None if token_id is None else token_id + 40
    return StoredRecord(0, seq, b"", kind, token_id, seq, request, at_, b"", made, disclosures)


RECORDS_OF_THE_LOG = tuple(_record(seq) for seq in range(len(_STORY)))
ABOUT = About(
    log="whose.example/8a1f00c2",
    log_id="8a1f00c2" * 4,
    epoch=0,
    size=len(_STORY),
    root=bytes(range(32)),
    selection="all",
    selected="",
    complete=True,
    records=len(_STORY),
    checkpoints=(
        CheckpointLine(0, 5, bytes(32), (Kept("folder", "folder:/srv/worm"),)),
        CheckpointLine(
            0,
            9,
            bytes(range(1, 33)),
            (
                Kept("tsa", "tsa:https://tsa.example/stamp", T0 + timedelta(hours=100)),
                Kept("witness", "witness:https://w1.example", T0 + timedelta(hours=101)),
            ),
        ),
        CheckpointLine(0, 13, bytes(range(32))),
    ),
    names={ANA: "Ana Lima <ana@example.com>", BEN: "Ben Okafor <ben@example.com>"},
    as_of=RECORDS_OF_THE_LOG[-1].recorded_at,
)
PART = replace(ABOUT, selection="token", selected="aws-iam/AKIA-DRIFT", complete=False)


# A framework of the test's own: the shipped ones may learn more, and that is no news about the page.
_CONTROLS = Controls(
    [
        read_framework(
            """
            key: example
            name: Example framework
            title: An example
            url: https://example.com
            controls:
              - id: EX-1
                title: Decisions are made by those who may
                evidence:
                  - kinds: decision
                    because: Somebody decided.
              - id: EX-2
                title: The log is signed
                evidence:
                  - kinds: checkpoint
                    because: A checkpoint was signed.
            """,
            "example.yaml",
        )
    ]
)


def small_report(about: About = ABOUT, records: tuple[StoredRecord, ...] = RECORDS_OF_THE_LOG) -> str:
    """A report of two tokens."""
    return report(about, lambda: records, _CONTROLS)
