"""A policy as the due query takes it: numbers of days from the moment of the sweep, one set a tier. Values only.

Equal policies are equal parameters, so that the query is put together once a policy.
"""

from __future__ import annotations

from typing import NamedTuple


class NoticeWindow(NamedTuple):
    """An expiry more than ``tighter`` and at most ``days`` days away is within this notice and no tighter one."""

    days: int
    tighter: int


class TierParameters(NamedTuple):
    name: str
    attest_every: int
    notices: tuple[NoticeWindow, ...]
    ask_no_expiry: bool
    ask_unused: bool


class DueParameters(NamedTuple):
    unused_after: int
    contract_notice: int
    tiers: tuple[TierParameters, ...]
