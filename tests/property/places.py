"""Databases for lives that begin anew many times within one test: made in a moment, gone afterwards."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from itertools import count
from pathlib import Path

import psycopg

from storage.database import Database
from storage.schema import create_all

_numbers = count(1)


@cache
def _template() -> bytes:
    """An SQLite file with all tables and no rows."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "template.db"
        database = Database(f"sqlite:///{path}")
        create_all(database)
        database.close()
        return path.read_bytes()


@contextmanager
def sqlite_place() -> Iterator[str]:
    """The address of an empty SQLite database."""
    with tempfile.TemporaryDirectory(prefix="whose-life-") as folder:
        path = Path(folder) / "whose.db"
        path.write_bytes(_template())
        yield f"sqlite:///{path}"


@contextmanager
def postgres_place(uri: Callable[[str], str], template: str) -> Iterator[str]:
    """The address of a copy of the ``template`` database; ``uri`` as the fixture of the same name."""
    name = f"life_{os.getpid()}_{next(_numbers)}"
    with psycopg.connect(uri("postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}".encode())
        yield uri(name)
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())
