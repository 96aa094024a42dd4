"""Which tokens a person may see, as SQL: part of the query, never a filter over what was already read.

A person sees the tokens that they, or anybody who reports to them however far down, own in any role; the
tokens of the vendors they look after, and of everything sold through those; and whatever they have been asked about in
a request that still waits. Those who see everything have no scope at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, CompoundSelect, Select, exists, or_, select, union, union_all

from storage.database import table_of
from storage.inventory import OWNERSHIP, TOKEN, VENDOR
from storage.people import PERSON
from storage.requests import LADDER_STEP, OPEN_STATES, REQUEST, RemediationTask
from storage.shared_use import USE

_TASK = table_of(RemediationTask)


@dataclass(frozen=True)
class Scope:
    """What one person may see. Built from the person's id alone; the database works out the rest."""

    person_id: int

    def ids(self, *, distinct: bool = True) -> CompoundSelect[Any]:
        """``SELECT token id`` of everything in scope: for scopes that are small beside the inventory.

        ``distinct=False`` may name a token more than once, and can stop at a LIMIT before all is read.
        """
        return _ids(self.person_id, distinct)

    def holds(self) -> ColumnElement[bool]:
        """A condition on ``token``: for queries that come to few tokens by another way."""
        return _holds(self.person_id)

    def vendors(self) -> Select[Any]:
        """``SELECT vendor id`` of those the person looks after, and of those that have one of them as a parent."""
        return _vendors(self.person_id)


# Putting these statements together takes longer than running them, so they are kept for those who ask often.
_KEPT = 1_024


@lru_cache(_KEPT)
def _ids(person_id: int, distinct: bool) -> CompoundSelect[Any]:
    owned = select(OWNERSHIP.c.token_id).where(
        OWNERSHIP.c.to_at.is_(None), OWNERSHIP.c.person_id.in_(_people(person_id))
    )
    of_vendors = select(TOKEN.c.id).where(TOKEN.c.vendor_id.in_(_vendors(person_id)))
    join = union if distinct else union_all
    return join(owned, of_vendors, *_asked(person_id))


@lru_cache(_KEPT)
def _holds(person_id: int) -> ColumnElement[bool]:
    owned = exists().where(
        OWNERSHIP.c.token_id == TOKEN.c.id,
        OWNERSHIP.c.to_at.is_(None),
        OWNERSHIP.c.person_id.in_(_people(person_id)),
    )
    return or_(owned, TOKEN.c.vendor_id.in_(_vendors(person_id)), TOKEN.c.id.in_(union(*_asked(person_id))))


def _people(person_id: int) -> Select[Any]:
    """The person and everybody below; UNION (not ALL), so that a ring of managers ends."""
    below = select(PERSON.c.id).where(PERSON.c.id == person_id).cte(recursive=True)
    report = PERSON.alias()
    below = below.union(select(report.c.id).where(report.c.manager_id == below.c.id))
    return select(below.c.id)


@lru_cache(_KEPT)
def _vendors(person_id: int) -> Select[Any]:
    held = select(VENDOR.c.id).where(VENDOR.c.relationship_owner_id == person_id).cte(recursive=True)
    child = VENDOR.alias()
    held = held.union(select(child.c.id).where(child.c.parent_id == held.c.id))
    return select(held.c.id)


def _asked(person_id: int) -> Sequence[Select[Any]]:
    """Tokens of waiting requests in which the person was told, is waited for, or has work to do."""
    waiting = REQUEST.c.state.in_(OPEN_STATES)
    told = (
        select(REQUEST.c.token_id)
        .join(LADDER_STEP, LADDER_STEP.c.request_id == REQUEST.c.id)
        .where(LADDER_STEP.c.person_id == person_id, waiting)
    )
    awaited = select(REQUEST.c.token_id).where(REQUEST.c.waiting_on_id == person_id, waiting)
    proposed = select(REQUEST.c.token_id).where(REQUEST.c.handover_to_id == person_id, waiting)
    working = (
        select(REQUEST.c.token_id)
        .join(_TASK, _TASK.c.request_id == REQUEST.c.id)
        .where(_TASK.c.assignee_id == person_id, waiting)
    )
    using = (
        select(REQUEST.c.token_id)
        .join(USE, USE.c.request_id == REQUEST.c.id)
        .where(or_(USE.c.asked_id == person_id, USE.c.person_id == person_id), waiting)
    )
    return told, awaited, proposed, working, using
