"""Before Bolt: what is no request of Slack's, or cannot be read, is answered here in words and without a traceback.

Bolt reads a body before it verifies it, and answers a timestamp that is no number, a body that is not UTF-8 and a
payload that is no JSON with a 500 (measured). So the signature is verified first, over the bytes as they came, and what
is handed on is parsed.
https://docs.slack.dev/authentication/verifying-requests-from-slack
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

MOST_BODY_BYTES = 1_000_000
"""Slack's largest payload, a view of 250 kB, form encoded, stays below."""
MOST_AGE = 300
"""Seconds that a signature is good for."""
_FORM, _JSON = "application/x-www-form-urlencoded", "application/json"

Refused = tuple[int, str]
Answer = Callable[[dict[str, Any]], Awaitable[Response]]


class Guard:
    """The ASGI application that takes Slack's requests.

    Args:
        answer: gives the response to a payload; what it is given is known to be Slack's.
        wall: seconds since 1970, to compare with Slack's timestamps: real time, whatever the bot's own clock says.
    """

    def __init__(self, answer: Answer, signing_secret: str, wall: Callable[[], float]) -> None:
        if not signing_secret:
            raise ValueError("without a signing secret nobody could tell Slack's requests from others")
        self._answer = answer
        self._secret = signing_secret.encode()
        self._wall = wall

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        read = await self._take(scope["method"], Headers(scope=scope), receive)
        response = await self._answer(read) if isinstance(read, dict) else _refusal(*read)
        await response(scope, receive, send)

    async def _take(self, method: str, headers: Headers, receive: Receive) -> dict[str, Any] | Refused:
        refused = refuse_head(method, headers, self._wall())
        if refused is not None:
            return refused
        body = await _read(receive)
        return _TOO_LARGE if body is None else self._payload(headers, body)

    def _payload(self, headers: Mapping[str, str], body: bytes) -> dict[str, Any] | Refused:
        base = b"v0:" + headers["x-slack-request-timestamp"].encode() + b":" + body
        expected = "v0=" + hmac.new(self._secret, base, hashlib.sha256).hexdigest()
        if not hmac.compare_digest(expected.encode(), headers["x-slack-signature"].encode("utf-8", "replace")):
            return 401, "The signature does not fit."
        payload = parsed(body, _kind(headers))
        return (400, "The body cannot be read as what its content type says.") if payload is None else payload


def _refusal(status: int, said: str) -> Response:
    return PlainTextResponse(said, status, headers={"allow": "POST"} if status == 405 else {})


_TOO_LARGE: Refused = (413, "The body is larger than 1 MB.")


def refuse_head(method: str, headers: Mapping[str, str], wall: float) -> Refused | None:
    """The status and sentence for a request that is not even read; None: it may be.

    Args:
        headers: looked up in lower case.
        wall: seconds since 1970.
    """
    if method != "POST":
        return 405, "Slack's requests are sent with POST."
    timestamp = headers.get("x-slack-request-timestamp", "")
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
        return 401, "The request carries no timestamp of Slack's."
    if abs(wall - int(timestamp)) > MOST_AGE:
        return 401, "The request is older than five minutes, or a clock is wrong."
    if not headers.get("x-slack-signature", "").startswith("v0="):
        return 401, "The request is not signed."
    if _kind(headers) not in {_FORM, _JSON}:
        return 415, "Slack sends forms and JSON; this is neither."
    length = headers.get("content-length", "")
    if length.isascii() and length.isdigit() and (len(length) > 12 or int(length) > MOST_BODY_BYTES):
        return _TOO_LARGE
    return None


def parsed(body: bytes, kind: str) -> dict[str, Any] | None:
    """What a body says: JSON, a form with JSON in its field ``payload``, or the fields of a form. None: it cannot be
    read, or is JSON and no object."""
    try:
        text = body.decode("utf-8")
        if kind == _FORM:
            fields = dict(parse_qsl(text, keep_blank_values=True, max_num_fields=200))
            if "payload" not in fields:
                return dict(fields)
            text = fields["payload"]
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _kind(headers: Mapping[str, str]) -> str:
    return headers.get("content-type", "").partition(";")[0].strip().lower()


async def _read(receive: Receive) -> bytes | None:
    """The whole body; None where it is too large."""
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return b"".join(chunks)  # cut short: its signature will not fit
        chunks.append(message.get("body", b""))
        size += len(chunks[-1])
        if size > MOST_BODY_BYTES:
            return None
        if not message.get("more_body", False):
            return b"".join(chunks)
