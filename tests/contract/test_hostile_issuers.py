"""Issuing systems that lie or break: the right outcome of each reply, and not one secret anywhere.

Every row of the table meets every connector that speaks HTTP, in each of the four things it is asked to do.
"""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from bot.errors import UpstreamError
from bot.issuers import calls
from bot.issuers.calls import Limits
from bot.issuers.generic_http import HttpIssuer
from bot.issuers.github import GitHubOptions, GitHubOrganisation
from bot.issuers.github_answers import Sort
from bot.issuers.gitlab import GitLab, GitLabOptions
from bot.issuers.http_options import HttpOptions
from bot.issuers.oauth2 import OAuthOptions, OAuthServer
from bot.issuers.recipe_file import read_recipe
from bot.logs import configure_logging
from bot.operations.issuer_port import Issuer, Tools
from bot.rules.issuing import Absent, Accepted, Credential, NotDone, Rejected, Result, Sighting, Unclear, Verdict
from tests.contract.hostile_replies import MOST_BYTES, REDIRECTS, TABLE, Row, redirect
from tests.servers.issuers.github import private_key
from tests.servers.issuers.hostile import Asked, Hostile, Play, Wire, hostile, reply, says, self_signed
from tests.servers.issuers.tools import Drawer

SECRETS = {"OURS": "made-up-secret-of-ours", "TOKEN": "made-up-secret-of-a-token"}
_INSTALLATION_TOKEN = "made-up-installation-token"
_GITLAB_SELF = {
    "id": 1,
    "name": "ours",
    "revoked": False,
    "active": True,
    "created_at": "2026-01-01T00:00:00Z",
    "expires_at": "2027-01-01",
    "scopes": ["api"],
    "user_id": 1,
}
RECIPE = """\
title: Example
documentation: https://example.com/docs
auth:
  value: Bearer {secret}
list:
  request: GET tokens
  items: /data
  must_not: [{at: /error}]
  paging: {next: /next, most_pages: 20}
  most_items: 50
look:
  request: GET tokens/{external_id}
  must_not: [{at: /error}]
fields:
  external_id: /id
  name: /name
  scopes: /scopes
  used_for: /used_for
  owner_hints: [/owner]
  created_at: /created
  expires_at: {at: /expires, as: seconds}
  last_used_at: {at: /used, as: milliseconds}
  state: {at: /state, disabled: off, expired: [over, 9]}
revoke:
  request: DELETE tokens/{external_id}
  must: [{at: /ok, is: true}]
  same: /id
disable:
  request: POST tokens/{external_id}/off
  body: {id: "{external_id}"}
not_ours: it is of another kind
probe:
  request: GET me
  auth:
    value: Bearer {secret}
"""


@dataclass(frozen=True)
class Subject:
    """A connector, and what it has to get honestly before it asks what the table answers."""

    name: str
    build: Callable[[str, Tools], Issuer]
    credential: Credential
    honest: dict[str, bytes] = field(default_factory=dict)
    """Answers by ``METHOD path``."""
    lists: bool = True

    def play(self, play: Play) -> Play:
        def guarded(asked: Asked, wire: Wire) -> None:
            known = self.honest.get(f"{asked.method} {asked.path}")
            if known is None:
                play(asked, wire)
            else:
                wire.send(known)

        return guarded


def _http(url: str, tools: Tools) -> Issuer:
    # A 204 has no body to hold anything against.
    recipe = RECIPE.replace("  must: [{at: /ok, is: true}]\n  same: /id\n", "") if url.endswith("/plain") else RECIPE
    given = {"base": url, "recipe": read_recipe(recipe, "r"), "secret": "env:OURS", "probe": False}
    return HttpIssuer("example", HttpOptions.model_validate(given), tools)


def _oauth2(url: str, tools: Tools) -> Issuer:
    given = {"revocation_endpoint": f"{url}/revoke", "introspection_endpoint": f"{url}/introspect"}
    options = OAuthOptions.model_validate(given | {"client_id": "whose", "client_secret": "env:OURS"})
    return OAuthServer("auth", options, tools)


def _github(url: str, tools: Tools) -> Issuer:
    given = {"org": "example", "app_id": "1", "installation_id": 2, "private_key": "env:KEY", "api": url}
    return GitHubOrganisation("github", GitHubOptions.model_validate(given | {"credentials": (Sort.PAT,)}), tools)


def _gitlab(url: str, tools: Tools) -> Issuer:
    return GitLab("gitlab", GitLabOptions(url=url, token="env:OURS", projects=(5,), groups=()), tools)


_GRANTED = {
    "token": _INSTALLATION_TOKEN,
    "expires_at": "2026-07-01T10:00:00Z",
    "permissions": {"organization_personal_access_tokens": "write"},
}
SUBJECTS = [
    Subject("http", _http, Credential("tok-1", "env:TOKEN")),
    Subject("oauth2", _oauth2, Credential("tok-1", "env:TOKEN"), lists=False),
    Subject(
        "github",
        _github,
        Credential("pat:11/22"),
        {"POST /app/installations/2/access_tokens": reply(201, _GRANTED)},
    ),
    Subject(
        "gitlab",
        _gitlab,
        Credential("project:5:7"),
        {"GET /api/v4/personal_access_tokens/self": reply(200, _GITLAB_SELF)},
    ),
]


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "USUAL", Limits(connect=2.0, step=0.3, total=0.6, most_bytes=MOST_BYTES))


@pytest.fixture(scope="module")
def key() -> str:
    return private_key()


@contextmanager
def nothing_leaks(key: str) -> Iterator[list[object]]:
    """Everything that is put into the list, and everything that is logged meanwhile, is free of secrets."""
    root, stream, said = logging.getLogger(), io.StringIO(), list[object]()
    before, level = list(root.handlers), root.level
    configure_logging("debug", stream=stream)
    try:
        yield said
    finally:
        root.handlers[:] = before
        root.setLevel(level)
    texts = [stream.getvalue(), *(f"{one} {one!r}" for one in said)]
    for secret in (*SECRETS.values(), _INSTALLATION_TOKEN, key.split("\n")[5]):
        assert not any(secret in text for text in texts)


def outcome(ask: Callable[[], Any]) -> Any:
    """What was answered, or what was raised: an ``UpstreamError`` and nothing else."""
    try:
        return ask()
    except UpstreamError as error:
        return error


@dataclass
class Met:
    """What a connector made of a reply, in each of the things it is asked."""

    revoked: Any
    seen: Any
    verdict: Any
    listed: Any


def meet(subject: Subject, url: str, key: str) -> Met:
    """Ask everything at once."""
    issuer = subject.build(url, Drawer(SECRETS | {"KEY": key}).tools())

    def ask(what: Callable[[Issuer], Any]) -> Any:
        return outcome(lambda: what(issuer))

    with ThreadPoolExecutor(4) as pool, nothing_leaks(key) as said:
        asked = [
            pool.submit(ask, lambda issuer: issuer.revoke(subject.credential)),
            pool.submit(ask, lambda issuer: issuer.look(subject.credential)),
            pool.submit(ask, lambda issuer: issuer.verify(subject.credential)),
            pool.submit(ask, lambda issuer: list(issuer.listing()) if subject.lists else UpstreamError("")),
        ]
        met = Met(*(one.result() for one in asked))
        said += [*vars(met).values(), issuer, vars(issuer)]
    issuer.close()  # type: ignore[attr-defined]
    return met


def never_believed(met: Met) -> None:
    """Whatever came: no end is confirmed, nothing is seen or missed, and no list is one."""
    assert not isinstance(met.verdict, Verdict) or met.verdict.result is not Result.CONFIRMED
    assert not isinstance(met.seen, Sighting | Absent)
    assert isinstance(met.listed, UpstreamError)


@pytest.mark.parametrize("subject", SUBJECTS, ids=lambda one: one.name)
@pytest.mark.parametrize("row", TABLE, ids=lambda one: one.name)
def test_a_reply_leads_to_its_outcome(row: Row, subject: Subject, key: str) -> None:
    with hostile(subject.play(row.play)) as server:
        plain = "/plain" if subject.name == "http" and row.name.startswith("204") else ""
        met = meet(subject, server.url + plain, key)
    never_believed(met)
    assert isinstance(met.revoked, row.act_of.get(subject.name, row.act)), met.revoked
    assert isinstance(met.seen, row.look_of.get(subject.name, row.look)), met.seen
    for one in (met.revoked, met.seen):
        if isinstance(one, NotDone):
            assert 1.0 <= one.retry_after <= 3600.0


def test_the_table_is_long_enough() -> None:
    assert len(TABLE) >= 40
    assert len({row.name for row in TABLE}) == len(TABLE)


@pytest.mark.parametrize("subject", SUBJECTS, ids=lambda one: one.name)
@pytest.mark.parametrize("status", REDIRECTS)
def test_a_redirect_is_followed_nowhere(status: int, subject: Subject, key: str) -> None:
    with hostile(says(200, {"active": False, "data": []})) as other, hostile(says(500)) as server:
        for to in (f"{other.url}/x", f"{server.url}/moved", "//127.0.0.1:1/x", "/moved"):
            server.play = subject.play(redirect(status, to))
            met = meet(subject, server.url, key)
            never_believed(met)
            assert isinstance(met.revoked, Rejected | Unclear | NotDone)
        assert other.asked == []
        assert not any(asked.path == "/moved" for asked in server.asked)


@pytest.mark.parametrize("subject", SUBJECTS, ids=lambda one: one.name)
def test_no_secret_is_sent_to_whoever_cannot_prove_who_he_is(subject: Subject, key: str, tmp_path: Path) -> None:
    with hostile(says(200), self_signed(tmp_path)) as server:
        met = meet(subject, server.url, key)
        assert server.asked == []
    never_believed(met)
    assert isinstance(met.revoked, NotDone)
    assert isinstance(met.seen, NotDone)
    assert "certificate" in met.seen.reason


@pytest.mark.parametrize("subject", SUBJECTS, ids=lambda one: one.name)
def test_nobody_is_there(subject: Subject, key: str) -> None:
    met = meet(subject, "http://127.0.0.1:1", key)
    never_believed(met)
    assert isinstance(met.revoked, NotDone)
    assert isinstance(met.seen, NotDone)


# An authorization server is never told the id.
@pytest.mark.parametrize("subject", [one for one in SUBJECTS if one.name != "oauth2"], ids=lambda one: one.name)
@pytest.mark.parametrize(
    "external_id",
    ["", ".", "..", "../users", "a/b", "a\\b", "a\r\nx-evil: 1", "a\x00b", "\ud800", "x" * 501, " tok-1", "a\u202eb"],
)
def test_an_id_that_would_become_something_else_is_not_sent(external_id: str, subject: Subject, key: str) -> None:
    tools = Drawer(SECRETS | {"KEY": key}).tools()
    with hostile(subject.play(says(200, {"ok": True}))) as server:
        issuer, credential = subject.build(server.url, tools), Credential(external_id, "env:TOKEN")
        assert isinstance(issuer.look(credential), Rejected)
        assert isinstance(issuer.revoke(credential), Rejected)
        if issuer.capabilities.disable:
            assert isinstance(issuer.disable(credential), Rejected)
        assert server.asked == []


# ------------------------------------------------------------------ what a recipe reads

_GOOD: dict[str, Any] = {"id": "tok-1", "name": "drift", "created": "2026-06-01T10:00:00+02:00", "state": "on"}


@pytest.fixture
def server() -> Iterator[Hostile]:
    with hostile(says(500)) as running:
        yield running


@pytest.fixture
def issuer(server: Hostile) -> Issuer:
    return _http(server.url, Drawer(SECRETS).tools())


_WRONG_OF: dict[str, list[Any]] = {
    "id": [None, "", True, 1.5, [], {}, "x" * 501, "a\nb", "a\x00b", "\ud800", " a", 10**600],
    "name": [True, 1.5, {}, [{}], [None]],
    "scopes": [1.5, {}, [1.5], [["a"]]],
    "used_for": [{}, False],
    "owner": [{}, [{}], 1.5],
    "created": [
        *(5, True, [], "soon", "2026-13-01", "9" * 100, "0001-01-01T00:00:00Z"),
        *("9999-12-31T23:59:59-12:00", "2026-06-01T10:00:00+99:00"),
    ],
    "expires": ["soon", True, [], -1, 10**30, 1e300, "1e5", "٣", "9" * 30],
    "used": [{}, "2026-06-01", 10**25],
    "state": [{}, [], 1.5],
}
_WRONG = [{name: value} for name, values in _WRONG_OF.items() for value in values]


@pytest.mark.parametrize("wrong", _WRONG, ids=lambda one: repr(one)[:40])
def test_a_field_of_another_type_is_not_read(wrong: dict[str, Any], server: Hostile, issuer: Issuer, key: str) -> None:
    body = json.dumps(_GOOD | wrong).encode()
    with nothing_leaks(key) as said:
        server.play = says(200, body)
        said.append(issuer.look(Credential("tok-1")))
        assert isinstance(said[-1], Unclear)
        server.play = says(200, b'{"data": [' + body + b"]}")
        said.append(outcome(lambda: list(issuer.listing())))
        assert isinstance(said[-1], UpstreamError)


def test_infinity_is_no_moment(server: Hostile, issuer: Issuer) -> None:
    for odd in (b"1e999", b"NaN", b"-Infinity"):
        server.play = says(200, b'{"id": "tok-1", "expires": ' + odd + b"}")
        assert isinstance(issuer.look(Credential("tok-1")), Unclear)


def test_names_are_shown_as_what_they_are_and_never_longer_than_a_column(server: Hostile, issuer: Issuer) -> None:
    odd = {
        "name": "<!channel> *drift*\x00\x1b[31m\u202e|\n&amp;",
        "scopes": ["read", "w" * 9_000],
        "used_for": "u" * 5_000,
        "owner": "o" * 5_000,
    }
    server.play = says(200, _GOOD | odd)
    seen = issuer.look(Credential("tok-1"))
    assert isinstance(seen, Sighting)
    assert seen.name.startswith("<!channel> *drift*")
    for text, most in ((seen.name, 200), (seen.scopes, 4_000), (seen.used_for, 200), (seen.owner_hints[0], 200)):
        assert text.isprintable()
        assert 0 < len(text) <= most


def test_a_name_that_is_a_secret_is_hidden(server: Hostile, issuer: Issuer) -> None:
    server.play = says(200, _GOOD | {"name": "ghp_" + "aB3" * 12})
    seen = issuer.look(Credential("tok-1"))
    assert isinstance(seen, Sighting)
    assert "ghp_" not in seen.name


def test_an_answer_about_another_one_is_not_believed(server: Hostile, issuer: Issuer) -> None:
    server.play = says(200, {"id": "tok-2", "ok": True})
    assert isinstance(issuer.look(Credential("tok-1")), Unclear)
    assert isinstance(issuer.revoke(Credential("tok-1")), Unclear)
    server.play = says(200, {"id": "tok-1", "ok": 1})
    assert isinstance(issuer.revoke(Credential("tok-1")), Rejected)
    server.play = says(200, {"id": "tok-1", "ok": True})
    assert isinstance(issuer.revoke(Credential("tok-1")), Accepted)


# ------------------------------------------------------------------ pages


def _pages(pages: dict[str, Any]) -> Play:
    def play(asked: Asked, wire: Wire) -> None:
        wire.send(reply(200, pages.get(asked.target, {"data": []})))

    return play


def _item(number: int) -> dict[str, str]:
    return {"id": f"tok-{number}"}


def test_pages_are_read_to_the_end_and_each_id_once(server: Hostile, issuer: Issuer) -> None:
    server.play = _pages(
        {
            "/tokens": {"data": [_item(1), _item(2)], "next": "/tokens?p=2"},
            "/tokens?p=2": {"data": [], "next": f"{server.url}/tokens?p=3"},
            "/tokens?p=3": {"data": [_item(2), _item(3)], "next": None},
        }
    )
    assert [one.external_id for one in issuer.listing()] == ["tok-1", "tok-2", "tok-3"]


def _endless(asked: Asked, wire: Wire) -> None:
    number = int(asked.target.partition("p=")[2] or 0)
    wire.send(reply(200, {"data": [_item(number)], "next": f"/tokens?p={number + 1}"}))


@pytest.mark.parametrize(
    ("play", "said"),
    [
        (says(200, {"data": [_item(1)], "next": "/tokens"}), "twice"),
        (says(200, {"data": [_item(1)], "next": "/tokens?p=2"}), "twice"),
        (says(200, {"data": [], "next": "/tokens?p=2"}), "circles"),
        (_endless, "more than 20 pages"),
        (says(200, {"data": [_item(one) for one in range(60)]}), "more than 50 items"),
        (says(200, {"data": [_item(1)], "next": 1.5}), "goes on"),
        (says(200, {"data": [_item(1)], "next": {"href": "/x"}}), "goes on"),
        (says(200, {"data": [_item(1)], "next": "/tokens?\r\nx-evil: 1"}), "goes on"),
        (says(200, {"data": [_item(1)], "next": "/t?" + "x" * 9_000}), "goes on"),
        (says(200, {"data": [_item(1)], "next": "http://["}), "not followed"),
    ],
)
def test_pages_that_lead_nowhere_are_no_list(play: Play, said: str, server: Hostile, issuer: Issuer) -> None:
    server.play = play
    with pytest.raises(UpstreamError, match=said):
        list(issuer.listing())
    assert len(server.asked) <= 20


def test_a_next_page_at_another_host_is_not_asked_for(server: Hostile, issuer: Issuer) -> None:
    with hostile(says(200, {"data": []})) as other:
        for to in (f"{other.url}/tokens", other.url.replace("http:", ""), f"http://eve@{server.host}/tokens"):
            server.play = says(200, {"data": [_item(1)], "next": to})
            with pytest.raises(UpstreamError):
                list(issuer.listing())
        assert other.asked == []


def test_a_list_that_breaks_off_says_when_to_ask_again(server: Hostile, issuer: Issuer) -> None:
    def play(asked: Asked, wire: Wire) -> None:
        first = reply(200, {"data": [_item(1)], "next": "/tokens?p=2"})
        wire.send(first if asked.target == "/tokens" else reply(429, b"", {"retry-after": "7"}))

    server.play = play
    with pytest.raises(UpstreamError, match="7 seconds"):
        list(issuer.listing())


# ------------------------------------------------------------------ introspection


@pytest.mark.parametrize(
    "said",
    [
        {"active": "false"},
        {"active": 0},
        {"active": None},
        {},
        {"active": True, "exp": "soon"},
        {"active": True, "exp": 10**30},
        {"active": True, "exp": [1]},
        {"active": True, "exp": True},
        {"active": True, "scope": {"a": 1}},
        {"active": True, "sub": 1.5},
        {"active": True, "username": {"x": "y"}},
    ],
)
def test_an_introspection_of_other_types_is_not_believed(said: dict[str, Any], server: Hostile, key: str) -> None:
    server.play = says(200, said)
    issuer = _oauth2(server.url, Drawer(SECRETS).tools())
    credential = Credential("tok-1", "env:TOKEN")
    assert isinstance(issuer.look(credential), Unclear)
    assert isinstance(issuer.verify(credential), Unclear)


def test_what_says_active_works_whatever_our_clock_says(server: Hostile) -> None:
    issuer = _oauth2(server.url, Drawer(SECRETS).tools())
    for end in (1, 7_000_000_000):
        server.play = says(200, {"active": True, "exp": end}, {"date": "Thu, 01 Jan 1970 00:00:00 GMT"})
        verdict = issuer.verify(Credential("tok-1", "env:TOKEN"))
        assert isinstance(verdict, Verdict)
        assert verdict.result is Result.FAILED
