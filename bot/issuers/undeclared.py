"""The methods of the port that a connector does not declare. Nobody calls them; whoever does has made a mistake."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import SecretStr

from bot.rules.issuing import Created, Credential, NotDone, Rejected, Reply, Sighting, Unclear


class Undeclared:
    """Everything beyond ``revoke`` and ``verify``, refused; a connector overrides what it declares."""

    def listing(self) -> Iterator[Sighting]:
        raise NotImplementedError("this connector does not declare list")

    def disable(self, credential: Credential) -> Reply:
        raise NotImplementedError("this connector does not declare disable")

    def enable(self, credential: Credential) -> Reply:
        raise NotImplementedError("this connector does not declare reversible")

    def create(self, like: Credential) -> Created | Rejected | NotDone | Unclear:
        raise NotImplementedError("this connector does not declare rotate{overlap}")

    def siblings(self, like: Credential) -> tuple[str, ...] | Rejected | NotDone | Unclear:
        raise NotImplementedError("this connector does not declare rotate{overlap}")

    def replace(self, credential: Credential, secret: SecretStr) -> Reply:
        raise NotImplementedError("this connector does not declare rotate{chosen}")

    def works(self, credential: Credential, secret: SecretStr) -> bool | NotDone | Unclear:
        raise NotImplementedError("this connector declares no use of a secret")
