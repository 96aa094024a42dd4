"""The parts a policy is made of: tiers with their conditions, ladders with their steps, and the settings."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import time
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Final, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from bot.rules.calendar import (
    CalendarError,
    WorkingTime,
    check_working_time,
    is_known_country,
    is_known_zone,
    parse_workweek,
)
from bot.rules.policy_values import (
    ONE_OR_MORE,
    ChannelName,
    Classifications,
    Clock,
    Days,
    Environments,
    Fault,
    Flag,
    Flags,
    Holders,
    Name,
    PolicyFaults,
    Positive,
    Texts,
    Wait,
    notices_descend,
    raise_if,
)


class DecisionKind(StrEnum):
    """What a person can decide about a request."""

    ATTEST = "attest"
    ROTATE = "rotate"
    REVOKE = "revoke"
    DISOWN = "disown"
    REASSIGN = "reassign"
    SNOOZE = "snooze"
    LET_LAPSE = "let_lapse"


class Role(StrEnum):
    """What makes somebody entitled to decide; `security` is everyone listed under `roles: security`."""

    SERVICE_OWNER = "service_owner"
    BUSINESS_OWNER = "business_owner"
    BACKUP_OWNER = "backup_owner"
    VENDOR_RELATIONSHIP_OWNER = "vendor_relationship_owner"
    MANAGER = "manager"
    SECURITY = "security"


class Rung(StrEnum):
    """Whom a ladder step tells; `owner` is the service owner, `security` the security channel."""

    OWNER = "owner"
    BUSINESS_OWNER = "business_owner"
    BACKUP_OWNER = "backup_owner"
    VENDOR_RELATIONSHIP_OWNER = "vendor_relationship_owner"
    MANAGER = "manager"
    SECURITY = "security"


class DefaultAction(StrEnum):
    """What happens by itself when the whole ladder stayed silent."""

    NONE = "none"
    OPEN_REVOCATION = "open_revocation"


class StepKind(StrEnum):
    """What a ladder step is to the people it tells."""

    ASK = "ask"
    REMINDER = "reminder"
    ESCALATION = "escalation"
    CLOSE = "close"


def _ordered(kinds: tuple[DecisionKind, ...]) -> tuple[DecisionKind, ...]:
    return tuple(kind for kind in DecisionKind if kind in kinds)


Roles = Annotated[tuple[Role, ...], ONE_OR_MORE, Field(max_length=len(Role))]


class Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, validate_default=False)


# ------------------------------------------------------------------ tiers


TEXT_KEYS: Final = (
    "environment",
    "data_classification",
    "issuing_system",
    "vendor",
    "credential_type",
    "held_by",
)
"""The keys of a clause that compare one text column with a list of values."""


class Grown(Part):
    """A part with keys that are younger than frozen policies and than releases that may still run beside this one. They
    are left out of what is frozen where they say nothing new, so that all agree on the policy and its hash: their
    defaults never change."""

    younger: ClassVar[tuple[str, ...]] = ()

    @model_serializer(mode="wrap")
    def _as_before(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        written: dict[str, Any] = handler(self)
        for name in self.younger:
            if getattr(self, name) == type(self).model_fields[name].get_default(call_default_factory=True):
                del written[name]
        return written


def _not_null(value: object) -> object:
    if value is None:
        raise PolicyFaults([Fault((), "This is empty.", "Write true or false.")])
    return value


class Clause(Part):
    """Keys that must all match; an empty tuple (or None for `no_expiry`) means the key was not given."""

    environment: Environments = ()
    data_classification: Classifications = ()
    customer_data: Flags = ()
    issuing_system: Texts = ()
    vendor: Texts = ()
    credential_type: Texts = ()
    held_by: Holders = ()
    tags: Texts = ()
    no_expiry: Annotated[Flag | None, BeforeValidator(_not_null)] = None

    @property
    def matches_everything(self) -> bool:
        return all(getattr(self, key) in ((), None) for key in type(self).model_fields)

    @model_serializer(mode="wrap")
    def _only_what_was_given(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # `environment: null` means "where the environment is empty", so "not given" is written by leaving it out.
        return {key: value for key, value in handler(self).items() if value not in ((), [], None)}


class Condition(Clause):
    """When a tier applies: every key given here, and one of the clauses of `any_of` where there are any."""

    any_of: Annotated[tuple[Clause, ...], Field(min_length=1, max_length=50)] = ()

    @model_validator(mode="after")
    def _clauses_say_something(self) -> Self:
        hint = "Name at least one key in it, or remove it."
        raise_if(
            [
                Fault(("any_of", i), "An empty clause matches every token.", hint)
                for i, clause in enumerate(self.any_of)
                if clause.matches_everything
            ]
        )
        return self


class Tier(Part):
    """One risk tier: which tokens it holds and how they are looked after."""

    name: Name
    when: Condition = Condition()
    risk: Annotated[int, Field(strict=True, ge=0, le=100)]
    """Higher comes first in a digest."""
    attest_every: Days
    expiry_notices: Annotated[tuple[Days, ...], ONE_OR_MORE, Field(max_length=20), AfterValidator(notices_descend)]
    """Days before the expiry, the longest first; empty: no notices."""
    grace: Wait
    """How long the owner has to answer, in the owner's own working time."""
    ladder: Name
    ask_no_expiry: Flag = True
    ask_unused: Flag = True
    restate: Flag = False
    """Attesting shows vendor, purpose and scope again and wants them confirmed."""
    justification: Annotated[tuple[DecisionKind, ...], ONE_OR_MORE, Field(max_length=20), AfterValidator(_ordered)] = ()
    """The decisions that need a written reason."""
    snooze_max: Days = 7
    snoozes_allowed: Annotated[int, Field(strict=True, ge=0, le=20)] = 1


# ------------------------------------------------------------------ ladders


class Step(Part):
    """Tell these people, so much business time after the step before."""

    after: Wait
    tell: Annotated[tuple[Rung, ...], ONE_OR_MORE, Field(max_length=len(Rung))] = ()
    default_action: DefaultAction = DefaultAction.NONE
    """Only on the last step: what happens at that moment if there is still no answer."""


class Ladder(Part):
    """Who is told next, and what happens when nobody answers."""

    steps: Annotated[tuple[Step, ...], Field(min_length=1, max_length=20)]

    @property
    def default_action(self) -> DefaultAction:
        return self.steps[-1].default_action

    def kind(self, index: int) -> StepKind:
        """Ask first; a step whose rungs were all told before reminds; one that tells nobody closes."""
        step = self.steps[index]
        if index == 0:
            return StepKind.ASK
        if not step.tell:
            return StepKind.CLOSE
        told = {rung for earlier in self.steps[:index] for rung in earlier.tell}
        return StepKind.REMINDER if told.issuperset(step.tell) else StepKind.ESCALATION

    @model_validator(mode="after")
    def _climbs(self) -> Self:
        faults = [fault for i, step in enumerate(self.steps) for fault in self._faults_of(i, step)]
        raise_if(faults)
        return self

    def _faults_of(self, i: int, step: Step) -> Iterable[Fault]:
        last = i == len(self.steps) - 1
        if i == 0 and step.after.amount:
            yield Fault(("steps", 0, "after"), "The first step has to come at once.", "Write after: 0.")
        if i == 0 and Rung.OWNER not in step.tell:
            yield Fault(("steps", 0, "tell"), "The first step has to ask the owner.", "Write tell: [owner].")
        if i > 0 and not step.after.amount:
            hint = "Give people time, such as 2bd, or name all of them in one step."
            yield Fault(("steps", i, "after"), "This step would come together with the one before.", hint)
        if not step.tell and not last and i > 0:
            yield Fault(("steps", i), "This step tells nobody.", "Add tell: with at least one rung.")
        if len(set(step.tell)) < len(step.tell):
            yield Fault(("steps", i, "tell"), "The same rung is named twice.", "Name each once.")
        if step.default_action is not DefaultAction.NONE and not last:
            hint = "Move default_action to the last step."
            yield Fault(("steps", i, "default_action"), "More steps follow a default action.", hint)


# ------------------------------------------------------------------ the rest


Act = DecisionKind | Literal["remediation_done", "approve"]
"""What somebody needs authority for."""


class Authority(Grown):
    """Who may decide what. Worked out again at every click, from the directory as it is then."""

    attest: Roles
    rotate: Roles
    revoke: Roles
    disown: Roles
    reassign: Roles
    snooze: Roles
    let_lapse: Roles
    remediation_done: Roles
    approve: Roles = (
        Role.BUSINESS_OWNER,
        Role.BACKUP_OWNER,
        Role.VENDOR_RELATIONSHIP_OWNER,
        Role.MANAGER,
        Role.SECURITY,
    )
    """Who may be the second person that a removal or rotation needs; never whoever asked for it."""
    delegates_may_decide: Flag = True
    """A person's delegate may decide in that person's stead while the person is away."""

    younger: ClassVar[tuple[str, ...]] = ("approve",)

    def roles_for(self, act: Act) -> tuple[Role, ...]:
        """The roles that may take this decision, in the order of the policy."""
        roles: tuple[Role, ...] = getattr(self, str(act))
        return roles


class Channels(Part):
    security: ChannelName
    """Name without #, or id, of the channel where the `security` rung is told."""


class Visibility(Part):
    see_all: Annotated[tuple[Name, ...], ONE_OR_MORE, Field(max_length=50)] = ()
    """Role names whose people may look up every token; everybody else sees their own."""


class OpeningCap(Part):
    """How many requests one sweep may open, so that day one is not a flood."""

    first_run_per_person: Positive = 5
    first_run_total: Positive = 200
    per_person_per_day: Positive = 10
    total_per_day: Positive = 2000


class WorkingHours(Part):
    """The hours everybody works, and the place of a person whose own row leaves it empty."""

    start: Clock = time(9, 0)
    end: Clock = time(17, 30)
    timezone: Annotated[str, Field(max_length=64)] = "UTC"
    country: Annotated[str, Field(max_length=2)] = ""
    subdivision: Annotated[str, Field(max_length=40)] = ""
    workweek: Annotated[str, Field(max_length=80)] = ""
    """Empty: the country's own, else Monday to Friday."""

    def of_person(
        self,
        timezone: str | None = None,
        country: str | None = None,
        subdivision: str | None = None,
        workweek: str | None = None,
    ) -> WorkingTime:
        """A person's working time from the columns of the people file; what is empty or unknown falls back here.

        The country and its subdivision come from one source. A person with a country but no workweek works as
        that country does.
        """
        own_place = is_known_country(country or "")
        own_week = _week_or_empty(workweek or "")
        return WorkingTime(
            timezone=timezone if timezone and is_known_zone(timezone) else self.timezone,
            country=(country or "") if own_place else self.country,
            subdivision=(subdivision or "") if own_place else self.subdivision,
            workweek=own_week or (frozenset() if own_place else parse_workweek(self.workweek)),
            opens=self.start,
            closes=self.end,
        )

    @model_validator(mode="after")
    def _is_known(self) -> Self:
        problems = check_working_time(self.timezone, self.country, self.subdivision, self.workweek)
        faults = [Fault((problem.column,), problem.message, problem.hint) for problem in problems]
        if self.start >= self.end:
            faults.append(Fault(("end",), "The end is not after the start.", "Write an end later on the same day."))
        raise_if(faults)
        return self


def _week_or_empty(written: str) -> frozenset[int]:
    try:
        return parse_workweek(written)
    except CalendarError:
        return frozenset()  # named by check_working_time at the import; here the next best week is used
