"""What each decision does: one entry a verb, all within the caller's transaction.

A new kind of decision is one more entry of :data:`EFFECTS`, its transitions in ``bot/rules/lifecycle.py`` and its line
of authority in the policy.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, time
from typing import Any

from bot.operations.carrying_out.agreeing import AGREEING, by_hand
from bot.operations.case import Case
from bot.operations.commands import Command
from bot.operations.deciding import Actor, Effect
from bot.operations.handover import accept, decline, disown, reassign
from bot.operations.ownership import become_owner, has_owner
from bot.operations.quieting import quiet_answered_reasons
from bot.operations.remediation import open_remediation, report_remediation
from bot.operations.shared_use import answer_by_attesting, hold, is_held, waits_for_users
from bot.rules.calendar import next_working, zone_of
from bot.rules.lifecycle import Event, State, next_state
from bot.rules.remediation import Kind
from bot.rules.shared import names_people
from messages.action_ref import Verb
from storage.due import ANY_REASON
from storage.ledger.record import RecordKind, to_ms
from storage.requests import Quiet


def _moved(case: Case, event: Event) -> State:
    """The state after an event that was checked to be possible."""
    state = next_state(case.state, event)
    if state is None:
        raise LookupError(f"{event} is not possible in {case.state}")
    return state


def _attest(case: Case, command: Command, event: Event, actor: Actor) -> None:
    """Somebody stands behind the token. Where it has no owner in office, that person becomes it."""
    after = become_owner(case, actor.person, command) if not has_owner(case) else None
    if names_people(case.token.consumers):
        answer_by_attesting(case, command, actor)
    if waits_for_users(case, actor.person.id):
        hold(case, command, actor, after)
        return
    case.change_token(last_attested_at=case.now)
    until = quiet_answered_reasons(case)
    _settle(case, command, event, actor, after=after, details={"answers_until": to_ms(until)})


def _let_lapse(case: Case, command: Command, event: Event, actor: Actor) -> None:
    """Reviewed, not to be renewed: nothing more is asked about it while its expiry date stays the same."""
    case.change_token()
    case.session.add(
        Quiet(token_id=case.token_id, reason=ANY_REASON, about_at=case.token.expires_at, request_id=case.request_id)
    )
    _settle(case, command, event, actor, details={})


def _settle(
    case: Case,
    command: Command,
    event: Event,
    actor: Actor,
    *,
    details: dict[str, Any],
    after: dict[str, str] | None = None,
) -> None:
    case.close_steps(actor.person.id)
    actor.decision(command, settles=True, details=details)
    told = {"decision": command.verb.value, "reasons": case.request.reasons, **details}
    case.record(actor.entry(RecordKind.DECISION, command, reason=command.verb.value, after=after, details=told))
    case.move(_moved(case, event), outcome=command.verb.value, handover_to_id=None)


def revoke_in_plan(case: Case, command: Command, actor: Actor, offboarding_id: int) -> None:
    """A revocation as part of a plan that was agreed to as a whole."""
    _remediate(case, command, Event.REVOKE, actor, offboarding_id)


def _remediate(case: Case, command: Command, event: Event, actor: Actor, offboarding_id: int | None = None) -> None:
    """Rotate or revoke: decided now, carried out by whoever can; the request stays until that is reported."""
    kind: Kind = "rotate" if command.verb is Verb.ROTATE else "revoke"
    case.close_steps(actor.person.id)
    actor.decision(command, settles=True, details={})
    told = {"decision": kind, "reasons": case.request.reasons}
    case.record(actor.entry(RecordKind.DECISION, command, reason=kind, details=told))
    case.move(_moved(case, event), outcome=kind, handover_to_id=None)
    open_remediation(case, kind, decided_by=actor.person.id, offboarding_id=offboarding_id)


def _snooze(case: Case, command: Command, event: Event, actor: Actor) -> None:
    """Ask again on that day: the ladder begins anew then, and nobody else is told before."""
    if command.snooze_until is None:
        raise LookupError("a snooze without a day was let through")
    zone = zone_of(actor.person.zone)
    morning = datetime.combine(command.snooze_until, time(0), tzinfo=zone).astimezone(UTC)
    wakes_at = next_working(morning, actor.person.working_time)
    case.close_steps(actor.person.id)
    details = {"until": to_ms(wakes_at)}
    actor.decision(command, settles=False, details=details)
    told = {"decision": command.verb.value, **details}
    case.record(actor.entry(RecordKind.DECISION, command, reason=command.verb.value, details=told))
    case.move(
        _moved(case, event),
        snoozed_until=wakes_at,
        snooze_count=case.request.snooze_count + 1,
        round=case.request.round + 1,
        step=-1,
        next_step_at=wakes_at,
        due_at=max(case.request.due_at, wakes_at),
    )


def _can_attest(case: Case) -> bool:
    return not is_held(case) and _not_expired(case)


def _not_held(case: Case) -> bool:
    return not is_held(case)


def _not_expired(case: Case) -> bool:
    return case.token.expires_at is None or case.token.expires_at > case.now


def _can_lapse(case: Case) -> bool:
    return case.token.expires_at is not None


def _can_snooze(case: Case) -> bool:
    return not is_held(case) and case.request.snooze_count < case.tier.snoozes_allowed


def _always(_case: Case) -> bool:
    return True


def _is(event: Event) -> Callable[[Command], Event]:
    return lambda _command: event


EFFECTS: dict[Verb, Effect] = {
    Verb.ATTEST: Effect(_is(Event.ATTEST), _can_attest, _attest),
    Verb.ROTATE: Effect(_is(Event.ROTATE), _always, _remediate),
    Verb.REVOKE: Effect(_is(Event.REVOKE), _always, _remediate),
    Verb.DISOWN: Effect(
        lambda command: Event.DISOWN if command.new_owner_id is None else Event.PROPOSE, _not_held, disown
    ),
    Verb.REASSIGN: Effect(
        lambda command: Event.CLAIM if command.new_owner_id == command.actor_id else Event.PROPOSE, _not_held, reassign
    ),
    Verb.SNOOZE: Effect(_is(Event.SNOOZE), _can_snooze, _snooze),
    Verb.LET_LAPSE: Effect(_is(Event.LET_LAPSE), _can_lapse, _let_lapse),
    Verb.ACCEPT: Effect(_is(Event.ACCEPT), _always, accept),
    Verb.DECLINE: Effect(_is(Event.DECLINE), _always, decline),
    Verb.DONE: Effect(
        lambda command: Event.FAILED if command.result == "failed" else Event.DONE, by_hand, report_remediation
    ),
    **AGREEING,
}
