"""Where a payload becomes an answer: what every handler stands on. Blocking, and without a word to Slack itself;
``replies.py`` carries the answers out.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy.exc import OperationalError

from bot.operations.commands import Answer, Command
from bot.operations.context import Context
from bot.slack.payloads import PayloadError
from bot.slack.person import Accounts
from messages.cards.facts import Refusal
from messages.cards.refusal import refusal
from messages.view import View

logger = logging.getLogger(__name__)

NOT_OURS = "This button or form is not one that this bot can read. Please use a newer message, or /whose mine."


@dataclass(frozen=True)
class Services:
    """What the edge asks of the rest of the bot."""

    decide: Callable[[Context, Command], Answer]
    """``record_decision``: one transaction, committed when it returns."""
    changed: Callable[[], None] = lambda: None
    """Called after something was committed that messages have to follow; must not block."""


@dataclass(frozen=True)
class Desk:
    ctx: Context
    accounts: Accounts
    services: Services


@dataclass(frozen=True)
class Tell:
    """A few sentences for the one who clicked: beside the message, or in the place of the modal."""

    view: View
    title: str = "Whose"


@dataclass(frozen=True)
class Recorded:
    """It was decided and is committed. What the person reads about it is worked out after the acknowledgement."""

    confirm: Callable[[], View]


@dataclass(frozen=True)
class Show:
    """Something to look at, in a modal."""

    view: View
    title: str


@dataclass(frozen=True)
class Ask:
    """A form, as Slack takes it."""

    modal: dict[str, Any]


Reply = Tell | Recorded | Show | Ask


def no(facts: Refusal) -> Tell:
    """A refusal as a reply."""
    return Tell(refusal(facts))


def unreadable(error: PayloadError) -> Refusal:
    """A payload that is none of ours; what is wrong is for the log."""
    logger.warning("a payload was refused: %s", error)
    return Refusal("invalid", detail=NOT_OURS)


def failed(error: Exception, what: str) -> Refusal:
    """Something went wrong here: logged with where it did, and the person is asked to try again.

    A second try is safe even where the commit itself was in doubt: the command's key and the request's version see to
    that. The error's own words are left out of the log, since a database quotes the row that it refused.
    """
    frames = "".join(traceback.format_tb(error.__traceback__))
    logger.error("%s could not be answered: %s", what, type(error).__name__, extra={"trace": frames})
    return Refusal("busy" if isinstance(error, OperationalError) else "unavailable")
