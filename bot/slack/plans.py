"""Clicks and forms about a plan that ends many tokens at once."""

from __future__ import annotations

import logging
from typing import Final

from sqlalchemy import select

from bot.operations.offboarding.facts import draft_facts, plan_facts
from bot.operations.offboarding.members import vendor_subject
from bot.operations.offboarding.proposing import Planned, agree, call_off, propose
from bot.slack.desk import Ask, Desk, Reply, Tell, no
from bot.slack.payloads import Click, Submission
from bot.slack.person import Acting
from messages.action_ref import ActionRef, Verb
from messages.block_kit import render_form
from messages.block_kit_state import encode_origin
from messages.cards.facts import OffboardingFacts, Refusal
from messages.cards.offboarding import offboarding_form
from messages.view import Paragraph, View
from messages.wording import offboarding
from storage.inventory import VENDOR

logger = logging.getLogger(__name__)

PLAN_VERBS: Final = frozenset({Verb.OFFBOARD, Verb.PLAN_APPROVE, Verb.PLAN_CALL_OFF})


def on_plan(desk: Desk, click: Click, person: Acting) -> Reply:
    """Ask why, where that is wanted; else it is done."""
    action = click.action
    if action.verb is Verb.OFFBOARD and not _is_vendor(desk, action.subject):
        return no(Refusal("not_found", zone=person.zone))
    facts = _facts(desk, action, person)
    if facts is None or action.verb not in facts.offered:
        return _answer(_carry_out(desk, action, person, ""))
    if action.verb is Verb.PLAN_APPROVE:
        return _answer(_carry_out(desk, action, person, ""))
    if action.version not in (0, facts.version):
        return no(Refusal("stale", facts.subject, zone=person.zone))
    shown = ActionRef(action.verb, action.subject, facts.version)
    return Ask(render_form(offboarding_form(action.verb, facts), encode_origin(shown, click.origin)))


def on_plan_form(desk: Desk, submission: Submission, person: Acting) -> View | Refusal:
    """A form came back."""
    if submission.action.verb is Verb.OFFBOARD and not _is_vendor(desk, submission.action.subject):
        return Refusal("not_found", zone=person.zone)
    why = submission.values.get("justification", "").strip()
    answer = _carry_out(desk, submission.action, person, why)
    return answer if isinstance(answer, Refusal) else _said(answer)


def _carry_out(desk: Desk, action: ActionRef, person: Acting, why: str) -> Planned | Refusal:
    ctx, version = desk.ctx, action.version
    match action.verb:
        case Verb.OFFBOARD:
            with ctx.database.read() as session:
                subject = vendor_subject(session, action.subject)
            answer = propose(ctx, subject, person.id, reason=why, platform="slack")
        case Verb.PLAN_APPROVE:
            answer = agree(ctx, action.subject, person.id, version=version, platform="slack")
        case _:
            answer = call_off(ctx, action.subject, person.id, reason=why, version=version, platform="slack")
    said = answer.outcome if isinstance(answer, Planned) else f"refused: {answer.code}"
    facts = {"verb": action.verb.value, "plan": action.subject, "person": person.id, "result": said}
    logger.info("%s on plan %s: %s", action.verb.value, action.subject, said, extra=facts)
    if isinstance(answer, Planned):
        desk.services.changed()
    return answer


def _answer(answer: Planned | Refusal) -> Reply:
    return no(answer) if isinstance(answer, Refusal) else Tell(_said(answer))


def _said(answer: Planned) -> View:
    said = offboarding.recorded(answer.outcome, answer.kind, answer.subject, answer.tokens)
    return View(said, [Paragraph([said])])


def _facts(desk: Desk, action: ActionRef, person: Acting) -> OffboardingFacts | None:
    with desk.ctx.database.read() as session:
        if action.verb is not Verb.OFFBOARD:
            return plan_facts(session, desk.ctx, action.subject, person.id)
        return draft_facts(session, desk.ctx, vendor_subject(session, action.subject), person.id)


def _is_vendor(desk: Desk, vendor_id: int) -> bool:
    with desk.ctx.database.read() as session:
        return session.connection().scalar(select(VENDOR.c.id).where(VENDOR.c.id == vendor_id)) is not None
