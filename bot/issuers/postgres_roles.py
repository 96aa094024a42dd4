"""PostgreSQL: the login roles of a server. A credential's id is the role's name.

Disabling takes LOGIN away and ends the role's sessions, or whoever is in would stay in. Revoking drops the role, which
PostgreSQL refuses while it owns or is granted anything: that is handed over by a person first, and never dropped here.

What our own role has to be: CREATEROLE (from PostgreSQL 16 on with ADMIN on the roles that it is to manage), and a
member of pg_signal_backend. Superusers, PostgreSQL's own roles and our own role are never touched.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING, Annotated, Any, Final

from pydantic import Field, SecretStr

from bot.errors import SettingsError, UpstreamError
from bot.issuers.undeclared import Undeclared
from bot.operations.issuer_port import Kind, Options, Tools
from bot.operations.secret_refs import SecretRef
from bot.rules.issuing import (
    Absent,
    Accepted,
    Capabilities,
    Check,
    Credential,
    KeyState,
    Look,
    NotDone,
    Proof,
    Rejected,
    Reply,
    Result,
    Rotation,
    Sighting,
    Unclear,
    Verdict,
)

if TYPE_CHECKING:
    from bot.issuers.postgres_calls import Connection, Server

Failed = Rejected | NotDone | Unclear

_LONGEST: Final = 63
"""Bytes of a role's name; PostgreSQL cuts a longer one, and would then mean another role."""
_COLUMNS: Final = """
    SELECT r.oid, rolname, rolcanlogin, rolsuper, coalesce(rolvaliduntil < now(), false) AS expired,
           CASE WHEN rolvaliduntil < '9999-01-01' THEN rolvaliduntil END AS valid_until,  -- Python has no later year
           coalesce(shobj_description(r.oid, 'pg_authid'), '') AS comment,
           ARRAY(SELECT g.rolname::text FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid
                 WHERE m.member = r.oid ORDER BY 1) AS groups
    FROM pg_roles r
"""
#: A role without LOGIN that has members, apart from who administers it, is a group; any other may have had LOGIN once.
_LISTED: Final = """
    WHERE left(rolname, 3) <> 'pg_'
      AND (rolcanlogin OR NOT EXISTS (SELECT FROM pg_auth_members m WHERE m.roleid = r.oid AND NOT m.admin_option))
    ORDER BY rolname
"""
_OURSELVES: Final = """
    SELECT current_user, rolsuper OR rolcreaterole, rolsuper OR pg_has_role('pg_signal_backend', 'USAGE')
    FROM pg_roles WHERE rolname = current_user
"""
_ADDRESS: Final = re.compile(r"[\w.+-]{1,64}@[\w-]+(?:\.[\w-]+)+", re.ASCII)
_NO_ROLE: Final = "42704"


class PostgresOptions(Options):
    """One server in the issuers file."""

    host: Annotated[str, Field(min_length=1, max_length=255)]
    """A host, or the folder of a Unix socket."""
    port: Annotated[int, Field(ge=1, le=65535)] = 5432
    database: Annotated[str, Field(min_length=1, max_length=_LONGEST)] = "postgres"
    user: Annotated[str, Field(min_length=1, max_length=_LONGEST)]
    password: SecretRef
    sslmode: Annotated[str, Field(pattern="^(disable|require|verify-ca|verify-full)$")] = "verify-full"
    sslrootcert: str = "system"
    """A file of root certificates; ``system``: those of the machine, with ``verify-full`` only."""


@dataclass(frozen=True)
class _Role:
    oid: int
    may_log_in: bool
    is_superuser: bool
    seen: Sighting


class PostgresRoles(Undeclared):
    """One server. ``system`` is its name in the inventory."""

    kind = "postgres_roles"

    def __init__(self, system: str, options: PostgresOptions, tools: Tools, server: Server) -> None:
        self.system = system
        self.capabilities = KIND.capabilities
        self._options = options
        self._tools = tools
        self._server = server

    # ------------------------------------------------------------ looking

    def listing(self) -> Iterator[Sighting]:
        roles = self._roles(_LISTED)
        if not isinstance(roles, list):
            raise UpstreamError(f"The roles could not be listed: {_said(roles)}. Nothing was concluded.")
        yield from (one.seen for one in roles)

    def look(self, credential: Credential) -> Look:
        role = self._role(credential.external_id)
        return role.seen if isinstance(role, _Role) else role

    def verify(self, credential: Credential) -> Verdict | NotDone | Unclear:
        role = self._role(credential.external_id)
        match role:
            case Absent():
                return Verdict(Result.CONFIRMED, Proof.INTROSPECT, "PostgreSQL has no such role")
            case Rejected():
                return Verdict(Result.FAILED, None, _said(role))
            case _Role():
                said = "The role may still log in" if role.may_log_in else "The role is still there, without LOGIN"
                return Verdict(Result.FAILED, Proof.INTROSPECT, said)
            case _:
                return role

    def _role(self, name: str) -> _Role | Absent | Failed:
        if not name or "\x00" in name or len(name.encode()) > _LONGEST:
            return Rejected("unknown_id", "This is no name of a role. Run `whose discover` to see the names")
        roles = self._roles("WHERE rolname = %s", name)
        if not isinstance(roles, list):
            return roles
        return roles[0] if roles else Absent()

    def _roles(self, which: str, *values: str) -> list[_Role] | Failed:
        rows = self._call(lambda connection: connection.execute((_COLUMNS + which).encode(), values or None).fetchall())
        return [_role(row) for row in rows] if isinstance(rows, list) else rows

    # ------------------------------------------------------------ ending

    def disable(self, credential: Credential) -> Reply:
        """Takes LOGIN away and ends the role's sessions (``pg_terminate_backend``); their work is rolled back."""
        return self._altered(credential.external_id, "ALTER ROLE {} NOLOGIN", then_end_sessions=True)

    def enable(self, credential: Credential) -> Reply:
        return self._altered(credential.external_id, "ALTER ROLE {} LOGIN")

    def revoke(self, credential: Credential) -> Reply:
        """DROP ROLE, and never DROP OWNED: the data that a role owns is not ours to delete. Its sessions are ended."""
        return self._altered(credential.external_id, "DROP ROLE {}", then_end_sessions=True)

    def _altered(self, name: str, statement: str, *, then_end_sessions: bool = False) -> Reply:
        from psycopg import sql

        role = self._touchable(name)
        if not isinstance(role, _Role):
            return role
        text = sql.SQL(statement).format(sql.Identifier(name))
        done = self._done(lambda connection: connection.execute(text))
        if isinstance(done, Accepted) and then_end_sessions:
            # By its number: a role that was dropped has no name any more, and its sessions would go on.
            ended = self._done(lambda connection: connection.execute(_END_SESSIONS, (role.oid,)))
            return done if isinstance(ended, Accepted) else Unclear("It was done, and the role's sessions still go on")
        return done

    def _touchable(self, name: str) -> _Role | Absent | Failed:
        role = self._role(name)
        if not isinstance(role, _Role):
            return role
        if role.is_superuser or name.startswith("pg_"):
            return Rejected("never_touched", "This role is an administrator's. Somebody who may has to do it by hand")
        if name == self._options.user:
            return Rejected("own_credential", "This is the role that Whose itself uses")
        return role

    def _done(self, work: Callable[[Connection], Any]) -> Reply:
        answer = self._call(work)
        if isinstance(answer, Rejected):
            return Absent() if answer.code == _NO_ROLE else answer
        return answer if isinstance(answer, NotDone | Unclear) else Accepted()

    # ------------------------------------------------------------ rotating

    def replace(self, credential: Credential, secret: SecretStr) -> Reply:
        """Sessions that are open go on; the old password lets nobody in any more."""
        from bot.issuers.postgres_calls import set_password

        name = credential.external_id
        role = self._touchable(name)
        if not isinstance(role, _Role):
            return role
        return self._done(lambda connection: set_password(connection, name, secret))

    def works(self, credential: Credential, secret: SecretStr) -> bool | NotDone | Unclear:
        return self._server.lets_in(credential.external_id, secret)

    # ------------------------------------------------------------ ourselves

    def is_ours(self, credential: Credential) -> bool:
        return credential.external_id == self._options.user

    def check(self) -> list[Check]:
        rows = self._call(lambda connection: connection.execute(_OURSELVES.encode()).fetchall())
        if not isinstance(rows, list) or not rows:
            said = "our role is not there" if isinstance(rows, list) else _said(rows)
            return [Check("credential", False, said, "See that host, port, user and password are right.")]
        name, may_create, may_signal = rows[0]
        creates = f"ALTER ROLE {name} CREATEROLE, and give it ADMIN on the roles that it is to manage."
        return [
            Check("credential", True, f"PostgreSQL knows it as {name}"),
            _allowed("alter and drop roles", may_create, creates),
            _allowed("end sessions", may_signal, f"GRANT pg_signal_backend TO {name}."),
        ]

    def _call(self, work: Callable[[Connection], Any]) -> Any | Failed:
        try:
            password = self._tools.secret(self._options.password)
        except UpstreamError as error:
            return NotDone(str(error), 60.0)
        return self._server.call(self._options.user, password, work)


_END_SESSIONS: Final = b"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usesysid = %s"


def _role(row: tuple[Any, ...]) -> _Role:
    oid, name, may_log_in, is_superuser, expired, valid_until, comment, groups = row
    state = KeyState.DISABLED if not may_log_in else KeyState.EXPIRED if expired else KeyState.ACTIVE
    seen = Sighting(
        external_id=name,
        state=state,
        name=name,
        credential_type="postgres_role",
        scopes=", ".join(["superuser"] * is_superuser + groups),
        expires_at=None if valid_until is None else valid_until.astimezone(UTC),
        owner_hints=tuple(dict.fromkeys(_ADDRESS.findall(comment))),
    )
    return _Role(oid, may_log_in, is_superuser, seen)


def _allowed(subject: str, may: bool, advice: str) -> Check:
    return Check(subject, may, "is allowed" if may else "is not allowed", "" if may else advice)


def _said(outcome: Failed) -> str:
    match outcome:
        case Rejected(code, detail):
            return detail or f"PostgreSQL says no ({code})"
        case NotDone(reason):
            return reason
        case Unclear(detail):
            return detail


def _build(system: str, options: PostgresOptions, tools: Tools) -> PostgresRoles:
    try:
        from bot.issuers.postgres_calls import Server
    except ModuleNotFoundError:
        raise SettingsError(
            "PostgreSQL needs its driver, which is not installed. Install it: pip install 'whose[postgres]'."
        ) from None
    rootcert = options.sslrootcert if options.sslmode.startswith("verify") else ""
    server = Server(options.host, options.port, options.database, options.sslmode, rootcert)
    return PostgresRoles(system, options, tools, server)


KIND: Final = Kind(
    name="postgres_roles",
    title="PostgreSQL login roles",
    capabilities=Capabilities(
        listing=True,
        expiry=True,
        disable=True,
        reversible=True,
        revoke=True,
        rotate=Rotation.CHOSEN,
        verify=(Proof.INTROSPECT,),
    ),
    options=PostgresOptions,
    build=_build,
    extra="postgres",
)
