"""A GitHub double, a connector to it, and ways to make the double hostile."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from pydantic import SecretStr

from bot.issuers.github import KIND, GitHubOptions, GitHubOrganisation
from bot.operations.issuer_port import Tools
from bot.rules.issuing import (
    Credential,
)
from tests.servers.issuers.github import (
    APP_ID,
    INSTALLATION,
    ORG,
    GitHubDouble,
    private_key,
)
from tests.servers.issuers.http_double import Asked, Replied


@dataclass
class House:
    """A double, a connector to it, and what the connector asked to keep out of the log."""

    github: GitHubDouble
    masked: list[str] = field(default_factory=list)
    skew: timedelta = timedelta()

    def connect(self, **options: object) -> GitHubOrganisation:
        chosen = GitHubOptions.model_validate(
            {
                "org": ORG,
                "app_id": APP_ID,
                "installation_id": INSTALLATION,
                "private_key": "env:GITHUB_APP_KEY",
                "credentials": ("pat", "sso", "deploy-key"),
                "api": self.github.url,
                **options,
            }
        )
        tools = Tools(
            secret=lambda ref: SecretStr(private_key()),
            now=lambda: self.github.now + self.skew,
            keep_out=lambda one: self.masked.append(one.get_secret_value()),
        )
        built = KIND.build("github-example", chosen, tools)
        assert isinstance(built, GitHubOrganisation)
        return built


def one(external_id: str) -> Credential:
    return Credential(external_id)


def every_kind(github: GitHubDouble) -> list[str]:
    """One credential of each kind."""
    repo = github.add_repo("hello")
    return [
        github.add_pat("ana-example", "ci", email_address="ana@example.com"),
        github.authorize("ben-example", "laptop"),
        github.add_key(repo, "deploy"),
    ]


def once(double: GitHubDouble, when: Callable[[Asked], bool], replied: Replied) -> None:
    """Have the next request that fits answered like this, and every other one as usual."""
    left = [replied]
    double.instead = lambda asked: left.pop() if left and when(asked) else None


def always(double: GitHubDouble, when: Callable[[Asked], bool], replied: Replied) -> None:
    double.instead = lambda asked: replied if when(asked) else None


def lists(asked: Asked) -> bool:
    return asked.method == "GET" and asked.path.endswith("/personal-access-tokens")


def changes(asked: Asked) -> bool:
    return asked.method != "GET" and not asked.path.startswith("/app/")
