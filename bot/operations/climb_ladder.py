"""Silence climbs: what waited long enough goes to the next person, with the silence on record.

Each request is one transaction. A request whose step is due, whose reader has left meanwhile, or whose message could
not be delivered moves on; the last step's default action is taken by the system and recorded as such.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import or_, select
from sqlmodel import Session

from bot.operations.case import Case, load_case, times_told
from bot.operations.context import Context
from bot.operations.records import names_of, of_request, told_part
from bot.operations.remediation import open_remediation, remind_of_work
from bot.rules.ladder import Landing, climb_from, default_action, next_step_at
from bot.rules.lifecycle import Event, State, next_state
from bot.rules.policy_parts import DefaultAction, StepKind
from storage.ledger.record import Entry, RecordKind
from storage.outbox import OutboxMessage
from storage.people import PERSON
from storage.requests import LADDER_STEP, OPEN_STATES, REQUEST, Decision, LadderStep


def climb_ladder(ctx: Context) -> int:
    """Move on every open request whose time has come at ``ctx.now()``; returns how many moved.

    Raises:
        ExceptionGroup: some could not move on; every other one has.
    """
    with ctx.database.read() as session:
        due = _due(session, ctx)
    moved, faults = 0, []
    for request_id in due:
        try:
            moved += _climb_one(ctx, request_id)
        except Exception as fault:  # noqa: BLE001 - raised below; a broken one must not keep every other ladder still
            fault.add_note(f"request {request_id} could not move on")
            faults.append(fault)
    if faults:
        raise ExceptionGroup("requests that could not move on", faults)
    return moved


def _climb_one(ctx: Context, request_id: int) -> bool:
    with ctx.database.write() as session:
        case = load_case(session, ctx, request_id)
        if case is None or not _is_due(case):
            return False
        _climb(case)
        return True


def move_on_undelivered(session: Session, ctx: Context, row: OutboxMessage, code: str) -> None:
    """A message was given up: record it, and let every request that waits for its reader move on at the next tick."""
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
        details = {"code": code, "to": "security_channel" if to is None else to.ref}
        case.record(_record(case, RecordKind.DELIVERY_FAILED, "undelivered", details))
        if row.person_id is not None and case.state is not State.REMEDIATING:
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
        if _reader_left(case) and case.task is not None:
            case.change_task(assignee_id=None)
            case.change(waiting_on_id=None)
        remind_of_work(case)
        return
    _record_silence(case)
    if case.state is State.HANDOVER:
        case.move(State.OPEN, handover_to_id=None)
    landing = climb_from(case.request.step + 1, case.ladder, case.standing, case.people)
    _note_passed(case, landing)
    if landing.told:
        _tell(case, landing)
    else:
        case.change(step=min(landing.step, len(case.ladder.steps) - 1), next_step_at=None)
    if default_action(landing, case.ladder) is DefaultAction.OPEN_REVOCATION:
        _revoke_by_default(case)
    elif case.request.next_step_at is None:
        _record_end(case)


def _record_silence(case: Case) -> None:
    """Everyone who was waited for and did not answer, each on record with how often they were asked."""
    waiting = select(LADDER_STEP.c.rung, LADDER_STEP.c.person_id).where(
        LADDER_STEP.c.request_id == case.request_id, LADDER_STEP.c.outcome == "waiting"
    )
    silent: list[tuple[str, int | None]] = [
        (row.rung, row.person_id) for row in case.session.connection().execute(waiting)
    ]
    if case.state is State.HANDOVER:
        silent.append(("proposed_owner", case.request.handover_to_id))
    asked = times_told(case.session, case.request_id)
    for rung, person_id in silent:
        person = case.people.get(person_id)
        details = {
            "rung": rung,
            "ref": "security_channel" if person is None else person.ref,
            "step": case.request.step,
            "asked_so_far": asked,
            "left": person is not None and not person.active,
        }
        case.record(
            of_request(
                RecordKind.NO_RESPONSE,
                case.request,
                case.token,
                case.policy,
                reason="no_response",
                details=details,
                disclosures=names_of([person_id], case.people),
                standing=case.accountable,
            )
        )
    case.close_steps(None, "no_response")


def _note_passed(case: Case, landing: Landing) -> None:
    for number, rung, why in landing.passed:
        case.session.add(
            LadderStep(
                request_id=case.request_id,
                round=case.request.round,
                step=number,
                rung=rung.value,
                person_id=why.person_id,
                told_at=case.now,
                why=why.reason,
                outcome="unreachable",
                ended_at=case.now,
            )
        )


def _tell(case: Case, landing: Landing) -> None:
    reminder = case.ladder.kind(landing.step) is StepKind.REMINDER
    for told in landing.told:
        why = "delegate" if told.stands_in_for else ("reminder" if reminder else told.rung.value)
        case.session.add(
            LadderStep(
                request_id=case.request_id,
                round=case.request.round,
                step=landing.step,
                rung=told.rung.value,
                person_id=told.person_id,
                told_at=case.now,
                why=why,
            )
        )
    first = landing.told[0]
    waiting = case.people.working_time(first.person_id)
    case.change(
        step=landing.step,
        waiting_on_id=first.person_id,
        waiting_role=first.rung.value,
        snoozed_until=None,
        next_step_at=next_step_at(landing.step, case.ladder, case.tier.grace, case.now, waiting),
    )
    details = {
        "step": landing.step,
        "kind": case.ladder.kind(landing.step).value,
        "told": told_part(landing.told, case.people),
        "passed": [f"{rung.value}:{why.reason}" for _, rung, why in landing.passed],
    }
    names = names_of([told.person_id for told in landing.told], case.people)
    entry = of_request(
        RecordKind.ASKED,
        case.request,
        case.token,
        case.policy,
        reason="reminder" if reminder else "escalation",
        details=details,
        disclosures=names,
        standing=case.accountable,
    )
    case.record(entry)
    case.ask([told.person_id for told in landing.told])
    case.show()


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
