"""What every command and every process stands on: settings, database and policy, opened once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from sqlalchemy import make_url
from sqlalchemy.exc import OperationalError

from bot.errors import SettingsError, WhoseError
from bot.operations import doctor
from bot.operations.context import Context, Now
from bot.rules.policy import Policy
from bot.rules.policy_file import PolicyError, default_policy_text
from bot.rules.policy_file import load_policy as policy_of
from bot.settings import Settings
from bot.wiring.connectors import connectors_of
from bot.wiring.issuers import Issuers, issuers_of
from bot.wiring.lane import slack_lane
from storage import migrations
from storage.database import Database


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
        return Context(self.database, now or self.now, self.policy, lane, connectors_of(self.issuers))

    @cached_property
    def issuers(self) -> Issuers:
        """The issuing systems of the settings: one set of connections a process.

        Raises:
            SettingsError: the issuers file cannot be used.
        """
        return issuers_of(self.settings, self.now)


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
        if current is not None and not migrations.knows(current):
            notice(f"The database's tables: {finding.said}.")
    return database


def open_database(settings: Settings) -> Database:
    """The database as it is, without looking at it."""
    try:
        return Database(settings.database_url.get_secret_value())
    except ImportError:
        raise SettingsError(
            "DATABASE_URL names PostgreSQL, and its driver is not installed. Install it: pip install 'whose[postgres]'."
        ) from None


def database_file(settings: Settings) -> Path | None:
    """The SQLite file of the settings, whether it is there or not; None: PostgreSQL."""
    url = make_url(settings.database_url.get_secret_value())
    return Path(url.database) if url.get_backend_name() == "sqlite" and url.database else None


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
            advice = finding.advice or "There is nothing for this release to do."
            raise NotMigratedError(f"The database's tables: {finding.said}. {advice}")
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
