"""The ladder at its edges: short ladders, readers who leave, ends that come once. On both databases."""

from __future__ import annotations

from typing import Any

import pytest

from bot.operations import climb_ladder as climb_ladder_module
from bot.operations.case import Case
from bot.operations.climb_ladder import climb_ladder
from bot.rules.policy_parts import Ladder
from messages.action_ref import Verb
from storage.database import Database
from storage.ledger.record import RecordKind
from storage.people import PERSON
from tests.contract.sweep_kit import DAY, Inventory
from tests.servers.fake_clock import FakeClock


@pytest.fixture
def inventory(database: Database, clock: FakeClock) -> Inventory:
    made = Inventory(database, clock)
    made.person("bob")
    made.person("leo", active=False)
    return made


def climbs(inventory: Inventory, *steps: str, action: str = "none") -> None:
    """Let the policy have this ladder for everything, with a working day between its steps."""
    written: list[dict[str, Any]] = [
        {"after": "1bd" if number else 0, "tell": step.split()} for number, step in enumerate(steps)
    ]
    written[-1]["default_action"] = action
    ladder = Ladder.model_validate({"steps": written})
    ladders = dict.fromkeys(inventory.policy.ladders, ladder)
    inventory.policy = inventory.policy.model_copy(update={"ladders": ladders})


def pass_days(inventory: Inventory, days: int) -> None:
    for _ in range(days):
        inventory.clock.advance(DAY)
        climb_ladder(inventory.ctx)


def leaves(inventory: Inventory, who: str) -> None:
    with inventory.database.write() as session:
        row = PERSON.update().where(PERSON.c.id == inventory.people[who]).values(active=False)
        session.connection().execute(row)


def ends(inventory: Inventory) -> list[str]:
    return [one.fields["details"]["action"] for one in inventory.records(RecordKind.DEFAULT_ACTION)]


def silent_steps(inventory: Inventory) -> list[int]:
    found = [one.fields["details"] for one in inventory.records(RecordKind.NO_RESPONSE)]
    return [details["step"] for details in found if "step" in details]


def test_a_ladder_of_one_step_has_an_end(inventory: Inventory) -> None:
    climbs(inventory, "owner")
    inventory.token(last_attested_at=None)
    inventory.sweep()
    pass_days(inventory, 6)
    assert ends(inventory) == []
    pass_days(inventory, 20)
    assert (silent_steps(inventory), ends(inventory)) == ([0], ["none"])
    assert inventory.request().state == "open"


def test_a_request_that_begins_on_the_last_step_ends_as_the_policy_says(inventory: Inventory) -> None:
    """Leo has left, so the security channel is asked at once; it has its day, and then the revocation is opened."""
    climbs(inventory, "owner", "security", action="open_revocation")
    inventory.token(owner="leo", last_attested_at=None)
    inventory.sweep()
    assert climb_ladder(inventory.ctx) == 0
    pass_days(inventory, 3)
    assert (silent_steps(inventory), ends(inventory)) == ([1], ["open_revocation"])
    assert inventory.request().state == "remediating"


def test_with_nobody_on_the_whole_ladder_the_end_still_comes(inventory: Inventory) -> None:
    climbs(inventory, "owner", "backup_owner", "manager", action="open_revocation")
    inventory.token(owner="leo", last_attested_at=None)
    inventory.sweep()
    assert inventory.asked() == {"security": 1}
    pass_days(inventory, 10)
    assert ends(inventory) == ["open_revocation"]


def test_the_end_is_recorded_once_even_if_the_last_reader_leaves(inventory: Inventory) -> None:
    climbs(inventory, "owner", "backup_owner")
    inventory.token(backup="bob", last_attested_at=None)
    inventory.sweep()
    pass_days(inventory, 10)
    assert (silent_steps(inventory), ends(inventory)) == ([0, 1], ["none"])
    leaves(inventory, "bob")
    pass_days(inventory, 10)
    assert ends(inventory) == ["none"]


def test_whoever_leaves_while_asked_is_not_waited_for(inventory: Inventory) -> None:
    climbs(inventory, "owner", "backup_owner")
    inventory.token(backup="bob", last_attested_at=None)
    inventory.sweep()
    leaves(inventory, "ana")
    assert climb_ladder(inventory.ctx) == 1
    assert inventory.request().waiting_on_id == inventory.people["bob"]
    [record] = inventory.records(RecordKind.NO_RESPONSE)
    assert record.fields["details"]["left"] is True


def test_a_climb_at_the_same_moment_moves_nothing_twice(inventory: Inventory) -> None:
    climbs(inventory, "owner", "backup_owner", "security")
    inventory.token(backup="bob", last_attested_at=None)
    inventory.sweep()
    inventory.clock.advance(DAY)
    assert [climb_ladder(inventory.ctx) for _ in range(3)] == [1, 0, 0]
    assert len(inventory.records(RecordKind.ASKED)) == 1


def test_an_answer_ends_the_climb(inventory: Inventory) -> None:
    climbs(inventory, "owner", "backup_owner", "security")
    inventory.token(backup="bob", last_attested_at=None)
    inventory.sweep()
    pass_days(inventory, 1)
    inventory.decide(Verb.ATTEST, who="bob")
    pass_days(inventory, 30)
    assert silent_steps(inventory) == [0]
    assert ends(inventory) == []
    assert inventory.request().state == "settled"


def test_the_stand_in_of_a_stand_in_can_answer_what_they_are_asked(inventory: Inventory) -> None:
    away = inventory.days(30)
    inventory.person("carl", away_until=away, delegate="bob")
    inventory.person("dora", away_until=away, delegate="carl")
    inventory.token(owner="dora", last_attested_at=None)
    inventory.sweep()
    assert inventory.asked() == {"bob": 1}
    inventory.decide(Verb.ATTEST, who="bob")
    assert inventory.request().outcome == "attest"


def test_one_that_cannot_move_keeps_no_other_still(inventory: Inventory, monkeypatch: pytest.MonkeyPatch) -> None:
    climbs(inventory, "owner", "backup_owner")
    for name in ("a", "b", "c"):
        inventory.token(name, backup="bob", last_attested_at=None)
    inventory.sweep()
    inventory.clock.advance(DAY)
    broken, whole = inventory.request("a").id, climb_ladder_module._climb

    def climb(case: Case) -> None:
        if case.request_id == broken:
            raise LookupError("a row that was not foreseen")
        whole(case)

    monkeypatch.setattr(climb_ladder_module, "_climb", climb)
    with pytest.raises(ExceptionGroup, match="could not move on") as raised:
        climb_ladder(inventory.ctx)
    assert [fault.__notes__ for fault in raised.value.exceptions] == [[f"request {broken} could not move on"]]
    assert [inventory.request(name).step for name in ("a", "b", "c")] == [0, 1, 1]
