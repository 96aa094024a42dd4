"""What a lookup by name finds: one token, several, or none."""

from __future__ import annotations

from collections.abc import Sequence

from messages.cards.facts import RequestFacts, TokenFacts
from messages.cards.parts import history_button, known, open_button, owner_hint, settled_text, token_facts, token_row
from messages.inert import short
from messages.view import Buttons, Code, Element, Facts, Heading, Moment, Note, Paragraph, Row, Strong, Text, View
from messages.wording import asking, names, refusing

MOST_FOUND = 10


def token_card(token: TokenFacts, request: RequestFacts | None = None, zone: str = "UTC") -> View:
    """One token: whose it is, what it may do, and the request about it that is open or was settled last."""
    name = names.token(token)
    elements: list[Element] = [Heading(name), *_condition(token), *_owners(token), token_facts(token, zone)]
    elements.append(_origin(token, zone))
    if request:
        elements += _request(request)
    buttons = [open_button(request)] if request and request.state in {"open", "handover", "remediating"} else []
    elements.append(Buttons([*buttons, history_button(token)]))
    return View(_summary(token), elements)


def several(typed: str, tokens: Sequence[TokenFacts], more: int = 0, zone: str = "UTC") -> View:
    """Up to ten tokens that fit ``typed``, each with a button; ``more`` counts those beyond ``tokens``."""
    shown = tokens[:MOST_FOUND]
    more += len(tokens) - len(shown)
    heading = f"{len(shown) + more:,} tokens match “{short(typed, names.NAME)}”"
    elements: list[Element] = [Heading(heading), *(token_row(token, zone) for token in shown)]
    if more:
        elements.append(Note([f"And {more:,} more. A longer part of the name finds fewer."]))
    return View(f"{heading}.", elements)


def none(typed: str, nearest: Sequence[str] = ()) -> View:
    """Nothing fits ``typed``; the nearest names, ready to be typed."""
    heading = f"No token matches “{short(typed, names.NAME)}”"
    elements: list[Element] = [Heading(heading)]
    if nearest:
        elements.append(Paragraph([refusing.NEAREST]))
        elements += [Row([Code(f"/whose {short(name, names.NAME)}")]) for name in nearest[:MOST_FOUND]]
    else:
        elements.append(Paragraph(["A part of its name, its id or its vendor is enough. ", Code("/whose help")]))
    return View(f"{heading}.", elements)


def _summary(token: TokenFacts) -> str:
    owner = next((f"{names.role(role)} {names.person(name)}" for role, name in token.owners), "no owner")
    return f"{names.token(token)}: {owner}."


def _condition(token: TokenFacts) -> list[Element]:
    """What a reader must know first: that it is gone, or may be."""
    if token.state != "active":
        return [Paragraph([f"This token is {short(token.state.replace('_', ' '), 40)}."])]
    if token.vanished:
        return [Paragraph(["Where it was looked for last, it was missing: it may be gone."])]
    return []


def _owners(token: TokenFacts) -> list[Element]:
    if not token.owners:
        return [Paragraph([Strong("It has no owner.")]), *owner_hint(token)]
    owners = Facts([(_capital(names.role(role)), [names.person(name)]) for role, name in token.owners[:6]])
    return [owners, *owner_hint(token)]


def _origin(token: TokenFacts, zone: str) -> Element:
    pairs: list[tuple[str, Text]] = [
        ("Issued by", [short(token.issuing_system, names.NAME)]),
        ("Id there", [Code(short(token.external_id, 120))] if token.external_id else [""]),
        ("Held by", [{"us": "us", "vendor": "the vendor"}.get(token.held_by, short(token.held_by, 40))]),
        ("Tier", [short(token.tier, 40)]),
    ]
    for label, at in (("Last attested", token.last_attested_at), ("Last rotated", token.last_rotated_at)):
        pairs.append((label, [Moment(at, zone, "date")] if at else [""]))
    return known(pairs)


def _request(request: RequestFacts) -> list[Element]:
    if request.settled:
        return [Paragraph(settled_text(request.settled, request.zone, under_way=request.state == "remediating"))]
    if request.state not in {"open", "handover"}:
        return []
    waiting: Text = [Strong("An answer is awaited"), " by ", Moment(request.due_at, request.zone), "."]
    asked = asking.asked_before(request)
    return [Paragraph(waiting), *([Note(asked)] if asked else [])]


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
