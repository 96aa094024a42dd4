"""What a card is told of a token that several people use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class SharedUse:
    """What the users of a shared token say, beside its service owner, and what that waits for."""

    users: Sequence[tuple[str, str]]
    """(name, answer): ``waiting``, ``needed``, ``not_needed``, ``no_response``, ``unreachable``, ``spoken_for``
    (somebody else's counts) or ``closed`` (it ended without theirs)."""
    mine: str = ""
    """The reader's own answer, or that of whom they answer for; empty: they are no user of it."""
    mine_for: str = ""
    """Whom they answer for; empty: themselves."""
    attests: bool = False
    """The reader is asked to stand behind the token, which says that they need it, too."""
    held_by: str = ""
    """Who stands behind the token, while only users are still to answer."""
    held_at: datetime | None = None
    until: datetime | None = None
    """Until when the users may answer."""
