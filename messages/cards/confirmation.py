"""What the person who decided reads at once: what is recorded, and what happens next."""

from __future__ import annotations

from messages.action_ref import Verb
from messages.cards.facts import RequestFacts
from messages.cards.work import is_carried_out
from messages.inert import one_line
from messages.view import Inline, Moment, Paragraph, View
from messages.wording import carrying_out, names, outcomes


def confirmation(verb: Verb, facts: RequestFacts) -> View:
    """For ``verb`` by this reader; ``facts`` are those after the decision."""
    recorded = outcomes.recorded(verb.value, names.token(facts.token))
    return View(recorded, [Paragraph([recorded, *_afterwards(verb, facts)])])


def _afterwards(verb: Verb, facts: RequestFacts) -> list[Inline]:
    match verb:
        case _ if facts.work and facts.state == "remediating" and is_carried_out(facts):
            approved = facts.work.stage == "approved"
            now = [carrying_out.to_come(facts.work)] if approved else carrying_out.situation(facts, facts.work)
            return [" ", *now]
        case Verb.REVOKE | Verb.ROTATE:
            return [f" {outcomes.pending(facts.settled)} {outcomes.assigned(facts)}"]
        case Verb.DONE if facts.settled:
            return [f" {outcomes.result(facts.settled.outcome, facts.settled.result)}"]
        case Verb.DISOWN | Verb.REASSIGN if one_line(facts.proposed_to):
            return [f" {names.person(facts.proposed_to)} is asked to take it over."]
        case Verb.DISOWN | Verb.DECLINE if one_line(facts.next_name):
            return [f" {names.person_as(facts.next_name, facts.next_role)} is asked next."]
        case Verb.SNOOZE if facts.next_at:
            return [" The question comes back ", Moment(facts.next_at, facts.zone), "."]
        case _:
            return []
