"""``whose plan``: what the policy would ask of everybody over the weeks to come."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from datetime import datetime
from fractions import Fraction
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING, Any

import click

from bot.cli.installation import MOMENT, json_option, with_installation
from bot.cli.output import emit, progress, say, show, width

if TYPE_CHECKING:
    from bot.wiring.installation import Installation
    from messages.pages.plan_facts import PlanFacts

_MOST_WEEKS = 104
_MOST_READERS = 10


class ShareType(click.ParamType[Fraction]):
    """A share of all: ``0.8``, ``80%`` or ``4/5``."""

    name = "share"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Fraction:
        if isinstance(value, Fraction):
            return value
        text = str(value).strip()
        try:
            share = Fraction(text.removesuffix("%").strip()) / (100 if text.endswith("%") else 1)
        except (ValueError, ZeroDivisionError):
            self.fail(f"{value!r} is not a share; write it as 0.8 or 80%.", param, ctx)
        if not 0 <= share <= 1 or share.denominator > 10**6:
            self.fail(f"{value!r} is not between 0 and 1.", param, ctx)
        return share


@click.command("plan")
@click.option("--weeks", type=click.IntRange(1, _MOST_WEEKS), default=4, show_default=True, help="How far to look.")
@click.option("--start", type=MOMENT, help="Begin at this moment instead of now (ISO 8601; UTC without a zone).")
@click.option(
    "--answering",
    type=ShareType(),
    default=Fraction(0),
    metavar="SHARE",
    help="As if this share of the questions were answered in time, such as 0.8; without it, nobody answers.",
)
@click.option(
    "--html",
    "page",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    metavar="FILE",
    help="Write the plan as a page, with its charts drawn: for the screen and for paper.",
)
@json_option
@with_installation
def plan_command(
    installation: Installation,
    weeks: int,
    start: datetime | None,
    answering: Fraction,
    page: Path | None,
    as_json: bool,
) -> None:
    """Show whom the policy would write to over the weeks to come.

    How many messages each person and the security channel would get and when, what the platform's pace makes of it,
    and what would be overdue. Nothing is written and nobody is asked. To see what another policy would do, name it
    in WHOSE_POLICY.

    \b
    Examples:
        whose plan
        whose plan --weeks 8 --answering 0.8 --html plan.html
    """
    from bot.operations.planning.plan import plan

    now = installation.now() if start is None else start
    with progress() as step:
        facts = plan(
            installation.context(lambda: now),
            weeks=weeks,
            share=answering,
            sweep_minutes=installation.settings.sweep_minutes,
            progress=lambda done, total: step("planning", done, total),
        )
    if page is not None:
        _write_page(facts, page)
    if as_json:
        emit(_objects(facts))
    elif page is None:
        _show(facts)


def _write_page(facts: PlanFacts, file: Path) -> None:
    from messages.pages.plan_page import plan_page

    try:
        file.write_text(plan_page(facts), encoding="utf-8")
    except OSError as error:
        raise click.UsageError(f"{file} cannot be written: {error.strerror}. Name another file.") from None
    say(f"Written to {file}. It loads nothing and can be printed.")


# ------------------------------------------------------------------ for programs


def _objects(facts: PlanFacts) -> Iterator[dict[str, Any]]:
    """The plan itself, then its weeks, days and readers, one object each."""
    yield {
        "kind": "plan",
        "start": facts.start,
        "end": facts.end,
        "policy": facts.policy,
        "answering": float(facts.share),
        "tokens": facts.tokens,
        "due_now": facts.due_now,
        "open_now": facts.open_now,
        "first_run": facts.first_run,
        "first_day_opened": facts.first_opened,
        "caught_up_on": facts.caught_up_on,
        "messages": facts.messages,
        "people": facts.people,
        "messages_per_person_week": {"median": facts.person_week(0.5), "p99": facts.person_week(0.99)},
        "busiest_day": facts.busiest,
        "messages_per_minute": facts.per_minute,
        "longest_line": None if facts.queue is None else asdict(facts.queue),
    }
    for week in facts.weeks:
        yield {"kind": "week", "messages": week.messages, **asdict(week)}
    for day, messages in facts.days.items():
        yield {"kind": "day", "day": day, "messages": messages}
    for one in facts.readers:
        yield {"kind": "reader", "messages": one.messages, **asdict(one)}


# ------------------------------------------------------------------ for people


def _show(facts: PlanFacts) -> None:
    from messages.pages.plan_facts import ROLES
    from messages.wording import planning

    _paragraphs(planning.headline(facts), planning.first_run(facts))
    roles = [role for role in ROLES if facts.of_role(role)]
    if facts.messages:
        heads = [planning.ROLE_SHORT[role] for role in roles]
        _table(
            ["messages to", *heads, "all"],
            (
                [planning.days(week.first, week.last), *(week.sent.get(role, 0) for role in roles), week.messages]
                for week in facts.weeks
            ),
            [["total", *(facts.of_role(role) for role in roles), facts.messages]],
        )
        _table(
            ["who gets most", *heads, "all", "most on one day"],
            (
                [
                    one.name,
                    *(one.sent.get(role, 0) for role in roles),
                    one.messages,
                    f"{one.busiest_messages} on {one.busiest:%Y-%m-%d}",
                ]
                for one in facts.readers[:_MOST_READERS]
            ),
        )
        _paragraphs(planning.pace(facts), planning.attention(facts))
    _table(
        ["at the end of", "new", "answered", "waiting", "overdue", "revocations", "left for later"],
        (
            [
                planning.days(week.first, week.last),
                week.opened,
                week.answered,
                week.unanswered,
                week.overdue,
                week.revocations,
                week.held,
            ]
            for week in facts.weeks
        ),
    )
    show("What this takes for granted:")
    for one in planning.assumptions(facts):
        show(fill(one, width(), initial_indent="- ", subsequent_indent="  "))
    show("")
    _paragraphs(planning.alternative(facts))


def _paragraphs(*texts: str) -> None:
    from messages.inert import clean

    for text in texts:
        if text:
            show(fill(clean(text), width()))
            show("")


def _table(heads: Sequence[str], lines: Iterable[Sequence[object]], last: Sequence[Sequence[object]] = ()) -> None:
    """Numbers stand to the right, the first column and words to the left."""
    from messages.inert import short

    rows = [list(heads), *([_cell(one) for one in line] for line in (*lines, *last))]
    rows = [[short(row[0], 40), *row[1:]] for row in rows]
    widths = [max(len(row[column]) for row in rows) for column in range(len(heads))]
    for row in rows:
        cells = [row[0].ljust(widths[0]), *(cell.rjust(size) for cell, size in zip(row[1:], widths[1:], strict=True))]
        show("  ".join(cells).rstrip())
    show("")


def _cell(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)
