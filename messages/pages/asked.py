"""Who was asked, and what came back: each asking beside its answer or its silence. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from messages.cards.facts import HistoryLine
from messages.wording import names, reporting

_DECIDES = {"decision", "handover_proposed", "handover_answered"}
_MOST_PEOPLE = 5
_ENDS = {"request_withdrawn", "default_action"}


@dataclass(frozen=True)
class Asked:
    """One asking. ``answered_at`` None: nothing came of it in the records given."""

    who: str
    role: str
    at: datetime
    seq: int
    answer: str
    answered_at: datetime | None = None
    answered_seq: int | None = None
    silent: bool = False


def asked_and_answered(lines: Sequence[HistoryLine]) -> list[Asked]:
    """Every asking of these lines, which are in the order of the log, with what first came of it."""
    found = []
    for number, line in enumerate(lines):
        if line.kind.lower() == "asked":
            rest = (one for one in lines[number + 1 :] if (one.epoch, one.request) == (line.epoch, line.request))
            found.append(_with_answer(line, rest))
    return found


def briefly(rows: Sequence[Asked]) -> str:
    """Each person once: how often they were asked, and what came of it last."""
    people: dict[str, list[Asked]] = {}
    for row in rows:
        people.setdefault(row.who, []).append(row)
    said = [reporting.asked_briefly(who, len(theirs), theirs[-1].answer) for who, theirs in people.items()]
    more = len(said) - _MOST_PEOPLE
    return " ".join(said[:_MOST_PEOPLE]) + (f" And {more} more were asked." if more > 0 else "")


def _with_answer(asked: HistoryLine, rest: Iterable[HistoryLine]) -> Asked:
    who, role = asked.subject or "somebody", names.role(asked.outcome)
    for line in rest:
        said = _said(asked, line)
        if said:
            silent = line.kind.lower() == "no_response"
            return Asked(who, role, asked.at, asked.seq, said, line.at, line.seq, silent)
    return Asked(who, role, asked.at, asked.seq, reporting.NOTHING_YET)


def _said(asked: HistoryLine, line: HistoryLine) -> str:
    """What a later line of the same request says about an asking; empty: nothing."""
    kind = line.kind.lower()
    if kind == "no_response" and line.subject == asked.subject and line.outcome != "work":
        return reporting.NO_ANSWER
    if kind in _DECIDES:
        return reporting.answered(line, by_the_same=line.actor == asked.subject)
    if kind in _ENDS:
        return reporting.ended(line)
    return ""
