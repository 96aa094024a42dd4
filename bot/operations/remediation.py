"""The work that a rotate or revoke opens, and what came of it.

A connector carries it out where one speaks to the issuing system (``carrying_out``). Everywhere else it is a tracked
task with the inventory's instructions, a report with a ticket or evidence, and reminders. A person's word is
``accepted_unverified``; only an issuing system can confirm.
"""

from __future__ import annotations

from bot.operations.asking import Reader
from bot.operations.assigning import REMIND_AFTER, carried_out_by
from bot.operations.carrying_out.stages import begin
from bot.operations.case import Case
from bot.operations.commands import Command
from bot.operations.deciding import Actor
from bot.operations.quieting import quiet_answered_reasons
from bot.operations.records import of_request
from bot.rules.calendar import add_business
from bot.rules.lifecycle import Event, State
from bot.rules.remediation import Kind, Stage, can_carry_out
from storage.ledger.record import Entry, RecordKind
from storage.requests import RemediationTask


def open_remediation(case: Case, kind: Kind, *, decided_by: int | None, offboarding_id: int | None = None) -> None:
    """Open the work of a ``rotate`` or ``revoke``: a connector carries it out where there is one that can, else
    whoever can is given it."""
    connector = case.ctx.connectors.get(case.token.issuing_system)
    able = None if connector is None else connector.able
    by_itself = connector is not None and can_carry_out(kind, able)
    assignee = carried_out_by(case.standing, case.people, decided_by)
    remind_at = add_business(case.now, REMIND_AFTER, case.people.working_time(assignee))
    task = RemediationTask(
        request_id=case.request_id,
        token_id=case.token_id,
        kind=kind,
        connector=connector.kind if connector is not None and by_itself else "manual",
        instructions=case.token.revocation_path if kind == "revoke" else case.token.rotation_method,
        assignee_id=assignee,
        opened_at=case.now,
        remind_at=remind_at,
    )
    case.session.add(task)
    _record_opening(case, task)
    if by_itself:
        case.session.flush()
        begin(case, task.id or 0, decided_by, offboarding_id)
        case.change(next_step_at=None, waiting_on_id=assignee)
        return
    case.change(next_step_at=remind_at, waiting_on_id=assignee)
    if assignee != decided_by or decided_by is None:
        case.ask([assignee])


def _record_opening(case: Case, task: RemediationTask) -> None:
    person = case.people.get(task.assignee_id)
    details: dict[str, object] = {
        "connector": task.connector,
        "assignee": "security_channel" if person is None else person.ref,
    }
    case.record(_entry(case, RecordKind.REMEDIATION_OPENED, reason=task.kind, details=details))


def report_remediation(case: Case, command: Command, event: Event, actor: Actor) -> None:
    """Somebody says what came of the work. A failure leaves it open and tells security."""
    task = case.task
    if task is None:
        raise LookupError("a report without a task was let through")
    failed = event is Event.FAILED
    case.change_task(
        result=command.result,
        evidence=command.evidence,
        done_by_id=actor.person.id,
        done_at=None if failed else case.now,
    )
    actor.decision(command, settles=False, details={"result": command.result})
    case.record(
        actor.entry(
            RecordKind.REMEDIATION_RESULT,
            command,
            reason=task.kind,
            details={"result": command.result, "connector": task.connector},
            disclosures={"evidence": command.evidence},
        )
    )
    if failed:
        case.move(State.REMEDIATING, next_step_at=add_business(case.now, REMIND_AFTER, actor.person.working_time))
        case.ask([None])
        return
    if task.kind == "revoke":
        case.change_token(state="revoked")
    else:
        case.change_token(last_rotated_at=case.now, last_attested_at=case.now)
        quiet_answered_reasons(case)
    if case.run is not None:
        case.change_run(stage=Stage.BY_HAND.value, act_at=None, reached_at=case.now)
    case.move(State.SETTLED)


def remind_of_work(case: Case) -> None:
    """The work still lies: remind whoever has it, and from then on tell security too."""
    task = case.task
    if task is None:
        raise LookupError(f"request {case.request_id} is being remediated without a task")
    first = task.remind_at is not None
    case.change_task(remind_at=None)
    readers: list[Reader] = [task.assignee_id] if first else list(dict.fromkeys([task.assignee_id, None]))
    case.record(_entry(case, RecordKind.NO_RESPONSE, reason=task.kind, details={"remediation": "open"}))
    working = case.people.working_time(task.assignee_id)
    case.change(next_step_at=add_business(case.now, REMIND_AFTER, working))
    case.ask(readers)


def _entry(case: Case, kind: RecordKind, *, reason: str, details: dict[str, object]) -> Entry:
    return of_request(
        kind, case.request, case.token, case.policy, reason=reason, details=details, standing=case.accountable
    )
