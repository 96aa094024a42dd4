"""Bringing a database up to the tables of this release, in one transaction, and telling whether it is.

A new revision: change the models and, on a database that is at the newest revision,

    alembic -c storage/migrations/alembic.ini -x url=sqlite:///whose.db \\
        revision --autogenerate --rev-id 0002 -m "say what for"

then add by hand what Alembic does not see (triggers, search and expression indexes).

A revision only adds what the release before can leave alone (tables, columns that may be empty or have a default,
indexes), so that both run side by side while one replaces the other. What takes something away waits for a release
that nobody before it needs it of, and stands in ``CONTRACTS``; ``tests/contract/test_rolling_upgrade.py`` holds that.
``tests/contract/test_migrations.py`` holds the migrated database and the models together, on both databases.
"""

from __future__ import annotations

import contextlib
import io
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

from storage.database import Database
from storage.delivery_key import delivery_keys
from storage.markers import note_tables, tables_noted

CONTRACTS: frozenset[str] = frozenset()
"""Revisions whose tables are too little for the releases before them."""
_LOCK = 0x57686F7365  # any number that is ours: two releases started at once migrate one after the other


def migrate(database: Database) -> tuple[str | None, str]:
    """Bring the database to the newest revision; nothing where it is there already.

    Returns:
        The revision before (None: an empty database) and the one now.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: the database cannot be reached or refuses; nothing was changed.
    """
    with database.engine.begin() as connection:
        if not database.is_sqlite:
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        before = MigrationContext.configure(connection).get_current_revision()
        if before != head_revision():
            config = _config()
            config.attributes["connection"] = connection
            with contextlib.redirect_stdout(io.StringIO()):
                command.upgrade(config, "head")
    with database.write() as session:
        delivery_keys(session)
        note_tables(session, head_revision(), oldest_served())
    return before, head_revision()


def current_revision(database: Database) -> str | None:
    """The revision that the database is at; None where it has no tables of ours.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: the database cannot be reached.
    """
    with database.read_engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def head_revision() -> str:
    """The revision that this release needs."""
    head = ScriptDirectory.from_config(_config()).get_current_head()
    assert head is not None, "the package ships at least one revision"
    return head


def knows(revision: str) -> bool:
    """Whether this release has ever heard of a revision; one it has not is a newer release's."""
    return any(one.revision == revision for one in ScriptDirectory.from_config(_config()).walk_revisions())


def oldest_served() -> str:
    """The oldest revision whose release can work with the tables of this one."""
    script = ScriptDirectory.from_config(_config())
    revisions = [one.revision for one in script.walk_revisions()]  # from the newest to the first
    return next((one for one in revisions if one in CONTRACTS), revisions[-1])


def does_for_us(database: Database, revision: str) -> bool:
    """Whether the newer release that brought the tables to a revision unknown here says that they do for this one."""
    with database.read() as session:
        noted = tables_noted(session)
    return noted is not None and noted[0] == revision and knows(noted[1])


def _config() -> Config:
    config = Config()
    # "%" would be read as an interpolation.
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config
