"""The GitHub connector against a double that is held to GitHub's published description, and against its bad days."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from pydantic import SecretStr

from bot.errors import UpstreamError
from bot.issuers.github import KIND, GitHubOptions, GitHubOrganisation
from bot.issuers.github_app import GitHub
from bot.operations.issuer_port import Issuer, Tools
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
from tests.servers.issuers.github import (
    APP_ID,
    INSTALLATION,
    ORG,
    GitHubDouble,
    private_key,
    refusal,
    running_github,
)
from tests.servers.issuers.github_contract import why_not
from tests.servers.issuers.http_double import Asked, Replied

pytestmark = pytest.mark.skipif(bool(why_not()), reason=why_not())


@dataclass
class House:
    """A double, a connector to it, and what the connector asked to keep out of the log."""

    github: GitHubDouble
    masked: list[str] = field(default_factory=list)
    skew: timedelta = timedelta()

    def connect(self, **options: object) -> GitHubOrganisation:
        chosen = GitHubOptions.model_validate(
            {
                "org": ORG,
                "app_id": APP_ID,
                "installation_id": INSTALLATION,
                "private_key": "env:GITHUB_APP_KEY",
                "credentials": ("pat", "sso", "deploy-key"),
                "api": self.github.url,
                **options,
            }
        )
        tools = Tools(
            secret=lambda ref: SecretStr(private_key()),
            now=lambda: self.github.now + self.skew,
            keep_out=lambda one: self.masked.append(one.get_secret_value()),
        )
        built = KIND.build("github-example", chosen, tools)
        assert isinstance(built, GitHubOrganisation)
        return built


@pytest.fixture
def house() -> Iterator[House]:
    with running_github() as github:
        yield House(github)


def one(external_id: str) -> Credential:
    return Credential(external_id)


def every_kind(github: GitHubDouble) -> list[str]:
    """One credential of each kind."""
    repo = github.add_repo("hello")
    return [
        github.add_pat("ana-example", "ci", email_address="ana@example.com"),
        github.authorize("ben-example", "laptop"),
        github.add_key(repo, "deploy"),
    ]


def once(double: GitHubDouble, when: Callable[[Asked], bool], replied: Replied) -> None:
    """Have the next request that fits answered like this, and every other one as usual."""
    left = [replied]
    double.instead = lambda asked: left.pop() if left and when(asked) else None


def always(double: GitHubDouble, when: Callable[[Asked], bool], replied: Replied) -> None:
    double.instead = lambda asked: replied if when(asked) else None


def lists(asked: Asked) -> bool:
    return asked.method == "GET" and asked.path.endswith("/personal-access-tokens")


def changes(asked: Asked) -> bool:
    return asked.method != "GET" and not asked.path.startswith("/app/")


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


# 404 may mean gone, and may mean not for you


def test_a_404_for_want_of_permission_is_not_taken_for_gone(house: House) -> None:
    made = every_kind(house.github)
    house.github.permissions = {"metadata": "read"}
    issuer = house.connect()
    for external_id in made:
        assert isinstance(issuer.look(one(external_id)), Rejected)
        assert isinstance(issuer.revoke(one(external_id)), Rejected)
        verdict = issuer.verify(one(external_id))
        assert isinstance(verdict, Verdict)
        assert (verdict.result, verdict.proof) == (Result.ACCEPTED_UNVERIFIED, None)


def test_a_key_that_answers_404_and_is_listed_is_not_gone(house: House) -> None:
    issuer = house.connect()
    key = every_kind(house.github)[2]
    always(house.github, lambda asked: "/keys/" in asked.path, refusal(404, "Not Found"))
    assert isinstance(issuer.look(one(key)), Sighting)
    reply = issuer.revoke(one(key))
    assert isinstance(reply, Rejected)
    assert reply.code == "404"


def test_a_repository_that_is_out_of_sight_leaves_its_keys_unknown(house: House) -> None:
    issuer = house.connect()
    key = every_kind(house.github)[2]
    house.github.repos.clear()
    look = issuer.look(one(key))
    assert isinstance(look, Rejected)
    verdict = issuer.verify(one(key))
    assert isinstance(verdict, Verdict)
    assert verdict.result is Result.ACCEPTED_UNVERIFIED


def test_a_renamed_repository_is_found_by_its_number(house: House) -> None:
    issuer = house.connect()
    repo = house.github.add_repo("hello")
    key = house.github.add_key(repo, "deploy")
    assert isinstance(issuer.look(one(key)), Sighting)
    house.github.rename(repo, "hello-again")
    assert isinstance(reply := issuer.revoke(one(key)), NotDone)  # a 301 is never followed with a change
    assert reply.retry_after <= 1
    assert isinstance(issuer.look(one(key)), Sighting)
    assert isinstance(issuer.revoke(one(key)), Accepted)
    assert isinstance(issuer.look(one(key)), Absent)


def test_a_name_that_passed_to_another_repository_hides_no_key(house: House) -> None:
    issuer = house.connect()
    repo = house.github.add_repo("hello")
    key = house.github.add_key(repo, "deploy")
    assert isinstance(issuer.look(one(key)), Sighting)
    house.github.rename(repo, "old-hello")
    house.github.add_repo("hello")
    assert isinstance(issuer.look(one(key)), Sighting)


# answers that are not what they should be


@pytest.mark.parametrize(
    ("replied", "expected"),
    [
        (Replied(200, {"message": "There was an error"}), Unclear),
        (Replied(202, {}), Accepted),
        (Replied(206, None), Unclear),
        (Replied(302, None, {"location": "https://elsewhere.example/"}), NotDone),
        (refusal(403, "Resource not accessible by integration"), Rejected),
        (refusal(403, "You have exceeded a secondary rate limit. Please wait."), NotDone),
        (Replied(403, {"message": "slow"}, {"retry-after": "17"}), NotDone),
        (Replied(403, {"message": "API rate limit exceeded"}, {"x-ratelimit-remaining": "0"}), NotDone),
        (Replied(429, {"message": "slow"}), NotDone),
        (refusal(404, "Not Found"), Rejected),
        (refusal(409, "Conflict"), Rejected),
        (refusal(422, "Validation Failed"), Rejected),
        (Replied(500, {"message": "Oops"}), Unclear),
        (Replied(502, b"<html>"), Unclear),
        (Replied(204), Accepted),
    ],
)
def test_what_a_revocation_may_be_answered_with(house: House, replied: Replied, expected: type) -> None:
    issuer = house.connect()
    pat = house.github.add_pat("ana-example", "ci")
    once(house.github, changes, replied)
    assert isinstance(issuer.revoke(one(pat)), expected)
    assert len([asked for asked in house.github.asked if changes(asked)]) == 1
    verdict = issuer.verify(one(pat))  # nothing had an effect: whatever was said, it is not over
    assert isinstance(verdict, Verdict)
    assert verdict.result is Result.FAILED


@pytest.mark.parametrize(
    "replied",
    [
        Replied(200, b"not json"),
        Replied(200, b"\xff\xfe"),
        Replied(200, {"message": "an object"}),
        Replied(200, ["no object"]),
        Replied(200, [{"id": 1}]),
        Replied(200, [], {"link": '<https://elsewhere.example/orgs/x>; rel="next"'}),
        Replied(202, []),
        Replied(304),
        Replied(301, {"message": "Moved"}, {"location": "/elsewhere"}),
        refusal(403, "Resource not accessible by integration"),
        refusal(404, "Not Found"),
        refusal(422, "Validation Failed"),
        Replied(500, {}),
        Replied(503, {}, {"retry-after": "9"}),
    ],
)
def test_a_list_that_is_none_lets_nothing_be_concluded(house: House, replied: Replied) -> None:
    issuer = house.connect(credentials=("pat",))
    pat = house.github.add_pat("ana-example", "ci")
    always(house.github, lists, replied)
    with pytest.raises(UpstreamError):
        list(issuer.listing())
    assert isinstance(issuer.look(one(pat)), Rejected | NotDone | Unclear)
    verdict = issuer.verify(one(pat))
    if isinstance(verdict, Verdict):
        assert verdict.result is Result.ACCEPTED_UNVERIFIED
    assert not [line for line in house.github.lines() if "elsewhere" in line]


def test_pages_without_end_are_left(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.issuers.paging.MOST_PAGES", 7)
    issuer = house.connect(credentials=("pat",))
    house.github.add_pat("ana-example", "ci")
    page = list(house.github.grants.values())
    path = f"{house.github.url}/orgs/{ORG}/personal-access-tokens"

    def more(asked: Asked) -> Replied | None:
        following = asked.number("page", 1) + 1
        return Replied(200, page, {"link": f'<{path}?page={following}>; rel="next"'}) if lists(asked) else None

    house.github.instead = more
    with pytest.raises(UpstreamError, match="more than 7 pages"):
        list(issuer.listing())


def test_pages_in_a_circle_are_left(house: House) -> None:
    issuer = house.connect(credentials=("pat",))
    house.github.add_pat("ana-example", "ci")
    page = list(house.github.grants.values())
    link = {"link": f'<{house.github.url}/orgs/{ORG}/personal-access-tokens?page=2>; rel="next"'}
    always(house.github, lists, Replied(200, page, link))
    with pytest.raises(UpstreamError, match="circles"):
        list(issuer.listing())
    assert len(house.github.lines("GET")) == 2


def test_a_page_that_repeats_an_item_gives_it_once(house: House) -> None:
    issuer = house.connect(credentials=("pat",))
    pat = house.github.add_pat("ana-example", "ci")
    always(house.github, lists, Replied(200, list(house.github.grants.values()) * 3))
    assert [sighting.external_id for sighting in issuer.listing()] == [pat]


def test_a_rate_limit_in_the_middle_of_a_list_says_how_long(house: House) -> None:
    issuer = house.connect(credentials=("pat",))
    for number in range(250):
        house.github.add_pat("ana-example", f"ci {number}")
    pat = f"pat:{list(house.github.grants)[-1]}/1"
    reset = str(int((house.github.now + timedelta(seconds=90)).timestamp()))
    headers = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": reset}
    always(
        house.github,
        lambda asked: lists(asked) and asked.number("page", 1) == 2,
        Replied(403, {"message": ""}, headers),
    )
    with pytest.raises(UpstreamError, match="90 seconds"):
        list(issuer.listing())
    assert issuer.look(one(pat)) == NotDone("127.0.0.1 says that we are too fast (403)", 90.0)


def test_another_organisations_repository_stops_the_list(house: House) -> None:
    issuer = house.connect()
    house.github.add_repo("hello")
    foreign = house.github._repository(next(iter(house.github.repos.values())))
    foreign["owner"] = {**foreign["owner"], "login": "another-org"}
    wrong = Replied(200, {"total_count": 1, "repositories": [foreign]})
    always(house.github, lambda asked: asked.path == "/installation/repositories", wrong)
    with pytest.raises(UpstreamError, match="another_org"):
        list(issuer.listing())


def test_another_key_than_asked_for_is_no_answer(house: House) -> None:
    issuer = house.connect()
    repo = house.github.add_repo("hello")
    key, other = house.github.add_key(repo, "a"), house.github.add_key(repo, "b")
    wrong = repo.keys[int(other.rpartition("/")[2])]
    always(house.github, lambda asked: "/keys/" in asked.path, Replied(200, wrong))
    assert isinstance(issuer.look(one(key)), Unclear)
    assert isinstance(issuer.verify(one(key)), Unclear)


def test_a_grant_that_is_for_another_token_by_now_is_not_the_one_approved(house: House) -> None:
    issuer = house.connect()
    pat = house.github.add_pat("ana-example", "ci")
    grant = next(iter(house.github.grants.values()))
    grant["token_id"] = 42
    look = issuer.look(one(pat))
    assert isinstance(look, Rejected)
    assert look.code == "changed"


def test_a_filter_that_github_ignores_does_no_harm(house: House) -> None:
    issuer = house.connect()
    pats = [house.github.add_pat("ana-example", f"ci {number}") for number in range(3)]
    always(house.github, lists, Replied(200, list(house.github.grants.values())))
    look = issuer.look(one(pats[1]))
    assert isinstance(look, Sighting)
    assert look.external_id == pats[1]


@pytest.mark.parametrize("replied", [Replied(200, {}), Replied(201, {"token": "x"}), Replied(201, b"{"), Replied(500)])
def test_an_installation_token_that_is_none_ends_the_call(house: House, replied: Replied) -> None:
    issuer = house.connect()
    pat = house.github.add_pat("ana-example", "ci")
    always(house.github, lambda asked: asked.path.endswith("/access_tokens"), replied)
    assert isinstance(issuer.look(one(pat)), Unclear | Rejected)
    assert isinstance(issuer.revoke(one(pat)), Unclear | Rejected)
    assert house.github.grants


def test_nothing_answers(house: House) -> None:
    issuer = house.connect(api="http://127.0.0.1:9")
    assert isinstance(issuer.look(one("sso:1")), NotDone)
    with pytest.raises(UpstreamError, match="cannot be reached"):
        list(issuer.listing())
