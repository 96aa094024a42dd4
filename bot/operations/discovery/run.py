"""A look at what exists at the issuing systems: each is read to its end, and only then held against the inventory.

One that cannot be read, or whose list is not believed, is reported, and nothing about it changes. What is new has no
owner, so that the next sweep asks about it; whom the issuing system hints at is shown there, and is never made owner.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice
from typing import Final

from sqlalchemy import select
from sqlmodel import Session

from bot.errors import SettingsError, UpstreamError
from bot.operations.context import Context
from bot.operations.discovery.reading import Listing, StoppedError, read_listing
from bot.operations.discovery.recording import record_discovery
from bot.operations.discovery.report import MOST_SHOWN, DiscoveryReport, Found, SystemReport, What
from bot.operations.issuer_port import Issuer
from bot.operations.naming import ERASED
from bot.rules.discovering import Hints, is_doubtful
from messages.inert import short
from storage.ledger.log import lock
from storage.looks import LastLook, last_look, note_look
from storage.people import PERSON
from storage.search_index import refresh_search
from storage.seen import FoundToken, Match, matching

logger = logging.getLogger(__name__)

_AGAIN_AFTER: Final = timedelta(minutes=50)
"""Several workers share the hourly looks, and one that starts again does not look again at once."""


class _OnlyLookedError(Exception):
    """Ends the transaction of a dry run: what it would have changed is known, and taken back."""


def discover(
    ctx: Context,
    issuers: Mapping[str, Issuer],
    systems: Iterable[str] | None = None,
    *,
    dry_run: bool = False,
    force: bool = False,
    stopping: Callable[[], bool] = lambda: False,
) -> DiscoveryReport:
    """Look at every system that can be listed, one after another, and bring the inventory up to date with it.

    Args:
        issuers: by the inventory's name of the issuing system.
        systems: only these; None: all.
        dry_run: change nothing; the report is the same.
        force: an operator has looked at it: so many credentials are gone, or all of them.
        stopping: asked while a list is read; that system is left out of the report then, and those after it.

    Raises:
        SettingsError: a system is named that the issuers file does not.
        UpstreamError: a system is named that cannot be listed.
    """
    wanted = list(issuers) if systems is None else list(dict.fromkeys(systems))
    for system in wanted:
        if system not in issuers:
            known = ", ".join(issuers) or "none"
            raise SettingsError(f"There is no issuing system {short(system, 80)} in the issuers file. It has: {known}.")
    options = _Options(dry_run, force, stopping)
    found: list[SystemReport] = []
    for system in wanted:
        try:
            report = _look_at(ctx, issuers, system, options)
        except StoppedError:
            break
        if report is not None:
            found.append(report)
        elif systems is not None:
            raise UpstreamError(
                f"{system} cannot list what it has issued, so that nothing can be discovered there. "
                "`whose issuers` shows what can be done at each system."
            )
    return DiscoveryReport(tuple(found))


def discover_due(
    ctx: Context, issuers: Mapping[str, Issuer], *, stopping: Callable[[], bool] = lambda: False
) -> DiscoveryReport:
    """The clock's look: at every system that nobody has looked at within the hour.

    Raises:
        UpstreamError: some systems could not be looked at; the text names them, and all others were.
    """
    options = _Options(stopping=stopping)
    found: list[SystemReport] = []
    for system in issuers:
        if stopping() or not _claim(ctx, system):
            continue
        try:
            report = _look_at(ctx, issuers, system, options)
        except StoppedError:
            break
        if report is not None:
            _log(report)
            found.append(report)
    report_of_all = DiscoveryReport(tuple(found))
    if failed := [one.system for one in report_of_all.failed]:
        looked_at = f"{len(failed)} of {len(found)} issuing systems could not be looked at"
        raise UpstreamError(f"{looked_at}: {', '.join(failed)}.")
    return report_of_all


@dataclass(frozen=True)
class _Options:
    dry_run: bool = False
    force: bool = False
    stopping: Callable[[], bool] = lambda: False


def _look_at(ctx: Context, issuers: Mapping[str, Issuer], system: str, options: _Options) -> SystemReport | None:
    """What one system shows, or why it could not be looked at; None: it cannot be listed at all.

    Raises:
        StoppedError: the process is ending.
    """
    started = ctx.now()
    try:
        issuer = issuers[system]
        if not issuer.capabilities.listing:
            return None
        listing = read_listing(issuer, started, options.stopping)
        report = _apply(ctx, system, listing, started, options)
    except (SettingsError, UpstreamError) as error:
        report = SystemReport(system, fault=str(error))
        if not options.dry_run:
            with ctx.database.write() as session:
                failed = replace(last_look(session, system), tried_at=started.isoformat(), fault=str(error))
                note_look(session, system, failed)
    return report


def _claim(ctx: Context, system: str) -> bool:
    """Whether this worker is the one to look now."""
    now = ctx.now()
    with ctx.database.write() as session:
        look = last_look(session, system)
        if look.tried is not None and now - look.tried < _AGAIN_AFTER:
            return False
        note_look(session, system, replace(look, tried_at=now.isoformat()))
        return True


# ------------------------------------------------------------------ one system


def _apply(ctx: Context, system: str, listing: Listing, started: datetime, options: _Options) -> SystemReport:
    """Hold a whole list against the inventory, and write what follows, in one transaction.

    Raises:
        UpstreamError: the list is not believed; nothing is written.
    """
    found: list[SystemReport] = []
    with suppress(_OnlyLookedError), ctx.database.write() as session:
        with matching(session, system, started, ctx.now()) as match:
            lock(session)
            look = last_look(session, system)
            if look.read is not None and look.read > started:
                raise UpstreamError(f"Somebody else has looked at {system} meanwhile. Nothing was changed; look again.")
            match.stage(_rows(session, listing))
            _doubt(system, listing, match, force=options.force)
            found.append(_write(session, ctx, system, listing, match))
            refresh_search(session)
        at = started.isoformat()
        note_look(session, system, LastLook(at, at, len(listing.seen)))
        if options.dry_run:
            raise _OnlyLookedError
    return found[0]


def _doubt(system: str, listing: Listing, match: Match, *, force: bool) -> None:
    gone = match.gone()
    if force or not is_doubtful(len(listing.seen), gone.known, gone.gone):
        return
    raise UpstreamError(
        f"{system} shows {len(listing.seen):,} credentials, and {gone.gone:,} of {gone.known:,} that were there are "
        "not among them. So many at once is more likely a wrong list than the truth, so nothing was changed. Check "
        f"which account the issuers file names; if they are gone, run `whose discover {system} --force` once."
    )


def _write(session: Session, ctx: Context, system: str, listing: Listing, match: Match) -> SystemReport:
    changed, vanished, back = match.changed(), match.vanished(), match.back()
    usable, some = match.still_usable(MOST_SHOWN)
    left_alone = match.left_alone()
    new = match.write()
    found: list[tuple[What, Sequence[FoundToken]]] = [
        ("new", new),
        ("changed", changed),
        ("vanished", vanished),
        ("back", back),
    ]
    record_discovery(session, system, found, ctx.now)
    shown = (Found(what, one.external_id, one.name, one.fields) for what, tokens in found for one in tokens)
    return SystemReport(
        system,
        listed=len(listing.seen),
        new=len(new),
        changed=len(changed),
        vanished=len(vanished),
        back=len(back),
        left_alone=left_alone,
        refused=listing.refused,
        repeated=listing.repeated,
        still_usable=some,
        still_usable_count=usable,
        found=tuple(islice(shown, MOST_SHOWN)),
    )


def _rows(session: Session, listing: Listing) -> Iterator[Sequence[object]]:
    """The sightings as :data:`storage.seen.COLUMNS` wants them."""
    hints = Hints(_people(session) if any(one.hints for one in listing.seen) else ())
    for one in listing.seen:
        hint = hints.best(one.hints)
        said = (one.external_id, one.state.value, one.name, one.credential_type, one.scopes, one.used_for, hint.words)
        yield (*said, one.created_at, one.expires_at, one.last_used_at, hint.person_id)


def _people(session: Session) -> list[tuple[int, str, str]]:
    """Everybody whom a hint may mean."""
    query = select(PERSON.c.id, PERSON.c.email, PERSON.c.name)
    rows = session.connection().execute(query)
    return [(person_id, email, name) for person_id, email, name in rows if not email.endswith(ERASED)]


def _log(report: SystemReport) -> None:
    """What the clock's look leaves behind; at a terminal, the command itself says it."""
    numbers = ("system", "listed", "new", "changed", "vanished", "back", "left_alone", "refused", "still_usable_count")
    facts = {name: getattr(report, name) for name in numbers}
    if report.fault:
        logger.error("%s could not be looked at: %s", report.system, report.fault, extra=facts)
    if report.new or report.changed or report.vanished or report.back:
        logger.info("%s was looked at, and something is new", report.system, extra=facts)
    if report.still_usable_count:
        logger.error("%s still accepts tokens that were removed here", report.system, extra=facts)
    if report.refused:
        logger.warning("%s lists ids that cannot be kept", report.system, extra=facts)
