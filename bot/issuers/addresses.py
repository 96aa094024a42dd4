"""Addresses of issuing systems, as the issuers file may name them."""

from __future__ import annotations

from typing import Annotated, Final

import httpx
from pydantic import AfterValidator

from bot.rules.policy_values import Fault, PolicyFaults

_HERE: Final = ("localhost", "127.0.0.1", "::1")


def _checked(text: str) -> str:
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL:
        raise _fault("This is no address.", "Write it like https://git.example.com.") from None
    if not url.host or url.scheme not in ("http", "https"):
        raise _fault("This is no http(s) address.", "Write it like https://git.example.com.")
    if url.scheme == "http" and url.host not in _HERE:
        raise _fault("Our credential would travel unprotected.", "Write https:// instead of http://.")
    if url.userinfo or url.query or url.fragment:
        raise _fault("This is more than an address.", "Write host and path alone; a credential is named elsewhere.")
    return text


def _fault(message: str, hint: str) -> PolicyFaults:
    return PolicyFaults([Fault((), message, hint)])


Address = Annotated[str, AfterValidator(_checked)]
"""``https://HOST[:PORT][/PATH]``; without TLS only to this machine."""
