"""One dispatcher a lane: its buckets are in memory, so two of them would send at twice the rate that is allowed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from sqlmodel import Session

from bot.operations.context import Context
from storage.lanes import take_lane

LANE_LEASE = timedelta(seconds=30)
"""How long a lane stands still at most when its dispatcher dies."""
HANDED_ON = timedelta(seconds=2)
"""How long it stands still when its dispatcher stops: the gap that a place needs between two messages."""


class LaneLease:
    """This process's hold on the lanes that it dispatches, renewed while it works.

    Args:
        holder: names the process; nobody else has the same.
    """

    def __init__(self, holder: str) -> None:
        self._holder = holder
        self._until: dict[str, datetime] = {}

    def hold(self, ctx: Context, begin: Callable[[Session], None] = lambda _session: None) -> bool:
        """Whether the lane is ours for a while; asked before every message, and seldom a query.

        Args:
            begin: called in the transaction that takes the lane, when another process may have had it before.
        """
        now = ctx.now()
        until = self._until.get(ctx.lane)
        if until is not None and now < until - LANE_LEASE / 2:
            return True
        with ctx.database.write() as session:
            mine = take_lane(session, ctx.lane, self._holder, now, now + LANE_LEASE)
            if mine and (until is None or now >= until):
                begin(session)
        if mine:
            self._until[ctx.lane] = now + LANE_LEASE
        else:
            self._until.pop(ctx.lane, None)
        return mine

    def release(self, ctx: Context) -> None:
        """Let another process have the lane soon."""
        if self._until.pop(ctx.lane, None) is not None:
            now = ctx.now()
            with ctx.database.write() as session:
                take_lane(session, ctx.lane, self._holder, now, now + HANDED_ON)
