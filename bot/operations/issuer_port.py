"""What the core asks of an issuing system. A connector implements this and passes ``tests/contract/test_issuers.py``.

Calls block, are made from a worker thread and never inside a transaction. None of them repeats a call by itself: an
unknown outcome is for the remediation machine to look at, never for a client to try again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from pydantic import BaseModel, ConfigDict, SecretStr

from bot.rules.issuing import (
    Capabilities,
    Check,
    Created,
    Credential,
    Look,
    NotDone,
    Rejected,
    Reply,
    Sighting,
    Unclear,
    Verdict,
)


class Issuer(Protocol):
    """One issuing system, spoken to with one credential of ours. A method that is not declared is never called."""

    system: str
    """As the inventory's ``issuing_system`` column names it."""
    kind: str
    """Which connector this is: ``aws_iam``, ``github`` …"""
    capabilities: Capabilities

    def check(self) -> list[Check]:
        """Whether our credential works and may do what is declared, without touching anybody's token."""
        ...

    def is_ours(self, credential: Credential) -> bool:
        """Whether this is what we authenticate with ourselves, which is never disabled, revoked or rotated.

        Raises:
            UpstreamError: the system could not be asked; then nothing may be done.
        """
        ...

    def listing(self) -> Iterator[Sighting]:
        """Every credential that exists, page by page, each once. (``list``)

        Raises:
            UpstreamError: the list could not be read to its end; nothing may be concluded from a part.
        """
        ...

    def look(self, credential: Credential) -> Look:
        """Exactly this credential, as it is now. Needed by whatever declares disable, revoke or rotate."""
        ...

    def disable(self, credential: Credential) -> Reply:
        """Make it unusable. (``disable``)"""
        ...

    def enable(self, credential: Credential) -> Reply:
        """Make a disabled one usable again. (``reversible``)"""
        ...

    def revoke(self, credential: Credential) -> Reply:
        """End it for good. (``revoke``)"""
        ...

    def verify(self, credential: Credential) -> Verdict | NotDone | Unclear:
        """Whether it is over, by everything that is declared under ``verify``. A credential that still works is
        ``failed``, whatever was answered to the revocation."""
        ...

    def create(self, like: Credential) -> Created | Rejected | NotDone | Unclear:
        """A second credential with the rights of the first. (``rotate{overlap}``)"""
        ...

    def siblings(self, like: Credential) -> tuple[str, ...] | Rejected | NotDone | Unclear:
        """The ids of every credential of the same holder, itself included: those among which one from :meth:`create`
        would be. What was there before and after a call that nobody knows the end of says what it did.
        (``rotate{overlap}``)"""
        ...

    def replace(self, credential: Credential, secret: SecretStr) -> Reply:
        """Give it this secret; the old one is refused from then on. (``rotate{chosen}``)"""
        ...

    def works(self, credential: Credential, secret: SecretStr) -> bool | NotDone | Unclear:
        """Whether a credential is accepted with this secret: the canary of a rotation, and the probe of an end."""
        ...


class Options(BaseModel):
    """What ``issuers.yaml`` says of one connector; each kind has its own, with ``SecretStr`` nowhere: a secret is named
    by a ``secret_ref`` (``env:NAME``, ``file:/path``, ``vault:mount/path#field``) and read when it is needed."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    probe: bool = False
    """Whether tokens may be tried out after their end, to see that they are refused."""


@dataclass(frozen=True)
class Tools:
    """What a connector is given; it reads no environment and no clock of its own."""

    secret: Callable[[str], SecretStr]
    """Read a ``secret_ref``. Raises ``UpstreamError`` where it cannot be read; the text holds no secret."""
    now: Callable[[], datetime]
    keep_out: Callable[[SecretStr], None]
    """Have the log writer mask a secret that was only now learned."""


@dataclass(frozen=True)
class Kind:
    """A kind of connector, as the entry point group ``whose.issuers`` names it."""

    name: str
    title: str
    """``AWS IAM access keys``, for people."""
    capabilities: Capabilities
    """The most that it can do; one system's may be less, by its options."""
    options: type[Options]
    build: Callable[[str, Any, Tools], Issuer]
    """``build(system, options, tools)``; makes no call."""
    extra: str = ""
    """The extra of the package that it needs; empty: none."""


class SecretSink(Protocol):
    """Where a new secret is delivered, named by a token's ``secret_ref``.

    A secret is first *staged* beside the one that is read, and *promoted* when the issuing system accepts it: so that a
    crash at any moment loses neither the old one nor the new one.

    Every method raises ``UpstreamError`` where its outcome is not known to be what it says; no text holds a secret.
    """

    def preflight(self, ref: str) -> Check:
        """Whether a secret could be written there now; changes nothing that a reader of the secret sees."""
        ...

    def stage(self, ref: str, secret: SecretStr) -> None:
        """Keep a secret beside the one that is read, in place of one that was staged before."""
        ...

    def staged(self, ref: str) -> SecretStr | None:
        """What is staged; None: nothing."""
        ...

    def promote(self, ref: str) -> str:
        """Make what is staged the secret that is read; returns what names this version there, never the secret.
        Nothing is staged any more then."""
        ...

    def discard(self, ref: str) -> None:
        """Forget what is staged; nothing where there is nothing."""
        ...

    def current(self, ref: str) -> SecretStr | None:
        """What a reader gets now; None: nothing yet."""
        ...
