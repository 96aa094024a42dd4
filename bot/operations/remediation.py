"""The work that a rotate or revoke opens, and what came of it.

By hand for every issuing system that no connector speaks to: a tracked task with the inventory's instructions, a
report with a ticket or evidence, and reminders. A person's word is ``accepted_unverified``; only an issuing system can
confirm.
"""

from __future__ import annotations

from bot.operations.asking import Reader
from bot.operations.case import Case
from bot.operations.commands import Command
from bot.operations.deciding import Actor
from bot.operations.quieting import quiet_answered_reasons
from bot.operations.records import of_request
from bot.rules.calendar import add_business
from bot.rules.durations import BusinessDuration
from bot.rules.lifecycle import Event, State
from bot.rules.people import Directory, Reached
from bot.rules.policy_parts import Rung
from bot.rules.standing import Standing, reach_rung
from storage.ledger.record import Entry, RecordKind
from storage.requests import RemediationTask

REMIND_AFTER = BusinessDuration(2, "bd")
"""How long work may lie before whoever has it is reminded."""

_BY_HAND = (Rung.OWNER, Rung.BACKUP_OWNER, Rung.BUSINESS_OWNER)


def open_remediation(case: Case, kind: str, *, decided_by: int | None) -> None:
    """Open the work of a ``rotate`` or ``revoke`` and give it to whoever can carry it out."""
    assignee = carried_out_by(case.standing, case.people, decided_by)
    instructions = case.token.revocation_path if kind == "revoke" else case.token.rotation_method
    working = case.people.working_time(assignee)
    remind_at = add_business(case.now, REMIND_AFTER, working)
    case.session.add(
        RemediationTask(
            request_id=case.request_id,
            token_id=case.token_id,
            kind=kind,
            instructions=instructions,
            assignee_id=assignee,
            opened_at=case.now,
            remind_at=remind_at,
        )
    )
    case.change(next_step_at=remind_at, waiting_on_id=assignee)
    person = case.people.get(assignee)
    case.record(
        _entry(
            case,
            RecordKind.REMEDIATION_OPENED,
            reason=kind,
            details={"connector": "manual", "assignee": "security_channel" if person is None else person.ref},
        )
    )
    if assignee != decided_by or decided_by is None:
        case.ask([assignee])


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


def carried_out_by(standing: Standing, directory: Directory, decided_by: int | None) -> Reader:
    """Who is given the work: the decider if they own the token, else the owner or backup who can be reached, else the
    decider, else (nobody decided, the policy did) the security channel."""
    if decided_by is not None and decided_by in (standing.service_owner, standing.backup_owner):
        return decided_by
    for rung in _BY_HAND:
        found = reach_rung(rung, standing, directory)
        if isinstance(found, Reached):
            return found.person_id
    return decided_by


def _entry(case: Case, kind: RecordKind, *, reason: str, details: dict[str, object]) -> Entry:
    return of_request(
        kind, case.request, case.token, case.policy, reason=reason, details=details, standing=case.accountable
    )
