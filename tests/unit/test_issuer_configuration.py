"""The issuers file: every mistake with its place, a broken connector in nobody's way, and no secret shown."""

from __future__ import annotations

import importlib.metadata
import logging
from typing import NamedTuple

import pytest
from pydantic import SecretStr

from bot import logs
from bot.issuers import registry
from bot.issuers.configuration import ConfigurationError, read_configuration
from bot.operations.issuer_port import Issuer, Kind, Options, Tools
from bot.operations.secret_refs import SecretRef, is_reference, within
from bot.rules.issuing import Capabilities
from tests.unit.made_up_secrets import MADE_UP_SECRETS

GOOD = """\
vault: {address: https://vault.example.com, token: env:VAULT_TOKEN}
secret_places: [file:/srv/secrets/, vault:kv/tokens/, env:TOKEN_]
issuers:
  aws-prod:
    kind: example
    token: env:AWS_TOKEN
  Git Lab:
    kind: example
    token: vault:kv/gitlab#token
    probe: true
"""


class ExampleOptions(Options):
    token: SecretRef
    region: str = ""


def _never_built(system: str, options: ExampleOptions, tools: Tools) -> Issuer:
    raise AssertionError("reading the file builds nothing")


EXAMPLE = Kind("example", "An example", Capabilities(), ExampleOptions, _never_built)
MISNAMED = Kind("other", "An example", Capabilities(), ExampleOptions, _never_built)


def point(name: str, value: str) -> importlib.metadata.EntryPoint:
    return importlib.metadata.EntryPoint(name, value, registry.GROUP)


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some connectors that work and some that do not, as installed packages would name them."""
    points = [
        point("example", f"{__name__}:EXAMPLE"),
        point("misnamed", f"{__name__}:MISNAMED"),
        point("no_kind", f"{__name__}:GOOD"),
        point("gone", f"{__name__}:NOT_THERE"),
        point("needy", "package_that_is_not_installed.connector:KIND"),
        point("twice", f"{__name__}:EXAMPLE"),
        point("twice", f"{__name__}:MISNAMED"),
    ]

    def found(*, group: str, name: str | None = None) -> list[importlib.metadata.EntryPoint]:
        assert group == registry.GROUP
        return [one for one in points if name in (None, one.name)]

    monkeypatch.setattr(registry, "entry_points", found)


def test_a_file_as_it_should_be() -> None:
    configuration = read_configuration(GOOD, "issuers.yaml")
    assert list(configuration.issuers) == ["aws-prod", "Git Lab"]
    options = configuration.issuers["Git Lab"].options
    assert isinstance(options, ExampleOptions)
    assert options.token == "vault:kv/gitlab#token"
    assert options.probe
    assert configuration.own_references() == {"env:VAULT_TOKEN", "env:AWS_TOKEN", "vault:kv/gitlab#token"}
    assert configuration.vault is not None


class Wrong(NamedTuple):
    old: str
    new: str
    line: int
    key: str
    says: str


WRONG = [
    Wrong("kind: example\n    token: env:AWS_TOKEN", "token: env:X", 4, "issuers.aws-prod", "It has no kind."),
    Wrong("kind: example", "kind: exampel", 5, "issuers.aws-prod.kind", "Did you mean example?"),
    Wrong("token: env:AWS_TOKEN", "tokn: env:AWS_TOKEN", 6, "issuers.aws-prod.tokn", "Did you mean token?"),
    Wrong("token: env:AWS_TOKEN", "region: eu", 4, "issuers.aws-prod.token", "The key token is missing."),
    Wrong("env:AWS_TOKEN", "hunter2", 6, "issuers.aws-prod.token", "This is no reference to a secret."),
    Wrong("env:AWS_TOKEN", "7", 6, "issuers.aws-prod.token", "This has to be a text."),
    Wrong("probe: true", "probe: maybe", 10, "issuers.Git Lab.probe", ""),
    Wrong("Git Lab:", "' ':", 7, "issuers. ", "This is no name of an issuing system."),
    Wrong("Git Lab:", "aws-prod:", 7, "issuers.aws-prod", "This key was already given on line 4."),
    Wrong("https://vault.example.com", "http://vault.example.com", 1, "vault.address", "https://"),
    Wrong("file:/srv/secrets/", "/srv/secrets", 2, "secret_places[0]", "This is no place for secrets."),
    Wrong("file:/srv/secrets/", "file:/srv/../", 2, "secret_places[0]", "This is no place for secrets."),
    Wrong("file:/srv/secrets/", "file:/", 2, "secret_places[0]", "This is no place for secrets."),
    Wrong("issuers:", "issurs:", 3, "issurs", "Did you mean issuers?"),
    Wrong("  aws-prod:\n    kind: example\n    token: env:AWS_TOKEN", "  aws-prod: []", 4, "issuers.aws-prod", "group"),
]


@pytest.mark.parametrize("wrong", WRONG, ids=lambda one: one.new.strip()[:40])
def test_a_mistake_is_named_with_its_place(wrong: Wrong) -> None:
    assert wrong.old in GOOD
    with pytest.raises(ConfigurationError) as caught:
        read_configuration(GOOD.replace(wrong.old, wrong.new, 1), "issuers.yaml")
    said = {(one.line, one.key_path): f"{one.message} {one.hint}" for one in caught.value.problems}
    assert wrong.says in said[wrong.line, wrong.key]
    assert "hunter2" not in str(caught.value)


def test_an_empty_file_and_a_broken_one_are_named() -> None:
    with pytest.raises(ConfigurationError, match="The file is empty"):
        read_configuration("# nothing\n", "issuers.yaml")
    with pytest.raises(ConfigurationError, match="line 1, column 1"):
        read_configuration("issuers: {a: b", "issuers.yaml")


@pytest.mark.parametrize(("kind", "secret"), MADE_UP_SECRETS, ids=[kind for kind, _ in MADE_UP_SECRETS])
def test_a_secret_in_the_file_is_refused_and_never_shown(kind: str, secret: str) -> None:
    if any(one in secret for one in "\n\"'"):
        secret = secret.split("\n")[0].replace('"', "").replace("'", "")
    for text in (
        GOOD.replace("env:AWS_TOKEN", f"'{secret}'"),
        GOOD.replace("token: env:AWS_TOKEN", f"'{secret}': x"),
        GOOD.replace("token: env:AWS_TOKEN", f"'{secret}': '{secret}'\n    '{secret}': 3"),
        GOOD.replace("kind: example", f"kind: '{secret}'"),
        GOOD.replace("Git Lab:", f"'{secret}':"),
        GOOD.replace("https://vault.example.com", f"'{secret}'"),
    ):
        with pytest.raises(ConfigurationError) as caught:
            read_configuration(text, "issuers.yaml")
        assert secret[:12] not in str(caught.value)
        assert secret[-12:] not in repr(caught.value)


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("misnamed", "is none"),
        ("no_kind", "is none"),
        ("gone", "cannot be loaded (AttributeError)"),
        ("needy", "needs package_that_is_not_installed, which is not installed. Install"),
        ("twice", "Two packages bring a connector twice"),
    ],
)
def test_a_broken_connector_is_in_nobodys_way(kind: str, says: str) -> None:
    configuration = read_configuration(GOOD.replace("kind: example", f"kind: {kind}", 1), "issuers.yaml")
    assert says in configuration.issuers["aws-prod"].trouble
    assert configuration.issuers["Git Lab"].options is not None
    assert "env:AWS_TOKEN" in configuration.own_references()
    broken = {one.name: one for one in registry.every_kind() if isinstance(one, registry.Broken)}
    assert says in broken[kind].why
    assert EXAMPLE in registry.every_kind()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "env:",
        "env:1A",
        "env:A B",
        "file:relative",
        "file:/a/../b",
        "file:/a//b",
        "file:/",
        "vault:kv",
        "vault:kv/a/",
        "vault:kv/../a",
        "vault:kv/a#",
        "VAULT:kv/a",
        "aws-sm:",
        "https://x",
        "file:/a\n",
        "env:A\n",
    ],
)
def test_what_is_no_reference(text: str) -> None:
    assert not is_reference(text)


def test_what_a_place_holds() -> None:
    assert within("file:/srv/secrets/a", "file:/srv/secrets/")
    assert not within("file:/srv/secrets.old/a", "file:/srv/secrets/")
    assert within("vault:kv/app#key", "vault:kv/app")
    assert not within("vault:kv/apple", "vault:kv/app")
    assert within("env:TOKEN_A", "env:TOKEN_")


def test_a_secret_that_was_learned_while_running_is_masked() -> None:
    key = SecretStr('-----first line\nsecond "line"\n')
    logs.keep_out(key.get_secret_value())
    record = logging.makeLogRecord({"msg": "got %s", "args": (key.get_secret_value(),)})
    for formatter in (logs.JsonFormatter([]), logs.PlainFormatter([])):
        written = formatter.format(record)
        assert logs.MASK in written
        assert "second" not in written
