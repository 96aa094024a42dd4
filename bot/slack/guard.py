"""Before Bolt: what is no request of Slack's, or cannot be read, is answered here in words and without a traceback.

Bolt reads a body before it verifies it, and answers a timestamp that is no number, a body that is not UTF-8 and a
payload that is no JSON with a 500 (measured). So the signature is verified first, over the bytes as they came.
https://docs.slack.dev/authentication/verifying-requests-from-slack
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from urllib.parse import parse_qs

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MOST_BODY_BYTES = 1_000_000
"""Slack's largest payload, a view of 250 kB, form encoded, stays below."""
MOST_AGE = 300
"""Seconds that a signature is good for."""
_FORM, _JSON = "application/x-www-form-urlencoded", "application/json"

Refused = tuple[int, str]


class Guard:
    """An ASGI application around Bolt's.

    Args:
        wall: seconds since 1970, to compare with Slack's timestamps: real time, whatever the bot's own clock says.
    """

    def __init__(self, app: ASGIApp, signing_secret: str, wall: Callable[[], float]) -> None:
        if not signing_secret:
            raise ValueError("without a signing secret nobody could tell Slack's requests from others")
        self._app = app
        self._secret = signing_secret.encode()
        self._wall = wall

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        refused = refuse_head(scope["method"], headers, self._wall())
        body = b""
        if refused is None:
            read = await _read(receive)
            body = read or b""
            refused = _TOO_LARGE if read is None else self._refuse_body(headers, body)
        if refused is not None:
            status, said = refused
            extra = {"allow": "POST"} if status == 405 else {}
            await PlainTextResponse(said, status, headers=extra)(scope, receive, send)
            return
        await self._app(scope, _replay(body, receive), send)

    def _refuse_body(self, headers: Mapping[str, str], body: bytes) -> Refused | None:
        base = b"v0:" + headers["x-slack-request-timestamp"].encode() + b":" + body
        expected = "v0=" + hmac.new(self._secret, base, hashlib.sha256).hexdigest()
        if not hmac.compare_digest(expected.encode(), headers["x-slack-signature"].encode("utf-8", "replace")):
            return 401, "The signature does not fit."
        if not readable(body, _kind(headers)):
            return 400, "The body cannot be read as what its content type says."
        return None


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


def readable(body: bytes, kind: str) -> bool:
    """Whether Bolt can read it: UTF-8, and an object where JSON is expected."""
    try:
        text = body.decode("utf-8")
        if kind == _FORM:
            payload = parse_qs(text, keep_blank_values=True, max_num_fields=200).get("payload")
            return payload is None or isinstance(json.loads(payload[0]), dict)
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False


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


def _replay(body: bytes, receive: Receive) -> Receive:
    given = False

    async def again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again
