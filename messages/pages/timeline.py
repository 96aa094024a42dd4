"""A drawn timeline: who held which role when, and what happened; pure geometry, from values to SVG.

Places along the time are percentages, so that one drawing fits a phone, a screen and a sheet of paper while its letters
keep their size. Nothing is told by colour alone, and a table beside the picture says the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from markupsafe import Markup, escape

from messages.inert import short
from messages.moments import day

MarkKind = Literal["asked", "no_answer", "decision", "remediation", "refused", "policy"]

MOST_MARKS = 150
_LEFT, _RIGHT = 0.5, 99.5  # percent of the width
_CLOSEST = 3.0  # percent between two marks in one row
_MOST_ROWS = 5
_TOP, _LANE, _BAR, _MARK_ROW, _AXIS = 24, 46, 22, 20, 26  # pixels
_MOST_LABELS, _MOST_STROKES = 6, 48
_LABEL = 80
_STEPS = (1, 3, 6, 12, 24, 120, 240, 1200, 2400, 12000, 24000)  # months; each divides those behind it
_LAST_YEAR = 9999
_LATEST = datetime(_LAST_YEAR, 12, 31, tzinfo=UTC)


@dataclass(frozen=True)
class Span:
    """Something that was so over ``[start, end)``; without an end it still is."""

    label: str
    start: datetime
    end: datetime | None = None


@dataclass(frozen=True)
class Lane:
    """One role, or the contract, and who or what filled it when."""

    label: str
    spans: Sequence[Span]
    empty: str = "nobody named"
    """What is said where there is nothing at all."""


@dataclass(frozen=True)
class Mark:
    """Something that happened at a moment."""

    kind: MarkKind
    at: datetime
    label: str
    late: bool = False
    """After the day asked about: drawn lighter."""


@dataclass(frozen=True)
class Timeline:
    """What is drawn, from ``start`` to ``end``; all moments carry a zone, and the axis is in UTC."""

    name: str
    """An identifier, unique on its page."""
    title: str
    description: str
    lanes: Sequence[Lane]
    marks: Sequence[Mark]
    start: datetime
    end: datetime
    asked_about: datetime | None = None


@dataclass(frozen=True)
class Tick:
    """A place on the axis; without a label it is a short stroke."""

    at: datetime
    label: str = ""


def draw(timeline: Timeline) -> Markup:
    """The timeline as an inline SVG with a title and a description."""
    scale = _Scale(timeline.start, timeline.end)
    marks = sorted(timeline.marks, key=lambda one: one.at)[-MOST_MARKS:]
    rows = _rows([scale.x(one.at) for one in marks])
    top = 4 if timeline.asked_about is None else _TOP
    bottom = top + len(timeline.lanes) * _LANE
    marks_height = (max(rows, default=-1) + 1) * _MARK_ROW + (26 if marks else 0)
    axis = bottom + marks_height + 6
    parts = [
        *(_lane(lane, top + number * _LANE, scale) for number, lane in enumerate(timeline.lanes)),
        _day_line(timeline.asked_about, axis, scale),  # over the bars and beneath the marks
        _marks(marks, rows, bottom, scale),
        _axis(timeline, axis, scale),
    ]
    return Markup(
        '<svg class="timeline" role="img" width="100%" height="{height}" aria-labelledby="{name}-t {name}-d">'
        '<title id="{name}-t">{title}</title><desc id="{name}-d">{description}</desc>{parts}</svg>'
    ).format(
        height=axis + _AXIS,
        name=timeline.name,
        title=short(timeline.title, 200),
        description=short(timeline.description, 600),
        parts=Markup("").join(parts),
    )


def sample(kind: MarkKind) -> Markup:
    """One mark by itself, for a legend."""
    return Markup('<svg class="sample" width="16" height="16" aria-hidden="true">{}</svg>').format(
        Markup('<svg x="8" y="8" overflow="visible" class="mark {}">{}</svg>').format(kind, _SHAPES[kind])
    )


def ticks(start: datetime, end: datetime) -> list[Tick]:
    """Strokes at the months of UTC (at days, where it is all within two months), at most six of them labelled."""
    start, end = start.astimezone(UTC), end.astimezone(UTC)
    if start.year >= _LAST_YEAR:
        return []
    if end - start <= timedelta(days=62):
        return _day_ticks(start, end)
    first, last = _index(start) + (start > _month(_index(start))), _index(end)
    labels, strokes = _step(first, last, _MOST_LABELS), _step(first, last, _MOST_STROKES)
    return [
        Tick(_month(index), _month_label(_month(index), labels) if index % labels == 0 else "")
        for index in range(-(-first // strokes) * strokes, last + 1, strokes)
    ]


# ------------------------------------------------------------------ places


class _Scale:
    """Moments to percentages of the width; what lies outside is moved to the edge."""

    def __init__(self, start: datetime, end: datetime) -> None:
        self.start = min(start, _LATEST)
        self.end = max(end, self.start + timedelta(hours=1))

    def x(self, at: datetime) -> float:
        share = (at - self.start) / (self.end - self.start)
        return _LEFT + (_RIGHT - _LEFT) * min(max(share, 0.0), 1.0)

    def within(self, at: datetime) -> bool:
        return self.start <= at <= self.end


def _rows(places: Sequence[float]) -> list[int]:
    """For each place, from left to right, the first row in which it has room; the last row where none has."""
    last: list[float] = []
    rows = []
    for x in places:
        row = next((number for number, before in enumerate(last) if x - before >= _CLOSEST), len(last))
        row = min(row, _MOST_ROWS - 1)
        last[row : row + 1] = [x]
        rows.append(row)
    return rows


# ------------------------------------------------------------------ parts


def _lane(lane: Lane, top: int, scale: _Scale) -> Markup:
    bar = top + 17
    label = Markup('<text class="lane" x="{}%" y="{}">{}</text>').format(_LEFT, top + 11, short(lane.label, _LABEL))
    line = Markup('<line class="nobody" x1="{}%" x2="{}%" y1="{y}" y2="{y}"/>').format(_LEFT, _RIGHT, y=bar + _BAR // 2)
    shown = [one for one in lane.spans if one.start <= scale.end and (one.end is None or one.end > scale.start)]
    if not shown:
        empty = Markup('<text class="empty" x="{}%" y="{}" dx="6">{}</text>').format(_LEFT, bar + 15, lane.empty)
        return label + line + empty
    return label + line + Markup("").join(_span(one, bar, scale) for one in shown)


def _span(span: Span, top: int, scale: _Scale) -> Markup:
    left = scale.x(span.start)
    width = max((_RIGHT if span.end is None else scale.x(span.end)) - left, 0.4)
    return Markup(
        '<svg x="{left}%" y="{top}" width="{width}%" height="{height}"><title>{label}</title>'
        '<rect class="bar" width="100%" height="100%" rx="3"/><text class="name" x="8" y="15">{label}</text></svg>'
    ).format(left=f"{left:.2f}", top=top, width=f"{width:.2f}", height=_BAR, label=short(span.label, _LABEL))


def _marks(marks: Sequence[Mark], rows: Sequence[int], top: int, scale: _Scale) -> Markup:
    if not marks:
        return Markup("")
    label = Markup('<text class="lane" x="{}%" y="{}">What happened</text>').format(_LEFT, top + 11)
    return label + Markup("").join(
        Markup(
            '<svg x="{x}%" y="{y}" overflow="visible" class="mark {kind}{late}"><title>{label}</title>{shape}</svg>'
        ).format(
            x=f"{min(max(scale.x(mark.at), 2.0), 98.0):.2f}",
            y=top + 28 + row * _MARK_ROW,
            kind=mark.kind,
            late=" late" if mark.late else "",
            label=short(mark.label, 240),
            shape=_SHAPES[mark.kind],
        )
        for mark, row in zip(marks, rows, strict=True)
    )


# Around 0, 0. No two have one outline, so that they part without colour.
_SHAPES: dict[str, Markup] = {
    "asked": Markup('<circle class="hollow" r="5"/>'),
    "no_answer": Markup('<path class="stroke" d="M-5-5 5 5M-5 5 5-5"/>'),
    "decision": Markup('<path class="solid" d="M0-7 7 0 0 7-7 0z"/>'),
    "remediation": Markup('<rect class="solid" x="-5.5" y="-5.5" width="11" height="11"/>'),
    "refused": Markup('<path class="hollow" d="M0-6 6 5-6 5z"/>'),
    "policy": Markup('<path class="hollow" d="M0-7 7 0 0 7-7 0z"/>'),
}


def _axis(timeline: Timeline, y: int, scale: _Scale) -> Markup:
    parts = [Markup('<line class="axis" x1="{}%" x2="{}%" y1="{y}" y2="{y}"/>').format(_LEFT, _RIGHT, y=y)]
    for tick in ticks(timeline.start, scale.end):
        x = scale.x(tick.at)
        length = 7 if tick.label else 4
        parts.append(Markup('<line class="axis" x1="{x}%" x2="{x}%" y1="{y}" y2="{to}"/>').format(
            x=f"{x:.2f}", y=y, to=y + length
        ))  # fmt: skip
        if tick.label:
            parts.append(_text_at(x, y + 20, tick.label, "tick"))
    return Markup("").join(parts)


def _day_line(at: datetime | None, bottom: int, scale: _Scale) -> Markup:
    if at is None or not scale.within(at):
        return Markup("")
    x = scale.x(at)
    line = Markup('<line class="day" x1="{x}%" x2="{x}%" y1="18" y2="{y}"/>').format(x=f"{x:.2f}", y=bottom)
    return line + _text_at(x, 12, day(at.astimezone(UTC).date()), "day")


def _text_at(x: float, y: int, label: str, kind: str) -> Markup:
    anchor = "start" if x < 6 else "end" if x > 94 else "middle"
    return Markup('<text class="{}" x="{}%" y="{}" text-anchor="{}">{}</text>').format(
        kind, f"{x:.2f}", y, anchor, escape(label)
    )


# ------------------------------------------------------------------ the axis


def _step(first: int, last: int, most: int) -> int:
    """The months from one to the next, so that no more than ``most`` of these fall between two months."""
    return next((step for step in _STEPS if last // step - (first - 1) // step <= most), _STEPS[-1])


def _index(at: datetime) -> int:
    """Months since the year 0."""
    return at.year * 12 + at.month - 1


def _month(index: int) -> datetime:
    return datetime(index // 12, index % 12 + 1, 1, tzinfo=UTC)


def _month_label(at: datetime, step: int) -> str:
    if step >= 12:
        return str(at.year)
    named = day(at.date()).split()[1]
    return f"{named} {at.year}" if at.month == 1 else named


def _day_ticks(start: datetime, end: datetime) -> list[Tick]:
    first = (start + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    days = [first + timedelta(days=number) for number in range(max((end - first).days + 1, 0))]
    step = max(1, -(-len(days) // _MOST_LABELS))

    return [Tick(at, " ".join(day(at.date()).split()[:2]) if n % step == 0 else "") for n, at in enumerate(days)]
