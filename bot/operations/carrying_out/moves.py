"""The moves of a revocation: look, disable, wait, delete, verify. Each looks again just before it acts.

A move makes at most one call that changes something, and says what it came to; ``turn`` writes that down. A disable or
delete that may have been made is looked at and made again where it was not: both come to the same when made twice.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Final

from bot.operations.carrying_out.journal import begun_lately
from bot.operations.carrying_out.outcome import (
    Bench,
    Outcome,
    after_call,
    halt,
    later,
    not_seen,
    seen_part,
)
from bot.operations.carrying_out.rotation import create, prove, replace, trouble_with_sink
from bot.rules.issuing import Absent, KeyState, NotDone, Result, Sighting, Unclear, Verdict
from bot.rules.remediation import (
    MOST_ATTEMPTS,
    Move,
    Stage,
    Step,
    approval_causes,
    is_idle,
    most_per_day,
    used_since,
    wait_after,
)

_SETTLES_BY: Final = 4
"""An end that is not seen yet is looked for so often, over a quarter of an hour: systems pass it on from place to
place. Then it is a failure."""
_IDLE_LOOKS: Final = timedelta(hours=1)
_CAP_LOOKS: Final = timedelta(hours=1)


def examine(bench: Bench) -> Outcome:
    """Look at it for the first time: may it be touched at all, is it there, does a second person have to agree?"""
    work = bench.work
    if bench.is_ours(work.credential):
        return halt("ours")
    found = bench.issuer.look(work.credential)
    if isinstance(found, Absent):
        return Outcome(Step.GONE) if work.kind == "revoke" else halt("absent")
    if not isinstance(found, Sighting):
        return not_seen(bench, found)
    seen = seen_part(found, bench)
    if not bench.ctx.policy.remediation.act:
        return Outcome(Step.HAND_OVER, fault="dry_run", seen=seen)
    if work.kind == "rotate" and (fault := trouble_with_sink(bench)):
        return halt("sink", fault, seen=seen)
    return Outcome(Step.ASK if needs_second(bench) else Step.CLEAR, seen=seen)


def needs_second(bench: Bench) -> bool:
    """Whether a second person has to agree. A plan was agreed to as a whole."""
    if bench.work.in_a_plan:
        return False
    wanted = bench.ctx.policy.remediation.second_approver
    causes = approval_causes(bench.work.environment, bench.work.kind, bench.issuer.capabilities)
    return any(cause in wanted for cause in causes)


def disable(bench: Bench) -> Outcome:
    """Make it unusable; it can still be given back."""
    found = _look_before_acting(bench)
    if isinstance(found, Outcome):
        return found
    if found.state is KeyState.DISABLED and bench.work.cut_short is None:
        return Outcome(Step.DISABLE)
    # One that was cut short is made again even so: what belongs to it, such as ending sessions, may be missing.
    call_id, reply = bench.call("disable", bench.issuer.disable, bench.work.credential)
    outcome = after_call(bench, Step.DISABLE, call_id, reply, looked_at=_cut_short(bench))
    return _if_it_shows(bench, outcome, not_any_more=KeyState.ACTIVE)


def revoke(bench: Bench) -> Outcome:
    """End it for good."""
    found = _look_before_acting(bench)
    if isinstance(found, Outcome):
        return found
    if bench.work.stage is Stage.OBSERVED and found.state is KeyState.ACTIVE:
        return halt("enabled_elsewhere", seen=seen_part(found, bench))
    call_id, reply = bench.call("revoke", bench.issuer.revoke, bench.work.credential)
    return after_call(bench, Step.DELETE, call_id, reply, looked_at=_cut_short(bench))


def observe(bench: Bench) -> Outcome:
    """It was disabled for as long as the policy wants."""
    found = bench.issuer.look(bench.work.credential)
    if isinstance(found, Absent):
        return Outcome(Step.GONE)
    if not isinstance(found, Sighting):
        return not_seen(bench, found)
    if found.state is KeyState.ACTIVE:
        return halt("enabled_elsewhere", seen=seen_part(found, bench))
    return Outcome(Step.OBSERVE)


def enable(bench: Bench) -> Outcome:
    """Give it back."""
    found = bench.issuer.look(bench.work.credential)
    if isinstance(found, Absent):
        return halt("gone")
    if not isinstance(found, Sighting):
        return not_seen(bench, found)
    if found.state is KeyState.ACTIVE:
        return Outcome(Step.ENABLE, looked_at=_cut_short(bench))
    call_id, reply = bench.call("enable", bench.issuer.enable, bench.work.credential)
    if isinstance(reply, Absent):
        return halt("gone", call_id=call_id, reply=reply)
    outcome = after_call(bench, Step.ENABLE, call_id, reply, looked_at=_cut_short(bench))
    return _if_it_shows(bench, outcome, not_any_more=KeyState.DISABLED)


def verify(bench: Bench) -> Outcome:
    """See whether it is over. What still works is a failure, whatever the system answered before."""
    found = bench.issuer.verify(bench.work.credential)
    attempts = bench.work.attempts + 1
    match found:
        case Verdict(result=Result.FAILED) if attempts >= _SETTLES_BY:
            return halt("still_works", found.detail, verdict=found)
        case Verdict(result=Result.FAILED):
            return Outcome(None, wait_after(attempts, 0), attempted=True, detail=found.detail)
        case Verdict():
            return Outcome(Step.VERIFY, verdict=found)
        case NotDone() | Unclear() if attempts >= MOST_ATTEMPTS:
            said = found.reason if isinstance(found, NotDone) else found.detail
            return Outcome(Step.VERIFY, verdict=Verdict(Result.ACCEPTED_UNVERIFIED, detail=said))
        case NotDone() | Unclear():
            return not_seen(bench, found)


# ------------------------------------------------------------------ before something is ended


def _look_before_acting(bench: Bench) -> Sighting | Outcome:
    """Exactly this credential, as it is now, where nothing speaks against ending it; else what is to be done."""
    work = bench.work
    if bench.is_ours(work.credential):
        return halt("ours")
    found = bench.issuer.look(work.credential)
    if isinstance(found, Absent):
        return Outcome(Step.GONE, looked_at=_cut_short(bench))
    if not isinstance(found, Sighting):
        return not_seen(bench, found)
    if work.stage is Stage.PROVEN:
        return _idle(bench, found)
    if work.stage is Stage.APPROVED:
        return _still_agreed(bench, found)
    return found


def _if_it_shows(bench: Bench, outcome: Outcome, *, not_any_more: KeyState) -> Outcome:
    """A yes is believed unless the credential is still seen in the state that it was to leave."""
    if outcome.step not in (Step.DISABLE, Step.ENABLE):
        return outcome
    after = bench.issuer.look(bench.work.credential)
    if isinstance(after, Sighting) and after.state is not_any_more:
        return later(
            bench,
            "it was accepted and had no effect",
            halts_as="no_effect",
            call_id=outcome.call_id,
            reply=outcome.reply,
            looked_at=outcome.looked_at,
        )
    return outcome


def _still_agreed(bench: Bench, found: Sighting) -> Sighting | Outcome:
    """Whoever agreed has to have known of its use; asked a second time in that knowledge, their word holds."""
    work = bench.work
    moved = work.seen is not None and used_since(work.seen, found)
    if moved and not work.knows_of_use and not work.has_begun:
        return Outcome(Step.USED, fault="used", seen=seen_part(found, bench))
    return _over_the_cap(bench) or found


def _over_the_cap(bench: Bench) -> Outcome | None:
    """The wait where so many of this system's tokens were begun with in a day as the policy wants; None: go on."""
    if bench.work.has_begun or bench.work.in_a_plan:
        return None
    rules = bench.ctx.policy.remediation
    begun, tokens = begun_lately(bench.ctx, bench.work.system)
    reached = begun >= most_per_day(tokens, rules.most_per_day, rules.most_percent_per_day)
    return Outcome(None, _CAP_LOOKS, fault="cap") if reached else None


def _within_the_cap(move: Callable[[Bench], Outcome]) -> Callable[[Bench], Outcome]:
    return lambda bench: _over_the_cap(bench) or move(bench)


def _idle(bench: Bench, found: Sighting) -> Sighting | Outcome:
    """Of a rotation: whoever has not fetched the new secret yet still uses the old one."""
    window = timedelta(hours=bench.ctx.policy.remediation.idle_before_retiring)
    if is_idle(found.last_used_at, bench.work.reached_at, window, bench.ctx.now()):
        return found
    return Outcome(None, _IDLE_LOOKS, seen=seen_part(found, bench))


def _cut_short(bench: Bench) -> tuple[int, ...]:
    return () if bench.work.cut_short is None else (bench.work.cut_short.id,)


MOVES: Final[dict[Move, Callable[[Bench], Outcome]]] = {
    Move.EXAMINE: examine,
    Move.DISABLE: disable,
    Move.REVOKE: revoke,
    Move.OBSERVE: observe,
    Move.ENABLE: enable,
    Move.VERIFY: verify,
    Move.CREATE: _within_the_cap(create),
    Move.REPLACE: _within_the_cap(replace),
    Move.PROVE: prove,
}
