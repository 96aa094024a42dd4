"""Telling somebody at a step of the ladder, and recording who was silent: what every move of a request shares."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import select, update

from bot.operations.asking import CARD
from bot.operations.case import Case, times_told
from bot.operations.records import names_of, of_request, told_part
from bot.rules.attention import hears_at
from bot.rules.ladder import Landing, next_step_at
from bot.rules.lifecycle import State
from bot.rules.policy_parts import StepKind
from storage.ledger.record import RecordKind
from storage.outbox_letters import never_arrived
from storage.requests import LADDER_STEP, LadderStep

SETTLE = timedelta(minutes=5)
"""How long a message waits that one cause (somebody has left, or is away) makes for many requests, one after the other:
so that it is one message, and lists them all."""


class Waiting(NamedTuple):
    """Somebody who was told and has not answered; ``person_id`` None: the security channel."""

    id: int
    rung: str
    person_id: int | None
    told_at: datetime


def waiting_steps(case: Case) -> list[Waiting]:
    """Everybody who is waited for, in the order they were told."""
    columns = (LADDER_STEP.c.id, LADDER_STEP.c.rung, LADDER_STEP.c.person_id, LADDER_STEP.c.told_at)
    waiting = select(*columns).where(LADDER_STEP.c.request_id == case.request_id, LADDER_STEP.c.outcome == "waiting")
    rows = case.session.connection().execute(waiting.order_by(LADDER_STEP.c.id))
    return [Waiting(*row) for row in rows]


def end_in_silence(case: Case) -> None:
    """The time is over: everyone who was waited for and did not answer is on record, and waited for no longer.

    Whoever our question never reached has not been silent: that it could not be delivered is on record already.
    """
    silent = _reached(case)
    if case.state is State.HANDOVER:
        silent.append(("proposed_owner", case.request.handover_to_id))
    record_silence(case, silent)
    case.close_steps(None, "no_response")


def _reached(case: Case) -> list[tuple[str, int | None]]:
    """Rung and person of every step that waits, without those that the question did not reach; these are closed."""
    reached: list[tuple[str, int | None]] = []
    for one in waiting_steps(case):
        person = case.people.get(one.person_id)
        has_left = person is not None and not person.active
        if has_left or not never_arrived(case.session, CARD, one.person_id, one.told_at):
            reached.append((one.rung, one.person_id))
            continue
        missed = {"outcome": "unreachable", "why": "failed", "ended_at": case.now}
        case.session.connection().execute(update(LADDER_STEP).where(LADDER_STEP.c.id == one.id).values(**missed))
    return reached


def record_silence(case: Case, silent: Iterable[tuple[str, int | None]]) -> None:
    """Each (rung, person) on record, with how often the question was asked."""
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


def note_passed(case: Case, landing: Landing) -> None:
    """Keep whom the landing passed over, and why."""
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


def tell(case: Case, landing: Landing, *, reason: str = "", hold: timedelta = timedelta()) -> None:
    """Tell everybody of a landing, and wait for the first of them.

    Args:
        reason: for the record, where this is no reminder and no escalation.
        hold: how long the message waits at least.
    """
    reminder = case.ladder.kind(landing.step) is StepKind.REMINDER and not reason
    told_before = _told_before(case) if reminder else set()
    for told in landing.told:
        again = told.person_id in told_before
        case.session.add(
            LadderStep(
                request_id=case.request_id,
                round=case.request.round,
                step=landing.step,
                rung=told.rung.value,
                person_id=told.person_id,
                told_at=case.now,
                why="delegate" if told.stands_in_for else ("reminder" if again else told.rung.value),
            )
        )
    first = landing.told[0]
    waiting, heard = case.people.working_time(first.person_id), hears_at(case.people, first.person_id, case.now)
    case.change(
        step=landing.step,
        waiting_on_id=first.person_id,
        waiting_role=first.rung.value,
        snoozed_until=None,
        next_step_at=next_step_at(landing.step, case.ladder, case.tier.grace, heard, waiting),
    )
    details = {
        "step": landing.step,
        "kind": case.ladder.kind(landing.step).value,
        "told": told_part(landing.told, case.people),
        "passed": [f"{rung.value}:{why.reason}" for _, rung, why in landing.passed],
    }
    case.record(
        of_request(
            RecordKind.ASKED,
            case.request,
            case.token,
            case.policy,
            reason=reason or ("reminder" if reminder else "escalation"),
            details=details,
            disclosures=names_of([told.person_id for told in landing.told], case.people),
            standing=case.accountable,
        )
    )
    case.ask([told.person_id for told in landing.told], hold=hold)
    case.show()


def _told_before(case: Case) -> set[int | None]:
    """Whoever was told about this request already."""
    told = select(LADDER_STEP.c.person_id).where(LADDER_STEP.c.request_id == case.request_id)
    told = told.where(LADDER_STEP.c.outcome != "unreachable").distinct()
    return set(case.session.connection().execute(told).scalars())
