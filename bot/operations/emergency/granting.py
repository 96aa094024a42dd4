"""Asking for emergency access, agreeing to it, refusing it and ending it: two people, and each on record."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlmodel import Session

from bot.operations.context import Context
from bot.operations.emergency.authority import (
    able_to_agree,
    asked_to_agree,
    has_part,
    may_agree,
    may_end,
    may_hasten,
    reviewer_of,
)
from bot.operations.emergency.grants import GrantCase, grant_case, keep_grant, load_grant, under_way
from bot.operations.secret_patterns import looks_like_secret
from bot.rules.attention import hears_at
from bot.rules.calendar import zone_of
from bot.rules.emergency import GrantEvent, GrantState, next_grant_state
from bot.rules.policy_parts import Role
from messages.cards.facts import Refusal
from messages.cards.forms import MOST_REASON
from messages.wording import deciding, emergency
from storage.ledger.log import lock

_MINUTE: Final = timedelta(minutes=1)


@dataclass(frozen=True)
class Wanted:
    """What is asked for. Of ``lasts`` and ``until`` exactly one is given."""

    token_id: int
    person_id: int
    """Who may use it."""
    reason: str
    requested_by: int
    lasts: timedelta | None = None
    until: datetime | None = None
    approved_by: int | None = None
    """Who has agreed already, as whoever asks says."""
    urgent: bool = False
    """Begin at once, and ask for the agreement afterwards."""
    platform: str = "cli"


@dataclass(frozen=True)
class Granted:
    """It was done and is committed. ``outcome``: ``requested``, ``opened``, ``agreed``, ``refused``, ``ended``,
    ``reviewed`` or ``questioned``."""

    outcome: str
    grant_id: int
    token_name: str
    person: str
    ends_at: datetime
    urgent: bool = False


def ask_for_access(ctx: Context, wanted: Wanted) -> Granted | Refusal:
    """Ask for access. It begins when somebody agrees who neither gets it nor asked for it; at once where that person
    has agreed already, or where it is urgent, which is told loudly."""
    with ctx.database.write() as session:
        lock(session)
        draft = _draft(session, ctx, wanted)
        refused = _refused(draft, wanted)
        if refused is not None:
            return refused
        begun = wanted.urgent or wanted.approved_by is not None
        values = {**draft.row.values, "state": GrantState.OPEN.value if begun else GrantState.REQUESTED.value}
        case = grant_case(session, ctx, keep_grant(session, **values))
        asked = {"lasts_minutes": case.row.lasts_minutes}
        if wanted.urgent and wanted.approved_by is None:
            grant = may_hasten(case, wanted.requested_by)
            case = _begin(case)
            case.record(
                "opened", actor_id=wanted.requested_by, grant=grant, platform=wanted.platform,
                written=wanted.reason, details={**asked, "urgent": True},
            )  # fmt: skip
            case.tell([*_concerned(case), *asked_to_agree(case)], "opened")
            return _done(case, "opened")
        case.record(
            "requested", actor_id=wanted.requested_by, platform=wanted.platform, written=wanted.reason, details=asked
        )
        if wanted.approved_by is None:
            case.tell(asked_to_agree(case), "asked")
            return _done(case, "requested")
        return _done(_agreed(case, wanted.approved_by, wanted.platform), "opened")


def agree(ctx: Context, grant_id: int, actor_id: int, *, version: int = 0, platform: str = "") -> Granted | Refusal:
    """Somebody agrees: it begins; of one that began without, the agreement is noted."""
    with ctx.database.write() as session:
        found = _for_decision(session, ctx, grant_id, actor_id, version, GrantEvent.AGREE)
        if isinstance(found, Refusal):
            return found
        if may_agree(found, actor_id) is None:
            return no_authority(found, able_to_agree(found))
        outcome = "agreed" if found.row.state == GrantState.OPEN.value else "opened"
        return _done(_agreed(found, actor_id, platform), outcome)


def refuse(
    ctx: Context, grant_id: int, actor_id: int, *, reason: str, version: int = 0, platform: str = ""
) -> Granted | Refusal:
    """Somebody who could agree does not: it does not begin; one that began without ends at once."""
    with ctx.database.write() as session:
        found = _for_decision(session, ctx, grant_id, actor_id, version, GrantEvent.REFUSE)
        if isinstance(found, Refusal):
            return found
        grant = may_agree(found, actor_id)
        if grant is None:
            return no_authority(found, able_to_agree(found))
        if fault := written_fault(reason):
            return Refusal("invalid", found.token_name, detail=fault)
        said: dict[str, Any] = {"actor_id": actor_id, "grant": grant, "platform": platform, "written": reason}
        if found.row.state == GrantState.OPEN.value:
            found = found.change(refused_by_id=actor_id)
            found.record("refused", **said)
            return _done(finish(found, ended_by=actor_id), "refused")
        found = found.change(state=GrantState.REFUSED.value, refused_by_id=actor_id, ended_at=found.now)
        found.record("refused", **said)
        found.tell([found.row.person_id, found.row.requested_by_id], "refused")
        return _done(found, "refused")


def end(ctx: Context, grant_id: int, actor_id: int, *, version: int = 0, platform: str = "") -> Granted | Refusal:
    """Somebody ends it before its time."""
    with ctx.database.write() as session:
        found = _for_decision(session, ctx, grant_id, actor_id, version, GrantEvent.END)
        if isinstance(found, Refusal):
            return found
        if may_end(found, actor_id) is None and not has_part(found, actor_id):
            return no_authority(found, able_to_agree(found))
        return _done(finish(found, ended_by=actor_id, platform=platform), "ended")


# ------------------------------------------------------------------ shared with the clock and the review


def finish(case: GrantCase, *, ended_by: int | None, platform: str = "") -> GrantCase:
    """End what is open, tell those concerned, and plan the look at it afterwards. ``ended_by`` None: it ended by
    itself, at its time, whenever that is noticed."""
    ended_at = case.now if ended_by is not None else case.row.ends_at
    reviewer = reviewer_of(case)
    case = case.change(
        state=GrantState.ENDED.value,
        ended_at=ended_at,
        ended_by_id=ended_by,
        reviewer_id=reviewer,
        review_at=next_day_of(case, reviewer),
    )
    grant = None if ended_by is None else may_end(case, ended_by)
    effective_at = ended_at if ended_by is None else None
    case.record("ended", actor_id=ended_by, grant=grant, platform=platform, effective_at=effective_at)
    unsettled = [None] if case.row.approved_by_id is None else []
    case.tell([case.row.person_id, case.row.approved_by_id or case.row.requested_by_id, *unsettled], "ended")
    return case


def next_day_of(case: GrantCase, reader: int | None) -> datetime:
    """When a reader's next working day after today begins for them, in UTC."""
    zone = zone_of(case.people.working_time(reader).timezone)
    today = case.now.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    return hears_at(case.people, reader, today + timedelta(days=1))


def no_authority(case: GrantCase, able: list[tuple[int, Role]]) -> Refusal:
    """Nothing was changed; the refusal names who can."""
    who = [(case.people.name_of(person_id), role.value) for person_id, role in able]
    return Refusal("no_authority", case.token_name, who_can=who)


def written_fault(text: str) -> str:
    """What is wrong with a text that has to be written; empty: nothing."""
    if not text.strip():
        return deciding.REASON_NEEDED
    if len(text) > MOST_REASON:
        return deciding.TOO_LONG.format(most=MOST_REASON)
    return deciding.LOOKS_LIKE_SECRET if looks_like_secret(text) is not None else ""


# ------------------------------------------------------------------ asking


@dataclass(frozen=True)
class _Draft:
    """Stands in for the row that is not kept yet, so that authority can be looked at."""

    values: dict[str, Any]

    def __getattr__(self, name: str) -> Any:
        try:
            return self.values[name]
        except KeyError:
            raise AttributeError(name) from None


def _draft(session: Session, ctx: Context, wanted: Wanted) -> GrantCase:
    now = ctx.now()
    lasts = wanted.lasts if wanted.lasts is not None else (wanted.until or now) - now
    begun = wanted.urgent or wanted.approved_by is not None
    # Of one that waits for somebody to agree: until when they may.
    alone = now + (lasts if begun else timedelta(hours=ctx.policy.emergency.longest))
    values = {
        "token_id": wanted.token_id,
        "person_id": wanted.person_id,
        "reason": wanted.reason.strip(),
        "urgent": wanted.urgent and wanted.approved_by is None,
        "lasts_minutes": -(-lasts // _MINUTE),
        "until_at": wanted.until,
        "requested_by_id": wanted.requested_by,
        "requested_at": now,
        "approved_by_id": None,
        "ends_at": wanted.until or alone,
        "review_at": None,
    }
    return grant_case(session, ctx, _Draft(values))


def _refused(draft: GrantCase, wanted: Wanted) -> Refusal | None:
    """Why it cannot be asked for; None: it can."""
    name, people, now = draft.token_name, draft.people, draft.now
    for person_id in (wanted.requested_by, wanted.approved_by):
        person = people.get(person_id)
        if person_id is not None and (person is None or not person.active):
            return Refusal("unknown_person" if person is None else "inactive", name)
    if fault := _fault(draft, wanted):
        return Refusal("invalid", name, detail=fault)
    able = able_to_agree(draft)
    if wanted.approved_by is not None and may_agree(draft, wanted.approved_by) is None:
        return no_authority(draft, able)
    if wanted.urgent and wanted.approved_by is None and may_hasten(draft, wanted.requested_by) is None:
        return no_authority(draft, able)
    if not able:
        return Refusal("invalid", name, detail=emergency.NOBODY_TO_AGREE)
    running = under_way(draft.session, wanted.token_id, wanted.person_id)
    if running is None:
        return None
    return Refusal("invalid", name, detail=emergency.under_way(people.name_of(wanted.person_id), running.ends_at, now))


def _fault(draft: GrantCase, wanted: Wanted) -> str:
    person = draft.people.get(wanted.person_id)
    if person is None or not person.active:
        return emergency.NOT_ACTIVE
    if draft.token.state != "active":
        return emergency.TOKEN_GONE
    if fault := written_fault(wanted.reason):
        return fault
    lasts = wanted.lasts if wanted.lasts is not None else (wanted.until or draft.now) - draft.now
    longest = draft.ctx.policy.emergency.longest
    if lasts < _MINUTE:
        return emergency.TOO_SHORT
    return emergency.too_long(longest) if lasts > timedelta(hours=longest) else ""


# ------------------------------------------------------------------ agreeing


def _agreed(case: GrantCase, actor_id: int, platform: str) -> GrantCase:
    grant = may_agree(case, actor_id)
    noted = {"approved_by_id": actor_id, "approved_at": case.now}
    if case.row.begins_at is not None:
        case = case.change(**noted)
        case.record("agreed", actor_id=actor_id, grant=grant, platform=platform)
        return case
    case = _begin(case, **noted)
    asker = case.people.get(case.row.requested_by_id)
    details = {"asked_by": None if asker is None else asker.ref, "urgent": False}
    case.record("opened", actor_id=actor_id, grant=grant, platform=platform, details=details)
    case.tell(_concerned(case), "opened")
    return case


def _begin(case: GrantCase, **values: Any) -> GrantCase:
    lasts = timedelta(minutes=case.row.lasts_minutes)
    ends_at = case.row.until_at or case.now + lasts
    return case.change(state=GrantState.OPEN.value, begins_at=case.now, ends_at=ends_at, **values)


def _concerned(case: GrantCase) -> list[int | None]:
    """Whoever gets it, whoever asked for it, and the owner, who answers for the token."""
    found = (case.row.person_id, case.row.requested_by_id, case.standing.service_owner)
    return [one for one in found if one is not None]


def _for_decision(
    session: Session, ctx: Context, grant_id: int, actor_id: int, version: int, event: GrantEvent
) -> GrantCase | Refusal:
    lock(session)
    case = load_grant(session, ctx, grant_id)
    if case is None:
        return Refusal("not_found")
    actor = case.people.get(actor_id)
    if actor is None or not actor.active:
        return Refusal("unknown_person" if actor is None else "inactive", case.token_name)
    agreed = case.row.approved_by_id is not None
    over = case.row.ends_at <= case.now  # whether the clock has noticed it or not
    if over or next_grant_state(GrantState(case.row.state), event, agreed=agreed) is None:
        return Refusal("not_offered", case.token_name, detail=emergency.over(case.row.state))
    if version not in (0, case.row.version):
        return Refusal("stale", case.token_name)
    return case


def _done(case: GrantCase, outcome: str) -> Granted:
    name = case.people.name_of(case.row.person_id)
    return Granted(outcome, case.row.id, case.token_name, name, case.row.ends_at, case.row.urgent)
