"""What users of a shared token answer, and what waits for them.

Everybody answers for their own use. Whoever attests the token answers for theirs alone: the request stays open for the
others until its due date, unless the policy lets one speak for all. Silence is recorded for each.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from sqlalchemy import select, update

from bot.operations.asking import CARD
from bot.operations.case import Case
from bot.operations.commands import Answer, Command, Done
from bot.operations.deciding import Actor, check_input
from bot.operations.quieting import quiet_answered_reasons
from bot.operations.records import names_of
from bot.operations.telling import record_silence
from bot.operations.users import uses_of
from bot.rules.authority import Grant
from bot.rules.lifecycle import Event, State, next_state
from bot.rules.people import stand_ins
from bot.rules.policy_parts import Role
from bot.rules.shared import names_people
from messages.action_ref import Verb
from messages.cards.facts import Refusal
from storage.ledger.record import Entry, RecordKind
from storage.outbox_letters import never_arrived
from storage.requests import DECISION
from storage.shared_use import USE

USES: Final = {Verb.STILL_USED: "needed", Verb.NOT_USED: "not_needed"}
HOLDER: Final = "user"
"""The role that a request waits for while it is attested and only its users' answers are still to come."""


def questions(case: Case) -> list[Any]:
    """The questions to the users of the token, if it is a shared one."""
    return uses_of(case.session, case.request_id) if names_people(case.token.consumers) else []


def is_held(case: Case) -> bool:
    """Whether somebody stands behind the token and only its users' answers are still to come."""
    return case.state is State.OPEN and case.request.waiting_role == HOLDER


def question_of(case: Case, rows: Sequence[Any], person_id: int | None) -> Any | None:
    """The question that somebody may answer: their own, else that of somebody they were asked, or stand in, for."""
    own = [row for row in rows if row.person_id == person_id]
    return next(iter(own or [row for row in rows if _stands_in(case, row, person_id)]), None)


def _stands_in(case: Case, row: Any, person_id: int | None) -> bool:
    holder, actor = case.people.get(row.person_id), case.people.get(person_id)
    if holder is None or actor is None or not case.ctx.policy.authority.delegates_may_decide or not holder.active:
        return False
    return row.asked_id == person_id or actor in stand_ins(holder, case.people)


# ------------------------------------------------------------------ answering


def answered_before(case: Case, command: Command) -> bool:
    """Whether this very click was recorded already."""
    return any(command.idempotency_key in row.keys for row in questions(case))


def answer_use(case: Case, command: Command, actor: Actor) -> Answer | None:
    """Record somebody's answer for their own use; None: they are no user of it."""
    name, rows = case.token.shown_name, questions(case)
    row = question_of(case, rows, actor.person.id)
    if not rows:
        return Refusal("not_offered", name)
    if row is None:
        return None
    if fault := check_input(case, command, actor):
        return Refusal("invalid", name, detail=fault, zone=actor.person.zone)
    outcome = USES[command.verb]
    _change(case, row, keys=[*row.keys, command.idempotency_key])
    if row.outcome != outcome:
        _change(case, row, outcome=outcome, ended_at=case.now)
        _record_answer(case, command, actor, row, outcome)
        if outcome == "needed" and case.policy.shared.one_speaks_for_all:
            _close(case, [one for one in rows if one.id != row.id and one.outcome == "waiting"], "spoken_for")
        _go_on(case)
    return Done(command.verb.value, case.request_id, name)


def _record_answer(case: Case, command: Command, actor: Actor, row: Any, outcome: str) -> None:
    user = case.people.get(row.person_id)
    for_another = user is not None and user.id != actor.person.id
    grant = Grant(Role.SERVICE_OWNER, "shared.own_use", delegated_from=row.person_id if for_another else None)
    entry = replace(actor, grant=grant).entry(
        RecordKind.USE_ANSWERED,
        command,
        reason=outcome,
        details={"ref": user.ref} if user is not None and for_another else {},
        disclosures=names_of([row.person_id], case.people),
    )
    case.record(_as_user(entry))


def _as_user(entry: Entry) -> Entry:
    """Their role is that of a user, whatever else they are."""
    return replace(entry, role={**entry.role, "name": HOLDER, "source": "inventory"})


def _go_on(case: Case) -> None:
    """Settle what only waited for this answer; else have everybody see it."""
    waiting = [row for row in questions(case) if row.outcome == "waiting"]
    if is_held(case) and not waiting:
        _settle_held(case)
        return
    if is_held(case):
        case.change(waiting_on_id=waiting[0].asked_id)
    case.show()


# ------------------------------------------------------------------ somebody stands behind it


def waits_for_users(case: Case, actor_id: int) -> bool:
    """Whether an attestation by ``actor_id`` leaves users to answer for themselves. Whose time is over is silent."""
    if not names_people(case.token.consumers):
        return False
    if case.now >= case.request.due_at:
        end_silent_uses(case)
        return False
    if case.policy.shared.one_speaks_for_all:
        _close(case, [row for row in questions(case) if row.outcome == "waiting"], "spoken_for")
        return False
    return any(row.outcome == "waiting" and row.person_id != actor_id for row in questions(case))


def answer_by_attesting(case: Case, command: Command, actor: Actor) -> None:
    """Whoever attests says with it that they need it, where their own use was asked about."""
    for row in questions(case):
        if row.person_id == actor.person.id and row.outcome != "needed":
            _change(case, row, outcome="needed", ended_at=case.now)
            _record_answer(case, command, actor, row, "needed")


def hold(case: Case, command: Command, actor: Actor, after: dict[str, str] | None) -> None:
    """Keep the attestation as its author's own answer; the request stays open for the others until its due date."""
    waiting = [row for row in questions(case) if row.outcome == "waiting"]
    details = {"users_waiting": len(waiting)}
    case.close_steps(actor.person.id)
    actor.decision(command, settles=False, details=details)
    told = {"decision": command.verb.value, "reasons": case.request.reasons, **details}
    case.record(actor.entry(RecordKind.DECISION, command, reason=command.verb.value, after=after, details=told))
    state = next_state(case.state, Event.HOLD)
    if state is None:
        raise LookupError(f"an attestation cannot be held in {case.state}")
    case.move(
        state,
        handover_to_id=None,
        waiting_role=HOLDER,
        waiting_on_id=waiting[0].asked_id,
        next_step_at=case.request.due_at,
        snoozed_until=None,
    )


def held_by(case: Case) -> Any | None:
    """The decision that is held."""
    query = select(DECISION).where(DECISION.c.request_id == case.request_id, DECISION.c.kind == Verb.ATTEST.value)
    return case.session.connection().execute(query.order_by(DECISION.c.id.desc())).first()


def go_on_held(case: Case) -> bool:
    """The clock's part while an attestation is held: once the due date has come, or nobody is left to answer, it
    settles the request. False: somebody is still waited for."""
    if case.now >= case.request.due_at:
        end_silent_uses(case)
    else:
        _close(
            case,
            [row for row in questions(case) if row.outcome == "waiting" and not _reaches(case, row)],
            "unreachable",
        )
    waiting = [row for row in questions(case) if row.outcome == "waiting"]
    if not waiting:
        _settle_held(case)
        return True
    case.change(waiting_on_id=waiting[0].asked_id, next_step_at=case.request.due_at)
    case.show()
    return False


def end_silent_uses(case: Case) -> None:
    """The time of those who were asked and have not answered is over: each on record, but for those whom the question
    did not reach."""
    waiting = [row for row in questions(case) if row.outcome == "waiting"]
    silent = [row for row in waiting if _reaches(case, row)]
    record_silence(case, [(HOLDER, row.person_id) for row in silent])
    _close(case, silent, "no_response")
    _close(case, [row for row in waiting if row not in silent], "unreachable")


def _settle_held(case: Case) -> None:
    decision = held_by(case)
    if decision is None:
        raise LookupError(f"request {case.request_id} waits for users, and nobody has attested it")
    case.session.connection().execute(update(DECISION).where(DECISION.c.id == decision.id).values(settles=True))
    case.change_token(last_attested_at=decision.decided_at)
    quiet_answered_reasons(case)
    case.move(State.SETTLED, outcome=Verb.ATTEST.value)


def _reaches(case: Case, row: Any) -> bool:
    person = case.people.get(row.asked_id)
    return person is not None and person.active and not never_arrived(case.session, CARD, row.asked_id, row.asked_at)


def _close(case: Case, rows: Sequence[Any], outcome: str) -> None:
    for row in rows:
        _change(case, row, outcome=outcome, ended_at=case.now)


def _change(case: Case, row: Any, **values: Any) -> None:
    case.session.connection().execute(update(USE).where(USE.c.id == row.id).values(**values))
