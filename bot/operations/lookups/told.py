"""The ledger's records of a token as lines that a person reads.

Names are looked up by pseudonym: in the directory, else in the record's own disclosures; where both were erased,
the pseudonym stands for itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import select
from sqlmodel import Session

from messages.cards.facts import HistoryLine
from storage.ledger.log import StoredRecord
from storage.ledger.record import RecordKind
from storage.people import PERSON

_CHUNK = 5_000
_REASONS = ("justification", "note", "evidence")


def lines_of(session: Session, records: Sequence[StoredRecord]) -> list[HistoryLine]:
    """One line a record; several where it says that several people were asked or several roles changed."""
    names = _names(session, {ref for record in records for ref in _refs(record.fields)})
    return [line for record in records for line in _lines(record, names)]


def _lines(record: StoredRecord, names: Mapping[str, str]) -> Iterator[HistoryLine]:
    fields, details = record.fields, _part(record.fields, "details")

    def name(ref: object) -> str:
        return _name(ref, record, names)

    def line(kind: RecordKind = record.kind, *, outcome: str = "", reason: str = "", subject: str = "") -> HistoryLine:
        actor, role = _part(fields, "actor"), _part(fields, "role")
        said = (kind.name.lower(), name(actor.get("ref")), str(role.get("name", "")))
        return HistoryLine(record.seq, record.recorded_at, *said, outcome, reason, subject)

    told = [one for one in details.get("told", ()) if isinstance(one, dict)]
    match record.kind:
        case RecordKind.REQUEST_OPENED:
            yield line(reason=" ".join(details.get("reasons", ())))
            for one in told:
                yield line(RecordKind.ASKED, outcome=str(one.get("rung", "")), subject=name(one.get("ref")))
        case RecordKind.ASKED if told:
            for one in told:
                yield line(outcome=str(one.get("rung", "")), subject=name(one.get("ref")))
        case RecordKind.NO_RESPONSE if told:
            for one in told:
                yield line(outcome=str(one.get("rung", "")), subject=name(one.get("ref")))
        case RecordKind.OWNERSHIP_CHANGED:
            for role, before, after in _changes(fields):
                yield line(outcome=role, subject=name(after), reason="" if after else name(before))
        case RecordKind.REMEDIATION_RESULT:
            yield line(outcome=_word(details, "result", record), reason=_word(details, "kind", record))
        case RecordKind.REMEDIATION_OPENED | RecordKind.DEFAULT_ACTION:
            yield line(outcome=str(details.get("kind") or details.get("action") or fields.get("reason", "")))
        case _:
            subject = next((details[key] for key in ("to", "person", "ref", "new_owner") if key in details), None)
            yield line(outcome=_word(details, "outcome", record), reason=_given(record), subject=name(subject))


def _changes(fields: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    """(role, pseudonym before, pseudonym after) of each role that has another holder now."""
    accountable = _part(fields, "accountable")
    before, after = _part(accountable, "before"), _part(accountable, "after")
    for role in dict.fromkeys([*before, *after]):
        if before.get(role) != after.get(role):
            yield role, before.get(role), after.get(role)


def _word(details: Mapping[str, Any], key: str, record: StoredRecord) -> str:
    return str(details.get(key) or record.fields.get("reason", ""))


def _given(record: StoredRecord) -> str:
    """What a person wrote about it, where it has not been erased."""
    return next((record.disclosures[key] for key in _REASONS if record.disclosures.get(key)), "")


def _name(ref: object, record: StoredRecord, names: Mapping[str, str]) -> str:
    if not isinstance(ref, str) or ref == "security_channel":
        return "" if not isinstance(ref, str) else "the security channel"
    return names.get(ref) or record.disclosures.get(ref, "").partition(" <")[0] or ref


def _refs(value: object) -> Iterator[str]:
    """Every text in a record that looks like one of our pseudonyms."""
    if isinstance(value, dict):
        for item in value.values():
            yield from _refs(item)
    elif isinstance(value, list):
        for item in value:
            yield from _refs(item)
    elif isinstance(value, str) and value.startswith("p_"):
        yield value


def _names(session: Session, refs: Iterable[str]) -> dict[str, str]:
    wanted = sorted(refs)
    found: dict[str, str] = {}
    for at in range(0, len(wanted), _CHUNK):
        query = select(PERSON.c.ref, PERSON.c.name, PERSON.c.email).where(PERSON.c.ref.in_(wanted[at : at + _CHUNK]))
        found |= {row.ref: row.name or row.email for row in session.connection().execute(query)}
    return found


def _part(fields: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = fields.get(name)
    return part if isinstance(part, dict) else {}
