"""The auditor's question on one screen: who was accountable, what had they been asked, who could have removed it."""

from __future__ import annotations

from messages.cards.facts import AccountableFacts
from messages.cards.history import record_row
from messages.cards.parts import emergency_access, history_button
from messages.inert import one_line, short
from messages.moments import day, spoken
from messages.view import (
    Buttons,
    Code,
    Element,
    Facts,
    Heading,
    Inline,
    Moment,
    Note,
    Paragraph,
    Row,
    Strong,
    Text,
    View,
)
from messages.wording import names, recording, reporting, shared
from messages.wording.names import on_day

MOST_LINES = 8
_MOST_PEOPLE = 6
_MOST_LATER = 3


def who(facts: AccountableFacts) -> View:
    """The answer first, then what it rests on."""
    name = names.token(facts.token)
    on = spoken(Moment(facts.at, facts.zone, "date"))
    lines = facts.asked[-MOST_LINES:]
    elements: list[Element] = [
        Heading(f"Who was accountable for {name} on {on}"),
        Paragraph(answer(facts)),
        _circumstances(facts),
        Paragraph([Strong(recording.ASKED_AND_ANSWERED)] if lines else [recording.NOBODY_ASKED]),
        *(record_row(line, facts.zone) for line in lines),
    ]
    if earlier := len(facts.asked) - len(lines):
        elements.append(Note([f"And {earlier:,} earlier: ", Code(f"/whose history {name}")]))
    elements += _later(facts)
    elements.append(Note(_proof(facts)))
    elements.append(Buttons([history_button(facts.token)]))
    nobody = "not known" if too_early(facts) else "nobody was accountable"
    return View(f"{name} on {on}: {_accountable(facts) or nobody}.", elements)


def _accountable(facts: AccountableFacts) -> str:
    held = [(role, person) for role, person, _ in facts.roles if one_line(person)]
    return next((names.person_as(person, role) for role, person in held), "")


def answer(facts: AccountableFacts) -> Text:
    """The answer in one sentence."""
    for role, person, since in facts.roles:
        if one_line(person):
            held: list[Inline] = [" since ", on_day(since, facts.zone)] if since else []
            return [Strong(names.person(person)), f", its {names.role(role)}", *held, "."]
    if facts.first_known_at and too_early(facts):
        return [Strong("Not known"), ": this token was first imported ", on_day(facts.first_known_at, facts.zone), "."]
    return [Strong("Nobody"), ": no owner was named at that moment."]


def too_early(facts: AccountableFacts) -> bool:
    """The token was not known by then; that nobody was accountable would be a guess."""
    return facts.first_known_at is not None and facts.at < facts.first_known_at


def _circumstances(facts: AccountableFacts) -> Facts:
    first = next((index for index, (_, person, _) in enumerate(facts.roles) if one_line(person)), None)
    pairs: list[tuple[str, Text]] = []
    for index, (role, person, since) in enumerate(facts.roles):
        if index == first:
            continue
        named: list[Inline] = [names.person(person) if one_line(person) else "nobody"]
        held: list[Inline] = [", since ", on_day(since, facts.zone)] if since and one_line(person) else []
        pairs.append((_capital(names.role(role)), [*named, *held]))
    if one_line(facts.vendor):
        pairs.append(("Vendor", [short(facts.vendor, names.NAME), *looked_after(facts)]))
    ends = day(facts.contract_ends_on) if facts.contract_ends_on else ""
    pairs.append(("Contract then", [recording.contract(facts.contract, ends)]))
    pairs += emergency_access("In an emergency", facts.emergencies, facts.zone)
    if facts.users:
        pairs.append((shared.USERS_THEN, shared.answers(facts.users)))
    people = [names.person_as(name, role) for role, name in facts.could_remove[:_MOST_PEOPLE]]
    if len(facts.could_remove) > _MOST_PEOPLE:
        people.append(f"and {len(facts.could_remove) - _MOST_PEOPLE} more")
    pairs.append((recording.COULD_REMOVE, [", ".join(people) or "nobody that is known"]))
    return Facts(pairs)


def looked_after(facts: AccountableFacts) -> list[Inline]:
    """Who looked after the vendor, to follow its name."""
    if too_early(facts):
        return []
    if not one_line(facts.vendor_owner):
        return [", looked after by nobody"]
    since: list[Inline] = []
    if facts.vendor_owner_since:
        since = [", since ", on_day(facts.vendor_owner_since, facts.zone)]
    return [f", looked after by {names.person(facts.vendor_owner)}", *since]


def _later(facts: AccountableFacts) -> list[Element]:
    """What is known about the moment today and was written down after it: never mixed with what was known then."""
    told = [reporting.later_fact(one, facts.zone) for one in facts.later_facts]
    told += [reporting.later_line(one, facts.zone) for one in facts.later]
    if not told:
        return []
    more = len(told) - _MOST_LATER
    rows: list[Element] = [Row(text) for text in told[:_MOST_LATER]]
    rest: list[Element] = [Note([f"And {more:,} more."])] if more > 0 else []
    return [Paragraph([Strong(reporting.RECORDED_LATER)]), *rows, *rest]


def _proof(facts: AccountableFacts) -> Text:
    said = reporting.proof(facts)
    return [*said, "Check it with ", Code(reporting.VERIFY)] if facts.proofs else said


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
