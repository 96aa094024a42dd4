"""Who dispatches a lane: one process at a time, for as long as it renews its lease.

Nothing is lost or doubled without it, since rows have leases of their own; it keeps the rate that a platform sees to
that of one dispatcher. Beside it lies what the lane's dispatchers have learned about the pace that the platform allows,
for whoever has the lane next.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlmodel import Session

from storage.database import insert_or_ignore, table_of, upsert
from storage.requests import Marker

_MARKER = table_of(Marker)


def take_lane(session: Session, lane: str, holder: str, now: datetime, until: datetime) -> bool:
    """Take or renew the lease of a lane; False: another process holds it. In a session of ``Database.write()``."""
    connection, name = session.connection(), f"lane:{lane}"
    fresh = json.dumps({"holder": holder, "until": until.isoformat()})
    insert_or_ignore(session, _MARKER, [{"name": name, "value": fresh}])
    query = select(_MARKER.c.value).where(_MARKER.c.name == name).with_for_update()
    held = json.loads(connection.execute(query).scalar_one())
    if held["holder"] != holder and datetime.fromisoformat(held["until"]) > now:
        return False
    connection.execute(update(_MARKER).where(_MARKER.c.name == name).values(value=fresh))
    return True


def holder_of(session: Session, lane: str) -> str:
    """Who took the lane last; empty: nobody yet."""
    value = session.connection().execute(select(_MARKER.c.value).where(_MARKER.c.name == f"lane:{lane}")).scalar()
    return "" if value is None else str(json.loads(value)["holder"])


def keep_pace(session: Session, lane: str, learned: Mapping[str, Any]) -> None:
    """Keep what was learned about a lane's pace, in place of what was there; ``learned`` can be written as JSON."""
    upsert(session, _MARKER, [{"name": f"pace:{lane}", "value": json.dumps(learned)}], key=["name"], update=["value"])


def pace_of(session: Session, lane: str) -> dict[str, Any] | None:
    """What :func:`keep_pace` kept; None: nothing was learned yet."""
    value = session.connection().execute(select(_MARKER.c.value).where(_MARKER.c.name == f"pace:{lane}")).scalar()
    return None if value is None else dict(json.loads(value))
