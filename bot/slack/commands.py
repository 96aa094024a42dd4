"""``/whose …``: the question is read, looked up and answered to the one who asked."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlmodel import Session

from bot.operations import look_up
from bot.operations.look_up import Found, Reader, reader_of
from bot.operations.offboarding.facts import draft_facts, plan_facts
from bot.operations.offboarding.members import vendor_subject
from bot.operations.offboarding.plans import open_plan_of
from bot.rules.calendar import zone_of
from bot.slack.actions import view_of
from bot.slack.desk import Desk, unreadable
from bot.slack.parse import Due, Find, Help, History, Mine, NoDate, Offboard, Question, VendorNamed, Who, parse
from bot.slack.payloads import PayloadError, read_sender
from messages.cards import due as due_card
from messages.cards import found as found_card
from messages.cards import history as history_card
from messages.cards import mine as mine_card
from messages.cards import vendor as vendor_card
from messages.cards import who as who_card
from messages.cards.facts import Refusal
from messages.cards.help import help_card
from messages.cards.offboarding import offboarding
from messages.cards.refusal import refusal
from messages.view import View

_NO_DAY = "“{typed}” is not a day. Write it like 2025-08-12, or today, or yesterday."
_MOMENT = timedelta(microseconds=1)


def answer_command(desk: Desk, body: Mapping[str, Any]) -> View:
    """Answer a slash command; only the one who typed it sees the answer."""
    try:
        sender = read_sender(body, desk.ctx.workspace)
    except PayloadError as error:
        return refusal(unreadable(error))
    person = desk.accounts.identify(sender)
    if isinstance(person, Refusal):
        return refusal(person)
    typed, name = body.get("text"), body.get("command")
    today = desk.ctx.now().astimezone(zone_of(person.zone)).date()
    question = parse(typed if isinstance(typed, str) else "", today)
    if isinstance(question, Help):
        return help_card(name if isinstance(name, str) and name.startswith("/") else "/whose")
    with desk.ctx.database.read() as session:
        reader = reader_of(session, desk.ctx, person.id)
        answer = _answer(session, desk, reader, question)
    return refusal(answer) if isinstance(answer, Refusal) else answer


def _answer(session: Session, desk: Desk, reader: Reader, question: Question) -> View | Refusal:
    ctx = desk.ctx
    match question:
        case Find():
            found = look_up.find(session, ctx, reader, question.words)
            return _found(found, reader, question.nearest)
        case Mine():
            own = look_up.mine(session, ctx, reader)
            return mine_card.mine(own.waiting, own.tokens, own.more_tokens)
        case Due():
            waiting = look_up.due(session, ctx, reader)
            return due_card.due(waiting.requests, waiting.more)
        case VendorNamed():
            vendor = look_up.vendor(session, ctx, reader, question.name)
            return vendor if isinstance(vendor, Refusal) else vendor_card.vendor(vendor)
        case Offboard():
            return _offboard(session, desk, reader, question.name)
        case NoDate():
            return Refusal("invalid", detail=_NO_DAY.format(typed=question.typed[:60]), zone=reader.zone)
        case History() | Who():
            return _about_one(session, desk, reader, question)
    return help_card()


def _offboard(session: Session, desk: Desk, reader: Reader, name: str) -> View | Refusal:
    """What the plan would be, or how the one under way is doing. Its button is for those who may."""
    found = look_up.vendor(session, desk.ctx, reader, name)
    if isinstance(found, Refusal):
        return found
    subject = vendor_subject(session, found.vendor_id)
    plan = open_plan_of(session, subject.kind, subject.name)
    if plan is None:
        return offboarding(draft_facts(session, desk.ctx, subject, reader.person_id))
    facts = plan_facts(session, desk.ctx, plan.id, reader.person_id)
    return Refusal("not_found") if facts is None else offboarding(facts)


def _about_one(session: Session, desk: Desk, reader: Reader, question: History | Who) -> View | Refusal:
    """Questions that need exactly one token."""
    found = look_up.find(session, desk.ctx, reader, question.words)
    token = found.only
    if token is None:
        return _found(found, reader)
    if isinstance(question, History):
        told = look_up.history(session, desk.ctx, reader, token.token_id)
        return told if isinstance(told, Refusal) else history_card.history(told.token, told.lines, zone=told.zone)
    at = end_of_day(question, desk.ctx.now(), zone_of(reader.zone))
    answer = look_up.who(session, desk.ctx, reader, token.token_id, at)
    return answer if isinstance(answer, Refusal) else who_card.who(answer)


def _found(found: Found, reader: Reader, word: str = "") -> View | Refusal:
    if found.only is not None:
        return view_of(found)
    if found.tokens:
        return found_card.several(found.typed, found.tokens, found.more, found.zone)
    near = [*([word] if word else []), *found.nearest]
    if reader.scope is None:
        return found_card.none(found.typed, near)
    missing = look_up.not_found(found, reader)
    return Refusal(missing.code, missing.token_name, detail=missing.detail, zone=missing.zone, nearest=near)


def end_of_day(question: Who, now: datetime, zone: ZoneInfo) -> datetime:
    """The last moment of the day that was asked about in the reader's zone; for today, and without a day, now."""
    if question.on is None or question.on == now.astimezone(zone).date():
        return now
    try:
        return datetime.combine(question.on + timedelta(days=1), time(), zone).astimezone(now.tzinfo) - _MOMENT
    except OverflowError:  # the last days of the calendar
        return datetime.max.replace(tzinfo=now.tzinfo)
