"""What a move came to: a step of the work, or a wait. And the bench it is made on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Protocol

from bot.errors import UpstreamError
from bot.operations.carrying_out.journal import Work, intend
from bot.operations.context import Context
from bot.operations.issuer_port import Issuer, SecretSink
from bot.rules.issuing import (
    Absent,
    Accepted,
    Created,
    Credential,
    NotDone,
    Rejected,
    Reply,
    Result,
    Sighting,
    Unclear,
    Verdict,
)
from bot.rules.remediation import MOST_ATTEMPTS, Step, wait_after
from storage.ledger.record import to_ms


@dataclass(frozen=True)
class Outcome:
    """What is to be written down after a move."""

    step: Step | None
    """None: the work stays where it is, and goes on after ``wait``."""
    wait: timedelta = timedelta()
    attempted: bool = False
    """Whether the wait counts as an attempt that came to nothing."""
    rests: bool = False
    """Whether the system said that we are too fast, or could not be reached: others need not be tried now either."""
    fault: str = ""
    detail: str = ""
    seen: dict[str, Any] | None = None
    """What the issuing system showed; None: nothing new."""
    verdict: Verdict | None = None
    new_id: str = ""
    call_id: int | None = None
    reply: Reply | Created | None = None
    """Of the call ``call_id``; a call whose outcome nobody knows keeps no end."""
    also_ended: tuple[tuple[int, Reply | Created], ...] = ()
    """A call before ``call_id`` in the same move, and what came of it."""
    looked_at: tuple[int, ...] = field(default=())
    """Earlier calls that were cut short, and whose effect has been seen by now; with it that of all before them."""


class Sinks(Protocol):
    """Where new secrets are delivered, and which credentials are ours anywhere."""

    def is_named(self, credential: Credential) -> bool:
        """Whether it is one that we authenticate with, here or at another system, as far as the settings say."""
        ...

    def sink_for(self, ref: str) -> SecretSink:
        """The sink that a reference names; one that cannot be written to says why in its preflight."""
        ...


@dataclass(frozen=True)
class Bench:
    """Everything that a move needs."""

    ctx: Context
    issuer: Issuer
    sinks: Sinks
    work: Work

    def is_ours(self, credential: Credential) -> bool:
        """Whether we authenticate with it ourselves: then it is never touched.

        Raises:
            UpstreamError: the system could not be asked; then nothing may be done.
        """
        return self.sinks.is_named(credential) or self.issuer.is_ours(credential)

    def call(
        self,
        action: str,
        make: Callable[[Credential], Reply],
        credential: Credential,
        siblings: tuple[str, ...] = (),
    ) -> tuple[int, Reply]:
        """Make a call that changes something: written down before; its id and what came of it.

        Raises:
            FenceLostError: somebody else has the work by now; nothing was called.
        """
        call_id = intend(self.ctx, self.work, action, credential.external_id, siblings)
        return call_id, make(credential)


def seen_part(found: Sighting, bench: Bench) -> dict[str, Any]:
    """What is kept of a look: for the card of whoever is to agree, and to see later whether it was used since."""
    return {
        "at": to_ms(bench.ctx.now()),
        "state": found.state.value,
        "last_used_at": None if found.last_used_at is None else to_ms(found.last_used_at),
        "used_for": found.used_for,
    }


def halt(fault: str, detail: str = "", **more: Any) -> Outcome:
    """A person has to look."""
    return Outcome(Step.HALT, fault=fault, detail=detail, **more)


def later(
    bench: Bench, detail: str, retry_after: float = 0.0, *, halts_as: str = "unreachable", **more: Any
) -> Outcome:
    """It surely was not done, or nobody knows: go on in a while with a look; after many attempts a person is asked.

    Args:
        retry_after: what the system asks for, in seconds; 0: nothing.
        halts_as: the fault that the person is told then.
    """
    attempts = bench.work.attempts + 1
    if attempts >= MOST_ATTEMPTS:
        return halt(halts_as, detail, **more)
    wait = wait_after(attempts, retry_after)
    return Outcome(None, wait, attempted=True, rests=retry_after > 0, detail=detail, **more)


def not_seen(bench: Bench, found: Rejected | NotDone | Unclear, **more: Any) -> Outcome:
    """The look itself came to nothing."""
    match found:
        case Rejected():
            return halt("rejected", f"{found.code} {found.detail}".strip(), **more)
        case NotDone():
            return later(bench, found.reason, found.retry_after, **more)
        case Unclear():
            return later(bench, found.detail, **more)


def after_call(bench: Bench, step: Step, call_id: int, reply: Reply, **more: Any) -> Outcome:
    """What a disable, enable or revoke came to, where ``step`` follows if the system says yes."""
    known: dict[str, Any] = {"call_id": call_id, "reply": reply, **more}
    match reply:
        case Accepted():
            return Outcome(step, **known)
        case Absent():
            return Outcome(Step.GONE, **known)
        case Rejected():
            return halt("rejected", f"{reply.code} {reply.detail}".strip(), **known)
        case NotDone():
            return later(bench, reply.reason, reply.retry_after, **known)
        case Unclear():
            # The next turn looks, and what it sees says what the call did: both calls may be made twice.
            return later(bench, reply.detail, **known)


UNVERIFIED = Verdict(Result.ACCEPTED_UNVERIFIED)

__all__ = [
    "UNVERIFIED",
    "Bench",
    "Outcome",
    "Sinks",
    "UpstreamError",
    "after_call",
    "halt",
    "later",
    "not_seen",
    "seen_part",
]
