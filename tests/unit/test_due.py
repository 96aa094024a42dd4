"""Reasons by name and bit, and the policy turned into cutoffs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from bot.rules.due import Reason, applies, due_parameters, reason_names
from bot.rules.policy_file import default_policy_text, load_policy
from messages.wording import asking
from storage import due as query
from storage.due_parameters import NoticeWindow

NOW = datetime(2026, 1, 5, 9, 30, tzinfo=UTC)


def days(number: int) -> datetime:
    return NOW + timedelta(days=number)


def test_the_query_has_the_same_bits() -> None:
    assert {str(reason.name).lower(): reason.value for reason in Reason} == query._BITS


def test_reasons_are_named_in_their_order() -> None:
    assert reason_names(0) == []
    assert reason_names(Reason.UNUSED | Reason.NEVER_ATTESTED | Reason.EXPIRING) == [
        "never_attested",
        "expiring",
        "unused",
    ]
    everything = reason_names((1 << len(Reason)) - 1)
    assert everything == [str(reason.name).lower() for reason in Reason]
    assert all(asking.reason_bare(name) != asking.reason_bare("") for name in everything)  # each has its own words


def test_nobody_can_change_the_names_that_others_get() -> None:
    reason_names(3).append("spoilt")
    assert reason_names(3) == ["never_attested", "attestation_overdue"]


@pytest.mark.parametrize(
    ("threshold", "life", "holds"), [(30, 30, True), (30, 29, False), (1, 0, False), (7, 365, True)]
)
def test_a_notice_longer_than_the_whole_life_makes_no_sense(threshold: int, life: int, holds: bool) -> None:
    assert applies(threshold, NOW, days(life)) is holds
    assert applies(threshold, None, days(life))  # nobody knows when it was made


def test_the_policy_as_days() -> None:
    policy = load_policy(default_policy_text(), "default_policy.yaml")
    found = due_parameters(policy)
    assert found.unused_after == 90
    assert found.contract_notice == 30
    high, medium, low = found.tiers
    assert [tier.attest_every for tier in found.tiers] == [90, 180, 365]
    assert high.notices == (NoticeWindow(30, 14), NoticeWindow(14, 7), NoticeWindow(7, 1), NoticeWindow(1, 0))
    assert [window.days for window in medium.notices] == [30, 7, 1]
    assert low.notices == (NoticeWindow(14, 3), NoticeWindow(3, 0))
    assert [tier.ask_no_expiry for tier in found.tiers] == [True, True, True]
    assert [tier.ask_unused for tier in found.tiers] == [True, True, False]


def test_windows_leave_no_gap_and_do_not_overlap() -> None:
    for tier in due_parameters(load_policy(default_policy_text(), "default_policy.yaml")).tiers:
        assert all(later.days == earlier.tighter for earlier, later in pairwise(tier.notices))
        assert tier.notices[-1].tighter == 0
