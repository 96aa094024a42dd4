"""The policy as values: choosing a tier, ladders, authority, working hours, and freezing it onto a request."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import time
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from bot.rules.durations import BusinessDuration, DurationError, parse_days, parse_hours
from bot.rules.policy import (
    Condition,
    DecisionKind,
    DefaultAction,
    Ladder,
    Policy,
    Role,
    Rung,
    StepKind,
    TokenFacts,
    matches,
    policy_from_json,
    policy_hash,
    policy_to_json,
    tier_of,
)
from bot.rules.policy_file import default_policy_text, load_policy


@pytest.fixture(scope="module")
def policy() -> Policy:
    return load_policy(default_policy_text(), "default_policy.yaml")


def condition(**keys: Any) -> Condition:
    return Condition.model_validate(keys)


FACTS = TokenFacts(
    issuing_system="aws-iam",
    environment="production",
    data_classification="internal",
    customer_data=False,
    vendor="Acme Analytics",
    credential_type="access_key",
    held_by="vendor",
    tags=("Billing", "eu"),
)


# ------------------------------------------------------------------ the default


def test_the_default_is_sensible(policy: Policy) -> None:
    assert [tier.name for tier in policy.tiers] == ["high", "medium", "low"]
    assert [tier.risk for tier in policy.tiers] == sorted((tier.risk for tier in policy.tiers), reverse=True)
    high = policy.tiers[0]
    assert high.attest_every == 90
    assert high.expiry_notices == (30, 14, 7, 1)
    assert high.grace == BusinessDuration(3, "bd")
    assert high.restate
    assert policy.ladder_of(high).default_action is DefaultAction.OPEN_REVOCATION
    assert all(policy.ladder_of(tier).default_action is DefaultAction.NONE for tier in policy.tiers[1:])
    assert policy.authority.delegates_may_decide
    assert policy.channels.security == "security"


@pytest.mark.parametrize(
    ("changed", "tier"),
    [
        ({"customer_data": True}, "high"),
        ({"environment": "development", "data_classification": "Restricted"}, "high"),
        ({"environment": "staging", "customer_data": True}, "medium"),
        ({}, "medium"),
        ({"environment": "development", "data_classification": "confidential"}, "medium"),
        ({"environment": "development"}, "low"),
        ({"environment": "staging", "data_classification": "public", "customer_data": None}, "low"),
        # Nobody knows: taken to be production.
        ({"environment": None}, "medium"),
        ({"environment": "development", "data_classification": ""}, "medium"),
    ],
)
def test_tiers_of_the_default(policy: Policy, changed: dict[str, Any], tier: str) -> None:
    assert tier_of(policy, replace(FACTS, **changed)).name == tier


# ------------------------------------------------------------------ conditions


@pytest.mark.parametrize(
    ("keys", "matched"),
    [
        ({}, True),
        ({"environment": "production"}, True),
        ({"environment": ["staging", "Production"]}, True),
        ({"environment": "staging"}, False),
        ({"vendor": "ACME ANALYTICS"}, True),
        ({"vendor": "acme"}, False),
        ({"issuing_system": "AWS-IAM", "vendor": "acme analytics"}, True),
        ({"issuing_system": "aws-iam", "vendor": "other"}, False),
        ({"customer_data": False}, True),
        ({"customer_data": [True, None]}, False),
        ({"held_by": "vendor", "credential_type": ["password", "access_key"]}, True),
        ({"tags": "billing"}, True),
        ({"tags": ["us", "EU"]}, True),
        ({"tags": ["us", None]}, False),
        ({"no_expiry": True}, False),
        ({"no_expiry": False}, True),
        ({"any_of": [{"environment": "staging"}, {"tags": "eu"}]}, True),
        ({"any_of": [{"environment": "staging"}, {"tags": "us"}]}, False),
        ({"vendor": "other", "any_of": [{"tags": "eu"}]}, False),
    ],
)
def test_a_condition(keys: dict[str, Any], matched: bool) -> None:
    assert matches(condition(**keys), FACTS) is matched


@pytest.mark.parametrize("key", ["environment", "data_classification", "vendor", "credential_type", "held_by"])
@pytest.mark.parametrize("missing", [None, ""])
def test_a_missing_value_matches_null_only(key: str, missing: str | None) -> None:
    facts = replace(FACTS, **{key: missing})  # type: ignore[arg-type]
    value = {"environment": "production", "data_classification": "public", "held_by": "us"}.get(key, "x")
    assert not matches(condition(**{key: value}), facts)
    assert matches(condition(**{key: [value, None]}), facts)
    assert matches(condition(**{key: None}), facts)
    assert not matches(condition(**{key: None}), FACTS)


def test_unknown_customer_data_and_no_tags_are_null() -> None:
    facts = replace(FACTS, customer_data=None, tags=(), no_expiry=True)
    assert not matches(condition(customer_data=False), facts)
    assert matches(condition(customer_data=None), facts)
    assert matches(condition(tags=["x", None]), facts)
    assert not matches(condition(tags="x"), facts)
    assert matches(condition(no_expiry=True), facts)


def test_only_ascii_letters_are_folded() -> None:
    # SQLite's lower() leaves É alone; so does this, and both engines pick the same tier.
    assert not matches(condition(vendor="SOCIÉTÉ"), replace(FACTS, vendor="société"))
    assert matches(condition(vendor="SOCIÉTÉ"), replace(FACTS, vendor="sociÉtÉ"))
    assert not matches(condition(vendor="KELVIN"), replace(FACTS, vendor="\u212aelvin"))


@given(st.sampled_from(["environment", "vendor", "tags", "customer_data", "no_expiry"]), st.data())
def test_a_condition_survives_json(key: str, data: st.DataObject) -> None:
    values: dict[str, st.SearchStrategy[Any]] = {
        "environment": st.sampled_from(["production", "STAGING", None]),
        "vendor": st.text(st.characters(min_codepoint=33, max_codepoint=0x2FF), min_size=1) | st.none(),
        "tags": st.lists(st.sampled_from(["a", "B", None]), min_size=1),
        "customer_data": st.sampled_from([True, False, None]),
        "no_expiry": st.booleans(),
    }
    made = condition(**{key: data.draw(values[key])})
    assert not made.matches_everything
    assert Condition.model_validate(json.loads(made.model_dump_json())) == made


# ------------------------------------------------------------------ ladders and authority


def test_kinds_of_steps() -> None:
    ladder = Ladder.model_validate(
        {
            "steps": [
                {"after": 0, "tell": "owner"},
                {"after": "1bd", "tell": ["owner"]},
                {"after": "4bh", "tell": ["manager", "owner"]},
                {"after": "1bd", "tell": ["manager"]},
                {"after": "1bd", "default_action": "open_revocation"},
            ]
        }
    )
    kinds = [ladder.kind(i) for i in range(5)]
    assert kinds == [StepKind.ASK, StepKind.REMINDER, StepKind.ESCALATION, StepKind.REMINDER, StepKind.CLOSE]
    assert ladder.default_action is DefaultAction.OPEN_REVOCATION
    assert ladder.steps[2].tell == (Rung.MANAGER, Rung.OWNER)


def test_authority_answers_for_every_decision(policy: Policy) -> None:
    for kind in DecisionKind:
        assert policy.authority.roles_for(kind)
    assert Role.SECURITY in policy.authority.roles_for("remediation_done")
    assert Role.MANAGER not in policy.authority.roles_for(DecisionKind.ATTEST)


def test_people_in_a_role(policy: Policy) -> None:
    assert policy.people_in("security") == ()
    assert policy.people_in("nobody") == ()
    text = default_policy_text().replace("security: []", "security: [Ana@Example.com]")
    assert load_policy(text, "p").people_in("security") == ("ana@example.com",)


def test_working_hours_fall_back_one_by_one(policy: Policy) -> None:
    hours = policy.working_hours
    assert (hours.start, hours.end) == (time(9, 0), time(17, 30))
    text = (
        default_policy_text().replace("timezone: UTC", "timezone: Europe/Berlin").replace('country: ""', "country: DE")
    )
    hours = load_policy(text.replace('workweek: ""', "workweek: mon-thu"), "p").working_hours
    nobody = hours.of_person()
    assert (nobody.timezone, nobody.country, nobody.workweek) == ("Europe/Berlin", "DE", frozenset({0, 1, 2, 3}))
    cairo = hours.of_person("Africa/Cairo", "EG", "", "")
    assert (cairo.timezone, cairo.country, cairo.workweek) == ("Africa/Cairo", "EG", frozenset())
    wrong = hours.of_person("Mars/Olympus", "ZZ", "BY", "mon-fry")
    assert wrong == nobody
    assert hours.of_person(workweek="sun-thu").workweek == frozenset({6, 0, 1, 2, 3})


# ------------------------------------------------------------------ freezing


def test_a_frozen_policy_comes_back_exactly(policy: Policy) -> None:
    text = policy_to_json(policy)
    again = policy_from_json(text)
    assert again == policy
    assert policy_to_json(again) == text
    assert policy_hash(again) == policy_hash(policy)


def test_the_frozen_form_is_canonical_json(policy: Policy) -> None:
    text = default_policy_text().replace("policy_id: default", 'policy_id: "Zoë \\"\\\\ \\t \U0001f511"')
    for one in (policy, load_policy(text, "p")):
        assert policy_to_json(one).encode() == rfc8785.dumps(json.loads(policy_to_json(one)))


def test_the_hash_sees_content_only(policy: Policy) -> None:
    text = default_policy_text()
    bare = "\n".join(line.split(" #")[0] for line in text.splitlines() if not line.startswith("#"))
    spelled = text.replace("365d", "0365D").replace("environment: production\n", "environment: [PRODUCTION]\n")
    defaults_left_out = text.replace("  ignore_working_hours: false", "  # gone")
    in_json = json.dumps(json.loads(policy_to_json(policy)), indent=3)
    for same in (bare, spelled, defaults_left_out, in_json, "\ufeff" + text, text.replace("\n", "\r\n")):
        assert policy_hash(load_policy(same, "p")) == policy_hash(policy)
    for other in (text.replace("365d", "364d"), text.replace("version: 1", "version: 2")):
        assert policy_hash(load_policy(other, "p")) != policy_hash(policy)
    assert len(policy_hash(policy)) == 64


def test_a_younger_key_at_its_default_changes_neither_the_frozen_form_nor_the_hash(policy: Policy) -> None:
    """So that releases which run side by side while one replaces the other agree on what is in force."""
    assert json.loads(policy_to_json(policy))["attention"] == {"messages_per_person_per_day": 3}
    other = load_policy(default_policy_text().replace("spread_mornings_over: 1h", "spread_mornings_over: 2h"), "p")
    assert json.loads(policy_to_json(other))["attention"]["spread_mornings_over"] == "2h"
    assert policy_from_json(policy_to_json(other)) == other
    assert policy_hash(other) != policy_hash(policy)


def test_a_policy_does_not_change(policy: Policy) -> None:
    with pytest.raises(ValidationError):
        policy.version = "2"  # type: ignore[misc]


def test_a_policy_built_in_code_is_checked_as_well(policy: Policy) -> None:
    document = json.loads(policy_to_json(policy))
    document["tiers"][2]["ladder"] = "nowhere"
    with pytest.raises(ValidationError, match="no ladder called nowhere"):
        Policy.model_validate(document)


# ------------------------------------------------------------------ lengths of time


def test_days_and_hours() -> None:
    assert parse_days("90d") == 90
    assert parse_days(" 2W ") == 14
    assert parse_hours("36h") == 36
    assert parse_hours("2d") == 48
    assert parse_hours(0) == 0
    for wrong in (90, "90", "36h", "2bd", "0d", "99999d", "1.5d", "-1d", None, True, ["90d"], "٩d"):
        with pytest.raises(DurationError) as caught:
            parse_days(wrong)
        assert caught.value.hint
    for wrong in (24, "2w", "2bd", "999999h", ""):
        with pytest.raises(DurationError):
            parse_hours(wrong)
