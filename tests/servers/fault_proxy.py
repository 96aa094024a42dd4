"""A server between the bot and the workspace that makes trouble, as networks and platforms do; by chance, from a seed.

    with running_workspace() as slack, fault_proxy(slack.site, chance, OUTBOUND, rate=0.2) as proxy:
        SlackSender(lane, slack.bot_token, f"{proxy.url}/api/")

It stands in the way of calls to the Web API (:data:`OUTBOUND`) or of what Slack sends to the bot (:data:`INBOUND`).
"""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import Enum

import httpx
from starlette.types import Receive, Scope, Send

from tests.servers.workspace import serving

_NOT_PASSED_ON = {b"host", b"connection", b"content-length", b"transfer-encoding", b"accept-encoding"}
_LATE = 0.05  # seconds
_PATIENCE = 30.0


class Trouble(Enum):
    """What may become of a request."""

    DROP_REQUEST = "the connection breaks before anything happened"
    DROP_REPLY = "it happened, and the connection breaks"
    CUT_REPLY = "it happened, and half of the reply comes"
    LATE_REPLY = "it happened, and the reply is late"
    TOO_MANY = "429 with Retry-After; nothing happened"
    RATE_LIMITED = "ok: false, rate_limited; nothing happened"
    FAILED_BEFORE = "503; nothing happened"
    FAILED_AFTER = "it happened, and the answer is 502"
    TWICE = "it is delivered twice at once"


OUTBOUND = tuple(one for one in Trouble if one is not Trouble.TWICE)
INBOUND = (Trouble.TWICE, Trouble.LATE_REPLY, Trouble.DROP_REPLY)
_DONE_FIRST = {Trouble.DROP_REPLY, Trouble.CUT_REPLY, Trouble.LATE_REPLY, Trouble.FAILED_AFTER, Trouble.TWICE, None}


class FaultProxy:
    """The ASGI application. ``made`` counts the trouble that was made; ``rate`` and ``kinds`` may be
    set at any time."""

    def __init__(self, target: str, chance: random.Random, kinds: Sequence[Trouble], rate: float) -> None:
        """``target`` is the server behind, without a slash at the end; ``rate`` is a share of the requests."""
        self.url = ""
        self.rate, self.kinds = rate, kinds
        self.made: Counter[Trouble] = Counter()
        self._target, self._chance = target, chance
        self._under_way = 0

    def wait_until_idle(self) -> None:
        """Return when nothing is on its way any more: a process that was killed leaves requests behind."""
        deadline = time.monotonic() + _PATIENCE
        while self._under_way:
            assert time.monotonic() < deadline, "the fault proxy does not come to rest"
            time.sleep(0.002)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        assert scope["type"] == "http"
        self._under_way += 1
        try:
            await self._serve(scope, receive, send)
        finally:
            self._under_way -= 1

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        trouble = self._chance.choice(self.kinds) if self._chance.random() < self.rate else None
        body = await _body_of(receive)
        answer = await self._forward(scope, body, twice=trouble is Trouble.TWICE) if trouble in _DONE_FIRST else None
        if trouble is not None:
            self.made[trouble] += 1
        match trouble:
            case Trouble.DROP_REQUEST | Trouble.DROP_REPLY:
                await _hang_up(receive, send)
            case Trouble.CUT_REPLY:
                assert answer is not None
                await _reply(send, 200, answer.content[: len(answer.content) // 2], cut=True)
                await _hang_up(receive, send)
            case Trouble.TOO_MANY:
                await _reply(send, 429, b'{"ok":false,"error":"ratelimited"}', {"retry-after": "5"})
            case Trouble.RATE_LIMITED:
                await _reply(send, 200, json.dumps({"ok": False, "error": "rate_limited"}).encode())
            case Trouble.FAILED_BEFORE | Trouble.FAILED_AFTER:
                await _reply(send, 503 if answer is None else 502, b"upstream error", {"content-type": "text/plain"})
            case _:
                assert answer is not None
                if trouble is Trouble.LATE_REPLY:
                    await asyncio.sleep(_LATE)
                await _reply(send, answer.status_code, answer.content, dict(answer.headers))

    async def _forward(self, scope: Scope, body: bytes, *, twice: bool) -> httpx.Response:
        headers = [(name, value) for name, value in scope["headers"] if name.lower() not in _NOT_PASSED_ON]
        query = scope["query_string"].decode()
        url = f"{self._target}{scope['path']}{'?' if query else ''}{query}"
        async with httpx.AsyncClient(trust_env=False, timeout=_PATIENCE) as client:
            calls = [client.request(scope["method"], url, headers=headers, content=body) for _ in range(1 + twice)]
            first, *_ = await asyncio.gather(*calls)
        return first


@contextmanager
def fault_proxy(
    target: str, chance: random.Random, kinds: Sequence[Trouble] = OUTBOUND, *, rate: float
) -> Iterator[FaultProxy]:
    """Serve a :class:`FaultProxy` on a free port of this machine."""
    proxy = FaultProxy(target, chance, kinds, rate)
    with serving(proxy) as url:
        proxy.url = url
        yield proxy


async def _body_of(receive: Receive) -> bytes:
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return body


async def _reply(
    send: Send, status: int, body: bytes, headers: dict[str, str] | None = None, *, cut: bool = False
) -> None:
    given = {"content-type": "application/json"} | (headers or {})
    kept = [(name.encode(), value.encode()) for name, value in given.items() if name.encode() not in _NOT_PASSED_ON]
    length = 2 * len(body) + 1 if cut else len(body)
    kept = [(name, value) for name, value in kept if name != b"content-encoding"]
    await send(
        {"type": "http.response.start", "status": status, "headers": [*kept, (b"content-length", b"%d" % length)]}
    )
    await send({"type": "http.response.body", "body": body, "more_body": cut})


async def _hang_up(receive: Receive, send: Send) -> None:
    """Break the connection without a word; works beneath uvicorn."""
    getattr(send, "__self__").transport.abort()  # noqa: B009 - uvicorn's own object, which no type describes
    while (await receive())["type"] != "http.disconnect":
        pass
