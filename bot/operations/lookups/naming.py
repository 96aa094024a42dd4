"""The records of a database as lines that a person reads, with the names that its directory has."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import select
from sqlmodel import Session

from bot.operations.lookups.told import lines_of_record, refs_in
from bot.operations.naming import ERASED
from messages.cards.facts import HistoryLine
from storage.ledger.log import StoredRecord
from storage.people import PERSON

_CHUNK = 5_000


def lines_of(session: Session, records: Sequence[StoredRecord]) -> list[HistoryLine]:
    """What the records say, in order; see :func:`~bot.operations.lookups.told.lines_of_record`."""
    names = names_of_refs(session, {ref for record in records for ref in refs_in(record.fields)})
    return [line for record in records for line in lines_of_record(record, names)]


def names_of_refs(session: Session, refs: Iterable[str]) -> dict[str, str]:
    """Pseudonym to name, for those whom the directory can name; whoever was erased is not among them."""
    wanted = sorted(refs)
    found: dict[str, str] = {}
    for at in range(0, len(wanted), _CHUNK):
        query = select(PERSON.c.ref, PERSON.c.name, PERSON.c.email).where(PERSON.c.ref.in_(wanted[at : at + _CHUNK]))
        rows = session.connection().execute(query).all()
        found |= {row.ref: row.name or row.email for row in rows if not row.email.endswith(ERASED)}
    return found
