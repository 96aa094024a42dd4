"""A token that several people use: the question to each of them, and what they answered."""

from __future__ import annotations

from messages.action_ref import Verb
from messages.cards.facts import RequestFacts, SharedUse
from messages.cards.parts import decision_button, open_button, token_facts, token_line
from messages.view import Buttons, Element, Facts, Heading, Inline, Moment, Note, Paragraph, Row, Strong, View
from messages.wording import names
from messages.wording import shared as wording

_OWN = (Verb.STILL_USED, Verb.NOT_USED)


def asks_a_user(facts: RequestFacts) -> bool:
    """Whether the request came to this reader only because they are one of the token's users."""
    return facts.use is not None and facts.why == "user" and facts.state in {"open", "handover"} and not facts.settled


def is_held(facts: RequestFacts) -> bool:
    """Whether somebody stands behind the token and only its users are still to answer."""
    return facts.use is not None and bool(facts.use.held_by) and facts.state == "open" and not facts.settled


def use_waits(facts: RequestFacts) -> bool:
    """Whether a question of this kind waits for the reader; True for every other question."""
    if facts.use is None:
        return True
    return facts.use.mine == "waiting" if facts.why == "user" else not facts.use.held_by


def use_card(facts: RequestFacts, use: SharedUse) -> View:
    """The question to one user, and their answer once it is given."""
    heading = wording.question(facts, use)
    buttons = [decision_button(verb, facts) for verb in dict.fromkeys(facts.offered) if verb in _OWN]
    others = [verb for verb in facts.offered if verb not in _OWN]
    elements: list[Element] = [
        Heading(heading),
        Paragraph(wording.why(facts, use)),
        token_facts(facts.token, facts.zone),
        answers(use),
        Buttons([*buttons, *(decision_button(verb, facts) for verb in others)] or [open_button(facts)]),
        *([Note(wording.until(use, facts.zone))] if use.mine == "waiting" else []),
    ]
    return View(heading if heading.endswith("?") else f"{heading}.", elements)


def held_card(facts: RequestFacts, use: SharedUse) -> View:
    """Attested, and who is still to answer."""
    heading = wording.held(facts, use)
    buttons = [decision_button(verb, facts) for verb in dict.fromkeys(facts.offered)]
    elements: list[Element] = [
        Heading(heading),
        Paragraph(wording.held_by(use, facts.zone)),
        answers(use),
        token_facts(facts.token, facts.zone),
        *([Buttons(buttons)] if buttons else []),
    ]
    return View(f"{heading}.", elements)


def answers(use: SharedUse) -> Element:
    """What each user says."""
    return Facts([(wording.USERS, wording.answers(use.users))])


def use_row(facts: RequestFacts, use: SharedUse) -> Row:
    """The question to a user as a line of a list."""
    asked = wording.question(facts, use)
    if use.mine in {"needed", "not_needed"}:
        return Row(["✓ ", asked], open_button(facts))
    own = next((decision_button(verb, facts) for verb in facts.offered if verb in _OWN), open_button(facts))
    by: list[Inline] = [" Answer by ", Moment(use.until, facts.zone)] if use.until else []
    return Row([*token_line(facts.token), f"\n{asked}", *by], own, [open_button(facts)])


def held_row(facts: RequestFacts, use: SharedUse) -> Row:
    """Attested, as a line of a list."""
    return Row(["✓ ", Strong(names.token(facts.token)), "\n", *wording.held_by(use, facts.zone)], open_button(facts))
