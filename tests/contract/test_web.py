"""The web application: alive, ready, bounded bodies, ids on every answer, and no traceback to a caller."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from bot.logs import JsonFormatter, configure_logging
from bot.operations.doctor import Finding
from bot.settings import load_settings
from bot.web import MOST_BODY_BYTES, create_web_app
from bot.wiring.health import examine_storage
from bot.wiring.installation import open_database
from storage.migrations import migrate


class Slack:
    """Stands where Slack's edge does: reads the body, or falls over."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = b""
        more = True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        if body == b"fall over":
            raise RuntimeError("the secret is xyzzy")
        await PlainTextResponse(f"{scope['method']} {len(body)}")(scope, receive, send)


def ask(app: ASGIApp, method: str, path: str, content: bytes = b"", **headers: str) -> httpx.Response:
    async def go() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://bot") as client:
            return await client.request(method, path, content=content, headers=headers)

    return asyncio.run(go())


@pytest.fixture
def app() -> ASGIApp:
    return create_web_app(lambda: [Finding("database", "ok", "")], slack=Slack())


def test_alive(app: ASGIApp) -> None:
    answer = ask(app, "GET", "/healthz")
    assert (answer.status_code, answer.text) == (200, "ok")
    assert len(answer.headers["x-request-id"]) == 16


def test_what_slack_sends_arrives_where_slack_sends_it(app: ASGIApp) -> None:
    answer = ask(app, "POST", "/slack/events", b"hello")
    assert (answer.status_code, answer.text) == (200, "POST 5")


def test_without_slack_there_is_nothing_there() -> None:
    assert ask(create_web_app(list), "POST", "/slack/events", b"hello").status_code == 404


def test_a_body_has_a_limit(app: ASGIApp) -> None:
    assert ask(app, "POST", "/slack/events", b"x" * MOST_BODY_BYTES).text == f"POST {MOST_BODY_BYTES}"
    answer = ask(app, "POST", "/slack/events", b"x" * (MOST_BODY_BYTES + 1))
    assert (answer.status_code, answer.text) == (413, "The body is too large.")


def test_a_fault_is_logged_and_not_told(app: ASGIApp, caplog: pytest.LogCaptureFixture) -> None:
    answer = ask(app, "POST", "/slack/events", b"fall over")
    assert answer.status_code == 500
    assert "xyzzy" not in answer.text
    assert "Traceback" not in answer.text
    assert any(record.exc_info for record in caplog.records)


def test_ready_when_database_tables_and_policy_are(tmp_path: Path) -> None:
    settings = load_settings({"DATABASE_URL": f"sqlite:///{tmp_path / 'whose.db'}"}, env_file=None)
    app = create_web_app(lambda: examine_storage(settings))
    answer = ask(app, "GET", "/readyz")
    assert answer.status_code == 503
    assert answer.json() == {"ready": False, "checks": {"database": "ok", "tables": "wrong", "policy": "ok"}}
    database = open_database(settings)
    migrate(database)
    database.close()
    answer = ask(app, "GET", "/readyz")
    assert answer.status_code == 200
    assert answer.json()["ready"] is True


def test_not_ready_when_the_database_cannot_be_reached() -> None:
    url = "postgresql://whose:hunter2@127.0.0.1:1/whose"
    settings = load_settings({"DATABASE_URL": url}, env_file=None)
    answer = ask(create_web_app(lambda: examine_storage(settings)), "GET", "/readyz")
    assert answer.status_code == 503
    assert answer.json()["checks"] == {"database": "wrong", "policy": "ok"}
    assert "hunter2" not in answer.text


def test_the_lifespan_is_entered_and_left() -> None:
    seen = []

    @asynccontextmanager
    async def lifespan() -> AsyncIterator[None]:
        seen.append("in")
        yield
        seen.append("out")

    async def serve() -> None:
        app = create_web_app(list, lifespan=lifespan)
        async with app.router.lifespan_context(app):
            assert seen == ["in"]

    asyncio.run(serve())
    assert seen == ["in", "out"]


def test_log_lines_are_json_with_the_request_and_without_secrets(capsys: pytest.CaptureFixture[str]) -> None:
    before = logging.getLogger().handlers[:], logging.getLogger().level
    try:
        configure_logging("info", secrets=["hunter2"])
        ask(create_web_app(list, slack=Slack()), "POST", "/slack/events", b"fall over", authorization="hunter2")
        logging.getLogger("bot.x").info("token %s and xoxb-12345678-abc", "hunter2", extra={"count": 3})
    finally:
        logging.getLogger().handlers[:], level = before
        logging.getLogger().setLevel(level)
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    fault, access, last = (line for line in lines if line["logger"].startswith("bot."))
    assert fault["request_id"] == access["request_id"]
    assert (access["path"], access["status"]) == ("/slack/events", 500)
    assert last["message"] == "token ••• and •••"
    assert last["count"] == 3
    assert last["at"].endswith("+00:00")


def test_libraries_are_not_let_tell_what_people_wrote(capsys: pytest.CaptureFixture[str]) -> None:
    before = logging.getLogger().handlers[:], logging.getLogger().level
    bolt = logging.getLogger("slack_bolt.AsyncApp")
    try:
        configure_logging("debug")
        bolt.setLevel(logging.DEBUG)  # as Bolt itself does
        bolt.debug("body: because the customer left")
        bolt.warning("As `installation_store` or `authorize` has been used, `token` will be ignored.")
        bolt.error("a listener failed")
    finally:
        logging.getLogger().handlers[:], level = before
        logging.getLogger().setLevel(level)
    assert [json.loads(line)["message"] for line in capsys.readouterr().err.splitlines()] == ["a listener failed"]


def test_the_formatter_does_not_need_a_request() -> None:
    record = logging.makeLogRecord({"msg": "hello", "levelname": "INFO"})
    assert "request_id" not in json.loads(JsonFormatter([]).format(record))
