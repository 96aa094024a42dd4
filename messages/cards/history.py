"""Everything that is recorded about a token, oldest first."""

from __future__ import annotations

from collections.abc import Sequence

from messages.cards.facts import HistoryLine, TokenFacts
from messages.cards.parts import token_button
from messages.view import Buttons, Element, Heading, Moment, Note, Paragraph, Row, View
from messages.wording import helping, names, recording

MOST_LINES = 25


def history(token: TokenFacts, lines: Sequence[HistoryLine], earlier: int = 0, zone: str = "UTC") -> View:
    """The latest 25 records; ``earlier`` counts those before ``lines``."""
    name = names.token(token)
    shown = lines[-MOST_LINES:]
    earlier += len(lines) - len(shown)
    elements: list[Element] = [Heading(f"What is recorded about {name}")]
    if earlier:
        elements.append(Note([f"{names.counted(earlier, 'earlier record', 'earlier records')} not shown here."]))
    elements += [record_row(line, zone) for line in shown]
    if not shown:
        elements.append(Paragraph([helping.NO_RECORDS]))
    elements.append(Buttons([token_button(token)]))
    return View(f"{names.counted(len(shown) + earlier, 'record', 'records')} about {name}.", elements)


def record_row(line: HistoryLine, zone: str) -> Row:
    """One record: when, what, and its number in the ledger."""
    return Row([Moment(line.at, zone), " · ", recording.happened(line), f" (record {line.seq})"])
