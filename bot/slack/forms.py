"""Forms: the answers that come back from a modal, checked before anything is decided."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from bot.operations.commands import Command
from bot.operations.compose import request_for_reader
from bot.operations.secret_patterns import looks_like_secret
from bot.slack.actions import confirm, decide
from bot.slack.desk import Desk, unreadable
from bot.slack.grants import GRANT_VERBS, on_grant_form
from bot.slack.payloads import PayloadError, Submission, read_submission
from bot.slack.person import Acting
from bot.slack.plans import PLAN_VERBS, on_plan_form
from messages.action_ref import Verb
from messages.block_kit import render_modal
from messages.cards.facts import Refusal
from messages.cards.forms import faults, form
from messages.cards.refusal import refusal
from messages.view import View

TITLE = "Whose"
_WRITTEN = ("justification", "note", "evidence")
_MOST_WRITTEN = 3_000  # characters; Slack's own limit for an input
_FORMS = frozenset(Verb) - {Verb.OPEN, Verb.SHOW_TOKEN, Verb.SHOW_HISTORY, Verb.SHOW_MINE}

_A_SECRET = "This seems to hold a secret ({kind}). Secrets are never kept here: please take it out."
_TOO_LONG = "Please keep it under 3,000 characters."
_UNKNOWN_OWNER = "This account is not linked to anybody in the directory. Please choose somebody else."
_LEFT_OWNER = "The directory says that this person has left. Please choose somebody else."

Ack = dict[str, Any]
"""The body of the acknowledgement: a ``response_action``."""


def answer_submission(desk: Desk, body: Mapping[str, Any]) -> Ack:
    """Answer a ``view_submission`` payload: sentences beneath the inputs, or what came of it in the modal's place."""
    try:
        submission = read_submission(body, desk.ctx.workspace)
        if submission.action.verb not in _FORMS:
            raise PayloadError("no form has this verb")
    except PayloadError as error:
        return in_place(refusal(unreadable(error)))
    person = desk.accounts.identify(submission.sender)
    if isinstance(person, Refusal):
        return in_place(refusal(person))
    if submission.action.verb in PLAN_VERBS:
        return _in_its_place(submission, on_plan_form(desk, submission, person))
    if submission.action.verb in GRANT_VERBS:
        return _in_its_place(submission, on_grant_form(desk, submission, person))
    try:
        wrong = _faults(desk, submission, person)
    except PayloadError as error:
        return in_place(refusal(unreadable(error)))
    if wrong:
        return {"response_action": "errors", "errors": wrong}
    command = _command(desk, submission, person)
    if not isinstance(command, Command):
        return {"response_action": "errors", "errors": command}
    answer = decide(desk, command)
    if isinstance(answer, Refusal):
        field = next((name for name in (*_WRITTEN, "until") if name in submission.values), "")
        if answer.code == "invalid" and answer.detail and field:
            return {"response_action": "errors", "errors": {field: answer.detail}}
        return in_place(refusal(answer))
    return in_place(confirm(desk, command, answer))


def _in_its_place(submission: Submission, answer: View | Refusal) -> Ack:
    """What came of a form about something else than a request."""
    if isinstance(answer, Refusal):
        if answer.code == "invalid" and answer.detail and "justification" in submission.values:
            return {"response_action": "errors", "errors": {"justification": answer.detail}}
        return in_place(refusal(answer))
    return in_place(answer)


def in_place(view: View) -> Ack:
    """Put ``view`` where the form was."""
    return {"response_action": "update", "view": render_modal(view, TITLE)}


def _faults(desk: Desk, submission: Submission, person: Acting) -> dict[str, str]:
    """What is wrong with the answers, by field. What cannot be decided at all is left to where decisions are taken.

    Raises:
        PayloadError: an answer is missing that Slack always sends, if only as an empty one.
    """
    wrong = {name: fault for name in _WRITTEN if (fault := _written_fault(submission.values.get(name, "")))}
    action = submission.action
    with desk.ctx.database.read() as session:
        facts = request_for_reader(session, desk.ctx, action.subject, person.id)
    if facts is not None and action.verb in facts.offered and action.version == facts.version:
        if not {asked.name for asked in form(action.verb, facts).fields} <= submission.values.keys():
            raise PayloadError("answers of the form are missing")
        wrong = faults(action.verb, facts, submission.values) | wrong
    return wrong


def _written_fault(text: str) -> str:
    if len(text) > _MOST_WRITTEN:
        return _TOO_LONG
    kind = looks_like_secret(text)
    return _A_SECRET.format(kind=kind) if kind else ""


def _command(desk: Desk, submission: Submission, person: Acting) -> Command | dict[str, str]:
    """The command, or what is wrong with a field that only now could be looked up."""
    values, action, origin = submission.values, submission.action, submission.origin
    new_owner: int | None = None
    if user_id := values.get("new_owner", ""):
        found = desk.accounts.find(user_id)
        if isinstance(found, Refusal):
            return {"new_owner": _LEFT_OWNER if found.code == "inactive" else _UNKNOWN_OWNER}
        new_owner = found.id
    return Command(
        verb=action.verb,
        request_id=action.subject,
        version=action.version,
        actor_id=person.id,
        idempotency_key=submission.key,
        platform="slack",
        justification=(values.get("justification") or values.get("note") or "").strip(),
        new_owner_id=new_owner,
        snooze_until=_day(values.get("until", "")),
        evidence=values.get("evidence", "").strip(),
        result=values.get("result", ""),
        channel=origin.channel if origin else "",
        message_id=origin.ts if origin else "",
        payload_sha256=submission.payload_sha256,
    )


def _day(written: str) -> date | None:
    try:
        return date.fromisoformat(written)
    except ValueError:
        return None
