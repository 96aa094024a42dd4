"""The people file into the directory: who is there, who left, who answers for whom.

A column that the file does not have leaves what is known; an empty cell clears it, except for chat accounts
(the workspace's own directory may have told us) and ``active`` (empty: as it was; active if new). Someone who
is no longer in the file stays as they are: a file may name only a part of the company.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sqlalchemy import Row, bindparam, select, update
from sqlmodel import Session

from bot.operations.import_inventory.checking import Flaw
from bot.operations.import_inventory.circles import circles, describe
from bot.operations.import_inventory.report import Change, counted
from bot.operations.import_inventory.rows import Named, Run
from storage.database import insert_or_ignore, upsert
from storage.people import CHAT_IDENTITY, PERSON, new_ref

_PLAIN = ("name", "timezone", "country", "subdivision", "workweek")
_ACCOUNTS = (("slack", "slack_team_id", "slack_user_id"), ("teams", "teams_tenant_id", "aad_object_id"))
_SHOWN = 10


class Left(NamedTuple):
    """Someone whom the file says has left, and who was active until now."""

    person_id: int
    ref: str
    email: str
    name: str


class Directory:
    """Everybody we know, by address; :meth:`mention` adds those whom only an inventory names."""

    def __init__(self, session: Session, now: datetime) -> None:
        self.session, self._now = session, now
        self.mentioned: list[str] = []
        self.known: dict[str, Row[Any]] = {}
        self._emails: dict[int, str] = {}
        self._load()

    def _load(self) -> None:
        self.known = {row.email: row for row in self.session.connection().execute(select(PERSON))}

    def mention(self, addresses: Iterable[str], *, by_mention: bool = True) -> None:
        """Make a person of every address that is not known yet."""
        new = [one for one in dict.fromkeys(addresses) if one not in self.known]
        rows = [
            {
                "ref": new_ref(),
                "email": address,
                "name": "",
                "timezone": "",
                "country": "",
                "subdivision": "",
                "workweek": "",
                "active": True,
                "by_mention": by_mention,
                "created_at": self._now,
                "updated_at": self._now,
            }
            for address in new
        ]
        insert_or_ignore(self.session, PERSON, rows)
        if new:
            self._load()
        if by_mention:
            self.mentioned += new

    def email_of(self, person_id: int | None) -> str:
        """The address of a person; empty for nobody."""
        if person_id is None:
            return ""
        if len(self._emails) != len(self.known):
            self._emails = {row.id: email for email, row in self.known.items()}
        return self._emails[person_id]

    def id_of(self, address: str | None) -> int | None:
        return self.known[address].id if address else None


def check_people(run: Run, directory: Directory) -> None:
    """Refuse the rows that contradict each other or what is known: circles of managers, taken chat accounts."""
    _cut_own_manager(run)
    stored = {
        email: directory.email_of(row.manager_id)
        for email, row in directory.known.items()
        if row.manager_id is not None
    }
    given = {email: row.values["manager"] for email, row in run.people.items() if "manager" in row.values}
    order = {email: row.origin for email, row in run.people.items()}
    for blamed, circle in circles(stored, given, order):
        allowed = "Every chain of managers has to end with somebody who has none"
        reason = f"the managers go round in a circle: {describe(circle)}"
        run.reject(run.people.pop(blamed).origin, "people", [Flaw("manager", "", reason, allowed)])
    _check_accounts(run, directory)


def _cut_own_manager(run: Run) -> None:
    own = [email for email, row in run.people.items() if row.values.get("manager") == email]
    for email in own:
        run.people[email].values["manager"] = ""
    if own:
        names = ", ".join(own[:_SHOWN])
        who = counted(len(own), "person is", "people are")
        run.report.warnings.append(f"{who} their own manager; read as having none: {names}.")
    for email, row in run.people.items():
        if row.values.get("delegate") == email:
            row.values["delegate"] = ""


def _check_accounts(run: Run, directory: Directory) -> None:
    taken = {
        (row.platform, row.workspace, row.user_id): directory.email_of(row.person_id)
        for row in directory.session.connection().execute(select(CHAT_IDENTITY))
    }
    for email, row in list(run.people.items()):
        for platform, workspace, column in _ACCOUNTS:
            if not row.values.get(column):
                continue
            account = (platform, row.values.get(workspace) or "", row.values[column])
            if taken.setdefault(account, email) != email:
                reason = f"this account already belongs to {taken[account]}"
                flaw = Flaw(column, row.values[column], reason, "Every account belongs to one person")
                run.reject(run.people.pop(email).origin, "people", [flaw])
                break


def write_people(run: Run, directory: Directory) -> list[Left]:
    """Write every row of people; returns those who left with this import."""
    mentioned = [row.values.get(column) for row in run.people.values() for column in ("manager", "delegate")]
    before = dict(directory.known)
    directory.mention(run.people, by_mention=False)
    directory.mention(one for one in mentioned if one)
    accounts = _accounts(directory)
    left: list[Left] = []
    updates: list[dict[str, Any]] = []
    for email, row in run.people.items():
        person = directory.known[email]
        values = _values(row, person, directory, run.now)
        changes = {name: value for name, value in values.items() if getattr(person, name) != value}
        changed_accounts = _write_accounts(directory, person.id, row, accounts)
        if changes:
            updates.append({**{f"_{name}": value for name, value in values.items()}, "_id": person.id})
        _count(run, directory, row, before.get(email), changes, changed=bool(changes) or changed_accounts)
        if email in before and "active" in changes and not changes["active"]:
            left.append(Left(person.id, person.ref, email, values.get("name", person.name)))
    _update(directory, updates, run.now)
    return left


def _values(row: Named, person: Row[Any], directory: Directory, now: datetime) -> dict[str, Any]:
    """What the person's columns are after this row, for all columns, so that one statement serves every row."""
    given = row.values
    values: dict[str, Any] = {name: given.get(name, getattr(person, name)) for name in _PLAIN}
    values["manager_id"] = directory.id_of(given["manager"]) if "manager" in given else person.manager_id
    values["delegate_id"] = directory.id_of(given["delegate"]) if "delegate" in given else person.delegate_id
    values["away_until"] = _moment(given["away_until"]) if "away_until" in given else person.away_until
    active = given.get("active")
    values["active"] = person.active if active is None else bool(active)
    values["left_at"] = None if values["active"] else (person.left_at or now)
    values["by_mention"] = False
    return values


def _moment(stored: str | None) -> datetime | None:
    return None if stored is None else datetime.fromisoformat(stored).replace(tzinfo=UTC)


def _accounts(directory: Directory) -> dict[tuple[int, str, str], str]:
    rows = directory.session.connection().execute(select(CHAT_IDENTITY))
    return {(row.person_id, row.platform, row.workspace): row.user_id for row in rows}


def _write_accounts(
    directory: Directory, person_id: int, row: Named, accounts: dict[tuple[int, str, str], str]
) -> bool:
    changed = False
    for platform, workspace_column, column in _ACCOUNTS:
        user_id, workspace = row.values.get(column), row.values.get(workspace_column) or ""
        if not user_id or accounts.get((person_id, platform, workspace)) == user_id:
            continue
        values = {
            "person_id": person_id,
            "platform": platform,
            "workspace": workspace,
            "user_id": user_id,
            "deactivated": False,
            "dm_channel": "",
        }
        key = ("person_id", "platform", "workspace")
        upsert(directory.session, CHAT_IDENTITY, [values], key=key, update=("user_id", "deactivated", "dm_channel"))
        changed = True
    return changed


def _count(
    run: Run, directory: Directory, row: Named, before: Row[Any] | None, changes: dict[str, Any], *, changed: bool
) -> None:
    file, email = run.file(row.origin.file), row.values["email"]
    if before is None:
        file.new += 1
        run.report.add_change(Change("people", "new", email))
        return
    file.changed += changed
    file.unchanged += not changed
    for name, value in changes.items():
        show = directory.email_of if name.endswith("_id") else _text
        column = name.removesuffix("_id")
        run.report.add_change(Change("people", "changed", email, column, show(getattr(before, name)), show(value)))


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _update(directory: Directory, updates: list[dict[str, Any]], now: datetime) -> None:
    if not updates:
        return
    names = [key[1:] for key in updates[0] if key != "_id"]
    statement = (
        update(PERSON)
        .where(PERSON.c.id == bindparam("_id"))
        .values(**{name: bindparam(f"_{name}") for name in names}, updated_at=now)
    )
    directory.session.connection().execute(statement, updates)


def warn_of_mentions(run: Run, directory: Directory) -> None:
    """One line about the people who are known only because an inventory names them."""
    names = sorted(directory.mentioned)
    if names:
        more = " …" if len(names) > _SHOWN else "."
        who = counted(len(names), "person is", "people are")
        run.report.warnings.append(
            f"{who} known only because a file names them: {', '.join(names[:_SHOWN])}{more} "
            "Check the addresses, or import a people file that has them."
        )
