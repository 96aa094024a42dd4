"""Which OCSF class, activity, severity and status a record is, by kind, reason and details (schema.ocsf.io, 1.8.0)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Final, NamedTuple

from bot.operations.export_ledger.words import by_connector, text
from storage.ledger.record import RecordKind

ENTITY_MANAGEMENT: Final = 3004
COMPLIANCE_FINDING: Final = 2003
API_ACTIVITY: Final = 6003

INFORMATIONAL, LOW, MEDIUM, HIGH = 1, 2, 3, 4
SUCCESS, FAILURE = (1, "Success"), (2, "Failure")
NEW: Final = (1, "New")
NONE: Final = (0, "Unknown")

_OTHER: Final = 99
_CREATE, _READ, _UPDATE, _DELETE = (1, "Create"), (2, "Read"), (3, "Update"), (4, "Delete")
_DEACTIVATE: Final = (11, "Deactivate")
_CLASSES: Final = {
    ENTITY_MANAGEMENT: ("Entity Management", 3, "Identity & Access Management"),
    COMPLIANCE_FINDING: ("Compliance Finding", 2, "Findings"),
    API_ACTIVITY: ("API Activity", 6, "Application Activity"),
}
_SEVERITIES: Final = {INFORMATIONAL: "Informational", LOW: "Low", MEDIUM: "Medium", HIGH: "High"}
_OWNERLESS: Final = frozenset({"owner_missing", "owner_left"})


class Shape(NamedTuple):
    """What of an event follows from the kind of record: class, (activity id, name), severity, (status id, name)."""

    class_uid: int
    activity: tuple[int, str]
    severity: int = INFORMATIONAL
    status: tuple[int, str] = SUCCESS


@lru_cache(1024)
def constants(shape: Shape) -> Mapping[str, Any]:
    """The members of an event that are the same for every record of a shape; not to be changed."""
    name, category, category_name = _CLASSES[shape.class_uid]
    activity_id, activity_name = shape.activity
    return {
        "class_uid": shape.class_uid,
        "class_name": name,
        "category_uid": category,
        "category_name": category_name,
        "activity_id": activity_id,
        "activity_name": activity_name,
        "type_uid": shape.class_uid * 100 + activity_id,
        "type_name": f"{name}: {activity_name if activity_id != _OTHER else 'Other'}",
        "severity_id": shape.severity,
        "severity": _SEVERITIES[shape.severity],
        "status_id": shape.status[0],
        "status": shape.status[1],
    }


def shape_of(kind: RecordKind, reason: str, details: Mapping[str, Any]) -> Shape:
    """The shape of a record's event."""
    found = _FIXED.get(kind)
    return _WORKED_OUT[kind](reason, details) if found is None else found


def _entity(activity: str | tuple[int, str], severity: int = INFORMATIONAL, status: tuple[int, str] = SUCCESS) -> Shape:
    """An event of Entity Management; an activity that the schema has no number for goes by its name."""
    return Shape(ENTITY_MANAGEMENT, (_OTHER, activity) if isinstance(activity, str) else activity, severity, status)


def _finding(severity: int) -> Shape:
    return Shape(COMPLIANCE_FINDING, _CREATE, severity, NEW)


_FIXED: Final[Mapping[RecordKind, Shape]] = {
    RecordKind.REFUSED: _entity("Decision refused", LOW, FAILURE),
    RecordKind.OWNERSHIP_CHANGED: _entity(_UPDATE),
    RecordKind.HANDOVER_PROPOSED: _entity("Handover proposed"),
    RecordKind.INVENTORY_IMPORTED: _entity(_UPDATE),
    RecordKind.TOKEN_VANISHED: _entity("No longer in the inventory", LOW),
    RecordKind.DELIVERY_FAILED: _entity("Message not delivered", LOW, FAILURE),
    RecordKind.POLICY_CHANGED: _entity(_UPDATE),
    RecordKind.REQUEST_WITHDRAWN: _entity("Request withdrawn"),
    RecordKind.KEY_ROTATED: _entity(_UPDATE),
    RecordKind.PERSON_ERASED: _entity(_DELETE),
    RecordKind.PERSON_NAMED: _entity(_UPDATE),
    RecordKind.DELIVERY_HANDLED: _entity("Undelivered messages handled"),
    RecordKind.PERSON_AWAY: _entity(_UPDATE),
    RecordKind.EPOCH_OPENED: _finding(HIGH),
}

_DECISIONS: Final = {
    word: _entity(f"Decision: {word}")
    for word in ("attest", "rotate", "revoke", "disown", "reassign", "snooze", "let_lapse")
}
_OTHER_DECISION: Final = _entity("Decision")
_REQUESTED, _OWNERLESS_FOUND = _entity("Answer asked for"), _finding(MEDIUM)
_REMINDER, _ESCALATION = _entity("Reminder"), _entity("Escalation")
_SILENCE, _SILENCE_LEFT = _finding(LOW), _finding(MEDIUM)
_DEFAULT_REVOKED, _DEFAULT_NOTHING = _finding(MEDIUM), _finding(HIGH)
_ACCEPTED, _DECLINED = _entity("Handover accepted"), _entity("Handover declined", status=(_OTHER, "Declined"))
_WORK: Final = {word: _entity(f"Work begun: {word}") for word in ("rotate", "revoke")}
_OTHER_WORK: Final = _entity("Work begun")
_LEFT_DEACTIVATED, _LEFT = _entity(_DEACTIVATE), _entity("Left")


def _request(_reason: str, details: Mapping[str, Any]) -> Shape:
    why = details.get("reasons")
    ownerless = isinstance(why, list) and any(isinstance(one, str) and one in _OWNERLESS for one in why)
    return _OWNERLESS_FOUND if ownerless else _REQUESTED


def _asked(reason: str, _details: Mapping[str, Any]) -> Shape:
    return _REMINDER if reason == "reminder" else _ESCALATION


def _silence(_reason: str, details: Mapping[str, Any]) -> Shape:
    return _SILENCE_LEFT if details.get("left") is True else _SILENCE


def _decision(reason: str, _details: Mapping[str, Any]) -> Shape:
    return _DECISIONS.get(reason, _OTHER_DECISION)


def _answered(_reason: str, details: Mapping[str, Any]) -> Shape:
    return _ACCEPTED if details.get("accepted") is True else _DECLINED


def _work(reason: str, _details: Mapping[str, Any]) -> Shape:
    return _WORK.get(reason, _OTHER_WORK)


def _result(reason: str, details: Mapping[str, Any]) -> Shape:
    return _result_shape(by_connector(details), reason, text(details.get("result")))


_STATUSES: Final = {
    "accepted_unverified": (_OTHER, "Accepted, not verified"),
    "called_off": (_OTHER, "Called off"),
}


@lru_cache(256)
def _result_shape(called: bool, reason: str, result: str) -> Shape:
    """By an issuing system's answer, or by a person's word, which stays unverified."""
    severity = MEDIUM if result == "failed" else INFORMATIONAL
    status = {"confirmed": SUCCESS, "failed": FAILURE}.get(result)
    if status is None:
        status = _STATUSES.get(result, NONE)
    if not called:
        return _entity(f"Work reported: {reason}" if reason in _WORK else "Work reported", severity, status)
    return Shape(API_ACTIVITY, {"rotate": _UPDATE, "revoke": _DELETE}.get(reason, (0, "Unknown")), severity, status)


def _step(reason: str, _details: Mapping[str, Any]) -> Shape:
    return _STEPS.get(reason, _OTHER_STEP)


_OTHER_STEP: Final = _entity("Work went on")
_STEPS: Final = {
    "deliver": Shape(API_ACTIVITY, _CREATE),
    "disable": Shape(API_ACTIVITY, _UPDATE),
    "enable": Shape(API_ACTIVITY, _UPDATE),
    "delete": Shape(API_ACTIVITY, _DELETE),
    "verify": Shape(API_ACTIVITY, _READ),
    "halt": _entity("Work halted", MEDIUM, FAILURE),
    "used": _entity("Used after it was agreed to", LOW),
    **{
        word: _entity(f"Work went on: {word.replace('_', ' ')}")
        for word in ("ask", "clear", "prove", "gone", "observe", "hand_over")
    },
}


def _agreed(reason: str, _details: Mapping[str, Any]) -> Shape:
    return _AGREED.get(reason, _OTHER_AGREED)


_OTHER_AGREED: Final = _entity("Work decided about")
_AGREED: Final = {
    "approve": _entity("Work agreed to"),
    "call_off": _entity("Work called off"),
    "give_back": _entity("Given back"),
    "resume": _entity("Work resumed"),
    "retry": _entity("Work tried again"),
}


def _found(reason: str, _details: Mapping[str, Any]) -> Shape:
    return _FOUND.get(reason, _OTHER_FOUND)


_OTHER_FOUND: Final = _entity("Seen at its issuing system")
_FOUND: Final = {
    "new": _finding(MEDIUM),
    "changed": _entity(_UPDATE),
    "vanished": _entity("No longer at its issuing system", LOW),
    "back": _entity("At its issuing system again"),
}


def _plan(reason: str, details: Mapping[str, Any]) -> Shape:
    failed = reason == "ended" and details.get("failed") not in (None, 0)
    return _PLAN_LEFT if failed else _PLANS.get(reason, _OTHER_PLAN)


_PLAN_LEFT: Final = _entity("Plan ended", MEDIUM, FAILURE)
_OTHER_PLAN: Final = _entity("Plan")
_PLANS: Final = {word: _entity(f"Plan {word.replace('_', ' ')}") for word in ("proposed", "approved", "called_off")} | {
    "ended": _entity("Plan ended")
}


def _emergency(reason: str, _details: Mapping[str, Any]) -> Shape:
    return _EMERGENCIES.get(reason, _OTHER_EMERGENCY)


_OTHER_EMERGENCY: Final = _entity("Emergency access")
_EMERGENCIES: Final = {
    "requested": _entity("Emergency access requested"),
    "opened": _entity("Emergency access opened", MEDIUM),
    "agreed": _entity("Emergency access agreed to"),
    "refused": _entity("Emergency access refused", MEDIUM),
    "lapsed": _entity("Emergency access lapsed"),
    "ended": _entity("Emergency access ended"),
    "reviewed": _entity("Emergency access reviewed"),
    "questioned": _entity("Emergency access questioned", MEDIUM),
    "unreviewed": _entity("Emergency access not reviewed", MEDIUM),
}


def _use(reason: str, _details: Mapping[str, Any]) -> Shape:
    return _USES.get(reason, _OTHER_USE)


_OTHER_USE: Final = _entity("Use answered for")
_USES: Final = {"needed": _entity("Use needed"), "not_needed": _entity("Use not needed")}


def _default(_reason: str, details: Mapping[str, Any]) -> Shape:
    return _DEFAULT_REVOKED if details.get("action") == "open_revocation" else _DEFAULT_NOTHING


def _left(reason: str, _details: Mapping[str, Any]) -> Shape:
    return _LEFT_DEACTIVATED if reason == "account_deactivated" else _LEFT


_WORKED_OUT: Final[Mapping[RecordKind, Callable[[str, Mapping[str, Any]], Shape]]] = {
    RecordKind.REQUEST_OPENED: _request,
    RecordKind.ASKED: _asked,
    RecordKind.NO_RESPONSE: _silence,
    RecordKind.DECISION: _decision,
    RecordKind.HANDOVER_ANSWERED: _answered,
    RecordKind.REMEDIATION_OPENED: _work,
    RecordKind.REMEDIATION_RESULT: _result,
    RecordKind.DEFAULT_ACTION: _default,
    RecordKind.PERSON_LEFT: _left,
    RecordKind.REMEDIATION_STEP: _step,
    RecordKind.REMEDIATION_AGREED: _agreed,
    RecordKind.TOKEN_DISCOVERED: _found,
    RecordKind.OFFBOARDING: _plan,
    RecordKind.EMERGENCY_ACCESS: _emergency,
    RecordKind.USE_ANSWERED: _use,
}
