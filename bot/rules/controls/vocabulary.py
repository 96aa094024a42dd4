"""The words that a mapping may ask a record for, kind by kind: what the rest of the house writes into it.

A word that no record of a kind can carry would never match and never be missed, so a framework's file that uses one is
refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from bot.rules.due import Reason
from bot.rules.issuing import Proof, Result
from bot.rules.remediation import Stage, Step
from storage.ledger.record import RecordKind


@dataclass(frozen=True)
class Words:
    """The reasons that records of a kind carry, and what their details may say, by key."""

    reasons: frozenset[str] = frozenset()
    details: Mapping[str, frozenset[str]] = field(default_factory=dict)


def _words(*reasons: str, **details: tuple[str, ...]) -> Words:
    return Words(frozenset(reasons), {key: frozenset(values) for key, values in details.items()})


_DUE: Final = tuple(str(reason.name).lower() for reason in Reason)
_TRUE_OR_FALSE: Final = ("true", "false")
_RUNGS: Final = (
    "owner", "business_owner", "backup_owner", "vendor_relationship_owner", "manager", "security", "proposed_owner",
    "user",
)  # fmt: skip
_OFFICES: Final = ("service_owner", "business_owner", "backup_owner", "vendor_relationship_owner")

_AGREED: Final = (Step.APPROVE, Step.CALL_OFF, Step.GIVE_BACK, Step.RESUME, Step.RETRY)
_STEPS: Final = tuple(step for step in Step if step not in _AGREED)
_WORK: Final = ("revoke", "rotate")
_EMERGENCY: Final = (
    "requested", "opened", "agreed", "refused", "lapsed", "ended", "reviewed", "questioned", "unreviewed",
)  # fmt: skip
_PROOFS: Final = tuple(proof.value for proof in Proof)
_RESULTS: Final = tuple(result.value for result in Result)

VOCABULARY: Final[Mapping[RecordKind, Words]] = {
    RecordKind.REQUEST_OPENED: _words("due", *_DUE),
    RecordKind.ASKED: _words("reminder", "escalation", "succession", "stand_in"),
    RecordKind.NO_RESPONSE: _words(
        "no_response", "rotate", "revoke", rung=_RUNGS, left=_TRUE_OR_FALSE, remediation=("open",)
    ),
    RecordKind.DECISION: _words("attest", "rotate", "revoke", "disown", "reassign", "snooze", "let_lapse", *_DUE),
    RecordKind.REFUSED: _words("no_authority"),
    RecordKind.OWNERSHIP_CHANGED: _words("import", "attest", "accept", "reassign", role=_OFFICES),
    RecordKind.HANDOVER_PROPOSED: _words("disown", "reassign"),
    RecordKind.HANDOVER_ANSWERED: _words("accept", "decline", accepted=_TRUE_OR_FALSE),
    RecordKind.REMEDIATION_OPENED: _words("rotate", "revoke"),
    RecordKind.REMEDIATION_RESULT: _words("rotate", "revoke", result=(*_RESULTS, "called_off"), proof=_PROOFS),
    RecordKind.DEFAULT_ACTION: _words("no_response", action=("none", "open_revocation")),
    RecordKind.INVENTORY_IMPORTED: _words("import"),
    RecordKind.TOKEN_VANISHED: _words("not_in_import"),
    RecordKind.DELIVERY_FAILED: _words("undelivered"),
    RecordKind.POLICY_CHANGED: _words("policy_changed"),
    RecordKind.REQUEST_WITHDRAWN: _words("no_longer_due"),
    RecordKind.PERSON_LEFT: _words("account_deactivated", "people_file"),
    RecordKind.EPOCH_OPENED: _words("shrank", "forked"),
    RecordKind.KEY_ROTATED: _words("key_rotated"),
    RecordKind.PERSON_ERASED: _words("erasure"),
    RecordKind.DELIVERY_HANDLED: _words("retry", "drop"),
    RecordKind.PERSON_AWAY: _words("away", "back"),
    RecordKind.PERSON_NAMED: _words("import", "people_file", "chat_directory"),
    RecordKind.REMEDIATION_STEP: _words(*_STEPS, work=_WORK, stage=tuple(Stage), outcome=_RESULTS, proof=_PROOFS),
    RecordKind.REMEDIATION_AGREED: _words(*_AGREED, work=_WORK, stage=tuple(Stage)),
    RecordKind.TOKEN_DISCOVERED: _words("new", "changed", "vanished", "back"),
    RecordKind.OFFBOARDING: _words("proposed", "approved", "called_off", "ended", plan=("vendor", "tag", "consumer")),
    RecordKind.EMERGENCY_ACCESS: _words(*_EMERGENCY, urgent=_TRUE_OR_FALSE),
    RecordKind.USE_ANSWERED: _words("needed", "not_needed"),
}

#: What a mapping may ask of a record's token. Records of this release do not say these yet, and where one does not,
#: such a mapping does not match: better no evidence than a guess.
TOKEN_FACTS: Final[Mapping[str, frozenset[str]]] = {
    "holder": frozenset({"ai_system"}),
    "shared": frozenset(_TRUE_OR_FALSE),
    "used_by_person": frozenset(_TRUE_OR_FALSE),
}

#: Stands in a mapping for the log's signed checkpoints, which are not records.
CHECKPOINT: Final = "checkpoint"
KINDS: Final[Mapping[str, RecordKind]] = {kind.name.lower(): kind for kind in RecordKind}


def word(value: object) -> str:
    """A value of a record as a mapping writes it: a text as it is, ``true`` and ``false``, else nothing."""
    if isinstance(value, str):
        return value
    return str(value).lower() if isinstance(value, bool) else ""
