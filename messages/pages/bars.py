"""Drawn bars: pure geometry, from numbers to SVG, as ``timeline.py`` does it.

Places along the width are percentages, so that one drawing fits a phone, a screen and a sheet of paper. Nothing is told
by colour alone: the parts of a bar always come in one order, and a table beside the picture says the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from messages.inert import short

_LEFT, _RIGHT = 0.5, 99.5  # percent of the width
_TALLEST, _TOP, _FOOT = 200, 22, 26  # pixels
_WIDEST = 14.0  # percent of the width, for one column
_MOST_LABELS, _MOST_TOTALS = 6, 8
_ROW, _THICK = 44, 14


@dataclass(frozen=True)
class Bar:
    """One bar; its parts by the name of their kind, in the order in which they are drawn."""

    label: str
    parts: Sequence[tuple[str, int]]
    said: str
    """The bar in words."""

    @property
    def total(self) -> int:
        return sum(number for _, number in self.parts)


@dataclass(frozen=True)
class Chart:
    """``name`` is an identifier, unique on its page."""

    name: str
    title: str
    description: str
    bars: Sequence[Bar]


def columns(chart: Chart) -> Markup:
    """Bars that stand beside each other, the first part at the bottom."""
    most = max((bar.total for bar in chart.bars), default=0) or 1
    slot = (_RIGHT - _LEFT) / max(len(chart.bars), 1)
    every = -(-len(chart.bars) // _MOST_LABELS)
    bottom = _TOP + _TALLEST
    tallest = next((number for number, bar in enumerate(chart.bars) if bar.total == most), None)
    drawn = []
    for number, bar in enumerate(chart.bars):
        middle = _LEFT + (number + 0.5) * slot
        total, parts = _column(bar, middle, min(slot * 0.72, _WIDEST), most)
        # Over many narrow columns the numbers would lie over each other; the tallest has its own.
        numbered = total if len(chart.bars) <= _MOST_TOTALS or number == tallest else Markup("")
        label = _text("tick", middle, bottom + 18, bar.label, "middle") if number % every == 0 else Markup("")
        drawn.append(_group(bar, [*parts, numbered, label]))
    axis = Markup('<line class="axis" x1="{}%" x2="{}%" y1="{y}" y2="{y}"/>').format(_LEFT, _RIGHT, y=bottom)
    return _svg(chart, bottom + _FOOT, [*drawn, axis])


def rows(chart: Chart) -> Markup:
    """Bars that lie under each other, each beneath its name."""
    most = max((bar.total for bar in chart.bars), default=0) or 1
    drawn = [_row(bar, number * _ROW, most) for number, bar in enumerate(chart.bars)]
    return _svg(chart, len(chart.bars) * _ROW, drawn)


def swatch(kind: str) -> Markup:
    """A sample of one part, for a legend."""
    return Markup(
        '<svg class="sample bars" width="16" height="16" aria-hidden="true">'
        '<rect class="part {}" x="1" y="2" width="14" height="12" rx="2"/></svg>'
    ).format(kind)


def _svg(chart: Chart, height: int, parts: Sequence[Markup]) -> Markup:
    return Markup(
        '<svg class="bars" role="img" width="100%" height="{height}" aria-labelledby="{name}-t {name}-d">'
        '<title id="{name}-t">{title}</title><desc id="{name}-d">{description}</desc>{parts}</svg>'
    ).format(
        height=height,
        name=chart.name,
        title=short(chart.title, 200),
        description=short(chart.description, 600),
        parts=Markup("").join(parts),
    )


def _column(bar: Bar, middle: float, width: float, most: int) -> tuple[Markup, list[Markup]]:
    """The number on top, and the parts."""
    parts, top, counted = [], float(_TOP + _TALLEST), 0
    for kind, number in bar.parts:
        counted += number
        upper = _TOP + _TALLEST * (1 - counted / most)
        if number:
            left = f"{middle - width / 2:.2f}%"
            parts.append(_part(kind, left, f"{upper:.1f}", f"{width:.2f}%", f"{top - upper:.1f}"))
        top = upper
    anchor = "start" if middle < 6 else "end" if middle > 94 else "middle"
    return _text("total", middle, round(top) - 6, f"{bar.total:,}", anchor), parts


def _row(bar: Bar, top: int, most: int) -> Markup:
    parts, left = [], _LEFT
    for kind, number in bar.parts:
        width = (_RIGHT - _LEFT) * number / most
        if number:
            parts.append(_part(kind, f"{left:.2f}%", str(top + 19), f"{width:.2f}%", str(_THICK)))
        left += width
    name = _text("name", _LEFT, top + 13, bar.label, "start")
    return _group(bar, [name, _text("total", _RIGHT, top + 13, f"{bar.total:,}", "end"), *parts])


def _group(bar: Bar, parts: Sequence[Markup]) -> Markup:
    return Markup("<g><title>{}</title>{}</g>").format(short(bar.said, 300), Markup("").join(parts))


def _part(kind: str, x: str, y: str, width: str, height: str) -> Markup:
    return Markup('<rect class="part {}" x="{}" y="{}" width="{}" height="{}"/>').format(kind, x, y, width, height)


def _text(kind: str, x: float, y: int, text: str, anchor: str) -> Markup:
    return Markup('<text class="{}" x="{:.2f}%" y="{}" text-anchor="{}">{}</text>').format(
        kind, x, y, anchor, short(text, 60)
    )
