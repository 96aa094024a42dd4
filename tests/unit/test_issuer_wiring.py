"""The issuing systems joined: what an inventory may name as a place of secrets, what is masked, what is ours."""

from __future__ import annotations

import importlib.metadata
import json
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner
from pydantic import SecretStr

from bot import logs
from bot.cli import whose
from bot.errors import SettingsError, UpstreamError
from bot.issuers import registry
from bot.issuers.sinks import FileSink, VaultSink
from bot.operations.issuer_port import Kind, Options, Tools
from bot.operations.secret_refs import SecretRef
from bot.rules.issuing import Capabilities, Check, Credential
from bot.settings import load_settings
from bot.wiring.issuers import Issuers, findings, issuers_of
from tests.servers.issuers.vault import TOKEN, vault_server

FILE = """\
secret_places: [file:/srv/tokens/, vault:kv/tokens/, env:TOKEN_, env:OWN_TOKEN]
issuers:
  one: {kind: example, token: env:OWN_TOKEN}
  two: {kind: example, token: "file:/srv/tokens/own"}
  three: {kind: needy, token: env:OWN_TOKEN}
  four: {kind: falls, token: env:OWN_TOKEN}
"""
ENVIRON = {"OWN_TOKEN": "own-secret-77", "TOKEN_A": "token-secret-88", "OTHER": "other-secret-99"}
NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


class ExampleOptions(Options):
    token: SecretRef


class Example:
    kind = "example"
    capabilities = Capabilities(revoke=True)

    def __init__(self, system: str, options: ExampleOptions, tools: Tools) -> None:
        self.system, self.options, self.tools = system, options, tools
        self.closed = 0

    def close(self) -> None:
        self.closed += 1

    def is_ours(self, credential: Credential) -> bool:
        return credential.external_id == f"own-of-{self.system}"

    def check(self) -> list[Check]:
        self.tools.secret(self.options.token)
        return [Check("credential", True, "is known")]


class Falls(Example):
    kind = "falls"

    def check(self) -> list[Check]:
        raise ZeroDivisionError("with own-secret-77 in it")


EXAMPLE = Kind("example", "An example", Capabilities(revoke=True), ExampleOptions, Example)  # type: ignore[arg-type]
FALLS = Kind("falls", "Another one", Capabilities(revoke=True), ExampleOptions, Falls)  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    points = [
        importlib.metadata.EntryPoint(name, value, registry.GROUP)
        for name, value in {
            "example": f"{__name__}:EXAMPLE",
            "falls": f"{__name__}:FALLS",
            "needy": "package_that_is_not_installed:KIND",
        }.items()
    ]

    def found(*, group: str, name: str | None = None) -> list[importlib.metadata.EntryPoint]:
        return [one for one in points if name in (None, one.name)]

    monkeypatch.setattr(registry, "entry_points", found)


@pytest.fixture
def open_file(tmp_path: Path) -> Callable[..., Issuers]:
    def opened(text: str = FILE, environ: dict[str, str] = ENVIRON) -> Issuers:
        path = tmp_path / "issuers.yaml"
        path.write_text(text)
        return issuers_of(load_settings({"WHOSE_ISSUERS": str(path)}, env_file=None), lambda: NOW, environ)

    return opened


def test_without_a_file_there_is_no_issuing_system() -> None:
    assert len(issuers_of(load_settings({}, env_file=None), lambda: NOW, {})) == 0


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    settings = load_settings({"WHOSE_ISSUERS": str(tmp_path / "gone.yaml")}, env_file=None)
    with pytest.raises(SettingsError, match="cannot be read"):
        issuers_of(settings, lambda: NOW, {})


def test_a_connector_is_made_once_and_closed(open_file: Callable[..., Issuers]) -> None:
    with open_file() as issuers:
        one = issuers["one"]
        assert issuers["one"] is one
        assert "one" in issuers
        assert "nobody" not in issuers
        with pytest.raises(KeyError):
            issuers["nobody"]
        with pytest.raises(SettingsError, match="not installed"):
            issuers["three"]
    assert isinstance(one, Example)
    assert one.closed == 1


@pytest.mark.parametrize(
    ("ref", "says"),
    [
        ("env:OTHER", "a place that Whose may not use"),
        ("file:/srv/other/a", "a place that Whose may not use"),
        ("file:/srv/tokens/../other", "no reference"),
        ("file:/srv/tokens//own", "no reference"),
        ("vault:kv/other#key", "a place that Whose may not use"),
        ("ghp-something", "no reference"),
        ("", "no reference"),
        ("env:OWN_TOKEN", "a credential of its own"),
        ("file:/srv/tokens/own", "a credential of its own"),
    ],
)
def test_an_inventory_cannot_name_any_place(open_file: Callable[..., Issuers], ref: str, says: str) -> None:
    issuers = open_file()
    with pytest.raises(UpstreamError, match=says):
        issuers.secret_of(ref)
    check = issuers.sink_for(ref).preflight(ref)
    assert not check.ok
    assert says in check.said
    with pytest.raises(UpstreamError, match=says):
        issuers.sink_for(ref).stage(ref, SecretStr("new"))
    one = issuers["two"]
    assert isinstance(one, Example)
    if ref != one.options.token:
        with pytest.raises(UpstreamError, match=says):
            one.tools.secret(ref)


def test_what_is_listed_can_be_read_and_what_is_ours_by_its_own_connector(open_file: Callable[..., Issuers]) -> None:
    issuers = open_file()
    assert issuers.secret_of("env:TOKEN_A").get_secret_value() == "token-secret-88"
    one = issuers["one"]
    assert isinstance(one, Example)
    assert one.tools.secret("env:OWN_TOKEN").get_secret_value() == "own-secret-77"


def test_settings_of_whose_are_no_secrets_of_tokens(
    open_file: Callable[..., Issuers], monkeypatch: pytest.MonkeyPatch
) -> None:
    from bot.settings import other_variables

    found = other_variables({"SLACK_BOT_TOKEN": "xoxb-1", "DATABASE_URL": "x", "TOKEN_A": "y"}, env_file=None)
    assert found == {"TOKEN_A": "y"}


def test_every_secret_that_was_read_is_masked(open_file: Callable[..., Issuers]) -> None:
    issuers = open_file()
    issuers.secret_of("env:TOKEN_A")
    record = logging.makeLogRecord({"msg": "it says token-secret-88"})
    assert "token-secret-88" not in logs.JsonFormatter([]).format(record)
    assert "secret" not in repr(issuers)


def test_a_sink_for_each_scheme(open_file: Callable[..., Issuers]) -> None:
    with vault_server() as server:
        text = f"vault: {{address: '{server.address}', token: env:VAULT}}\n" + FILE
        with open_file(text, {**ENVIRON, "VAULT": TOKEN}) as issuers:
            assert isinstance(issuers.sink_for("vault:kv/tokens/a#key"), VaultSink)
            assert issuers.sink_for("vault:kv/tokens/a#key").preflight("vault:kv/tokens/a#key").ok
            server.versions["tokens/a"] = [{"key": "kept-secret-11"}]
            assert issuers.secret_of("vault:kv/tokens/a#key").get_secret_value() == "kept-secret-11"
            assert isinstance(issuers.sink_for("file:/srv/tokens/a"), FileSink)
            assert "cannot be written there" in issuers.sink_for("env:TOKEN_A").preflight("env:TOKEN_A").said
    issuers = open_file()
    assert "No Vault is set up" in issuers.sink_for("vault:kv/tokens/a").preflight("vault:kv/tokens/a").said


def test_ours_is_whatever_any_system_is_spoken_to_with(open_file: Callable[..., Issuers]) -> None:
    issuers = open_file()
    assert issuers.is_ours("one", Credential("own-of-one"))
    assert not issuers.is_ours("one", Credential("own-of-two"))
    assert issuers.is_ours("two", Credential("own-secret-77")), "an id that another of our references reads"


def test_doctor_looks_at_every_system(open_file: Callable[..., Issuers]) -> None:
    found = {one.name: one for one in findings(open_file())}
    assert found["one, credential"].level == "ok"
    assert found["two"].level == "wrong"
    assert "cannot be read" in found["two"].said
    assert "not installed" in found["three"].said
    assert found["four"].said == "the connector falls broke off (ZeroDivisionError)"


def test_the_table_shows_systems_and_kinds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "issuers.yaml").write_text(FILE)
    monkeypatch.chdir(tmp_path)
    shown = CliRunner().invoke(whose, ["issuers"], env={"WHOSE_ISSUERS": "issuers.yaml"})
    assert shown.exit_code == 0
    rows = [" ".join(one.split()) for one in shown.stdout.splitlines()]
    assert "one example revoke" in rows
    assert "example An example revoke" in rows
    assert any(one.startswith("three needy The connector needy needs") for one in rows)
    printed = CliRunner().invoke(whose, ["issuers", "--json"], env={"WHOSE_ISSUERS": "issuers.yaml"})
    lines = [json.loads(one) for one in printed.stdout.splitlines()]
    assert lines[0] == {"system": "one", "kind": "example", "can": ["revoke"], "trouble": ""}
    assert {"kind", "title", "can", "trouble"} == set(lines[-1])
    assert "secret" not in printed.stdout


def test_the_example_file_is_right() -> None:
    from bot.issuers.configuration import read_configuration

    registry_points = importlib.metadata.entry_points(group=registry.GROUP)
    text = (Path(__file__).parents[2] / "examples" / "issuers.yaml").read_text()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry, "entry_points", importlib.metadata.entry_points)
        for given in (text, _all_said(text)):
            configuration = read_configuration(given, "issuers.yaml")
            assert all(one.options is not None for one in configuration.issuers.values())
    assert {"aws_iam", "postgres_roles"} <= {one.name for one in registry_points}
    assert configuration.vault is not None
    assert configuration.aws_secrets_manager is not None


def _all_said(text: str) -> str:
    """With the optional groups that are commented out."""
    groups = (
        "# vault:",
        "#   address",
        "#   token",
        "#   namespace",
        "# aws_s",
        "#   access",
        "#   secret_a",
        "#   region",
    )
    return "\n".join(one.removeprefix("# ") if one.startswith(groups) else one for one in text.splitlines())
