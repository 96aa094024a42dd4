"""A real JupyterHub, its API alone: nobody logs in and no server is started, so that no proxy is needed."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import httpx
from pydantic import SecretStr

from bot.issuers.generic_http import HttpIssuer
from bot.issuers.http_options import HttpOptions
from bot.operations.issuer_port import Issuer
from bot.rules.issuing import Credential
from tests.servers.issuers.ground import Grounds, Made
from tests.servers.issuers.npm_packages import free_port, running
from tests.servers.issuers.tools import Drawer

RECIPE: Final = Path(__file__).parents[3] / "examples" / "issuers" / "jupyterhub.yaml"
USER: Final = "ana@example.com"
"""As hubs name people whose sign-on gives an address; the ``@`` has to be encoded in a path."""
_CONFIGURATION: Final = """
from jupyterhub.proxy import Proxy


class NoProxy(Proxy):
    should_start = False

    async def add_route(self, routespec, target, data): ...
    async def delete_route(self, routespec): ...
    async def get_all_routes(self):
        return {}


c.JupyterHub.proxy_class = NoProxy
c.JupyterHub.authenticator_class = "dummy"
c.JupyterHub.spawner_class = "simple"
c.JupyterHub.db_url = "sqlite://"
c.JupyterHub.bind_url = "http://127.0.0.1:@PUBLIC@"
c.JupyterHub.hub_bind_url = "http://127.0.0.1:@PORT@"
c.Authenticator.allowed_users = {"@USER@"}
c.JupyterHub.services = [{"name": "maker", "api_token": "@MAKER@"}]
c.JupyterHub.load_roles = [
    {
        "name": "maker",
        "scopes": ["tokens", "read:tokens", "admin:users"],
        "services": ["maker"],
    },
]
"""
_MAKER: Final = "made-up-token-of-the-service-that-makes-tokens"


class HubGround:
    """A JupyterHub and a connector to it, which authenticates with a token of the same user."""

    def __init__(self, url: str) -> None:
        self._url = url
        self.drawer = Drawer({"WRONG": "made-up-token-of-nobody"})
        self._own = self._new("ours", ["tokens!user", "read:users!user"])
        self.drawer.put("OURS", SecretStr(self._own["token"]))
        self.options = options(url, "env:OURS")
        self.issuer: Issuer = HttpIssuer("hub", self.options, self.drawer.tools())

    def make(self, name: str, *, owner: str = "") -> Made:
        said = self._new(name, None)
        secret = SecretStr(said["token"])
        ref = self.drawer.put(f"TOKEN_{said['id']}", secret)
        return Made(Credential(said["id"], ref, "JupyterHub API token", name), secret)

    def _new(self, name: str, scopes: list[str] | None) -> dict[str, Any]:
        answer = httpx.post(
            f"{self._url}/users/{quote(USER)}/tokens",
            json={"note": name, "expires_in": 3600, "scopes": scopes},
            headers={"authorization": f"token {_MAKER}"},
            trust_env=False,
        )
        assert answer.status_code == 201, answer.text
        return dict(json.loads(answer.text))

    def accepts(self, made: Made) -> bool:
        headers = {"authorization": f"token {made.secret.get_secret_value()}"}
        return httpx.get(f"{self._url}/user", headers=headers, trust_env=False).status_code == 200

    def never(self) -> Credential:
        return Credential("a999999")

    def with_bad_credentials(self) -> Issuer:
        return HttpIssuer("hub", options(self._url, "env:WRONG"), self.drawer.tools())

    def own(self) -> Credential | None:
        return Credential(self._own["id"])


def options(url: str, secret: str) -> HttpOptions:
    """The connector's options for a hub whose API is at ``url``."""
    given = {"base": url, "recipe": str(RECIPE), "parameters": {"user": USER}, "secret": secret, "probe": True}
    return HttpOptions.model_validate(given)


@contextmanager
def jupyterhub() -> Iterator[HubGround]:
    port = free_port()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        text = _CONFIGURATION.replace("@PORT@", str(port)).replace("@PUBLIC@", str(free_port()))
        (folder / "hub.py").write_text(text.replace("@USER@", USER).replace("@MAKER@", _MAKER))
        url = f"http://127.0.0.1:{port}/hub/api"
        with running([sys.executable, "-m", "jupyterhub", "-f", "hub.py"], folder, url):
            yield HubGround(url)


GROUNDS = Grounds("http (JupyterHub)", jupyterhub, needs="jupyterhub")
