"""Looking after what could not be delivered: see it, have it sent again, or leave it unsent. The last two are recorded.

Nothing is sent again that may have arrived: a message of unknown outcome goes back to being looked for, and is sent
only once it is surely not there (``bot/operations/read_back.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from bot.errors import NotFoundError, WhoseError
from bot.operations.doctor import Finding
from bot.rules.undelivered import Consequence, consequence_of, may_have_arrived
from messages.wording import delivering
from storage import outbox_letters as outbox
from storage.database import Database
from storage.ledger.log import append
from storage.ledger.record import Entry, RecordKind
from storage.outbox_letters import Dead, Letter

_A_RECORD = 1_000  # message numbers in one record, well below its limit


class OutboxError(WhoseError):
    """A message is not in a state in which this can be done."""

    exit_code = 1


@dataclass(frozen=True)
class Listed:
    """Messages of one state, newest first, and how many there are in all."""

    letters: Sequence[Letter]
    total: int


@dataclass(frozen=True)
class Retried:
    """What became of messages that were to be sent again."""

    again: Sequence[int]
    """They surely did not arrive, and will be sent."""
    looked_for: Sequence[int]
    """They may have arrived, and are looked for first."""


def list_outbox(database: Database, state: str = "dead", limit: int = 100) -> Listed:
    """What is in the outbox in one of ``storage.outbox_letters.STATES``, at most ``limit`` of it."""
    with database.read() as session:
        return Listed(outbox.letters(session, state, limit), outbox.count_of(session, state))


def what_follows(letter: Letter) -> Consequence:
    """What follows from a message's having been given up."""
    return consequence_of(letter.error, to_person=letter.to_person, is_update=letter.action == "update")


def retry(database: Database, now: Callable[[], datetime], ids: Sequence[int] | None = None) -> Retried:
    """Have messages that were given up sent again, and record it.

    Args:
        ids: which; None: all but those whose place the next person has taken.

    Raises:
        NotFoundError: there is no such message.
        OutboxError: one of them was not given up.
    """
    with database.write() as session:
        wanted = _given_up(session, ids) if ids is not None else _waiting_for_somebody(session)
        unsure = [number for number, code in wanted if may_have_arrived(code)]
        sure = [number for number, code in wanted if not may_have_arrived(code)]
        done = Retried(outbox.revive(session, sure, now()), outbox.look_again(session, unsure, now()))
        append(session, list(_records("retry", [*done.again, *done.looked_for], "")), now)
    return done


def drop(database: Database, now: Callable[[], datetime], ids: Sequence[int], why: str) -> Sequence[int]:
    """Leave messages that were given up unsent for good, and record it; returns their numbers.

    Args:
        why: in a person's own words; kept beside the record, so that it can be erased.

    Raises:
        NotFoundError: there is no such message.
        OutboxError: one of them was not given up, or no reason is given.
    """
    if not why.strip():
        raise OutboxError("Say why these messages are left unsent: --why TEXT.")
    with database.write() as session:
        wanted = [number for number, _ in _given_up(session, ids)]
        dropped = outbox.drop(session, wanted, now())
        append(session, list(_records("drop", dropped, why.strip())), now)
    return dropped


def needs_somebody(session: Session) -> list[Dead]:
    """What was given up and waits for an operator, by reason; where the next person was asked, nothing does."""
    return [one for one in outbox.dead_by_reason(session) if _consequence(one) is not Consequence.NEXT_RUNG]


def outbox_is_clear(database: Database) -> Iterable[Finding]:
    """For ``whose doctor``: does an undelivered message wait for somebody?"""
    with database.read() as session:
        waiting = needs_somebody(session)
    if not waiting:
        yield Finding("outbox", "ok", "no undelivered message waits for anybody")
    for one in waiting:
        count = f"{one.number:,} message{'' if one.number == 1 else 's'}"
        advice = f"{delivering.advice(one.error)} See: whose outbox list"
        yield Finding("outbox", "look", f"{count} could not be delivered: {delivering.reason(one.error)}", advice)


def _consequence(dead: Dead) -> Consequence:
    return consequence_of(dead.error, to_person=dead.to_person, is_update=dead.is_update)


def _waiting_for_somebody(session: Session) -> list[tuple[int, str]]:
    return [
        (number, reason.error)
        for reason in outbox.dead_by_reason(session)
        if _consequence(reason) is not Consequence.NEXT_RUNG or may_have_arrived(reason.error)
        for number in outbox.dead_ids(session, reason)
    ]


def _given_up(session: Session, ids: Sequence[int]) -> list[tuple[int, str]]:
    """Number and reason of each of these.

    Raises:
        NotFoundError: there is no such message.
        OutboxError: one was not given up.
    """
    found = {one.id: one for one in outbox.letters_by_id(session, ids)}
    for number in ids:
        if number not in found:
            raise NotFoundError(f"There is no message {number}. `whose outbox list` shows the numbers.")
        if found[number].state != "dead":
            raise OutboxError(f"Message {number} {_STANDS[found[number].state]} Nothing was changed.")
    return [(number, letter.error) for number, letter in found.items()]


_STANDS = {
    "pending": "is still to be sent.",
    "sending": "is being sent.",
    "unknown": "is being looked for; whether it arrived is found out by itself.",
    "sent": "was delivered.",
    "cancelled": "is no longer needed or was dropped.",
}


def _records(reason: str, numbers: Sequence[int], why: str) -> Iterator[Entry]:
    for start in range(0, len(numbers), _A_RECORD):
        part = list(numbers[start : start + _A_RECORD])
        details = {"count": len(part), "messages": part}
        disclosures = {"why": why} if why else {}
        yield Entry(RecordKind.DELIVERY_HANDLED, reason, details=details, disclosures=disclosures)
