"""Clicks and forms about access for an emergency."""

from __future__ import annotations

import logging
from typing import Final

from bot.operations.emergency.facts import grant_facts
from bot.operations.emergency.granting import Granted, agree, end, refuse
from bot.operations.emergency.reviewing import question, review
from bot.slack.desk import Ask, Desk, Reply, Tell, no
from bot.slack.payloads import Click, Submission
from bot.slack.person import Acting
from messages.action_ref import ActionRef, Verb
from messages.block_kit import render_form
from messages.block_kit_state import encode_origin
from messages.cards.emergency import emergency_form
from messages.cards.facts import Refusal
from messages.view import Paragraph, View
from messages.wording import emergency

logger = logging.getLogger(__name__)

_ASKS: Final = frozenset({Verb.GRANT_REFUSE, Verb.GRANT_REVIEW, Verb.GRANT_WRONG})
GRANT_VERBS: Final = frozenset({Verb.GRANT_APPROVE, Verb.GRANT_END, *_ASKS})


def on_grant(desk: Desk, click: Click, person: Acting) -> Reply:
    """Ask for a few words where that is wanted; else it is done, or refused where it is decided."""
    action = click.action
    if action.verb in _ASKS:
        with desk.ctx.database.read() as session:
            facts = grant_facts(session, desk.ctx, action.subject, person.id)
        if facts is not None and action.verb in facts.offered:
            if action.version not in (0, facts.version):
                return no(Refusal("stale", facts.token.name, zone=person.zone))
            shown = ActionRef(action.verb, action.subject, facts.version)
            return Ask(render_form(emergency_form(action.verb, facts), encode_origin(shown, click.origin)))
    answer = _carry_out(desk, action, person, "")
    return no(answer) if isinstance(answer, Refusal) else Tell(_said(answer, person))


def on_grant_form(desk: Desk, submission: Submission, person: Acting) -> View | Refusal:
    """A form came back."""
    why = submission.values.get("justification", "").strip()
    answer = _carry_out(desk, submission.action, person, why)
    return answer if isinstance(answer, Refusal) else _said(answer, person)


def _carry_out(desk: Desk, action: ActionRef, person: Acting, why: str) -> Granted | Refusal:
    ctx, grant_id, version = desk.ctx, action.subject, action.version
    match action.verb:
        case Verb.GRANT_APPROVE:
            answer = agree(ctx, grant_id, person.id, version=version, platform="slack")
        case Verb.GRANT_REFUSE:
            answer = refuse(ctx, grant_id, person.id, reason=why, version=version, platform="slack")
        case Verb.GRANT_END:
            answer = end(ctx, grant_id, person.id, version=version, platform="slack")
        case Verb.GRANT_WRONG:
            answer = question(ctx, grant_id, person.id, note=why, version=version, platform="slack")
        case _:
            answer = review(ctx, grant_id, person.id, note=why, version=version, platform="slack")
    said = answer.outcome if isinstance(answer, Granted) else f"refused: {answer.code}"
    facts = {"verb": action.verb.value, "grant": grant_id, "person": person.id, "result": said}
    logger.info("%s on emergency access %s: %s", action.verb.value, grant_id, said, extra=facts)
    if isinstance(answer, Granted):
        desk.services.changed()
    return answer


def _said(answer: Granted, person: Acting) -> View:
    said = emergency.recorded(answer.outcome, answer.person, answer.token_name, answer.ends_at, person.zone)
    return View(said, [Paragraph([said])])
