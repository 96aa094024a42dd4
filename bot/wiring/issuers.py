"""The issuing systems of the issuers file, joined: connectors, the secrets they read, where new ones are delivered."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, partial
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import Final, Protocol, Self, runtime_checkable

from pydantic import SecretStr

from bot import logs
from bot.errors import SettingsError, UpstreamError, WhoseError
from bot.issuers.aws_calls import Keys
from bot.issuers.aws_secrets import SecretsManager
from bot.issuers.configuration import Configuration, Configured, read_configuration
from bot.issuers.registry import Broken, every_kind
from bot.issuers.secrets import Secrets, Vault
from bot.issuers.sinks import FileSink, NoSink, VaultSink
from bot.operations import doctor
from bot.operations.doctor import Finding
from bot.operations.issuer_port import Issuer, SecretSink, Tools
from bot.operations.secret_refs import HOW, is_reference, within
from bot.rules.issuing import Credential
from bot.settings import Settings, other_variables

Now = Callable[[], datetime]
_AS_LISTED: Final = "List it, or the folder it is in, under secret_places in the issuers file."


def issuers_of(settings: Settings, now: Now, environ: Mapping[str, str] | None = None) -> Issuers:
    """The issuing systems of the settings; none where no file is named. Makes no call.

    Args:
        environ: where ``env:NAME`` is looked up; by default the environment and ``.env``.

    Raises:
        SettingsError: the file cannot be read, or used; every mistake is named with its line.
    """
    variables = other_variables() if environ is None else environ
    return Issuers(load_configuration(settings), Secrets(variables), now)


def load_configuration(settings: Settings) -> Configuration:
    """What the file of ``WHOSE_ISSUERS`` says; nothing where none is named.

    Raises:
        SettingsError: it cannot be read, or used; every mistake is named with its line.
    """
    path = settings.issuers_path
    if path is None:
        return Configuration()
    return read_configuration(_text_of(path), str(path))


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise SettingsError(f"{path} is not UTF-8 text. Save the issuers file as UTF-8.") from None
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}. See that WHOSE_ISSUERS names a file.") from None


@runtime_checkable
class _Closable(Protocol):
    def close(self) -> None: ...


class Issuers(Mapping[str, Issuer]):
    """From the inventory's ``issuing_system`` to its connector, which is made when it is first asked for."""

    def __init__(self, configuration: Configuration, secrets: Secrets, now: Now) -> None:
        self.configuration = configuration
        self._secrets = secrets
        self._now = now
        self._made: dict[str, Issuer] = {}
        self._making = Lock()
        self._own = configuration.own_references()

    def __getitem__(self, system: str) -> Issuer:
        """The connector of a system.

        Raises:
            KeyError: the file does not name it.
            SettingsError: its connector cannot be loaded; the text says what to install.
            UpstreamError: a credential of ours that it needs at once cannot be read.
        """
        with self._making:
            if system not in self._made:
                self._made[system] = self._build(self.configuration.issuers[system])
            return self._made[system]

    def __iter__(self) -> Iterator[str]:
        return iter(self.configuration.issuers)

    def __len__(self) -> int:
        return len(self.configuration.issuers)

    def __contains__(self, system: object) -> bool:
        return system in self.configuration.issuers

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of every connection."""
        for issuer in self._made.values():
            if isinstance(issuer, _Closable):
                issuer.close()
        self._made.clear()
        for name in ("_vault", "_secrets_manager"):
            if (opened := self.__dict__.pop(name, None)) is not None:  # as cached_property keeps it
                opened.close()

    def _build(self, one: Configured) -> Issuer:
        if one.kind is None:
            raise SettingsError(one.trouble)

        def secret(ref: str) -> SecretStr:
            return self._read(ref) if ref in one.references else self.secret_of(ref)

        return one.kind.build(one.system, one.options, Tools(secret, self._now, _keep_out))

    def is_ours(self, system: str, credential: Credential) -> bool:
        """Whether this is anything that we authenticate with, at this system or for another one: an access key of the
        same account that reads our secrets, say.

        Raises:
            KeyError: the file does not name the system.
            WhoseError: it could not be asked; then nothing may be done.
        """
        return self[system].is_ours(credential) or self.is_named(credential)

    def is_named(self, credential: Credential) -> bool:
        """Whether the issuers file itself names it as one of ours, for whichever system."""
        return credential.external_id in self._own_values()

    def _own_values(self) -> set[str]:
        """What our references read. One that cannot be read is not authenticated with, either."""
        values = set()
        for ref in self._own:
            with suppress(UpstreamError, SettingsError):
                values.add(self._read(ref).get_secret_value())
        return values

    # ------------------------------------------------------------ secrets

    def secret_of(self, ref: str) -> SecretStr:
        """The secret of a token of the inventory. An inventory is written by many: it can name the places that the
        issuers file lists, and never one where a credential of ours is kept.

        Raises:
            UpstreamError: it may not be read, or cannot.
        """
        if refusal := self._refusal(ref):
            raise UpstreamError(refusal)
        return self._read(ref)

    def sink_for(self, ref: str) -> SecretSink:
        """Where a token's new secret is delivered. One that cannot be written to says why in its preflight."""
        scheme = ref.partition(":")[0]
        if refusal := self._refusal(ref):
            return NoSink(refusal)
        try:
            match scheme:
                case "file":
                    return FileSink()
                case "vault" if self._vault is not None:
                    return VaultSink(self._vault)
                case "vault":
                    return NoSink("No Vault is set up. Name it under vault in the issuers file.")
                case "aws-sm":
                    return self._secrets_manager
                case _:
                    return NoSink("A secret cannot be written there. Keep it in a file, in Vault or in AWS.")
        except (SettingsError, UpstreamError) as error:
            return NoSink(str(error))

    def _refusal(self, ref: str) -> str:
        if not is_reference(ref):
            return f"The token's secret_ref is no reference to a secret. {HOW}"
        if not any(within(ref, place) for place in self.configuration.secret_places):
            return f"The token's secret_ref names a place that Whose may not use. {_AS_LISTED}"
        if any(within(own, ref) or within(ref, own) for own in self._own):
            return "The token's secret_ref names where Whose keeps a credential of its own. Keep the token elsewhere."
        return ""

    def _read(self, ref: str) -> SecretStr:
        if ref.startswith("aws-sm:"):
            secret = self._secrets_manager.read(ref)
        else:
            if ref.startswith("vault:"):
                self._secrets.vault = self._vault
            secret = self._secrets.read(ref)
        _keep_out(secret)
        return secret

    @cached_property
    def _vault(self) -> Vault | None:
        options = self.configuration.vault
        if options is None:
            return None
        token = self._secrets.read(options.token)
        _keep_out(token)
        return Vault(options.address, token, namespace=options.namespace)

    @cached_property
    def _secrets_manager(self) -> SecretsManager:
        options = self.configuration.aws_secrets_manager
        if options is None:
            raise SettingsError(
                "No AWS Secrets Manager is set up. Name it under aws_secrets_manager in the issuers file."
            )
        return SecretsManager(
            Keys(
                self._read(options.access_key_id),
                self._read(options.secret_access_key),
                options.region,
                options.endpoint_url,
            )
        )


def _keep_out(secret: SecretStr) -> None:
    logs.keep_out(secret.get_secret_value())


# ------------------------------------------------------------------ what there is, for people and programs


@dataclass(frozen=True)
class Line:
    """One issuing system, or one kind of connector: what it can do, or why it cannot be used."""

    about: str
    """``system`` or ``kind``."""
    name: str
    kind: str
    """A system's kind by its name, a kind's own title."""
    can: tuple[str, ...] = ()
    trouble: str = ""

    def as_json(self) -> dict[str, object]:
        return {
            self.about: self.name,
            "kind" if self.about == "system" else "title": self.kind,
            "can": list(self.can),
            "trouble": self.trouble,
        }


def system_lines(issuers: Issuers) -> list[Line]:
    """The systems of the file, in its order, with what their options leave of their kind's capabilities."""
    return [_system_line(issuers, system) for system in issuers]


def kind_lines() -> list[Line]:
    """Every kind that is installed."""
    return [
        Line("kind", one.name, "", trouble=one.why)
        if isinstance(one, Broken)
        else Line("kind", one.name, one.title, tuple(one.capabilities.words()))
        for one in every_kind()
    ]


def _system_line(issuers: Issuers, system: str) -> Line:
    kind = issuers.configuration.issuers[system].kind_name
    try:
        return Line("system", system, kind, tuple(issuers[system].capabilities.words()))
    except (SettingsError, UpstreamError) as error:
        return Line("system", system, kind, trouble=str(error))


def findings(issuers: Issuers) -> list[Finding]:
    """What ``whose doctor`` says of every system: whether our credential works and may do what is declared. Touches
    nobody's token."""
    return [one for system in issuers for one in doctor.examine(system, partial(_checked, issuers, system))]


def _checked(issuers: Issuers, system: str) -> list[Finding]:
    issuer = issuers[system]
    try:
        checks = issuer.check()
    except WhoseError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever a connector raises, the other systems are looked at
        said = f"the connector {issuer.kind} broke off ({type(error).__name__})"
        return [Finding(system, "wrong", said, "Install another release of the package that brings it.")]
    return [Finding(f"{system}, {one.subject}", "ok" if one.ok else "wrong", one.said, one.advice) for one in checks]
