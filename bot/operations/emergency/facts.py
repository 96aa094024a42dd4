"""What a card says of emergency access, and what is said of it beside a token."""

from __future__ import annotations

from sqlmodel import Session

from bot.operations.context import Context
from bot.operations.emergency.authority import has_part, may_agree, may_end, may_review
from bot.operations.emergency.grants import GrantCase, load_grant
from bot.operations.token_facts import token_facts
from bot.rules.emergency import GrantState
from bot.rules.policy_parts import Role
from messages.action_ref import Verb
from messages.cards.emergency_facts import EmergencyFacts


def grant_facts(session: Session, ctx: Context, grant_id: int, reader: int | None) -> EmergencyFacts | None:
    """A grant as a reader sees it (None: the security channel, or the operator); None: there is no such grant."""
    case = load_grant(session, ctx, grant_id)
    if case is None:
        return None
    row, name = case.row, case.people.name_of
    return EmergencyFacts(
        grant_id=row.id,
        version=row.version,
        token=token_facts(session, ctx, [row.token_id])[row.token_id],
        person=name(row.person_id),
        state=row.state,
        reason=row.reason,
        requested_by=name(row.requested_by_id),
        requested_at=row.requested_at,
        ends_at=row.ends_at,
        lasts_minutes=row.lasts_minutes,
        until_at=row.until_at,
        urgent=row.urgent,
        approved_by=name(row.approved_by_id),
        approved_at=row.approved_at,
        refused_by=name(row.refused_by_id),
        begins_at=row.begins_at,
        ended_at=row.ended_at,
        ended_by=name(row.ended_by_id),
        review=row.review,
        reviewer=name(row.reviewer_id),
        reviewed_by=name(row.reviewed_by_id),
        reviewed_at=row.reviewed_at,
        review_note=row.review_note,
        yours=reader is not None and reader == row.person_id,
        offered=_offered(case, reader),
        zone=case.people.working_time(reader).timezone,
    )


def _offered(case: GrantCase, reader: int | None) -> list[Verb]:
    """What this reader may do now, in the order to show it."""
    row, over = case.row, case.row.ends_at <= case.now
    match GrantState(row.state):
        case GrantState.REQUESTED if not over and _agrees(case, reader):
            return [Verb.GRANT_APPROVE, Verb.GRANT_REFUSE]
        case GrantState.OPEN if not over:
            undecided = row.approved_by_id is None and row.refused_by_id is None
            asked = [Verb.GRANT_APPROVE, Verb.GRANT_REFUSE] if undecided and _agrees(case, reader) else []
            ends = reader is None or has_part(case, reader) or may_end(case, reader) is not None
            return [*asked, Verb.GRANT_END] if ends else asked
        case GrantState.ENDED if row.review in ("asked", "overdue", "wrong") and _reviews(case, reader):
            return [Verb.GRANT_REVIEW, *([Verb.GRANT_WRONG] if row.review != "wrong" else [])]
        case _:
            return []


def _agrees(case: GrantCase, reader: int | None) -> bool:
    if reader is None:
        # Where many read it, what the security team may do is shown; whether the one who clicks may is seen then.
        return Role.SECURITY in case.ctx.policy.authority.roles_for("approve")
    return may_agree(case, reader) is not None


def _reviews(case: GrantCase, reader: int | None) -> bool:
    return reader is None or may_review(case, reader) is not None
