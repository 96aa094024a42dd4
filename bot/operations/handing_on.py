"""An open question follows its reader: to whoever comes after them once they have left, to whoever stands in for them
while they are away. Coming back takes nothing away from anybody: only what is asked from then on is theirs again."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, delete, select, update
from sqlmodel import Session

from bot.operations.assigning import second_person
from bot.operations.case import Case
from bot.operations.context import Context
from bot.operations.directory import People
from bot.operations.records import names_of, of_request, told_part
from bot.operations.remediation import remind_of_work
from bot.operations.telling import SETTLE, Waiting, note_passed, record_silence, tell, waiting_steps
from bot.rules.attention import hears_at
from bot.rules.ladder import Landing, Told, hand_on, next_step_at
from bot.rules.lifecycle import State
from bot.rules.people import Reached, reach
from bot.rules.policy_parts import Rung
from bot.rules.remediation import Stage
from bot.rules.standing import succeed
from storage.database import table_of
from storage.ledger.record import RecordKind
from storage.people import PERSON
from storage.requests import LADDER_STEP, REQUEST, RemediationTask

_TASK = table_of(RemediationTask)


# ------------------------------------------------------------------ somebody has left


def hand_on_from_leaver(case: Case) -> None:
    """Whoever is waited for has left: those told beside them are waited for, else whoever comes after them is told.

    Their silence is on record, with its reason; of everybody else nothing changes.
    """
    waiting = waiting_steps(case)
    gone = [one for one in waiting if _left(case, one)]
    others = [one for one in waiting if not _left(case, one)]
    record_silence(case, [(one.rung, one.person_id) for one in gone])
    _end(case, gone, "no_response")
    if others:
        _wait_for(case, others[0])
        case.show()
        return
    landing = hand_on(case.request.step, case.standing, case.people)
    _make_way(case, landing)
    note_passed(case, landing)
    tell(case, landing, reason="succession", hold=SETTLE)


def hand_on_work(case: Case) -> None:
    """Whoever had the work that a decision opened has left: it goes to whoever comes after them; where somebody was to
    agree to it, to whoever else may."""
    if case.run is not None and case.run.stage == Stage.NOTIFIED.value:
        successor = second_person(case, case.run.requested_by_id)
    else:
        successor = succeed(case.standing, case.people)[1].person_id
    _give_work(case, successor, "succession")
    remind_of_work(case)


def _left(case: Case, one: Waiting) -> bool:
    person = case.people.get(one.person_id)
    return person is not None and not person.active


def _end(case: Case, steps: list[Waiting], outcome: str) -> None:
    ended = update(LADDER_STEP).where(LADDER_STEP.c.id.in_([one.id for one in steps]))
    case.session.connection().execute(ended.values(outcome=outcome, ended_at=case.now))


def _wait_for(case: Case, one: Waiting) -> None:
    """Count the time from now on as this person's; what was promised before is kept."""
    working = case.people.working_time(one.person_id)
    heard = hears_at(case.people, one.person_id, one.told_at)
    fair = next_step_at(case.request.step, case.ladder, case.tier.grace, heard, working)
    case.change(
        waiting_on_id=one.person_id,
        waiting_role=one.rung,
        next_step_at=max(fair, case.request.next_step_at or fair),
    )


def _make_way(case: Case, landing: Landing) -> None:
    """A step has one row a rung: where it comes to a rung again (the next manager up, say), the row of whoever has left
    goes. That they were asked, and when, is on record."""
    rungs = [told.rung.value for told in landing.told] + [rung.value for _, rung, _ in landing.passed]
    here = (LADDER_STEP.c.request_id == case.request_id, LADDER_STEP.c.round == case.request.round)
    again = delete(LADDER_STEP).where(*here, LADDER_STEP.c.step == landing.step, LADDER_STEP.c.rung.in_(rungs))
    case.session.connection().execute(again)


# ------------------------------------------------------------------ somebody is away


def requests_of_the_absent(session: Session, ctx: Context) -> list[int]:
    """Ids of the open requests that wait for, or whose work lies with, somebody who is away and has a stand-in."""
    people = People(session, ctx, ctx.now())
    away = (PERSON.c.active, PERSON.c.away_until > people.moment, PERSON.c.delegate_id.is_not(None))
    asked = (
        select(LADDER_STEP.c.request_id, LADDER_STEP.c.person_id)
        .join(REQUEST, (REQUEST.c.id == LADDER_STEP.c.request_id) & (REQUEST.c.round == LADDER_STEP.c.round))
        .where(REQUEST.c.state == State.OPEN.value, LADDER_STEP.c.outcome == "waiting")
        .where(LADDER_STEP.c.person_id.in_(select(PERSON.c.id).where(*away)))
    )
    work = (
        select(_TASK.c.request_id, _TASK.c.assignee_id.label("person_id"))
        .join(REQUEST, REQUEST.c.id == _TASK.c.request_id)
        .where(REQUEST.c.state == State.REMEDIATING.value, _TASK.c.done_at.is_(None))
        .where(_TASK.c.assignee_id.in_(select(PERSON.c.id).where(*away)))
    )
    rows = [*session.connection().execute(asked), *session.connection().execute(work)]
    people.read({row.person_id for row in rows})
    return sorted({row.request_id for row in rows if _stand_in(people, row.person_id) is not None})


def hand_to_stand_ins(case: Case) -> bool:
    """Whoever is waited for and is away: their stand-in is asked instead, with time of their own. False: nobody is."""
    if case.state is State.REMEDIATING:
        return _hand_over_work(case)
    moved = [(one, instead) for one in waiting_steps(case) if (instead := _stand_in(case.people, one.person_id))]
    for one, instead in moved:
        _move_step(case, one, instead)
    if moved:
        told = [Told(Rung(one.rung), instead.person_id, instead.stands_in_for) for one, instead in moved]
        details = {
            "step": case.request.step,
            "kind": case.ladder.kind(case.request.step).value,
            "told": told_part(told, case.people),
        }
        _record(case, "stand_in", details, [person for one in told for person in (one.person_id, one.stands_in_for)])
        case.ask([one.person_id for one in told], hold=SETTLE)
        case.show()
    return bool(moved)


def _stand_in(people: People, person_id: int | None) -> Reached | None:
    """Whom to ask instead of somebody who is away."""
    person = people.get(person_id)
    if person is None or not person.away:
        return None
    found = reach(person.id, people)
    return found if isinstance(found, Reached) else None


def _move_step(case: Case, one: Waiting, instead: Reached) -> None:
    row: ColumnElement[bool] = LADDER_STEP.c.id == one.id
    values: dict[str, Any] = {"person_id": instead.person_id, "why": "delegate", "told_at": case.now}
    case.session.connection().execute(update(LADDER_STEP).where(row).values(values))
    if case.request.waiting_on_id == one.person_id:
        _wait_for(case, Waiting(one.id, one.rung, instead.person_id, case.now))


def _hand_over_work(case: Case) -> bool:
    instead = None if case.task is None else _stand_in(case.people, case.task.assignee_id)
    if instead is None:
        return False
    _give_work(case, instead.person_id, "stand_in")
    case.ask([instead.person_id], hold=SETTLE)
    return True


def _give_work(case: Case, person_id: int | None, reason: str) -> None:
    """The work goes to somebody else (None: the security channel)."""
    before, after = case.people.get(case.request.waiting_on_id), case.people.get(person_id)
    case.change_task(assignee_id=person_id)
    case.change(waiting_on_id=person_id)
    told = {"ref": "security_channel" if after is None else after.ref}
    if before is not None:
        told["for"] = before.ref
    _record(case, reason, {"told": [told], "remediation": "open"}, [person_id, None if before is None else before.id])
    case.show()


def _record(case: Case, reason: str, details: dict[str, Any], people: list[int | None]) -> None:
    case.record(
        of_request(
            RecordKind.ASKED,
            case.request,
            case.token,
            case.policy,
            reason=reason,
            details=details,
            disclosures=names_of(people, case.people),
            standing=case.accountable,
        )
    )
