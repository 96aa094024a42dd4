"""Claiming a piece of work, and writing down each call before it is made and after it.

A claim is a lease with a fence: whoever claims makes the run's turn grow, and whoever writes has to have the newest.
So a worker that was frozen past its lease changes nothing any more, and the next one begins by looking.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import bindparam, func, select, update
from sqlmodel import Session

from bot.operations.context import Context
from bot.rules.issuing import (
    Absent,
    Accepted,
    Created,
    Credential,
    KeyState,
    NotDone,
    Rejected,
    Reply,
    Unclear,
)
from bot.rules.lifecycle import State
from bot.rules.remediation import ACTS, Kind, Move, Seen, Stage, next_move
from storage.cases import TASK, CaseRow, RunRow, TokenRow, change, read_case
from storage.inventory import TOKEN
from storage.ledger.log import lock
from storage.ledger.record import from_ms
from storage.prepared import Prepared, insert_into
from storage.remediation import ISSUER_CALL, RUN

LEASE: Final = timedelta(minutes=10)
"""Longer than a move takes: a handful of calls of at most half a minute each."""
_LONGEST_DETAIL: Final = 500
_HOLD: Final = Prepared(
    update(RUN)
    .where(
        RUN.c.task_id == bindparam("of_task"),
        RUN.c.turn == bindparam("held"),
        RUN.c.act_at > bindparam("now"),
        RUN.c.stage == bindparam("at_stage"),
    )
    .values(begun_at=func.coalesce(RUN.c.begun_at, bindparam("now", type_=RUN.c.begun_at.type)))
)
_INTEND: Final = Prepared(insert_into(ISSUER_CALL))
_OPEN_CALL: Final = Prepared(
    select(ISSUER_CALL)
    .where(ISSUER_CALL.c.task_id == bindparam("of_task"), ISSUER_CALL.c.ended_at.is_(None))
    .order_by(ISSUER_CALL.c.id.desc())
    .limit(1)
)
_END: Final = Prepared(
    update(ISSUER_CALL)
    .where(ISSUER_CALL.c.id == bindparam("call"), ISSUER_CALL.c.ended_at.is_(None))
    .values(
        ended_at=bindparam("at"),
        outcome=bindparam("said"),
        detail=bindparam("about"),
        issuer_request_id=bindparam("request"),
    )
)


@dataclass(frozen=True)
class CutShort:
    """A call that was about to be made, and of which nobody wrote what came of it."""

    id: int
    action: str
    external_id: str
    siblings: tuple[str, ...]
    intended_at: datetime


@dataclass(frozen=True)
class Work:
    """A piece of work as it was when it was claimed."""

    request_id: int
    task_id: int
    turn: int
    kind: Kind
    stage: Stage
    move: Move
    system: str
    credential: Credential
    """The one that is to be ended or rotated; of a rotation that has delivered, the old one."""
    new_id: str
    seen: Seen | None
    knows_of_use: bool
    """Whoever agreed was told that it is in use."""
    reached_at: datetime
    attempts: int
    environment: str
    has_begun: bool
    in_a_plan: bool
    at: datetime
    cut_short: CutShort | None


def due(ctx: Context) -> list[tuple[int, str]]:
    """(request, issuing system) of the work that goes on by itself now, the longest waiting first."""
    query = (
        select(TASK.c.request_id, TOKEN.c.issuing_system)
        .join(RUN, RUN.c.task_id == TASK.c.id)
        .join(TOKEN, TOKEN.c.id == TASK.c.token_id)
        .where(RUN.c.act_at.is_not(None), RUN.c.act_at <= ctx.now())
        .order_by(RUN.c.act_at, RUN.c.task_id)
    )
    with ctx.database.read() as session:
        return [(row.request_id, row.issuing_system) for row in session.connection().execute(query)]


def claim(ctx: Context, request_id: int) -> Work | None:
    """Take the work for the time of one move; None: somebody else has, or nothing is to be done any more."""
    with ctx.database.write() as session:
        lock(session)
        now, row = ctx.now(), read_case(session, request_id)
        if row is None or row.run is None or row.task is None or State(row.request.state) is not State.REMEDIATING:
            return None
        stage = Stage(row.run.stage)
        if row.run.act_at is None or row.run.act_at > now or stage not in ACTS:
            return None
        turn = row.run.turn + 1
        change(session, RUN, row.run.task_id, {"act_at": now + LEASE, "turn": turn})
        return _work(ctx, row, row.run, turn, now, _cut_short(session, row.run.task_id))


def _work(ctx: Context, row: CaseRow, run: RunRow, turn: int, now: datetime, cut_short: CutShort | None) -> Work:
    kind: Kind = "rotate" if row.task is not None and row.task.kind == "rotate" else "revoke"
    stage, connector = Stage(run.stage), ctx.connectors.get(row.token.issuing_system)
    move = None if connector is None else next_move(stage, kind, connector.able)
    return Work(
        request_id=row.request.id,
        task_id=run.task_id,
        turn=turn,
        kind=kind,
        stage=stage,
        move=move or Move.EXAMINE,
        system=row.token.issuing_system,
        credential=_credential(row.token, run),
        new_id=run.new_id,
        seen=seen_of(run),
        knows_of_use=bool(run.seen.get("use_accepted")),
        reached_at=run.reached_at,
        attempts=run.attempts,
        environment=row.token.environment,
        has_begun=run.begun_at is not None,
        in_a_plan=run.offboarding_id is not None,
        at=now,
        cut_short=cut_short,
    )


def _credential(token: TokenRow, run: RunRow) -> Credential:
    if run.old_id:
        # What the reference names by now is the new secret, which is not to be tried out as if it were the old one.
        return Credential(run.old_id, "", token.credential_type, token.display_name)
    return Credential(token.external_id, token.secret_ref, token.credential_type, token.display_name)


def seen_of(run: RunRow) -> Seen | None:
    """What the issuing system showed when it was last looked at for a decision; None: it was not yet."""
    state = run.seen.get("state")
    used = run.seen.get("last_used_at")
    if state is None:
        return None
    return Seen(KeyState(state), from_ms(used) if isinstance(used, int) else None)


def _cut_short(session: Session, task_id: int) -> CutShort | None:
    row = _OPEN_CALL.first(session, of_task=task_id)
    if row is None:
        return None
    return CutShort(row.id, row.action, row.external_id, tuple(row.siblings), row.intended_at)


# ------------------------------------------------------------------ calls


class FenceLostError(Exception):
    """Somebody else has gone on with the work: nothing may be called any more."""


def intend(ctx: Context, work: Work, action: str, external_id: str, siblings: Sequence[str] = ()) -> int:
    """Write down that a call is about to be made; returns its id.

    Raises:
        FenceLostError: this worker has the work no longer.
    """
    with ctx.database.write() as session:
        lock(session)
        now = ctx.now()
        if _HOLD.run(session, of_task=work.task_id, held=work.turn, at_stage=work.stage.value, now=now) != 1:
            raise FenceLostError
        _INTEND.run(
            session,
            task_id=work.task_id,
            action=action,
            external_id=external_id,
            siblings=list(siblings),
            intended_at=now,
            ended_at=None,
            outcome="",
            detail="",
            issuer_request_id="",
        )
        return int(_OPEN_CALL.all(session, of_task=work.task_id)[0].id)


def end_call(session: Session, call_id: int, reply: Reply | Created | None, at: datetime) -> None:
    """Write down what came of a call, in the caller's transaction. ``reply`` None: it was cut short, and its effect has
    been looked at since."""
    outcome, detail, request_id = words_of(reply)
    _END.run(session, call=call_id, at=at, said=outcome, about=detail, request=request_id)


def end_cut_short(session: Session, task_id: int, last_id: int, at: datetime) -> None:
    """Write down that what a call that was cut short has done was looked at. That shows what those before it did, too:
    a worker that dies twice leaves two of them."""
    outcome, detail, request_id = words_of(None)
    values = {"ended_at": at, "outcome": outcome, "detail": detail, "issuer_request_id": request_id}
    where = (ISSUER_CALL.c.task_id == task_id, ISSUER_CALL.c.id <= last_id, ISSUER_CALL.c.ended_at.is_(None))
    session.connection().execute(update(ISSUER_CALL).where(*where).values(**values))


def may_have_replaced(session: Session, task_id: int) -> bool:
    """Whether a secret of our choice may have been set, as far as anybody knows."""
    made = (ISSUER_CALL.c.task_id == task_id, ISSUER_CALL.c.action == "replace")
    query = select(ISSUER_CALL.c.id).where(*made, ISSUER_CALL.c.outcome.not_in(("rejected", "not_done", "absent")))
    return session.connection().execute(query.limit(1)).one_or_none() is not None


def words_of(reply: Reply | Created | None) -> tuple[str, str, str]:
    """Outcome, detail and the issuing system's own id of a call, as they are kept."""
    match reply:
        case None:
            return "looked", "", ""
        case Accepted():
            return "accepted", "", reply.request_id
        case Created():
            return "accepted", reply.external_id, reply.request_id
        case Absent():
            return "absent", "", reply.request_id
        case Rejected():
            return "rejected", f"{reply.code} {reply.detail}".strip()[:_LONGEST_DETAIL], reply.request_id
        case NotDone():
            return "not_done", reply.reason[:_LONGEST_DETAIL], ""
        case Unclear():
            return "unclear", reply.detail[:_LONGEST_DETAIL], reply.request_id


def is_being_called(session: Session, task_id: int) -> bool:
    """Whether something is being changed at the issuing system at this very moment, as far as anybody knows."""
    return _OPEN_CALL.first(session, of_task=task_id) is not None


def begun_lately(ctx: Context, system: str) -> tuple[int, int]:
    """How many of a system's tokens were begun with in the last 24 hours, outside of plans, and how many it has."""
    lately = (
        select(func.count())
        .select_from(RUN)
        .join(TASK, TASK.c.id == RUN.c.task_id)
        .join(TOKEN, TOKEN.c.id == TASK.c.token_id)
        .where(RUN.c.begun_at >= ctx.now() - timedelta(days=1), RUN.c.offboarding_id.is_(None))
        .where(TOKEN.c.issuing_system == system)
    )
    all_of_it = select(func.count()).where(TOKEN.c.issuing_system == system, TOKEN.c.state == "active")
    with ctx.database.read() as session:
        connection = session.connection()
        return int(connection.scalar(lately) or 0), int(connection.scalar(all_of_it) or 0)
