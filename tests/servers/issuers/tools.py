"""What a connector is given, for tests: a drawer of secrets, a clock that stands, and a list of what is kept out."""

from __future__ import annotations

from datetime import UTC, datetime

from pydantic import SecretStr

from bot.issuers.secrets import Secrets
from bot.operations.issuer_port import Tools

NOW = datetime(2026, 7, 1, 9, 0, tzinfo=UTC)


class Drawer:
    """Secrets by ``env:NAME``."""

    def __init__(self, secrets: dict[str, str] | None = None) -> None:
        self.environ = dict(secrets or {})
        self.kept_out: list[str] = []
        """What the log writer was told to mask."""

    def put(self, name: str, secret: SecretStr) -> str:
        self.environ[name] = secret.get_secret_value()
        return f"env:{name}"

    def tools(self) -> Tools:
        return Tools(
            secret=Secrets(self.environ).read,
            now=lambda: NOW,
            keep_out=lambda secret: self.kept_out.append(secret.get_secret_value()),
        )
