"""What every decision shares: who acts and how it is recorded, what must be written, and how an end is told."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import select
from sqlmodel import Session

from bot.operations.case import Case
from bot.operations.commands import Command
from bot.operations.directory import People
from bot.operations.records import by_person
from bot.operations.secret_patterns import looks_like_secret
from bot.rules.authority import Grant
from bot.rules.calendar import zone_of
from bot.rules.lifecycle import Event
from bot.rules.people import PersonFacts
from messages.action_ref import Verb
from messages.cards.facts import Settled
from messages.cards.forms import MOST_EVIDENCE, MOST_REASON
from messages.moments import day
from messages.wording import deciding
from storage.database import table_of
from storage.inventory import TOKEN
from storage.ledger.record import Entry, RecordKind
from storage.prepared import Prepared, insert_into
from storage.remediation import RUN
from storage.requests import DECISION, REQUEST, RemediationTask

_DECISION = Prepared(insert_into(DECISION))

_ASKS = frozenset(
    {
        Verb.ROTATE,
        Verb.REVOKE,
        Verb.DISOWN,
        Verb.REASSIGN,
        Verb.SNOOZE,
        Verb.DONE,
        Verb.CALL_OFF,
        Verb.GIVE_BACK,
    }
)
"""What always asks something first."""
MOST_HANDOVERS = 3
"""How often one request may be passed on before the people above must decide."""


@dataclass(frozen=True)
class Actor:
    """Whoever clicked, with the authority found for this click."""

    person: PersonFacts
    grant: Grant | None
    case: Case

    @staticmethod
    def channel_of(case: Case, command: Command) -> dict[str, Any]:
        """Where the click came from, as the record keeps it."""
        message = f"{command.channel}/{command.message_id}" if command.message_id else None
        workspace = case.ctx.workspace if command.platform == case.ctx.platform else None
        return {
            "platform": command.platform,
            "workspace": workspace,
            "message": message,
            "payload_sha256": command.payload_sha256 or None,
        }

    def decision(self, command: Command, *, settles: bool, kind: str = "", details: dict[str, Any]) -> None:
        """Keep what was decided. The unique rules on the table hold even if two transactions got this far."""
        role = "" if self.grant is None else self.grant.role.value
        _DECISION.run(
            self.case.session,
            request_id=self.case.request_id,
            token_id=self.case.token_id,
            kind=kind or command.verb.value,
            actor_id=self.person.id,
            role=role,
            delegated_from_id=None if self.grant is None else self.grant.delegated_from,
            justification=command.justification,
            details=details,
            decided_at=self.case.now,
            platform=command.platform,
            idempotency_key=command.idempotency_key,
            settles=settles,
        )

    def entry(
        self,
        kind: RecordKind,
        command: Command,
        *,
        reason: str,
        after: Mapping[str, str] | None = None,
        details: Mapping[str, Any] | None = None,
        disclosures: Mapping[str, str] | None = None,
    ) -> Entry:
        """The accountability record of what this person did."""
        written = {"justification": command.justification} if command.justification else {}
        return by_person(
            kind,
            self.case.request,
            self.case.token,
            self.case.policy,
            reason=reason,
            actor_id=self.person.id,
            people=self.case.people,
            grant=self.grant,
            at=self.case.now,
            channel=self.channel_of(self.case, command),
            before=self.case.accountable,
            after=after,
            details=details,
            disclosures=written | dict(disclosures or {}),
        )


@dataclass(frozen=True)
class Effect:
    """One verb: which event of the life cycle it is, whether it makes sense for this token now, and what it does."""

    event: Callable[[Command], Event]
    offered: Callable[[Case], bool]
    carry_out: Callable[[Case, Command, Event, Actor], None]


# ------------------------------------------------------------------ what must be written


def reason_required(case: Case, verb: Verb) -> bool:
    """Whether the policy frozen onto the request wants a written reason for this."""
    if verb is Verb.CALL_OFF or (verb is Verb.ATTEST and case.tier.restate):
        return True
    return verb.value in {kind.value for kind in case.tier.justification}


def needs_form(case: Case, verb: Verb) -> bool:
    """Whether a click on ``verb`` has to ask something first."""
    if verb in (Verb.ATTEST, Verb.LET_LAPSE):
        return reason_required(case, verb)
    return verb in _ASKS


def snooze_days(case: Case, zone: str) -> tuple[date, date]:
    """The earliest and the latest day to which the request may be put off, in the reader's zone."""
    today = case.now.astimezone(zone_of(zone)).date()
    last = today + timedelta(days=case.tier.snooze_max)
    if case.token.expires_at is not None and case.token.expires_at > case.now:
        last = min(last, case.token.expires_at.astimezone(zone_of(zone)).date())
    return today + timedelta(days=1), last


def check_input(case: Case, command: Command, actor: Actor) -> str:
    """What is wrong with what was written or chosen, as a sentence; empty: nothing."""
    texts = ((command.justification, MOST_REASON), (command.evidence, MOST_EVIDENCE))
    for text, most in texts:
        if len(text) > most:
            return deciding.TOO_LONG.format(most=most)
        if looks_like_secret(text) is not None:
            return deciding.LOOKS_LIKE_SECRET
    if reason_required(case, command.verb) and not command.justification.strip():
        return deciding.REASON_NEEDED
    match command.verb:
        case Verb.SNOOZE:
            return _snooze_fault(case, command.snooze_until, actor.person.zone)
        case Verb.DISOWN if command.new_owner_id is not None:
            same = command.new_owner_id == actor.person.id
            return deciding.NEW_OWNER_SAME if same else _new_owner_fault(case, command.new_owner_id)
        case Verb.REASSIGN if command.new_owner_id is None:
            return deciding.NEEDED
        case Verb.REASSIGN if command.new_owner_id != actor.person.id:
            return _new_owner_fault(case, command.new_owner_id)
        case Verb.DONE if command.result not in ("accepted_unverified", "failed"):
            return deciding.CHOOSE
        case Verb.DONE if not command.evidence.strip():
            return deciding.EVIDENCE_NEEDED
        case _:
            return ""


def _snooze_fault(case: Case, until: date | None, zone: str) -> str:
    first, last = snooze_days(case, zone)
    if case.request.snooze_count >= case.tier.snoozes_allowed or last < first:
        return deciding.NO_SNOOZE_LEFT
    if until is None:
        return deciding.NO_DATE
    if until < first:
        return deciding.TOO_EARLY.format(day=day(first))
    if until > last:
        return deciding.TOO_LATE.format(day=day(last))
    return ""


def _new_owner_fault(case: Case, new_owner_id: int | None) -> str:
    proposed = case.people.get(new_owner_id)
    if proposed is None or not proposed.active:
        return deciding.NEW_OWNER_UNKNOWN
    if proposed.id == case.standing.service_owner:
        return deciding.NEW_OWNER_SAME
    if case.request.handover_count >= MOST_HANDOVERS:
        return deciding.TOO_MANY_HANDOVERS
    return "" if proposed.has_account else deciding.NEW_OWNER_NO_ACCOUNT


# ------------------------------------------------------------------ how an end is told


def settled_facts(session: Session, people: People, request_ids: Iterable[int]) -> dict[int, Settled]:
    """For each request that was decided or withdrawn: who, what, when, and what came of the work it opened."""
    ids = list(request_ids)
    task = table_of(RemediationTask)
    query = (
        select(
            REQUEST.c.id,
            REQUEST.c.state,
            REQUEST.c.outcome,
            REQUEST.c.settled_at,
            DECISION.c.kind,
            DECISION.c.actor_id,
            DECISION.c.role,
            DECISION.c.decided_at,
            DECISION.c.platform,
            task.c.result,
            task.c.connector,
            task.c.evidence,
            RUN.c.proof,
            TOKEN.c.issuing_system,
        )
        .join(TOKEN, TOKEN.c.id == REQUEST.c.token_id)
        .outerjoin(DECISION, (DECISION.c.request_id == REQUEST.c.id) & DECISION.c.settles)
        .outerjoin(task, task.c.request_id == REQUEST.c.id)
        .outerjoin(RUN, RUN.c.task_id == task.c.id)
        .where(REQUEST.c.id.in_(ids))
    )
    found = {}
    for row in session.connection().execute(query):
        if row.kind is not None:
            outcome = row.kind if row.actor_id is not None else "no_response"
            by = people.name_of(row.actor_id)
            found[row.id] = Settled(
                outcome, by, row.role, row.decided_at, row.platform, row.result or "", *_by_connector(row)
            )
        elif row.settled_at is not None:
            found[row.id] = Settled("withdrawn", "", "", row.settled_at)
    return found


def _by_connector(row: Any) -> tuple[str, str, str]:
    """Proof, issuing system and detail of an end, where a connector carried the work out."""
    if row.connector in (None, "manual"):
        return "", "", ""
    return row.proof or "", row.issuing_system, row.evidence or ""
