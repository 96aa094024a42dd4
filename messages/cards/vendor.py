"""A vendor: who looks after it, whom it works for, until when, and its tokens."""

from __future__ import annotations

from messages.action_ref import Verb
from messages.cards.facts import VendorFacts
from messages.cards.offboarding import offboard_button
from messages.cards.parts import known, token_row
from messages.inert import one_line, short
from messages.moments import day
from messages.view import Buttons, Element, Heading, Note, Paragraph, Text, View
from messages.wording import helping, names

MOST_TOKENS = 15
_MOST_VENDORS = 8
_STATUS = {"active": "active", "offboarding": "being offboarded", "offboarded": "offboarded"}


def vendor(facts: VendorFacts) -> View:
    """One vendor with its first tokens; ``token_count`` (or ``more``) says how many there are in all."""
    name = short(facts.name, names.NAME) or "A vendor without a name"
    owner = names.person(facts.relationship_owner) if one_line(facts.relationship_owner) else "nobody"
    starts, ends = (day(on) if on else "" for on in (facts.contract_starts_on, facts.contract_ends_on))
    pairs: list[tuple[str, Text]] = [
        ("Looked after by", [owner]),
        ("Status", [_STATUS.get(facts.status, short(facts.status, 40))]),
        ("Contract since", [starts]),
        ("Contract ends", [ends or "no end date known"]),
        ("Comes through", [_listed(list(facts.chain))]),
        ("Brings in", [_listed(list(facts.children))]),
    ]
    shown = facts.tokens[:MOST_TOKENS]
    total = max(facts.token_count, len(facts.tokens) + facts.more)
    elements: list[Element] = [Heading(name), known(pairs)]
    if shown:
        elements.append(Heading(names.counted(total, "token", "tokens")))
        elements += [token_row(token, facts.zone) for token in shown]
    else:
        elements.append(Paragraph([helping.NO_VENDOR_TOKENS]))
    if total > len(shown) > 0:
        elements.append(Note([f"And {total - len(shown):,} more."]))
    if Verb.OFFBOARD in facts.offered:
        elements.append(Buttons([offboard_button(facts.vendor_id)]))
    return View(f"{name}: looked after by {owner}, {names.counted(total, 'token', 'tokens')}.", elements)


def _listed(vendors: list[str]) -> str:
    shown = [short(name, 40) for name in vendors[:_MOST_VENDORS] if one_line(name)]
    more = len(vendors) - _MOST_VENDORS
    return ", ".join(shown) + (f" and {more} more" if more > 0 else "")
