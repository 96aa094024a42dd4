"""A record of the ledger as lines that a person reads: a pure function, for look-ups and for a bundle's report alike.

People stand in a record as pseudonyms. Their names come from a mapping that the caller has, else from the record's own
disclosures; where both are gone, the pseudonym stands for itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from messages.cards.facts import HistoryLine
from storage.ledger.limits import LATEST_MS
from storage.ledger.log import StoredRecord
from storage.ledger.record import RecordKind, from_ms

_WRITTEN = ("justification", "note", "evidence", "why")
_SUBJECTS = ("ref", "to", "person", "new_owner", "assignee")
_WORK = ("work", "stage", "system", "connector", "outcome", "proof", "fault", "issuer_request_id", "credential")
_ENDS = ("tokens", "confirmed", "accepted_unverified", "failed", "by_hand", "called_off")
_ONE_LINE = frozenset(
    {
        RecordKind.REMEDIATION_STEP,
        RecordKind.REMEDIATION_AGREED,
        RecordKind.TOKEN_DISCOVERED,
        RecordKind.OFFBOARDING,
        RecordKind.EMERGENCY_ACCESS,
        RecordKind.USE_ANSWERED,
    }
)
_COUNTED = ("new", "changed", "unchanged", "vanished", "rejected")


def lines_of_record(record: StoredRecord, names: Mapping[str, str], gone: str = "") -> list[HistoryLine]:
    """What a record says, in order: one line, or several where several people were asked or several roles changed.

    Args:
        names: pseudonym to name.
        gone: what is put behind a pseudonym whose name is nowhere to be found.
    """
    return list(_Teller(record, names, gone).lines())


def refs_in(value: object) -> Iterator[str]:
    """Every text in a record's fields that looks like one of our pseudonyms."""
    if isinstance(value, dict):
        for item in value.values():
            yield from refs_in(item)
    elif isinstance(value, list):
        for item in value:
            yield from refs_in(item)
    elif isinstance(value, str) and value.startswith("p_"):
        yield value


def changes(fields: Mapping[str, Any]) -> Iterator[tuple[str, str | None, str | None]]:
    """(role, pseudonym before, pseudonym after) of each role that has another holder after the record than before."""
    accountable = part(fields, "accountable")
    before, after = part(accountable, "before"), part(accountable, "after")
    for role in dict.fromkeys([*before, *after]):
        if before.get(role) != after.get(role):
            yield role, _text(before.get(role)) or None, _text(after.get(role)) or None


def part(fields: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """A part of a record's fields; empty where it is not there, or is not one."""
    found = fields.get(name)
    return found if isinstance(found, dict) else {}


def reasons_of(details: Mapping[str, Any]) -> list[str]:
    """The reasons for which a token was due."""
    found = details.get("reasons")
    return [one for one in found if isinstance(one, str)] if isinstance(found, list) else []


def effective_at(record: StoredRecord) -> datetime:
    """When what a record tells took effect, UTC; never after it was recorded."""
    said = record.fields.get("effective_at")
    if type(said) is not int or not 0 <= said <= LATEST_MS:
        return record.recorded_at
    return min(from_ms(said), record.recorded_at)


class _Teller:
    """One record, taken apart."""

    def __init__(self, record: StoredRecord, names: Mapping[str, str], gone: str) -> None:
        self._record, self._names, self._gone = record, names, gone
        self._details = part(record.fields, "details")
        self._reason = _text(record.fields.get("reason"))

    def lines(self) -> Iterator[HistoryLine]:
        details, kind = self._details, self._record.kind
        told = details.get("told")
        people = [one for one in told if isinstance(one, dict)] if isinstance(told, list) else []
        match kind:
            case RecordKind.REQUEST_OPENED:
                yield self._line(reason=" ".join(reasons_of(details)))
                yield from self._each(people, RecordKind.ASKED)
            case RecordKind.ASKED | RecordKind.NO_RESPONSE if people:
                yield from self._each(people, kind)
            case RecordKind.NO_RESPONSE:
                outcome = "work" if "remediation" in details else _text(details.get("rung"))
                yield self._line(outcome=outcome, subject=self._subject())
            case RecordKind.OWNERSHIP_CHANGED:
                vendor = _text(details.get("vendor"))
                for role, before, after in changes(self._record.fields):
                    said = {"outcome": role, "subject": self._name(after), "reason": self._name(before)}
                    yield self._line(None, written=vendor, **said)
            case RecordKind.REFUSED:
                yield self._line(outcome=_text(details.get("verb")) or self._reason)
            case RecordKind.REMEDIATION_RESULT:
                kind_of_work = _text(details.get("kind")) or self._reason
                outcome = _text(details.get("result")) or self._reason
                evidence, end = self._written("evidence"), self._of_the_end()
                yield self._line(outcome=outcome, reason=kind_of_work, written=evidence, said=end)
            case kind if kind in _ONE_LINE:
                yield self._one_line(kind)
            case RecordKind.REMEDIATION_OPENED | RecordKind.DEFAULT_ACTION:
                outcome = _text(details.get("kind")) or _text(details.get("action")) or self._reason
                yield self._line(outcome=outcome, subject=self._subject())
            case RecordKind.INVENTORY_IMPORTED:
                yield self._line(counts=_import_counts(details))
            case RecordKind.DELIVERY_HANDLED:
                count = details.get("count")
                counts = (("messages", count),) if type(count) is int else ()
                yield self._line(outcome=self._reason, reason=self._written("why"), counts=counts)
            case RecordKind.PERSON_AWAY:
                until, stand_in = details.get("until"), self._name(details.get("stand_in"))
                day = from_ms(until).date().isoformat() if type(until) is int and 0 <= until <= LATEST_MS else ""
                yield self._line(outcome=self._reason, subject=self._subject(), reason=stand_in, written=day)
            case RecordKind.PERSON_NAMED | RecordKind.PERSON_ERASED:
                yield self._line(outcome=_text(details.get("person")), subject=self._subject())
            case _:
                outcome = _text(details.get("outcome")) or self._reason
                yield self._line(outcome=outcome, reason=self._written(*_WRITTEN), subject=self._subject())

    def _one_line(self, kind: RecordKind) -> HistoryLine:
        """Of work at an issuing system, of plans, emergencies and use: one line a record."""
        details, why = self._details, self._written("justification")
        match kind:
            case RecordKind.REMEDIATION_STEP:
                return self._line(outcome=self._reason, written=self._written("detail"), said=self._said(*_WORK))
            case RecordKind.REMEDIATION_AGREED:
                return self._line(outcome=self._reason, reason=why, said=self._said("work", "stage"))
            case RecordKind.TOKEN_DISCOVERED:
                fields = details.get("fields")
                listed = [one for one in fields if isinstance(one, str)] if isinstance(fields, list) else []
                said = (*self._said("system"), ("fields", ", ".join(listed) or _text(fields)))
                return self._line(outcome=self._reason, written=self._written("hint"), said=said)
            case RecordKind.OFFBOARDING:
                counts = tuple((key, details[key]) for key in _ENDS if type(details.get(key)) is int)
                said = self._said("plan", "subject")
                return self._line(outcome=self._reason, reason=why, counts=counts, said=said)
            case RecordKind.EMERGENCY_ACCESS:
                until = details.get("until")
                at = from_ms(until).isoformat() if type(until) is int and 0 <= until <= LATEST_MS else ""
                said = (("until", at),)
                return self._line(outcome=self._reason, subject=self._subject(), reason=why, said=said)
            case _:
                said = self._said("consumer")
                return self._line(outcome=self._reason, reason=why, subject=self._subject(), said=said)

    def _of_the_end(self) -> tuple[tuple[str, str], ...]:
        """Of work that a connector did: where, and by what its end was seen."""
        connector = _text(self._details.get("connector"))
        if connector in ("", "manual"):
            return ()
        issuer = _text(part(self._record.fields, "token").get("issuer"))
        return (*self._said("proof"), ("system", issuer or connector))

    def _said(self, *keys: str) -> tuple[tuple[str, str], ...]:
        """Those of the details that are there, as text."""
        found = ((key, _text(self._details.get(key))) for key in keys)
        return tuple(pair for pair in found if pair[1])

    def _each(self, people: list[dict[str, Any]], kind: RecordKind) -> Iterator[HistoryLine]:
        for one in people:
            subject, stood_in_for = self._name(one.get("ref")), self._name(one.get("for"))
            yield self._line(kind, outcome=_text(one.get("rung")), subject=subject, stands_in_for=stood_in_for)

    def _line(self, kind: RecordKind | None = None, **said: Any) -> HistoryLine:
        record, fields = self._record, self._record.fields
        actor, role, authority = part(fields, "actor"), part(fields, "role"), part(fields, "authority")
        took_effect = effective_at(record)
        policy = (_text(authority.get("policy_id")), _text(authority.get("version")))
        return HistoryLine(
            seq=record.seq,
            at=record.recorded_at,
            kind=(kind or record.kind).name.lower(),
            actor=self._name(actor.get("ref")),
            role=_text(role.get("name")),
            **{"outcome": ""} | said,
            epoch=record.epoch,
            request=record.request_id,
            effective_at=took_effect if took_effect < record.recorded_at else None,
            source=_text(role.get("source")),
            policy=", version ".join(filter(None, policy)),
            rule=_text(authority.get("rule")),
            delegated_from=self._name(authority.get("delegated_from")),
        )

    def _subject(self) -> str:
        return self._name(next((self._details[key] for key in _SUBJECTS if key in self._details), None))

    def _written(self, *keys: str) -> str:
        """What a person wrote about it, where it has not been erased."""
        found = self._record.disclosures
        return next((found[key] for key in keys if found.get(key)), "")

    def _name(self, ref: object) -> str:
        if not isinstance(ref, str) or not ref:
            return ""
        if ref == "security_channel":
            return "the security channel"
        said = self._record.disclosures.get(ref, "").partition(" <")[0]
        return self._names.get(ref) or said or f"{ref}{self._gone}"


def _import_counts(details: Mapping[str, Any]) -> tuple[tuple[str, int], ...]:
    """What the files of one import came to, summed."""
    listed = details.get("files")
    files = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    numbers = [(key, [one.get(key) for one in files]) for key in _COUNTED]
    summed = [(key, sum(n for n in found if type(n) is int)) for key, found in numbers]
    return (("files", len(files)), *summed)


def _text(value: object) -> str:
    """Codes are text; numbers do no harm; anything else is left out."""
    return value if isinstance(value, str) else str(value) if type(value) is int else ""
