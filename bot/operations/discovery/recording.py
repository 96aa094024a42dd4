"""What a look at an issuing system leaves in the ledger: one record a token and change.

Whom a new token may belong to is personal, and stands in a disclosure alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice

from sqlmodel import Session

from bot.operations.context import Now
from bot.operations.discovery.report import What
from storage.ledger.log import append
from storage.ledger.record import Entry, RecordKind
from storage.seen import FoundToken

_BATCH = 1_000


def record_discovery(
    session: Session, system: str, found: Iterable[tuple[What, Sequence[FoundToken]]], now: Now
) -> None:
    """Append a record for every token that was found."""
    entries = (_entry(system, what, token) for what, tokens in found for token in tokens)
    while batch := list(islice(entries, _BATCH)):
        append(session, batch, now)


def _entry(system: str, what: What, token: FoundToken) -> Entry:
    details: dict[str, object] = {"system": system}
    if token.fields:
        details["fields"] = list(token.fields)
    return Entry(
        RecordKind.TOKEN_DISCOVERED,
        reason=what,
        token_id=token.token_id,
        token={"issuer": system, "external_id": token.external_id},
        details=details,
        disclosures={"hint": token.hint} if token.hint else {},
    )
