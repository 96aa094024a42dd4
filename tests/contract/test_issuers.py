"""What every connector must do, against its issuing system. What it does not declare is not asked of it.

Each test makes credentials of its own and asks the system itself, without the connector, whether they work.
"""

from __future__ import annotations

import importlib
import importlib.util
import io
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields, is_dataclass, replace
from typing import Any

import pytest
from pydantic import SecretStr

from bot.errors import UpstreamError
from bot.issuers.registry import kind_of
from bot.logs import configure_logging
from bot.operations.issuer_port import Issuer
from bot.rules.issuing import (
    Absent,
    Accepted,
    Capabilities,
    Created,
    Credential,
    KeyState,
    Result,
    Rotation,
    Sighting,
    Verdict,
)
from tests.servers.issuers.all import ALL
from tests.servers.issuers.ground import Ground, Grounds, Made
from tests.servers.issuers.npm_packages import has_npm

_OWNER = "ana@example.com"


@pytest.fixture(scope="module", params=ALL, ids=lambda one: one.name)
def grounds(request: pytest.FixtureRequest) -> Grounds:
    found: Grounds = request.param
    is_there = has_npm() if found.needs == "npm" else not found.needs or importlib.util.find_spec(found.needs)
    if not is_there:
        pytest.skip(f"{found.name} is left out: {found.needs} is not installed")
    return found


@pytest.fixture(scope="module")
def running(grounds: Grounds) -> Iterator[Ground]:
    """Started once for all tests of a connector."""
    with grounds.running() as ground:
        yield ground


class Kept:
    """A ground that remembers every secret that it, or the connector, has given away."""

    def __init__(self, ground: Ground) -> None:
        self.ground = ground
        self.issuer = ground.issuer
        self.secrets: list[str] = []
        self.said: list[object] = []

    def make(self, name: str, *, owner: str = "") -> Made:
        made = self.ground.make(name, owner=owner)
        self.secrets.append(made.secret.get_secret_value())
        return made

    def accepts(self, made: Made) -> bool:
        return self.ground.accepts(made)

    def hear(self, answer: Any) -> Any:
        """An answer of the connector, to be searched for secrets."""
        self.said.append(answer)
        return answer


@contextmanager
def everything_logged() -> Iterator[io.StringIO]:
    """What the bot's own log writer writes at its most talkative, with nothing masked."""
    root, stream = logging.getLogger(), io.StringIO()
    before, level = list(root.handlers), root.level
    configure_logging("debug", stream=stream)
    try:
        yield stream
    finally:
        root.handlers[:] = before
        root.setLevel(level)


@pytest.fixture
def ground(running: Ground) -> Iterator[Kept]:
    """What each test gets; afterwards no secret may be in a log line, an answer or the connector's own text."""
    kept = Kept(running)
    with everything_logged() as log:
        yield kept
    texts = {"the log": log.getvalue(), "the connector": f"{kept.issuer!r} {vars(kept.issuer)!r}"}
    texts |= {f"answer {number}": f"{one!r} {one}" for number, one in enumerate(kept.said)}
    for secret in kept.secrets:
        for where, text in texts.items():
            assert secret not in text, f"a secret is in {where}"


@pytest.fixture
def can(ground: Kept) -> Capabilities:
    return ground.issuer.capabilities


def needs(found: object, what: str) -> None:
    if not found:
        pytest.skip(f"{what} is not declared")


def listed(ground: Kept) -> dict[str, Sighting]:
    """Everything that the connector lists, each once."""
    sightings = ground.hear(list(ground.issuer.listing()))
    ids = [one.external_id for one in sightings]
    assert len(ids) == len(set(ids)), "a credential is listed twice"
    return {one.external_id: one for one in sightings}


# ------------------------------------------------------------------ what is declared


def test_it_is_found_by_its_kind_and_declares_no_more_than_that(ground: Kept, can: Capabilities) -> None:
    kind = kind_of(ground.issuer.kind)
    assert kind.name == ground.issuer.kind
    most = kind.capabilities
    for one in fields(Capabilities):
        mine, its = getattr(can, one.name), getattr(most, one.name)
        assert set(mine) <= set(its) if one.name == "verify" else mine in (its, False, None), one.name
    assert not can.reversible or can.disable, "what is never disabled cannot be given back"
    assert isinstance(ground.issuer.system, str)
    assert ground.issuer.system


# ------------------------------------------------------------------ looking


def test_listing_finds_what_was_made_each_once(ground: Kept, can: Capabilities) -> None:
    needs(can.listing, "list")
    made = [ground.make(f"listed-{number}", owner=_OWNER) for number in range(3)]
    found = listed(ground)
    for one in made:
        seen = found[one.credential.external_id]
        assert seen.state is KeyState.ACTIVE
        for moment in (seen.created_at, seen.expires_at, seen.last_used_at):
            assert moment is None or moment.tzinfo is not None
        assert not seen.owner_hints or any(_OWNER in hint for hint in seen.owner_hints)


def test_a_look_sees_exactly_one(ground: Kept, can: Capabilities) -> None:
    needs(can.disable or can.revoke or can.rotate, "anything that needs a look")
    made, other = ground.make("looked-at"), ground.make("not-looked-at")
    seen = ground.hear(ground.issuer.look(made.credential))
    assert isinstance(seen, Sighting)
    assert seen.external_id == made.credential.external_id != other.credential.external_id
    assert seen.state is KeyState.ACTIVE


def test_last_use_is_seen(ground: Kept, can: Capabilities) -> None:
    needs(can.last_used, "last_used")
    made = ground.make("used")
    assert ground.accepts(made)
    seen = ground.hear(ground.issuer.look(made.credential))
    assert isinstance(seen, Sighting)
    assert seen.last_used_at is not None


def test_what_never_was_is_absent(ground: Kept, can: Capabilities) -> None:
    needs(can.disable or can.revoke or can.rotate, "anything that needs a look")
    assert isinstance(ground.hear(ground.issuer.look(ground.ground.never())), Absent)


# ------------------------------------------------------------------ ending


def test_disabling_is_undone(ground: Kept, can: Capabilities, grounds: Grounds) -> None:
    needs(can.disable, "disable")
    made, other = ground.make("disabled"), ground.make("bystander")
    assert ground.accepts(made)
    assert isinstance(ground.hear(ground.issuer.disable(made.credential)), Accepted)
    seen = ground.issuer.look(made.credential)
    assert isinstance(seen, Sighting)
    assert seen.state is KeyState.DISABLED
    assert ground.accepts(made) == bool(grounds.accepts_disabled)
    assert ground.accepts(other), "another credential was hit"
    assert isinstance(ground.issuer.disable(made.credential), Accepted), "a second time does no harm"
    if can.listing:
        assert listed(ground)[made.credential.external_id].state is KeyState.DISABLED
    if can.reversible:
        assert isinstance(ground.hear(ground.issuer.enable(made.credential)), Accepted)
        assert ground.accepts(made)
        seen = ground.issuer.look(made.credential)
        assert isinstance(seen, Sighting)
        assert seen.state is KeyState.ACTIVE


def test_a_revoked_one_is_refused_and_gone(ground: Kept, can: Capabilities) -> None:
    needs(can.revoke, "revoke")
    made, other = ground.make("revoked"), ground.make("bystander")
    assert ground.accepts(made)
    assert isinstance(ground.hear(ground.issuer.revoke(made.credential)), Accepted)
    assert not ground.accepts(made)
    assert ground.accepts(other), "another credential was hit"
    assert not isinstance(ground.hear(ground.issuer.look(made.credential)), Sighting)
    if can.listing:
        found = listed(ground)
        assert made.credential.external_id not in found
        assert other.credential.external_id in found


def test_a_disabled_one_can_be_revoked(ground: Kept, can: Capabilities) -> None:
    needs(can.disable and can.revoke, "disable and revoke")
    made = ground.make("disabled-and-revoked")
    assert isinstance(ground.issuer.disable(made.credential), Accepted)
    assert isinstance(ground.issuer.revoke(made.credential), Accepted)
    assert not ground.accepts(made)


def test_a_second_revocation_is_no_error(ground: Kept, can: Capabilities) -> None:
    needs(can.revoke, "revoke")
    made = ground.make("revoked-twice")
    ground.issuer.revoke(made.credential)
    assert isinstance(ground.hear(ground.issuer.revoke(made.credential)), Absent | Accepted)


def test_an_end_is_seen_and_so_is_none(ground: Kept, can: Capabilities) -> None:
    needs(can.verify, "verify")
    made = ground.make("verified")
    before = ground.hear(ground.issuer.verify(made.credential))
    assert isinstance(before, Verdict)
    assert before.result is Result.FAILED
    assert before.detail
    needs(can.revoke, "revoke")
    ground.issuer.revoke(made.credential)
    after = ground.hear(ground.issuer.verify(made.credential))
    assert isinstance(after, Verdict)
    assert (after.result, after.proof in can.verify) == (Result.CONFIRMED, True)


# ------------------------------------------------------------------ rotating


def test_a_second_one_works_beside_the_first(ground: Kept, can: Capabilities) -> None:
    needs(can.rotate is Rotation.OVERLAP, "rotate{overlap}")
    made = ground.make("rotated")
    before = ground.issuer.siblings(made.credential)
    assert before == (made.credential.external_id,)
    created = ground.hear(ground.issuer.create(made.credential))
    assert isinstance(created, Created)
    ground.secrets.append(created.secret.get_secret_value())
    after = ground.issuer.siblings(made.credential)
    assert isinstance(after, tuple)
    assert sorted(after) == sorted((made.credential.external_id, created.external_id))
    second = Made(replace(made.credential, external_id=created.external_id), created.secret)
    assert ground.issuer.works(second.credential, second.secret) is True
    assert ground.issuer.works(made.credential, made.secret) is True
    assert ground.accepts(second)
    assert isinstance(ground.issuer.revoke(made.credential), Accepted)
    assert ground.issuer.works(made.credential, made.secret) is False
    assert ground.accepts(second)


def test_a_chosen_secret_takes_the_place_of_the_old_one(ground: Kept, can: Capabilities) -> None:
    needs(can.rotate is Rotation.CHOSEN, "rotate{chosen}")
    made = ground.make("rotated")
    new = SecretStr("Chosen-and-long-enough-for-anybody-1")
    ground.secrets.append(new.get_secret_value())
    assert ground.issuer.works(made.credential, made.secret) is True
    assert isinstance(ground.hear(ground.issuer.replace(made.credential, new)), Accepted)
    assert ground.issuer.works(made.credential, new) is True
    assert ground.issuer.works(made.credential, made.secret) is False
    assert ground.accepts(Made(made.credential, new))
    assert not ground.accepts(made)


def test_a_wrong_secret_does_not_work(ground: Kept, can: Capabilities) -> None:
    needs(can.rotate, "rotate")
    made = ground.make("right")
    assert ground.issuer.works(made.credential, SecretStr("wrong-secret-of-nobody")) is False


# ------------------------------------------------------------------ ourselves


def test_our_own_credential_is_known(ground: Kept) -> None:
    own = ground.ground.own()
    if own is None:
        pytest.skip("nothing that Whose authenticates with could be revoked through this connector")
    assert ground.issuer.is_ours(own)
    assert not ground.issuer.is_ours(ground.make("not-ours").credential)
    assert not ground.issuer.is_ours(ground.ground.never())


def test_our_own_credential_is_never_ended(ground: Kept, can: Capabilities) -> None:
    own = ground.ground.own()
    if own is None:
        pytest.skip("nothing that Whose authenticates with could be revoked through this connector")
    for offered, end in ((can.disable, ground.issuer.disable), (can.revoke, ground.issuer.revoke)):
        if offered:
            assert not isinstance(ground.hear(end(own)), Accepted)
    assert all(one.ok for one in ground.issuer.check())


def test_a_check_touches_nobody(ground: Kept, can: Capabilities) -> None:
    made = ground.make("untouched")
    before = listed(ground) if can.listing else {}
    checks = ground.hear(ground.issuer.check())
    assert checks
    assert all(one.ok for one in checks), [one for one in checks if not one.ok]
    assert ground.accepts(made)
    assert not can.listing or _without_use(listed(ground)) == _without_use(before)


def _without_use(found: dict[str, Sighting]) -> dict[str, Sighting]:
    """Our own credential is used by looking."""
    return {key: replace(one, last_used_at=None, used_for="") for key, one in found.items()}


def test_a_bad_credential_of_ours_is_named(ground: Kept, grounds: Grounds, can: Capabilities) -> None:
    bad = ground.ground.with_bad_credentials()
    made = ground.make("out-of-reach")
    if not grounds.accepts_any_check:
        checks = ground.hear(bad.check())
        assert any(not one.ok for one in checks)
        assert all(one.said for one in checks)
        assert all(one.advice for one in checks if not one.ok)
    _nothing_is_known_with(bad, made.credential, can, ground.hear)
    assert ground.accepts(made)


def _nothing_is_known_with(bad: Issuer, credential: Credential, can: Capabilities, hear: Callable[[Any], Any]) -> None:
    """Being refused must not look like an end, an absence or an empty list."""
    if can.disable or can.revoke or can.rotate:
        assert not isinstance(hear(bad.look(credential)), Sighting | Absent)
    for offered, end in ((can.disable, bad.disable), (can.revoke, bad.revoke)):
        if offered:
            assert not isinstance(hear(end(credential)), Accepted | Absent)
    if can.verify:
        verdict = hear(bad.verify(credential))
        assert not isinstance(verdict, Verdict) or verdict.result is not Result.CONFIRMED
    if can.listing:
        with pytest.raises(UpstreamError):
            list(bad.listing())


def test_answers_are_values(ground: Kept, can: Capabilities) -> None:
    """They are kept and compared across a restart: frozen values, and ids of calls that fit a column."""
    needs(can.revoke, "revoke")
    made = ground.make("valued")
    for answer in (ground.issuer.look(made.credential), ground.issuer.revoke(made.credential)):
        assert is_dataclass(answer)
        assert hash(answer) is not None
        assert len(getattr(answer, "request_id", "")) <= 100
