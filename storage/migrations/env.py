"""Alembic's entrance: called by ``storage.migrations.migrate`` with a connection, or by ``alembic`` with a URL."""

from __future__ import annotations

from typing import Any, Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext
from sqlalchemy import Connection
from sqlmodel import SQLModel
from sqlmodel.sql.sqltypes import AutoString

import storage.schema  # noqa: F401 - registers every table
from storage.database import Database, UTCDateTime

#: Made by SQL of our own, in storage/search_index.py; not models.
_SEARCH = ("token_search", "token_name", "ix_token_display_name", "ix_token_external_id", "ix_token_search")


def render(kind: str, value: Any, _context: AutogenContext) -> str | Literal[False]:
    """Write plain SQLAlchemy types into revisions, so that they do not change with our code."""
    if kind == "type" and isinstance(value, UTCDateTime):
        return "sa.DateTime(timezone=True)"
    if kind == "type" and isinstance(value, AutoString):
        return f"sa.String(length={value.length})" if value.length else "sa.String()"
    return False


def is_modelled(_object: Any, name: str | None, _kind: str, _reflected: bool, _against: Any) -> bool:
    """Leave the search indexes to hand-written SQL."""
    return name is None or not name.startswith(_SEARCH)


def run(connection: Connection) -> None:
    """Run the revisions on ``connection``, in its transaction (SQLite's DDL is transactional too: we begin it)."""
    context.configure(
        connection=connection,
        target_metadata=SQLModel.metadata,
        render_item=render,
        include_object=is_modelled,
        render_as_batch=True,
        transactional_ddl=True,
    )
    with context.begin_transaction():
        context.run_migrations()


def run_from_the_command_line() -> None:
    """``alembic -x url=…``: on the database named there."""
    url = context.get_x_argument(as_dictionary=True).get("url")
    if not url:
        raise SystemExit("Name the database to compare the models with: alembic -x url=sqlite:///whose.db …")
    database = Database(url)
    with database.engine.begin() as connection:
        run(connection)
    database.close()


given: Connection | None = context.config.attributes.get("connection")
if given is None:
    run_from_the_command_line()
else:
    run(given)
