"""The clock's turn: every piece of work that is due makes one move, and what it came to is written down."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Final

from bot.errors import SettingsError, UpstreamError
from bot.operations.carrying_out.journal import FenceLostError, Work, claim, due, end_call, end_cut_short
from bot.operations.carrying_out.moves import MOVES
from bot.operations.carrying_out.outcome import Bench, Outcome, Sinks, halt, later
from bot.operations.carrying_out.stages import take_step
from bot.operations.case import Case, load_case
from bot.operations.context import Context
from bot.operations.issuer_port import Issuer
from bot.rules.lifecycle import State
from bot.rules.remediation import Stage

logger = logging.getLogger(__name__)

_ALWAYS: Final = frozenset({Stage.PLANNED, Stage.DELETED, Stage.RETURNING, Stage.DELIVERED})
"""Stages that go on even where the policy no longer lets Whose act: to look, to check, to give back, and to see that
a new secret works."""
_PAUSED: Final = timedelta(hours=1)
_MOST_A_TURN: Final = 200
"""Moves; what else is due waits for the next turn."""


def carry_out(
    ctx: Context, issuers: Mapping[str, Issuer], sinks: Sinks, *, stopping: Callable[[], bool] = lambda: False
) -> int:
    """One move for every piece of work that is due at ``ctx.now()``; returns how many came a step further.

    Args:
        issuers: by the inventory's name of the issuing system.
        stopping: asked between two pieces of work; what is not begun with is left for the next turn.

    Raises:
        ExceptionGroup: some connectors failed in a way that they must not; every other piece of work has moved.
    """
    moved, made, faults = 0, 0, []
    resting: set[str] = set()
    for request_id, system in due(ctx):
        if stopping() or made >= _MOST_A_TURN:
            break
        if system in resting:
            continue  # it said that we are too fast: whatever is due there is tried at a later turn
        work = claim(ctx, request_id)
        if work is None:
            continue
        made += 1
        try:
            outcome = _move(ctx, issuers, sinks, work)
        except FenceLostError:
            continue
        except Exception as fault:  # noqa: BLE001 - raised below; a broken connector must not keep the others still
            fault.add_note(f"the work on request {request_id} could not go on")
            faults.append(fault)
            continue  # its lease runs out, and the next turn begins with a look
        if outcome.rests:
            resting.add(system)
        moved += write_down(ctx, work, outcome)
    if faults:
        raise ExceptionGroup("work that could not go on", faults)
    return moved


def _move(ctx: Context, issuers: Mapping[str, Issuer], sinks: Sinks, work: Work) -> Outcome:
    if work.system not in issuers or work.system not in ctx.connectors:
        return halt("no_connector")
    if not ctx.policy.remediation.act and work.stage not in _ALWAYS:
        return Outcome(None, _PAUSED, fault="paused")
    try:
        issuer = issuers[work.system]
    except (SettingsError, UpstreamError) as error:
        return halt("no_connector", str(error))
    bench = Bench(ctx, issuer, sinks, work)
    try:
        return MOVES[work.move](bench)
    except UpstreamError as error:
        return later(bench, str(error))


def write_down(ctx: Context, work: Work, outcome: Outcome) -> bool:
    """Keep what a move came to; whether the work came a step further. Whoever lost the work keeps only the end of the
    call that they made."""
    with ctx.database.write() as session:
        case = load_case(session, ctx, work.request_id)
        now = ctx.now()
        if outcome.call_id is not None:
            end_call(session, outcome.call_id, outcome.reply, now)
        if case is None or case.run is None or not _is_held(case, work):
            return False
        for earlier_id, reply in outcome.also_ended:
            end_call(session, earlier_id, reply, now)
        if outcome.looked_at:
            end_cut_short(session, work.task_id, max(outcome.looked_at), now)
        if outcome.step is None:
            _wait(case, work, outcome)
            return False
        _log(work, outcome)
        take_step(case, outcome.step, outcome)
        return True


def _is_held(case: Case, work: Work) -> bool:
    return case.state is State.REMEDIATING and case.run is not None and case.run.turn == work.turn


def _wait(case: Case, work: Work, outcome: Outcome) -> None:
    values = {
        "act_at": case.now + outcome.wait,
        "attempts": work.attempts + outcome.attempted,
        "fault": outcome.fault,
        "fault_detail": outcome.detail,
    }
    if outcome.seen is not None and work.stage is not Stage.APPROVED:
        values["seen"] = outcome.seen
    before = "" if case.run is None else case.run.fault
    case.change_run(**values)
    if before != outcome.fault:
        case.move(State.REMEDIATING)


def _log(work: Work, outcome: Outcome) -> None:
    step = outcome.step.value if outcome.step else ""
    facts = {"request": work.request_id, "system": work.system, "step": step, "fault": outcome.fault}
    logger.info("%s of request %s: %s", work.kind, work.request_id, step, extra=facts)
