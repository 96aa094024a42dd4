"""Where an OAuth 2.0 authorization server takes revocations and introspections (RFC 8414, and OpenID Discovery)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import httpx

from bot.issuers.calls import Answer, Caller
from bot.rules.issuing import NotDone, Rejected, Unclear

HERE: Final = ("localhost", "127.0.0.1", "::1")
_RFC8414: Final = ".well-known/oauth-authorization-server"
_OPENID: Final = ".well-known/openid-configuration"


@dataclass(frozen=True)
class Endpoints:
    """Addresses; empty: there is none."""

    revocation: str = ""
    introspection: str = ""


def discover(caller: Caller, issuer: str, hosts: Iterable[str]) -> Endpoints | Rejected | NotDone | Unclear:
    """What the server at ``issuer`` says of itself.

    Only an endpoint at one of ``hosts`` is believed, and only if it is reached by TLS or is on this machine: whoever
    can change that document must not get our credential, or the tokens.
    """
    path = httpx.URL(issuer).path.strip("/")
    answer = caller.call("GET", f"/{_RFC8414}/{path}".rstrip("/"))
    if isinstance(answer, Answer) and answer.status in (400, 404):
        answer = caller.call("GET", f"/{path}/{_OPENID}".replace("//", "/"))
    if not isinstance(answer, Answer):
        return answer
    if answer.status != 200:
        return Rejected(str(answer.status), f"{caller.base.host} does not say where it takes revocations")
    try:
        said = answer.json()
    except ValueError:
        said = None
    if not isinstance(said, dict):
        return Unclear(f"what {caller.base.host} says of itself cannot be read", answer.request_id)
    if said.get("issuer") != issuer:
        return Rejected("issuer", f"{caller.base.host} says that it is another issuer; name it exactly as it does")
    return _endpoints(said, frozenset(hosts))


def _endpoints(said: dict[str, Any], hosts: frozenset[str]) -> Endpoints | Rejected:
    found = {}
    for name in ("revocation", "introspection"):
        address = said.get(f"{name}_endpoint") or ""
        if address and not is_allowed(address, hosts):
            detail = f"its {name} endpoint is at an address that the issuers file does not allow; add its host to hosts"
            return Rejected("endpoint", detail)
        found[name] = address
    return Endpoints(**found)


def is_allowed(address: object, hosts: frozenset[str]) -> bool:
    """Whether an endpoint is one that a credential may be sent to."""
    if not isinstance(address, str):
        return False
    try:
        url = httpx.URL(address)
    except (httpx.InvalidURL, ValueError):
        return False
    safe = url.scheme == "https" or (url.scheme == "http" and url.host in HERE)
    return safe and url.host in hosts and not url.userinfo and not url.fragment
