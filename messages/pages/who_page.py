"""The auditor's question as a page: the answer first, then what it rests on, drawn and in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from messages.cards.facts import AccountableFacts, ProvenRecord, Story
from messages.cards.who import answer, looked_after, too_early
from messages.inert import one_line, short
from messages.moments import day, spoken
from messages.pages.asked import asked_and_answered, briefly
from messages.pages.engine import page
from messages.pages.lanes import by_office, timeline_of
from messages.view import Inline, Moment, Text
from messages.wording import names, recording, reporting

MOST_LINES = 200
"""Records that a page lists; earlier ones are counted."""


@dataclass(frozen=True)
class ProofRow:
    """Records with the same bounds."""

    records: str
    proof: ProvenRecord


def who_page(story: Story) -> str:
    """The answer as HTML: one file, nothing loaded, for the screen and for paper."""
    facts = story.answer
    name = names.token(facts.token)
    on = spoken(Moment(facts.at, facts.zone, "date"))
    lines, asked = facts.asked[-MOST_LINES:], asked_and_answered(facts.asked)
    values = {
        "title": f"Who was accountable for {name} on {on}",
        "name": name,
        "on": on,
        "facts": facts,
        "story": story,
        "answer": answer(facts),
        "circumstances": _circumstances(facts),
        "timeline": timeline_of(story),
        "legend": reporting.LEGEND,
        "asked": asked[-MOST_LINES:],
        "asked_briefly": briefly(asked),
        "lines": [(line, recording.happened(line), reporting.authority(line)) for line in lines],
        "earlier": len(facts.asked) - len(lines),
        "afterwards": [(line, recording.happened(line)) for line in story.afterwards[:MOST_LINES]],
        "more_afterwards": len(story.afterwards[MOST_LINES:]),
        "could_remove": [(names.person(person), names.role(role)) for role, person in facts.could_remove],
        "later": [reporting.later_fact(one, facts.zone) for one in facts.later_facts]
        + [reporting.later_line(one, facts.zone) for one in facts.later],
        "proof": reporting.proof(facts),
        "proofs": proof_rows(facts.proofs),
        "tenures": [(names.role(one.role), names.person(one.name), one) for one in by_office(story.tenures)],
        "words": reporting,
    }
    return page("who.html", facts.zone, values)


def proof_rows(proofs: Sequence[ProvenRecord]) -> list[ProofRow]:
    """Neighbours with the same bounds as one row."""

    def bounds(one: ProvenRecord) -> tuple[object, ...]:
        return (one.epoch, one.signed_size, one.kept_at, one.kept_by)

    rows = []
    for _, group in groupby(proofs, bounds):
        same = list(group)
        rows.append(ProofRow(reporting.records_named(same), same[-1]))
    return rows


def _circumstances(facts: AccountableFacts) -> list[tuple[str, Text]]:
    token = facts.token
    pairs: list[tuple[str, Text]] = []
    for role, person, since in facts.roles:
        held: list[Inline] = [", since ", names.on_day(since, facts.zone)] if since and one_line(person) else []
        pairs.append((_capital(names.role(role)), [names.person(person) if one_line(person) else "nobody", *held]))
    if not facts.roles:
        pairs.append(("Owners", ["not known" if too_early(facts) else "nobody was named"]))
    vendor = [names.supply(token), *looked_after(facts)] if one_line(facts.vendor) else ["none named"]
    ends = day(facts.contract_ends_on) if facts.contract_ends_on else ""
    pairs += [
        ("Vendor", vendor),
        ("Contract then", [recording.contract(facts.contract, ends)]),
        ("Token", [f"{short(token.issuing_system, 60)}, {short(token.external_id, 120)}"]),
        ("Purpose", [short(token.purpose, 300)]),
        ("Environment and data", [names.exposure(token)]),
        ("Reaches", [short(token.data_scope or token.scopes, 300)]),
    ]
    return [(label, text) for label, text in pairs if any(not isinstance(one, str) or one_line(one) for one in text)]


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
