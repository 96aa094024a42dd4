"""The moves of a rotation: a new secret is made, kept, tried, and only then is the old one retired.

It is never repeated blindly. What a call of unknown outcome did is seen by what is there: a credential that was not
there before, or a secret that works by now. What is new and whose secret nobody has is left to a person.
"""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import Any, Final

from pydantic import SecretStr

from bot.errors import UpstreamError
from bot.operations.carrying_out.journal import intend
from bot.operations.carrying_out.outcome import Bench, Outcome, halt, later, not_seen
from bot.operations.issuer_port import SecretSink
from bot.rules.issuing import (
    Absent,
    Accepted,
    Created,
    Credential,
    NotDone,
    Proof,
    Rejected,
    Result,
    Rotation,
    Unclear,
    Verdict,
)
from bot.rules.remediation import Step

_SHOWS_BY: Final = timedelta(minutes=5)
"""A new credential is listed by then, even where a system passes it on from place to place."""
_CANARY_BY: Final = 4
"""A new credential is accepted by so many attempts, over a quarter of an hour."""
_SECRET_BYTES: Final = 32


def trouble_with_sink(bench: Bench) -> str:
    """Why a new secret could not be delivered now, as a sentence; empty: it could."""
    if not bench.work.credential.secret_ref:
        return "The token has no secret_ref, so nobody knows where its new secret belongs."
    check = _sink(bench).preflight(bench.work.credential.secret_ref)
    return "" if check.ok else f"{check.said} {check.advice}".strip()


def create(bench: Bench) -> Outcome:
    """A second credential beside the old one, its secret kept at once."""
    if bench.is_ours(bench.work.credential):
        return halt("ours")
    if fault := trouble_with_sink(bench):
        return halt("sink", fault)
    before = bench.issuer.siblings(bench.work.credential)
    if not isinstance(before, tuple):
        return not_seen(bench, before)
    looked_at: tuple[int, ...] = ()
    if bench.work.cut_short is not None:
        recovered = _recovered(bench, before)
        if recovered is not None:
            return recovered
        looked_at = (bench.work.cut_short.id,)
    call_id = intend(bench.ctx, bench.work, "create", bench.work.credential.external_id, before)
    made = bench.issuer.create(bench.work.credential)
    match made:
        case Created():
            return _keep(bench, made, call_id, before, looked_at)
        case Rejected():
            detail = f"{made.code} {made.detail}".strip()
            return halt("rejected", detail, call_id=call_id, reply=made, looked_at=looked_at)
        case NotDone():
            return later(bench, made.reason, made.retry_after, call_id=call_id, reply=made, looked_at=looked_at)
        case Unclear():
            # Without an end: what it did is looked for at the next turn.
            return later(bench, made.detail, looked_at=looked_at)


def _keep(bench: Bench, made: Created, call_id: int, before: tuple[str, ...], looked_at: tuple[int, ...]) -> Outcome:
    ref = bench.work.credential.secret_ref
    try:
        _sink(bench).stage(ref, made.secret)
    except UpstreamError as error:
        # Nobody has this secret but us, and we cannot keep it: the credential is of no use to anybody.
        undo_id, gone = bench.call("revoke", bench.issuer.revoke, Credential(made.external_id), before)
        left = "" if isinstance(gone, Accepted | Absent) else f" The new one, {made.external_id}, is left over."
        ended: dict[str, Any] = {"call_id": undo_id, "reply": gone, "also_ended": ((call_id, made),)}
        return halt("sink", f"{error}{left}", looked_at=looked_at, **ended)
    return Outcome(Step.DELIVER, new_id=made.external_id, call_id=call_id, reply=made, looked_at=looked_at)


def _recovered(bench: Bench, now_there: tuple[str, ...]) -> Outcome | None:
    """What a create that was cut short, or the taking back of what it made, has left; None: surely nothing."""
    cut_short = bench.work.cut_short
    if cut_short is None:
        return None
    new = sorted(set(now_there) - set(cut_short.siblings))
    if not new:
        if bench.ctx.now() - cut_short.intended_at < _SHOWS_BY:
            return Outcome(None, _SHOWS_BY)
        return None
    staged = _sink(bench).staged(bench.work.credential.secret_ref)
    if len(new) == 1 and staged is not None:
        works = bench.issuer.works(Credential(new[0], name=bench.work.credential.name), staged)
        if works is True:
            made = Created(new[0], staged)
            return Outcome(Step.DELIVER, new_id=new[0], call_id=cut_short.id, reply=made)
        if not isinstance(works, bool):
            return not_seen(bench, works)
        if bench.ctx.now() - cut_short.intended_at < _SHOWS_BY:
            return Outcome(None, _SHOWS_BY)
    return halt("orphan", ", ".join(new), looked_at=(cut_short.id,))


def replace(bench: Bench) -> Outcome:
    """The same credential with a secret that we choose. It is kept first, so that it cannot be lost, and setting it
    twice comes to the same as once."""
    if bench.is_ours(bench.work.credential):
        return halt("ours")
    if fault := trouble_with_sink(bench):
        return halt("sink", fault)
    work, sink, ref = bench.work, _sink(bench), bench.work.credential.secret_ref
    # Once it has begun, what is kept may be what is set, whatever was said of the last call: it is the only copy.
    staged = sink.staged(ref) if work.has_begun else None
    looked_at = (work.cut_short.id,) if work.cut_short is not None else ()
    if staged is None:
        staged = SecretStr(secrets.token_urlsafe(_SECRET_BYTES))
        sink.stage(ref, staged)
    call_id = intend(bench.ctx, work, "replace", work.credential.external_id)
    reply = bench.issuer.replace(work.credential, staged)
    match reply:
        case Accepted():
            return Outcome(Step.DELIVER, call_id=call_id, reply=reply, looked_at=looked_at)
        case Absent():
            return halt("absent", call_id=call_id, reply=reply, looked_at=looked_at)
        case Rejected():
            if not work.has_begun:
                sink.discard(ref)
            detail = f"{reply.code} {reply.detail}".strip()
            return halt("rejected", detail, call_id=call_id, reply=reply, looked_at=looked_at)
        case NotDone():
            return later(bench, reply.reason, reply.retry_after, call_id=call_id, reply=reply)
        case Unclear():
            return later(bench, reply.detail)


def prove(bench: Bench) -> Outcome:
    """The canary: the new secret is tried, and only one that works comes into use."""
    sink, ref = _sink(bench), _home(bench)
    chosen = bench.issuer.capabilities.rotate is Rotation.CHOSEN
    credential = bench.work.credential if chosen else Credential(bench.work.new_id, ref)
    staged = sink.staged(ref)
    if staged is None:
        # It was promoted before, and the note of that was lost.
        staged = sink.current(ref)
        old = None
    else:
        old = sink.current(ref)
    if staged is None:
        return halt("sink", "The new secret is not where it was kept.")
    works = bench.issuer.works(credential, staged)
    if not isinstance(works, bool):
        return not_seen(bench, works)
    if not works:
        if bench.work.attempts + 1 >= _CANARY_BY:
            return halt("canary", "The issuing system does not accept the new secret.")
        return later(bench, "the new secret is not accepted yet")
    if sink.staged(ref) is not None:
        sink.promote(ref)
    return _old_is_refused(bench, old) if chosen else Outcome(Step.PROVE, new_id=bench.work.new_id)


def _old_is_refused(bench: Bench, old: SecretStr | None) -> Outcome:
    """Of a credential whose secret was replaced: the one before has to be refused."""
    if old is None:
        detail = "the old secret was not known, so it could not be tried"
        return Outcome(Step.VERIFY, verdict=Verdict(Result.ACCEPTED_UNVERIFIED, detail=detail))
    accepted = bench.issuer.works(bench.work.credential, old)
    if accepted is False:
        return Outcome(Step.VERIFY, verdict=Verdict(Result.CONFIRMED, Proof.PROBE))
    if accepted is True:
        verdict = Verdict(Result.FAILED, Proof.PROBE, "the old secret is still accepted")
        return halt("still_works", verdict.detail, verdict=verdict)
    detail = "the old secret could not be tried"
    return Outcome(Step.VERIFY, verdict=Verdict(Result.ACCEPTED_UNVERIFIED, detail=detail))


def _home(bench: Bench) -> str:
    return bench.work.credential.secret_ref


def _sink(bench: Bench) -> SecretSink:
    return bench.sinks.sink_for(bench.work.credential.secret_ref)


__all__ = ["create", "prove", "replace", "trouble_with_sink"]
