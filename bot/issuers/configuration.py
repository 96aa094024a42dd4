"""The issuers file: which issuing systems Whose speaks to, as which kind, and by which references to credentials.

Every mistake is named with its line, column and key, and with what to do. A secret that was written into the file by
mistake is refused and never shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from bot.errors import SettingsError
from bot.issuers.addresses import Address
from bot.issuers.registry import KindError, NoSuchKindError, kind_of
from bot.operations.issuer_port import Kind, Options
from bot.operations.secret_patterns import looks_like_secret
from bot.operations.secret_refs import HOW, SCHEMES, SecretRef, is_reference
from bot.rules.policy_values import Fault, PolicyFaults
from bot.rules.policy_yaml import Document, Path, PolicyProblem, path_text, read_yaml
from bot.rules.yaml_faults import Wording, mark_of, problems_of

MAX_PROBLEMS: Final = 100
_WORDING: Final = Wording("Compare it with examples/issuers.yaml.", lambda _: "This")
_LONGEST_NAME: Final = 200


class ConfigurationError(SettingsError):
    """An issuers file that cannot be used. ``problems`` are in the order of the file."""

    def __init__(self, name: str, problems: Iterable[PolicyProblem]) -> None:
        self.problems = tuple(sorted(problems)[:MAX_PROBLEMS])
        lines = "\n".join(f"{name}, {problem}" for problem in self.problems)
        super().__init__(f"The issuers file cannot be used.\n{lines}")


def _place(text: str) -> str:
    scheme, _, rest = text.partition(":")
    if scheme not in SCHEMES or not rest.strip("/_") or ".." in rest or (scheme == "file" and rest[0] != "/"):
        hint = "Write a reference, or what references begin with: file:/srv/secrets/, vault:kv/tokens/, env:TOKEN_."
        raise PolicyFaults([Fault((), "This is no place for secrets.", hint)])
    return text


Place = Annotated[str, AfterValidator(_place)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class VaultOptions(_Part):
    """A Vault or OpenBao server, KV version 2."""

    address: Address
    token: SecretRef
    namespace: str = ""


class SecretsManagerOptions(_Part):
    """AWS Secrets Manager, spoken to with an access key of its own."""

    access_key_id: SecretRef
    secret_access_key: SecretRef
    region: Annotated[str, Field(min_length=1, max_length=40)]
    endpoint_url: Address | None = None


class _File(_Part):
    vault: VaultOptions | None = None
    aws_secrets_manager: SecretsManagerOptions | None = None
    secret_places: tuple[Place, ...] = ()
    issuers: dict[str, dict[str, Any]] = Field(default_factory=dict)


@dataclass(frozen=True)
class Configured:
    """One issuing system of the file. ``trouble`` says why it cannot be spoken to; then there are no options."""

    system: str
    kind_name: str
    kind: Kind | None = None
    options: Options | None = None
    trouble: str = ""
    references: frozenset[str] = frozenset()
    """The references to credentials of ours that it names."""


@dataclass(frozen=True)
class Configuration:
    """The whole file."""

    issuers: dict[str, Configured] = field(default_factory=dict)
    """By the inventory's ``issuing_system``."""
    vault: VaultOptions | None = None
    aws_secrets_manager: SecretsManagerOptions | None = None
    secret_places: tuple[str, ...] = ()
    """Where tokens' own secrets may be read and written, whatever ``secret_ref`` an inventory holds."""

    def own_references(self) -> set[str]:
        """Every reference to a credential of ours: no token of the inventory may be kept there."""
        parts = [one.model_dump(mode="json") for one in (self.vault, self.aws_secrets_manager) if one is not None]
        return set(_references_in(parts)).union(*(one.references for one in self.issuers.values()))


def read_configuration(text: str, name: str) -> Configuration:
    """The configuration in a YAML text; ``name`` (the file's) is used in messages only.

    A system whose connector is installed and cannot be loaded is no mistake of the file: it is kept with its trouble.

    Raises:
        ConfigurationError: the file cannot be used.
    """
    document = read_yaml(text)
    secrets = list(_secrets_in(document))
    if secrets or document.problems:
        raise ConfigurationError(name, secrets or document.problems)
    if document.value is None:
        raise ConfigurationError(
            name, [PolicyProblem(1, 1, "", "The file is empty.", "Start from examples/issuers.yaml.")]
        )
    try:
        file = _File.model_validate(document.value)
    except ValidationError as error:
        raise ConfigurationError(name, problems_of(error, document, _File, _WORDING)) from None
    problems: list[PolicyProblem] = []
    issuers = {system: _configured(system, dict(given), document, problems) for system, given in file.issuers.items()}
    if problems:
        raise ConfigurationError(name, problems)
    return Configuration(issuers, file.vault, file.aws_secrets_manager, file.secret_places)


def _configured(system: str, given: dict[str, Any], document: Document, problems: list[PolicyProblem]) -> Configured:
    here: Path = ("issuers", system)
    if not system.strip() or system != system.strip() or len(system) > _LONGEST_NAME:
        hint = "Name it as the inventory's column issuing_system does."
        problems.append(_at(document, here, "This is no name of an issuing system.", hint))
    kind_name = given.pop("kind", None)
    references = _references_in(given)
    if not isinstance(kind_name, str):
        problems.append(_at(document, here, "It has no kind.", "Add kind: with one that `whose issuers` lists."))
        return Configured(system, "")
    try:
        kind = kind_of(kind_name)
    except NoSuchKindError as error:
        said = "There is no such kind of issuing system."
        problems.append(_at(document, (*here, "kind"), said, error.advice))
        return Configured(system, kind_name)
    except KindError as error:
        return Configured(system, kind_name, trouble=str(error), references=references)
    try:
        options = kind.options.model_validate(given)
        return Configured(system, kind_name, kind, options, references=references)
    except ValidationError as error:
        problems += problems_of(error, document, kind.options, _WORDING, here)
        return Configured(system, kind_name, kind)


def _references_in(value: object) -> frozenset[str]:
    return frozenset(text for _, text in _texts(value, ()) if is_reference(text))


# ------------------------------------------------------------------ no secret is ever shown


def _secrets_in(document: Document) -> Iterator[PolicyProblem]:
    for path, text in _texts(document.value, ()):
        found = looks_like_secret(text)
        if found is not None:
            hint = f"Replace it at its issuing system, since it was written down; put the new one elsewhere. {HOW}"
            yield _at(document, path, f"This looks like a secret itself ({found}).", hint)


def _texts(value: object, path: Path) -> Iterator[tuple[Path, str]]:
    """Every text below a value, keys too, with its place."""
    match value:
        case str():
            yield path, value
        case dict():
            for key, below in value.items():
                yield (*path, key), str(key)
                yield from _texts(below, (*path, key))
        case list() | tuple():
            for number, below in enumerate(value):
                yield from _texts(below, (*path, number))


def _at(document: Document, path: Path, message: str, hint: str) -> PolicyProblem:
    mark = mark_of(document, path)
    shown = tuple("…" if isinstance(one, str) and looks_like_secret(one) else one for one in path)
    return PolicyProblem(mark.line, mark.column, path_text(shown), message, hint)
