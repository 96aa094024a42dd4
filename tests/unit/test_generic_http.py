"""What the HTTP connector sends, and how it reads what an honest system answers."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from pydantic import SecretStr

from bot.errors import UpstreamError
from bot.issuers.calls import Limits
from bot.issuers.generic_http import HttpIssuer
from bot.issuers.http_options import HttpOptions
from bot.issuers.recipe_file import read_recipe
from bot.rules.issuing import (
    Absent,
    Accepted,
    Credential,
    KeyState,
    NotDone,
    Proof,
    Rejected,
    Result,
    Sighting,
    Unclear,
    Verdict,
)
from tests.servers.issuers.hostile import Asked, Hostile, Wire, hostile, reply
from tests.servers.issuers.tools import Drawer

RECIPE = """\
title: Example
documentation: https://example.com/docs
parameters: {org: the organisation}
auth:
  value: Bearer {secret}
headers: {x-org: "{org}"}
list:
  request: GET orgs/{org}/tokens
  query: {kind: token, org: "{org}"}
  items: /data
fields:
  external_id: /id
  state: {at: /state, disabled: off, expired: [over]}
disable:
  request: PATCH orgs/{org}/tokens/{external_id}
  body: {"id": "{external_id}", "on": false, "nested": ["{org}", 1]}
  absent: {status: 404, when: {at: /code, is: no_such_token}}
enable:
  request: POST orgs/{org}/tokens/{external_id}/on
  expect: [200, 202]
revoke:
  request: DELETE orgs/{org}/tokens/{external_id}
  absent: [404, 410]
own:
  request: GET me
  id_at: /id
probe:
  request: GET use
  auth: {header: X-Key, value: "{secret}"}
"""
_SHORT = """\
title: Example
documentation: https://example.com/docs
auth: {value: "Bearer {secret}"}
fields: {external_id: /id}
"""
SECRETS = {"OURS": "made-up-secret-of-ours", "TOKEN": "made-up-secret-of-a-token", "SECOND": "made-up-second"}
_TOKEN = Credential("a b:1", "env:TOKEN")


class System:
    """Answers by method and path; everything else is 500."""

    def __init__(self) -> None:
        self.answers: dict[str, Callable[[Asked], bytes]] = {"GET /v1/me": lambda _: reply(200, {"id": "ours"})}

    def __call__(self, asked: Asked, wire: Wire) -> None:
        answer = self.answers.get(f"{asked.method} {asked.path}")
        wire.send(reply(500) if answer is None else answer(asked))

    def answer(self, line: str, status: int, body: object = b"") -> None:
        self.answers[line] = lambda _: reply(status, body)


@pytest.fixture
def system() -> System:
    return System()


@pytest.fixture
def server(system: System) -> Iterator[Hostile]:
    with hostile(system) as running:
        yield running


def connect(server: Hostile, recipe: str = RECIPE, drawer: Drawer | None = None, **given: Any) -> HttpIssuer:
    usual: dict[str, Any] = {
        "base": f"{server.url}/v1/",
        "recipe": read_recipe(recipe, "recipe"),
        "secret": "env:OURS",
        "parameters": {"org": "ac me"} if "{org}" in recipe else {},
    }
    options = HttpOptions.model_validate(usual | given)
    return HttpIssuer("example", options, (drawer or Drawer(SECRETS)).tools(), Limits(total=3.0))


def sent(server: Hostile, method: str) -> Asked:
    return next(asked for asked in reversed(server.asked) if asked.method == method)


# ------------------------------------------------------------------ what is sent


def test_every_part_of_a_request_is_filled_in(server: Hostile, system: System) -> None:
    issuer = connect(server)
    system.answer("PATCH /v1/orgs/ac%20me/tokens/a%20b%3A1", 200)
    assert isinstance(issuer.disable(_TOKEN), Accepted)
    asked = sent(server, "PATCH")
    assert json.loads(asked.body) == {"id": "a b:1", "on": False, "nested": ["ac me", 1]}
    assert asked.headers["authorization"] == "Bearer made-up-secret-of-ours"
    assert asked.headers["x-org"] == "ac me"
    system.answer("GET /v1/orgs/ac%20me/tokens", 200, {"data": []})
    assert list(issuer.listing()) == []
    assert parse_qs(urlsplit(sent(server, "GET").target).query) == {"kind": ["token"], "org": ["ac me"]}


def test_a_value_is_not_read_as_a_name_again(server: Hostile, system: System) -> None:
    system.answer("DELETE /v1/orgs/ac%20me/tokens/%7Borg%7D", 204)
    assert isinstance(connect(server).revoke(Credential("{org}")), Accepted)


def test_two_secrets_and_a_user_name(server: Hostile) -> None:
    auth = "auth:\n  - {header: X-One, value: '{secret}'}\n  - {basic: 'svc', secret: second}\n"
    recipe = RECIPE.replace("auth:\n  value: Bearer {secret}\n", auth)
    issuer = connect(server, recipe, secrets={"second": "env:SECOND"})
    issuer.revoke(_TOKEN)
    asked = server.asked[-1]
    assert asked.headers["x-one"] == "made-up-secret-of-ours"
    assert base64.b64decode(asked.headers["authorization"].removeprefix("Basic ")) == b"svc:made-up-second"


@pytest.mark.parametrize("secret", ["two\nlines", "caf\u00e9", "a\x00b", "x" * 20_000])
def test_a_secret_that_cannot_be_a_header_is_not_sent(server: Hostile, secret: str) -> None:
    said = connect(server, drawer=Drawer({"OURS": secret})).look(_TOKEN)
    assert isinstance(said, NotDone)
    assert secret not in repr(said)
    assert server.asked == []


def test_a_new_secret_is_taken_up_without_a_restart(server: Hostile) -> None:
    drawer = Drawer(SECRETS)
    issuer = connect(server, drawer=drawer)
    drawer.environ["OURS"] = "made-up-and-newer"
    issuer.look(_TOKEN)
    assert server.asked[-1].headers["authorization"] == "Bearer made-up-and-newer"
    assert "made-up-and-newer" in drawer.kept_out


def test_what_cannot_stand_in_a_header_is_not_sent(server: Hostile) -> None:
    said = connect(server, parameters={"org": "caf\u00e9"}).look(_TOKEN)
    assert isinstance(said, Rejected)
    assert server.asked == []


# ------------------------------------------------------------------ what is answered


def test_each_action_by_its_own_statuses(server: Hostile, system: System) -> None:
    issuer = connect(server)
    path = "/v1/orgs/ac%20me/tokens/a%20b%3A1"
    for line, act, status, body, expected in (
        ("PATCH " + path, issuer.disable, 204, b"", Accepted),
        ("PATCH " + path, issuer.disable, 404, {"code": "no_such_token"}, Absent),
        ("PATCH " + path, issuer.disable, 404, {"code": "no_such_page"}, Rejected),
        ("PATCH " + path, issuer.disable, 404, b"<html>", Rejected),
        ("POST " + path + "/on", issuer.enable, 202, b"", Accepted),
        ("POST " + path + "/on", issuer.enable, 204, b"", Unclear),
        ("DELETE " + path, issuer.revoke, 204, b"", Accepted),
        ("DELETE " + path, issuer.revoke, 410, b"", Absent),
        ("DELETE " + path, issuer.revoke, 401, b"", Rejected),
        ("DELETE " + path, issuer.revoke, 302, b"", Unclear),
    ):
        system.answer(line, status, body)
        assert isinstance(act(_TOKEN), expected), (line, status)


def test_without_a_request_for_one_the_list_is_read_to_its_end(server: Hostile, system: System) -> None:
    issuer = connect(server)
    items = [{"id": "x"}, {"id": "a b:1", "state": "off"}, {"id": 7, "state": "over"}, {"id": "z", "state": "new word"}]
    system.answer("GET /v1/orgs/ac%20me/tokens", 200, {"data": items})
    assert issuer.look(_TOKEN) == Sighting("a b:1", KeyState.DISABLED)
    assert issuer.look(Credential("7")) == Sighting("7", KeyState.EXPIRED)
    assert issuer.look(Credential("z")) == Sighting("z", KeyState.ACTIVE)
    assert issuer.look(Credential("y")) == Absent()
    system.answer("GET /v1/orgs/ac%20me/tokens", 200, {"data": [{"id": None}]})
    assert isinstance(issuer.look(Credential("y")), Unclear)


def test_what_the_recipe_is_not_meant_for_is_left_alone(server: Hostile, system: System) -> None:
    issuer = connect(server, RECIPE + "only: [{at: /kind, is: api}]\n")
    items = [{"id": "a b:1", "kind": "oauth"}, {"id": "mine", "kind": "api"}]
    system.answer("GET /v1/orgs/ac%20me/tokens", 200, {"data": items})
    assert [one.external_id for one in issuer.listing()] == ["mine"]
    assert isinstance(issuer.look(_TOKEN), Rejected)
    assert isinstance(issuer.revoke(_TOKEN), Rejected)
    assert not any(asked.method == "DELETE" for asked in server.asked)


# ------------------------------------------------------------------ pages


def _numbers(count: int) -> list[dict[str, str]]:
    return [{"id": f"t{number}"} for number in range(count)]


@pytest.mark.parametrize("count", [0, 1, 3, 4, 7])
@pytest.mark.parametrize(
    "paging",
    [
        "{next: header}",
        "{next: /next}",
        "{cursor: /cursor, parameter: after}",
        "{number: page}",
        "{number: page, size: 3}",
        "{number: page, first: 0, size: 3}",
        "{offset: skip}",
        "{offset: skip, size: 3}",
    ],
)
def test_every_way_of_paging_is_read_to_its_end(paging: str, count: int) -> None:
    def play(asked: Asked, wire: Wire) -> None:
        here = f"http://{asked.headers['host']}/v1/tokens"
        query = {name: int(value[0]) for name, value in parse_qs(urlsplit(asked.target).query).items()}
        page = query.get("page", 0) - (0 if "first: 0" in paging else "number" in paging)
        start = query.get("skip", query.get("after", page * 3))
        more = start + 3 < count
        body: dict[str, Any] = {"data": _numbers(count)[start : start + 3]}
        headers = {}
        if more and "next" in paging:
            body["next"] = f"/v1/tokens?after={start + 3}"
            headers = {"link": f'<{here}?after={start + 3}>; rel="next"'}
        if more and "cursor" in paging:
            body["cursor"] = start + 3
        wire.send(reply(200, body, headers))

    with hostile(play) as server:
        recipe = RECIPE.replace("{org}", "org").replace('  query: {kind: token, org: "org"}\n', "")
        recipe = recipe.replace("parameters: {org: the organisation}\n", "").replace(
            "GET orgs/org/tokens", "GET tokens"
        )
        issuer = connect(server, recipe.replace("  items: /data\n", f"  items: /data\n  paging: {paging}\n"))
        assert [one.external_id for one in issuer.listing()] == [one["id"] for one in _numbers(count)]
        assert len(server.asked) <= count // 3 + 2


# ------------------------------------------------------------------ ourselves


def test_what_we_authenticate_with_is_never_ended(server: Hostile, system: System) -> None:
    issuer = connect(server)
    for ours in (Credential("ours"), Credential("other", "env:OURS")):
        assert issuer.is_ours(ours)
        for act in (issuer.disable, issuer.revoke):
            said = act(ours)
            assert isinstance(said, Rejected)
            assert said.code == "ours"
    assert {asked.method for asked in server.asked} == {"GET"}
    named = connect(server, RECIPE.replace("own:\n  request: GET me\n  id_at: /id\n", ""), own_id="a b:1")
    assert isinstance(named.revoke(_TOKEN), Rejected)


@pytest.mark.parametrize(("status", "body"), [(403, {}), (500, {}), (200, {"id": None}), (200, b"<html>"), (429, {})])
def test_nothing_is_ended_while_nobody_says_what_is_ours(
    server: Hostile, system: System, status: int, body: object
) -> None:
    system.answer("GET /v1/me", status, body)
    issuer = connect(server)
    with pytest.raises(UpstreamError):
        issuer.is_ours(_TOKEN)
    assert isinstance(issuer.revoke(_TOKEN), NotDone)
    assert not any(asked.method == "DELETE" for asked in server.asked)
    assert not issuer.check()[0].ok


def test_a_check_reads_one_page_and_changes_nothing(server: Hostile, system: System) -> None:
    system.answer("GET /v1/orgs/ac%20me/tokens", 200, {"data": []})
    checks = connect(server).check()
    assert [one.ok for one in checks] == [True, True]
    assert {asked.method for asked in server.asked} == {"GET"}


# ------------------------------------------------------------------ proofs


@pytest.mark.parametrize(
    ("status", "works"), [(200, True), (401, False), (403, False), (404, None), (429, None), (500, None)]
)
def test_a_probe_says_yes_no_or_nothing(server: Hostile, system: System, status: int, works: bool | None) -> None:
    system.answer("GET /v1/use", status)
    said = connect(server).works(_TOKEN, SecretStr("made-up-secret-of-a-token"))
    assert said is works if works is not None else isinstance(said, NotDone | Unclear)
    asked = server.asked[-1]
    assert asked.headers["x-key"] == "made-up-secret-of-a-token"
    assert "authorization" not in asked.headers


@pytest.mark.parametrize(
    ("listed", "probed", "allowed", "result", "proof"),
    [
        ({"id": "a b:1"}, 401, True, Result.FAILED, Proof.RELIST),
        ({"id": "a b:1", "state": "off"}, 401, True, Result.FAILED, Proof.RELIST),
        ({"id": "a b:1", "state": "over"}, 401, True, Result.CONFIRMED, Proof.PROBE),
        (None, 200, True, Result.FAILED, Proof.PROBE),
        (None, 401, True, Result.CONFIRMED, Proof.PROBE),
        (None, 200, False, Result.CONFIRMED, Proof.RELIST),
    ],
)
def test_an_end_is_what_every_allowed_proof_says(
    server: Hostile, system: System, listed: Any, probed: int, allowed: bool, result: Result, proof: Proof
) -> None:
    system.answer("GET /v1/orgs/ac%20me/tokens", 200, {"data": [] if listed is None else [listed]})
    system.answer("GET /v1/use", probed)
    issuer = connect(server, probe=allowed)
    assert (Proof.PROBE in issuer.capabilities.verify) is allowed
    verdict = issuer.verify(_TOKEN)
    assert isinstance(verdict, Verdict)
    assert (verdict.result, verdict.proof) == (result, proof)


def test_an_attempt_of_unknown_outcome_is_no_verdict(server: Hostile, system: System) -> None:
    system.answer("GET /v1/orgs/ac%20me/tokens", 200, {"data": []})
    assert isinstance(connect(server, probe=True).verify(_TOKEN), Unclear)


def test_a_system_that_shows_nothing_leaves_it_unverified(server: Hostile, system: System) -> None:
    system.answer("GET /v1/orgs/ac%20me/tokens", 403)
    verdict = connect(server).verify(_TOKEN)
    assert isinstance(verdict, Verdict)
    assert (verdict.result, verdict.proof) == (Result.ACCEPTED_UNVERIFIED, None)


def test_a_recipe_without_a_request_is_a_connector_without_it(server: Hostile) -> None:
    issuer = connect(server, RECIPE.partition("disable:")[0] + "not_ours: it is of another kind\n")
    assert not issuer.capabilities.disable
    assert not issuer.capabilities.revoke
    with pytest.raises(NotImplementedError):
        issuer.revoke(_TOKEN)
    assert isinstance(issuer.works(_TOKEN, SecretStr("x")), Unclear)
