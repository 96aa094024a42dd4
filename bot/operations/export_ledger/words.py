"""What a record says, in the few words of a table's cell or of an event.

Nothing here believes a record: a bundle may come from anybody, so a part that is not what it should be is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple

from bot.operations.lookups.told import part, reasons_of
from messages.wording import asking, names, outcomes
from storage.ledger.limits import LATEST_MS
from storage.ledger.log import StoredRecord
from storage.ledger.record import RecordKind, from_ms, to_ms

SECURITY_CHANNEL: Final = "the security channel"
_WRITTEN: Final = ("justification", "note", "evidence", "why", "detail", "hint")
_MANUAL: Final = "manual"

KIND_WORDS: Final[Mapping[RecordKind, str]] = {
    RecordKind.REQUEST_OPENED: "answer asked for",
    RecordKind.ASKED: "asked",
    RecordKind.NO_RESPONSE: "no answer",
    RecordKind.DECISION: "decision",
    RecordKind.REFUSED: "refused",
    RecordKind.OWNERSHIP_CHANGED: "change of who is accountable",
    RecordKind.HANDOVER_PROPOSED: "handover proposed",
    RecordKind.HANDOVER_ANSWERED: "handover answered",
    RecordKind.REMEDIATION_OPENED: "work begun",
    RecordKind.REMEDIATION_RESULT: "work reported",
    RecordKind.DEFAULT_ACTION: "what the policy does about silence",
    RecordKind.INVENTORY_IMPORTED: "inventory imported",
    RecordKind.TOKEN_VANISHED: "no longer in the inventory",
    RecordKind.DELIVERY_FAILED: "message not delivered",
    RecordKind.POLICY_CHANGED: "policy changed",
    RecordKind.REQUEST_WITHDRAWN: "request withdrawn",
    RecordKind.PERSON_LEFT: "person left",
    RecordKind.EPOCH_OPENED: "log begun anew after a restore",
    RecordKind.KEY_ROTATED: "signing key changed",
    RecordKind.PERSON_ERASED: "person erased",
    RecordKind.PERSON_NAMED: "person named",
    RecordKind.DELIVERY_HANDLED: "undelivered messages handled",
    RecordKind.PERSON_AWAY: "absence noted",
    RecordKind.REMEDIATION_STEP: "work at an issuing system",
    RecordKind.REMEDIATION_AGREED: "word given about work",
    RecordKind.TOKEN_DISCOVERED: "seen at an issuing system",
    RecordKind.OFFBOARDING: "plan to end access",
    RecordKind.EMERGENCY_ACCESS: "emergency access",
    RecordKind.USE_ANSWERED: "use answered for",
}


def text(value: object) -> str:
    """A text or a whole number as text; anything else as nothing."""
    if isinstance(value, str):
        return value
    return str(value) if type(value) is int else ""


def number(value: object) -> int | None:
    """A whole number, or nothing."""
    return value if type(value) is int else None


@lru_cache(1 << 14)
def utc(milliseconds: int) -> str:
    """``2026-03-02T09:00:00.000Z``; a number that is no time of this era stays a number."""
    if not 0 <= milliseconds <= LATEST_MS:
        return str(milliseconds)
    return from_ms(milliseconds).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


@lru_cache(1024)
def role(code: str) -> str:
    """A role in words."""
    return names.role(code)


def name(ref: object, record: StoredRecord, known: Mapping[str, str]) -> str:
    """``Name <address>`` where it can be read, else the pseudonym; nothing for what is none."""
    if type(ref) is not str:
        return ""
    if ref == "security_channel":
        return SECURITY_CHANNEL
    return known.get(ref) or record.disclosures.get(ref) or ref


def accountable(held: Mapping[str, Any], record: StoredRecord, known: Mapping[str, str]) -> str:
    """``service owner: Ana Lima <ana@example.com>; business owner: …``."""
    return "; ".join([f"{role(office)}: {name(ref, record, known)}" for office, ref in held.items()])


def told(said: Said, known: Mapping[str, str]) -> str:
    """Whom the record says was asked, named or told, with the rung where it says so."""
    record, details = said.record, said.details
    people = details.get("told")
    if isinstance(people, list):
        return "; ".join([_one_told(one, record, known) for one in people if isinstance(one, dict)])
    for key in ("ref", "to", "new_owner", "assignee", "person"):
        if key in details:
            return name(details[key], record, known)
    return ""


def _one_told(one: Mapping[str, Any], record: StoredRecord, known: Mapping[str, str]) -> str:
    rung, instead = text(one.get("rung")), name(one.get("for"), record, known)
    said = f"{role(rung)}: {name(one.get('ref'), record, known)}" if rung else name(one.get("ref"), record, known)
    return f"{said} (for {instead})" if instead else said


class Said(NamedTuple):
    """A record taken apart once, for all its readings. What is not there, or is not what it should be, is empty."""

    record: StoredRecord
    fields: Mapping[str, Any]
    reason: str
    details: Mapping[str, Any]
    token: Mapping[str, Any]
    actor: Mapping[str, Any]
    role: Mapping[str, Any]
    authority: Mapping[str, Any]
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    recorded_at: int
    """Milliseconds since 1970 UTC."""
    effective_at: int
    outcome: str
    """What came of it, in a few words; empty where the kind says all."""
    written: str
    """What somebody wrote about it, where it has not been erased."""


def read(record: StoredRecord) -> Said:
    """Take a record apart."""
    fields = record.fields
    found = [one if type(one) is dict else _NOTHING for one in map(fields.get, _PARTS)]
    details, token, actor, at_role, authority, held = found
    reason = text(fields.get("reason"))
    recorded, effective = fields.get("recorded_at"), fields.get("effective_at")
    recorded_at = recorded if type(recorded) is int else to_ms(record.recorded_at)
    return Said(
        record,
        fields,
        reason,
        details,
        token,
        actor,
        at_role,
        authority,
        part(held, "before") if held else _NOTHING,
        part(held, "after") if held else _NOTHING,
        recorded_at,
        effective if type(effective) is int else recorded_at,
        _outcome(record.kind, reason, details),
        _written(record.disclosures) if record.disclosures else "",
    )


_PARTS: Final = ("details", "token", "actor", "role", "authority", "accountable")
_NOTHING: Final[dict[str, Any]] = {}


def _written(disclosures: Mapping[str, str]) -> str:
    return " / ".join([disclosures[key] for key in _WRITTEN if disclosures.get(key)])


def by_connector(details: Mapping[str, Any]) -> bool:
    """Whether an issuing system did the work, and nobody by hand."""
    return text(details.get("connector")) not in ("", _MANUAL)


def _outcome(kind: RecordKind, reason: str, details: Mapping[str, Any]) -> str:
    said = _OUTCOMES.get(kind)
    return reason.replace("_", " ") if said is None else said(reason, details)


def _due(_reason: str, details: Mapping[str, Any]) -> str:
    return _why(tuple(reasons_of(details)))


def _did(reason: str, _details: Mapping[str, Any]) -> str:
    return outcomes.did(reason)


def _refused(_reason: str, details: Mapping[str, Any]) -> str:
    return f"no authority: {text(details.get('verb'))}"


def _silence(_reason: str, details: Mapping[str, Any]) -> str:
    if "remediation" in details:
        return "work not reported as done"
    return "has left" if details.get("left") is True else "was asked and did not answer"


def _changed(_reason: str, details: Mapping[str, Any]) -> str:
    return role(text(details.get("role")))


def _result(reason: str, details: Mapping[str, Any]) -> str:
    kind, system = text(details.get("kind")) or reason, text(details.get("connector")) if by_connector(details) else ""
    return outcomes.result(kind, text(details.get("result")) or "unknown", text(details.get("proof")), system)


def _step(reason: str, details: Mapping[str, Any]) -> str:
    fault = text(details.get("fault"))
    return _STEPS.get(reason, reason.replace("_", " ")) + (f": {fault.replace('_', ' ')}" if fault else "")


_STEPS: Final = {
    "ask": "a second person asked to agree",
    "clear": "no second person needed",
    "used": "used after it was agreed to",
    "deliver": "new secret made and kept",
    "prove": "new secret works and is in use",
    "disable": "disabled",
    "gone": "no longer there",
    "enable": "given back",
    "observe": "disabled long enough",
    "delete": "deleted",
    "verify": "end checked",
    "halt": "halted",
    "hand_over": "left to a person",
}


def _agreed(reason: str, details: Mapping[str, Any]) -> str:
    said = {"approve": "agreed to", "call_off": "called off", "give_back": "to be given back"}
    work = {"revoke": "removal", "rotate": "rotation"}.get(text(details.get("work")), "")
    return ": ".join(one for one in (work, said.get(reason, reason.replace("_", " "))) if one)


def _plan(reason: str, details: Mapping[str, Any]) -> str:
    """The plan, what became of it and, at its end, what came of its tokens."""
    counts = [(key, number(details.get(key))) for key in _PLAN_ENDS]
    came = [f"{count} {key.replace('_', ' ')}" for key, count in counts if count]
    of = f"{text(details.get('plan'))} {text(details.get('subject'))}".strip()
    return ", ".join([f"{of}: {reason.replace('_', ' ')}" if of else reason.replace("_", " "), *came])


_PLAN_ENDS: Final = ("confirmed", "accepted_unverified", "failed", "by_hand", "called_off")


def _emergency(reason: str, details: Mapping[str, Any]) -> str:
    until = number(details.get("until"))
    return f"{reason} until {utc(until)}" if reason == "opened" and until is not None else reason


def _use(reason: str, details: Mapping[str, Any]) -> str:
    consumer = text(details.get("consumer"))
    return f"{reason.replace('_', ' ')}: {consumer}" if consumer else reason.replace("_", " ")


def _default(_reason: str, details: Mapping[str, Any]) -> str:
    return "revocation begun" if details.get("action") == "open_revocation" else "nothing was switched off"


def _opened(reason: str, _details: Mapping[str, Any]) -> str:
    return {"rotate": "to be rotated", "revoke": "to be revoked"}.get(reason, reason)


def _begun_anew(reason: str, _details: Mapping[str, Any]) -> str:
    return {"shrank": "records were missing", "forked": "records differed from those signed"}.get(reason, reason)


def _kind_says_all(_reason: str, _details: Mapping[str, Any]) -> str:
    return ""


def _undelivered(_reason: str, details: Mapping[str, Any]) -> str:
    return text(details.get("code"))


def _handled(reason: str, _details: Mapping[str, Any]) -> str:
    return {"retry": "to be sent again", "drop": "not to be sent"}.get(reason, reason)


def _absence(reason: str, details: Mapping[str, Any]) -> str:
    until = number(details.get("until"))
    return f"away until {utc(until)}" if reason == "away" and until is not None else reason


@lru_cache(4096)
def _why(codes: Sequence[str]) -> str:
    return ", ".join(asking.reason_bare(code) for code in codes)


def _imported(_reason: str, details: Mapping[str, Any]) -> str:
    files = details.get("files")
    of = [one for one in files if isinstance(one, dict)] if isinstance(files, list) else []
    sums = [(key, sum(number(one.get(key)) or 0 for one in of)) for key in _COUNTED]
    return ", ".join(f"{count} {key}" for key, count in sums)


_COUNTED: Final = ("new", "changed", "unchanged", "vanished", "rejected")
_OUTCOMES: Final[Mapping[RecordKind, Callable[[str, Mapping[str, Any]], str]]] = {
    RecordKind.REQUEST_OPENED: _due,
    RecordKind.NO_RESPONSE: _silence,
    RecordKind.DECISION: _did,
    RecordKind.REFUSED: _refused,
    RecordKind.OWNERSHIP_CHANGED: _changed,
    RecordKind.HANDOVER_PROPOSED: _did,
    RecordKind.HANDOVER_ANSWERED: _did,
    RecordKind.REMEDIATION_OPENED: _opened,
    RecordKind.REMEDIATION_RESULT: _result,
    RecordKind.DEFAULT_ACTION: _default,
    RecordKind.INVENTORY_IMPORTED: _imported,
    RecordKind.TOKEN_VANISHED: _kind_says_all,
    RecordKind.DELIVERY_FAILED: _undelivered,
    RecordKind.POLICY_CHANGED: _kind_says_all,
    RecordKind.EPOCH_OPENED: _begun_anew,
    RecordKind.KEY_ROTATED: _kind_says_all,
    RecordKind.PERSON_ERASED: _kind_says_all,
    RecordKind.PERSON_NAMED: _kind_says_all,
    RecordKind.DELIVERY_HANDLED: _handled,
    RecordKind.PERSON_AWAY: _absence,
    RecordKind.REMEDIATION_STEP: _step,
    RecordKind.REMEDIATION_AGREED: _agreed,
    RecordKind.OFFBOARDING: _plan,
    RecordKind.EMERGENCY_ACCESS: _emergency,
    RecordKind.USE_ANSWERED: _use,
}
