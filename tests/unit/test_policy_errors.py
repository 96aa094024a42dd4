"""Wrong policies: each is refused with the line and the key where the mistake stands, and with what to do."""

from __future__ import annotations

import time
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.rules.policy_file import MAX_BYTES, MAX_PROBLEMS, PolicyError, PolicyProblem, default_policy_text, load_policy

# The line numbers in the table below count from the first line of this text.
GOOD = """\
policy_id: test
version: 1
tiers:
  - name: high
    when:
      environment: production
      customer_data: true
    risk: 90
    attest_every: 90d
    expiry_notices: [30d, 7d]
    grace: 3bd
    ladder: strict
    justification: [attest]
  - name: low
    risk: 10
    attest_every: 365d
    expiry_notices: [7d]
    grace: 5bd
    ladder: standard
ladders:
  strict:
    steps:
      - after: 0
        tell: [owner]
      - after: 2bd
        tell: [manager]
        default_action: open_revocation
  standard:
    steps:
      - after: 0
        tell: [owner]
authority:
  attest: [service_owner]
  rotate: [service_owner]
  revoke: [service_owner, security]
  disown: [service_owner]
  reassign: [service_owner]
  snooze: [service_owner]
  let_lapse: [service_owner]
  remediation_done: [service_owner]
roles:
  security: [ana@example.com]
channels:
  security: security
visibility:
  see_all: [security]
cap:
  first_run_per_person: 5
working_hours:
  start: 09:00
  end: 17:30
"""


class Wrong(NamedTuple):
    what: str
    old: str
    new: str
    line: int
    key: str
    says: str


WRONG = [
    # YAML itself
    Wrong("a bracket left open", "[30d, 7d]", "[30d, 7d", 11, "", "This is not YAML"),
    Wrong("a tab", "    risk: 90", "\trisk: 90", 8, "", "tab"),
    Wrong("wrong indentation", "    risk: 90", "   risk: 90", 8, "", "This is not YAML"),
    Wrong("a quote left open", "policy_id: test", 'policy_id: "test', 1, "", "never closed"),
    Wrong("a control character", "version: 1", "version: \x01", 2, "", "control character"),
    Wrong("an escaped control character", "version: 1", 'version: "\\0"', 2, "version", "control character"),
    Wrong("an escaped half character", "version: 1", 'version: "\\ud800"', 2, "version", "control character"),
    Wrong("no such character", "version: 1", 'version: "\\UFFFFFFFF"', 2, "", "not a character"),
    Wrong("an anchor", "tell: [manager]", "tell: &m [manager]", 26, "", "Anchors"),
    Wrong("an alias", "tell: [manager]", "tell: *m", 26, "", "aliases"),
    Wrong("a tag", "version: 1", "version: !!python/name:os.system 1", 2, "", "tags"),
    Wrong("a local tag", "version: 1", "version: !env VERSION", 2, "", "tags"),
    Wrong("a second document", "authority:", "---\nauthority:", 32, "", "second document"),
    Wrong("deep nesting", "version: 1", "version: " + "[" * 30 + "]" * 30, 2, "", "levels"),
    Wrong("a key given twice", "version: 1", "version: 1\nversion: 2", 3, "version", "already given on line 2"),
    Wrong("a ladder given twice", "  standard:", "  strict:", 28, "ladders.strict", "already given on line 21"),
    Wrong("a merge key", "    risk: 90", "    <<: {risk: 90}", 8, "tiers[0].<<", "There is no such key"),
    Wrong("a list as key", "version: 1", "? [a, b]\n: 1", 2, "", "single word"),
    # keys
    Wrong("an unknown key above", "cap:", "caps:", 47, "caps", "Did you mean cap?"),
    Wrong(
        "an unknown key in a tier", "attest_every: 90d", "attest_evry: 90d", 9, "tiers[0].attest_evry", "attest_every?"
    ),
    Wrong(
        "an unknown key in a condition",
        "environment: pro",
        "enviroment: pro",
        6,
        "tiers[0].when.enviroment",
        "environment?",
    ),
    Wrong(
        "an unknown key in a step",
        "default_action:",
        "default:",
        27,
        "ladders.strict.steps[1].default",
        "default_action?",
    ),
    Wrong("an unknown key in authority", "let_lapse:", "lapse:", 39, "authority.lapse", "let_lapse?"),
    Wrong("an unknown key in the cap", "first_run_per_person", "first_run", 48, "cap.first_run", "first_run_"),
    Wrong("a missing key", "    grace: 3bd\n", "", 4, "tiers[0].grace", "The key grace is missing"),
    Wrong("a missing part", "channels:\n  security: security\n", "", 1, "channels", "The key channels is missing"),
    Wrong("a missing authority", "  snooze: [service_owner]\n", "", 32, "authority.snooze", "is missing"),
    # types and values
    Wrong("a text for a number", "risk: 90", "risk: high", 8, "tiers[0].risk", "whole number"),
    Wrong("a quoted number", "risk: 90", 'risk: "90"', 8, "tiers[0].risk", "without quotes"),
    Wrong("a fraction", "risk: 90", "risk: 9.5", 8, "tiers[0].risk", "whole number"),
    Wrong("too large", "risk: 90", "risk: 101", 8, "tiers[0].risk", "at most 100"),
    Wrong(
        "too small", "first_run_per_person: 5", "first_run_per_person: 0", 48, "cap.first_run_per_person", "at least 1"
    ),
    Wrong(
        "yes for true", "customer_data: true", "customer_data: yes", 7, "tiers[0].when.customer_data", "true or false"
    ),
    Wrong("a number for a name", "name: low", "name: 7", 14, "tiers[1].name", "has to be a text"),
    Wrong("a name with blanks", "name: low", "name: Low risk", 14, "tiers[1].name", "usable name"),
    Wrong(
        "a group for a list",
        "expiry_notices: [7d]",
        "expiry_notices: {a: 7d}",
        17,
        "tiers[1].expiry_notices",
        "length of time",
    ),
    Wrong("a list for a group", "cap:\n  first_run_per_person: 5", "cap: [5]", 47, "cap", "group of keys"),
    Wrong(
        "a text for a group", "visibility:\n  see_all: [security]", "visibility: all", 45, "visibility", "group of keys"
    ),
    Wrong("nothing under a key", "cap:\n  first_run_per_person: 5\n", "cap:\n", 47, "cap", "group of keys"),
    Wrong("no tiers", GOOD[GOOD.index("tiers:") : GOOD.index("ladders:")], "tiers: []\n", 3, "tiers", "empty"),
    Wrong("an unknown environment", "production", "prod", 6, "tiers[0].when.environment", "Did you mean production?"),
    Wrong("an empty list in a condition", "production", "[]", 6, "tiers[0].when.environment", "empty"),
    Wrong("null for true", "customer_data: true", "no_expiry:", 7, "tiers[0].when.no_expiry", "true or false"),
    Wrong(
        "an empty clause", "customer_data: true", "any_of: [{}]", 7, "tiers[0].when.any_of[0]", "matches every token"
    ),
    Wrong(
        "clauses in a clause",
        "customer_data: true",
        "any_of: [{any_of: []}]",
        7,
        "tiers[0].when.any_of[0].any_of",
        "no such key",
    ),
    Wrong(
        "an unknown decision", "[attest]", "[attest, revok]", 13, "tiers[0].justification[1]", "Did you mean revoke?"
    ),
    Wrong("an unknown rung", "[manager]", "[boss]", 26, "ladders.strict.steps[1].tell[0]", "manager"),
    Wrong("an unknown role", "attest: [service_owner]", "attest: [owner]", 33, "authority.attest[0]", "service_owner"),
    Wrong(
        "an unknown action",
        "open_revocation",
        "revoke",
        27,
        "ladders.strict.steps[1].default_action",
        "open_revocation",
    ),
    Wrong("no e-mail address", "ana@example.com", "ana", 42, "roles.security[0]", "e-mail"),
    Wrong("a bad role name", "  security: [ana", "  Sec Ops: [ana", 42, "roles.Sec Ops", "usable name"),
    Wrong("a comment for a channel", "security: security", "security: #security", 44, "channels.security", "comment"),
    Wrong("no channel", "security: security", "security: The Security Channel", 44, "channels.security", "channel"),
    # lengths of time
    Wrong("days without unit", "attest_every: 90d", "attest_every: 90", 9, "tiers[0].attest_every", "90 has no unit"),
    Wrong("business days for days", "attest_every: 90d", "attest_every: 90bd", 9, "tiers[0].attest_every", "90d"),
    Wrong("days for business days", "grace: 3bd", "grace: 3d", 11, "tiers[0].grace", "working time"),
    Wrong("no length of time", "grace: 3bd", "grace: soon", 11, "tiers[0].grace", "not a length of time"),
    Wrong("a time without minutes", "start: 09:00", "start: 9", 50, "working_hours.start", "time of day"),
    Wrong("a time that is none", "end: 17:30", "end: 24:30", 51, "working_hours.end", "time of day"),
    Wrong("an end before the start", "end: 17:30", "end: 08:00", 51, "working_hours.end", "not after the start"),
    Wrong("an unknown zone", "start: 09:00", "timezone: Berlin", 50, "working_hours.timezone", "Europe/Berlin"),
    Wrong("an unknown country", "start: 09:00", "country: ZZ", 50, "working_hours.country", "no country"),
    Wrong("a working week of no days", "start: 09:00", "workweek: mon-fry", 50, "working_hours.workweek", "mon-fri"),
    # what has to fit together
    Wrong("an unknown ladder", "ladder: standard", "ladder: standart", 19, "tiers[1].ladder", "Did you mean standard?"),
    Wrong("an unknown role to see", "see_all: [security]", "see_all: [secops]", 46, "visibility.see_all[0]", "no role"),
    Wrong("notices that go up", "[30d, 7d]", "[7d, 30d]", 10, "tiers[0].expiry_notices[1]", "longest to the shortest"),
    Wrong("a notice given twice", "[30d, 7d]", "[30d, 30d]", 10, "tiers[0].expiry_notices[1]", "each once"),
    Wrong(
        "no last tier",
        "  - name: low\n",
        "  - name: low\n    when: {held_by: us}\n",
        14,
        "tiers[1]",
        "none of the tiers",
    ),
    Wrong("two tiers of one name", "name: low", "name: high", 14, "tiers[1].name", "two tiers"),
    Wrong("a first step that waits", "after: 0", "after: 1bd", 23, "ladders.strict.steps[0].after", "at once"),
    Wrong(
        "a first step past the owner",
        "tell: [owner]",
        "tell: [manager]",
        24,
        "ladders.strict.steps[0].tell",
        "ask the owner",
    ),
    Wrong("two steps at once", "after: 2bd", "after: 0", 25, "ladders.strict.steps[1].after", "together"),
    Wrong("a rung named twice", "[manager]", "[manager, manager]", 26, "ladders.strict.steps[1].tell", "twice"),
    Wrong(
        "steps after the action",
        "tell: [owner]",
        "tell: [owner]\n        default_action: open_revocation",
        25,
        "ladders.strict.steps[0].default_action",
        "More steps follow",
    ),
]


def problems_of(text: str) -> tuple[PolicyProblem, ...]:
    with pytest.raises(PolicyError) as caught:
        load_policy(text, "policy.yaml")
    assert caught.value.name == "policy.yaml"
    assert caught.value.problems
    assert list(caught.value.problems) == sorted(caught.value.problems)
    assert str(caught.value).startswith("policy.yaml, line ")
    return caught.value.problems


def refused_with_places(error: PolicyError) -> None:
    assert error.problems
    assert all(problem.line >= 1 and problem.column >= 1 and problem.message for problem in error.problems)


def test_the_good_one_is_good() -> None:
    assert load_policy(GOOD, "policy.yaml").policy_id == "test"


@pytest.mark.parametrize("wrong", WRONG, ids=[wrong.what for wrong in WRONG])
def test_a_wrong_policy_names_line_and_key(wrong: Wrong) -> None:
    assert wrong.old in GOOD
    problems = problems_of(GOOD.replace(wrong.old, wrong.new, 1))
    found = [(problem.line, problem.key_path, str(problem)) for problem in problems]
    assert any((line, key) == (wrong.line, wrong.key) and wrong.says in text for line, key, text in found), found
    for problem in problems:
        assert problem.message.endswith((".", "?"))
        assert problem.hint.endswith((".", "?", '"'))
        assert "pydantic" not in str(problem).lower()
        assert "!" not in problem.hint.replace("(!)", "").replace("with !", "")


def test_the_column_points_at_the_value() -> None:
    [problem] = problems_of(GOOD.replace("grace: 3bd", "grace: 3d"))
    assert (problem.line, problem.column) == (11, 12)
    [problem] = problems_of(GOOD.replace("[manager]", "[boss]"))
    assert (problem.line, problem.column) == (26, 16)


def test_every_mistake_is_reported_at_once() -> None:
    text = GOOD.replace("grace: 3bd", "grace: 3d").replace("risk: 10", "risk: ten").replace("cap:", "caps:")
    assert [problem.line for problem in problems_of(text)] == [11, 15, 47]


def test_tiers_behind_a_catch_all_are_named() -> None:
    text = GOOD.replace("    when:\n      environment: production\n      customer_data: true\n", "")
    [problem] = problems_of(text)
    assert (problem.line, problem.key_path) == (11, "tiers[1]")
    assert "the tier high above matches every token" in problem.message


def test_the_same_condition_twice() -> None:
    tier = GOOD[GOOD.index("  - name: high") : GOOD.index("  - name: low")]
    text = GOOD.replace("  - name: low", tier.replace("name: high", "name: higher") + "  - name: low")
    [problem] = problems_of(text)
    assert (problem.line, problem.key_path) == (15, "tiers[1].when")


@pytest.mark.parametrize("text", ["", "\n", "# only a comment\n", "---\n", "null", "\ufeff"])
def test_an_empty_policy(text: str) -> None:
    [problem] = problems_of(text)
    assert (problem.line, problem.column) == (1, 1)
    assert "empty" in problem.message


@pytest.mark.parametrize("text", ["hello", "- a\n- b", "42", '"policy_id: x"'])
def test_something_that_is_no_policy(text: str) -> None:
    [problem] = problems_of(text)
    assert problem.line == 1
    assert "group of keys" in problem.message


def test_a_file_that_is_too_large() -> None:
    [problem] = problems_of(GOOD + "#" * MAX_BYTES)
    assert "256 kB" in problem.message
    # Counted in bytes, as the file is stored.
    assert problems_of("# " + "é" * (MAX_BYTES // 2))


def test_bombs_cost_nothing() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 30)]
    started = time.perf_counter()
    for bomb in ("\n".join(lines), "[" * 100_000, "{a: " * 60_000, "- " * 100_000, "? " * 100_000, "&a [*a]"):
        assert problems_of(bomb)
    assert time.perf_counter() - started < 20


def test_not_more_problems_than_a_person_can_read() -> None:
    text = GOOD.replace("cap:", "".join(f"key{i}: 1\n" for i in range(500)) + "cap:")
    assert len(problems_of(text)) == MAX_PROBLEMS


def test_long_values_are_cut() -> None:
    text = GOOD.replace("production", "x" * 10_000).replace("cap:", "y" * 1000 + ":")
    for problem in problems_of(text):
        assert len(str(problem)) < 400


@given(st.text(max_size=60), st.integers(0, len(GOOD)))
def test_anything_written_into_a_policy_is_read_or_refused(noise: str, where: int) -> None:
    try:
        load_policy(GOOD[:where] + noise + GOOD[where:], "policy.yaml")
    except PolicyError as error:
        refused_with_places(error)


@given(st.integers(0, len(default_policy_text())), st.integers(1, 200))
def test_a_policy_with_a_piece_missing_is_read_or_refused(start: int, length: int) -> None:
    text = default_policy_text()
    try:
        load_policy(text[:start] + text[start + length :], "policy.yaml")
    except PolicyError as error:
        refused_with_places(error)
