"""Signed requests to the app's request URL, and what came back in time.

Signature: https://docs.slack.dev/authentication/verifying-requests-from-slack (version v0, HMAC-SHA256).
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import httpx

Json = dict[str, Any]
_REQUESTS_KEPT = 10_000
FORM = "application/x-www-form-urlencoded"


def signature(signing_secret: str, timestamp: str, body: bytes) -> str:
    """The ``X-Slack-Signature`` of a body."""
    base = b"v0:" + timestamp.encode() + b":" + body
    return "v0=" + hmac.new(signing_secret.encode(), base, hashlib.sha256).hexdigest()


@dataclass(frozen=True)
class Ack:
    """The app's answer. ``status`` is None when there was none in time; ``error`` is Slack's name for what is wrong."""

    status: int | None
    body: str
    error: str | None
    no_retry: bool = False

    def json(self) -> Json | None:
        """The body as an object, or None when it is empty or something else."""
        try:
            value = json.loads(self.body)
        except ValueError:
            return None
        return value if isinstance(value, dict) else None


@dataclass(frozen=True)
class Delivered:
    """One request as it went out, kept so that it can be looked at and sent again byte for byte."""

    kind: str
    url: str
    headers: Mapping[str, str]
    body: bytes
    ack: Ack


class Transport:
    """Posts to the app's request URL. Made for one event loop; ``wall`` gives the seconds since 1970."""

    def __init__(
        self,
        signing_secret: str,
        request_url: str | None,
        *,
        ack_seconds: float = 3.0,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self.request_url = request_url
        self.ack_seconds = ack_seconds
        self.duplicates_due = 0
        self.log: deque[Delivered] = deque(maxlen=_REQUESTS_KEPT)
        self._secret = signing_secret
        self._wall = wall
        self._client: httpx.AsyncClient | None = None

    async def form(self, kind: str, fields: Json) -> Ack:
        """Post form fields."""
        return await self.send(kind, urlencode(fields).encode(), FORM, {})

    async def payload(self, kind: str, payload: Json) -> Ack:
        """Post an interaction: one form field ``payload`` of JSON."""
        return await self.form(kind, {"payload": json.dumps(payload)})

    async def json(self, kind: str, payload: Json, headers: Mapping[str, str] | None = None) -> Ack:
        """Post JSON."""
        return await self.send(kind, json.dumps(payload).encode(), "application/json", headers or {})

    async def send(self, kind: str, body: bytes, content_type: str, extra: Mapping[str, str]) -> Ack:
        """Sign and post a body; when a duplicate is due the very same request goes out twice."""
        if self.request_url is None:
            return Ack(None, "", "no_request_url")
        timestamp = str(int(self._wall()))
        headers = {
            "Content-Type": content_type,
            "X-Slack-Request-Timestamp": timestamp,
            "X-Slack-Signature": signature(self._secret, timestamp, body),
            "User-Agent": "Slackbot 1.0 (+https://api.slack.com/robots)",
            **extra,
        }
        twice = self.duplicates_due > 0
        self.duplicates_due -= twice
        ack = await self._post(kind, self.request_url, headers, body)
        if twice:
            await self._post(kind, self.request_url, headers, body)
        return ack

    async def replay(self, delivered: Delivered) -> Ack:
        """Send a request again, byte for byte, with the old signature."""
        return await self._post(delivered.kind, delivered.url, delivered.headers, delivered.body)

    async def _post(self, kind: str, url: str, headers: Mapping[str, str], body: bytes) -> Ack:
        if self._client is None:
            # trust_env=False: a proxy of the surroundings has no business between two local processes.
            self._client = httpx.AsyncClient(trust_env=False, follow_redirects=False)
        try:
            async with asyncio.timeout(self.ack_seconds):
                response = await self._client.post(url, content=body, headers=headers, timeout=None)
            good = 200 <= response.status_code < 300
            no_retry = response.headers.get("x-slack-no-retry") == "1"
            ack = Ack(response.status_code, response.text, None if good else "http_error", no_retry)
        except TimeoutError:
            ack = Ack(None, "", "http_timeout")
        except httpx.HTTPError:
            ack = Ack(None, "", "connection_failed")
        self.log.append(Delivered(kind, url, headers, body, ack))
        return ack

    async def aclose(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.aclose()
            self._client = None
