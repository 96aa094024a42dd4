"""Looking afterwards at what emergency access was for: in order, or something was wrong."""

from __future__ import annotations

from sqlmodel import Session

from bot.operations.context import Context
from bot.operations.emergency.authority import able_to_review, may_review
from bot.operations.emergency.granting import Granted, no_authority, written_fault
from bot.operations.emergency.grants import GrantCase, load_grant
from bot.rules.authority import Grant
from bot.rules.emergency import GrantState
from messages.cards.facts import Refusal
from storage.ledger.log import lock


def review(
    ctx: Context, grant_id: int, actor_id: int, *, note: str, version: int = 0, platform: str = ""
) -> Granted | Refusal:
    """It was looked at and was in order: used for what it was given for, and closed."""
    return _look(ctx, grant_id, actor_id, note, version, platform, wrong=False)


def question(
    ctx: Context, grant_id: int, actor_id: int, *, note: str, version: int = 0, platform: str = ""
) -> Granted | Refusal:
    """Something was wrong: the security team hears of it, and closes it."""
    return _look(ctx, grant_id, actor_id, note, version, platform, wrong=True)


def _look(
    ctx: Context, grant_id: int, actor_id: int, note: str, version: int, platform: str, *, wrong: bool
) -> Granted | Refusal:
    with ctx.database.write() as session:
        found = _for_review(session, ctx, grant_id, actor_id, note, version, wrong=wrong)
        if isinstance(found, Refusal):
            return found
        case, grant = found
        outcome = "questioned" if wrong else "reviewed"
        case = case.change(
            review="wrong" if wrong else "reviewed",
            review_at=None,
            reviewed_by_id=actor_id,
            reviewed_at=case.now,
            review_note=note.strip(),
        )
        case.record(outcome, actor_id=actor_id, grant=grant, platform=platform, written=note)
        if wrong:
            case.tell([None], "wrong")
        name = case.people.name_of(case.row.person_id)
        return Granted(outcome, grant_id, case.token_name, name, case.row.ends_at, case.row.urgent)


def _for_review(
    session: Session, ctx: Context, grant_id: int, actor_id: int, note: str, version: int, *, wrong: bool
) -> tuple[GrantCase, Grant] | Refusal:
    lock(session)
    case = load_grant(session, ctx, grant_id)
    if case is None:
        return Refusal("not_found")
    actor = case.people.get(actor_id)
    if actor is None or not actor.active:
        return Refusal("unknown_person" if actor is None else "inactive", case.token_name)
    done = case.row.review == "reviewed" or (wrong and case.row.review == "wrong")
    if case.row.state != GrantState.ENDED.value or done:
        return Refusal("not_offered", case.token_name)
    grant = may_review(case, actor_id)
    if grant is None:
        return no_authority(case, able_to_review(case))
    if version not in (0, case.row.version):
        return Refusal("stale", case.token_name)
    fault = written_fault(note)
    return Refusal("invalid", case.token_name, detail=fault) if fault else (case, grant)
