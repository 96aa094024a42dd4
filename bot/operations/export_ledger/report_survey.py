"""The first of the report's two passes: what there is, in numbers, and which tokens a reader should see first.

Memory grows with the tokens, by one number each, and not with the records.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from heapq import nsmallest
from typing import Any, Final

from bot.operations.lookups.told import part, reasons_of
from bot.rules.controls import ControlRef, Controls
from storage.ledger.log import StoredRecord
from storage.ledger.record import RecordKind

#: What makes a token stand out, most urgent first. The first is the highest bit.
STANDS_OUT: Final = (
    "silence",
    "default_action",
    "refused",
    "ownerless",
    "work_failed",
    "work_open",
    "revoked",
    "disowned",
    "undelivered",
    "vanished",
    "rotated",
    "new_owner",
    "asked",
)
_BIT: Final = {name: 1 << at for at, name in enumerate(reversed(STANDS_OUT))}
_FLAGS: Final = len(STANDS_OUT)
_MASK: Final = (1 << _FLAGS) - 1
_ONE_MORE: Final = 1 << _FLAGS
_ANSWERED: Final = ~(_BIT["silence"] | _BIT["undelivered"])
_WORK_ENDED: Final = ~(_BIT["work_open"] | _BIT["work_failed"])
_DECIDED: Final = {
    "revoke": _BIT["revoked"],
    "rotate": _BIT["rotated"],
    "disown": _BIT["disowned"],
}


@dataclass
class Survey:
    """All records, counted."""

    kinds: Counter[RecordKind] = field(default_factory=Counter)
    asked: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    decisions: Counter[str] = field(default_factory=Counter)
    results: Counter[tuple[str, str]] = field(default_factory=Counter)
    defaults: Counter[str] = field(default_factory=Counter)
    offices: Counter[str] = field(default_factory=Counter)
    evidence: Counter[tuple[ControlRef, ...]] = field(default_factory=Counter)
    tokens: dict[int, int] = field(default_factory=dict)
    """Token to what stands out (the low bits) and how many records it has."""

    def foremost(self, most: int) -> list[int]:
        """So many tokens, those that stand out most first; of equals those with more records, then by number."""
        return nsmallest(most, self.tokens, key=lambda one: (-(self.tokens[one] & _MASK), -self.tokens[one], one))

    def stands_out(self, token_id: int) -> list[str]:
        """What is remarkable about a token, most urgent first."""
        flags = self.tokens[token_id]
        return [name for name in STANDS_OUT if flags & _BIT[name]]

    def count(self, token_id: int) -> int:
        """How many records there are of a token."""
        return self.tokens[token_id] >> _FLAGS


def survey(records: Iterable[StoredRecord], controls: Controls) -> Survey:
    """Count the records, and what they are evidence for."""
    found = Survey()
    kinds, evidence, tokens = found.kinds, found.evidence, found.tokens
    of_record = controls.of_record
    for record in records:
        kind, fields = record.kind, record.fields
        kinds[kind] += 1
        evidence[of_record(kind, fields)] += 1
        read = _READ.get(kind)
        flags = tokens.get(record.token_id, 0) if record.token_id is not None else 0
        if read is not None:
            flags = read(found, fields, part(fields, "details"), flags)
        if record.token_id is not None:
            tokens[record.token_id] = flags + _ONE_MORE
    return found


def _reason(fields: Mapping[str, Any]) -> str:
    found = fields.get("reason")
    return found if isinstance(found, str) else ""


def _told(found: Survey, details: Mapping[str, Any]) -> None:
    told = details.get("told")
    found.asked += len(told) if isinstance(told, list) else 0


def _opened(found: Survey, fields: Mapping[str, Any], details: Mapping[str, Any], flags: int) -> int:
    found.reasons.update(reasons_of(details))
    _told(found, details)
    return _asked_of(fields, flags)


def _asked(found: Survey, fields: Mapping[str, Any], details: Mapping[str, Any], flags: int) -> int:
    _told(found, details)
    return _asked_of(fields, flags)


def _asked_of(fields: Mapping[str, Any], flags: int) -> int:
    """Whether anybody owned it when somebody was asked."""
    flags |= _BIT["asked"]
    before = part(part(fields, "accountable"), "before")
    return flags & ~_BIT["ownerless"] if before.get("service_owner") else flags | _BIT["ownerless"]


def _silent(_found: Survey, _fields: Mapping[str, Any], details: Mapping[str, Any], flags: int) -> int:
    return flags if "remediation" in details else flags | _BIT["silence"]


def _decided(found: Survey, fields: Mapping[str, Any], _details: Mapping[str, Any], flags: int) -> int:
    reason = _reason(fields)
    found.decisions[reason] += 1
    return (flags & _ANSWERED) | _DECIDED.get(reason, 0)


def _refused(_found: Survey, _fields: Mapping[str, Any], _details: Mapping[str, Any], flags: int) -> int:
    return flags | _BIT["refused"]


def _owner_changed(found: Survey, fields: Mapping[str, Any], _details: Mapping[str, Any], flags: int) -> int:
    accountable = part(fields, "accountable")
    before, after = part(accountable, "before"), part(accountable, "after")
    for role in {*before, *after}:
        if before.get(role) != after.get(role):
            found.offices[str(role)] += 1
    flags |= _BIT["new_owner"]
    if "service_owner" in after:
        return flags & ~_BIT["ownerless"]
    return flags | _BIT["ownerless"] if "service_owner" in before else flags


def _answered(_found: Survey, fields: Mapping[str, Any], _details: Mapping[str, Any], flags: int) -> int:
    return flags & _ANSWERED if _reason(fields) == "accept" else flags | _BIT["disowned"]


def _begun(_found: Survey, _fields: Mapping[str, Any], _details: Mapping[str, Any], flags: int) -> int:
    return flags | _BIT["work_open"]


def _reported(found: Survey, fields: Mapping[str, Any], details: Mapping[str, Any], flags: int) -> int:
    result, kind = details.get("result"), details.get("kind") or _reason(fields)
    found.results[str(kind), str(result)] += 1
    return flags | _BIT["work_failed"] if result == "failed" else flags & _WORK_ENDED


def _agreed(_found: Survey, fields: Mapping[str, Any], _details: Mapping[str, Any], flags: int) -> int:
    """Work that was called off is not open any more, and the token stays."""
    return flags & _WORK_ENDED & ~(_BIT["revoked"] | _BIT["rotated"]) if _reason(fields) == "call_off" else flags


def _seen(_found: Survey, fields: Mapping[str, Any], _details: Mapping[str, Any], flags: int) -> int:
    return flags | _BIT["vanished"] if _reason(fields) == "vanished" else flags


def _policy_acted(found: Survey, _fields: Mapping[str, Any], details: Mapping[str, Any], flags: int) -> int:
    action = str(details.get("action", ""))
    found.defaults[action] += 1
    return flags | _BIT["default_action"] | (_BIT["revoked"] if action == "open_revocation" else 0)


def _withdrawn(_found: Survey, _fields: Mapping[str, Any], _details: Mapping[str, Any], flags: int) -> int:
    return flags & _ANSWERED


def _undelivered(_found: Survey, _fields: Mapping[str, Any], _details: Mapping[str, Any], flags: int) -> int:
    return flags | _BIT["undelivered"]


def _vanished(_found: Survey, _fields: Mapping[str, Any], _details: Mapping[str, Any], flags: int) -> int:
    return flags | _BIT["vanished"]


_READ: Final = {
    RecordKind.REQUEST_OPENED: _opened,
    RecordKind.ASKED: _asked,
    RecordKind.NO_RESPONSE: _silent,
    RecordKind.DECISION: _decided,
    RecordKind.REFUSED: _refused,
    RecordKind.OWNERSHIP_CHANGED: _owner_changed,
    RecordKind.HANDOVER_ANSWERED: _answered,
    RecordKind.REMEDIATION_OPENED: _begun,
    RecordKind.REMEDIATION_RESULT: _reported,
    RecordKind.REMEDIATION_AGREED: _agreed,
    RecordKind.TOKEN_DISCOVERED: _seen,
    RecordKind.DEFAULT_ACTION: _policy_acted,
    RecordKind.TOKEN_VANISHED: _vanished,
    RecordKind.DELIVERY_FAILED: _undelivered,
    RecordKind.REQUEST_WITHDRAWN: _withdrawn,
}
