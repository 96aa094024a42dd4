"""Not mine: somebody else is proposed and asked, or the next person of the ladder is."""

from __future__ import annotations

from typing import Any

from bot.operations.case import Case
from bot.operations.commands import Command
from bot.operations.deciding import Actor
from bot.operations.ownership import become_owner
from bot.rules.attention import hears_at
from bot.rules.calendar import WorkingTime
from bot.rules.ladder import next_step_at
from bot.rules.lifecycle import Event, State
from bot.rules.policy_parts import Ladder, Rung
from storage.ledger.record import RecordKind
from storage.requests import LadderStep


def disown(case: Case, command: Command, event: Event, actor: Actor) -> None:
    """The owner says that the token is somebody else's. They stay accountable until somebody takes it over."""
    case.close_steps(actor.person.id)
    if event is Event.PROPOSE:
        _propose(case, command, actor)
        return
    actor.decision(command, settles=False, details={})
    told = {"decision": command.verb.value}
    case.record(actor.entry(RecordKind.DECISION, command, reason=command.verb.value, details=told))
    # The next tick asks whoever comes after the owner.
    case.move(State.OPEN, step=_after_the_owner(case.ladder, case.request.step), next_step_at=case.now)


def reassign(case: Case, command: Command, event: Event, actor: Actor) -> None:
    """Somebody above the owner names who should own it; naming oneself takes it over at once."""
    case.close_steps(actor.person.id)
    if event is Event.CLAIM:
        accept(case, command, event, actor)
    else:
        _propose(case, command, actor)


def _propose(case: Case, command: Command, actor: Actor) -> None:
    proposed = case.people.get(command.new_owner_id)
    if proposed is None:
        raise LookupError("a handover to nobody was let through")
    actor.decision(command, settles=False, details={"proposed": proposed.id})
    case.record(
        actor.entry(
            RecordKind.HANDOVER_PROPOSED,
            command,
            reason=command.verb.value,
            details={"new_owner": proposed.ref},
            disclosures={proposed.ref: f"{proposed.name} <{proposed.email}>"},
        )
    )
    heard = hears_at(case.people, proposed.id, case.now)
    case.move(
        State.HANDOVER,
        handover_to_id=proposed.id,
        handover_count=case.request.handover_count + 1,
        waiting_on_id=proposed.id,
        waiting_role=Rung.OWNER.value,
        next_step_at=next_step_at(0, case.ladder, case.tier.grace, heard, proposed.working_time),
    )
    case.ask([proposed.id])


def accept(case: Case, command: Command, _event: Event, actor: Actor) -> None:
    """The proposed owner takes it over and is asked whether they stand behind it; the ladder starts with them."""
    after = become_owner(case, actor.person, command)
    actor.decision(command, settles=False, kind="reassign", details={"accepted": True})
    case.record(_answered(command, actor, accepted=True, after=after))
    _begin_again(case, actor.person.id, actor.person.working_time)


def decline(case: Case, command: Command, _event: Event, actor: Actor) -> None:
    """The proposed owner says no: whoever comes after the owner is asked, at the next tick."""
    actor.decision(command, settles=False, details={"accepted": False})
    case.record(_answered(command, actor, accepted=False))
    case.move(
        State.OPEN,
        handover_to_id=None,
        step=_after_the_owner(case.ladder, case.request.step),
        next_step_at=case.now,
    )


def _answered(command: Command, actor: Actor, *, accepted: bool, after: dict[str, str] | None = None) -> Any:
    reason = "accept" if accepted else "decline"
    details = {"accepted": accepted}
    return actor.entry(RecordKind.HANDOVER_ANSWERED, command, reason=reason, after=after, details=details)


def _begin_again(case: Case, owner_id: int, working: WorkingTime) -> None:
    number = case.request.round + 1
    case.session.add(
        LadderStep(
            request_id=case.request_id,
            round=number,
            step=0,
            rung=Rung.OWNER.value,
            person_id=owner_id,
            told_at=case.now,
            why=Rung.OWNER.value,
        )
    )
    heard = hears_at(case.people, owner_id, case.now)
    case.move(
        State.OPEN,
        handover_to_id=None,
        round=number,
        step=0,
        waiting_on_id=owner_id,
        waiting_role=Rung.OWNER.value,
        next_step_at=next_step_at(0, case.ladder, case.tier.grace, heard, working),
    )


def _after_the_owner(ladder: Ladder, step: int) -> int:
    """The last of the first steps that tell nobody but the owner, or ``step`` where that is further on."""
    last = 0
    for number, one in enumerate(ladder.steps):
        if one.tell != (Rung.OWNER,):
            break
        last = number
    return max(last, step)
