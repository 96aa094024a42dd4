"""The only place where the parts are joined: settings, database, policy, clock, platforms."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from bot.errors import SettingsError, WhoseError
from bot.operations import doctor
from bot.operations.context import Context, Now
from bot.operations.doctor import Finding
from bot.rules.policy import Policy
from bot.rules.policy_file import PolicyError, default_policy_text
from bot.rules.policy_file import load_policy as policy_of
from bot.settings import Settings, nearest_variable
from bot.slack.identity import SCOPES, identify
from storage import migrations
from storage.database import Database, table_of, upsert
from storage.people import CHAT_IDENTITY
from storage.requests import Marker

logger = logging.getLogger(__name__)

_SLACK_TEAM = "slack_team"
_MARKER = table_of(Marker)


class NotMigratedError(WhoseError):
    """The database does not have the tables of this release."""


@dataclass(frozen=True)
class Installation:
    """What every command and every process stands on."""

    settings: Settings
    database: Database
    policy: Policy
    now: Now

    def context(self, now: Now | None = None) -> Context:
        """For operations. ``now`` stands in for the clock where somebody asks about another moment."""
        lane = slack_lane(self.settings, self.database)
        return Context(database=self.database, now=now or self.now, policy=self.policy, lane=lane)


def open_installation(settings: Settings, now: Now, notice: Callable[[str], None]) -> Installation:
    """Open the database and read the policy.

    Args:
        notice: told, in a sentence, when a new SQLite file was made.

    Raises:
        WhoseError: the policy cannot be used, or the database cannot be reached or is not migrated.
    """
    return Installation(settings, ready_database(settings, notice), load_policy(settings), now)


def load_policy(settings: Settings) -> Policy:
    """The policy in force: the file of ``WHOSE_POLICY``, else the one that ships.

    Raises:
        SettingsError: the file cannot be read, or is not a policy; every mistake is named with its line.
    """
    try:
        return policy_of(policy_text(settings.policy_path), policy_name(settings))
    except PolicyError as error:
        raise SettingsError(f"The policy cannot be used.\n{error}") from None


def policy_text(path: Path | None) -> str:
    """A policy file's text; the shipped policy's where there is no path.

    Raises:
        SettingsError: it cannot be read.
    """
    if path is None:
        return default_policy_text()
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise SettingsError(f"{path} is not UTF-8 text. Save the policy as UTF-8.") from None
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}. See that WHOSE_POLICY names a file.") from None


def policy_name(settings: Settings) -> str:
    """What to call the policy in messages."""
    return str(settings.policy_path) if settings.policy_path else "the policy that ships with Whose"


# ---------------------------------------------------------------- the database


def ready_database(settings: Settings, notice: Callable[[str], None]) -> Database:
    """The database, with the tables of this release. A new SQLite file gets them at once; nothing else is migrated
    unasked.

    Raises:
        NotMigratedError: ``whose migrate`` has to run first.
        WhoseError: it cannot be reached.
    """
    database = open_database(settings)
    try:
        current = migrations.current_revision(database)
        if current is None and database.is_sqlite:
            migrations.migrate(database)
            notice(f"Made a new database, {database.url.database}.")
            return database
    except OperationalError as error:
        raise WhoseError(_unreachable(settings, error)) from None
    for finding in doctor.tables_are_current(database):
        if finding.level == "wrong":
            raise NotMigratedError(f"The database's tables: {finding.said}. {finding.advice}")
    return database


def open_database(settings: Settings) -> Database:
    """The database as it is, without looking at it."""
    try:
        return Database(settings.database_url.get_secret_value())
    except ImportError:
        raise SettingsError(
            "DATABASE_URL names PostgreSQL, and its driver is not installed. Install it: pip install 'whose[postgres]'."
        ) from None


def migrate(settings: Settings) -> tuple[str | None, str]:
    """Bring the database up to this release; the revision before and the one now.

    Raises:
        WhoseError: it cannot be reached, or belongs to a newer release.
    """
    database = open_database(settings)
    try:
        current = migrations.current_revision(database)
        if current is not None and not migrations.knows(current):
            finding = next(iter(doctor.tables_are_current(database)))
            raise NotMigratedError(f"The database's tables: {finding.said}. {finding.advice}")
        return migrations.migrate(database)
    except OperationalError as error:
        raise WhoseError(_unreachable(settings, error)) from None
    finally:
        database.close()


def _unreachable(settings: Settings, error: OperationalError) -> str:
    said = str(error.orig).strip().splitlines()
    return (
        f"The database {settings.database_shown} cannot be reached: {said[0] if said else 'no answer'}. "
        "See that DATABASE_URL is right and that the database runs."
    )


# ---------------------------------------------------------------- Slack's workspace


def slack_lane(settings: Settings, database: Database) -> str:
    """``slack:T0123``: asked from Slack once for each token, then remembered in the database.

    Without a token it is the workspace that most of the known accounts are in (so that the command line can tell
    who would be asked), or no workspace at all.

    Raises:
        UpstreamError: Slack does not say.
    """
    if settings.slack_bot_token is None:
        return f"slack:{_usual_workspace(database)}"
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
    return f"slack:{known['team']}"


def _usual_workspace(database: Database) -> str:
    with database.read() as session:
        workspaces = select(CHAT_IDENTITY.c.workspace).where(CHAT_IDENTITY.c.platform == "slack").limit(1)
        return session.connection().execute(workspaces).scalar() or ""


# ---------------------------------------------------------------- looking after it


def examine(settings: Settings, now: Callable[[], datetime]) -> list[Finding]:
    """Everything ``whose doctor`` looks at, in the order to mend it."""
    findings = doctor.examine("settings", lambda: _settings_are_right(settings))
    findings += examine_storage(settings)
    findings += doctor.examine("Slack", lambda: _slack_is_right(settings, now))
    return findings


def examine_storage(settings: Settings, opened: Database | None = None) -> list[Finding]:
    """Database, tables and policy: what must be right before anybody can be answered."""
    policies: list[Policy] = []

    def policy() -> list[Finding]:
        policies.append(load_policy(settings))
        return list(doctor.policy_is_usable(policies[0], policy_name(settings)))

    database = opened or open_database(settings)
    try:
        findings = doctor.examine("database", lambda: doctor.database_answers(database, settings.database_shown))
        if findings[-1].level != "wrong":
            findings += doctor.examine("tables", lambda: doctor.tables_are_current(database))
        tables_are_right = findings[-1].level == "ok"
        findings += doctor.examine("policy", policy)
        if tables_are_right and policies:
            findings += doctor.examine("policy", lambda: doctor.policy_names_known_people(database, policies[0]))
            findings += doctor.examine("people", lambda: doctor.people_can_be_reached(database))
    finally:
        if opened is None:
            database.close()
    return findings


def _settings_are_right(settings: Settings) -> list[Finding]:
    findings = [Finding("settings", "ok", "can be read")]
    for name in settings.unknown:
        near = nearest_variable(name)
        advice = f"Did you mean {near}?" if near else "Remove it, or see .env.example for the names."
        findings.append(Finding("settings", "look", f"{name} is set and read by nothing", advice))
    return findings


def _slack_is_right(settings: Settings, now: Callable[[], datetime]) -> list[Finding]:
    if settings.slack_bot_token is None:
        advice = "Set SLACK_BOT_TOKEN and SLACK_SIGNING_SECRET, or try everything without Slack: `whose demo`."
        return [Finding("Slack", "look", "not set up, so nobody is asked", advice)]
    identity = identify(settings.bot_token(), settings.slack_api_url)
    findings = [Finding("Slack", "ok", f"the bot is in {identity.team} ({identity.team_id})")]
    for scope in identity.missing_scopes():
        advice = "Add it under OAuth & Permissions and install the app again."
        findings.append(Finding("Slack", "wrong", f"the scope {scope} is missing, {SCOPES[scope]}", advice))
    if identity.scopes is None:
        findings.append(Finding("Slack", "look", "did not say which scopes the app has"))
    if settings.slack_signing_secret is None and not settings.socket_mode:
        advice = "Set SLACK_SIGNING_SECRET, or SLACK_APP_TOKEN for Socket Mode."
        findings.append(Finding("Slack", "wrong", "answers cannot be received", advice))
    findings += doctor.clocks_agree(now(), identity.server_time, "Slack's")
    return findings
