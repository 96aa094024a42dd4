"""When each issuing system was last looked at, and what kept us from it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import select
from sqlmodel import Session

from storage.database import table_of, upsert
from storage.requests import Marker

_MARKER = table_of(Marker)
_NAME = "looked_at:"


@dataclass(frozen=True)
class LastLook:
    """Moments are in ISO 8601 with their zone; empty: never."""

    tried_at: str = ""
    """When its list began to be read."""
    read_at: str = ""
    """The same, of the last list that was read to its end and believed."""
    listed: int = 0
    fault: str = ""
    """Why the last try failed, as a sentence; empty: it did not."""

    @property
    def read(self) -> datetime | None:
        return datetime.fromisoformat(self.read_at) if self.read_at else None

    @property
    def tried(self) -> datetime | None:
        return datetime.fromisoformat(self.tried_at) if self.tried_at else None


def last_look(session: Session, system: str) -> LastLook:
    """What was noted of a system last."""
    query = select(_MARKER.c.value).where(_MARKER.c.name == f"{_NAME}{system}")
    value = session.connection().execute(query).scalar()
    return LastLook(**json.loads(value)) if value else LastLook()


def note_look(session: Session, system: str, look: LastLook) -> None:
    """Note it, in place of what was noted before."""
    row = {"name": f"{_NAME}{system}", "value": json.dumps(asdict(look))}
    upsert(session, _MARKER, [row], key=["name"], update=["value"])
