"""``whose sweep``, and ``whose decide`` for what is decided at the command line."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING

import click

from bot.cli.installation import DAY_OR_MOMENT, MOMENT, json_option, with_installation
from bot.cli.output import draw, emit, progress, say, show
from messages.action_ref import Verb

if TYPE_CHECKING:
    from bot.operations.commands import Answer
    from bot.operations.sweep import DueToken, SweepReport
    from bot.wiring.installation import Installation


@click.command("sweep")
@click.option("--now", type=MOMENT, help="Look from this moment instead of now (ISO 8601; UTC without a zone).")
@click.option("--dry-run", is_flag=True, help="Say who would be asked; ask nobody.")
@json_option
@with_installation
def sweep_command(installation: Installation, now: datetime | None, dry_run: bool, as_json: bool) -> None:
    """Find what is due and open a request for each.

    Safe to run at any time and again: what is open stays as it is. Messages go out when a worker runs.

    \b
    Examples:
        whose sweep --dry-run
        whose sweep --now 2026-11-23T09:30 --json
    """
    from bot.operations.sweep import sweep

    ctx = installation.context(installation.now if now is None else lambda: now)
    with progress() as step:
        report = sweep(ctx, dry_run=dry_run, progress=lambda done, total: step("opening", done, total))
    if as_json:
        emit(one._asdict() for one in report.due)
    else:
        _show_due(report.due)
    _say_outcome(report, dry_run=dry_run)


def _show_due(due: Sequence[DueToken]) -> None:
    rows = [("token", "tier", "asked", "by", "because"), *(_row(one) for one in due)]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    for row in rows if due else ():
        cells = [cell.ljust(size) for cell, size in zip(row, widths, strict=False)]
        show("  ".join([*cells, row[4]]))


def _row(one: DueToken) -> tuple[str, ...]:
    reasons = ", ".join(reason.replace("_", " ") for reason in one.reasons)
    return f"{one.issuing_system}/{one.external_id}", one.tier, one.reviewer, f"{one.due_at:%Y-%m-%d %H:%M}Z", reasons


def _say_outcome(report: SweepReport, *, dry_run: bool) -> None:
    from messages.wording.planning import first_run_ahead

    if report.first_run and report.due:
        say(first_run_ahead(len(report.due), report.chosen))
    if dry_run:
        say(f"{len(report.due)} due. Nothing was written: this was a dry run.")
        return
    said = [f"{len(report.due)} due", f"{report.opened} newly asked about", f"{report.already_open} open already"]
    if report.deferred:
        said.append(f"{report.deferred} left for a later day by the policy's caps")
    if report.withdrawn:
        said.append(f"{report.withdrawn} withdrawn")
    say("; ".join(said) + ".")


_DECISIONS = (
    Verb.ATTEST,
    Verb.ROTATE,
    Verb.REVOKE,
    Verb.DISOWN,
    Verb.REASSIGN,
    Verb.SNOOZE,
    Verb.LET_LAPSE,
    Verb.ACCEPT,
    Verb.DECLINE,
    Verb.DONE,
    Verb.STILL_USED,
    Verb.NOT_USED,
)
_RESULTS = ("accepted_unverified", "failed")


@click.command("decide")
@click.argument("token")
@click.argument("decision", type=click.Choice([verb.value for verb in _DECISIONS]))
@click.option("--as", "actor", metavar="EMAIL", required=True, help="Who decides; their authority is what counts.")
@click.option("--why", default="", metavar="TEXT", help="The reason, where the policy wants one.")
@click.option("--to", "new_owner", metavar="EMAIL", help="disown, reassign: who should own it.")
@click.option("--until", type=DAY_OR_MOMENT, help="snooze: the day on which to ask again.")
@click.option("--evidence", default="", metavar="TEXT", help="done: the ticket or other evidence.")
@click.option("--result", type=click.Choice(_RESULTS), default=_RESULTS[0], help="done: what came of it.")
@json_option
@with_installation
def decide_command(
    installation: Installation,
    token: str,
    decision: str,
    actor: str,
    why: str,
    new_owner: str | None,
    until: tuple[datetime, bool] | None,
    evidence: str,
    result: str,
    as_json: bool,
) -> None:
    """Answer what is being asked about TOKEN, in somebody's name.

    The same rules hold as for a click: who may decide follows from the directory and the policy, and the record says
    that it came from the command line. Exit code 1 when it is refused.

    \b
    Examples:
        whose decide drift-prod attest --as ana@example.com
        whose decide drift-prod revoke --as ana@example.com --why "the integration was switched off"
    """
    from bot.cli.lookups import the_token
    from bot.operations.commands import Command
    from bot.operations.named import open_request_of, person_named
    from bot.operations.record_decision import record_decision

    ctx = installation.context()
    token_id = the_token(installation, token)
    with installation.database.read() as session:
        request_id, version = open_request_of(session, token_id, token)
        actor_id = person_named(session, actor)
        new_owner_id = person_named(session, new_owner) if new_owner else None
    verb = Verb(decision)
    answer = record_decision(
        ctx,
        Command(
            verb=verb,
            request_id=request_id,
            version=version,
            actor_id=actor_id,
            idempotency_key=f"cli:{secrets.token_hex(16)}",
            platform="cli",
            justification=why,
            new_owner_id=new_owner_id,
            snooze_until=until[0].date() if until else None,
            evidence=evidence,
            result=result if verb is Verb.DONE else "",
        ),
    )
    _tell(answer, as_json=as_json)


def _tell(answer: Answer, *, as_json: bool) -> None:
    """Say what became of a decision; a refusal ends in exit code 1."""
    from messages.cards.facts import Refusal
    from messages.cards.refusal import refusal

    if isinstance(answer, Refusal):
        if as_json:
            emit([{"refused": asdict(answer)}])
        else:
            draw(refusal(answer))
        sys.exit(1)
    if as_json:
        emit([asdict(answer)])
    else:
        show(f"Recorded: {answer.outcome.replace('_', ' ')}, {answer.token_name} (request {answer.request_id}).")
