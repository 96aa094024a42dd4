"""Buttons: what a click on one is answered with. The decision is committed before the answer exists."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from sqlmodel import Session

from bot.operations import look_up
from bot.operations.commands import Command, Done
from bot.operations.compose import request_for_reader
from bot.operations.look_up import Found, reader_of
from bot.slack.desk import Ask, Desk, Recorded, Reply, Show, Tell, no, unreadable
from bot.slack.grants import GRANT_VERBS, on_grant
from bot.slack.payloads import Click, PayloadError, read_click
from bot.slack.person import Acting
from bot.slack.plans import PLAN_VERBS, on_plan
from messages.action_ref import ActionRef, Verb
from messages.block_kit import render_form
from messages.block_kit_state import encode_origin
from messages.cards.ask import card
from messages.cards.confirmation import confirmation
from messages.cards.facts import Refusal
from messages.cards.forms import form
from messages.cards.found import token_card
from messages.cards.history import history
from messages.cards.mine import mine
from messages.view import Paragraph, View
from messages.wording import outcomes

logger = logging.getLogger(__name__)

_ALWAYS_ASK = frozenset(
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
_NOTHING_FOLLOWS = frozenset({Verb.ATTEST, Verb.LET_LAPSE, Verb.ACCEPT})
_SHOWS = frozenset({Verb.OPEN, Verb.SHOW_TOKEN, Verb.SHOW_HISTORY, Verb.SHOW_MINE})


def answer_click(desk: Desk, body: Mapping[str, Any]) -> Reply:
    """Answer a ``block_actions`` payload."""
    try:
        click = read_click(body, desk.ctx.workspace)
    except PayloadError as error:
        return no(unreadable(error))
    person = desk.accounts.identify(click.sender)
    if isinstance(person, Refusal):
        return no(person)
    if click.action.verb in _SHOWS:
        with desk.ctx.database.read() as session:
            return _show(session, desk, click, person)
    if click.action.verb in PLAN_VERBS:
        return on_plan(desk, click, person)
    if click.action.verb in GRANT_VERBS:
        return on_grant(desk, click, person)
    return _on_decision(desk, click, person)


def decide(desk: Desk, command: Command) -> Done | Refusal:
    """Have it decided; committed, and logged without a word that somebody wrote."""
    answer = desk.services.decide(desk.ctx, command)
    result = answer.outcome if isinstance(answer, Done) else f"refused: {answer.code}"
    facts = {"verb": command.verb.value, "request": command.request_id, "person": command.actor_id, "result": result}
    logger.info("%s on request %s: %s", command.verb.value, command.request_id, result, extra=facts)
    if isinstance(answer, Done):
        desk.services.changed()
    return answer


def confirm(desk: Desk, command: Command, answer: Done) -> View:
    """What the person reads after a decision; what happens next is looked up where something does."""
    if command.verb not in _NOTHING_FOLLOWS:
        with desk.ctx.database.read() as session:
            facts = request_for_reader(session, desk.ctx, command.request_id, command.actor_id)
        if facts is not None:
            return confirmation(command.verb, facts)
    return _recorded(command, answer)


def _recorded(command: Command, answer: Done) -> View:
    said = outcomes.recorded(command.verb.value, answer.token_name or "this token")
    return View(said, [Paragraph([said])])


def _on_decision(desk: Desk, click: Click, person: Acting) -> Reply:
    """Ask first where the policy wants an answer to more than the click; else decide.

    Most clicks need no form, so the usual verbs are decided at once, and asked about only if that is too little.
    """
    action = click.action
    if action.verb in _ALWAYS_ASK and (asked := _form(desk, click, person)):
        return asked
    command = Command(
        verb=action.verb,
        request_id=action.subject,
        version=action.version,
        actor_id=person.id,
        idempotency_key=click.key,
        platform="slack",
        channel=click.origin.channel if click.origin else "",
        message_id=click.origin.ts if click.origin else "",
        payload_sha256=click.payload_sha256,
    )
    answer = decide(desk, command)
    if isinstance(answer, Refusal):
        asked = _form(desk, click, person) if answer.code == "invalid" else None
        return asked or no(answer)
    if command.verb in _NOTHING_FOLLOWS:
        return Tell(_recorded(command, answer))
    return Recorded(lambda: confirm(desk, command, answer))


def _form(desk: Desk, click: Click, person: Acting) -> Ask | None:
    """The form of a verb, only for what this reader may decide on the request as it stands. All else is refused
    where decisions are taken, which says why and who can."""
    action = click.action
    with desk.ctx.database.read() as session:
        facts = request_for_reader(session, desk.ctx, action.subject, person.id)
    if facts is None or action.verb not in facts.offered or action.verb not in facts.needs_form:
        return None
    if action.version not in (0, facts.version):
        return None
    shown = ActionRef(action.verb, facts.request_id, facts.version)
    return Ask(render_form(form(action.verb, facts), encode_origin(shown, click.origin)))


def _show(session: Session, desk: Desk, click: Click, person: Acting) -> Reply:
    ctx, subject = desk.ctx, click.action.subject
    if click.action.verb is Verb.OPEN:
        facts = request_for_reader(session, ctx, subject, person.id)
        missing = Refusal("not_found", zone=person.zone)
        return no(missing) if facts is None else Show(card(facts), "Request")
    reader = reader_of(session, ctx, person.id)
    match click.action.verb:
        case Verb.SHOW_TOKEN:
            found = look_up.token(session, ctx, reader, subject)
            return no(found) if isinstance(found, Refusal) else Show(view_of(found), "Token")
        case Verb.SHOW_HISTORY:
            told = look_up.history(session, ctx, reader, subject)
            if isinstance(told, Refusal):
                return no(told)
            return Show(history(told.token, told.lines, zone=told.zone), "History")
        case _:
            own = look_up.mine(session, ctx, reader)
            return Show(mine(own.waiting, own.tokens, own.more_tokens), "Yours")


def view_of(found: Found) -> View:
    """One token that was found."""
    return token_card(found.tokens[0], found.request, found.zone)
