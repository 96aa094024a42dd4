"""From roles, contracts and records to what a timeline draws. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from messages.cards.facts import HistoryLine, Story, Tenure
from messages.moments import day, spoken
from messages.pages.timeline import Lane, Mark, MarkKind, Span, Timeline
from messages.view import Moment
from messages.wording import names, recording, reporting

_MARKS: dict[str, MarkKind] = {
    "asked": "asked",
    "no_response": "no_answer",
    "decision": "decision",
    "handover_proposed": "decision",
    "handover_answered": "decision",
    "remediation_opened": "remediation",
    "remediation_result": "remediation",
    "remediation_step": "remediation",
    "remediation_agreed": "decision",
    "emergency_access": "decision",
    "use_answered": "decision",
    "refused": "refused",
    "default_action": "policy",
}


def timeline_of(story: Story) -> Timeline:
    """The picture of a token's story, from its beginning until it was looked up."""
    facts = story.answer
    lines = [*facts.asked, *facts.later, *story.afterwards]
    seen = [one.since for one in story.tenures if one.role != "contract"]
    seen += [facts.at, *(line.effective_at or line.at for line in lines)]
    name = names.token(facts.token)
    when = spoken(Moment(facts.at, "UTC"))
    return Timeline(
        name="timeline",
        title=f"Who answered for {name}, and what happened",
        description=f"{reporting.LANES_READ} The upright line is the moment asked about, {when}.",
        lanes=[*office_lanes(story.tenures), contract_lane(story.tenures)],
        marks=marks_of(lines, after=facts.at),
        start=min(seen if facts.first_known_at is None else [*seen, facts.first_known_at]),
        end=max(story.as_of, facts.at),
        asked_about=facts.at,
    )


def by_office(tenures: Sequence[Tenure]) -> list[Tenure]:
    """Those of a person, office by office, in the order of time."""
    people = [one for one in tenures if one.role in names.OFFICES]
    return sorted(people, key=lambda one: (names.OFFICES.index(one.role), one.since))


def office_lanes(tenures: Sequence[Tenure]) -> list[Lane]:
    """A lane for each office: service, business and backup owner, and who looks after the vendor."""
    return [
        Lane(
            names.role(role)[:1].upper() + names.role(role)[1:],
            [Span(names.person(one.name), one.since, one.until) for one in tenures if one.role == role],
        )
        for role in names.OFFICES
    ]


def contract_lane(tenures: Sequence[Tenure]) -> Lane:
    """When the vendor's contract was in force."""
    spans = []
    for one in tenures:
        if one.role == "contract":
            ends = "" if one.until is None else day(_day_before(one.until).date())
            spans.append(Span(recording.contract("active" if ends else "open_ended", ends), one.since, one.until))
    return Lane("Contract with the vendor", spans, "no contract known")


def marks_of(lines: Iterable[HistoryLine], after: datetime | None = None) -> list[Mark]:
    """A mark for everything that somebody was asked, said or did; lighter where it was ``after`` a moment."""
    marks = []
    for line in lines:
        kind = _MARKS.get(line.kind.lower())
        if kind is not None:
            at = line.effective_at or line.at
            said = f"{spoken(Moment(at, 'UTC'))}: {recording.happened(line)}"
            marks.append(Mark(kind, at, said, late=after is not None and at > after))
    return marks


def _day_before(at: datetime) -> datetime:
    return datetime.fromtimestamp(at.timestamp() - 1, UTC)
