"""The policy's parts about people's attention: how much of their day may be taken, and what may take it at any hour."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import AfterValidator, BeforeValidator, Field

from bot.rules.policy_parts import Grown, Part
from bot.rules.policy_values import ONE_OR_MORE, Hours, Positive, Tags


class Attention(Grown):
    """How much of a person's day the bot may take."""

    messages_per_person_per_day: Positive = 3
    spread_mornings_over: Hours = 1
    """Routine messages begin to reach people in so many hours from the start of their day, each in a minute of theirs;
    0: all of them at the start."""

    younger: ClassVar[tuple[str, ...]] = ("spread_mornings_over",)


class UrgentCause(StrEnum):
    """What makes a message urgent."""

    EXPIRY = "expiry"
    INCIDENT = "incident"


def _all_or_none(value: object) -> object:
    if isinstance(value, bool):
        return tuple(UrgentCause) if value else ()
    return value


def _known(causes: tuple[UrgentCause, ...]) -> tuple[UrgentCause, ...]:
    return tuple(cause for cause in UrgentCause if cause in causes)


class Urgent(Part):
    """What counts as urgent, and whether it may reach people outside their working hours."""

    expiry_within: Hours = 24
    """A token that expires within so many hours is urgent."""
    incident_tags: Tags = ()
    """A token with one of these tags is part of an incident, and urgent."""
    ignore_working_hours: Annotated[
        tuple[UrgentCause, ...],
        ONE_OR_MORE,
        BeforeValidator(_all_or_none),
        Field(max_length=20),
        AfterValidator(_known),
    ] = ()
    """What may come at any hour; `true` in a file stands for all of it, `false` for nothing."""
