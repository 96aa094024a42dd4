"""What the contract suite of connectors needs of an issuing system: to make credentials, and to say by itself, without
the connector, whether one still works."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from pydantic import SecretStr

from bot.operations.issuer_port import Issuer
from bot.rules.issuing import Credential


@dataclass(frozen=True)
class Made:
    """A credential that the system has issued, with its secret."""

    credential: Credential
    secret: SecretStr


class Ground(Protocol):
    """An issuing system that runs, and a connector to it."""

    issuer: Issuer

    def make(self, name: str, *, owner: str = "") -> Made:
        """Issue a credential; ``owner`` (an e-mail address) is left as a hint where the system can hold one."""
        ...

    def accepts(self, made: Made) -> bool:
        """Whether the system accepts the secret now, asked without the connector."""
        ...

    def never(self) -> Credential:
        """An id that looks like one of this system and that it has never issued."""
        ...

    def with_bad_credentials(self) -> Issuer:
        """The same connector with a credential of ours that the system does not accept."""
        ...

    def own(self) -> Credential | None:
        """What the connector itself authenticates with; None: nothing that could be revoked through it."""
        ...


@dataclass(frozen=True)
class Grounds:
    """One entry of the contract suite."""

    name: str
    running: Callable[[], AbstractContextManager[Ground]]
    needs: str = ""
    """``npm`` or a Python package that has to be there; the suite names what it left out."""
    accepts_disabled: str = ""
    """Why this server still accepts a disabled credential, where the real system does not; empty: it does not."""
    accepts_any_check: str = ""
    """Why :meth:`Issuer.check` cannot tell a bad credential of ours here; empty: it can."""
