"""Who can be told, who stands in for whom, and how far a chain of managers or delegates is followed."""

from __future__ import annotations

import pytest

from bot.rules.people import Reached, Unreachable, managers_of, reach, stand_ins
from bot.rules.policy_parts import Role, Rung
from bot.rules.standing import Standing, holders, reach_rung, succeed
from tests.unit.directory import Everybody, office


def names(everybody: Everybody, ids: list[int]) -> list[str]:
    return [everybody.people[one].name.lower() for one in ids]


# ------------------------------------------------------------------ one person


def test_whoever_is_there_is_told() -> None:
    everybody = office()
    assert reach(everybody.ids["ana"], everybody) == Reached(everybody.ids["ana"])


def test_the_delegate_of_somebody_away_is_told_in_their_stead() -> None:
    everybody = office()
    ana = everybody.add("ana", delegate="omar")
    assert reach(ana, everybody) == Reached(everybody.ids["omar"], ana)


def test_a_delegate_who_is_away_has_a_delegate_too() -> None:
    everybody = office()
    ana = everybody.add("ana", delegate="omar")
    everybody.add("omar", delegate="vera")
    assert reach(ana, everybody) == Reached(everybody.ids["vera"], ana)
    assert names(everybody, [one.id for one in stand_ins(everybody.people[ana], everybody)]) == ["omar", "vera"]


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        ({"active": False}, "left"),
        ({"active": False, "delegate": "omar"}, "left"),
        ({"away": True}, "away"),
        ({"has_account": False}, "no_account"),
        ({"delegate": "leo"}, "away"),  # it is the delegate who has left, and that is not said of Ana
        ({"delegate": "mute"}, "away"),
        ({"delegate": "ana"}, "away"),
        ({"delegate": "loop"}, "away"),
        ({"delegate": "nobody"}, "away"),
    ],
)
def test_who_cannot_be_told_and_why(facts: dict[str, object], why: str) -> None:
    everybody = office()
    everybody.add("mute", has_account=False)
    everybody.add("loop", delegate="ana")
    ana = everybody.add("ana", **facts)  # type: ignore[arg-type]
    assert reach(ana, everybody) == Unreachable(why, ana)


def test_an_account_of_ones_own_is_not_needed_while_away() -> None:
    everybody = office()
    ana = everybody.add("ana", delegate="omar", has_account=False)
    assert reach(ana, everybody) == Reached(everybody.ids["omar"], ana)


@pytest.mark.parametrize("nobody", [None, 404])
def test_nobody_is_missing(nobody: int | None) -> None:
    assert reach(nobody, office()) == Unreachable("missing", nobody)


def test_nobody_stands_in_for_whoever_is_there() -> None:
    everybody = office()
    everybody.add("ana", delegate="omar", away=False)
    assert stand_ins(everybody.people[everybody.ids["ana"]], everybody) == []


# ------------------------------------------------------------------ managers


def test_managers_nearest_first_and_a_loop_ends() -> None:
    everybody = office()
    assert names(everybody, [one.id for one in managers_of(everybody.ids["ana"], everybody)]) == ["ben", "mia"]
    everybody.add("mia", manager="ana")
    assert names(everybody, [one.id for one in managers_of(everybody.ids["ana"], everybody)]) == ["ben", "mia"]
    everybody.add("sam", manager="sam")
    assert managers_of(everybody.ids["sam"], everybody) == []
    assert managers_of(None, everybody) == managers_of(404, everybody) == []


def test_a_long_chain_ends_somewhere() -> None:
    everybody = Everybody()
    for number in range(100):
        everybody.add(f"n{number}", manager=f"n{number + 1}")
    assert len(managers_of(1, everybody)) == 20


def test_the_manager_rung_climbs_past_who_cannot_be_told() -> None:
    everybody = office()
    standing = Standing(service_owner=everybody.ids["ana"])
    assert reach_rung(Rung.MANAGER, standing, everybody) == Reached(everybody.ids["ben"])
    ben = everybody.add("ben", manager="mia", active=False)
    assert reach_rung(Rung.MANAGER, standing, everybody) == Reached(everybody.ids["mia"], ben)
    everybody.add("mia", away=True)
    assert reach_rung(Rung.MANAGER, standing, everybody) == Unreachable("left", ben)


def test_the_leavers_manager_still_answers_for_the_token() -> None:
    everybody = office()
    leavers = Standing(service_owner=everybody.ids["leo"], backup_owner=everybody.ids["vera"])
    assert reach_rung(Rung.MANAGER, leavers, everybody) == Reached(everybody.ids["ben"])
    ownerless = Standing(backup_owner=everybody.ids["vera"])
    assert reach_rung(Rung.MANAGER, ownerless, everybody) == Reached(everybody.ids["mia"])
    assert reach_rung(Rung.MANAGER, Standing(), everybody) == Unreachable("missing")


# ------------------------------------------------------------------ rungs and roles


def test_every_rung_finds_its_holder() -> None:
    everybody = office()
    ids = everybody.ids
    standing = Standing(ids["ana"], ids["ben"], ids["omar"], ids["vera"], (ids["sam"],))
    reached = {rung: reach_rung(rung, standing, everybody) for rung in Rung}
    assert reached == {
        Rung.OWNER: Reached(ids["ana"]),
        Rung.BUSINESS_OWNER: Reached(ids["ben"]),
        Rung.BACKUP_OWNER: Reached(ids["omar"]),
        Rung.VENDOR_RELATIONSHIP_OWNER: Reached(ids["vera"]),
        Rung.MANAGER: Reached(ids["ben"]),
        Rung.SECURITY: Reached(None),
    }
    assert {rung for rung in Rung if reach_rung(rung, Standing(), everybody) == Unreachable("missing")} == {
        *Rung,
    } - {Rung.SECURITY}


def test_roles_are_held_by_whoever_is_still_there() -> None:
    everybody = office()
    ids = everybody.ids
    standing = Standing(ids["leo"], None, ids["omar"], ids["vera"], (ids["sam"], ids["leo"], 404))
    held = {role: names(everybody, holders(role, standing, everybody)) for role in Role}
    assert held == {
        Role.SERVICE_OWNER: [],
        Role.BUSINESS_OWNER: [],
        Role.BACKUP_OWNER: ["omar"],
        Role.VENDOR_RELATIONSHIP_OWNER: ["vera"],
        Role.MANAGER: ["ben", "mia"],
        Role.SECURITY: ["sam"],
    }


# ------------------------------------------------------------------ who comes after somebody, and above a stand-in


@pytest.mark.parametrize(
    ("gone", "rung", "who", "passed"),
    [
        ((), "backup_owner", "omar", []),
        (("omar",), "manager", "ben", ["backup_owner:left"]),
        (("omar", "ben"), "manager", "mia", ["backup_owner:left"]),
        (("omar", "ben", "mia"), "vendor_relationship_owner", "vera", ["backup_owner:left", "manager:left"]),
        (
            ("omar", "ben", "mia", "vera"),
            "security",
            None,
            ["backup_owner:left", "manager:left", "vendor_relationship_owner:left"],
        ),
    ],
)
def test_who_comes_after_somebody_who_has_left(
    gone: tuple[str, ...], rung: str, who: str | None, passed: list[str]
) -> None:
    everybody = office()
    ids = everybody.ids
    above = {"ben": "mia", "omar": "ben", "vera": "mia", "ana": "ben"}
    for name in ("ana", *gone):
        everybody.add(name, manager=above.get(name, ""), active=False)
    held = Standing(ids["ana"], backup_owner=ids["omar"], vendor_relationship_owner=ids["vera"])
    found_rung, found, tried = succeed(held, everybody)
    assert (found_rung, found.person_id) == (rung, ids.get(who or ""))
    assert [f"{one}:{why.reason}" for one, why in tried] == passed


def test_the_successor_who_is_away_is_stood_in_for() -> None:
    everybody = office()
    everybody.add("omar", manager="ben", delegate="sam")
    held = Standing(everybody.ids["leo"], backup_owner=everybody.ids["omar"])
    _, found, _ = succeed(held, everybody)
    assert found == Reached(everybody.ids["sam"], everybody.ids["omar"])


def test_a_stand_ins_managers_come_before_the_holders() -> None:
    everybody = office()
    ids = everybody.ids
    held = Standing(service_owner=ids["ana"])
    assert holders(Role.MANAGER, held, everybody) == [ids["ben"], ids["mia"]]
    everybody.add("ana", manager="ben", delegate="vera")
    assert reach_rung(Rung.MANAGER, held, everybody) == Reached(ids["mia"])
    assert holders(Role.MANAGER, held, everybody) == [ids["mia"], ids["ben"]]


def test_a_manager_who_stands_in_is_not_their_own_manager() -> None:
    everybody = office()
    ids = everybody.ids
    everybody.add("ana", manager="ben", delegate="ben")
    assert reach_rung(Rung.MANAGER, Standing(service_owner=ids["ana"]), everybody) == Reached(ids["mia"])
    everybody.add("mia", manager="ana")  # a circle that leads back to the one who is away
    assert ids["ana"] not in holders(Role.MANAGER, Standing(service_owner=ids["ana"]), everybody)
