"""Which workspace people are reached in: asked from Slack once for each token, then remembered."""

from __future__ import annotations

import hashlib
import json
from typing import Final

from sqlalchemy import select, update

from bot.settings import Settings
from storage.database import Database, table_of, upsert
from storage.outbox import OUTBOX
from storage.people import CHAT_IDENTITY
from storage.requests import Marker

_SLACK_TEAM: Final = "slack_team"
_MARKER = table_of(Marker)


def slack_lane(settings: Settings, database: Database) -> str:
    """``slack:T0123``: asked from Slack once for each token, then remembered in the database.

    Without a token it is the workspace that most of the known accounts are in (so that the command line can tell
    who would be asked), or no workspace at all.

    Raises:
        UpstreamError: Slack does not say.
    """
    if settings.slack_bot_token is None:
        return f"slack:{_usual_workspace(database)}"
    from bot.slack.identity import identify  # speaks HTTP; most commands never need it

    token = settings.bot_token()
    fingerprint = hashlib.sha256(f"{settings.slack_api_url} {token}".encode()).hexdigest()[:16]
    with database.read() as session:
        marker = session.get(Marker, _SLACK_TEAM)
    known = json.loads(marker.value) if marker else {}
    if known.get("token") != fingerprint:
        known = {"token": fingerprint, "team": identify(token, settings.slack_api_url).team_id}
        with database.write() as session:
            row = {"name": _SLACK_TEAM, "value": json.dumps(known)}
            upsert(session, _MARKER, [row], key=["name"], update=["value"])
            # What was to be said before there was a workspace is said in the first one.
            homeless = update(OUTBOX).where(OUTBOX.c.lane == "slack:", OUTBOX.c.state == "pending")
            session.connection().execute(homeless.values(lane=f"slack:{known['team']}"))
    return f"slack:{known['team']}"


def _usual_workspace(database: Database) -> str:
    with database.read() as session:
        workspaces = select(CHAT_IDENTITY.c.workspace).where(CHAT_IDENTITY.c.platform == "slack").limit(1)
        return session.connection().execute(workspaces).scalar() or ""
