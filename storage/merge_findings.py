"""What a merge of staged tokens found: counts, owners who changed, what vanished, and samples for a diff.

All of it is asked between :meth:`storage.merge.Merge.match` and the end of the transaction.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import reduce
from operator import add
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, String, case, cast, func, select
from sqlmodel import Session

from storage.inventory import OWNERSHIP_ROLES, TOKEN, VENDOR
from storage.people import PERSON
from storage.staging import FORWARD, PLAIN, staged

_PAGE = 5_000


class FileCounts(NamedTuple):
    """What became of the rows of one file."""

    new: int = 0
    changed: int = 0
    unchanged: int = 0
    vanished: int = 0


class OwnerChange(NamedTuple):
    """A role of a token that existed before changed hands. People by id and pseudonym."""

    token_id: int
    issuing_system: str
    external_id: str
    role: str
    before_ref: str | None
    before_email: str | None
    after_ref: str | None
    after_email: str | None
    before_source: str | None


class Vanished(NamedTuple):
    """A token that the files no longer name."""

    token_id: int
    issuing_system: str
    external_id: str
    owner_id: int | None


class Findings:
    """The findings of one merge.

    Args:
        shapes: for each shape number, the columns that its rows bring.
        base: a new token's id is this plus its number in the run.
    """

    def __init__(self, session: Session, shapes: Mapping[int, Sequence[str]], base: int) -> None:
        self._shapes, self._base = shapes, base
        self._connection, self._tables = session.connection(), staged(session)

    def counts(self) -> dict[int, FileCounts]:
        """Per file number, how many rows were new, changed, unchanged, and how many tokens vanished."""
        token, changed, owners = self._tables.token, self._tables.changed, self._tables.owner_change
        touched = select(changed.c.seq).union(select(owners.c.seq)).subquery()
        rows = select(token.c.file, func.count(), func.count(token.c.token_id)).group_by(token.c.file)
        differing = self._counted(
            select(token.c.file, func.count()).join(touched, touched.c.seq == token.c.seq).group_by(token.c.file)
        )
        gone = self._counted(select(self._tables.vanished.c.file, func.count()).group_by("file"))
        return {
            file: FileCounts(total - known, differing[file], known - differing[file], gone[file])
            for file, total, known in self._connection.execute(rows)
        }

    def _counted(self, query: Select[tuple[Any, int]]) -> Counter[int]:
        return Counter({row[0]: row[1] for row in self._connection.execute(query)})

    def owner_changes(self) -> Iterator[OwnerChange]:
        """Every role of a token that existed before that changes hands, in the order of token and role."""
        change, before, after = self._tables.owner_change, PERSON.alias("before"), PERSON.alias("after")
        query = (
            select(
                change.c.token_id,
                TOKEN.c.issuing_system,
                TOKEN.c.external_id,
                change.c.role,
                before.c.ref,
                before.c.email,
                after.c.ref,
                after.c.email,
                change.c.before_source,
            )
            .join(TOKEN, TOKEN.c.id == change.c.token_id)
            .outerjoin(before, before.c.id == change.c.before_id)
            .outerjoin(after, after.c.id == change.c.after_id)
            .order_by(change.c.token_id, change.c.role)
        )
        for row in self._connection.execute(query).yield_per(_PAGE):
            yield OwnerChange(*row)

    def first_owners(self) -> Iterator[str]:
        """The lines ``token_id role person_ref`` of every role that had nobody before, many at a time.

        In the order of the tokens; of one token, service, business, backup owner. Each line has a line feed.
        """
        token, change = self._tables.token, self._tables.owner_change
        order = case({role: i for i, role in enumerate(OWNERSHIP_ROLES)}, value=change.c.role)
        existing = (
            select(change.c.token_id, change.c.role, PERSON.c.ref)
            .join(PERSON, PERSON.c.id == change.c.after_id)
            .where(change.c.before_id.is_(None))
            .order_by(change.c.token_id, order)
        )
        yield "".join(f"{token_id} {role} {ref}\n" for token_id, role, ref in self._connection.execute(existing))
        # Put together in the database: these are millions, and a role without anybody is no line.
        lines = [func.coalesce(self._line(role), "") for role in OWNERSHIP_ROLES]
        new = select(reduce(add, lines)).where(token.c.token_id.is_(None)).order_by(token.c.seq)
        for page in self._connection.execute(new).yield_per(_PAGE).scalars().partitions():
            yield "".join(page)

    def _line(self, role: str) -> ColumnElement[str]:
        token, person = self._tables.token, self._tables.person
        ref = (
            select(PERSON.c.ref)
            .join(person, person.c.person_id == PERSON.c.id)
            .where(person.c.local == token.c[role])
            .scalar_subquery()
        )
        return cast(token.c.seq + self._base, String) + f" {role} " + ref + "\n"

    def vanished(self) -> Iterator[Vanished]:
        """Every token that vanishes, by id."""
        gone = self._tables.vanished
        query = (
            select(TOKEN.c.id, TOKEN.c.issuing_system, TOKEN.c.external_id, TOKEN.c.service_owner_id)
            .join(gone, gone.c.token_id == TOKEN.c.id)
            .order_by(TOKEN.c.id)
        )
        for row in self._connection.execute(query).yield_per(_PAGE):
            yield Vanished(*row)

    def revoked_again(self, limit: int) -> tuple[int, list[str]]:
        """How many staged tokens are revoked here, and the first names."""
        token = self._tables.token
        query = (
            select(TOKEN.c.issuing_system, TOKEN.c.external_id)
            .join(token, token.c.token_id == TOKEN.c.id)
            .where(TOKEN.c.state == "revoked")
        )
        total = self._connection.scalar(select(func.count()).select_from(query.subquery())) or 0
        rows = self._connection.execute(query.order_by(TOKEN.c.id).limit(limit)).all() if total else []
        return total, [f"{row.issuing_system} {row.external_id}" for row in rows]

    def new_sample(self, limit: int) -> list[str]:
        """The first new tokens by name."""
        token = self._tables.token
        query = select(token.c.issuing_system, token.c.external_id).where(token.c.token_id.is_(None))
        rows = self._connection.execute(query.order_by(token.c.seq).limit(limit)).all()
        return [f"{row.issuing_system} {row.external_id}" for row in rows]

    def changed_sample(self, limit: int) -> list[tuple[str, str, Any, Any]]:
        """Token, column, value before and after of the first changed tokens. Ask before :meth:`apply`."""
        token, changed = self._tables.token, self._tables.changed
        vendor, after_vendor, staged_vendor = VENDOR, VENDOR.alias("after_vendor"), self._tables.vendor
        names = [name for name in PLAIN if name not in ("issuing_system", "external_id")]
        query = (
            select(token, TOKEN, vendor.c.name.label("vendor_before"), after_vendor.c.name.label("vendor_after"))
            .join(changed, changed.c.seq == token.c.seq)
            .join(TOKEN, TOKEN.c.id == token.c.token_id)
            .outerjoin(vendor, vendor.c.id == TOKEN.c.vendor_id)
            .outerjoin(staged_vendor, staged_vendor.c.local == token.c.vendor)
            .outerjoin(after_vendor, after_vendor.c.id == staged_vendor.c.vendor_id)
            .order_by(token.c.seq)
            .limit(limit)
        )
        found: list[tuple[str, str, Any, Any]] = []
        for row in self._connection.execute(query).mappings():
            columns, name = (
                self._shapes[row[token.c.shape]],
                f"{row[TOKEN.c.issuing_system]} {row[TOKEN.c.external_id]}",
            )
            for column in (one for one in names if one in columns):
                before, after = row[TOKEN.c[column]], row[token.c[column]]
                moved = after is not None and (before is None or after > before)
                if moved if column in FORWARD else before != after:
                    found.append((name, column, before, after))
            if "vendor" in columns and row["vendor_before"] != row["vendor_after"]:
                found.append((name, "vendor", row["vendor_before"], row["vendor_after"]))
        return found[:limit]
