"""Whom pseudonyms stand for: a record for everybody whom the directory gains or names anew, their name in a disclosure.

So a part of the ledger can be read wherever it is taken, without the directory; and erasing the disclosure makes the
pseudonym lead nowhere.
"""

from __future__ import annotations

from sqlalchemy import and_, select
from sqlmodel import Session

from storage.ledger.record import Entry, RecordKind
from storage.ledger.tables import DISCLOSURE, LEAF, OF_THE_LOG
from storage.people import PERSON

ERASED = "@erased.invalid"
"""What the address of somebody who was erased ends in (RFC 2606: ``.invalid`` is nobody's)."""


def shown_name(name: str, address: str) -> str:
    """``Ana Lima <ana@example.com>``; the address alone where there is no other name."""
    return f"{name} <{address}>" if name and name != address else address


def people_by_ref(session: Session) -> dict[str, str]:
    """Everybody in the directory: pseudonym to :func:`shown_name`."""
    rows = session.connection().execute(select(PERSON.c.ref, PERSON.c.name, PERSON.c.email).order_by(PERSON.c.id))
    return {ref: shown_name(name, email) for ref, name, email in rows if not email.endswith(ERASED)}


def naming_entries(session: Session, source: str) -> list[Entry]:
    """A record for everybody whom the record does not know yet, or knows by another name.

    Args:
        source: where the names are from: ``people_file``, ``chat_directory`` …
    """
    known = _on_record(session)
    return [
        Entry(RecordKind.PERSON_NAMED, source, details={"person": ref}, disclosures={ref: name})
        for ref, name in people_by_ref(session).items()
        if known.get(ref) != name
    ]


def _on_record(session: Session) -> dict[str, str]:
    """The names that the record has, by pseudonym, without those that were erased."""
    disclosed = and_(DISCLOSURE.c.epoch == LEAF.c.epoch, DISCLOSURE.c.leaf_seq == LEAF.c.seq)
    query = select(DISCLOSURE.c.name, DISCLOSURE.c.value).select_from(LEAF).join(DISCLOSURE, disclosed)
    query = query.where(OF_THE_LOG, LEAF.c.kind == int(RecordKind.PERSON_NAMED)).order_by(LEAF.c.epoch, LEAF.c.seq)
    return {row.name: row.value for row in session.connection().execute(query)}
