"""What each stage means: who is waited for, when the machine goes on, and what ends the request.

Everything here is within the caller's transaction.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import insert, select
from sqlmodel import Session

from bot.operations.asking import Reader
from bot.operations.assigning import REMIND_AFTER, carried_out_by, second_person
from bot.operations.carrying_out.journal import words_of
from bot.operations.carrying_out.outcome import Outcome
from bot.operations.case import Case
from bot.operations.quieting import quiet_answered_reasons
from bot.operations.records import of_request
from bot.rules.calendar import add_business
from bot.rules.issuing import Result, Verdict
from bot.rules.lifecycle import State
from bot.rules.remediation import ACTS, Stage, Step, next_stage
from bot.rules.urgency import urgent_causes
from storage.inventory import TOKEN
from storage.ledger.record import Entry, RecordKind
from storage.remediation import RUN

WAITS: Final = frozenset({Stage.BY_HAND, Stage.NOTIFIED, Stage.RETURNED, Stage.HALTED})
"""The stages in which somebody is waited for."""


def begin(case: Case, task_id: int, decided_by: int | None, offboarding_id: int | None) -> None:
    """A connector carries it out: it is looked at first, at the next turn."""
    values = {
        "task_id": task_id,
        "stage": Stage.PLANNED.value,
        "turn": 0,
        "act_at": case.now,
        "attempts": 0,
        "requested_by_id": decided_by,
        "seen": {},
        "reached_at": case.now,
        "halted_from": "",
        "fault": "",
        "fault_detail": "",
        "new_id": "",
        "old_id": "",
        "proof": "",
        "offboarding_id": offboarding_id,
    }
    case.session.connection().execute(insert(RUN).values(**values))


def take_step(case: Case, step: Step, outcome: Outcome) -> None:
    """The machine has come a step further: keep it, on record, and do what the stage asks for.

    Raises:
        LookupError: the table knows no such step from here.
    """
    run = case.run
    if run is None:
        raise LookupError(f"request {case.request_id} has no work that a connector carries out")
    stage = next_stage(Stage(run.stage), step)
    if stage is None:
        raise LookupError(f"{step} is not possible at {run.stage}")
    if stage is Stage.PROVEN and _is_taken(case.session, case, outcome.new_id):
        stage, outcome = Stage.HALTED, Outcome(Step.HALT, fault="conflict", detail=outcome.new_id)
    record_step(case, step if stage is not Stage.HALTED else Step.HALT, stage, outcome)
    reach(case, stage, outcome)


def reach(case: Case, stage: Stage, outcome: Outcome) -> None:
    """Be at ``stage`` from now on."""
    run = case.run
    if run is None:
        raise LookupError(f"request {case.request_id} has no work that a connector carries out")
    values: dict[str, Any] = {
        "stage": stage.value,
        "reached_at": case.now,
        "attempts": 0,
        "act_at": case.now if stage in ACTS else None,
        "fault": outcome.fault,
        "fault_detail": outcome.detail,
        "halted_from": run.stage if stage is Stage.HALTED else "",
    }
    if outcome.seen is not None:
        values["seen"] = outcome.seen
    if outcome.new_id:
        values["new_id"] = outcome.new_id
    if outcome.verdict is not None and outcome.verdict.proof is not None:
        values["proof"] = outcome.verdict.proof.value
    match stage:
        case Stage.DISABLED:
            values["act_at"] = case.now + grace(case)
        case Stage.PROVEN:
            values["old_id"] = case.token.external_id
            case.change_token(external_id=outcome.new_id)
            case.token.external_id = outcome.new_id
    case.change_run(**values)
    _tell(case, stage, outcome)


def _tell(case: Case, stage: Stage, outcome: Outcome) -> None:
    """What the stage means for the request and for people."""
    match stage:
        case Stage.VERIFIED:
            _end(case, outcome.verdict or Verdict(Result.ACCEPTED_UNVERIFIED))
        case Stage.CALLED_OFF:
            case.change_task(result="called_off", done_at=case.now, remind_at=None)
            case.move(State.SETTLED)
        case Stage.HALTED:
            case.change_task(result="failed", evidence=outcome.detail)
            if outcome.verdict is not None:
                record_result(case, outcome.verdict)
            _wait_for(case, carried_out_by(case.standing, case.people, _requester(case)), also=None)
        case Stage.NOTIFIED:
            _wait_for(case, second_person(case, _requester(case)))
        case Stage.BY_HAND:
            case.change_task(connector="manual", result="")
            _wait_for(case, carried_out_by(case.standing, case.people, _requester(case)))
        case Stage.RETURNED:
            _wait_for(case, carried_out_by(case.standing, case.people, _requester(case)))
        case Stage.DISABLED:
            _goes_on(case)
            owner = carried_out_by(case.standing, case.people, _requester(case))
            if owner is not None and owner != _requester(case):
                case.change_task(assignee_id=owner)
                case.ask([owner])
        case _:
            _goes_on(case)


_NOBODY_ELSE: Final = object()


def _wait_for(case: Case, reader: Reader, also: Reader | object = _NOBODY_ELSE) -> None:
    """Somebody is waited for, and reminded; ``also`` None: the security channel hears of it at once."""
    working = case.people.working_time(reader)
    remind_at = add_business(case.now, REMIND_AFTER, working)
    case.change_task(assignee_id=reader, remind_at=remind_at)
    case.move(State.REMEDIATING, next_step_at=remind_at, waiting_on_id=reader)
    case.ask([reader] if also is _NOBODY_ELSE else list(dict.fromkeys([reader, None])))


def _goes_on(case: Case) -> None:
    case.change_task(result="")
    case.move(State.REMEDIATING, next_step_at=None)


def _end(case: Case, verdict: Verdict) -> None:
    task = case.task
    if task is None:
        raise LookupError(f"request {case.request_id} has opened no work")
    record_result(case, verdict)
    case.change_task(result=verdict.result.value, evidence=verdict.detail, done_at=case.now, remind_at=None)
    if task.kind == "revoke":
        case.change_token(state="revoked")
    else:
        case.change_token(last_rotated_at=case.now, last_attested_at=case.now)
        quiet_answered_reasons(case)
    case.move(State.SETTLED)


def grace(case: Case) -> timedelta:
    """How long it stays disabled before it is deleted. Nothing waits in an incident."""
    causes = urgent_causes(case.ctx.policy.urgent, None, case.token.tags, case.now)
    return timedelta() if causes else timedelta(days=case.ctx.policy.remediation.grace)


def _requester(case: Case) -> int | None:
    return None if case.run is None else case.run.requested_by_id


def _is_taken(session: Session, case: Case, external_id: str) -> bool:
    """Whether the inventory has a token of that id already."""
    query = select(TOKEN.c.id).where(
        TOKEN.c.issuing_system == case.token.issuing_system, TOKEN.c.external_id == external_id
    )
    return session.connection().execute(query).one_or_none() is not None


# ------------------------------------------------------------------ records


def record_step(case: Case, step: Step, stage: Stage, outcome: Outcome) -> None:
    """What happened at the issuing system, with its own id of the call."""
    _, _, request_id = words_of(outcome.reply)
    verdict = outcome.verdict
    details: dict[str, Any] = {
        "work": "" if case.task is None else case.task.kind,
        "stage": stage.value,
        "connector": None if case.task is None else case.task.connector,
        "system": case.token.issuing_system,
        "outcome": None if verdict is None else verdict.result.value,
        "proof": None if verdict is None or verdict.proof is None else verdict.proof.value,
        "fault": outcome.fault or None,
        "issuer_request_id": request_id or (None if verdict is None else verdict.request_id or None),
        "credential": _credential(case, outcome),
    }
    written = {"detail": outcome.detail} if outcome.detail else {}
    case.record(_entry(case, RecordKind.REMEDIATION_STEP, step.value, details, written))


def record_result(case: Case, verdict: Verdict) -> None:
    """How it ended: ``confirmed``, ``accepted_unverified`` or ``failed``, and by what that was seen."""
    details = {
        "result": verdict.result.value,
        "connector": None if case.task is None else case.task.connector,
        "proof": None if verdict.proof is None else verdict.proof.value,
        "issuer_request_id": verdict.request_id or None,
    }
    written = {"evidence": verdict.detail} if verdict.detail else {}
    kind = "" if case.task is None else case.task.kind
    case.record(_entry(case, RecordKind.REMEDIATION_RESULT, kind, details, written))


def _credential(case: Case, outcome: Outcome) -> str:
    if outcome.new_id:
        return outcome.new_id
    return (case.run.old_id if case.run is not None else "") or case.token.external_id


def _entry(case: Case, kind: RecordKind, reason: str, details: Mapping[str, Any], written: Mapping[str, str]) -> Entry:
    return of_request(
        kind,
        case.request,
        case.token,
        case.policy,
        reason=reason,
        details=details,
        disclosures=written,
        standing=case.accountable,
    )
