"""A GitHub organisation for the contract suite, once for each kind of credential."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Final

from pydantic import SecretStr

from bot.issuers.github import KIND, GitHubOptions
from bot.issuers.github_answers import Sort
from bot.operations.issuer_port import Issuer, Tools
from bot.rules.issuing import Credential
from tests.servers.issuers.github import APP_ID, INSTALLATION, ORG, GitHubDouble, private_key, running_github
from tests.servers.issuers.ground import Grounds, Made

_KEY: Final = "env:GITHUB_APP_KEY"


class GitHubGround:
    """One running double and a connector to it."""

    def __init__(self, github: GitHubDouble, sort: Sort) -> None:
        self._github, self._sort = github, sort
        self._repo = github.add_repo("hello")
        self.issuer = self._connect(APP_ID)

    def make(self, name: str, *, owner: str = "") -> Made:
        github = self._github
        match self._sort:
            case Sort.PAT:
                external_id = github.add_pat("ana-example", name, email_address=owner or None)
            case Sort.SSO:
                external_id = github.authorize(owner or "ana-example", name)
            case Sort.DEPLOY_KEY:
                external_id = github.add_key(self._repo, name, added_by=owner or "ana-example")
        return Made(Credential(external_id, name=name), SecretStr(github.secret_of(external_id)))

    def accepts(self, made: Made) -> bool:
        return self._github.lets_in(made.secret.get_secret_value())

    def never(self) -> Credential:
        within = {Sort.PAT: "999999/999998", Sort.SSO: "999999", Sort.DEPLOY_KEY: f"{self._repo.id}/999999"}
        return Credential(f"{self._sort}:{within[self._sort]}")

    def with_bad_credentials(self) -> Issuer:
        return self._connect("999")

    def own(self) -> Credential | None:
        return None

    def _connect(self, app_id: str) -> Issuer:
        options = GitHubOptions(
            org=ORG,
            app_id=app_id,
            installation_id=INSTALLATION,
            private_key=_KEY,
            credentials=(self._sort,),
            api=self._github.url,
        )
        tools = Tools(lambda _: SecretStr(private_key()), lambda: self._github.now, lambda _: None)
        return KIND.build("github-example", options, tools)


def _grounds(sort: Sort) -> Grounds:
    @contextmanager
    def running() -> Iterator[GitHubGround]:
        with running_github() as github:
            yield GitHubGround(github, sort)

    start: Callable[[], AbstractContextManager[GitHubGround]] = running
    return Grounds(f"github ({sort})", start, needs="npm")


ALL: Final = tuple(_grounds(sort) for sort in Sort)
