"""The GitHub connector against a double that is held to GitHub's published description."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from pydantic import SecretStr

from bot.errors import UpstreamError
from bot.issuers.github import GitHubOptions, GitHubOrganisation
from bot.issuers.github_app import GitHub
from bot.operations.issuer_port import Issuer, Tools
from bot.rules.issuing import (
    Absent,
    Accepted,
    KeyState,
    Proof,
    Rejected,
    Result,
    Sighting,
    Verdict,
)
from tests.contract.github_kit import House, always, every_kind, lists, one
from tests.servers.issuers.github import (
    APP_ID,
    ORG,
    refusal,
    running_github,
)
from tests.servers.issuers.github_contract import why_not
from tests.servers.issuers.http_double import Replied

pytestmark = pytest.mark.skipif(bool(why_not()), reason=why_not())


@pytest.fixture
def house() -> Iterator[House]:
    with running_github() as github:
        yield House(github)


# what it does


def test_lists_every_credential_with_what_github_says_of_it(house: House) -> None:
    issuer = house.connect()
    pat, sso, key = every_kind(house.github)
    house.github.authorize("ben-example", "a personal SSH key", sort="SSH key")

    seen = {sighting.external_id: sighting for sighting in issuer.listing()}

    assert list(seen) == [pat, sso, key]
    assert seen[pat].owner_hints == ("ana@example.com", "ana-example")
    assert seen[pat].scopes == "members:read metadata:read"
    assert seen[pat].expires_at == house.github.now + timedelta(days=90)
    assert seen[sso].credential_type == "classic personal access token"
    assert seen[sso].owner_hints == ("ben-example",)
    assert seen[key].name == "hello: deploy"
    assert (seen[key].scopes, seen[key].owner_hints) == ("read", ("octo-example",))


def test_reads_every_page_of_every_list_once(house: House) -> None:
    issuer = house.connect()
    repo = house.github.add_repo("hello")
    made = [house.github.add_pat("ana-example", f"ci {number}") for number in range(230)]
    made += [house.github.authorize("ben-example", f"note {number}") for number in range(200)]
    made += [house.github.add_key(repo, f"key {number}") for number in range(101)]

    assert [sighting.external_id for sighting in issuer.listing()] == made


@pytest.mark.parametrize("kind", [0, 1, 2], ids=["pat", "sso", "deploy-key"])
def test_ends_exactly_one_credential_and_sees_that_it_is_over(house: House, kind: int) -> None:
    issuer = house.connect()
    house.github.add_pat("ana-example", "other")
    made = every_kind(house.github)
    secret = house.github.secret_of(made[kind])
    assert isinstance(issuer.look(one(made[kind])), Sighting)
    failed = issuer.verify(one(made[kind]))
    assert isinstance(failed, Verdict)
    assert failed.result is Result.FAILED

    reply = issuer.revoke(one(made[kind]))

    assert isinstance(reply, Accepted)
    assert reply.request_id.startswith("TEST:")
    assert not house.github.lets_in(secret)
    assert all(house.github.lets_in(other) for other in house.github.secrets if other != secret)
    verdict = issuer.verify(one(made[kind]))
    assert isinstance(verdict, Verdict)
    assert (verdict.result, verdict.proof) == (Result.CONFIRMED, Proof.RELIST)
    assert isinstance(issuer.look(one(made[kind])), Absent)
    assert isinstance(issuer.revoke(one(made[kind])), Absent)


def test_is_an_issuer_that_declares_what_it_can(house: House) -> None:
    issuer: Issuer = house.connect()
    assert issuer.capabilities.words() == ["list", "expiry", "last_used", "revoke", "verify{relist}"]
    assert not issuer.is_ours(one(house.github.add_pat("ana-example", "ci")))


def test_an_expired_token_is_shown_as_expired(house: House) -> None:
    issuer = house.connect()
    pat = house.github.add_pat("ana-example", "old", token_expired=True)
    look = issuer.look(one(pat))
    assert isinstance(look, Sighting)
    assert look.state is KeyState.EXPIRED


def test_check_names_the_missing_permission_and_changes_nothing(house: House) -> None:
    every_kind(house.github)
    assert all(check.ok for check in house.connect().check())
    house.github.permissions = {"metadata": "read", "administration": "read"}
    checks = house.connect().check()
    assert [check.ok for check in checks] == [True, False, False, False]
    assert "Personal access tokens" in checks[1].advice
    assert not [line for line in house.github.lines() if not line.startswith(("GET", "POST /app/"))]


def test_check_of_a_key_that_is_not_the_apps(house: House) -> None:
    (check,) = house.connect(app_id="999").check()
    assert not check.ok
    assert "app_id" in check.said


@pytest.mark.parametrize(
    "external_id",
    [
        "",
        "pat:",
        "pat:1",
        "pat:0/1",
        "pat:1/2/3",
        "pat:../1",
        "sso:1 ",
        "sso:١",
        "deploy-key:hello/1",
        "key:1",
        "sso:-1",
    ],
)
def test_an_id_that_names_no_single_credential_is_refused_without_a_call(house: House, external_id: str) -> None:
    issuer = house.connect()
    assert isinstance(issuer.look(one(external_id)), Rejected)
    assert isinstance(issuer.revoke(one(external_id)), Rejected)
    assert house.github.asked == []


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "orgs/example-org/personal-access-tokens"),
        ("POST", "orgs/example-org/personal-access-tokens/"),
        ("POST", "orgs/example-org/credential-authorizations/revoke-all"),
        ("DELETE", "repos/example-org/hello"),
        ("DELETE", "app/installations/678910"),
    ],
)
def test_a_bulk_endpoint_is_never_called(house: House, method: str, path: str) -> None:
    spoken = house.connect()._github
    assert isinstance(spoken, GitHub)
    with pytest.raises(ValueError, match="exact"):
        spoken.change(method, path)
    assert house.github.asked == []


# the App's token


def test_one_installation_token_serves_many_calls_and_is_renewed_before_its_end(house: House) -> None:
    issuer = house.connect(credentials=("pat",))
    house.github.add_pat("ana-example", "ci")
    for _ in range(3):
        list(issuer.listing())
    assert len(house.github.tokens) == 1
    house.github.now += timedelta(minutes=56)
    list(issuer.listing())
    assert len(house.github.tokens) == 2


def test_a_token_that_ends_in_the_middle_of_a_list_is_renewed_once(house: House) -> None:
    issuer = house.connect(credentials=("pat",))
    made = [house.github.add_pat("ana-example", f"ci {number}") for number in range(250)]
    rows = issuer.listing()
    read = [next(rows).external_id]
    house.github.expire_tokens()
    read += [sighting.external_id for sighting in rows]
    assert read == made
    assert len(house.github.tokens) == 2


def test_a_renewed_token_that_is_refused_too_ends_the_call(house: House) -> None:
    issuer = house.connect()
    pat = house.github.add_pat("ana-example", "ci")
    always(house.github, lists, refusal(401, "Bad credentials"))
    assert isinstance(look := issuer.look(one(pat)), Rejected)
    assert look.code == "401"
    assert len(house.github.lines("GET")) == 2
    assert len(house.github.tokens) == 2


@pytest.mark.parametrize("minutes", [-8, -2, 2, 8])
def test_a_clock_that_is_a_little_wrong_is_corrected_by_githubs(house: House, minutes: int) -> None:
    house.skew = timedelta(minutes=minutes)
    pat = house.github.add_pat("ana-example", "ci")
    assert isinstance(house.connect().look(one(pat)), Sighting)


def test_a_clock_that_is_far_off_signs_nothing_for_another_time(house: House) -> None:
    house.skew = timedelta(days=400)
    look = house.connect().look(one(house.github.add_pat("ana-example", "ci")))
    assert isinstance(look, Rejected)
    assert "clock" in look.detail
    assert len(house.github.lines("POST")) == 1


def test_tokens_are_masked_and_in_no_text(house: House) -> None:
    issuer = house.connect()
    every_kind(house.github)
    list(issuer.listing())
    (token,) = house.github.tokens
    assert token in house.masked
    always(house.github, lists, Replied(403, {"message": f"no access for {token}"}))
    with pytest.raises(UpstreamError) as caught:
        list(issuer.listing())
    assert token not in str(caught.value)
    assert token not in repr(issuer.look(one("pat:1/2")))


def test_a_private_key_that_is_none_is_named_without_its_text(house: House) -> None:
    tools = Tools(lambda ref: SecretStr("not-a-key-at-all"), lambda: house.github.now, lambda one: None)
    options = GitHubOptions(org=ORG, app_id=APP_ID, installation_id=1, private_key="env:KEY", api=house.github.url)
    (check,) = GitHubOrganisation("github-example", options, tools).check()
    assert not check.ok
    assert "env:KEY" in check.said
    assert "not-a-key" not in check.said
