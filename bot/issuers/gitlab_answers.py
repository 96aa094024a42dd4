"""What GitLab answers about access tokens, read strictly; and the names that they have in an inventory.

``project:<project>:<token>``, ``group:<group>:<token>``, ``personal:<token>``: numbers all, since paths may change. The
number of a token is unique in a GitLab: every access token is one of a user, who may be a project's or group's bot.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Final

from pydantic import BaseModel, ConfigDict, SecretStr, StrictBool, StrictInt, StrictStr

from bot.issuers.moments import Moment
from bot.rules.issuing import KeyState, Sighting

LONGEST_LIFE: Final = timedelta(days=365)
"""What every GitLab allows; some allow more."""
_LONGEST: Final = 200
_ID: Final = re.compile(
    r"(?P<sort>project|group):(?P<within>[1-9]\d{0,18}):(?P<held>[1-9]\d{0,18})|personal:(?P<own>[1-9]\d{0,18})",
    re.ASCII,
)


class Sort(StrEnum):
    PROJECT = "project"
    GROUP = "group"
    PERSONAL = "personal"


@dataclass(frozen=True)
class Place:
    """Where tokens are: a project or group by its number, or the users (0)."""

    sort: Sort
    within: int = 0

    @property
    def path(self) -> str:
        """Of the list of its tokens."""
        if self.sort is Sort.PERSONAL:
            return "personal_access_tokens"
        return f"{self.sort}s/{self.within}/access_tokens"

    def external_id(self, token: int) -> str:
        return f"{self.sort}:{token}" if self.sort is Sort.PERSONAL else f"{self.sort}:{self.within}:{token}"


@dataclass(frozen=True)
class Name:
    """An ``external_id``, read."""

    place: Place
    token: int

    @property
    def path(self) -> str:
        return f"{self.place.path}/{self.token}"

    @property
    def external_id(self) -> str:
        return self.place.external_id(self.token)


def name_of(external_id: str) -> Name | None:
    """Which token an ``external_id`` names; None: none of GitLab's."""
    found = _ID.fullmatch(external_id)
    if found is None:
        return None
    if found["own"]:
        return Name(Place(Sort.PERSONAL), int(found["own"]))
    return Name(Place(Sort(found["sort"]), int(found["within"])), int(found["held"]))


class Answered(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


class Token(Answered):
    """An access token of any kind; ``access_level`` is a project's or group's alone."""

    id: StrictInt
    name: StrictStr
    revoked: StrictBool
    active: StrictBool
    created_at: Moment
    expires_at: date | None
    last_used_at: Moment | None = None
    scopes: tuple[StrictStr, ...]
    user_id: StrictInt
    access_level: StrictInt | None = None

    @property
    def ends_at(self) -> datetime | None:
        """At midnight UTC, when its last day begins."""
        return None if self.expires_at is None else datetime.combine(self.expires_at, time(), UTC)

    def state(self, now: datetime) -> KeyState:
        if self.active and not self.revoked:
            return KeyState.ACTIVE
        return KeyState.EXPIRED if self.ends_at is not None and self.ends_at <= now else KeyState.DISABLED

    def sighting(self, place: Place, now: datetime, hints: tuple[str, ...] = ()) -> Sighting:
        level = "" if self.access_level is None else f" access_level:{self.access_level}"
        return Sighting(
            place.external_id(self.id),
            self.state(now),
            name=_short(self.name),
            credential_type=f"{place.sort} access token",
            scopes=_short(" ".join(sorted(self.scopes)) + level, 2_000),
            created_at=self.created_at,
            expires_at=self.ends_at,
            last_used_at=self.last_used_at,
            owner_hints=tuple(_short(one) for one in hints),
        )

    def life_from(self, today: date) -> date | None:
        """Until when a token lives that is made today and lives as long as this one did; None: without an end."""
        if self.expires_at is None:
            return None
        life = self.expires_at - self.created_at.astimezone(UTC).date()
        return today + min(max(life, timedelta(days=1)), LONGEST_LIFE)

    def same_rights(self, other: Token) -> bool:
        mine = (self.name, set(self.scopes), self.access_level)
        return mine == (other.name, set(other.scopes), other.access_level)


class NewToken(Token):
    """A token at the one moment at which its secret is shown."""

    token: SecretStr


class Numbered(Answered):
    """A project or a group."""

    id: StrictInt


class User(Answered):
    """Only administrators see ``is_admin`` and ``email``."""

    id: StrictInt
    username: StrictStr
    email: StrictStr | None = None
    bot: StrictBool = False
    is_admin: StrictBool = False


def _short(text: str, longest: int = _LONGEST) -> str:
    return "".join(one for one in text if one.isprintable())[:longest]
