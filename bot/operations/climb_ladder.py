"""Silence climbs: what waited long enough goes to the next person, with the silence on record.

Each request is one transaction. A request whose step is due, whose reader has left or is away meanwhile, or whose
message could not be delivered moves on; the last step's default action is taken by the system and recorded as such.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sqlalchemy import or_, select
from sqlmodel import Session

from bot.operations.case import Case, load_case, times_told
from bot.operations.context import Context
from bot.operations.fair_wait import grant_what_is_owed
from bot.operations.handing_on import hand_on_from_leaver, hand_on_work, hand_to_stand_ins, requests_of_the_absent
from bot.operations.records import of_request
from bot.operations.remediation import open_remediation, remind_of_work
from bot.operations.shared_use import end_silent_uses, go_on_held, is_held
from bot.operations.telling import end_in_silence, note_passed, tell
from bot.rules.ladder import climb_from, default_action
from bot.rules.lifecycle import Event, State, next_state
from bot.rules.policy_parts import DefaultAction
from bot.rules.shared import names_people
from bot.rules.undelivered import Consequence, consequence_of
from storage.ledger.record import Entry, RecordKind
from storage.outbox import OutboxMessage
from storage.people import PERSON
from storage.requests import OPEN_STATES, REQUEST, Decision


def climb_ladder(ctx: Context) -> int:
    """Move on every open request whose time has come at ``ctx.now()``; returns how many moved.

    Raises:
        ExceptionGroup: some could not move on; every other one has.
    """
    with ctx.database.read() as session:
        moves: list[tuple[int, Callable[[Case], bool]]] = [(one, _climb_if_due) for one in _due(session, ctx)]
        moves += [(one, hand_to_stand_ins) for one in requests_of_the_absent(session, ctx)]
    moved, faults = 0, []
    for request_id, move in moves:
        try:
            moved += _move_one(ctx, request_id, move)
        except Exception as fault:  # noqa: BLE001 - raised below; a broken one must not keep every other ladder still
            fault.add_note(f"request {request_id} could not move on")
            faults.append(fault)
    if faults:
        raise ExceptionGroup("requests that could not move on", faults)
    return moved


def _move_one(ctx: Context, request_id: int, move: Callable[[Case], bool]) -> bool:
    with ctx.database.write() as session:
        case = load_case(session, ctx, request_id)
        return case is not None and move(case)


def _climb_if_due(case: Case) -> bool:
    if not _is_due(case):
        return False
    if is_held(case):
        return go_on_held(case)
    if not _reader_left(case):
        if grant_what_is_owed(case):
            return False
        _climb(case)
    elif case.state is State.REMEDIATING:
        hand_on_work(case)
    elif case.state is State.OPEN and case.request.step >= 0:
        hand_on_from_leaver(case)
    else:
        _climb(case)
    return True


def move_on_undelivered(session: Session, ctx: Context, row: OutboxMessage, code: str) -> None:
    """A message was given up: record it for every request that waits for its reader. Where the reader is the one who
    cannot be reached, those move on at the next tick; where something else is wrong, in their own time."""
    follows = consequence_of(code, to_person=row.person_id is not None)
    waiting = select(REQUEST.c.id).where(REQUEST.c.state.in_(OPEN_STATES))
    if row.person_id is not None:
        waiting = waiting.where(REQUEST.c.waiting_on_id == row.person_id)
    else:
        waiting = waiting.where(REQUEST.c.waiting_on_id.is_(None))
    for request_id in session.connection().execute(waiting.order_by(REQUEST.c.id)).scalars().all():
        case = load_case(session, ctx, request_id)
        if case is None:
            continue
        to = case.people.get(row.person_id)
        details = {"code": code, "to": "security_channel" if to is None else to.ref, "then": follows.value}
        case.record(_record(case, RecordKind.DELIVERY_FAILED, "undelivered", details))
        if follows is Consequence.NEXT_RUNG and case.state is not State.REMEDIATING:
            case.change(next_step_at=case.now)


def _due(session: Session, ctx: Context) -> list[int]:
    """At its ladder's end a request has no next step, and does not move any more."""
    gone = select(PERSON.c.id).where(PERSON.c.active.is_(False))
    query = (
        select(REQUEST.c.id)
        .where(REQUEST.c.state.in_(OPEN_STATES), REQUEST.c.next_step_at.is_not(None))
        .where(or_(REQUEST.c.next_step_at <= ctx.now(), REQUEST.c.waiting_on_id.in_(gone)))
        .order_by(REQUEST.c.next_step_at, REQUEST.c.id)
    )
    return list(session.connection().execute(query).scalars())


def _is_due(case: Case) -> bool:
    """Looked at again with the case held still: somebody may have answered since the list was read."""
    if next_state(case.state, Event.CLIMB) is None:
        return False
    step_at = case.request.next_step_at
    return step_at is not None and (step_at <= case.now or _reader_left(case))


def _reader_left(case: Case) -> bool:
    reader = case.people.get(case.request.waiting_on_id)
    return reader is not None and not reader.active


def _climb(case: Case) -> None:
    if case.state is State.REMEDIATING:
        remind_of_work(case)
        return
    end_in_silence(case)
    if names_people(case.token.consumers) and case.now >= case.request.due_at:
        end_silent_uses(case)
    if case.state is State.HANDOVER:
        case.move(State.OPEN, handover_to_id=None)
    landing = climb_from(case.request.step + 1, case.ladder, case.standing, case.people)
    note_passed(case, landing)
    if landing.told:
        tell(case, landing)
    else:
        case.change(step=min(landing.step, len(case.ladder.steps) - 1), next_step_at=None)
    if default_action(landing, case.ladder) is DefaultAction.OPEN_REVOCATION:
        _revoke_by_default(case)
    elif case.request.next_step_at is None:
        _record_end(case)


def _revoke_by_default(case: Case) -> None:
    """The policy's answer to silence: the revocation is opened as work. The record says that no person decided it."""
    details = {"action": DefaultAction.OPEN_REVOCATION.value, "asked": times_told(case.session, case.request_id)}
    case.session.add(
        Decision(
            request_id=case.request_id,
            token_id=case.token_id,
            kind="revoke",
            role="policy",
            details=details,
            decided_at=case.now,
            platform="system",
            idempotency_key=f"default:{case.request_id}",
            settles=True,
        )
    )
    case.close_steps(None)  # whoever was told in this last step is not waited for
    case.record(_record(case, RecordKind.DEFAULT_ACTION, "no_response", details))
    case.move(State.REMEDIATING, outcome="no_response", handover_to_id=None)
    open_remediation(case, "revoke", decided_by=None)


def _record_end(case: Case) -> None:
    """The ladder is at its end and the policy does nothing: the request stays open, and that is on record too."""
    details = {"action": DefaultAction.NONE.value, "asked": times_told(case.session, case.request_id)}
    case.record(_record(case, RecordKind.DEFAULT_ACTION, "no_response", details))
    case.show()


def _record(case: Case, kind: RecordKind, reason: str, details: Mapping[str, object]) -> Entry:
    return of_request(
        kind, case.request, case.token, case.policy, reason=reason, details=details, standing=case.accountable
    )
