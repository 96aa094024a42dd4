"""Connections to PostgreSQL that ended while nobody used them."""

from __future__ import annotations

import psycopg
from sqlalchemy import text

from storage.database import Database

_END_ALL = (
    "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = current_database() AND pid <> %s"
)


def test_whoever_comes_next_does_not_notice(postgres_database: Database) -> None:
    with postgres_database.read() as one, postgres_database.read() as other:
        before = {session.connection().scalar(text("SELECT pg_backend_pid()")) for session in (one, other)}
    address = postgres_database.url.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(address, autocommit=True) as operator:
        ended = operator.execute(_END_ALL, [operator.info.backend_pid]).fetchall()
    assert len(before) == len(ended) == 2
    for session_of in (postgres_database.write, postgres_database.read):
        with session_of() as session:
            assert session.connection().scalar(text("SELECT pg_backend_pid()")) not in before
