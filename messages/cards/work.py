"""A removal or rotation that a connector carries out: the question to a second person, and where it stands."""

from __future__ import annotations

from messages.action_ref import Verb
from messages.cards.facts import RequestFacts, WorkFacts
from messages.cards.parts import LONG_VALUE, decision_button, known, open_button, token_line, vendor_holds
from messages.inert import clean, short
from messages.view import Buttons, Code, Element, Facts, Heading, Inline, Note, Paragraph, Row, Strong, Text, View
from messages.wording import carrying_out, names, outcomes, working

_MOST_DETAIL = 500
_MOST_ID = 120
_MOST_STEPS = 800  # characters of instructions


def is_carried_out(facts: RequestFacts) -> bool:
    """Whether a connector has a part in the work, so that this card tells of it."""
    return facts.work is not None and facts.work.stage not in {"by_hand", "verified", "called_off"}


def work_card(facts: RequestFacts, work: WorkFacts) -> View:
    """The work as it stands, with what this reader can do about it."""
    heading = carrying_out.heading(facts, work)
    asks = carrying_out.asks_to_agree(facts)
    elements: list[Element] = [
        Heading(heading),
        *([Paragraph(outcomes.decided(facts.settled, facts.zone, works=True))] if facts.settled else []),
        Paragraph(carrying_out.situation(facts, work)),
        *_said(work),
        _radius(facts, work) if asks else _brief_facts(facts, work),
        *([Paragraph([carrying_out.if_agreed(work)])] if asks else []),
        *_by_hand(facts, work),
        *([Buttons([decision_button(verb, facts) for verb in dict.fromkeys(facts.offered)])] if facts.offered else []),
        *_notes([carrying_out.part_of(work)], carrying_out.next_move(facts, work), vendor_holds(facts) if asks else []),
    ]
    return View(_summary(facts, work, heading), elements)


def _summary(facts: RequestFacts, work: WorkFacts, heading: str) -> str:
    if carrying_out.asks_to_agree(facts):
        return f"{heading} A second person is asked, because {carrying_out.because(facts, work, use=True)}."
    if work.stage == "halted":
        return f"{heading}. {working.fault(work.fault, work.system)}"
    return f"{heading}."


def _said(work: WorkFacts) -> list[Element]:
    """In the system's own words, what stood in the way."""
    said = working.detail(clean(work.fault_detail, lines=False), _MOST_DETAIL)
    return [Paragraph([f"Detail: {said}"])] if said and work.stage == "halted" else []


def _radius(facts: RequestFacts, work: WorkFacts) -> Facts:
    """What the end of it would reach: its blast radius."""
    token = facts.token
    return known(
        [
            ("Reason given", [short(work.reason, LONG_VALUE)]),
            *_credential(facts, work),
            *_use(facts, work),
            ("Used for", [short(work.used_for, LONG_VALUE)]),
            ("What breaks without it", [short(work.consumers, LONG_VALUE) or carrying_out.NOTHING_KNOWN]),
            ("Can be given back", [carrying_out.way_back(work)]),
            ("Environment, data", [names.exposure(token) or "not recorded"]),
            ("Vendor", [names.supply(token)]),
            ("Purpose", [short(token.purpose, LONG_VALUE)]),
            ("Scopes", [short(token.scopes, LONG_VALUE) or "not recorded"]),
            ("Data", [short(token.data_scope, LONG_VALUE)]),
        ]
    )


def _brief_facts(facts: RequestFacts, work: WorkFacts) -> Facts:
    shown: list[tuple[str, Text]] = [
        *_credential(facts, work),
        *(_use(facts, work) if work.stage != "proven" else ()),  # there it is said of the old one
        ("Vendor", [names.supply(facts.token)]),
        ("Environment, data", [names.exposure(facts.token)]),
        ("What uses it", [short(work.consumers, LONG_VALUE)]),
    ]
    return known(shown)


def _use(facts: RequestFacts, work: WorkFacts) -> list[tuple[str, Text]]:
    last, at = carrying_out.last_used(facts, work), carrying_out.looked_at(facts, work)
    return [("Last used", last), ("Looked at", at)]


def _credential(facts: RequestFacts, work: WorkFacts) -> list[tuple[str, Text]]:
    """Exactly what it is about; after a new one came into use, which is which."""
    if work.old_id and work.new_id:
        ids: list[tuple[str, str]] = [("New one", work.new_id), ("Old one", work.old_id)]
    else:
        ids = [("Credential", facts.token.external_id)]
    found: list[tuple[str, Text]] = [(label, [Code(short(one, _MOST_ID))]) for label, one in ids]
    return [("Issuing system", [working.system(work.system)]), *found]


def _by_hand(facts: RequestFacts, work: WorkFacts) -> list[Element]:
    """Whoever may report it as done by hand is told how."""
    steps = clean(facts.instructions, lines=True).strip()[:_MOST_STEPS]
    if Verb.DONE not in facts.offered or work.stage != "halted" or not steps:
        return []
    return [Paragraph([Strong("How to do it by hand"), "\n", steps])]


def _notes(*texts: Text) -> list[Element]:
    return [Note(text) for text in texts if any(text)]


def work_row(facts: RequestFacts, work: WorkFacts) -> Row:
    """The same in two or three lines of a list."""
    if carrying_out.asks_to_agree(facts):
        wanted = "rotated" if work.kind == "rotate" else "removed"
        because = carrying_out.because(facts, work, use=True)
        said: list[Inline] = [f"\nTo be {wanted}; a second person has to agree, because {because}.\nLast used "]
        return Row([*token_line(facts.token), *said, *carrying_out.last_used(facts, work)], open_button(facts))
    text = [Strong(names.token(facts.token)), "\n", *carrying_out.situation(facts, work)]
    return Row(text, open_button(facts) if facts.offered else None)
