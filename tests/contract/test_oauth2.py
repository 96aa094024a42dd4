"""The OAuth 2.0 connector against two real servers, and against what a server may say of itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from bot.issuers.calls import Limits
from bot.issuers.oauth2 import OAuthOptions, OAuthServer
from bot.rules.issuing import (
    Absent,
    Accepted,
    Capabilities,
    Credential,
    NotDone,
    Proof,
    Rejected,
    Result,
    Sighting,
    Unclear,
    Verdict,
)
from tests.servers.issuers.hostile import Asked, Hostile, Wire, hostile, reply
from tests.servers.issuers.npm_packages import has_npm
from tests.servers.issuers.oauth2 import CLIENT, OAuthGround, authlib, oidc_provider
from tests.servers.issuers.tools import Drawer

_SERVERS = {"authlib": authlib, "oidc-provider": oidc_provider}


@pytest.fixture(scope="module", params=sorted(_SERVERS))
def ground(request: pytest.FixtureRequest) -> Iterator[OAuthGround]:
    if request.param == "oidc-provider" and not has_npm():
        pytest.skip("oidc-provider needs npm")
    with _SERVERS[request.param]() as running:
        yield running


def test_a_revoked_token_is_refused_and_confirmed(ground: OAuthGround) -> None:
    made, other = ground.make("drift"), ground.make("kept")
    seen = ground.issuer.look(made.credential)
    assert isinstance(seen, Sighting)
    assert seen.scopes == "read"
    assert seen.expires_at is not None
    assert isinstance(ground.issuer.revoke(made.credential), Accepted)
    assert not ground.accepts(made)
    assert ground.issuer.look(made.credential) == Absent()
    verdict = ground.issuer.verify(made.credential)
    assert isinstance(verdict, Verdict)
    assert (verdict.result, verdict.proof) == (Result.CONFIRMED, Proof.INTROSPECT)
    assert ground.accepts(other)


def test_what_was_not_revoked_has_failed(ground: OAuthGround) -> None:
    made = ground.make("drift")
    verdict = ground.issuer.verify(made.credential)
    assert isinstance(verdict, Verdict)
    assert verdict.result is Result.FAILED


def test_yes_to_a_token_that_never_was_proves_nothing(ground: OAuthGround) -> None:
    assert isinstance(ground.issuer.revoke(ground.never()), Accepted)


def test_secrets_are_masked_before_they_are_sent(ground: OAuthGround) -> None:
    made = ground.make("drift")
    ground.issuer.look(made.credential)
    assert made.secret.get_secret_value() in ground.drawer.kept_out
    assert made.secret.get_secret_value() not in repr(ground.issuer.look(made.credential))


def test_a_client_that_is_not_accepted_is_told_apart(ground: OAuthGround) -> None:
    made, bad = ground.make("drift"), ground.with_bad_credentials()
    assert [check.ok for check in ground.issuer.check()] == [True]
    assert [check.ok for check in bad.check()] == [False]
    assert isinstance(bad.look(made.credential), Rejected)
    assert isinstance(bad.revoke(made.credential), Rejected)
    verdict = bad.verify(made.credential)
    assert isinstance(verdict, Verdict)
    assert verdict.result is Result.ACCEPTED_UNVERIFIED
    assert ground.accepts(made)


def test_what_is_kept_where_our_secret_is_is_ours(ground: OAuthGround) -> None:
    copy = ground.drawer.put("COPY", SecretStr(ground.drawer.environ["OURS"]))
    assert ground.issuer.is_ours(Credential("x", "env:OURS"))
    assert ground.issuer.is_ours(Credential("x", copy))
    assert not ground.issuer.is_ours(ground.make("drift").credential)


def test_without_introspection_nothing_is_confirmed() -> None:
    with authlib(introspection=False) as ground:
        made = ground.make("drift")
        assert isinstance(ground.issuer.revoke(made.credential), Accepted)
        verdict = ground.issuer.verify(made.credential)
        assert isinstance(verdict, Verdict)
        assert (verdict.result, verdict.proof) == (Result.ACCEPTED_UNVERIFIED, None)
        assert "no introspection endpoint" in verdict.detail


def test_a_newer_token_at_the_same_place_is_left_alone() -> None:
    with authlib(named_by="jti") as ground:
        made = ground.make("drift")
        assert isinstance(ground.issuer.revoke(made.credential), Rejected)
        assert ground.accepts(made)
        assert isinstance(ground.issuer.revoke(Credential("jti-1", made.credential.secret_ref)), Accepted)


# ------------------------------------------------------------------ what a server says of itself


def _server(url: str, **options: Any) -> OAuthServer:
    drawer = Drawer({"OURS": "made-up-secret", "TOKEN": "made-up-token"})
    given = OAuthOptions(client_id=CLIENT, client_secret="env:OURS", **{"issuer": url} | options)
    return OAuthServer("auth", given, drawer.tools(), Limits(step=0.5, total=1.0))


@pytest.fixture
def elsewhere() -> Iterator[Hostile]:
    with hostile(lambda _, wire: wire.send(reply(200, {"active": False}))) as running:
        yield running


@pytest.mark.parametrize(
    "metadata",
    [
        {"issuer": "https://other.example.com"},
        {"issuer": None},
        {"introspection_endpoint": "http://evil.example.com/introspect"},
        {"introspection_endpoint": "https://evil.example.com/introspect"},
        {"introspection_endpoint": "ftp://127.0.0.1/introspect"},
        {"introspection_endpoint": ["http://127.0.0.1/introspect"]},
        {"revocation_endpoint": "http://eve@127.0.0.1/revoke"},
        {"revocation_endpoint": "http://["},
        {"revocation_endpoint": "//evil.example.com/x"},
    ],
)
def test_only_allowed_endpoints_get_our_credential(metadata: dict[str, Any]) -> None:
    def play(_: Asked, wire: Wire) -> None:
        said = {"issuer": server.url, "introspection_endpoint": f"{server.url}/i"}
        wire.send(reply(200, said | {"revocation_endpoint": f"{server.url}/r"} | metadata))

    with hostile(play) as server:
        issuer = _server(server.url)
        credential = Credential("x", "env:TOKEN")
        assert isinstance(issuer.look(credential), Rejected)
        assert isinstance(issuer.revoke(credential), Rejected)
        assert {asked.path for asked in server.asked} == {"/.well-known/oauth-authorization-server"}


@pytest.mark.parametrize("body", [b"", b"[]", b"\xff", b"<html>"])
def test_metadata_that_cannot_be_read_are_unclear(body: bytes) -> None:
    with hostile(lambda _, wire: wire.send(reply(200, body))) as server:
        assert isinstance(_server(server.url).look(Credential("x", "env:TOKEN")), Unclear)


def test_an_issuer_with_a_path_is_found_where_the_rfc_says() -> None:
    def play(asked: Asked, wire: Wire) -> None:
        wire.send(reply(404))

    with hostile(play) as server:
        said = _server(f"{server.url}/tenant").look(Credential("x", "env:TOKEN"))
        assert isinstance(said, Rejected)
        assert [asked.path for asked in server.asked] == [
            "/.well-known/oauth-authorization-server/tenant",
            "/tenant/.well-known/openid-configuration",
        ]


def test_a_secret_that_cannot_be_read_is_no_reason_to_give_up(elsewhere: Hostile) -> None:
    issuer = _server(
        elsewhere.url, introspection_endpoint=f"{elsewhere.url}/i", revocation_endpoint=f"{elsewhere.url}/r"
    )
    assert isinstance(issuer.look(Credential("x", "env:MISSING")), NotDone)
    assert isinstance(issuer.look(Credential("x")), Rejected)
    assert elsewhere.asked == []


def test_without_an_introspection_endpoint_verify_is_not_declared() -> None:
    issuer = _server("", issuer=None, revocation_endpoint="https://auth.example.com/revoke")
    assert issuer.capabilities == Capabilities(revoke=True)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"issuer": "http://auth.example.com"},
        {"revocation_endpoint": "https://auth.example.com/r", "named_by": "jti"},
        {"issuer": "https://auth.example.com", "hosts": ["https://x"]},
    ],
)
def test_options_that_cannot_work_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        OAuthOptions.model_validate({"client_id": "c", "client_secret": "env:X"} | options)
