"""A policy at one moment as the due query takes it: literal cutoffs, one set a tier. Values only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class NoticeWindow:
    """Expiries in ``(after, until]`` are within this notice and no tighter one."""

    days: int
    after: datetime
    until: datetime


@dataclass(frozen=True)
class TierParameters:
    name: str
    attested_before: datetime
    notices: Sequence[NoticeWindow]
    ask_no_expiry: bool
    ask_unused: bool


@dataclass(frozen=True)
class DueParameters:
    now: datetime
    unused_before: datetime
    contract_notice_until: datetime
    tiers: Sequence[TierParameters]
