"""A plan that ends all that a vendor holds, or that carries a tag or serves a consumer: proposal, progress, report.

One message for each reader, brought up to date as the plan goes on; at its end it is the report, leftovers first.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from messages.action_ref import ActionRef, Verb
from messages.cards.facts import OffboardingFacts, PlanToken
from messages.cards.forms import MOST_REASON
from messages.cards.parts import known
from messages.moments import day
from messages.view import Button, Buttons, Element, Form, Heading, Note, Paragraph, Row, Text, TextField, View
from messages.wording import deciding, names
from messages.wording import offboarding as wording

MOST_ROWS = 15


def offboarding(facts: OffboardingFacts) -> View:
    """The plan as it stands, with what this reader can do about it."""
    asks = Verb.PLAN_APPROVE in facts.offered
    heading = wording.heading(facts, asks=asks)
    elements: list[Element] = [Heading(heading), Paragraph(wording.why(facts))]
    if facts.total or facts.plan_id:
        elements += [Paragraph(wording.now(facts, asks=asks)), *_body(facts)]
    else:
        elements.append(Paragraph([wording.NOTHING]))
    if buttons := [_button(verb, facts) for verb in dict.fromkeys(facts.offered)]:
        elements.append(Buttons(buttons))
    return View(_summary(facts, heading), elements)


def _summary(facts: OffboardingFacts, heading: str) -> str:
    if facts.state == "proposed" and heading.endswith("?"):
        return f"{heading} {names.counted(facts.total, 'token', 'tokens')}, {facts.production:,} in production."
    return f"{heading}."


def _body(facts: OffboardingFacts) -> list[Element]:
    match facts.state:
        case "draft" | "proposed":
            by_people = [one for one in facts.tokens if not one.by_itself and facts.act]
            return [_reach(facts), *_rows(by_people, wording.by_people(facts), wording.EXPLAIN_PEOPLE)]
        case "running":
            return [*_leftovers(facts), _figures(facts)]
        case "ended":
            unproven = facts.counts.get("accepted_unverified", 0)
            said = wording.EXPLAIN_UNPROVEN if wording.left(facts) else ""
            return [
                *_leftovers(facts),
                *_rows(_in_state(facts, ["accepted_unverified"]), unproven, said),
                _figures(facts),
            ]
        case _:
            return [_figures(facts)]


def _reach(facts: OffboardingFacts) -> Element:
    """What the plan would reach: its blast radius."""
    by_people = wording.by_people(facts) if facts.act else facts.total
    pairs: list[tuple[str, Text]] = [
        ("Tokens", [f"{facts.total:,}"]),
        ("In production or unknown", [f"{facts.production:,}"]),
        ("Used in the last 30 days", [f"{facts.used_lately:,}"]),
        ("Given to people", [f"{by_people:,}" if by_people else ""]),
        ("Issuing systems", [wording.systems(facts)]),
        ("Vendors through it", [wording.children(facts)]),
        ("Last day of the contract", [day(facts.contract_ends_on) if facts.contract_ends_on else ""]),
    ]
    return known(pairs)


def _figures(facts: OffboardingFacts) -> Element:
    return known([*wording.figures(facts), ("Issuing systems", [wording.systems(facts)])])


def _leftovers(facts: OffboardingFacts) -> list[Element]:
    return _rows(_in_state(facts, wording.LEFT), wording.left(facts), "")


def _in_state(facts: OffboardingFacts, states: Iterable[str]) -> list[PlanToken]:
    return [one for one in facts.tokens if one.state in set(states)]


def _rows(tokens: Sequence[PlanToken], total: int, said: str) -> list[Element]:
    """The first of some tokens, and how many more there are."""
    shown = tokens[:MOST_ROWS]
    if not shown:
        return []
    more = total - len(shown)
    return [
        *([Paragraph([said])] if said else []),
        *(Row(wording.token(one)) for one in shown),
        *([Note([f"And {more:,} more."])] if more > 0 else []),
    ]


# ------------------------------------------------------------------ buttons and forms


def offboard_button(vendor_id: int) -> Button:
    """The button that proposes to end everything that a vendor holds."""
    return Button(deciding.label(Verb.OFFBOARD), ActionRef(Verb.OFFBOARD, vendor_id), "danger")


def _button(verb: Verb, facts: OffboardingFacts) -> Button:
    match verb:
        case Verb.OFFBOARD:
            return offboard_button(facts.vendor_id)
        case Verb.PLAN_APPROVE:
            return Button(deciding.label(verb), _action(verb, facts), "danger", wording.confirm(facts))
        case _:
            return Button(deciding.label(verb), _action(verb, facts))


def _action(verb: Verb, facts: OffboardingFacts) -> ActionRef:
    if verb is Verb.OFFBOARD:
        return ActionRef(verb, facts.vendor_id)
    return ActionRef(verb, facts.plan_id, facts.version)


def offboarding_form(verb: Verb, facts: OffboardingFacts) -> Form:
    """What is asked before a plan is proposed (``OFFBOARD``) or called off (``PLAN_CALL_OFF``): ``justification``."""
    words = deciding.form_words(verb)
    intro: list[Element] = [Paragraph([wording.heading(facts, asks=False)]), Paragraph([words.intro])]
    return Form(words.title, words.submit, _action(verb, facts), intro, [_reason(verb)], "Cancel")


def offboarding_faults(verb: Verb, values: Mapping[str, str]) -> dict[str, str]:
    """What is wrong with the answers, by field: a sentence for whoever filled them in. Empty: nothing."""
    asked, value = _reason(verb), values.get("justification", "").strip()
    if not value:
        return {asked.name: deciding.NEEDED}
    return {asked.name: deciding.TOO_LONG.format(most=MOST_REASON)} if len(value) > MOST_REASON else {}


def _reason(verb: Verb) -> TextField:
    words = deciding.form_words(verb)
    hint = words.hint or deciding.NEVER_A_SECRET
    return TextField("justification", words.question, multiline=True, max_length=MOST_REASON, hint=hint)
