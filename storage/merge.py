"""Staged tokens into the inventory: what is new, what changed, who owns it now, what vanished. All set-based.

A column that a file does not have leaves the stored value; one that it has and that is empty clears it, except
for the moments at which something last happened, which never move backwards: we may know better than the file.
Ownership rows are closed and opened, never deleted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Integer,
    and_,
    case,
    delete,
    exists,
    func,
    insert,
    literal,
    not_,
    or_,
    select,
    update,
)
from sqlmodel import Session

from storage.bulk import loading_tokens
from storage.database import UTCDateTime, is_sqlite
from storage.inventory import OWNERSHIP, OWNERSHIP_ROLES, TOKEN
from storage.merge_findings import Findings
from storage.people import PERSON
from storage.remediation import SEEN_TOKEN
from storage.staging import FORWARD, PLAIN, Staged, staged

#: Changes of these leave the token's tier as it is: no policy looks at them.
_NOT_TIERED = (*FORWARD, "created_at", "display_name", "purpose", "notes")
_PAGE = 5_000
_SHOWN_LATELY = timedelta(days=1)


class Merge:
    """One merge, step by step, in a session of :meth:`storage.staging.Scratch.write`.

    Args:
        shapes: for each shape number, the columns that its rows bring (``vendor`` and owner roles among them).
        now: the moment of the import, with a zone.
    """

    def __init__(self, session: Session, shapes: Mapping[int, Sequence[str]], now: datetime) -> None:
        self._session, self._shapes, self._now = session, shapes, now
        self._connection = session.connection()
        self._tables: Staged = staged(session)
        self._any_before = self._connection.scalar(select(TOKEN.c.id).limit(1)) is not None
        self._base = 0  # a new token's id is this plus its number in the run

    def match(self, people: Mapping[int, int], vendors: Mapping[int, int]) -> None:
        """Take in the registers' ids, find the tokens that exist, and work out every change."""
        for table, column, ids in (
            (self._tables.person, "person_id", people),
            (self._tables.vendor, "vendor_id", vendors),
        ):
            if ids:
                rows = [{"local": local, column: known} for local, known in ids.items()]
                self._connection.execute(insert(table), rows)
        self._reserve_ids()
        if not self._any_before:
            return
        token = self._tables.token
        self._connection.execute(
            update(token)
            .where(TOKEN.c.issuing_system == token.c.issuing_system, TOKEN.c.external_id == token.c.external_id)
            .values(token_id=TOKEN.c.id)
        )
        for shape, columns in self._shapes.items():
            self._find_changed(shape, columns)
            for role in OWNERSHIP_ROLES:
                if role in columns:
                    self._find_owner_changes(shape, role)
        self._find_vanished()

    def apply(self) -> None:
        """Write what :meth:`match` found."""
        self._insert_new()
        if self._any_before:
            for shape, columns in self._shapes.items():
                self._update_changed(shape, columns)
            self._apply_owner_changes()
            vanished = select(self._tables.vanished.c.token_id)
            self._connection.execute(
                update(TOKEN).where(TOKEN.c.id.in_(vanished)).values(vanished_at=self._now, updated_at=self._now)
            )

    # -------------------------------------------------------------- finding

    def _reserve_ids(self) -> None:
        """Ids for the new tokens. Only an import makes tokens, and imports run one at a time."""
        if is_sqlite(self._session):
            self._base = self._connection.scalar(select(func.coalesce(func.max(TOKEN.c.id), 0))) or 0
            return
        sequence = "pg_get_serial_sequence('token', 'id')"
        size = self._connection.scalar(select(func.coalesce(func.max(self._tables.token.c.seq), 0))) or 0
        first = self._connection.exec_driver_sql(f"SELECT nextval({sequence})").scalar_one()
        self._connection.exec_driver_sql(f"SELECT setval({sequence}, %s)", (first + size,))
        self._base = int(first)

    def _new_id(self) -> ColumnElement[Any]:
        return self._tables.token.c.seq + self._base

    def _vendor_id(self) -> ColumnElement[Any]:
        vendor = self._tables.vendor
        return select(vendor.c.vendor_id).where(vendor.c.local == self._tables.token.c.vendor).scalar_subquery()

    def _person_id(self, role: str) -> ColumnElement[Any]:
        person = self._tables.person
        return select(person.c.person_id).where(person.c.local == self._tables.token.c[role]).scalar_subquery()

    def _differs(self, name: str) -> ColumnElement[bool]:
        if name == "vendor":
            return TOKEN.c.vendor_id.is_distinct_from(self._vendor_id())
        theirs, ours = self._tables.token.c[name], TOKEN.c[name]
        if name in FORWARD:
            return and_(theirs.is_not(None), or_(ours.is_(None), theirs > ours))
        return ours.is_distinct_from(theirs)

    def _find_changed(self, shape: int, columns: Sequence[str]) -> None:
        token, compared = self._tables.token, [name for name in columns if name in PLAIN or name == "vendor"]
        differs = {name: self._differs(name) for name in compared if name not in ("issuing_system", "external_id")}
        tiered = [one for name, one in differs.items() if name not in _NOT_TIERED]
        retier = case((or_(*tiered), 1), else_=0) if tiered else literal(0, Integer)
        self._connection.execute(
            insert(self._tables.changed).from_select(
                ["seq", "token_id", "retier"],
                select(token.c.seq, token.c.token_id, retier)
                .join(TOKEN, TOKEN.c.id == token.c.token_id)
                .where(token.c.shape == shape, or_(TOKEN.c.vanished_at.is_not(None), *differs.values())),
            )
        )

    def _find_owner_changes(self, shape: int, role: str) -> None:
        token, person = self._tables.token, self._tables.person
        current = and_(OWNERSHIP.c.token_id == token.c.token_id, OWNERSHIP.c.role == role, OWNERSHIP.c.to_at.is_(None))
        self._connection.execute(
            insert(self._tables.owner_change).from_select(
                ["token_id", "role", "seq", "before_id", "after_id", "before_source"],
                select(
                    token.c.token_id,
                    literal(role),
                    token.c.seq,
                    OWNERSHIP.c.person_id,
                    person.c.person_id,
                    OWNERSHIP.c.source,
                )
                .outerjoin(person, person.c.local == token.c[role])
                .outerjoin(OWNERSHIP, current)
                .where(
                    token.c.shape == shape,
                    token.c.token_id.is_not(None),
                    OWNERSHIP.c.person_id.is_distinct_from(person.c.person_id),
                ),
            )
        )

    def _find_vanished(self) -> None:
        token = self._tables.token
        systems = (
            select(token.c.issuing_system, func.min(token.c.file).label("file"))
            .group_by(token.c.issuing_system)
            .subquery()
        )
        named = exists().where(
            token.c.issuing_system == TOKEN.c.issuing_system, token.c.external_id == TOKEN.c.external_id
        )
        # What the issuing system itself has shown lately is there, whether a file names it or not.
        shown = exists().where(
            SEEN_TOKEN.c.token_id == TOKEN.c.id,
            SEEN_TOKEN.c.state != "gone",
            SEEN_TOKEN.c.last_seen_at > self._now - _SHOWN_LATELY,
        )
        self._connection.execute(
            insert(self._tables.vanished).from_select(
                ["token_id", "file"],
                select(TOKEN.c.id, systems.c.file)
                .join(systems, systems.c.issuing_system == TOKEN.c.issuing_system)
                .where(TOKEN.c.state == "active", TOKEN.c.vanished_at.is_(None), not_(named), not_(shown)),
            )
        )

    @property
    def findings(self) -> Findings:
        """What :meth:`match` found."""
        return Findings(self._session, self._shapes, self._base)

    def keep_agreed_owners(self) -> list[tuple[str, str]]:
        """Leave out changes that would undo what people agreed on: the file says only what it said before a decision
        made somebody else the owner. Returns the external ids and the addresses of the owners who stay.

        An export that comes every week must not take back a handover; one that says something new still counts.
        """
        change = self._tables.owner_change
        said_before = (
            select(OWNERSHIP.c.person_id)
            .where(OWNERSHIP.c.token_id == change.c.token_id, OWNERSHIP.c.role == change.c.role)
            .where(OWNERSHIP.c.source == "import")
            .order_by(OWNERSHIP.c.id.desc())
            .limit(1)
            .correlate(change)
            .scalar_subquery()
        )
        agreed = and_(change.c.before_source == "decision", said_before.is_not_distinct_from(change.c.after_id))
        stay = (
            select(TOKEN.c.external_id, PERSON.c.email)
            .select_from(change)
            .join(TOKEN, TOKEN.c.id == change.c.token_id)
            .join(PERSON, PERSON.c.id == change.c.before_id)
            .where(agreed)
            .order_by(change.c.token_id, change.c.role)
        )
        kept = [(row.external_id, row.email) for row in self._connection.execute(stay)]
        if kept:
            self._connection.execute(delete(change).where(agreed))
        return kept

    def forget_vanished(self) -> int:
        """Mark nothing as vanished after all; returns how many it would have been."""
        return self._connection.execute(delete(self._tables.vanished)).rowcount

    # -------------------------------------------------------------- writing

    def _insert_new(self) -> None:
        token = self._tables.token
        new = token.c.token_id.is_(None)
        count = self._connection.scalar(select(func.count()).select_from(token).where(new)) or 0
        with loading_tokens(self._session, rows=count, after_id=self._base):
            self._insert_tokens(new)
            for role in OWNERSHIP_ROLES:
                self._insert_owners(role, new)

    def _insert_tokens(self, new: ColumnElement[bool]) -> None:
        token, now = self._tables.token, literal(self._now, UTCDateTime)
        values: dict[str, ColumnElement[Any]] = {name: token.c[name] for name in PLAIN}
        values |= {
            "id": self._new_id(),
            "vendor_id": self._vendor_id(),
            "service_owner_id": self._person_id("service_owner"),
            "state": literal("active"),
            "tier": literal(""),
            "recorded_at": now,
            "updated_at": now,
        }
        self._connection.execute(
            insert(TOKEN).from_select(list(values), select(*values.values()).where(new).order_by(token.c.seq))
        )

    def _insert_owners(self, role: str, new: ColumnElement[bool]) -> None:
        token, person, now = self._tables.token, self._tables.person, literal(self._now, UTCDateTime)
        self._connection.execute(
            insert(OWNERSHIP).from_select(
                ["token_id", "person_id", "role", "from_at", "source"],
                select(self._new_id(), person.c.person_id, literal(role), now, literal("import"))
                .join(person, person.c.local == token.c[role])
                .where(new)
                .order_by(token.c.seq),
            )
        )

    def _update_changed(self, shape: int, columns: Sequence[str]) -> None:
        token, changed = self._tables.token, self._tables.changed
        values: dict[str, Any] = {}
        for name in columns:
            if name in FORWARD:
                values[name] = case((self._differs(name), token.c[name]), else_=TOKEN.c[name])
            elif name in PLAIN and name not in ("issuing_system", "external_id"):
                values[name] = token.c[name]
        if "vendor" in columns:
            values["vendor_id"] = self._vendor_id()
        self._connection.execute(
            update(TOKEN)
            .where(TOKEN.c.id == changed.c.token_id, changed.c.seq == token.c.seq, token.c.shape == shape)
            .values(
                **values,
                vanished_at=None,
                updated_at=self._now,
                tier=case((changed.c.retier == 1, ""), else_=TOKEN.c.tier),
            )
        )

    def _apply_owner_changes(self) -> None:
        change = self._tables.owner_change
        held = and_(change.c.token_id == OWNERSHIP.c.token_id, change.c.role == OWNERSHIP.c.role)
        self._connection.execute(
            update(OWNERSHIP)
            .where(held, OWNERSHIP.c.to_at.is_(None), change.c.before_id.is_not(None))
            .values(to_at=self._now)
        )
        now = literal(self._now, UTCDateTime)
        self._connection.execute(
            insert(OWNERSHIP).from_select(
                ["token_id", "person_id", "role", "from_at", "source"],
                select(change.c.token_id, change.c.after_id, change.c.role, now, literal("import")).where(
                    change.c.after_id.is_not(None)
                ),
            )
        )
        self._connection.execute(
            update(TOKEN)
            .where(TOKEN.c.id == change.c.token_id, change.c.role == "service_owner")
            .values(service_owner_id=change.c.after_id, updated_at=self._now)
        )
