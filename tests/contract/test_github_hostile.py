"""The GitHub connector against a GitHub that hides, moves, contradicts itself, hurries or answers nonsense."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from bot.errors import UpstreamError
from bot.rules.issuing import (
    Absent,
    Accepted,
    NotDone,
    Rejected,
    Result,
    Sighting,
    Unclear,
    Verdict,
)
from tests.contract.github_kit import House, always, changes, every_kind, lists, once, one
from tests.servers.issuers.github import (
    ORG,
    refusal,
    running_github,
)
from tests.servers.issuers.github_contract import why_not
from tests.servers.issuers.http_double import Asked, Replied

pytestmark = pytest.mark.skipif(bool(why_not()), reason=why_not())


@pytest.fixture
def house() -> Iterator[House]:
    with running_github() as github:
        yield House(github)


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


@pytest.mark.parametrize("name", ["..", ".", "a/../../orgs", "hello?x=1", "hello world", "", "h\u00e9llo", 7])
def test_a_repository_name_that_would_change_the_path_is_no_name(house: House, name: object) -> None:
    issuer = house.connect()
    key = every_kind(house.github)[2]
    foreign = house.github._repository(next(iter(house.github.repos.values()))) | {"name": name}
    wrong = Replied(200, {"total_count": 1, "repositories": [foreign]})
    always(house.github, lambda asked: asked.path == "/installation/repositories", wrong)
    assert isinstance(issuer.look(one(key)), Unclear)
    assert isinstance(issuer.revoke(one(key)), Unclear)
    assert not house.github.lines("DELETE")


@pytest.mark.parametrize("token", ["", "a b", "a\nb", "\u00e9", "x" * 2000])
def test_a_token_that_cannot_be_sent_is_none(house: House, token: str) -> None:
    issuer = house.connect()
    granted = Replied(201, {"token": token, "expires_at": "2026-03-02T10:00:00Z"})
    always(house.github, lambda asked: asked.path.endswith("/access_tokens"), granted)
    assert isinstance(issuer.look(one("sso:1")), Unclear)
