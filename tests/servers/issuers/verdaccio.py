"""A real npm registry whose tokens work on after their deletion: it signs them and keeps no list of the revoked."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import httpx
from pydantic import SecretStr

from bot.issuers.generic_http import HttpIssuer
from bot.issuers.http_options import HttpOptions
from bot.rules.issuing import Credential
from tests.servers.issuers.ground import Made
from tests.servers.issuers.npm_packages import free_port, installed, running
from tests.servers.issuers.tools import Drawer

RECIPE: Final = Path(__file__).parents[3] / "examples" / "issuers" / "verdaccio.yaml"
_CONFIGURATION: Final = """
storage: ./storage
auth:
  htpasswd:
    file: ./htpasswd
uplinks: {}
packages:
  '**': { access: $authenticated, publish: $authenticated }
security:
  api:
    jwt:
      sign: { expiresIn: 1d }
log: { type: stdout, format: json, level: warn }
"""
_USER: Final = {"name": "drift", "password": "made-up-word-1"}


class RegistryGround:
    """A registry and a connector to it; ``probe``: whether tokens may be tried out."""

    def __init__(self, url: str) -> None:
        self._url = url
        login = self._call("PUT", f"-/user/org.couchdb.user:{_USER['name']}", "", _USER)
        self.drawer = Drawer({"OURS": login["token"]})

    def issuer(self, *, probe: bool) -> HttpIssuer:
        given = {"base": self._url, "recipe": str(RECIPE), "secret": "env:OURS", "probe": probe}
        return HttpIssuer("registry", HttpOptions.model_validate(given), self.drawer.tools())

    def make(self) -> Made:
        wanted = {"password": _USER["password"], "readonly": False, "cidr_whitelist": []}
        said = self._call("POST", "-/npm/v1/tokens", self.drawer.environ["OURS"], wanted)
        secret = SecretStr(said["token"])
        ref = self.drawer.put(f"TOKEN_{said['key'].upper()}", secret)
        return Made(Credential(said["key"], ref, "npm token"), secret)

    def accepts(self, made: Made) -> bool:
        headers = {"authorization": f"Bearer {made.secret.get_secret_value()}"}
        return "username" in httpx.get(f"{self._url}/-/whoami", headers=headers, trust_env=False).json()

    def _call(self, method: str, path: str, token: str, body: object) -> dict[str, Any]:
        headers = {"authorization": f"Bearer {token}"} if token else {}
        answer = httpx.request(method, f"{self._url}/{path}", json=body, headers=headers, trust_env=False)
        assert answer.is_success, answer.text
        return dict(answer.json())


@contextmanager
def verdaccio() -> Iterator[RegistryGround]:
    package = installed("verdaccio")
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "config.yaml").write_text(_CONFIGURATION)
        program = str(package / "node_modules" / "verdaccio" / "bin" / "verdaccio")
        command = ["node", program, "--config", "config.yaml", "--listen", f"127.0.0.1:{port}"]
        with running(command, folder, f"{url}/-/ping"):
            yield RegistryGround(url)
