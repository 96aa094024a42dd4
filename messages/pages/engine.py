"""How a page is put together: templates that escape by themselves, one stylesheet, and a policy that allows no more."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from messages.inert import clean, short
from messages.moments import day, spoken
from messages.pages.timeline import Timeline, draw, sample
from messages.view import Code, Inline, Moment, Strong, Text
from messages.wording.recording import begins

_NAME = 90
_FOLDER = Path(__file__).parent


def page(template: str, zone: str, values: Mapping[str, Any], styles: tuple[str, ...] = ("style.css",)) -> str:
    """A whole page as HTML.

    Args:
        template: a file of this folder.
        zone: in which moments are told.
        values: what the template names. Every text among them is made inert and escaped.
        styles: stylesheets of this folder, one after the other.
    """
    told = {"when": _when(zone), "on_day": _when(zone, "date"), "inline": _inline(zone)}
    drawn = {"draw": draw, "sample": sample, "span": _span}
    return _environment().get_template(template).render({**told, **drawn, **_frame(styles), **values}) + "\n"


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_FOLDER, encoding="utf-8"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_inert,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"short": _short, "capital": _capital, "ours": begins, "number": "{:,}".format}
    return environment


@cache
def _frame(styles: tuple[str, ...]) -> dict[str, Any]:
    """The stylesheets in one, and a Content Security Policy that allows it by its hash and forbids everything else."""
    style = "".join((_FOLDER / name).read_text(encoding="utf-8") for name in styles)
    digest = b64encode(sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    return {"style": Markup(style), "policy": policy}  # noqa: S704 - our own file; it is hashed as it stands


def _inert(value: object) -> object:
    """What is told in a template is made harmless, as in every message; what is markup already was made here."""
    return value if isinstance(value, Markup) or not isinstance(value, str) else clean(value, lines=True)


def _span(timeline: Timeline) -> str:
    first, last = (day(at.astimezone(UTC).date()) for at in (timeline.start, timeline.end))
    return f"{first} to {last}"


def _short(value: str) -> str:
    return short(value, _NAME)


def _capital(value: str) -> str:
    return value[:1].upper() + value[1:]


def _when(zone: str, style: Literal["date", "datetime"] = "datetime") -> Callable[[datetime], Markup]:
    def when(at: datetime) -> Markup:
        stamp = at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return Markup('<time datetime="{}">{}</time>').format(stamp, spoken(Moment(at, zone, style)))

    return when


def _inline(zone: str) -> Callable[[Text], Markup]:
    when, on_day = _when(zone), _when(zone, "date")

    def one(part: Inline) -> Markup:
        match part:
            case str():
                return escape(clean(part))
            case Strong(text):
                return Markup("<strong>{}</strong>").format(clean(text))
            case Code(text):
                return Markup("<code>{}</code>").format(clean(text))
            case Moment(at, _, style):
                return on_day(at) if style == "date" else when(at)

    return lambda text: Markup("").join(map(one, text))
