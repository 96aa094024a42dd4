"""One call to an issuing system: bounded in time and size, classified by what is known of it, and silent about us."""

from __future__ import annotations

import gzip
import time
import zlib
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from bot.issuers.calls import Answer, Caller, Limits, retry_after
from bot.rules.issuing import NotDone, Unclear
from tests.servers.issuers.hostile import Asked, Hostile, Play, Wire, hostile, reply, says, self_signed

_SECRET = "s3cr3t-of-ours"
_QUICK = Limits(connect=2.0, step=0.3, total=0.8, most_bytes=50_000)


@pytest.fixture
def server() -> Iterator[Hostile]:
    with hostile(says(200, {"ok": True})) as running:
        yield running


def call(server: Hostile, path: str = "tokens", method: str = "GET") -> Answer | NotDone | Unclear:
    caller = Caller(server.url, {"authorization": f"Bearer {_SECRET}"}, limits=_QUICK)
    try:
        said = caller.call(method, path)
    finally:
        caller.close()
    assert _SECRET not in repr(said)
    assert _SECRET not in repr(caller)
    return said


def test_an_answer_is_read_in_full(server: Hostile) -> None:
    said = call(server)
    assert isinstance(said, Answer)
    assert said.ok
    assert said.json() == {"ok": True}
    assert server.asked[0].headers["authorization"] == f"Bearer {_SECRET}"


def test_a_packed_answer_is_unpacked(server: Hostile) -> None:
    server.play = says(200, gzip.compress(b"[1]"), {"content-encoding": "gzip"})
    said = call(server)
    assert isinstance(said, Answer)
    assert said.json() == [1]


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("gzip", gzip.compress(bytes(60_000_000), 9)),
        ("gzip", gzip.compress(gzip.compress(bytes(50_001)) + bytes(50_000))),
        ("identity", bytes(50_001)),
    ],
)
def test_no_more_is_unpacked_than_an_answer_may_be_long(server: Hostile, encoding: str, body: bytes) -> None:
    server.play = says(200, body, {"content-encoding": encoding})
    said = call(server)
    assert isinstance(said, Unclear)
    assert "more than 50,000 bytes" in said.detail


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("gzip", b"no gzip at all"),
        ("gzip", gzip.compress(b"cut short" * 100)[:-20]),
        ("deflate", zlib.compress(b"[]")),
        ("gzip, gzip", gzip.compress(gzip.compress(b"[]"))),
        ("br", b"[]"),
    ],
    ids=["not gzip", "cut short", "deflate", "gzip twice", "brotli"],  # packed bytes hold the time of day
)
def test_a_packing_that_was_not_asked_for_is_not_read(server: Hostile, encoding: str, body: bytes) -> None:
    server.play = says(200, body, {"content-encoding": encoding})
    assert isinstance(call(server), Unclear)


def _trickling_head(_: Asked, wire: Wire) -> None:
    wire.trickle(b"HTTP/1.1 200 OK\r\n" + b"x-more: and more\r\n" * 1000)


def _trickling_body(_: Asked, wire: Wire) -> None:
    wire.send(b"HTTP/1.1 200 OK\r\ncontent-length: 10000\r\n\r\n")
    wire.trickle(bytes(10_000))


def _early_hints_for_ever(_: Asked, wire: Wire) -> None:
    wire.trickle(b"HTTP/1.1 103 Early Hints\r\n\r\n" * 1000)


@pytest.mark.parametrize("play", [_trickling_head, _trickling_body, _early_hints_for_ever])
def test_a_trickle_ends_with_the_time_of_the_whole_call(server: Hostile, play: Play) -> None:
    server.play = play
    before = time.monotonic()
    assert isinstance(call(server), Unclear)
    assert time.monotonic() - before < 5.0


def test_silence_reset_and_an_early_end_leave_it_unclear(server: Hostile) -> None:
    for play in (
        lambda _, wire: wire.hang(),
        lambda _, wire: wire.reset(),
        lambda _, wire: None,
        lambda _, wire: wire.send(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n[]"),
        lambda _, wire: wire.send(b"\x00\x01 this is no HTTP\r\n\r\n"),
        lambda _, wire: wire.send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nZZ\r\n"),
    ):
        server.play = play
        assert isinstance(call(server, method="DELETE"), Unclear)


def test_what_cannot_be_reached_was_not_done(server: Hostile, tmp_path: Path) -> None:
    assert isinstance(Caller("http://127.0.0.1:1", limits=_QUICK).call("GET", "x"), NotDone)
    with hostile(says(200), self_signed(tmp_path)) as untrusted:
        said = call(untrusted)
        assert isinstance(said, NotDone)
        assert "certificate" in said.reason
        assert untrusted.asked == []


def test_a_certificate_that_an_operator_names_is_trusted(tmp_path: Path) -> None:
    certificate, key = self_signed(tmp_path)
    with hostile(says(200), (certificate, key)) as server:
        assert isinstance(Caller(server.url, verify=str(certificate), limits=_QUICK).call("GET", "x"), Answer)


@pytest.mark.parametrize(
    "path",
    [
        "http://other.example.com/x",
        "//other.example.com/x",
        "https://127.0.0.1/x",
        "http://127.0.0.1:1/x",
        "http://[",
        "http://a:99999999/",
        "x\x00y",
        "x" * 70_000,
        "http://\ud800/",
    ],
)
def test_no_credential_goes_to_another_host(server: Hostile, path: str) -> None:
    assert isinstance(call(server, path), Unclear)
    assert server.asked == []


def test_an_address_with_a_user_in_it_does_not_change_who_we_are(server: Hostile) -> None:
    assert isinstance(call(server, server.url.replace("://", "://eve:word@")), Unclear)
    assert server.asked == []


def test_a_redirect_is_not_followed(server: Hostile) -> None:
    with hostile(says(200)) as other:
        server.play = says(307, b"", {"location": f"{other.url}/x"})
        said = call(server)
        assert isinstance(said, Answer)
        assert said.status == 307
        assert other.asked == []


@pytest.mark.parametrize(
    ("status", "headers", "wait"),
    [
        (429, {}, 30.0),
        (429, {"retry-after": "7"}, 7.0),
        (429, {"retry-after": "0"}, 1.0),
        (429, {"retry-after": "-5"}, 30.0),
        (429, {"retry-after": "99999999999999999999"}, 3600.0),
        (429, {"retry-after": "soon"}, 30.0),
        (429, {"retry-after": "Mon, 01 Jan 99999999999999 00:00:00 GMT"}, 30.0),
        (429, {"date": "Wed, 01 Jul 2026 10:00:00 GMT", "retry-after": "Wed, 01 Jul 2026 10:00:40 GMT"}, 40.0),
        (429, {"date": "Wed, 01 Jul 2026 10:00:00 GMT", "retry-after": "Wed, 01 Jul 1970 10:00:40 GMT"}, 1.0),
        (429, {"date": "Wed, 01 Jul 2026 10:00:00 GMT", "retry-after": "Fri, 31 Dec 9999 23:59:40 -1200"}, 30.0),
        (503, {"retry-after": "9"}, 9.0),
        (403, {"retry-after": "9"}, 9.0),
    ],
)
def test_too_fast_was_not_done(server: Hostile, status: int, headers: dict[str, str], wait: float) -> None:
    server.play = says(status, b"", headers)
    said = call(server, method="DELETE")
    assert isinstance(said, NotDone)
    assert said.retry_after == wait


def test_a_limit_that_is_spent_says_when_it_is_filled_again() -> None:
    said = {"date": "Thu, 01 Jan 1970 00:01:00 GMT", "x-ratelimit-remaining": "0", "x-ratelimit-reset": "95"}
    assert retry_after(said, 403) == 35.0
    assert retry_after(said, 404) is None


@pytest.mark.parametrize("status", [408, 500, 502, 503, 504, 599])
def test_what_broke_over_there_is_unclear(server: Hostile, status: int) -> None:
    server.play = says(status, {"token": _SECRET}, {"x-request-id": "r-1"})
    said = call(server, method="DELETE")
    assert isinstance(said, Unclear)
    assert said.request_id == "r-1"


def test_an_id_of_a_call_is_short_and_printable(server: Hostile) -> None:
    server.play = lambda _, wire: wire.send(reply(200, b"", {"x-request-id": "a\x7f\xe9" + "b" * 500}))
    said = call(server)
    assert isinstance(said, Answer)
    assert said.request_id == "a" + "b" * 99


@pytest.mark.parametrize("body", [b"", b"{", b"[" * 100_000, b"\xff\xfe", b"1" * 5000, b"\x00"])
def test_what_is_no_json_is_a_value_error(body: bytes) -> None:

    with pytest.raises(ValueError):
        Answer(200, httpx.Headers(), body).json()
