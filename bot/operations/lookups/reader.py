"""Who looks something up, and what of it they may see."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import ColumnElement, select, true
from sqlmodel import Session

from bot.operations.context import Context
from bot.operations.directory import People
from storage.inventory import TOKEN
from storage.visibility import Scope


@dataclass(frozen=True)
class Reader:
    """``scope`` None: sees every token. ``person_id`` None: the operator at the command line."""

    person_id: int | None
    scope: Scope | None
    zone: str = "UTC"

    def may_see(self) -> ColumnElement[bool]:
        """A condition on ``token``."""
        return true() if self.scope is None else self.scope.holds()


EVERYTHING = Reader(None, None)
"""Whoever runs the command line has the database anyway."""


def reader_of(session: Session, ctx: Context, person_id: int) -> Reader:
    """A person as a reader: sees all in the roles of the policy's ``visibility.see_all``, else what is theirs."""
    person = People(session, ctx, ctx.now()).get(person_id)
    if person is None:
        return Reader(person_id, Scope(person_id))
    listed = {address.lower() for role in ctx.policy.visibility.see_all for address in ctx.policy.people_in(role)}
    sees_all = person.active and person.email.lower() in listed
    return Reader(person_id, None if sees_all else Scope(person_id), person.zone)


def can_see(session: Session, reader: Reader, token_id: int) -> bool:
    """Whether the token exists, as far as this reader is told."""
    query = select(TOKEN.c.id).where(TOKEN.c.id == token_id, reader.may_see())
    return session.connection().execute(query).first() is not None
