"""Answers to questions about tokens, as far as the reader may see them; one function a question.

A token that the reader may not see is answered exactly like one that does not exist. Everything returned is
a plain dataclass: a card draws it, and ``dataclasses.asdict`` makes it JSON.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from itertools import chain as chained
from typing import Any

from sqlalchemy import Select, func, or_, select
from sqlmodel import Session

from bot.operations.compose import ask_for_person, request_for_reader, token_facts
from bot.operations.context import Context
from bot.operations.directory import People
from bot.operations.lookups import accountable as then
from bot.operations.lookups import answering
from bot.operations.lookups.naming import lines_of
from bot.operations.lookups.reader import EVERYTHING, Reader, can_see, reader_of
from bot.operations.offboarding.authority import accountable_for, may_propose
from messages.action_ref import Verb
from messages.cards.facts import (
    AccountableFacts,
    DigestFacts,
    HistoryLine,
    Refusal,
    RequestFacts,
    Story,
    TokenFacts,
    VendorFacts,
)
from storage.inventory import OWNERSHIP, TOKEN, VENDOR
from storage.ledger.log import leaves
from storage.requests import OPEN_STATES, REQUEST
from storage.search import find_tokens, nearest, normalise
from storage.vendors import vendor_key

__all__ = [
    "EVERYTHING",
    "Due",
    "Found",
    "History",
    "Mine",
    "Reader",
    "due",
    "find",
    "history",
    "mine",
    "reader_of",
    "token",
    "vendor",
    "who",
    "who_story",
]

MOST_FOUND = 10
_MOST_COUNTED = 100
MOST_OWN = 20
MOST_DUE = 20
MOST_VENDOR_TOKENS = 15
_ASK = "If it exists and is not yours, the security team can look it up."
_LATER = "That day is still to come. Ask about today or a day before."


@dataclass(frozen=True)
class Found:
    """What fits some words: one token (with the request about it), several, or none with the nearest names."""

    typed: str
    tokens: Sequence[TokenFacts] = ()
    more: int = 0
    request: RequestFacts | None = None
    nearest: Sequence[str] = ()
    zone: str = "UTC"

    @property
    def only(self) -> TokenFacts | None:
        """The token, where exactly one was found."""
        return self.tokens[0] if len(self.tokens) == 1 and not self.more else None


@dataclass(frozen=True)
class Mine:
    """What waits for a person and what is in their name."""

    waiting: DigestFacts
    tokens: Sequence[TokenFacts]
    more_tokens: int = 0


@dataclass(frozen=True)
class Due:
    """Requests that wait, most at risk first; ``more`` counts those beyond."""

    requests: Sequence[RequestFacts]
    more: int = 0


@dataclass(frozen=True)
class History:
    """Everything that is recorded about a token, oldest first."""

    token: TokenFacts
    lines: Sequence[HistoryLine]
    zone: str = "UTC"


# ------------------------------------------------------------------ tokens


def find(session: Session, ctx: Context, reader: Reader, words: str) -> Found:
    """Tokens by any part of their name or id."""
    typed = normalise(words)
    hits = find_tokens(session, typed, _MOST_COUNTED, visible=reader.scope)
    if not hits:
        return Found(typed, nearest=nearest(session, typed, 3, visible=reader.scope), zone=reader.zone)
    ids = [hit.id for hit in hits[:MOST_FOUND]]
    tokens = _in_order(session, ctx, ids)
    request = _latest_request(session, ctx, reader, ids[0]) if len(hits) == 1 else None
    return Found(typed, tokens, len(hits) - len(ids), request, zone=reader.zone)


def token(session: Session, ctx: Context, reader: Reader, token_id: int) -> Found | Refusal:
    """One token by its id, as a button carries it."""
    if not can_see(session, reader, token_id):
        return _nothing("that token", reader)
    tokens = _in_order(session, ctx, [token_id])
    return Found("", tokens, 0, _latest_request(session, ctx, reader, token_id), zone=reader.zone)


def not_found(found: Found, reader: Reader) -> Refusal:
    """Nothing fits; where the reader does not see everything, whom to ask."""
    return _nothing(found.typed, reader, found.nearest)


# ------------------------------------------------------------------ what waits


def mine(session: Session, ctx: Context, reader: Reader) -> Mine:
    """What waits for the reader, and the tokens they own in any role.

    Raises:
        ValueError: the reader is nobody in person.
    """
    if reader.person_id is None:
        raise ValueError("only a person has tokens of their own")
    owned = select(OWNERSHIP.c.token_id).where(OWNERSHIP.c.person_id == reader.person_id, OWNERSHIP.c.to_at.is_(None))
    query = select(TOKEN.c.id).where(TOKEN.c.id.in_(owned), TOKEN.c.state == "active")
    ids = _ids(session, query.order_by(*_BY_NAME).limit(MOST_OWN))
    total = _count(session, query)
    waiting = ask_for_person(session, ctx, reader.person_id)
    return Mine(waiting, _in_order(session, ctx, ids), total - len(ids))


def due(session: Session, ctx: Context, reader: Reader, limit: int = MOST_DUE) -> Due:
    """Requests that wait for an answer, most at risk first."""
    waiting = (
        select(REQUEST.c.id)
        .join(TOKEN, TOKEN.c.id == REQUEST.c.token_id)
        .where(REQUEST.c.state.in_(OPEN_STATES[:2]), reader.may_see())
    )
    ids = _ids(session, waiting.order_by(REQUEST.c.risk.desc(), REQUEST.c.due_at, REQUEST.c.id).limit(limit))
    requests = [request_for_reader(session, ctx, request_id, reader.person_id) for request_id in ids]
    return Due([one for one in requests if one is not None], _count(session, waiting) - len(ids))


# ------------------------------------------------------------------ vendors


def vendor(session: Session, ctx: Context, reader: Reader, name: str) -> VendorFacts | Refusal:
    """A vendor by its name or a part of it, with those of its tokens that the reader may see."""
    rows = _visible_vendors(session, reader)
    chosen = _vendor_named(rows, vendor_key(normalise(name)))
    if isinstance(chosen, list):
        return _nothing(normalise(name), reader, chosen)
    chain = then.vendor_chain(session, chosen.id)
    contract = then.contract_at(session, chain, ctx.now())
    owner = next((row.relationship_owner_id for row in chain if row.relationship_owner_id is not None), None)
    held = select(TOKEN.c.id).where(TOKEN.c.vendor_id == chosen.id, reader.may_see())
    ids = _ids(session, held.order_by(*_BY_NAME).limit(MOST_VENDOR_TOKENS))
    total = _count(session, held)
    children = select(VENDOR.c.name).where(VENDOR.c.parent_id == chosen.id).order_by(VENDOR.c.name).limit(50)
    return VendorFacts(
        name=chosen.name,
        chain=[row.name for row in chain[1:]],
        children=list(session.connection().execute(children).scalars()),
        status=chosen.status,
        relationship_owner=People(session, ctx, ctx.now()).name_of(owner),
        contract_starts_on=contract.starts_on,
        contract_ends_on=contract.ends_on,
        tokens=_in_order(session, ctx, ids),
        more=total - len(ids),
        token_count=total,
        zone=reader.zone,
        vendor_id=chosen.id,
        offered=[Verb.OFFBOARD] if total > 0 and _may_offboard(session, ctx, reader, chosen.id) else [],
    )


def _may_offboard(session: Session, ctx: Context, reader: Reader, vendor_id: int) -> bool:
    if reader.person_id is None:
        return False
    people = People(session, ctx, ctx.now())
    who = accountable_for(session, ctx, people, vendor_id)
    return may_propose(who, ctx, people, reader.person_id) is not None


def _visible_vendors(session: Session, reader: Reader) -> list[Any]:
    query = select(VENDOR.c.id, VENDOR.c.name, VENDOR.c.name_key, VENDOR.c.status)
    if reader.scope is not None:
        held = select(TOKEN.c.vendor_id).where(TOKEN.c.vendor_id.is_not(None), TOKEN.c.id.in_(reader.scope.ids()))
        query = query.where(or_(VENDOR.c.id.in_(held), VENDOR.c.id.in_(reader.scope.vendors())))
    return list(session.connection().execute(query.order_by(VENDOR.c.name_key)))


def _vendor_named(rows: Sequence[Any], key: str) -> Any | list[str]:
    """The vendor: named so, else the only one that begins so, else the only one that holds it. Or names to choose."""
    if not key:
        return []
    for fits in (
        [row for row in rows if row.name_key == key],
        [row for row in rows if row.name_key.startswith(key)],
        [row for row in rows if key in row.name_key],
    ):
        if len(fits) == 1:
            return fits[0]
        if fits:
            return [row.name for row in fits[:8]]
    names = {row.name_key: row.name for row in rows}
    return [names[near] for near in get_close_matches(key, names, n=3, cutoff=0.6)]


# ------------------------------------------------------------------ what was


def history(session: Session, ctx: Context, reader: Reader, token_id: int) -> History | Refusal:
    """Everything that the ledger says about a token."""
    if not can_see(session, reader, token_id):
        return _nothing("that token", reader)
    records = list(leaves(session, token_id=token_id))
    return History(_in_order(session, ctx, [token_id])[0], lines_of(session, records), reader.zone)


def who(session: Session, ctx: Context, reader: Reader, token_id: int, at: datetime) -> AccountableFacts | Refusal:
    """Who was accountable for a token at a moment, what had been asked and answered by then, who could have removed it.

    Args:
        at: a moment with a zone, not in the future.
    """
    if not can_see(session, reader, token_id):
        return _nothing("that token", reader)
    if at > ctx.now():
        return Refusal("invalid", detail=_LATER, zone=reader.zone)
    return answering.answer(session, ctx, _in_order(session, ctx, [token_id])[0], at, reader.zone)


def who_story(session: Session, ctx: Context, reader: Reader, token_id: int, at: datetime) -> Story | Refusal:
    """:func:`who`, with what was before and after: for the page on which it is drawn."""
    found = who(session, ctx, reader, token_id, at)
    return found if isinstance(found, Refusal) else answering.story(session, ctx, found)


# ------------------------------------------------------------------ pieces

_BY_NAME = (func.lower(TOKEN.c.display_name), TOKEN.c.external_id, TOKEN.c.id)


def _in_order(session: Session, ctx: Context, ids: Sequence[int]) -> list[TokenFacts]:
    facts = token_facts(session, ctx, ids)
    return [facts[token_id] for token_id in ids if token_id in facts]


def _latest_request(session: Session, ctx: Context, reader: Reader, token_id: int) -> RequestFacts | None:
    """The request about a token that waits, else the one that came last."""
    query = select(REQUEST.c.id, REQUEST.c.state).where(REQUEST.c.token_id == token_id).order_by(REQUEST.c.id.desc())
    rows = session.connection().execute(query.limit(20)).all()
    chosen = next(chained((row for row in rows if row.state in OPEN_STATES), rows), None)
    return None if chosen is None else request_for_reader(session, ctx, chosen.id, reader.person_id)


def _nothing(name: str, reader: Reader, nearest: Sequence[str] = ()) -> Refusal:
    detail = "" if reader.scope is None else _ASK
    return Refusal("not_found", token_name=name, nearest=nearest, detail=detail, zone=reader.zone)


def _ids(session: Session, query: Select[Any]) -> list[int]:
    return list(session.connection().execute(query).scalars())


def _count(session: Session, query: Select[Any]) -> int:
    return int(session.connection().execute(select(func.count()).select_from(query.subquery())).scalar_one())
