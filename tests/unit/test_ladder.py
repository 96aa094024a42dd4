"""The ladder: who is told at each step, what is passed over and why, and how long each step waits."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from bot.rules.calendar import WorkingTime
from bot.rules.durations import BusinessDuration, parse_business
from bot.rules.ladder import Landing, Told, climb_from, default_action, next_step_at, wait_after
from bot.rules.people import Unreachable
from bot.rules.policy import Policy
from bot.rules.policy_file import default_policy_text, load_policy
from bot.rules.policy_parts import DefaultAction, Ladder, Rung
from bot.rules.standing import Standing
from tests.unit.directory import Everybody, office

MONDAY = datetime(2026, 1, 5, 9, 30, tzinfo=UTC)
GRACE = BusinessDuration(5, "bd")


@pytest.fixture(scope="module")
def policy() -> Policy:
    return load_policy(default_policy_text(), "default_policy.yaml")


@pytest.fixture
def everybody() -> Everybody:
    return office()


def ladder(*steps: tuple[str, str], action: str = "none") -> Ladder:
    written: list[dict[str, Any]] = [{"after": after or 0, "tell": tell.split()} for after, tell in steps]
    written[-1]["default_action"] = action
    return Ladder.model_validate({"steps": written})


def standing(everybody: Everybody, **others: Any) -> Standing:
    ids = everybody.ids
    held = {"service_owner": ids["ana"], "backup_owner": ids["omar"], "vendor_relationship_owner": ids["vera"]}
    return Standing(**(held | others))


# ------------------------------------------------------------------ who is told


def test_the_shipped_ladders_step_by_step(policy: Policy, everybody: Everybody) -> None:
    ids, here = everybody.ids, standing(everybody)
    for name, steps in (("strict", "ana/ana/omar vera/ben/-/ana -"), ("standard", "ana/ana/omar vera/ben/-")):
        climbed = [climb_from(number, policy.ladders[name], here, everybody) for number in range(steps.count("/") + 1)]
        assert [one.step for one in climbed] == list(range(len(climbed)))
        assert [[told.person_id for told in one.told] for one in climbed] == [
            [ids.get(who) for who in step.split()] for step in steps.split("/")
        ]
        assert all(not one.passed for one in climbed)


def test_who_cannot_be_told_is_passed_over_and_named(policy: Policy, everybody: Everybody) -> None:
    here = standing(everybody, service_owner=everybody.ids["leo"], vendor_relationship_owner=None)
    left, missing = Unreachable("left", everybody.ids["leo"]), Unreachable("missing")
    assert climb_from(0, policy.ladders["standard"], here, everybody) == Landing(
        2,
        [Told(Rung.BACKUP_OWNER, everybody.ids["omar"])],
        [(0, Rung.OWNER, left), (1, Rung.OWNER, left), (2, Rung.VENDOR_RELATIONSHIP_OWNER, missing)],
    )


def test_nobody_is_told_twice_in_one_step(policy: Policy, everybody: Everybody) -> None:
    here = standing(everybody, vendor_relationship_owner=everybody.ids["omar"])
    assert climb_from(2, policy.ladders["strict"], here, everybody).told == [
        Told(Rung.BACKUP_OWNER, everybody.ids["omar"])
    ]


def test_a_stand_in_is_told_with_whose_place_it_is(policy: Policy, everybody: Everybody) -> None:
    ana = everybody.add("ana", manager="ben", delegate="omar")
    assert climb_from(0, policy.ladders["strict"], standing(everybody), everybody).told == [
        Told(Rung.OWNER, everybody.ids["omar"], ana)
    ]


def test_without_anybody_security_is_told(policy: Policy, everybody: Everybody) -> None:
    landing = climb_from(0, policy.ladders["standard"], Standing(), everybody)
    assert (landing.step, landing.told) == (4, [Told(Rung.SECURITY, None)])
    assert {why.reason for _, _, why in landing.passed} == {"missing"}


def test_above_the_last_step_there_is_nothing(policy: Policy, everybody: Everybody) -> None:
    assert climb_from(5, policy.ladders["standard"], standing(everybody), everybody) == Landing(5, (), [])
    private = ladder(("", "owner"), ("1bd", "backup_owner"))
    landing = climb_from(1, private, standing(everybody, backup_owner=None), everybody)
    assert (landing.step, landing.told) == (2, ())


def test_a_last_step_that_tells_nobody_is_a_landing_of_its_own(everybody: Everybody) -> None:
    quiet = ladder(("", "owner"), ("2bd", ""), action="open_revocation")
    landing = climb_from(1, quiet, standing(everybody), everybody)
    assert landing == Landing(1, [], [])
    assert default_action(landing, quiet) is DefaultAction.OPEN_REVOCATION


# ------------------------------------------------------------------ when and what then


@pytest.mark.parametrize(("landed", "wait"), [(0, "1bd"), (1, "2bd"), (2, "2bd"), (3, "1bd"), (4, "2bd"), (5, "2bd")])
def test_each_step_waits_for_the_next_and_the_last_as_long_as_it_took(policy: Policy, landed: int, wait: str) -> None:
    assert wait_after(landed, policy.ladders["strict"], GRACE) == parse_business(wait)


def test_a_ladder_of_one_step_gives_the_grace() -> None:
    assert wait_after(0, ladder(("", "owner")), GRACE) == GRACE


def test_waiting_is_in_the_persons_own_working_time(policy: Policy) -> None:
    """Two working days: over a weekend of Friday and Saturday, and over Friday to Monday."""
    strict = policy.ladders["strict"]
    thursday = datetime(2026, 1, 8, 9, 30, tzinfo=UTC)
    riyadh = WorkingTime("Asia/Riyadh", "SA", workweek=frozenset({6, 0, 1, 2, 3}))
    berlin = WorkingTime("Europe/Berlin", "DE")
    assert next_step_at(1, strict, GRACE, thursday, riyadh) == datetime(2026, 1, 12, 9, 30, tzinfo=UTC)
    assert next_step_at(1, strict, GRACE, thursday, berlin) == datetime(2026, 1, 12, 9, 30, tzinfo=UTC)
    sunday = datetime(2026, 1, 11, 9, 30, tzinfo=UTC)
    assert next_step_at(0, strict, GRACE, sunday, riyadh) == datetime(2026, 1, 12, 9, 30, tzinfo=UTC)
    assert next_step_at(0, strict, GRACE, sunday, berlin) == datetime(2026, 1, 13, 8, 0, tzinfo=UTC)


def test_only_the_end_carries_the_default_action(policy: Policy) -> None:
    strict = policy.ladders["strict"]
    acts = [default_action(Landing(step, ()), strict) for step in range(7)]
    assert acts == [DefaultAction.NONE] * 5 + [DefaultAction.OPEN_REVOCATION] * 2
    assert {default_action(Landing(step, ()), policy.ladders["standard"]) for step in range(6)} == {DefaultAction.NONE}
