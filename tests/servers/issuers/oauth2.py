"""Two real authorization servers: Authlib's in Flask, and oidc-provider on Node."""

from __future__ import annotations

import logging
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import quote

import flask
import httpx
from authlib.integrations.flask_oauth2 import AuthorizationServer, ResourceProtector
from authlib.oauth2.rfc6749 import grants
from authlib.oauth2.rfc6749.models import ClientMixin, TokenMixin
from authlib.oauth2.rfc6750 import BearerTokenValidator
from authlib.oauth2.rfc7009 import RevocationEndpoint
from authlib.oauth2.rfc7662 import IntrospectionEndpoint
from pydantic import SecretStr
from werkzeug.serving import make_server

from bot.issuers.oauth2 import OAuthOptions, OAuthServer
from bot.operations.issuer_port import Issuer
from bot.rules.issuing import Credential
from tests.servers.issuers.ground import Grounds, Made
from tests.servers.issuers.npm_packages import free_port, installed, running
from tests.servers.issuers.tools import Drawer

CLIENT = "whose:client"
CLIENT_SECRET = "made-up s&cret/%"
"""Both hold what has to be encoded."""


class OAuthGround:
    """An authorization server with a connector to it, which reads its secrets from ``drawer``."""

    def __init__(self, url: str, accepts: Callable[[str, str], bool], **options: Any) -> None:
        self.url = url
        self.drawer = Drawer({"OURS": CLIENT_SECRET, "WRONG": "another one"})
        self.drawer.put("NEVER", SecretStr("never-issued-by-anybody"))
        self.options = OAuthOptions(client_id=CLIENT, client_secret="env:OURS", **options)
        self.issuer: Issuer = OAuthServer("auth", self.options, self.drawer.tools())
        self._accepts = accepts
        self._numbers = count(1)

    def make(self, name: str, *, owner: str = "") -> Made:
        answer = httpx.post(
            f"{self.url}/token",
            data={"grant_type": "client_credentials", "scope": "read"},
            auth=(_encoded(CLIENT), _encoded(CLIENT_SECRET)),
            trust_env=False,
        )
        answer.raise_for_status()
        secret = SecretStr(answer.json()["access_token"])
        ref = self.drawer.put(f"TOKEN_{next(self._numbers)}", secret)
        return Made(Credential(f"token of {name}", ref, "access token", name), secret)

    def accepts(self, made: Made) -> bool:
        return self._accepts(self.url, made.secret.get_secret_value())

    def never(self) -> Credential:
        return Credential("token of nobody", "env:NEVER")

    def with_bad_credentials(self) -> Issuer:
        wrong = self.options.model_copy(update={"client_secret": "env:WRONG"})
        return OAuthServer("auth", wrong, self.drawer.tools())

    def own(self) -> Credential | None:
        return Credential("ours", "env:OURS")


def _encoded(text: str) -> str:
    return quote(text, safe="")


# ------------------------------------------------------------------ Authlib


class _Client(ClientMixin):  # type: ignore[misc]
    def get_client_id(self) -> str:
        return CLIENT

    def check_client_secret(self, client_secret: str) -> bool:
        return client_secret == CLIENT_SECRET

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return method in ("client_secret_basic", "client_secret_post")

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type == "client_credentials"

    def get_allowed_scope(self, scope: str) -> str:
        return scope


class _Token(TokenMixin):  # type: ignore[misc]
    def __init__(self, said: dict[str, Any], made: float) -> None:
        self.said, self.made, self.revoked = said, int(made), False

    def check_client(self, client: ClientMixin) -> bool:
        return isinstance(client, _Client)

    def get_scope(self) -> str:
        return str(self.said.get("scope", ""))

    def get_expires_in(self) -> int:
        return int(self.said["expires_in"])

    def is_expired(self) -> bool:
        return self.made + self.get_expires_in() < time.time()

    def is_revoked(self) -> bool:
        return self.revoked


def authlib_app(tokens: dict[str, _Token], url: str, *, introspection: bool = True) -> flask.Flask:
    """The server as a Flask application."""
    app = flask.Flask("authlib")
    server = AuthorizationServer(
        app,
        query_client=lambda client_id: _Client() if client_id == CLIENT else None,
        save_token=lambda said, request: tokens.__setitem__(said["access_token"], _Token(said, time.time())),
    )
    server.register_grant(grants.ClientCredentialsGrant)

    class Revocation(RevocationEndpoint):  # type: ignore[misc]
        CLIENT_AUTH_METHODS = ("client_secret_basic", "client_secret_post")

        def query_token(self, token_string: str, token_type_hint: str) -> _Token | None:
            return tokens.get(token_string)

        def revoke_token(self, token: _Token, request: Any) -> None:
            token.revoked = True

    class Introspection(IntrospectionEndpoint):  # type: ignore[misc]
        CLIENT_AUTH_METHODS = ("client_secret_basic", "client_secret_post")

        def check_permission(self, token: _Token, client: ClientMixin, request: Any) -> bool:
            return True

        def query_token(self, token_string: str, token_type_hint: str) -> _Token | None:
            return tokens.get(token_string)

        def introspect_token(self, token: _Token) -> dict[str, Any]:
            end = token.made + token.get_expires_in()
            said = {"active": True, "scope": token.get_scope(), "iat": token.made, "exp": end, "sub": "drift"}
            return said | {"client_id": CLIENT, "token_type": "Bearer", "jti": "jti-1"}

    server.register_endpoint(Revocation)
    server.register_endpoint(Introspection)

    class Validator(BearerTokenValidator):  # type: ignore[misc]
        def authenticate_token(self, token_string: str) -> _Token | None:
            return tokens.get(token_string)

    protector = ResourceProtector()
    protector.register_token_validator(Validator())

    app.post("/token", endpoint="token")(server.create_token_response)
    app.post("/revoke", endpoint="revoke")(lambda: server.create_endpoint_response("revocation"))
    app.post("/introspect", endpoint="introspect")(lambda: server.create_endpoint_response("introspection"))
    app.get("/resource", endpoint="resource")(protector("read")(lambda: {"data": 1}))
    said = {"issuer": url, "token_endpoint": f"{url}/token", "revocation_endpoint": f"{url}/revoke"}
    if introspection:
        said["introspection_endpoint"] = f"{url}/introspect"
    app.get("/.well-known/oauth-authorization-server", endpoint="metadata")(lambda: said)
    return app


@contextmanager
def authlib(*, introspection: bool = True, **options: Any) -> Iterator[OAuthGround]:
    """Authlib's server, found by discovery."""
    for server in ("authlib", "werkzeug"):
        logging.getLogger(server).propagate = False  # it runs in our process, and tells of every token in its log
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    app = authlib_app({}, url, introspection=introspection)
    serving = make_server("127.0.0.1", port, app, threaded=True)
    thread = threading.Thread(target=serving.serve_forever, daemon=True)
    thread.start()
    try:
        yield OAuthGround(url, _resource, issuer=url, **options)
    finally:
        serving.shutdown()
        serving.server_close()
        thread.join()


def _resource(url: str, token: str) -> bool:
    headers = {"authorization": f"Bearer {token}"}
    return httpx.get(f"{url}/resource", headers=headers, trust_env=False).status_code == 200


# ------------------------------------------------------------------ oidc-provider

_PROVIDER = """
import Provider from 'oidc-provider';
const [port, client_id, client_secret] = process.argv.slice(2);
const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [{ client_id, client_secret, grant_types: ['client_credentials'], redirect_uris: [], response_types: [] }],
  scopes: ['read'],
  features: {
    clientCredentials: { enabled: true },
    devInteractions: { enabled: false },
    introspection: { enabled: true },
    revocation: { enabled: true },
  },
});
provider.listen(Number(port), '127.0.0.1');
"""


@contextmanager
def oidc_provider(**options: Any) -> Iterator[OAuthGround]:
    """oidc-provider, found by OpenID discovery."""
    package = installed("oidc-provider")
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "node_modules").symlink_to(package / "node_modules")
        (folder / "server.mjs").write_text(_PROVIDER)
        command = ["node", "--preserve-symlinks", "server.mjs", str(port), CLIENT, CLIENT_SECRET]
        with running(command, folder, f"{url}/.well-known/openid-configuration"):
            yield OAuthGround(url, _introspected, issuer=url, **options)


def _introspected(url: str, token: str) -> bool:
    auth = (_encoded(CLIENT), _encoded(CLIENT_SECRET))
    said = httpx.post(f"{url}/token/introspection", data={"token": token}, auth=auth, trust_env=False)
    return bool(said.json()["active"])


AUTHLIB = Grounds("oauth2 (Authlib)", authlib, needs="authlib")
OIDC_PROVIDER = Grounds("oauth2 (oidc-provider)", oidc_provider, needs="npm")
