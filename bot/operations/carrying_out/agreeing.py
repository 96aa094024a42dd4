"""What people decide about work that a connector carries out: to agree, to call it off, to have a token back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from sqlmodel import Session

from bot.operations.asked_instead import authority_as_asked
from bot.operations.carrying_out.journal import is_being_called, may_have_replaced
from bot.operations.carrying_out.outcome import Outcome
from bot.operations.carrying_out.stages import reach
from bot.operations.case import Case
from bot.operations.commands import Command
from bot.operations.deciding import Actor, Effect
from bot.rules.authority import Grant, authority_for
from bot.rules.lifecycle import Event
from bot.rules.policy_parts import Role
from bot.rules.remediation import ENDS, Stage, Step, approval_causes, next_stage
from messages.action_ref import Verb
from storage.cases import RunRow
from storage.ledger.record import RecordKind

_STEPS: Final = {
    Verb.APPROVE: Step.APPROVE,
    Verb.CALL_OFF: Step.CALL_OFF,
    Verb.GIVE_BACK: Step.GIVE_BACK,
    Verb.RESUME: Step.RESUME,
    Verb.RETRY: Step.RETRY,
}


def by_hand(case: Case) -> bool:
    """Whether a person's report settles the work: nobody else does it, or what does it stands still."""
    return case.run is None or Stage(case.run.stage) in (Stage.BY_HAND, Stage.HALTED)


def is_offered(case: Case, verb: Verb) -> bool:
    """Whether ``verb`` makes sense at this stage of the work. Nothing does while the issuing system is being called:
    what that call comes to is known in a moment. Where the work has halted nobody calls, even if a call has no end."""
    if case.run is None:
        return False
    stage = Stage(case.run.stage)
    if stage in ENDS or (stage is not Stage.HALTED and is_being_called(case.session, case.run.task_id)):
        return False
    if verb is Verb.GIVE_BACK and not _is_reversible(case):
        return False
    if verb is Verb.CALL_OFF and _may_have_a_new_secret(case.run, case.session):
        return False  # only the end is safe
    halted_from = Stage(case.run.halted_from) if case.run.halted_from else None
    return next_stage(stage, _STEPS[verb], halted_from) is not None


def _may_have_a_new_secret(run: RunRow, session: Session) -> bool:
    """Of a rotation: whether the old secret may be refused by now, or is about to be."""
    return bool(run.new_id or run.old_id) or may_have_replaced(session, run.task_id)


def may_agree(case: Case, verb: Verb, actor_id: int) -> Grant | None:
    """The authority to agree to the work, or to call it off; None: there is none.

    Whoever asked for it cannot be the second person that it needs. They can call it off.
    """
    run = case.run
    if verb is Verb.CALL_OFF:
        if run is not None and run.requested_by_id == actor_id:
            return _done_by(case, actor_id) or Grant(Role.SERVICE_OWNER, "remediation.requested")
        return _approves(case, actor_id) or _done_by(case, actor_id)
    if run is not None and run.requested_by_id == actor_id:
        return None if needs_second(case) else _done_by(case, actor_id)
    return _approves(case, actor_id)


def needs_second(case: Case) -> bool:
    """Whether somebody else than the requester has to agree."""
    return bool(causes_of(case))


def causes_of(case: Case) -> list[str]:
    """Why a second person has to agree, as the policy in force has it."""
    connector = case.ctx.connectors.get(case.token.issuing_system)
    if connector is None or case.task is None:
        return []
    wanted = case.ctx.policy.remediation.second_approver
    found = approval_causes(
        case.token.environment, "rotate" if case.task.kind == "rotate" else "revoke", connector.able
    )
    return [cause.value for cause in found if cause in wanted]


def _approves(case: Case, actor_id: int) -> Grant | None:
    granted = authority_for("approve", actor_id, case.standing, case.people, case.ctx.policy)
    return granted or authority_as_asked(case, "approve", actor_id)


def _done_by(case: Case, actor_id: int) -> Grant | None:
    return authority_for("remediation_done", actor_id, case.standing, case.people, case.ctx.policy)


def _is_reversible(case: Case) -> bool:
    connector = case.ctx.connectors.get(case.token.issuing_system)
    return connector is not None and connector.able.reversible


def _take(case: Case, command: Command, _event: Event, actor: Actor) -> None:
    """Have the work go where the verb leads, on record with who said so and why."""
    run = case.run
    if run is None:
        raise LookupError(f"request {case.request_id} has no work that a connector carries out")
    before = Stage(run.stage)
    halted_from = Stage(run.halted_from) if run.halted_from else None
    stage = next_stage(before, _STEPS[command.verb], halted_from)
    if stage is None:
        raise LookupError(f"{command.verb} is not possible at {before}")
    if stage is Stage.APPROVED and run.old_id:
        stage = Stage.PROVEN  # the new secret is in use: the old one is to be ended, not replaced once more
    details = {"work": "" if case.task is None else case.task.kind, "stage": stage.value}
    actor.decision(command, settles=False, details=details)
    case.record(actor.entry(RecordKind.REMEDIATION_AGREED, command, reason=command.verb.value, details=details))
    if stage is Stage.APPROVED:
        _approve(case, actor, knows_of_use=run.fault == "used" or before is not Stage.NOTIFIED)
    reach(case, stage, Outcome(_STEPS[command.verb]))


def _approve(case: Case, actor: Actor, *, knows_of_use: bool) -> None:
    """Whoever agrees after they were told that it is in use agrees to that, too."""
    run = case.run
    if run is None:
        raise LookupError("an approval without work was let through")
    seen = {**run.seen, "use_accepted": True} if knows_of_use else run.seen
    case.change_run(approved_by_id=actor.person.id, approved_at=case.now, seen=seen)


def _offer(verb: Verb) -> Callable[[Case], bool]:
    return lambda case: is_offered(case, verb)


def _event(event: Event) -> Callable[[Command], Event]:
    return lambda _command: event


AGREEING: Final[dict[Verb, Effect]] = {
    Verb.APPROVE: Effect(_event(Event.AGREE), _offer(Verb.APPROVE), _take),
    Verb.RESUME: Effect(_event(Event.AGREE), _offer(Verb.RESUME), _take),
    Verb.RETRY: Effect(_event(Event.AGREE), _offer(Verb.RETRY), _take),
    Verb.GIVE_BACK: Effect(_event(Event.GIVE_BACK), _offer(Verb.GIVE_BACK), _take),
    Verb.CALL_OFF: Effect(_event(Event.CALL_OFF), _offer(Verb.CALL_OFF), _take),
}
