"""Who may decide what: by role, in the policy's order, in person or for somebody away, and never after leaving."""

from __future__ import annotations

from typing import Any

import pytest

from bot.rules.authority import Act, Grant, authority_for, who_can
from bot.rules.policy import Policy
from bot.rules.policy_file import default_policy_text, load_policy
from bot.rules.policy_parts import DecisionKind, Role
from bot.rules.standing import Standing
from tests.unit.directory import Everybody, office

ACTS: list[Act] = [*DecisionKind, "remediation_done"]
#: The shipped policy: who may do what, by name; everybody else may not.
ALLOWED = {
    "attest": "ana dan omar",
    "rotate": "ana dan omar sam",
    "revoke": "ana dan omar vera ben mia sam",
    "disown": "ana dan omar",
    "reassign": "ana dan omar vera ben mia sam",
    "snooze": "ana dan omar",
    "let_lapse": "ana dan",
    "remediation_done": "ana dan omar vera ben mia sam",
}


@pytest.fixture(scope="module")
def policy() -> Policy:
    return load_policy(default_policy_text(), "default_policy.yaml")


@pytest.fixture
def everybody() -> Everybody:
    people = office()
    people.add("dan")
    people.add("eve")
    return people


def standing(everybody: Everybody, **others: Any) -> Standing:
    ids = everybody.ids
    held: dict[str, Any] = {
        "service_owner": ids["ana"],
        "business_owner": ids["dan"],
        "backup_owner": ids["omar"],
        "vendor_relationship_owner": ids["vera"],
        "security": (ids["sam"],),
    }
    return Standing(**(held | others))


@pytest.mark.parametrize("act", ACTS)
def test_each_role_may_what_the_policy_says_and_nobody_else(act: Act, policy: Policy, everybody: Everybody) -> None:
    here = standing(everybody)
    able = [name for name, one in everybody.ids.items() if authority_for(act, one, here, everybody, policy)]
    assert sorted(able) == sorted(ALLOWED[str(act)].split())
    assert [everybody.people[one].name.lower() for one, _ in who_can(act, here, everybody, policy)] == ALLOWED[
        str(act)
    ].split()


def test_a_grant_names_the_role_and_the_line_of_the_policy(policy: Policy, everybody: Everybody) -> None:
    here = standing(everybody)
    ben = authority_for(DecisionKind.REVOKE, everybody.ids["ben"], here, everybody, policy)
    assert ben == Grant(Role.MANAGER, "authority.revoke")


def test_the_first_role_counts_where_somebody_holds_several(policy: Policy, everybody: Everybody) -> None:
    omar = everybody.ids["omar"]
    both = standing(everybody, vendor_relationship_owner=omar, security=(omar,))
    assert authority_for(DecisionKind.REVOKE, omar, both, everybody, policy) == Grant(
        Role.BACKUP_OWNER, "authority.revoke"
    )
    assert [one for one, _ in who_can(DecisionKind.REVOKE, both, everybody, policy)].count(omar) == 1


@pytest.mark.parametrize("act", ACTS)
def test_whoever_left_may_nothing(act: Act, policy: Policy, everybody: Everybody) -> None:
    leo = everybody.ids["leo"]
    everywhere = Standing(leo, leo, leo, leo, (leo,))
    assert authority_for(act, leo, everywhere, everybody, policy) is None
    assert leo not in dict(who_can(act, everywhere, everybody, policy))
    assert authority_for(act, 404, standing(everybody), everybody, policy) is None


# ------------------------------------------------------------------ delegates


def test_the_delegate_of_somebody_away_decides_for_them(policy: Policy, everybody: Everybody) -> None:
    ana = everybody.add("ana", manager="ben", delegate="eve")
    here, eve = standing(everybody), everybody.ids["eve"]
    granted = authority_for(DecisionKind.ATTEST, eve, here, everybody, policy)
    assert granted == Grant(Role.SERVICE_OWNER, "authority.attest", delegated_from=ana)
    everybody.add("ana", manager="ben", delegate="eve", away=False)
    assert authority_for(DecisionKind.ATTEST, eve, here, everybody, policy) is None


def test_a_delegates_delegate_decides_what_they_are_asked(policy: Policy, everybody: Everybody) -> None:
    """The ladder tells whoever stands in at the end of the chain; so that person can answer."""
    ana = everybody.add("ana", manager="ben", delegate="dan")
    everybody.add("dan", delegate="eve")
    here = standing(everybody, business_owner=None)
    granted = authority_for(DecisionKind.ATTEST, everybody.ids["eve"], here, everybody, policy)
    assert granted == Grant(Role.SERVICE_OWNER, "authority.attest", delegated_from=ana)


def test_ones_own_office_comes_before_a_delegation(policy: Policy, everybody: Everybody) -> None:
    everybody.add("ana", manager="ben", delegate="vera")
    here, vera = standing(everybody), everybody.ids["vera"]
    attest = authority_for(DecisionKind.ATTEST, vera, here, everybody, policy)
    assert attest is not None
    assert attest.delegated_from == everybody.ids["ana"]
    everybody.add("vera", manager="mia")
    own = standing(everybody, service_owner=vera, backup_owner=everybody.ids["ana"])
    assert authority_for(DecisionKind.ATTEST, vera, own, everybody, policy) == Grant(
        Role.SERVICE_OWNER, "authority.attest"
    )


def test_a_policy_may_forbid_delegates(policy: Policy, everybody: Everybody) -> None:
    everybody.add("ana", manager="ben", delegate="eve")
    strict = policy.model_copy(
        update={"authority": policy.authority.model_copy(update={"delegates_may_decide": False})}
    )
    assert authority_for(DecisionKind.ATTEST, everybody.ids["eve"], standing(everybody), everybody, strict) is None


def test_a_delegate_who_left_may_nothing(policy: Policy, everybody: Everybody) -> None:
    everybody.add("ana", manager="ben", delegate="leo")
    leo = everybody.ids["leo"]
    assert authority_for(DecisionKind.ATTEST, leo, standing(everybody), everybody, policy) is None
