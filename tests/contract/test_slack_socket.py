"""Socket Mode: the same app over a connection that we open, against a server that speaks Slack's side of it."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import WSMsgType, web

from bot.operations.commands import Answer, Command, Done
from bot.operations.context import Context
from bot.rules.policy_file import default_policy_text, load_policy
from bot.slack.app import SlackEdge, SlackSettings
from bot.slack.desk import Services
from bot.slack.socket import warn_of_ghosts
from storage.database import Database
from storage.people import ChatIdentity, Person
from tests.servers.fake_clock import FakeClock


class SocketServer:
    """``apps.connections.open`` and one web socket: says hello, sends envelopes, and keeps what is answered."""

    def __init__(self, connections: int) -> None:
        self.connections = connections
        self.tokens: list[str] = []
        self.answers: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.closed = asyncio.Event()
        self._socket: web.WebSocketResponse | None = None
        self.url = ""

    async def open(self, request: web.Request) -> web.Response:
        self.tokens.append(request.headers["authorization"])
        return web.json_response({"ok": True, "url": self.url.replace("http", "ws") + "/link"})

    async def auth(self, _request: web.Request) -> web.Response:
        return web.json_response({"ok": True, "user_id": "UBOT", "bot_id": "B1", "team_id": "T1"})

    async def link(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self._socket = socket
        await socket.send_json({"type": "hello", "num_connections": self.connections, "connection_info": {}})
        async for message in socket:
            if message.type == WSMsgType.TEXT:
                await self.answers.put(json.loads(message.data))
        self.closed.set()
        return socket

    async def send(self, envelope: dict[str, Any]) -> dict[str, Any]:
        while self._socket is None:
            await asyncio.sleep(0.01)
        await self._socket.send_json(envelope)
        return await asyncio.wait_for(self.answers.get(), 10)


@asynccontextmanager
async def served(server: SocketServer) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_post("/api/apps.connections.open", server.open)
    app.router.add_post("/api/auth.test", server.auth)
    app.router.add_get("/link", server.link)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield f"{server.url}/api/"
    finally:
        await runner.cleanup()


def never(_ctx: Context, command: Command) -> Answer:
    return Done(command.verb.value, command.request_id, "x")


def test_a_command_over_the_socket_is_answered_and_the_connection_closed(
    sqlite_database: Database, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    now = clock.now()
    with sqlite_database.write() as session:
        session.add(Person(id=1, email="ana@example.com", name="Ana", created_at=now, updated_at=now))
        session.flush()
        session.add(ChatIdentity(person_id=1, platform="slack", workspace="T1", user_id="U111"))
    ctx = Context(sqlite_database, clock.now, load_policy(default_policy_text(), "the shipped policy"), "slack:T1")

    async def play() -> dict[str, Any]:
        server = SocketServer(connections=3)
        async with served(server) as api_url:
            settings = SlackSettings("xoxb-test", app_token="xapp-test", api_url=api_url)
            async with SlackEdge(ctx, settings, Services(decide=never)).running():
                typed = {"command": "/whose", "text": "help", "user_id": "U111", "team_id": "T1"}
                envelope = {"envelope_id": "e1", "type": "slash_commands", "accepts_response_payload": True}
                answer = await server.send({**envelope, "payload": typed})
            await asyncio.wait_for(server.closed.wait(), 10)
        assert server.tokens == ["Bearer xapp-test"]
        return answer

    with caplog.at_level(logging.WARNING, "bot.slack.socket"):
        answer = asyncio.run(play())
    assert answer["envelope_id"] == "e1"
    assert "What you can ask" in json.dumps(answer["payload"])
    assert "3 connections open" in caplog.text


@pytest.mark.parametrize(
    ("hello", "warned"),
    [
        ({"num_connections": 1}, False),
        ({"num_connections": 2}, True),
        ({}, False),
        ({"num_connections": "many"}, False),
    ],
)
def test_other_connections_of_the_app_are_noticed(hello: dict[str, Any], warned: bool) -> None:
    assert warn_of_ghosts(hello) is warned
