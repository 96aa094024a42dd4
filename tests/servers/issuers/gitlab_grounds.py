"""A GitLab for the contract suite, once for each kind of token."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Final

import httpx
from pydantic import SecretStr

from bot.issuers.gitlab import KIND, GitLabOptions
from bot.operations.issuer_port import Issuer, Tools
from bot.rules.issuing import Credential
from tests.servers.issuers.gitlab import GitLabDouble, running_gitlab
from tests.servers.issuers.ground import Grounds, Made


class GitLabGround:
    """One running double and a connector to it. ``sort`` is ``project``, ``group`` or ``personal``."""

    def __init__(self, gitlab: GitLabDouble, sort: str) -> None:
        self._gitlab, self._sort = gitlab, sort
        self._within = 0 if sort == "personal" else gitlab.add_place(f"{sort}s")
        self._own = gitlab.add_personal(gitlab.root, "whose")
        self.issuer = self._connect(self._own.secret)

    def make(self, name: str, *, owner: str = "") -> Made:
        gitlab = self._gitlab
        if self._sort == "personal":
            user = gitlab.add_user("ana-example")
            user.email = owner or user.email
            held = gitlab.add_personal(user, name)
        else:
            held = gitlab.add_token(f"{self._sort}s", self._within, name)
        return Made(Credential(self._id(held.id), name=name), SecretStr(held.secret))

    def accepts(self, made: Made) -> bool:
        headers = {"private-token": made.secret.get_secret_value()}
        url = f"{self._gitlab.url}/api/v4/personal_access_tokens/self"
        return httpx.get(url, headers=headers, trust_env=False).status_code == 200

    def never(self) -> Credential:
        return Credential(self._id(999_999))

    def with_bad_credentials(self) -> Issuer:
        return self._connect("glpat-of-nobody-at-all")

    def own(self) -> Credential | None:
        return Credential(f"personal:{self._own.id}")

    def _id(self, number: int) -> str:
        return f"personal:{number}" if self._sort == "personal" else f"{self._sort}:{self._within}:{number}"

    def _connect(self, secret: str) -> Issuer:
        options = GitLabOptions(
            url=self._gitlab.url,
            token="env:GITLAB_TOKEN",
            projects="all" if self._sort == "project" else (),
            groups="all" if self._sort == "group" else (),
            personal=self._sort == "personal",
        )
        tools = Tools(lambda _: SecretStr(secret), lambda: self._gitlab.now, lambda _: None)
        return KIND.build("gitlab-example", options, tools)


def _grounds(sort: str) -> Grounds:
    @contextmanager
    def running() -> Iterator[GitLabGround]:
        with running_gitlab() as gitlab:
            yield GitLabGround(gitlab, sort)

    start: Callable[[], AbstractContextManager[GitLabGround]] = running
    return Grounds(f"gitlab ({sort})", start)


ALL: Final = tuple(_grounds(sort) for sort in ("project", "group", "personal"))
