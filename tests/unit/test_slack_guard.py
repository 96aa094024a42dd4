"""What is turned away before Bolt, with which status, and what is let through unchanged."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from starlette.responses import JSONResponse, Response

from bot.slack.guard import MOST_BODY_BYTES, Guard

NOW = 1_767_605_400
SECRET = "not-so-secret"
FORM = "application/x-www-form-urlencoded"


async def echo(payload: dict[str, Any]) -> Response:
    return JSONResponse(payload)


def signed(body: bytes, timestamp: str, secret: str = SECRET) -> str:
    return "v0=" + hmac.new(secret.encode(), f"v0:{timestamp}:".encode() + body, hashlib.sha256).hexdigest()


def ask(body: bytes = b"payload=%7B%7D", method: str = "POST", **changes: str | None) -> httpx.Response:
    timestamp = changes.get("x_slack_request_timestamp") or str(NOW)
    headers: dict[str, str | None] = {
        "x-slack-request-timestamp": timestamp,
        "x-slack-signature": signed(body, timestamp),
        "content-type": FORM,
    }
    headers |= {name.replace("_", "-"): value for name, value in changes.items()}
    kept = [
        (name.encode(), value.encode("utf-8", "surrogatepass")) for name, value in headers.items() if value is not None
    ]

    async def go() -> httpx.Response:
        transport = httpx.ASGITransport(Guard(echo, SECRET, lambda: NOW + 1.0))
        async with httpx.AsyncClient(transport=transport, base_url="http://bot") as client:
            return await client.request(method, "/slack/events", content=body, headers=kept)

    return asyncio.run(go())


@pytest.mark.parametrize(
    ("body", "kind", "payload"),
    [
        (
            urlencode({"payload": json.dumps({"type": "block_actions", "text": "ü<&"})}),
            FORM,
            {"type": "block_actions", "text": "ü<&"},
        ),
        (
            '{"type": "event_callback", "event": {"tab": "home"}}',
            "application/json",
            {"type": "event_callback", "event": {"tab": "home"}},
        ),
        ("command=%2Fwhose&text=&user_id=U111", FORM, {"command": "/whose", "text": "", "user_id": "U111"}),
        ("command=%2Fwhose&text=the+payload+token", FORM, {"command": "/whose", "text": "the payload token"}),
        ("", FORM, {}),
    ],
    ids=["a click", "an event", "a command", "a command about a payload", "nothing"],
)
def test_a_signed_request_passes_and_is_parsed(body: str, kind: str, payload: dict[str, Any]) -> None:
    answer = ask(body.encode(), content_type=kind)
    assert (answer.status_code, answer.json()) == (200, payload)


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_only_post(method: str) -> None:
    answer = ask(method=method)
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


@pytest.mark.parametrize(
    "timestamp",
    [None, "", "soon", "-1", "1e9", "１７６７６０５４００", "1" * 13, " 1767605400", "1767605400.5", "0x10", "NaN"],
)
def test_a_timestamp_that_is_no_number_is_401(timestamp: str | None) -> None:
    body = b"payload=%7B%7D"
    answer = ask(body, x_slack_request_timestamp=timestamp, x_slack_signature=signed(body, str(NOW)))
    assert answer.status_code == 401


@pytest.mark.parametrize("age", [-302, 302, 10_000])
def test_an_old_or_future_timestamp_is_401(age: int) -> None:
    assert ask(x_slack_request_timestamp=str(NOW - age)).status_code == 401


@pytest.mark.parametrize(
    "signature", [None, "", "v0=", "v0=00", "v1=abc", signed(b"payload=%7B%7D", str(NOW), "other")]
)
def test_a_signature_that_does_not_fit_is_401(signature: str | None) -> None:
    assert ask(x_slack_signature=signature).status_code == 401


def test_a_changed_body_is_401() -> None:
    assert ask(b"payload=%7B%22a%22%3A1%7D", x_slack_signature=signed(b"payload=%7B%7D", str(NOW))).status_code == 401


@pytest.mark.parametrize("kind", [None, "", "text/plain", "multipart/form-data", "application/xml"])
def test_another_content_type_is_415(kind: str | None) -> None:
    assert ask(content_type=kind).status_code == 415


def test_a_charset_behind_the_content_type_is_fine() -> None:
    assert ask(content_type=f"{FORM.upper()}; charset=utf-8").status_code == 200


def test_too_much_is_413_whether_it_says_so_or_not() -> None:
    assert ask(b"x" * (MOST_BODY_BYTES + 1)).status_code == 413
    assert ask(content_length="9" * 40).status_code == 413


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"payload=%7Bnot+json", FORM),
        (b"payload=%5B1%2C2%5D", FORM),
        (b"payload=null", FORM),
        (b"payload=", FORM),
        (b"payload=" + b"%5B" * 100_000, FORM),
        (b"\xff\xfe\x00payload", FORM),
        (b"&".join(b"a=1" for _ in range(1_000)), FORM),
        (b"[]", "application/json"),
        (b"{", "application/json"),
        (b"", "application/json"),
        (b'{"a":' * 50_000, "application/json"),
        (b"\xc3\x28", "application/json"),
    ],
)
def test_a_signed_body_that_cannot_be_read_is_400(body: bytes, kind: str) -> None:
    answer = ask(body, content_type=kind)
    assert answer.status_code == 400
    assert "Traceback" not in answer.text


def test_without_a_secret_there_is_no_door() -> None:
    with pytest.raises(ValueError, match="signing secret"):
        Guard(echo, "", lambda: 0.0)
