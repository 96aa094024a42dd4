"""A database that was put back to an earlier state: what was sent, shown and numbered since then is not in it.

Nothing may be sent twice for that, and no button that people still see may mean something else than it did.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from sqlalchemy import and_, func, literal_column, select, update
from sqlmodel import Session

from storage.database import skip_ids, table_of, upsert
from storage.ledger.tables import HEAD
from storage.outbox import OUTBOX
from storage.outbox_enqueue import WHENEVER, enqueue_updates_of
from storage.prepared import Prepared
from storage.requests import OPEN_STATES, REQUEST, Marker

_MARKER = table_of(Marker)
_NAME = "restored"
_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
_UNUSED_IDS = 1_000_000
"""How many ids of requests are passed over: more than can have been given out since the backup."""
_UNUSED_VERSIONS = 1_000
"""How many versions of an open request are passed over."""


class Restored(NamedTuple):
    """What is known about a restore."""

    since: datetime
    """The newest moment in the backup: whatever was sent later is not in it."""
    until: datetime
    """A message that was put into the outbox by then is looked for before it is sent."""


class Held(NamedTuple):
    """What a restore left to be found out, by count."""

    messages: int
    """Looked for before they are sent."""
    postings: int
    """Brought up to date."""


def restored(session: Session) -> Restored | None:
    """The last restore; None: there was none."""
    noted = _NOTED.first(session)
    return None if noted is None else Restored(*map(datetime.fromisoformat, json.loads(noted.value)))


_NOTED = Prepared(select(_MARKER.c.value).where(_MARKER.c.name == literal_column(f"'{_NAME}'")))


def note_restored(session: Session, now: datetime, look_first: timedelta) -> tuple[Restored, Held]:
    """Make a database that was put back safe to go on with. In a session of ``Database.write()``; repeatable.

    Args:
        look_first: for how long from now on new messages are looked for before they are sent.
    """
    since = min(newest_moment(session) or _LONG_AGO, now)
    earlier = restored(session)
    if earlier is not None and earlier.until > now:
        since = min(since, earlier.since)
    noted = Restored(since, now + look_first)
    value = json.dumps([moment.isoformat() for moment in noted])
    upsert(session, _MARKER, [{"name": _NAME, "value": value}], key=["name"], update=["value"])
    skip_ids(session, REQUEST, _UNUSED_IDS)
    return noted, Held(_hold_messages(session, now), _refresh_postings(session, now))


def newest_moment(session: Session) -> datetime | None:
    """The newest moment that the database knows of, for what was recorded or sent; None: there is neither."""
    columns = (HEAD.c.recorded_at, OUTBOX.c.created_at, OUTBOX.c.done_at, OUTBOX.c.first_attempt_at)
    connection = session.connection()
    found = [connection.execute(select(func.max(column))).scalar() for column in columns]
    return max((moment for moment in found if moment is not None), default=None)


def _hold_messages(session: Session, now: datetime) -> int:
    """Every post that was not done may have been sent since. A raised fence keeps out whoever held one before."""
    connection = session.connection()
    fresh = {"fence": OUTBOX.c.fence + 1, "lease_until": None, "absent_reads": 0}
    under_way = OUTBOX.c.state.in_(["sending", "unknown"])
    # A row that does not say what its message shows is composed anew; only then is the message looked for.
    composed = and_(OUTBOX.c.action == "post", OUTBOX.c.shown.is_not(None))
    connection.execute(
        update(OUTBOX).where(under_way, composed).values(state="unknown", not_before=now, first_attempt_at=now, **fresh)
    )
    connection.execute(update(OUTBOX).where(under_way, ~composed).values(state="pending", not_before=now, **fresh))
    unsent = and_(OUTBOX.c.action == "post", OUTBOX.c.state.in_(["pending", "dead"]))
    connection.execute(update(OUTBOX).where(unsent).values(absent_reads=0, first_attempt_at=None))
    open_posts = and_(OUTBOX.c.action == "post", OUTBOX.c.state.in_(["pending", "unknown"]))
    return int(connection.execute(select(func.count()).select_from(OUTBOX).where(open_posts)).scalar_one())


def _refresh_postings(session: Session, now: datetime) -> int:
    """What people see of an open request may be from after the backup: it is drawn anew, under a version that no
    button has carried yet."""
    moved = session.connection().execute(
        update(REQUEST)
        .where(REQUEST.c.state.in_(OPEN_STATES))
        .values(version=REQUEST.c.version + _UNUSED_VERSIONS)
        .returning(REQUEST.c.id, REQUEST.c.version)
    )
    versions = {row.id: row.version for row in moved}
    return enqueue_updates_of(session, versions, now=now, priority=WHENEVER)
