"""A sync of the directory with what follows from it at once: nobody waits for somebody who has left."""

from __future__ import annotations

from bot.operations.climb_ladder import climb_ladder
from bot.operations.context import Context
from bot.operations.ports import DirectoryPort
from bot.operations.sweep import sweep
from bot.operations.sync_directory import SyncReport, sync_directory


def sync_and_follow(ctx: Context, port: DirectoryPort, *, allow_mass_leave: bool = False) -> SyncReport:
    """Sync; where somebody has left, their open questions go to whoever comes after them, and their tokens are asked
    about. Both come soon enough after one another to be one message to each successor.

    Raises:
        UpstreamError: the directory could not be read, or is not believed; nothing was changed.
        ExceptionGroup: some requests could not move on; every other one has.
    """
    report = sync_directory(ctx, port, allow_mass_leave=allow_mass_leave)
    if report.left:
        climb_ladder(ctx)
        sweep(ctx)
    return report
