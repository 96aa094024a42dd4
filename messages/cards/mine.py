"""What waits for a person and what is in their name; also their home tab."""

from __future__ import annotations

from collections.abc import Sequence

from messages.cards.ask import digest
from messages.cards.facts import DigestFacts, TokenFacts
from messages.cards.parts import token_row
from messages.view import Divider, Element, Heading, Note, Paragraph, View
from messages.wording import helping, names

MOST_TOKENS = 20


def mine(facts: DigestFacts, tokens: Sequence[TokenFacts] = (), more_tokens: int = 0) -> View:
    """The requests that wait, then the tokens in the reader's name; ``more_tokens`` counts those not given."""
    waiting = digest(facts) if facts.requests or facts.more else None
    elements: list[Element] = list(waiting.elements if waiting else [Heading(helping.NOTHING_WAITS.rstrip("."))])
    shown = tokens[:MOST_TOKENS]
    more_tokens += len(tokens) - len(shown)
    elements.append(Divider())
    if not shown:
        elements.append(Paragraph([helping.NO_TOKENS]))
    else:
        elements.append(Heading(f"{helping.YOURS}: {names.counted(len(shown) + more_tokens, 'token', 'tokens')}"))
        elements += [token_row(token, facts.zone) for token in shown]
    if more_tokens:
        elements.append(Note([f"And {more_tokens:,} more."]))
    return View(waiting.summary if waiting else helping.NOTHING_WAITS, elements)
