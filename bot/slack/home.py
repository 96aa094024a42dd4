"""The Home tab: what waits for a person and what is theirs, drawn anew each time it is opened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.operations import look_up
from bot.operations.look_up import reader_of
from bot.slack.desk import Desk, unreadable
from bot.slack.payloads import PayloadError, read_sender
from messages.block_kit import render_home
from messages.cards.facts import Refusal
from messages.cards.mine import mine
from messages.cards.refusal import refusal
from messages.view import View


@dataclass(frozen=True)
class Home:
    """A Home tab to publish."""

    user_id: str
    view: dict[str, Any]


def answer_home(desk: Desk, body: Mapping[str, Any]) -> Home | None:
    """Answer ``app_home_opened``; None where there is nothing to publish."""
    event = body.get("event")
    if not isinstance(event, Mapping) or event.get("tab") != "home":
        return None
    try:
        sender = read_sender({"user_id": event.get("user"), "team_id": body.get("team_id")}, desk.ctx.workspace)
    except PayloadError as error:
        unreadable(error)
        return None
    return home_of(desk, sender.user_id, None if not sender.foreign else Refusal("unknown_person"))


def home_of(desk: Desk, user_id: str, refused: Refusal | None = None) -> Home:
    """The Home tab of an account."""
    person = refused or desk.accounts.find(user_id)
    if isinstance(person, Refusal):
        return Home(user_id, render_home(refusal(person)))
    with desk.ctx.database.read() as session:
        own = look_up.mine(session, desk.ctx, reader_of(session, desk.ctx, person.id))
    view: View = mine(own.waiting, own.tokens, own.more_tokens)
    return Home(user_id, render_home(view))
