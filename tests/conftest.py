"""Fixtures for everybody: a database of each kind with all tables, and a clock that stands still.

Tables are made once per process, in a template of which every test gets its own copy: a file on SQLite,
``CREATE DATABASE … TEMPLATE`` on PostgreSQL. All processes of a run share one PostgreSQL server.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import psycopg
import pytest
from hypothesis import settings

from storage.database import Database
from storage.schema import create_all
from tests.servers.fake_clock import FakeClock
from tests.servers.postgres import running_postgres

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
    return running_postgres()


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
