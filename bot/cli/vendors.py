"""``whose vendor`` and ``whose retire``: a vendor looked up, and all its access ended by a plan of two people."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from bot.cli.installation import json_option, with_installation
from bot.cli.output import draw, emit, say

if TYPE_CHECKING:
    from bot.operations.offboarding.members import Subject
    from bot.wiring.installation import Installation


class _Vendors(click.Group):
    """What is no command of its own is the name of a vendor to show."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in self.commands:
            args = ["show", *args]
        return super().resolve_command(ctx, args)


@click.group("vendor", cls=_Vendors)
def vendor_command() -> None:
    """Show a vendor with its contract, owners and tokens, or end all its access.

    \b
    Examples:
        whose vendor driftly
        whose vendor offboard driftly --dry-run
    """


_words = click.argument("words", nargs=-1, required=True)
_by = click.option("--by", "actor", metavar="EMAIL", help="Who proposes it; their authority is what counts.")
_why = click.option("--why", default="", metavar="TEXT", help="Why it is to end.")
_dry = click.option("--dry-run", is_flag=True, help="Say what would end; propose nothing.")


@vendor_command.command("show")
@_words
@json_option
@with_installation
def show_command(installation: Installation, words: tuple[str, ...], as_json: bool) -> None:
    """Show a vendor, its contract, and the tokens it holds.

    \b
    Example:
        whose vendor driftly
    """
    from bot.operations.look_up import EVERYTHING, vendor
    from messages.cards.facts import Refusal
    from messages.cards.refusal import refusal
    from messages.cards.vendor import vendor as card

    with installation.database.read() as session:
        found = vendor(session, installation.context(), EVERYTHING, " ".join(words))
    if isinstance(found, Refusal):
        draw(refusal(found))
        sys.exit(1)
    if as_json:
        emit([asdict(found)])
    else:
        draw(card(found))


@vendor_command.command("offboard")
@_words
@_by
@_why
@_dry
@json_option
@with_installation
def offboard_command(
    installation: Installation, words: tuple[str, ...], actor: str | None, why: str, dry_run: bool, as_json: bool
) -> None:
    """Propose to end everything that a vendor and all that comes through it hold.

    Nothing is touched before a second person agrees, in chat. Then a worker disables each token, deletes it when nobody
    has missed it, and checks it; what is left over is reported. Run again, it says how far that has come. Exit code 1
    when it is refused.

    \b
    Examples:
        whose vendor offboard driftly --dry-run
        whose vendor offboard driftly --by vera@example.com --why "contract terminated, LEGAL-12"
    """
    from bot.operations.offboarding.members import vendor_id_of, vendor_subject

    name = " ".join(words)
    with installation.database.read() as session:
        vendor_id = vendor_id_of(session, name)
        if vendor_id is None:
            raise click.UsageError(f"There is no vendor called {name}. Give its whole name; `whose vendor` finds it.")
        subject = vendor_subject(session, vendor_id)
    _plan(installation, subject, actor, why, dry_run=dry_run, as_json=as_json)


@click.command("retire")
@click.option("--tag", metavar="TAG", help="End every token with this tag.")
@click.option("--consumer", metavar="NAME", help="End every token that serves this consumer.")
@_by
@_why
@_dry
@json_option
@with_installation
def retire_command(
    installation: Installation,
    tag: str | None,
    consumer: str | None,
    actor: str | None,
    why: str,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Propose to end every token of an integration, found by a tag or a consumer.

    The same move as `whose vendor offboard`: two people, one plan, one report.

    \b
    Examples:
        whose retire --tag crm-export --dry-run
        whose retire --consumer "billing job" --by sam@example.com --why "replaced, OPS-7"
    """
    from bot.operations.offboarding.members import Subject

    if (tag is None) == (consumer is None):
        raise click.UsageError("Give either --tag or --consumer.")
    subject = Subject("tag", tag.strip().lower()) if tag else Subject("consumer", (consumer or "").strip())
    _plan(installation, subject, actor, why, dry_run=dry_run, as_json=as_json)


def _plan(
    installation: Installation, subject: Subject, actor: str | None, why: str, *, dry_run: bool, as_json: bool
) -> None:
    from bot.operations.named import person_named
    from bot.operations.offboarding.facts import draft_facts, plan_facts
    from bot.operations.offboarding.plans import open_plan_of
    from bot.operations.offboarding.proposing import propose
    from messages.cards.facts import Refusal
    from messages.cards.refusal import refusal

    ctx = installation.context()
    with installation.database.read() as session:
        plan = open_plan_of(session, subject.kind, subject.name)
        facts = draft_facts(session, ctx, subject, None) if plan is None else plan_facts(session, ctx, plan.id, None)
    if plan is not None or dry_run:
        _show(facts, as_json=as_json)
        if dry_run:
            say("Nothing was written: this was a dry run.")
        return
    if not actor:
        raise click.UsageError("Say with --by EMAIL who proposes it, or look at it first with --dry-run.")
    with installation.database.read() as session:
        actor_id = person_named(session, actor)
    answer = propose(ctx, subject, actor_id, reason=why, platform="cli")
    if isinstance(answer, Refusal):
        draw(refusal(answer))
        sys.exit(1)
    with installation.database.read() as session:
        facts = plan_facts(session, ctx, answer.plan_id, None)
    _show(facts, as_json=as_json)
    say("Proposed. A second person is asked to agree, in chat.")


def _show(facts: Any, *, as_json: bool) -> None:
    from messages.cards.offboarding import offboarding

    if as_json:
        emit([asdict(facts)])
    else:
        draw(offboarding(facts))
