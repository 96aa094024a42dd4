"""The records as events of the Open Cybersecurity Schema Framework, version 1.8: one JSON object a line, for a SIEM.

*Entity Management* (3004) for what was decided, asked and changed; *Compliance Finding* (2003) for what somebody has to
look at: silence, a token without an owner, records that were lost; *API Activity* (6003) for what an issuing system was
told to do. A finding names the controls for which the record is evidence. It never says that a control is met.

Times are in milliseconds since 1970 UTC. People are named where their names may still be read, else by pseudonym.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, Final

from pydantic_core import to_json

from bot.operations.export_ledger.about import About
from bot.operations.export_ledger.ocsf_classes import API_ACTIVITY, COMPLIANCE_FINDING, Shape, constants, shape_of
from bot.operations.export_ledger.words import KIND_WORDS, Said, text
from bot.rules.controls import ControlRef, Controls
from messages.inert import clean
from storage.ledger.record import RecordKind

VERSION: Final = "1.8.0"
_PRODUCT: Final = {"name": "Whose", "vendor_name": "Whose"}
_ENDPOINT: Final = {"name": "whose", "svc_name": "Whose"}
_CREDENTIAL: Final = "Credential"
_OTHER: Final = 99
#: What the schema takes for an address (its type ``email_t``); any other text is only a name.
_ADDRESS: Final = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+@[A-Za-z0-9-]+\.[A-Za-z0-9.-]+")


class Events:
    """Makes ``records.ocsf.jsonl``, a line at a time; every line is made of its record and ``about`` alone."""

    def __init__(self, about: About, controls: Controls) -> None:
        self._about, self._controls, self._names = about, controls, about.names
        metadata = {"version": VERSION, "product": _PRODUCT, "log_name": about.log, "log_provider": "Whose"}
        self._metadata = to_json(metadata)[:-1]
        self._log_id = to_json(about.log_id)[1:-1]

    def line(self, said: Said) -> bytes:
        """A record as an event, with its line end: a JSON object, keys in the order in which people read."""
        shape = shape_of(said.record.kind, said.reason, said.details)
        # What is the same for many records was written out once: half of an event is.
        return b'{"time":%d,%b,"metadata":%b,%b\n' % (
            said.effective_at,
            _written_out(shape),
            self._of(said),
            to_json(self._rest(said, shape))[1:],
        )

    def _of(self, said: Said) -> bytes:
        """The metadata, as JSON."""
        record, request, log_id = said.record, said.fields.get("request"), self._log_id
        return b'%b,"uid":"%b/%d/%d","original_event_uid":%b,%b,"sequence":%d,"logged_time":%d%b}' % (
            self._metadata,
            log_id,
            record.epoch,
            record.seq,
            to_json(text(said.fields.get("id"))),
            _CODES[record.kind],
            record.seq,
            said.recorded_at,
            b',"correlation_uid":"%b/request/%d"' % (log_id, request) if type(request) is int else b"",
        )

    def _rest(self, said: Said, shape: Shape) -> dict[str, Any]:
        record, words = said.record, KIND_WORDS[said.record.kind]
        message = f"{words}: {said.outcome}" if said.outcome else words
        event: dict[str, Any] = {"message": message}
        if shape.class_uid == COMPLIANCE_FINDING:
            event["finding_info"] = {
                "uid": f"{self._about.log_id}/{record.epoch}/{record.seq}",
                "title": message,
                "created_time": said.recorded_at,
                "types": [words],
            }
            event["compliance"] = compliance(self._controls.of_record(record.kind, said.fields))
            if record.token_id is not None:
                event["resources"] = [self._resource(said)]
        else:
            event["actor"] = self._actor(said)
            if shape.class_uid == API_ACTIVITY:
                self._call(event, said)
            else:
                self._entity(event, said)
        if said.written:
            event["comment"] = clean(said.written, lines=True)
        # What the schema has no place for: where the record is proven, and its own details.
        event["unmapped"] = {
            "epoch": record.epoch,
            "leaf_hash": record.leaf_hash.hex(),
            "reason": said.reason,
            "details": said.details,
        }
        return event

    def _call(self, event: dict[str, Any], said: Said) -> None:
        """What an issuing system was told to do, and what it answered."""
        issuer = text(said.token.get("issuer")) or text(said.details.get("connector"))
        event["api"] = {"operation": said.reason, "service": {"name": issuer}}
        if request := text(said.details.get("issuer_request_id")):
            event["api"]["request"] = {"uid": request}
        event["src_endpoint"] = _ENDPOINT
        event["resources"] = [self._resource(said)]
        event["status_detail"] = text(said.details.get("result")) or text(said.details.get("outcome"))

    def _entity(self, event: dict[str, Any], said: Said) -> None:
        """What the record is about, as it was and, where it changed, as it is."""
        entity = self._managed(said)
        event["entity"] = {**entity, "data": {"accountable": said.before}} if said.before else entity
        if said.after:
            event["entity_result"] = {**entity, "data": {"accountable": said.after}}

    # ------------------------------------------------------------------ who and what

    def _actor(self, said: Said) -> dict[str, Any]:
        ref = text(said.actor.get("ref"))
        if not ref:
            actor: dict[str, Any] = {"app_name": "Whose"}
        elif said.role:
            groups = [_group(text(said.role.get("name")), text(said.role.get("source")))]
            actor = {"user": {**self._user(ref, said), "groups": groups}}
        else:
            actor = {"user": self._user(ref, said)}
        if authority := said.authority:
            decision = "Denied" if said.record.kind is RecordKind.REFUSED else "Allowed"
            uid, version, rule = authority.get("policy_id"), authority.get("version"), authority.get("rule")
            actor["authorizations"] = _authorised(decision, text(uid), text(version), text(rule))
        return actor

    def _user(self, ref: str, said: Said) -> dict[str, Any]:
        return _person(ref, self._names.get(ref) or said.record.disclosures.get(ref) or "")

    def _resource(self, said: Said) -> dict[str, Any]:
        uid = text(said.token.get("external_id")) or f"token {said.record.token_id}"
        resource: dict[str, Any] = {"uid": uid, "name": uid, "type": _CREDENTIAL}
        if issuer := text(said.token.get("issuer")):
            resource["namespace"] = issuer
        if tier := text(said.token.get("tier")):
            resource["labels"] = [tier]
        if owner := text(said.before.get("service_owner")):
            resource["owner"] = self._user(owner, said)
        return resource

    def _managed(self, said: Said) -> dict[str, Any]:
        """What the record is about: a token, a person, a vendor, the policy, the log's key or the inventory."""
        if said.record.token_id is not None:
            name = text(said.token.get("external_id")) or f"token {said.record.token_id}"
            uid = f"{text(said.token.get('issuer'))}/{name}"
            return {"uid": uid, "name": name, "type": _CREDENTIAL, "type_id": _OTHER}
        match said.record.kind:
            case RecordKind.POLICY_CHANGED:
                policy = _policy(text(said.authority.get("policy_id")), text(said.authority.get("version")))
                return {"uid": policy["uid"], "type": "Policy", "type_id": 5, "policy": policy}
            case kind if kind in _ABOUT_PEOPLE:
                ref = text(said.details.get("person")) or "unknown"
                return {"uid": ref, "type": "User", "type_id": 2, "user": self._user(ref, said)}
            case RecordKind.OWNERSHIP_CHANGED:
                vendor = text(said.details.get("vendor")) or "unknown"
                return {"uid": f"vendor/{vendor}", "name": f"vendor {vendor}", "type": "Vendor", "type_id": _OTHER}
            case RecordKind.OFFBOARDING:
                plan, subject = text(said.details.get("plan")), text(said.details.get("subject"))
                name = f"{plan} {subject}".strip() or "unknown"
                return {"uid": f"plan/{plan}/{subject}", "name": name, "type": "Plan", "type_id": _OTHER}
            case RecordKind.KEY_ROTATED:
                return {"uid": self._about.log_id, "name": self._about.log, "type": "Signing key", "type_id": _OTHER}
            case RecordKind.DELIVERY_HANDLED:
                return {"uid": self._about.log_id, "name": "outbox", "type": "Outbox", "type_id": _OTHER}
            case _:
                return {"uid": self._about.log_id, "name": "inventory", "type": "Inventory", "type_id": _OTHER}


_ABOUT_PEOPLE: Final = frozenset(
    {
        RecordKind.PERSON_LEFT,
        RecordKind.PERSON_ERASED,
        RecordKind.PERSON_NAMED,
        RecordKind.PERSON_AWAY,
        RecordKind.EMERGENCY_ACCESS,
    }
)
_CODES: Final = {kind: b'"event_code":%b' % to_json(kind.name.lower()) for kind in RecordKind}


@lru_cache(1024)
def _written_out(shape: Shape) -> bytes:
    return to_json(constants(shape))[1:-1]


@lru_cache(1024)
def _group(role: str, source: str) -> dict[str, str]:
    return {"name": role, "type": "role", "desc": source}


@lru_cache(4096)
def compliance(controls: tuple[ControlRef, ...]) -> dict[str, Any]:
    """What a finding says of the frameworks: for which controls it is evidence. ``Warning``: somebody has to look."""
    said: dict[str, Any] = {"status": "Warning", "status_id": 2}
    if controls:
        said["desc"] = "The record is evidence for these controls. It says nothing about compliance."
        said["control"] = str(controls[0])
        said["standards"] = list(dict.fromkeys(one.framework for one in controls))
        said["requirements"] = [str(one) for one in controls]
    return said


@lru_cache(1 << 14)
def _person(ref: str, named: str) -> dict[str, Any]:
    """A person; ``named`` is ``Name <address>``, an address, or empty where it can no longer be read."""
    user: dict[str, Any] = {"uid": ref, "type": "User", "type_id": 1}
    if named:
        name, _, address = named.rpartition(" <")
        user["name"] = clean(name or named)
        address = address.removesuffix(">") if name else named
        if _ADDRESS.fullmatch(address):
            user["email_addr"] = address
    return user


@lru_cache(1024)
def _authorised(decision: str, policy_id: str, version: str, rule: str) -> list[dict[str, Any]]:
    return [{"decision": decision, "policy": _policy(policy_id, version, rule)}]


def _policy(policy_id: str, version: str, rule: str = "") -> dict[str, str]:
    policy = {"uid": policy_id or "unknown", "version": version}
    return {**policy, "name": rule} if rule else policy
