"""Replies of an issuing system that lies, breaks off or goes on for ever, and what may be concluded of each."""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from bot.rules.issuing import Accepted, NotDone, Rejected, Unclear
from tests.servers.issuers.hostile import Asked, Play, Wire, reply, says

MOST_BYTES: Final = 100_000
"""What the connectors in this table read of a body."""
_UNCLEAR: Final = (Unclear,)
_NOT_DONE: Final = (NotDone,)
_REJECTED: Final = (Rejected,)
_ANY_BUT_YES: Final = (Rejected, NotDone, Unclear)
_YES_PROVES_NOTHING: Final = {"oauth2": (Accepted,)}
"""RFC 7009: a 200 is a yes, whatever its body is. It is the introspection that has to be believed."""
_MAY_ASK_AGAIN: Final = {"github": _ANY_BUT_YES}
"""GitHub's connector renews a token that is refused, and looks for what answers 404 or moved."""


@dataclass(frozen=True)
class Row:
    """One reply. Whatever it is: an end is never confirmed by it, a list never read, nothing seen or missed."""

    name: str
    play: Play
    act: tuple[type, ...]
    """What a revocation that gets it may come to."""
    look: tuple[type, ...]
    act_of: Mapping[str, tuple[type, ...]] = field(default_factory=dict)
    """The same for single connectors that know more."""
    look_of: Mapping[str, tuple[type, ...]] = field(default_factory=dict)


def _sends(*parts: bytes) -> Play:
    def play(_: Asked, wire: Wire) -> None:
        for part in parts:
            wire.send(part)

    return play


def _then(first: bytes, after: str) -> Play:
    def play(_: Asked, wire: Wire) -> None:
        wire.send(first)
        getattr(wire, after)()

    return play


def _trickles(head: bytes, rest: bytes) -> Play:
    def play(_: Asked, wire: Wire) -> None:
        wire.send(head)
        wire.trickle(rest)

    return play


def _broken(name: str, play: Play) -> Row:
    return Row(name, play, _UNCLEAR, _UNCLEAR)


def _waits(name: str, status: int, headers: dict[str, str]) -> Row:
    return Row(name, says(status, b"", headers), _NOT_DONE, _NOT_DONE)


def _body(name: str, body: bytes | object, headers: dict[str, str] | None = None) -> Row:
    """A yes with a body that is none: nobody may take it for one, where a body is due."""
    act = {**_YES_PROVES_NOTHING}
    return Row(name, says(200, body, headers), _ANY_BUT_YES, (Unclear, Rejected), act)


_HEAD: Final = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
_TWICE: Final = gzip.compress(gzip.compress(bytes(5_000_000)))
_DATE: Final = {"date": "Wed, 01 Jul 2026 10:00:00 GMT"}

BROKEN: Final = [
    _broken("silence", _then(b"", "hang")),
    _broken("silence after the head", _then(_HEAD + b"content-length: 20\r\n\r\n", "hang")),
    _broken("a head that trickles", _trickles(_HEAD, b"x-more: and more\r\n" * 500)),
    _broken("a body that trickles", _trickles(_HEAD + b"content-length: 9000\r\n\r\n", b"[" + b" " * 9_000)),
    _broken("hints without end", _trickles(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n" * 500)),
    _broken("hanging up at once", _sends()),
    _broken("a reset at once", _then(b"", "reset")),
    _broken("a reset in the body", _then(_HEAD + b"content-length: 99\r\n\r\n[", "reset")),
    _broken("an end before its length", _sends(_HEAD + b"content-length: 99\r\n\r\n[]")),
    _broken("chunks without an end", _sends(_HEAD + b"transfer-encoding: chunked\r\n\r\n2\r\n[]\r\n")),
    _broken("a chunk of no length", _sends(_HEAD + b"transfer-encoding: chunked\r\n\r\nZZ\r\n[]\r\n")),
    _broken("two lengths", _sends(_HEAD + b"content-length: 2\r\ncontent-length: 5\r\n\r\n[]")),
    _broken("no HTTP", _sends(b"SSH-2.0-OpenSSH_9.6\r\n\r\n")),
    _broken("zero bytes in the head", _sends(b"HTTP/1.1 200 OK\r\nx: \x00\r\ncontent-length: 0\r\n\r\n")),
    _broken("a head of 300 kB", _sends(_HEAD + b"x-more: " + b"a" * 300_000 + b"\r\n\r\n")),
    _broken("10 MB", says(200, b"[" + b" " * 10_000_000 + b"]")),
    _broken("10 MB without a length", _sends(_HEAD + b"\r\n" + b" " * 10_000_000)),
    _broken("a bomb of 60 MB", says(200, gzip.compress(bytes(60_000_000), 9), {"content-encoding": "gzip"})),
    _broken(
        "a bomb in a bomb",
        says(200, _TWICE, {"content-encoding": "gzip, gzip"}),
    ),
    _broken("gzip that is none", says(200, b"[]", {"content-encoding": "gzip"})),
    _broken("a packing nobody asked for", says(200, b"[]", {"content-encoding": "br"})),
    *(_broken(f"status {status}", says(status, {"error": "x"})) for status in (408, 500, 502, 504, 599)),
    _broken("503 without a time", says(503)),
    _broken("503 with a time that is none", says(503, b"", {"retry-after": "tomorrow"})),
]

TOO_FAST: Final = [
    _waits("429", 429, {}),
    _waits("429 for seconds", 429, {"retry-after": "2"}),
    _waits("429 until a date", 429, _DATE | {"retry-after": "Wed, 01 Jul 2026 10:00:05 GMT"}),
    _waits("429 until long ago", 429, _DATE | {"retry-after": "Thu, 01 Jan 1970 00:00:00 GMT"}),
    _waits("429 until the year 9999", 429, _DATE | {"retry-after": "Fri, 31 Dec 9999 23:59:59 GMT"}),
    _waits("429 until a date beyond numbers", 429, _DATE | {"retry-after": f"Mon, 01 Jan {10**30} 00:00:00 GMT"}),
    _waits("429 for a thousand years", 429, {"retry-after": "31536000000"}),
    _waits("429 for less than nothing", 429, {"retry-after": "-1"}),
    _waits("429 by a clock that is years off", 429, {"date": "Mon, 01 Jan 1990 00:00:00 GMT", "retry-after": "3"}),
    _waits("503 for seconds", 503, {"retry-after": "2"}),
    _waits("403 for seconds", 403, {"retry-after": "2"}),
]

NO: Final = [
    Row(f"status {status}", says(status, {"error": "x"}), _REJECTED, _REJECTED, _MAY_ASK_AGAIN, _MAY_ASK_AGAIN)
    for status in (401, 402, 403, 405, 409, 418, 422)
]

YES_AND_NONSENSE: Final = [
    _body("an error in a 200", {"error": "not_allowed", "success": False}),
    _body("no body", b""),
    _body("a page for people", b"<html><h1>Sign in</h1></html>", {"content-type": "text/html"}),
    _body("a page that says it is JSON", b"<html></html>"),
    _body("half of JSON", b'{"data": [{"id": "1"'),
    _body("null", b"null"),
    _body("a text", b'"ok"'),
    _body("a number", b"1"),
    _body("an empty object", b"{}"),
    _body("a list of nulls", b"[null, null]"),
    _body("an object in place of a list", {"data": {"id": "tok-1"}, "success": False}),
    _body("100,000 brackets", b"[" * 90_000),
    _body("a number of 5,000 digits", b'{"data": ' + b"9" * 5_000 + b"}"),
    _body("bytes that are no UTF-8", b'{"data": "\xff\xfe"}'),
    _body("UTF-16", '{"data": []}'.encode("utf-16")),
    _body("zero bytes", bytes(50)),
    _body("a half of a character", b'{"data": [{"id": "\\ud800"}], "success": false}'),
    Row("204 without an effect", says(204), (Accepted,), (Unclear, Rejected), {"oauth2": _UNCLEAR}),
    Row("206, a part", says(206, b"[]"), _ANY_BUT_YES, (Unclear, Rejected)),
    Row("202, later", says(202, b""), (*_ANY_BUT_YES, Accepted), (Unclear, Rejected)),
]

TABLE: Final = [*BROKEN, *TOO_FAST, *NO, *YES_AND_NONSENSE]
REDIRECTS: Final = (301, 302, 303, 307, 308)


def redirect(status: int, to: str) -> Play:
    return _sends(reply(status, b"", {"location": to}))
