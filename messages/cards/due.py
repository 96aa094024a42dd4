"""Everything that waits for an answer, as far as the reader may see it."""

from __future__ import annotations

from collections.abc import Sequence

from messages.cards.ask import brief_reasons
from messages.cards.facts import RequestFacts
from messages.cards.parts import open_button, settled_text, token_line
from messages.view import Element, Heading, Inline, Moment, Note, Paragraph, Row, View
from messages.wording import helping, names

MOST_DUE = 20


def due(requests: Sequence[RequestFacts], more: int = 0) -> View:
    """At most 20 requests in the order given; ``more`` counts those beyond ``requests``."""
    if not requests:
        return View(helping.NOTHING_DUE, [Paragraph([helping.NOTHING_DUE])])
    shown = requests[:MOST_DUE]
    more += len(requests) - len(shown)
    heading = f"{names.counted(len(shown) + more, 'token waits', 'tokens wait')} for an answer"
    elements: list[Element] = [Heading(heading), *(_row(one) for one in shown)]
    if more:
        elements.append(Note([f"And {more:,} more."]))
    return View(f"{heading}.", elements)


def _row(one: RequestFacts) -> Row:
    text: list[Inline] = [*token_line(one.token), "\n"]
    if one.settled:
        said = settled_text(one.settled, one.zone, under_way=one.state == "remediating")
        return Row([*text, *said], open_button(one))
    wanted = "\nAn answer was wanted by " if one.overdue else "\nAnswer by "
    text += [*brief_reasons(one), wanted, Moment(one.due_at, one.zone)]
    if one.proposed_to:
        text.append(f" · waiting for {names.person(one.proposed_to)}")
    elif one.asked_before:
        text.append(f" · asked last: {names.person(one.asked_before[-1][0])}")
    return Row(text, open_button(one))
