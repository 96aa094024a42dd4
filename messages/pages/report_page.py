"""A bundle of the ledger as one page: what is in it, token by token, what that proves, and what it does not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby

from messages.cards.facts import HistoryLine
from messages.inert import one_line, short
from messages.moments import day
from messages.pages.asked import Asked, asked_and_answered
from messages.pages.engine import page
from messages.pages.lanes import marks_of, office_lanes
from messages.pages.report_facts import ControlEvidence, ReportFacts, TokenPart
from messages.pages.timeline import Timeline
from messages.view import Code, Moment, Text
from messages.wording import names, recording, reporting, summing_up

_MARGIN = timedelta(days=1)


@dataclass(frozen=True)
class Said:
    """A record in words."""

    line: HistoryLine
    sentence: str
    authority: str


@dataclass(frozen=True)
class TokenSection:
    """A token as its section shows it."""

    anchor: str
    name: str
    stands_out: str
    standing: str
    facts: Sequence[tuple[str, Text]]
    timeline: Timeline
    asked: Sequence[Asked]
    lines: Sequence[Said]
    gap: int
    """Before which line something is left out."""
    left_out: int
    records: int
    proof: Text


def report_page(facts: ReportFacts) -> str:
    """The report as HTML: one file, nothing loaded, for the screen and for paper."""
    numbers, subject = facts.numbers, summing_up.about(facts.selection, facts.selected)
    values = {
        "title": " ".join(filter(None, ["What the record says", subject])),
        "subject": subject,
        "facts": facts,
        "numbers": numbers,
        "about": _about(facts),
        "figures": summing_up.figures(numbers),
        "summary": [
            ("Why answers were asked for", summing_up.reasons(numbers.reasons)),
            ("What was decided", summing_up.decisions(numbers.decisions)),
            ("What came of the work", summing_up.results(numbers.results)),
            ("What the policy did about silence", summing_up.defaults(numbers.defaults)),
            ("All records by kind", summing_up.kinds(numbers.kinds)),
        ],
        "tokens": [_section(number, one, facts.as_of) for number, one in enumerate(facts.tokens, start=1)],
        "log_lines": [_said(line) for line in facts.log_lines],
        "frameworks": _by_framework(facts.controls),
        "legend": reporting.LEGEND,
        "words": reporting,
        "sums": summing_up,
    }
    return page("report.html", "UTC", values)


def _about(facts: ReportFacts) -> list[tuple[str, Text]]:
    size = names.counted(facts.size, "record", "records")
    pairs: list[tuple[str, Text]] = [
        ("Selection", [summing_up.selection(facts.selection, facts.selected)]),
        ("Records here", [f"{facts.numbers.records:,}"]),
        ("Log", [Code(short(facts.log, 200))]),
        ("Log id", [Code(short(facts.log_id, 80))]),
        ("Signed", [f"{size}" + (f", in epoch {facts.epoch}" if facts.epoch else "")]),
        ("Root of the signed records", [Code(facts.root)]),
    ]
    if facts.as_of is not None:
        pairs.append(("Last record", [Moment(facts.as_of)]))
    return pairs


def _section(number: int, token: TokenPart, as_of: datetime | None) -> TokenSection:
    at_home = summing_up.token(token.issuer, token.external_id)
    name = short(token.name, 120) or at_home
    lines = [_said(line) for line in token.lines]
    return TokenSection(
        anchor=f"t{number}",
        name=name,
        stands_out=summing_up.stands_out(token.stands_out),
        standing=summing_up.standing(token.holders),
        facts=[
            (label, [short(value, 300)])
            for label, value in (
                ("Token", at_home if name != at_home else ""),
                ("Vendor", token.vendor),
                ("Contract ends", day(token.contract_ends_on) if token.contract_ends_on else ""),
                ("Tier", token.tier),
                ("Scopes", token.scopes),
            )
            if one_line(value)
        ],
        timeline=_timeline(number, name, token, as_of),
        asked=asked_and_answered(token.lines),
        lines=lines,
        gap=_gap(token) if token.left_out else -1,
        left_out=token.left_out,
        records=token.records,
        proof=reporting.proof_of(token.proofs, "UTC"),
    )


def _gap(token: TokenPart) -> int:
    """The first line behind the records that are left out."""
    places = [(one.epoch, one.seq) for one in token.proofs]
    behind = places[token.told_first] if token.told_first < len(places) else (places[-1][0] + 1, 0)
    return next((at for at, line in enumerate(token.lines) if (line.epoch, line.seq) >= behind), len(token.lines))


def _timeline(number: int, name: str, token: TokenPart, as_of: datetime | None) -> Timeline:
    moments = [one.recorded_at for one in token.proofs] + [one.since for one in token.tenures]
    moments += [line.effective_at for line in token.lines if line.effective_at is not None]
    start = min(moments, default=as_of or datetime(1970, 1, 1, tzinfo=UTC))
    end = max([*moments, *([] if as_of is None else [as_of])], default=start)
    held = {one.role for one in token.tenures}
    lanes = [lane for lane, role in zip(office_lanes(token.tenures), names.OFFICES, strict=True) if role in held]
    return Timeline(
        name=f"p{number}",
        title=f"Who answered for {name}, and what happened",
        description=reporting.LANES_READ,
        lanes=lanes or office_lanes(token.tenures)[:1],
        marks=marks_of(token.lines),
        start=start,
        end=max(end, start + _MARGIN),
    )


def _said(line: HistoryLine) -> Said:
    return Said(line, recording.happened(line), reporting.authority(line))


def _by_framework(controls: Sequence[ControlEvidence]) -> list[tuple[str, list[ControlEvidence]]]:
    return [(name, list(group)) for name, group in groupby(controls, key=lambda one: one.framework)]
