"""The policy: who is asked about which token, how often, who is next, and who may decide what.

Plain, frozen values. Reading the file, with line and key for every mistake, is `policy_file.py`.

How a tier is chosen (Python here and the SQL in storage must agree):

* The tiers are tried in order; the first whose condition matches wins; the last one has no condition.
* Every key given in a condition must match; when `any_of` is given, at least one of its clauses must match too.
* A text key matches when the token's value equals one of the listed values. Only the ASCII letters A-Z are
  folded: `lower(x)` on SQLite, `lower(x COLLATE "C")` on PostgreSQL. Listed values are stored folded.
* A missing value (NULL or the empty string) matches only where the list contains null.
* `customer_data` is true, false or null (not known), and matches like a text.
* `tags` matches when the token has any one of the listed tags; null there means "has no tags".
* `no_expiry: true` matches a token without an expiry date, `false` one that has it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Annotated, ClassVar, Final, Self

from pydantic import Field, model_validator

from bot.rules.policy_acting import Emergency, Remediation, Shared
from bot.rules.policy_attention import Attention, Urgent
from bot.rules.policy_parts import (
    TEXT_KEYS,
    Authority,
    Channels,
    Clause,
    Condition,
    DecisionKind,
    DefaultAction,
    Grown,
    Ladder,
    OpeningCap,
    Role,
    Rung,
    Step,
    StepKind,
    Tier,
    Visibility,
    WorkingHours,
)
from bot.rules.policy_values import ONE_OR_MORE, Days, Email, Fault, Label, Name, PolicyFaults, fold, raise_if, suggest

__all__ = [
    "KNOWN_ROLES",
    "TEXT_KEYS",
    "Attention",
    "Authority",
    "Channels",
    "Clause",
    "Condition",
    "DecisionKind",
    "DefaultAction",
    "Ladder",
    "OpeningCap",
    "Policy",
    "PolicyFaults",
    "Role",
    "Rung",
    "Step",
    "StepKind",
    "Tier",
    "TokenFacts",
    "Urgent",
    "Visibility",
    "WorkingHours",
    "matches",
    "policy_from_json",
    "policy_hash",
    "policy_to_json",
    "tier_of",
]

KNOWN_ROLES: Final = ("security", "auditor")
"""Role names that mean something by themselves, whether the policy lists people for them or not."""


class Policy(Grown):
    """One whole policy, checked. `version` is a label for people; `policy_hash` identifies the content."""

    policy_id: Label
    version: Label
    tiers: Annotated[tuple[Tier, ...], Field(min_length=1, max_length=50)]
    ladders: Annotated[dict[Name, Ladder], Field(min_length=1, max_length=50)]
    authority: Authority
    roles: Annotated[
        dict[Name, Annotated[tuple[Email, ...], ONE_OR_MORE, Field(max_length=1000)]], Field(max_length=50)
    ]
    channels: Channels
    visibility: Visibility = Visibility()
    cap: OpeningCap = OpeningCap()
    unused_after: Days = 90
    contract_notice: Days = 30
    working_hours: WorkingHours = WorkingHours()
    attention: Attention = Attention()
    urgent: Urgent = Urgent()
    remediation: Remediation = Remediation()
    emergency: Emergency = Emergency()
    shared: Shared = Shared()

    younger: ClassVar[tuple[str, ...]] = ("remediation", "emergency", "shared")

    @property
    def morning(self) -> timedelta:
        """Over how much of everybody's day the beginning of routine messages is spread; never over more than a day."""
        hours, day = self.working_hours, date.min
        length = datetime.combine(day, hours.end) - datetime.combine(day, hours.start)
        return min(timedelta(hours=self.attention.spread_mornings_over), length)

    def ladder_of(self, tier: Tier) -> Ladder:
        return self.ladders[tier.ladder]

    def tier_named(self, name: str) -> Tier | None:
        return next((tier for tier in self.tiers if tier.name == name), None)

    def people_in(self, role: str) -> tuple[str, ...]:
        """The e-mail addresses (lower case) listed for a role; nobody where the policy lists none."""
        return self.roles.get(role, ())

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        raise_if([*_faults_in_tiers(self), *_faults_in_references(self)])
        return self


def _faults_in_tiers(policy: Policy) -> Iterable[Fault]:
    """Tiers that can never be chosen, names used twice, and a list without an end for every token."""
    seen: list[Tier] = []
    for i, tier in enumerate(policy.tiers):
        earlier = next((one for one in seen if one.when.matches_everything or one.when == tier.when), None)
        if earlier is not None and earlier.when.matches_everything:
            message = f"No token ever gets here: the tier {earlier.name} above matches every token."
            yield Fault(("tiers", i), message, f"Move {earlier.name} to the end, or give it a condition.")
        elif earlier is not None:
            message = f"No token ever gets here: the tier {earlier.name} above has the same condition."
            yield Fault(("tiers", i, "when"), message, "Change one of the two conditions, or remove a tier.")
        if any(one.name == tier.name for one in seen):
            yield Fault(("tiers", i, "name"), f"There are two tiers called {tier.name}.", "Rename one of them.")
        seen.append(tier)
    if not any(tier.when.matches_everything for tier in policy.tiers):
        last = len(policy.tiers) - 1
        hint = "Add a last tier without `when`, for everything else."
        yield Fault(("tiers", last), "A token may match none of the tiers.", hint)


def _faults_in_references(policy: Policy) -> Iterable[Fault]:
    """Names of ladders and roles that nothing in the policy carries."""
    for i, tier in enumerate(policy.tiers):
        if tier.ladder not in policy.ladders:
            message = f"There is no ladder called {tier.ladder}."
            yield Fault(("tiers", i, "ladder"), message, suggest(tier.ladder, policy.ladders))
    known = {*policy.roles, *KNOWN_ROLES}
    for i, role in enumerate(policy.visibility.see_all):
        if role not in known:
            yield Fault(("visibility", "see_all", i), f"There is no role called {role}.", suggest(role, known))


# ------------------------------------------------------------------ choosing a tier


@dataclass(frozen=True, slots=True)
class TokenFacts:
    """What of a token decides its tier. Missing values are None or empty; `vendor` is the vendor's name."""

    issuing_system: str
    environment: str | None = None
    data_classification: str | None = None
    customer_data: bool | None = None
    vendor: str | None = None
    credential_type: str | None = None
    held_by: str | None = None
    tags: tuple[str, ...] = ()
    no_expiry: bool = False


def tier_of(policy: Policy, facts: TokenFacts) -> Tier:
    """The first tier whose condition matches (the rule is at the top of this module)."""
    return next(tier for tier in policy.tiers if matches(tier.when, facts))


def matches(clause: Clause, facts: TokenFacts) -> bool:
    """Whether a clause, or a condition with its `any_of`, holds for a token."""
    if not all(_text_matches(getattr(clause, key), getattr(facts, key)) for key in TEXT_KEYS):
        return False
    if clause.customer_data and facts.customer_data not in clause.customer_data:
        return False
    if clause.no_expiry is not None and facts.no_expiry is not clause.no_expiry:
        return False
    if clause.tags and not _any_tag_matches(clause.tags, facts.tags):
        return False
    any_of = clause.any_of if isinstance(clause, Condition) else ()
    return not any_of or any(matches(one, facts) for one in any_of)


def _text_matches(listed: tuple[str | None, ...], value: str | None) -> bool:
    return not listed or (fold(value) if value else None) in listed


def _any_tag_matches(listed: tuple[str | None, ...], tags: tuple[str, ...]) -> bool:
    held = {fold(tag) for tag in tags if tag}
    return any(tag in held for tag in listed) if held else None in listed


# ------------------------------------------------------------------ freezing


def policy_to_json(policy: Policy) -> str:
    """The whole policy, defaults included, as RFC 8785 canonical JSON, to be kept with each request.

    A key that came after the first release is there only where it is not at its default.
    """
    # Only strings, whole numbers, booleans, lists and ASCII keys occur, for which sorted compact JSON is RFC 8785.
    document = policy.model_dump(mode="json")
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def policy_from_json(text: str) -> Policy:
    """The policy that `policy_to_json` wrote. Raises pydantic.ValidationError when it is not one."""
    return Policy.model_validate(json.loads(text))


def policy_hash(policy: Policy) -> str:
    """SHA-256 (64 hex digits) over the canonical JSON: comments, order of keys and layout do not matter."""
    return hashlib.sha256(policy_to_json(policy).encode()).hexdigest()
