"""A decision, from the click to the committed record.

The order of the checks is the order in which a person wants to hear about them: is there still something to decide,
may this person decide it, is the card they looked at the newest one, and is what they wrote complete. What passes is
one transaction: request, decision, ownership, ledger record and outbox rows. Whatever the answer, it is committed
before it is given.
"""

from __future__ import annotations

from sqlalchemy import bindparam, select

from bot.operations.asked_instead import authority_as_asked
from bot.operations.carrying_out.agreeing import may_agree
from bot.operations.case import Case, load_case
from bot.operations.commands import Answer, Command, Done
from bot.operations.context import Context
from bot.operations.deciding import Actor, Effect, check_input, settled_facts
from bot.operations.decisions import EFFECTS
from bot.operations.records import by_person
from bot.operations.shared_use import HOLDER, USES, answer_use, answered_before, held_by, is_held, questions
from bot.rules.authority import Act, Grant, authority_for, who_can
from bot.rules.lifecycle import CLOSED, Event, State, next_state
from bot.rules.policy_parts import DecisionKind, Role
from messages.action_ref import Verb
from messages.cards.facts import Refusal, Settled
from storage.database import insert_or_ignore, table_of
from storage.ledger.record import RecordKind
from storage.prepared import Prepared
from storage.requests import DECISION, RefusedAttempt

_ACTS: dict[Verb, Act] = {
    Verb.ATTEST: DecisionKind.ATTEST,
    Verb.ROTATE: DecisionKind.ROTATE,
    Verb.REVOKE: DecisionKind.REVOKE,
    Verb.DISOWN: DecisionKind.DISOWN,
    Verb.REASSIGN: DecisionKind.REASSIGN,
    Verb.SNOOZE: DecisionKind.SNOOZE,
    Verb.LET_LAPSE: DecisionKind.LET_LAPSE,
    Verb.DONE: "remediation_done",
    Verb.APPROVE: "approve",
    Verb.CALL_OFF: "remediation_done",
    Verb.GIVE_BACK: "remediation_done",
    Verb.RESUME: "remediation_done",
    Verb.RETRY: "remediation_done",
}

_RECORDED = Prepared(select(DECISION.c.id).where(DECISION.c.idempotency_key == bindparam("key")))


def record_decision(ctx: Context, command: Command) -> Answer:
    """Carry ``command`` out, or say kindly why not; committed when this returns.

    The same click delivered twice is one decision and gets the same answer twice.
    """
    with ctx.database.write() as session:
        case = load_case(session, ctx, command.request_id)
        if case is None:
            return Refusal("not_found")
        if command.verb in USES and answered_before(case, command):
            return _done(case, command.verb)
        if _was_recorded(case, command):
            return _done(case, command.verb)
        return _decide(case, command)


def _decide(case: Case, command: Command) -> Answer:
    name = case.token.shown_name
    actor = case.people.get(command.actor_id)
    if actor is None or not actor.active:
        return Refusal("unknown_person" if actor is None else "inactive", name)
    refused = Actor(actor, None, case)
    if command.verb in USES:
        if next_state(case.state, Event.USE) is None:
            return _too_late(case, refused)
        return answer_use(case, command, refused) or _no_authority(case, command)
    effect = EFFECTS.get(command.verb)
    if effect is None:
        return Refusal("not_offered", name)
    event = effect.event(command)
    if next_state(case.state, event) is None:
        return _too_late(case, refused)
    grant = _grant(case, command)
    if grant is None:
        return _no_authority(case, command)
    if command.version not in (0, case.request.version):
        return Refusal("stale", name)
    return _apply(case, command, effect, event, Actor(actor, grant, case))


def _apply(case: Case, command: Command, effect: Effect, event: Event, actor: Actor) -> Answer:
    name = case.token.shown_name
    if not effect.offered(case):
        if command.verb is Verb.ATTEST and is_held(case):
            return _held_already(case, actor)
        return Refusal("not_offered", name)
    fault = check_input(case, command, actor)
    if fault:
        return Refusal("invalid", name, detail=fault, zone=actor.person.zone)
    effect.carry_out(case, command, event, actor)
    return _done(case, command.verb)


def _grant(case: Case, command: Command) -> Grant | None:
    """The actor's authority now. A proposed owner may answer the proposal; whoever has the work may report on it."""
    if command.verb in (Verb.ACCEPT, Verb.DECLINE):
        asked = case.request.handover_to_id == command.actor_id
        return Grant(Role.SERVICE_OWNER, "handover.proposed") if asked else None
    act = _ACTS[command.verb]
    if command.verb in (Verb.APPROVE, Verb.CALL_OFF):
        return may_agree(case, command.verb, command.actor_id)
    granted = authority_for(act, command.actor_id, case.standing, case.people, case.ctx.policy)
    granted = granted or authority_as_asked(case, act, command.actor_id)
    if granted is None and command.verb is Verb.DONE and case.task is not None:
        assigned = case.task.assignee_id == command.actor_id
        return Grant(Role.SERVICE_OWNER, "remediation.assigned") if assigned else None
    return granted


def _was_recorded(case: Case, command: Command) -> bool:
    return _RECORDED.first(case.session, key=command.idempotency_key) is not None


def _done(case: Case, verb: Verb) -> Done:
    return Done(verb.value, case.request_id, case.token.shown_name)


def _too_late(case: Case, actor: Actor) -> Refusal:
    """Somebody was first, or this is not the moment for it."""
    settled = settled_facts(case.session, case.people, [case.request_id]).get(case.request_id)
    decided = case.state in CLOSED or case.state is State.REMEDIATING
    code = "already_decided" if decided else "not_offered"
    return Refusal(code, case.token.shown_name, settled=settled, zone=actor.person.zone)


def _held_already(case: Case, actor: Actor) -> Refusal:
    """Somebody stands behind it already, and only its users are still to answer."""
    found = held_by(case)
    settled = None
    if found is not None:
        by = case.people.name_of(found.actor_id)
        settled = Settled(found.kind, by, found.role, found.decided_at, found.platform)
    return Refusal("already_decided", case.token.shown_name, settled=settled, zone=actor.person.zone)


def _no_authority(case: Case, command: Command) -> Refusal:
    """Nothing changes but the record that somebody tried; the refusal names who can."""
    attempt = {
        "request_id": case.request_id,
        "version": case.request.version,
        "actor_id": command.actor_id,
        "verb": command.verb.value,
        "refused_at": case.now,
    }
    if insert_or_ignore(case.session, table_of(RefusedAttempt), [attempt]):
        case.record(
            by_person(
                RecordKind.REFUSED,
                case.request,
                case.token,
                case.policy,
                reason="no_authority",
                actor_id=command.actor_id,
                people=case.people,
                grant=None,
                at=case.now,
                channel=Actor.channel_of(case, command),
                before=case.accountable,
                details={"verb": command.verb.value},
            )
        )
    return Refusal("no_authority", case.token.shown_name, who_can=_able(case, command.verb))


def _able(case: Case, verb: Verb) -> list[tuple[str, str]]:
    if verb in (Verb.ACCEPT, Verb.DECLINE):
        asked = case.people.name_of(case.request.handover_to_id)
        return [(asked, "service_owner")] if asked else []
    if verb in USES:
        return [(case.people.name_of(one.person_id), HOLDER) for one in questions(case)]
    able = who_can(_ACTS[verb], case.standing, case.people, case.ctx.policy)
    if verb is Verb.APPROVE:
        able = [(person_id, role) for person_id, role in able if may_agree(case, verb, person_id) is not None]
    return [(case.people.name_of(person_id), role.value) for person_id, role in able]
