"""Calls to a PostgreSQL server: one connection and one statement each, bounded in time, classified by what is known."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import psycopg
from psycopg import sql
from pydantic import SecretStr

from bot.rules.issuing import NotDone, Rejected, Unclear

Failed = Rejected | NotDone | Unclear
Connection = psycopg.Connection[Any]

CONNECT: Final = 5
STATEMENT: Final = 10
"""Seconds."""
_WAIT: Final = 30.0
_SAID: Final = {
    "2BP01": "The role owns something, or is granted something, in a database. Hand that over first: "
    "REASSIGN OWNED BY, then REVOKE",
    "42501": "Our own role may not do this. Run `whose doctor` to see what is missing",
}
#: The statement was rolled back, by its own limits or another session's doing (Appendix A of PostgreSQL's manual).
_ROLLED_BACK: Final = ("40001", "40P01", "55006", "55P03", "57014")
#: What a server says to a role and its password. It has no code before somebody is let in, so that a server which
#: speaks another language is not understood, and nothing is concluded.
_REFUSALS: Final = ("password authentication failed for user", "is not permitted to log in")


@dataclass(frozen=True)
class Server:
    """Where a server is, as libpq names it."""

    host: str
    port: int
    database: str
    sslmode: str
    sslrootcert: str

    def call(self, user: str, password: SecretStr, work: Callable[[Connection], Any]) -> Any | Failed:
        """What ``work`` makes of a fresh connection, where each statement is on its own (autocommit)."""
        try:
            with self._connected(user, password) as connection:
                return work(connection)
        except _NotConnectedError as error:
            return error.outcome
        except psycopg.Error as error:
            return _outcome(error)

    def lets_in(self, user: str, password: SecretStr) -> bool | NotDone | Unclear:
        """Whether a role may log in with that password; whether it may use the database is another matter."""
        try:
            with self._connected(user, password):
                return True
        except _NotConnectedError as error:
            if error.refused:
                return False
            return Unclear(error.outcome.detail) if isinstance(error.outcome, Rejected) else error.outcome

    @contextmanager
    def _connected(self, user: str, password: SecretStr) -> Iterator[Connection]:
        try:
            connection = psycopg.connect(
                host=self.host,
                port=self.port,
                dbname=self.database,
                user=user,
                password=password.get_secret_value(),
                sslmode=self.sslmode,
                sslrootcert=self.sslrootcert or None,
                gssencmode="disable",
                connect_timeout=CONNECT,
                application_name="whose",
                options=f"-c statement_timeout={STATEMENT}s -c lock_timeout={STATEMENT}s",
                autocommit=True,
            )
        except psycopg.Error as error:
            raise _NotConnectedError(str(error)) from None
        with connection:
            yield connection


class _NotConnectedError(Exception):
    """``said`` is libpq's text; it holds host and role, and no password, and goes nowhere."""

    def __init__(self, said: str) -> None:
        super().__init__()
        self.refused = any(one in said for one in _REFUSALS)
        self.outcome: Rejected | NotDone
        if self.refused:
            self.outcome = Rejected("28P01", "PostgreSQL does not accept the role with its password")
        elif "FATAL" in said:
            self.outcome = Rejected("refused", "PostgreSQL answers, and does not let the role into this database")
        else:
            self.outcome = NotDone("PostgreSQL cannot be reached, or its certificate is not valid", _WAIT)


def set_password(connection: Connection, role: str, secret: SecretStr) -> None:
    """Set a password by its SCRAM-SHA-256 verifier (RFC 7677), which is computed here: neither the wire nor a log of
    the server ever holds the password.

    Raises:
        psycopg.Error: it could not be set.
    """
    scram = connection.pgconn.encrypt_password(secret.get_secret_value().encode(), role.encode(), b"scram-sha-256")
    connection.execute(
        sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(role), sql.Literal(scram.decode("ascii")))
    )


def _outcome(error: psycopg.Error) -> Failed:
    code = error.sqlstate or ""
    if code in _ROLLED_BACK or code.startswith("53"):
        return NotDone(f"PostgreSQL is busy just now ({code})", _WAIT)
    if not code or code.startswith(("08", "57", "58", "XX")):
        return Unclear(f"PostgreSQL did not answer in full ({code or type(error).__name__})")
    return Rejected(code, _SAID.get(code, ""))
