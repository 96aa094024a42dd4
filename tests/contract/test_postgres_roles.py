"""What is particular to PostgreSQL's roles: sessions, what they own, who is never touched, and what a log may hold."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from pydantic import SecretStr

from bot.rules.issuing import (
    Absent,
    Accepted,
    Credential,
    KeyState,
    NotDone,
    Rejected,
    Result,
    Sighting,
    Verdict,
)
from tests.servers.issuers.postgres import PostgresGround, running

pytestmark = pytest.mark.postgres


@pytest.fixture(scope="module")
def ground() -> Iterator[PostgresGround]:
    with running() as found:
        yield found


def name_of(credential: Credential) -> sql.Identifier:
    return sql.Identifier(credential.external_id)


@pytest.mark.parametrize("end", ["disable", "revoke"])
def test_whoever_is_in_is_put_out(ground: PostgresGround, end: str) -> None:
    made, other = ground.make("in"), ground.make("bystander")
    with ground.session(made) as inside, ground.session(other) as bystander:
        assert isinstance(getattr(ground.issuer, end)(made.credential), Accepted)
        with pytest.raises(psycopg.OperationalError):
            inside.execute("SELECT 1")
        assert bystander.execute("SELECT 1").fetchone() == (1,)


def test_a_role_that_owns_something_is_not_dropped(ground: PostgresGround) -> None:
    made = ground.make("owner")
    ground.do("CREATE TABLE kept (id int)")
    ground.do("ALTER TABLE kept OWNER TO {}", name_of(made.credential))
    said = ground.issuer.revoke(made.credential)
    assert isinstance(said, Rejected)
    assert said.code == "2BP01"
    assert "REASSIGN OWNED" in said.detail
    assert ground.accepts(made)
    assert ground.asked("SELECT count(*) FROM kept") == [(0,)]
    verdict = ground.issuer.verify(made.credential)
    assert isinstance(verdict, Verdict)
    assert verdict.result is Result.FAILED


@pytest.mark.parametrize("name", ["postgres", "pg_monitor", "whose_bot"])
def test_an_administrator_and_ourselves_are_never_touched(ground: PostgresGround, name: str) -> None:
    issuer, one = ground.issuer, Credential(name)
    for answer in (issuer.disable(one), issuer.revoke(one), issuer.replace(one, SecretStr("anything-else"))):
        assert isinstance(answer, Rejected)
        assert answer.code in ("never_touched", "own_credential")


def test_a_name_is_a_name_and_no_statement(ground: PostgresGround) -> None:
    other = ground.make("bystander")
    for name in ('x"; DROP ROLE postgres; --', "x' OR '1'='1", "%s", "{}", "\u00e9\u4e16" * 10):
        ground.do("CREATE ROLE {} LOGIN", sql.Identifier(name))
        ground.do("GRANT {} TO whose_bot WITH ADMIN TRUE", sql.Identifier(name))
        seen = ground.issuer.look(Credential(name))
        assert isinstance(seen, Sighting)
        assert seen.external_id == name
        assert isinstance(ground.issuer.replace(Credential(name), SecretStr("new'; --")), Accepted)
        assert ground.issuer.works(Credential(name), SecretStr("new'; --")) is True
        assert isinstance(ground.issuer.revoke(Credential(name)), Accepted)
        assert isinstance(ground.issuer.look(Credential(name)), Absent)
    assert ground.accepts(other)


def test_a_name_that_would_be_cut_is_no_name(ground: PostgresGround) -> None:
    ground.do("CREATE ROLE {} LOGIN", sql.Identifier("n" * 63))
    for name in ("n" * 64, "", "a\x00b"):
        assert isinstance(ground.issuer.revoke(Credential(name)), Rejected)
    assert isinstance(ground.issuer.look(Credential("n" * 63)), Sighting)


def test_no_log_of_the_server_holds_the_password(ground: PostgresGround) -> None:
    ground.do("ALTER SYSTEM SET log_statement = 'all'")
    ground.do("SELECT pg_reload_conf()")
    made, new = ground.make("logged"), SecretStr("a-password-that-nobody-else-has")
    assert isinstance(ground.issuer.replace(made.credential, new), Accepted)
    assert ground.accepts(type(made)(made.credential, new))
    logs = [one for one in Path(ground.folder).rglob("*") if one.is_file() and "log" in one.name]
    written = b"".join(one.read_bytes() for one in logs)
    assert b"SCRAM-SHA-256$" in written, "what was set has to be in the log, or this shows nothing"
    assert new.get_secret_value().encode() not in written


def test_what_is_listed(ground: PostgresGround) -> None:
    made, taken, group = ground.make("ends", owner="ana@example.com"), ground.make("taken"), ground.make("group")
    ground.do("ALTER ROLE {} VALID UNTIL '2027-01-31 12:00+01'", name_of(made.credential))
    ground.do("ALTER ROLE {} NOLOGIN", name_of(taken.credential))
    ground.do("ALTER ROLE {} NOLOGIN", name_of(group.credential))
    ground.do("GRANT {} TO {}", name_of(group.credential), name_of(made.credential))
    for number, until in enumerate(("infinity", "20000-01-01", "2001-01-01")):
        role = sql.Identifier(f"until-{number}")
        ground.do("CREATE ROLE {} LOGIN VALID UNTIL {}", role, sql.Literal(until))
    found = {one.external_id: one for one in ground.issuer.listing()}
    seen = found[made.credential.external_id]
    assert seen.expires_at == datetime(2027, 1, 31, 11, 0, tzinfo=UTC)
    assert seen.owner_hints == ("ana@example.com",)
    assert seen.scopes == group.credential.external_id
    assert found[taken.credential.external_id].state is KeyState.DISABLED
    assert group.credential.external_id not in found
    assert "pg_monitor" not in found
    assert found["postgres"].scopes == "superuser"
    assert (found["until-0"].expires_at, found["until-1"].expires_at) == (None, None)
    assert found["until-2"].state is KeyState.EXPIRED


def test_a_role_that_we_may_not_manage_is_named(ground: PostgresGround) -> None:
    ground.do("CREATE ROLE foreign_one LOGIN")
    said = ground.issuer.disable(Credential("foreign_one"))
    assert isinstance(said, Rejected)
    assert said.code == "42501"


def test_a_server_that_is_not_there_changes_nothing(ground: PostgresGround, tmp_path: Path) -> None:
    from bot.issuers.postgres_roles import KIND, PostgresOptions
    from bot.operations.issuer_port import Tools

    options = PostgresOptions(host=str(tmp_path), user="whose_bot", password="env:PASSWORD", sslmode="disable")
    now = datetime(2026, 11, 23, tzinfo=UTC)
    issuer = KIND.build("gone", options, Tools(lambda _: SecretStr("x"), lambda: now, lambda _: None))
    one = Credential("anybody")
    answers = (issuer.look(one), issuer.disable(one), issuer.verify(one), issuer.works(one, SecretStr("x")))
    assert all(isinstance(answer, NotDone) for answer in answers)
