"""A kind "no": nothing was changed, why not, and who can."""

from __future__ import annotations

from messages.cards.facts import Refusal
from messages.cards.parts import settled_text
from messages.inert import one_line, short
from messages.view import Code, Element, Heading, Paragraph, Row, Strong, View
from messages.wording import names, refusing

_MOST_PEOPLE = 8
_MOST_NAMES = 8


def refusal(facts: Refusal) -> View:
    """What somebody reads whose click or command changed nothing."""
    heading, sentence = refusing.heading(facts), refusing.sentence(facts)
    elements: list[Element] = [Heading(heading)]
    if facts.settled:
        elements.append(Paragraph(settled_text(facts.settled, facts.zone)))
    elements.append(Paragraph([sentence]))
    if one_line(facts.detail):
        elements.append(Paragraph([short(facts.detail, 500)]))
    if facts.who_can:
        elements.append(Paragraph([Strong(refusing.WHO_CAN)]))
        elements += [Row([names.person_as(name, role)]) for name, role in facts.who_can[:_MOST_PEOPLE]]
        if len(facts.who_can) > _MOST_PEOPLE:
            elements.append(Paragraph([f"and {len(facts.who_can) - _MOST_PEOPLE} more"]))
    if facts.nearest:
        elements.append(Paragraph([Strong(refusing.NEAREST)]))
        elements += [Row([Code(short(name, names.NAME))]) for name in facts.nearest[:_MOST_NAMES] if one_line(name)]
    return View(f"{heading}. {sentence}", elements)
