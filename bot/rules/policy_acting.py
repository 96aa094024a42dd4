"""The policy's parts about carrying out what was decided: how far Whose goes by itself, and how carefully; about access
for an emergency, and about tokens that several people use."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from bot.rules.policy_parts import Part
from bot.rules.policy_values import ONE_OR_MORE, Days, Flag, Hours, Positive
from bot.rules.remediation import ApprovalCause


def _known(causes: tuple[ApprovalCause, ...]) -> tuple[ApprovalCause, ...]:
    return tuple(cause for cause in ApprovalCause if cause in causes)


class Remediation(Part):
    """How a rotate or revoke is carried out at issuing systems that a connector speaks to."""

    act: Flag = False
    """False: look, say what would be done, and leave it to a person."""
    grace: Days = 10
    """How long a token stays disabled before it is deleted; none where it is part of an incident."""
    second_approver: Annotated[
        tuple[ApprovalCause, ...], ONE_OR_MORE, Field(max_length=len(ApprovalCause)), AfterValidator(_known)
    ] = tuple(ApprovalCause)
    """What a second person has to agree to, who is not the one who asked for it."""
    most_per_day: Positive = 10
    most_percent_per_day: Annotated[int, Field(strict=True, ge=0, le=100)] = 5
    """In 24 hours, no more tokens of one system are begun with than this number, or this share where that is more. A
    plan that was agreed to as a whole is not held up by it."""
    idle_before_retiring: Hours = 24
    """How long the old secret of a rotation has to lie unused before it is retired."""
    contract_notice: Days = 14
    """How long before a plan that a contract's end or a vendor's status causes begins, it is told of."""


class Emergency(Part):
    """Access that is given for an emergency, for a short while."""

    longest: Annotated[Hours, Field(ge=1, le=24 * 14)] = 8
    """For no longer than this is any given."""


class Shared(Part):
    """Tokens that several people use."""

    one_speaks_for_all: Flag = False
    """False: each of them answers for their own use, and whoever attests the token answers for theirs alone."""
