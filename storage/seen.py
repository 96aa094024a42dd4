"""What an issuing system shows, held against the inventory: what is new, changed, gone and back. All set-based.

The sightings wait in a temporary table beside the real ones, and everything is found and written by a few statements
over all of them, in one transaction. Of a token that is known, only what its issuing system knows better is taken over:

* ``expires_at`` and ``scopes``: the system enforces them, whatever a file says;
* ``last_used_at``: only the system sees it; it never moves backwards;
* ``display_name``, ``credential_type``, ``created_at``: only where the inventory has nothing, which is no change.

What a system does not say clears nothing. Purpose, owners, vendor and all else are people's to say.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import cached_property
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    Column,
    ColumnElement,
    Integer,
    MetaData,
    String,
    Table,
    and_,
    case,
    exists,
    func,
    insert,
    literal,
    not_,
    or_,
    select,
    union,
    update,
)
from sqlmodel import Session

from storage.database import BigInt, Moments, UTCDateTime, insert_rows, is_sqlite, table_of
from storage.inventory import TOKEN
from storage.remediation import ISSUER_CALL, RUN, SEEN_TOKEN
from storage.requests import RemediationTask
from storage.staging import one_at_a_time

_TASK = table_of(RemediationTask)
GONE: Final = "gone"
_BETTER: Final = ("expires_at", "scopes")
_FILLED: Final = ("display_name", "credential_type", "created_at")
_MOMENTS: Final = frozenset({"created_at", "expires_at", "last_used_at"})
_TEXTS: Final = ("external_id", "state", "display_name", "credential_type", "scopes", "used_for", "owner_hint")
STATE: Final = "state"
"""Stands among the changed fields for what the issuing system says of a credential's state."""

SIGHTED: Final = Table(
    "sighted",
    MetaData(),
    Column("external_id", String, primary_key=True),
    *(Column(name, String) for name in _TEXTS[1:]),
    *(Column(name, UTCDateTime) for name in sorted(_MOMENTS)),
    Column("hint_person_id", BigInt),
    Column("token_id", BigInt),
    Column("held", Integer, server_default="0"),
    Column("is_new", Integer, server_default="0"),
    prefixes=["TEMPORARY"],
    postgresql_on_commit="DROP",
)
COLUMNS: Final = (*_TEXTS, *sorted(_MOMENTS), "hint_person_id")
"""What :meth:`Match.stage` is given of each sighting, in this order."""


class FoundToken(NamedTuple):
    """A token about which something is new."""

    token_id: int
    external_id: str
    name: str
    fields: tuple[str, ...] = ()
    hint: str = ""


class Gone(NamedTuple):
    """How much of what was there is not on the list."""

    known: int
    gone: int


@contextmanager
def matching(session: Session, system: str, started: datetime, now: datetime) -> Iterator[Match]:
    """A match of one system's sightings, in a session of ``Database.write()``. One at a time, and none beside an
    import: both make tokens.

    Args:
        started: when the list began to be read: what has happened since is not in it.
        now: the moment of the changes.
    """
    one_at_a_time(session)
    connection = session.connection()
    if not is_sqlite(session):
        connection.exec_driver_sql("SET LOCAL TimeZone = 'UTC'")
    SIGHTED.create(connection, checkfirst=False)
    yield Match(session, system, started, now)
    SIGHTED.drop(connection, checkfirst=False)


class Match:
    """One match, step by step: :meth:`stage`, then what was found, then :meth:`write`."""

    def __init__(self, session: Session, system: str, started: datetime, now: datetime) -> None:
        self._session, self._system, self._started, self._now = session, system, started, now
        self._connection = session.connection()

    def stage(self, sightings: Iterable[Sequence[Any]]) -> None:
        """Take in sightings, each id once, and find the tokens that they are of.

        Args:
            sightings: the values of :data:`COLUMNS`.
        """
        moments = Moments(self._session)
        first = len(_TEXTS)
        last = first + len(_MOMENTS)
        rows = [(*one[:first], *map(moments, one[first:last]), *one[last:]) for one in sightings]
        insert_rows(self._session, SIGHTED, rows, columns=COLUMNS)
        if not is_sqlite(self._session):
            self._connection.exec_driver_sql("ANALYZE sighted")
        self._find_tokens()
        self._connection.execute(
            update(SIGHTED)
            .where(or_(SIGHTED.c.token_id.in_(self._worked_on), SIGHTED.c.external_id.in_(self._named_by_work)))
            .values(held=1)
        )
        if self._is_making:
            self._connection.execute(update(SIGHTED).where(SIGHTED.c.token_id.is_(None)).values(held=1))

    def _find_tokens(self) -> None:
        self._connection.execute(
            update(SIGHTED)
            .where(TOKEN.c.issuing_system == self._system, TOKEN.c.external_id == SIGHTED.c.external_id)
            .values(token_id=TOKEN.c.id)
        )

    # -------------------------------------------------------------- what is being worked on

    @property
    def _is_at_work(self) -> ColumnElement[bool]:
        """Work that has not ended, or ended after the list began to be read."""
        return and_(
            TOKEN.c.id == _TASK.c.token_id,
            TOKEN.c.issuing_system == self._system,
            or_(_TASK.c.done_at.is_(None), _TASK.c.done_at >= self._started),
        )

    @property
    def _worked_on(self) -> Any:
        return select(_TASK.c.token_id).join(TOKEN, self._is_at_work)

    @property
    def _named_by_work(self) -> Any:
        """The credentials that a rotation has made, or is retiring."""
        named = [
            select(column)
            .select_from(RUN)
            .join(_TASK, _TASK.c.id == RUN.c.task_id)
            .join(TOKEN, self._is_at_work)
            .where(column != "")
            for column in (RUN.c.new_id, RUN.c.old_id)
        ]
        return union(*named)

    @property
    def _is_making(self) -> bool:
        """Whether a credential is being made there, as far as anybody knows: it may be on the list already."""
        query = (
            select(ISSUER_CALL.c.id)
            .join(_TASK, _TASK.c.id == ISSUER_CALL.c.task_id)
            .join(TOKEN, and_(TOKEN.c.id == _TASK.c.token_id, TOKEN.c.issuing_system == self._system))
            .where(ISSUER_CALL.c.action == "create")
            .where(or_(ISSUER_CALL.c.ended_at.is_(None), ISSUER_CALL.c.ended_at >= self._started))
        )
        return self._connection.execute(query.limit(1)).first() is not None

    def left_alone(self) -> int:
        """How many sightings are of something that is being worked on."""
        return self._count(select(func.count()).select_from(SIGHTED).where(SIGHTED.c.held == 1))

    # -------------------------------------------------------------- what was found

    def gone(self) -> Gone:
        """How many tokens were there, and how many of those are not on the list."""
        known = select(func.count()).select_from(TOKEN).outerjoin(SEEN_TOKEN, SEEN_TOKEN.c.token_id == TOKEN.c.id)
        known = known.where(self._was_there)
        return Gone(self._count(known), self._count(known.where(not_(self._is_listed))))

    @cached_property
    def _was_there(self) -> ColumnElement[bool]:
        return and_(
            TOKEN.c.issuing_system == self._system,
            TOKEN.c.state == "active",
            TOKEN.c.vanished_at.is_(None),
            TOKEN.c.recorded_at <= self._started,
            or_(SEEN_TOKEN.c.state.is_(None), SEEN_TOKEN.c.state != GONE),
            TOKEN.c.id.not_in(self._worked_on),
        )

    @property
    def _is_listed(self) -> ColumnElement[bool]:
        return exists().where(SIGHTED.c.external_id == TOKEN.c.external_id)  # its key; all here is of one system

    def vanished(self) -> list[FoundToken]:
        """Tokens that were there and are not on the list."""
        query = (
            select(TOKEN.c.id, TOKEN.c.external_id, TOKEN.c.display_name)
            .outerjoin(SEEN_TOKEN, SEEN_TOKEN.c.token_id == TOKEN.c.id)
            .where(self._was_there, not_(self._is_listed))
            .order_by(TOKEN.c.id)
        )
        return [FoundToken(*row) for row in self._connection.execute(query)]

    def back(self) -> list[FoundToken]:
        """Tokens that were missing, here or there, and are on the list."""
        was_gone = func.coalesce(SEEN_TOKEN.c.state, "") == GONE
        missing = or_(was_gone, and_(TOKEN.c.state == "active", TOKEN.c.vanished_at.is_not(None)))
        can_be_used = or_(TOKEN.c.state == "active", SIGHTED.c.state == "active")
        return [FoundToken(*row) for row in self._connection.execute(self._known().where(missing, can_be_used))]

    def changed(self) -> list[FoundToken]:
        """Active tokens of which the system says something else than the inventory; a use alone is no change."""
        marks = [case((differs, 1), else_=0) for differs in self._differences.values()]
        query = self._known(*marks).where(TOKEN.c.state == "active", or_(*self._differences.values()))
        names = tuple(self._differences)
        return [
            FoundToken(
                row.id,
                row.external_id,
                row.display_name,
                tuple(name for name, differs in zip(names, row[3:], strict=True) if differs),
            )
            for row in self._connection.execute(query)
        ]

    def still_usable(self, most: int) -> tuple[int, list[str]]:
        """How many tokens that were removed here can be used there, and the first ids."""
        query = self._known().where(TOKEN.c.state == "revoked", SIGHTED.c.state == "active")
        ids = [str(row.external_id) for row in self._connection.execute(query)]
        return len(ids), ids[:most]

    def _known(self, *more: ColumnElement[Any]) -> Any:
        return (
            select(TOKEN.c.id, TOKEN.c.external_id, TOKEN.c.display_name, *more)
            .select_from(SIGHTED)
            .join(TOKEN, TOKEN.c.id == SIGHTED.c.token_id)
            .outerjoin(SEEN_TOKEN, SEEN_TOKEN.c.token_id == TOKEN.c.id)
            .where(SIGHTED.c.held == 0, SIGHTED.c.is_new == 0)
            .order_by(TOKEN.c.id)
        )

    @cached_property
    def _differences(self) -> dict[str, ColumnElement[bool]]:
        """By field, whether it is another one by now."""
        found = {name: and_(_says(name), TOKEN.c[name].is_distinct_from(SIGHTED.c[name])) for name in _BETTER}
        before = func.coalesce(SEEN_TOKEN.c.state, "active")
        found[STATE] = and_(before != GONE, before != SIGHTED.c.state)
        return found

    # -------------------------------------------------------------- writing

    def write(self) -> list[FoundToken]:
        """Write what was found, and what was seen; returns the new tokens, with whom they may belong to."""
        self._update_known()
        self._mark_vanished()
        self._insert_new()
        self._keep_seen()
        columns = (SIGHTED.c[name] for name in ("token_id", "external_id", "display_name", "owner_hint"))
        query = select(*columns).where(SIGHTED.c.is_new == 1).order_by(SIGHTED.c.token_id)
        return [FoundToken(one, named, name, hint=hint) for one, named, name, hint in self._connection.execute(query)]

    def _update_known(self) -> None:
        used_later = and_(
            SIGHTED.c.last_used_at.is_not(None),
            or_(TOKEN.c.last_used_at.is_(None), SIGHTED.c.last_used_at > TOKEN.c.last_used_at),
        )
        ours = {name: self._differences[name] for name in _BETTER}
        ours |= {name: and_(_says(name), not_(_has(name))) for name in _FILLED}
        values: dict[str, Any] = {
            name: case((differs, SIGHTED.c[name]), else_=TOKEN.c[name]) for name, differs in ours.items()
        }
        values["last_used_at"] = case((used_later, SIGHTED.c.last_used_at), else_=TOKEN.c.last_used_at)
        values |= {"vanished_at": None, "updated_at": self._now}
        values["tier"] = case((or_(*ours.values()), ""), else_=TOKEN.c.tier)
        self._connection.execute(
            update(TOKEN)
            .where(TOKEN.c.id == SIGHTED.c.token_id, SIGHTED.c.held == 0, TOKEN.c.state == "active")
            .where(or_(used_later, TOKEN.c.vanished_at.is_not(None), *ours.values()))
            .values(**values)
        )

    def _mark_vanished(self) -> None:
        """Also what an import has named again in the meantime: its issuing system knows better."""
        missing = and_(
            TOKEN.c.issuing_system == self._system,
            TOKEN.c.state == "active",
            TOKEN.c.recorded_at <= self._started,
            not_(self._is_listed),
            TOKEN.c.id.not_in(self._worked_on),
        )
        looked_for = exists().where(SEEN_TOKEN.c.token_id == TOKEN.c.id)
        at = literal(self._started, UTCDateTime)
        self._connection.execute(
            insert(SEEN_TOKEN).from_select(
                [*_SEEN_FIRST, "state", "used_for", "owner_hint", "discovered"],
                select(TOKEN.c.id, at, at, literal(GONE), literal(""), literal(""), literal(False)).where(
                    missing, not_(looked_for)
                ),
            )
        )
        self._connection.execute(
            update(TOKEN)
            .where(missing, TOKEN.c.vanished_at.is_(None))
            .values(vanished_at=self._now, updated_at=self._now)
        )
        unlisted = select(TOKEN.c.id).where(TOKEN.c.issuing_system == self._system, not_(self._is_listed))
        self._connection.execute(
            update(SEEN_TOKEN)
            .where(SEEN_TOKEN.c.token_id.in_(unlisted), SEEN_TOKEN.c.token_id.not_in(self._worked_on))
            .where(SEEN_TOKEN.c.state != GONE)
            .values(state=GONE)
        )

    def _insert_new(self) -> None:
        new = and_(SIGHTED.c.token_id.is_(None), SIGHTED.c.held == 0)
        now = literal(self._now, UTCDateTime)
        taken = ("external_id", *_FILLED, *_BETTER, "last_used_at")
        values: dict[str, ColumnElement[Any]] = {name: SIGHTED.c[name] for name in taken}
        values |= {name: literal("") for name in _PEOPLE_SAY}
        values |= {
            "issuing_system": literal(self._system),
            "state": literal("active"),
            "recorded_at": now,
            "updated_at": now,
        }
        rows = select(*values.values()).where(new).order_by(SIGHTED.c.external_id)
        self._connection.execute(insert(TOKEN).from_select(list(values), rows))
        self._connection.execute(update(SIGHTED).where(new).values(is_new=1))
        self._connection.execute(
            update(SIGHTED)
            .where(SIGHTED.c.is_new == 1)
            .where(TOKEN.c.issuing_system == self._system, TOKEN.c.external_id == SIGHTED.c.external_id)
            .values(token_id=TOKEN.c.id)
        )

    def _keep_seen(self) -> None:
        here = and_(SIGHTED.c.token_id.is_not(None), SIGHTED.c.held == 0)
        what = ("state", "used_for", "owner_hint", "hint_person_id")
        self._connection.execute(
            update(SEEN_TOKEN)
            .where(SEEN_TOKEN.c.token_id == SIGHTED.c.token_id, here)
            .values(last_seen_at=self._started, **{name: SIGHTED.c[name] for name in what})
        )
        at = literal(self._started, UTCDateTime)
        before = exists().where(SEEN_TOKEN.c.token_id == SIGHTED.c.token_id)
        self._connection.execute(
            insert(SEEN_TOKEN).from_select(
                [*_SEEN_FIRST, *what, "discovered"],
                select(SIGHTED.c.token_id, at, at, *(SIGHTED.c[name] for name in what), SIGHTED.c.is_new == 1).where(
                    here, not_(before)
                ),
            )
        )

    def _count(self, query: Any) -> int:
        return int(self._connection.scalar(query) or 0)


_SEEN_FIRST: Final = ("token_id", "first_seen_at", "last_seen_at")
_PEOPLE_SAY: Final = tuple(
    column.name
    for column in TOKEN.columns
    if not column.nullable
    and column.name
    not in {"id", "issuing_system", "external_id", *_BETTER, *_FILLED, "state", "recorded_at", "updated_at"}
)
"""The texts that a new token does not have yet."""


def _says(name: str) -> ColumnElement[bool]:
    """Whether the system says anything about it."""
    column = SIGHTED.c[name]
    return column.is_not(None) if name in _MOMENTS else column != ""


def _has(name: str) -> ColumnElement[bool]:
    """Whether the inventory does."""
    column = TOKEN.c[name]
    return column.is_not(None) if name in _MOMENTS else column != ""
