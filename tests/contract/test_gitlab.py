"""The GitLab connector against a double that is as strict as GitLab's documentation, and against its bad days."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import SecretStr

from bot.errors import UpstreamError
from bot.issuers.gitlab import KIND, GitLab, GitLabOptions
from bot.operations.issuer_port import Issuer, Tools
from bot.rules.issuing import (
    Absent,
    Accepted,
    Created,
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
from tests.servers.issuers.gitlab import GitLabDouble, Held, User, running_gitlab
from tests.servers.issuers.http_double import Asked, Replied


@dataclass
class House:
    """A double, a connector to it, and the secrets that are kept."""

    gitlab: GitLabDouble
    kept: dict[str, str] = field(default_factory=dict)
    masked: list[str] = field(default_factory=list)

    def connect(self, user: User | None = None, **options: object) -> GitLab:
        """A connector with a token of that user's, the administrator's by default."""
        own = self.gitlab.add_personal(user or self.gitlab.root, "whose")
        self.kept["env:GITLAB_TOKEN"] = own.secret
        chosen = GitLabOptions.model_validate({"url": self.gitlab.url, "token": "env:GITLAB_TOKEN", **options})
        built = KIND.build("gitlab-example", chosen, Tools(self._read, lambda: self.gitlab.now, self._mask))
        assert isinstance(built, GitLab)
        return built

    def _read(self, ref: str) -> SecretStr:
        if ref not in self.kept:
            raise UpstreamError("There is nothing at that place.")
        return SecretStr(self.kept[ref])

    def _mask(self, secret: SecretStr) -> None:
        self.masked.append(secret.get_secret_value())


@pytest.fixture
def house() -> Iterator[House]:
    with running_gitlab() as gitlab:
        yield House(gitlab)


def named(held: Held) -> Credential:
    sort, _, number = held.within.partition("/")
    return Credential(f"{sort[:-1]}:{number}:{held.id}" if held.within else f"personal:{held.id}")


def always(double: GitLabDouble, when: Callable[[Asked], bool], replied: Replied) -> None:
    double.instead = lambda asked: replied if when(asked) else None


def changes(asked: Asked) -> bool:
    return asked.method != "GET"


def lists(asked: Asked) -> bool:
    return asked.method == "GET" and asked.path.endswith("/access_tokens")


def seen_by(issuer: Issuer) -> list[str]:
    return [sighting.external_id for sighting in issuer.listing()]


def result_of(verdict: object) -> Result:
    assert isinstance(verdict, Verdict)
    return verdict.result


# what it does


def test_lists_projects_groups_and_persons_each_token_once(house: House) -> None:
    gitlab = house.gitlab
    ana = gitlab.add_user("ana-example")
    project, group = gitlab.add_place("projects"), gitlab.add_place("groups")
    anas = gitlab.add_place("projects", owner=ana)
    made = [gitlab.add_token("projects", project, "ci"), gitlab.add_token("groups", group, "bot")]
    made.append(gitlab.add_token("projects", anas, "ana's"))
    personal = gitlab.add_personal(ana, "laptop")
    gone = gitlab.add_token("projects", project, "gone")
    gone.revoked = True
    issuer = house.connect(personal=True)

    seen = {sighting.external_id: sighting for sighting in issuer.listing()}

    own = named(next(one for one in gitlab.held.values() if one.name == "whose")).external_id
    assert set(seen) == {named(one).external_id for one in [*made, personal]} | {own}
    first = seen[named(made[0]).external_id]
    assert first.scopes == "read_api read_repository access_level:30"
    assert first.expires_at == datetime(2026, 5, 31, tzinfo=UTC)
    assert seen[named(personal).external_id].owner_hints == ("ana-example@example.com", "ana-example")


def test_reads_every_page(house: House) -> None:
    project = house.gitlab.add_place("projects")
    made = [house.gitlab.add_token("projects", project, f"ci {number}", days=None) for number in range(205)]
    for _ in range(120):
        house.gitlab.add_place("groups")
    assert seen_by(house.connect()) == [named(one).external_id for one in made]


@pytest.mark.parametrize("sort", ["projects", "groups", "personal"])
def test_ends_exactly_one_token_and_sees_that_it_is_over(house: House, sort: str) -> None:
    gitlab = house.gitlab
    issuer = house.connect(personal=True)
    number = gitlab.add_place("groups" if sort == "groups" else "projects")

    def make(name: str) -> Held:
        if sort == "personal":
            return gitlab.add_personal(gitlab.root, name)
        return gitlab.add_token(sort, number, name)

    token, other = make("ci"), make("ci")
    assert isinstance(issuer.look(named(token)), Sighting)
    assert result_of(issuer.verify(named(token))) is Result.FAILED
    reply = issuer.revoke(named(token))
    assert isinstance(reply, Accepted)
    assert reply.request_id.startswith("test-")
    assert not gitlab.lets_in(token.secret)
    assert gitlab.lets_in(other.secret)
    verdict = issuer.verify(named(token))
    assert isinstance(verdict, Verdict)
    assert (verdict.result, verdict.proof) == (Result.CONFIRMED, Proof.INTROSPECT)
    assert isinstance(issuer.look(named(token)), Absent)
    assert isinstance(issuer.revoke(named(token)), Absent)
    del gitlab.held[token.id]  # GitLab forgets it after a while
    verdict = issuer.verify(named(token))
    assert isinstance(verdict, Verdict)
    assert (verdict.result, verdict.proof) == (Result.CONFIRMED, Proof.RELIST)


def test_an_expired_token_is_shown_and_is_over(house: House) -> None:
    issuer = house.connect()
    token = house.gitlab.add_token("projects", house.gitlab.add_place("projects"), "old", days=1)
    house.gitlab.now += timedelta(days=2)
    look = issuer.look(named(token))
    assert isinstance(look, Sighting)
    assert look.state is KeyState.EXPIRED
    assert result_of(issuer.verify(named(token))) is Result.CONFIRMED
    assert isinstance(issuer.create(named(token)), Rejected)


@pytest.mark.parametrize("sort", ["projects", "groups"])
@pytest.mark.parametrize("days", [None, 30, 900])
def test_a_rotation_makes_a_second_token_and_leaves_the_first(house: House, sort: str, days: int | None) -> None:
    gitlab = house.gitlab
    issuer = house.connect()
    old = gitlab.add_token(sort, gitlab.add_place(sort), "ci", days=days, level=40)
    gitlab.now += timedelta(days=7)
    assert issuer.siblings(named(old)) == (named(old).external_id,)

    made = issuer.create(named(old))

    assert isinstance(made, Created)
    assert gitlab.lets_in(old.secret)
    assert issuer.works(Credential(made.external_id), made.secret) is True
    assert issuer.works(named(old), made.secret) is False
    assert made.secret.get_secret_value() in house.masked
    assert made.secret.get_secret_value() not in repr(made)
    new = gitlab.held[int(made.external_id.rpartition(":")[2])]
    assert (new.name, new.scopes, new.access_level) == (old.name, old.scopes, old.access_level)
    life = None if new.expires_at is None else (new.expires_at - gitlab.now.date()).days
    assert life == (None if days is None else min(days, 365))
    assert issuer.siblings(named(old)) == (named(old).external_id, made.external_id)
    assert not [line for line in gitlab.lines() if "/rotate" in line]


def test_personal_tokens_are_not_rotated(house: House) -> None:
    issuer = house.connect(personal=True)
    token = house.gitlab.add_personal(house.gitlab.root, "laptop")
    assert isinstance(issuer.create(named(token)), Rejected)
    assert isinstance(issuer.siblings(named(token)), Rejected)
    assert len(house.gitlab.asked) == 0


def test_knows_its_own_token_under_every_name(house: House) -> None:
    issuer = house.connect()
    own = next(one for one in house.gitlab.held.values() if one.name == "whose")
    other = house.gitlab.add_personal(house.gitlab.root, "other")
    assert issuer.is_ours(named(own))
    assert issuer.is_ours(Credential(f"project:9:{own.id}"))
    assert not issuer.is_ours(named(other))
    house.gitlab.held[own.id].revoked = True
    with pytest.raises(UpstreamError):
        issuer.is_ours(named(other))


def test_a_probe_finds_what_still_works_and_only_where_it_is_allowed(house: House) -> None:
    gitlab = house.gitlab
    token = gitlab.add_token("projects", gitlab.add_place("projects"), "ci")
    house.kept["file:/ci"] = token.secret
    asked = Credential(named(token).external_id, secret_ref="file:/ci")
    issuer = house.connect(probe=True)
    always(gitlab, lambda asked: "access_tokens" in asked.path and "self" not in asked.path, Replied(404, {}))
    assert result_of(issuer.verify(asked)) is Result.FAILED
    gitlab.instead = None
    assert isinstance(issuer.revoke(asked), Accepted)
    verdict = issuer.verify(asked)
    assert isinstance(verdict, Verdict)
    assert (verdict.result, verdict.proof) == (Result.CONFIRMED, Proof.PROBE)
    quiet = house.connect()
    assert Proof.PROBE not in quiet.capabilities.verify
    before = len(gitlab.asked)
    assert result_of(quiet.verify(asked)) is Result.CONFIRMED
    assert "self" not in "".join(gitlab.lines()[before:])


def test_a_probe_with_the_next_secret_proves_nothing_of_the_last(house: House) -> None:
    gitlab = house.gitlab
    old = gitlab.add_token("projects", gitlab.add_place("projects"), "ci")
    issuer = house.connect(probe=True)
    made = issuer.create(named(old))
    assert isinstance(made, Created)
    house.kept["file:/ci"] = made.secret.get_secret_value()
    asked = Credential(named(old).external_id, secret_ref="file:/ci")
    assert result_of(issuer.verify(asked)) is Result.FAILED
    issuer.revoke(asked)
    verdict = issuer.verify(asked)
    assert isinstance(verdict, Verdict)
    assert (verdict.result, verdict.proof) == (Result.CONFIRMED, Proof.INTROSPECT)


def test_check_names_what_is_missing_and_changes_nothing(house: House) -> None:
    gitlab = house.gitlab
    ana = gitlab.add_user("ana-example")
    project, foreign = gitlab.add_place("projects", owner=ana), gitlab.add_place("projects")
    assert all(check.ok for check in house.connect(personal=True, projects=[project]).check())
    issuer = house.connect(ana, personal=True, projects=[project, foreign])
    assert [check.ok for check in issuer.check()] == [True, False, True, False]
    assert not gitlab.lines("DELETE")
    assert not gitlab.lines("POST")


@pytest.mark.parametrize(
    "external_id", ["", "personal:", "personal:0", "project:1", "project:1:2:3", "project:a%2Fb:1", "group:1:x", "1"]
)
def test_an_id_that_names_no_single_token_is_refused_without_a_call(house: House, external_id: str) -> None:
    issuer = house.connect()
    for reply in (issuer.look, issuer.revoke, issuer.create, issuer.siblings):
        assert isinstance(reply(Credential(external_id)), Rejected)
    assert house.gitlab.asked == []


# who may not see something is not told that it is gone


def test_a_project_that_may_not_be_seen_leaves_its_tokens_unknown(house: House) -> None:
    gitlab = house.gitlab
    token = gitlab.add_token("projects", gitlab.add_place("projects"), "ci")
    issuer = house.connect(gitlab.add_user("ben-example"))
    assert isinstance(issuer.look(named(token)), Rejected)
    assert isinstance(issuer.revoke(named(token)), Rejected)
    assert result_of(issuer.verify(named(token))) is Result.ACCEPTED_UNVERIFIED
    assert gitlab.lets_in(token.secret)


def test_a_list_of_ones_own_is_not_taken_for_everybodys(house: House) -> None:
    gitlab = house.gitlab
    ben = gitlab.add_user("ben-example")
    other = gitlab.add_personal(gitlab.root, "root's")
    issuer = house.connect(ben, personal=True)
    with pytest.raises(UpstreamError, match="administrator"):
        seen_by(issuer)
    assert isinstance(issuer.look(named(other)), Rejected)
    always(gitlab, lambda asked: asked.path.endswith(f"/{other.id}"), Replied(404, {"message": "404 Not Found"}))
    assert isinstance(issuer.look(named(other)), Rejected)


def test_a_token_that_answers_404_and_is_listed_is_not_gone(house: House) -> None:
    issuer = house.connect()
    token = house.gitlab.add_token("projects", house.gitlab.add_place("projects"), "ci")
    always(house.gitlab, lambda asked: asked.path.endswith(f"/{token.id}"), Replied(404, {"message": "404"}))
    assert isinstance(issuer.look(named(token)), Sighting)
    assert isinstance(issuer.revoke(named(token)), Rejected)
    assert result_of(issuer.verify(named(token))) is Result.FAILED


# answers that are not what they should be


@pytest.mark.parametrize(
    ("replied", "expected"),
    [
        (Replied(200, {"message": "error"}), Unclear),
        (Replied(202, {"message": "202 Accepted"}), Accepted),
        (Replied(204), Accepted),
        (Replied(301, {}, {"location": "https://elsewhere.example/"}), Rejected),
        (Replied(400, {"message": "400 Bad request"}), Rejected),
        (Replied(401, {"message": "401 Unauthorized"}), Rejected),
        (Replied(403, {"message": "403 Forbidden"}), Rejected),
        (Replied(404, {"message": "404 Not Found"}), Rejected),
        (Replied(412, {"message": "412 Precondition Failed"}), Rejected),
        (Replied(422, {"message": "422 Unprocessable"}), Rejected),
        (Replied(429, {"message": "slow"}, {"retry-after": "11"}), NotDone),
        (Replied(500, {"message": "500"}), Unclear),
        (Replied(502, b"<html>"), Unclear),
    ],
)
def test_what_a_revocation_may_be_answered_with(house: House, replied: Replied, expected: type) -> None:
    issuer = house.connect()
    token = house.gitlab.add_token("projects", house.gitlab.add_place("projects"), "ci")
    always(house.gitlab, changes, replied)
    assert isinstance(issuer.revoke(named(token)), expected)
    assert len([asked for asked in house.gitlab.asked if changes(asked)]) == 1
    assert result_of(issuer.verify(named(token))) is Result.FAILED


@pytest.mark.parametrize(
    "replied",
    [
        Replied(200, b"not json"),
        Replied(200, {"message": "an object"}),
        Replied(200, [1]),
        Replied(200, [{"id": "42"}]),
        Replied(200, [], {"link": '<https://elsewhere.example/x>; rel="next"'}),
        Replied(202, []),
        Replied(301, {}, {"location": "/elsewhere"}),
        Replied(401, {"message": "401 Unauthorized"}),
        Replied(404, {"message": "404 Project Not Found"}),
        Replied(429, {"message": "slow"}),
        Replied(500, {}),
    ],
)
def test_a_list_that_is_none_lets_nothing_be_concluded(house: House, replied: Replied) -> None:
    gitlab = house.gitlab
    project = gitlab.add_place("projects")
    issuer = house.connect(projects=[project])
    always(gitlab, lists, replied)
    with pytest.raises(UpstreamError):
        seen_by(issuer)
    look = issuer.look(Credential(f"project:{project}:999"))
    assert isinstance(look, Rejected | NotDone | Unclear)
    assert not [line for line in gitlab.lines() if "elsewhere" in line]


def test_pages_in_a_circle_are_left(house: House) -> None:
    gitlab = house.gitlab
    project = gitlab.add_place("projects")
    shown = gitlab._shown(gitlab.add_token("projects", project, "ci"))
    issuer = house.connect(projects=[project])
    link = {"link": f'<{gitlab.url}/api/v4/projects/{project}/access_tokens?page=2>; rel="next"'}
    always(gitlab, lists, Replied(200, [shown], link))
    with pytest.raises(UpstreamError, match="circles"):
        seen_by(issuer)


def test_a_rate_limit_in_the_middle_of_a_list_says_how_long(house: House) -> None:
    gitlab = house.gitlab
    project = gitlab.add_place("projects")
    for number in range(150):
        gitlab.add_token("projects", project, f"ci {number}")
    issuer = house.connect(projects=[project])
    second = Replied(429, {"message": "slow"}, {"retry-after": "77"})
    always(gitlab, lambda asked: lists(asked) and asked.number("page", 1) == 2, second)
    with pytest.raises(UpstreamError, match="77 seconds"):
        seen_by(issuer)


def test_another_token_than_asked_for_is_no_answer(house: House) -> None:
    gitlab = house.gitlab
    project = gitlab.add_place("projects")
    token, other = gitlab.add_token("projects", project, "a"), gitlab.add_token("projects", project, "b")
    other.revoked = True
    issuer = house.connect()
    always(gitlab, lambda asked: asked.path.endswith(f"/{token.id}"), Replied(200, gitlab._shown(other)))
    assert isinstance(issuer.look(named(token)), Unclear)
    assert isinstance(issuer.verify(named(token)), Unclear)
    assert isinstance(issuer.create(named(token)), Unclear)


@pytest.mark.parametrize(
    ("status", "change", "expected"),
    [
        (201, {"token": None}, Unclear),
        (201, {"access_level": 50}, Unclear),
        (201, {"scopes": ["api"]}, Unclear),
        (201, {"active": False}, Unclear),
        (201, {"name": "another"}, Unclear),
        (200, {}, Unclear),
        (202, {}, Unclear),
        (400, {}, Rejected),
        (403, {}, Rejected),
        (429, {}, NotDone),
        (500, {}, Unclear),
    ],
)
def test_what_a_creation_may_be_answered_with(
    house: House, status: int, change: dict[str, object], expected: type
) -> None:
    gitlab = house.gitlab
    old = gitlab.add_token("projects", gitlab.add_place("projects"), "ci")
    issuer = house.connect()
    body = {**gitlab._shown(old), "id": 99_999, "token": "glpat-a-secret-of-the-double", **change}
    always(gitlab, changes, Replied(status, body))
    made = issuer.create(named(old))
    assert isinstance(made, expected)
    assert "glpat" not in repr(made)
    assert len(gitlab.lines("POST")) == 1


def test_a_creation_that_answers_with_the_old_token_is_none(house: House) -> None:
    gitlab = house.gitlab
    old = gitlab.add_token("projects", gitlab.add_place("projects"), "ci")
    issuer = house.connect()
    always(gitlab, changes, Replied(201, {**gitlab._shown(old), "token": old.secret}))
    assert isinstance(issuer.create(named(old)), Unclear)


def test_our_token_is_in_no_text(house: House) -> None:
    issuer = house.connect(personal=True)
    secret = house.kept["env:GITLAB_TOKEN"]
    always(house.gitlab, lambda asked: True, Replied(403, {"message": f"403 {secret}"}, {"x-request-id": "one"}))
    with pytest.raises(UpstreamError) as caught:
        seen_by(issuer)
    said = [str(caught.value), repr(issuer.look(Credential("personal:1"))), repr(issuer.check())]
    assert secret not in "".join(said)


def test_nothing_answers_or_our_token_is_not_there(house: House) -> None:
    away = house.connect(url="http://127.0.0.1:9")
    assert isinstance(away.look(Credential("personal:1")), NotDone)
    with pytest.raises(UpstreamError, match="cannot be reached"):
        seen_by(away)
    issuer = house.connect()
    house.kept["env:GITLAB_TOKEN"] = "glpat-\u00e9 \n"
    assert isinstance(issuer.look(Credential("personal:1")), Rejected)
    house.kept.clear()
    assert isinstance(issuer.look(Credential("personal:1")), NotDone)
