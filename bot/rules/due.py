"""Why a token is due: the reasons, and when each of them holds.

The sweep computes them in set-based SQL (``storage/due.py``); this module says what they mean.

* ``never_attested``: nobody has stood behind it yet. ``attestation_overdue``: the tier's cadence has passed.
* ``expiring``: a notice of the tier has come up before the expiry. Notices longer than the token's whole life
  are skipped, and each fires once for one expiry date. ``expired``: the expiry has passed.
* ``no_expiry``: it has no expiry date, and the tier asks about that.
* ``outlives_contract``: it expires after the vendor's contract ends; a token without an expiry outlives a
  contract once the policy's ``contract_notice`` before the contract's end has begun.
* ``contract_ended``: the contract is over, or the vendor is being or has been offboarded.
* ``owner_missing``: no service owner. ``owner_left``: the service owner has left or is inactive.
* ``unused``: not used (or, never used, not created) within the policy's ``unused_after``.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import IntFlag
from functools import lru_cache

from bot.rules.policy import Policy, Tier
from storage.due_parameters import DueParameters, NoticeWindow, TierParameters


class Reason(IntFlag):
    """One bit a reason; the order is the order in which reasons are named."""

    NEVER_ATTESTED = 1
    ATTESTATION_OVERDUE = 2
    EXPIRING = 4
    EXPIRED = 8
    NO_EXPIRY = 16
    OUTLIVES_CONTRACT = 32
    CONTRACT_ENDED = 64
    OWNER_MISSING = 128
    OWNER_LEFT = 256
    UNUSED = 512


_NAMES = tuple((int(reason), str(reason.name).lower()) for reason in Reason)


def reason_names(mask: int) -> list[str]:
    """The reasons in ``mask`` by name, in their order."""
    return list(_names(mask))


@lru_cache(maxsize=1 << len(_NAMES))
def _names(mask: int) -> tuple[str, ...]:
    return tuple(name for bit, name in _NAMES if mask & bit)


ANSWERED_FOR_A_WHILE = (
    Reason.EXPIRED | Reason.NO_EXPIRY | Reason.OUTLIVES_CONTRACT | Reason.CONTRACT_ENDED | Reason.UNUSED
)
"""What standing behind a token answers for one cadence of its tier, where it was asked about."""


def still_asked(reasons: int, answered: int, *, quiet: bool) -> int:
    """What of ``reasons`` is asked about again after somebody stood behind the token.

    Args:
        answered: the reasons that were asked about then.
        quiet: whether the tier's cadence has not passed since. (Once it has, the attestation itself is overdue.)
    """
    left = reasons & ~int(Reason.NEVER_ATTESTED | Reason.ATTESTATION_OVERDUE)
    return left & ~(answered & int(ANSWERED_FOR_A_WHILE)) if quiet else left | int(Reason.ATTESTATION_OVERDUE)


def applies(threshold_days: int, created_at: datetime | None, expires_at: datetime) -> bool:
    """Whether an expiry notice makes sense: not where it is longer than the token's whole life."""
    return created_at is None or expires_at - created_at >= timedelta(days=threshold_days)


def due_parameters(policy: Policy) -> DueParameters:
    """The policy as the due query takes it."""
    return DueParameters(
        unused_after=policy.unused_after,
        contract_notice=policy.contract_notice,
        tiers=tuple(map(_tier_parameters, policy.tiers)),
    )


def _tier_parameters(tier: Tier) -> TierParameters:
    return TierParameters(
        name=tier.name,
        attest_every=tier.attest_every,
        notices=_windows(tier.expiry_notices),
        ask_no_expiry=tier.ask_no_expiry,
        ask_unused=tier.ask_unused,
    )


def _windows(notices: Sequence[int]) -> tuple[NoticeWindow, ...]:
    """Between which expiries each notice is the tightest that has come up; ``notices`` descend."""
    return tuple(map(NoticeWindow, notices, [*notices[1:], 0]))
