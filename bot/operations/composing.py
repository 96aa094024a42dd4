"""A request as one reader sees it: why it came, who was asked, what they may decide, what happens next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from bot.operations.asked_instead import authority_as_asked
from bot.operations.asking import Reader
from bot.operations.carrying_out.agreeing import AGREEING, by_hand, is_offered, may_agree
from bot.operations.carrying_out.facts import give_back_days, work_facts
from bot.operations.case import Case
from bot.operations.deciding import needs_form, reason_required, settled_facts, snooze_days
from bot.operations.decisions import EFFECTS
from bot.operations.ownership import has_owner
from bot.operations.shared_use import HOLDER, USES, is_held
from bot.operations.shared_use_facts import use_facts
from bot.rules.authority import Act, authority_for
from bot.rules.ladder import climb_from, default_action
from bot.rules.lifecycle import AWAITED, State
from bot.rules.people import managers_of
from bot.rules.policy_parts import DecisionKind, Role, Rung, StepKind
from messages.action_ref import Verb
from messages.cards.facts import RequestFacts, SharedUse, TokenFacts
from storage.requests import DECISION, LADDER_STEP

_DECISIONS = {
    Verb.ATTEST: DecisionKind.ATTEST,
    Verb.ROTATE: DecisionKind.ROTATE,
    Verb.REVOKE: DecisionKind.REVOKE,
    Verb.DISOWN: DecisionKind.DISOWN,
    Verb.REASSIGN: DecisionKind.REASSIGN,
    Verb.SNOOZE: DecisionKind.SNOOZE,
    Verb.LET_LAPSE: DecisionKind.LET_LAPSE,
}


def request_facts(case: Case, reader: Reader, token: TokenFacts) -> RequestFacts:
    """``reader`` None: the security channel, or the operator."""
    steps = _steps(case)
    use = use_facts(case, reader)
    offered = _offered(case, reader, instead=_is_asked_instead(reader, steps))
    offered = [*_about_use(case, use, offered), *offered]
    coming = _coming(case, reader)
    zone = case.people.working_time(reader).timezone
    first, last = snooze_days(case, zone)
    why = _why(case, reader, steps, use)
    proposal = _proposal(case)
    ends_at = case.request.next_step_at if coming.default else None
    # A ladder whose first rungs have nobody on them may end before the day that was meant for the owner.
    due_at = min(case.request.due_at, ends_at or case.request.due_at)
    return RequestFacts(
        request_id=case.request_id,
        version=case.request.version,
        state=case.state.value,
        token=token,
        reasons=case.request.reasons,
        tier=case.request.tier,
        risk=case.request.risk,
        opened_at=case.request.opened_at,
        due_at=due_at,
        overdue=due_at <= case.now,
        why=why.word,
        why_name=why.name,
        why_until=why.until,
        unreachable=list(dict.fromkeys((one.rung, one.why) for one in steps if one.outcome == "unreachable")),
        asked_before=_asked_before(case, reader, steps),
        next_name=coming.name,
        next_role=coming.role,
        next_at=case.request.next_step_at,
        default_action=case.ladder.default_action.value,
        default_at=ends_at,
        offered=offered,
        needs_form=frozenset(verb for verb in offered if needs_form(case, verb)),
        becomes_owner=not has_owner(case),
        proposed_by=proposal.by,
        handover_note=proposal.note,
        proposed_to=case.people.name_of(case.request.handover_to_id),
        settled=settled_facts(case.session, case.people, [case.request_id]).get(case.request_id),
        instructions="" if case.task is None else case.task.instructions,
        work=work_facts(case),
        use=use,
        give_back_days=give_back_days(case),
        assignee="" if case.task is None else case.people.name_of(case.task.assignee_id),
        restate=case.tier.restate,
        reason_required=frozenset(verb for verb in offered if reason_required(case, verb)),
        snooze_first=first,
        snooze_last=last,
        snoozes_left=case.tier.snoozes_allowed - case.request.snooze_count,
        zone=zone,
    )


def _about_use(case: Case, use: SharedUse | None, offered: Sequence[Verb]) -> list[Verb]:
    """What this reader may say of their own use; whoever may stand behind the token says it with that."""
    if use is None or not use.mine or case.state not in AWAITED or (Verb.ATTEST in offered and use.attests):
        return []
    return [verb for verb, outcome in USES.items() if outcome != use.mine]


@dataclass(frozen=True)
class _Step:
    rung: str
    person_id: int | None
    told_at: datetime
    why: str
    outcome: str
    current: bool
    """Of the ladder's present round."""


def _steps(case: Case) -> list[_Step]:
    query = select(LADDER_STEP).where(LADDER_STEP.c.request_id == case.request_id).order_by(LADDER_STEP.c.id)
    return [
        _Step(row.rung, row.person_id, row.told_at, row.why, row.outcome, row.round == case.request.round)
        for row in case.session.connection().execute(query)
    ]


@dataclass(frozen=True)
class _Why:
    word: str
    name: str = ""
    until: datetime | None = None


def _why(case: Case, reader: Reader, steps: Sequence[_Step], use: SharedUse | None) -> _Why:
    """Why the reader was told: the newest step that reached them, else the role in which they look at it."""
    if reader is not None and case.request.handover_to_id == reader:
        return _Why("handover")
    told = [one for one in steps if one.person_id == reader and one.outcome != "unreachable"]
    newest = next(reversed([one for one in told if one.current] or told), None)
    if newest is None and use is not None and use.mine:
        return _Why(HOLDER, use.mine_for)
    if newest is None:
        return _Why(_role_of(case, reader))
    if newest.why == "delegate":
        holder = case.people.get(_holder_id(case, newest.rung))
        until = holder.away_until if holder is not None and holder.away else None
        return _Why("delegate", _holder(case, newest.rung), until)
    if newest.rung == Rung.MANAGER.value:
        return _Why("manager" if newest.why != "reminder" else "reminder", _report_of(case, reader, steps))
    return _Why(newest.why)


def _role_of(case: Case, reader: Reader) -> str:
    if reader is None:
        return "security"
    grant = authority_for(DecisionKind.REVOKE, reader, case.standing, case.people, case.ctx.policy)
    return "" if grant is None else grant.role.value


def _holder(case: Case, rung: str) -> str:
    return case.people.name_of(_holder_id(case, rung))


def _holder_id(case: Case, rung: str) -> int | None:
    office = {Rung.OWNER.value: "service_owner"}.get(rung, rung)
    held: int | None = getattr(case.standing, office, None)
    return held


def _report_of(case: Case, manager: Reader, steps: Sequence[_Step]) -> str:
    """Who among those that the question came to is nearest below this manager: the owner, or a stand-in."""
    below: dict[int, int] = {}
    for person_id in dict.fromkeys([case.standing.service_owner, *(one.person_id for one in steps)]):
        chain = [one.id for one in managers_of(person_id, case.people)]
        if person_id is not None and manager in chain:
            below[person_id] = chain.index(manager)
    return case.people.name_of(min(below, key=below.__getitem__)) if below else ""


def _asked_before(case: Case, reader: Reader, steps: Sequence[_Step]) -> list[tuple[str, datetime]]:
    return [
        (case.people.name_of(one.person_id) or "the security channel", one.told_at)
        for one in steps
        if one.outcome == "no_response" and (one.person_id != reader or reader is None)
    ]


@dataclass(frozen=True)
class _Coming:
    name: str = ""
    role: str = ""
    default: bool = False


def _coming(case: Case, reader: Reader) -> _Coming:
    """Who is told next if nobody answers, by today's directory. For the reader it would be a reminder."""
    if case.state not in AWAITED or case.request.next_step_at is None or is_held(case):
        return _Coming()
    landing = climb_from(case.request.step + 1, case.ladder, case.standing, case.people)
    last = landing.step >= len(case.ladder.steps) - 1
    if not landing.told:
        return _Coming(default=True)
    acts = last and default_action(landing, case.ladder) != "none"
    first = landing.told[0]
    once_more = first.person_id is not None and first.person_id == reader
    if once_more or case.ladder.kind(landing.step) is StepKind.REMINDER:
        return _Coming(role="reminder", default=acts)
    name = case.people.name_of(first.person_id) or "the security channel"
    return _Coming(name, "" if first.person_id is None else first.rung.value, acts)


@dataclass(frozen=True)
class _Proposal:
    by: str = ""
    note: str = ""


def _proposal(case: Case) -> _Proposal:
    """Who named the next owner, and what they added."""
    if case.request.handover_to_id is None:
        return _Proposal()
    named = (
        select(DECISION.c.actor_id, DECISION.c.justification)
        .where(DECISION.c.request_id == case.request_id, DECISION.c.kind.in_(["disown", "reassign"]))
        .order_by(DECISION.c.id.desc())
        .limit(1)
    )
    row = case.session.connection().execute(named).one_or_none()
    return _Proposal() if row is None else _Proposal(case.people.name_of(row.actor_id), row.justification)


def _is_asked_instead(reader: Reader, steps: Sequence[_Step]) -> bool:
    """Whether this reader is waited for as a stand-in."""
    mine = [one for one in steps if one.current and one.outcome == "waiting" and one.person_id == reader]
    return reader is not None and any(one.why == "delegate" for one in mine)


def _offered(case: Case, reader: Reader, *, instead: bool) -> list[Verb]:
    """What this reader may decide now, in the order to show it. ``instead``: they are waited for as a stand-in."""
    if case.state is State.REMEDIATING:
        return _about_the_work(case, reader)
    if case.state not in (State.OPEN, State.HANDOVER):
        return []
    if reader is not None and case.request.handover_to_id == reader:
        return [Verb.ACCEPT, Verb.DECLINE]
    offered = [verb for verb in _DECISIONS if _makes_sense(case, verb) and _may(case, reader, verb, instead=instead)]
    # "Not mine" names the next owner too; one button for it is enough.
    return [verb for verb in offered if verb is not Verb.REASSIGN or Verb.DISOWN not in offered]


def _makes_sense(case: Case, verb: Verb) -> bool:
    if verb is Verb.LET_LAPSE and not {"expiring", "expired"} & set(case.request.reasons):
        return False
    if case.state is State.HANDOVER and verb in (Verb.DISOWN, Verb.REASSIGN, Verb.SNOOZE):
        return False
    return EFFECTS[verb].offered(case)


def _may(case: Case, reader: Reader, verb: Verb, *, instead: bool) -> bool:
    if reader is None:
        # Where many read it, what their role may do is shown; whether the one who clicks may is seen then.
        return Role.SECURITY in case.ctx.policy.authority.roles_for(_DECISIONS[verb])
    act = _DECISIONS[verb]
    granted = authority_for(act, reader, case.standing, case.people, case.ctx.policy)
    return (granted or (authority_as_asked(case, act, reader) if instead else None)) is not None


def _about_the_work(case: Case, reader: Reader) -> list[Verb]:
    """What this reader may do about work that was decided: of what a connector does, and of what a person does."""
    agreeing = [verb for verb in AGREEING if is_offered(case, verb) and _may_agree(case, reader, verb)]
    return agreeing + ([Verb.DONE] if by_hand(case) and _may_report(case, reader) else [])


def _may_agree(case: Case, reader: Reader, verb: Verb) -> bool:
    if reader is None:
        act: Act = "approve" if verb is Verb.APPROVE else "remediation_done"
        return Role.SECURITY in case.ctx.policy.authority.roles_for(act)
    if verb in (Verb.APPROVE, Verb.CALL_OFF):
        return may_agree(case, verb, reader) is not None
    return _may_report(case, reader)


def _may_report(case: Case, reader: Reader) -> bool:
    if reader is None or (case.task is not None and case.task.assignee_id == reader):
        return True
    return authority_for("remediation_done", reader, case.standing, case.people, case.ctx.policy) is not None
