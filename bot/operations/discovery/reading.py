"""A listing, read to its end or not at all, its sightings as an inventory can hold them.

What a connector passes on was written by others, and a connector may be anybody's. A name is mended, since nothing
hangs on it; an id that an inventory cannot hold is left out, for no token of it can have that id.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from bot.errors import UpstreamError, WhoseError
from bot.operations.import_inventory.cells import CellError, Text
from bot.operations.issuer_port import Issuer
from bot.operations.secret_patterns import looks_like_secret
from bot.rules.issuing import KeyState, Sighting
from messages.inert import short

logger = logging.getLogger(__name__)

MOST_SIGHTINGS: Final = 250_000
"""More credentials than any one system holds for one organisation; a longer list is one that does not end."""
MOST_CHARACTERS: Final = 100_000_000
"""Of all the texts of one listing, as they are kept: what it may take of our memory."""
_ID: Final = Text(500)
"""As an import takes ids: what it refuses is in no inventory."""
_LONGEST_NAME: Final = 200
_LONGEST_TYPE: Final = 100
_LONGEST_SCOPES: Final = 4_000
_MOST_HINTS: Final = 10
_FIRST: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LAST: Final = datetime(2200, 12, 31, tzinfo=UTC)
_CLOCKS_DIFFER: Final = timedelta(days=1)
_ONLY_RANDOM: Final = {"random-looking string", "AWS secret access key"}
"""What only looks drawn at random: many systems draw their ids so, and an id is what they list."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A sighting with nothing in it that an inventory could not hold."""

    external_id: str
    state: KeyState
    name: str
    credential_type: str
    scopes: str
    created_at: datetime | None
    expires_at: datetime | None
    last_used_at: datetime | None
    used_for: str
    hints: tuple[str, ...]


@dataclass(frozen=True)
class Listing:
    """Everything that a system showed, each id once."""

    seen: list[Seen]
    refused: int
    repeated: int


class StoppedError(Exception):
    """The process is ending; the list was not read to its end."""


def read_listing(issuer: Issuer, now: datetime, stopping: Callable[[], bool]) -> Listing:
    """Every sighting of a system.

    Args:
        now: nothing can have happened after it.

    Raises:
        UpstreamError: the list could not be read to its end, or has none; nothing may be concluded from a part.
        StoppedError: ``stopping`` said so.
    """
    found: dict[str, Seen] = {}
    refused = repeated = characters = 0
    for number, sighting in enumerate(_sightings(issuer), 1):
        if stopping():
            raise StoppedError
        seen = _mended(issuer, sighting, now)
        if seen is None:
            refused += 1
        else:
            before = found.get(seen.external_id)
            repeated += before is not None
            # Of two that disagree, the one that can be used counts: a list may move while it is read.
            if before is None or before.state is not KeyState.ACTIVE:
                found[seen.external_id] = seen
            characters += _size(seen)
        if number > MOST_SIGHTINGS or characters > MOST_CHARACTERS:
            raise UpstreamError(
                f"The list of {issuer.system} does not end: more than {MOST_SIGHTINGS:,} credentials, or more text "
                "than they can have. Nothing was concluded from it. Narrow down in the issuers file what is listed."
            )
    return Listing(list(found.values()), refused, repeated)


def _sightings(issuer: Issuer) -> Iterator[Sighting]:
    try:
        for sighting in issuer.listing():
            if not isinstance(sighting, Sighting):
                raise _unreadable(issuer)
            yield sighting
    except WhoseError:
        raise
    except Exception as error:  # whatever another package's connector raises, the other systems are looked at
        logger.debug("the connector of %s broke off", issuer.system, exc_info=error)
        said = f"The connector {issuer.kind} broke off while it listed {issuer.system} ({type(error).__name__})."
        raise UpstreamError(f"{said} Install another release of the package that brings it.") from error


def _mended(issuer: Issuer, sighting: Sighting, now: datetime) -> Seen | None:
    try:
        return mended(sighting, now)
    except (AttributeError, TypeError, ValueError, OverflowError):
        raise _unreadable(issuer) from None


def _unreadable(issuer: Issuer) -> UpstreamError:
    """One sighting that cannot be read spoils the list: what is left out would look as if it had vanished."""
    said = f"The connector {issuer.kind} lists what is no sighting, so nothing was concluded about {issuer.system}."
    return UpstreamError(f"{said} Install another release of the package that brings it.")


def _size(seen: Seen) -> int:
    return len(seen.name) + len(seen.scopes) + len(seen.used_for) + sum(map(len, seen.hints)) + 200


# ------------------------------------------------------------------ one sighting


def mended(sighting: Sighting, now: datetime) -> Seen | None:
    """A sighting as an inventory can hold it; None: its id cannot be one, or looks like a secret."""
    external_id = sighting.external_id
    if not _is_id(external_id):
        return None
    return Seen(
        external_id,
        KeyState(sighting.state),
        _text(sighting.name, _LONGEST_NAME),
        _text(sighting.credential_type, _LONGEST_TYPE),
        _text(sighting.scopes, _LONGEST_SCOPES),
        _past(sighting.created_at, now),
        _moment(sighting.expires_at),
        _past(sighting.last_used_at, now),
        _text(sighting.used_for, _LONGEST_NAME),
        tuple(hint for one in sighting.owner_hints[:_MOST_HINTS] if (hint := _text(one, _LONGEST_NAME))),
    )


def _is_id(text: str) -> bool:
    try:
        return bool(text) and _ID(text) == text
    except CellError as error:
        drawn = error.secret and looks_like_secret(text) in _ONLY_RANDOM
        return drawn and text.isprintable() and text == text.strip()


def _text(text: str, most: int) -> str:
    """For people: mended and cut, and nothing where it looks like a secret. Cut first, too: the patterns are made for
    cells, not for megabytes."""
    shown = short(text[: most * 4], most)
    return "" if looks_like_secret(shown) is not None else shown


def _moment(at: datetime | None) -> datetime | None:
    """In UTC; None also where no inventory has such a date: the year 9999 stands for "never"."""
    if at is None:
        return None
    at = at.replace(tzinfo=UTC) if at.tzinfo is None else at
    return at.astimezone(UTC) if _FIRST <= at <= _LAST else None


def _past(at: datetime | None, now: datetime) -> datetime | None:
    """A moment that has been: a clock that runs ahead by less than a day is forgiven."""
    read = _moment(at)
    if read is None or read > now + _CLOCKS_DIFFER:
        return None
    return min(read, now)
