"""Small facts about the installation itself."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, exists, literal, select
from sqlmodel import Session

from storage.database import table_of, upsert
from storage.requests import Marker

_MARKER = table_of(Marker)
_POLICY = "policy_in_force"
_TABLES = "tables"


def policy_in_force(session: Session) -> str:
    """The hash of the policy that the tokens were last tiered with; empty: none yet."""
    return _read(session, _POLICY)


def put_policy_in_force(session: Session, policy_hash: str) -> None:
    """Note the policy that the tokens are tiered with from now on."""
    _write(session, _POLICY, policy_hash)


def note_tables(session: Session, revision: str, oldest: str) -> None:
    """Note which revision the tables are at, and the oldest one whose release can work with them."""
    _write(session, _TABLES, f"{revision} {oldest}")


def tables_noted(session: Session) -> tuple[str, str] | None:
    """What :func:`note_tables` noted last; None: nothing."""
    revision, _, oldest = _read(session, _TABLES).partition(" ")
    return (revision, oldest) if oldest else None


def was_synced(lane: ColumnElement[str]) -> ColumnElement[bool]:
    """Whether the directory of this lane has been read to its end at least once, as a condition of a query."""
    return exists().where(_MARKER.c.name == literal("synced:").concat(lane))


def note_synced(session: Session, lane: str, at: datetime) -> None:
    """Note that the directory of this lane was read to its end."""
    _write(session, f"synced:{lane}", at.isoformat())


def _read(session: Session, name: str) -> str:
    value = session.connection().execute(select(_MARKER.c.value).where(_MARKER.c.name == name)).scalar()
    return value or ""


def _write(session: Session, name: str, value: str) -> None:
    upsert(session, _MARKER, [{"name": name, "value": value}], key=["name"], update=["value"])
