"""A GitLab with projects, groups and users over HTTP, as GitLab's documentation of its REST interface has it.

Written from these pages of https://docs.gitlab.com (``api/``): ``personal_access_tokens``, ``project_access_tokens``,
``group_access_tokens``, ``users``, ``projects``, ``groups`` and ``rest`` (pagination, status codes). What they demand
is held strictly: unknown parameters, missing fields, scopes and roles that do not exist are refused with 400; a project
that may not be seen is 404, and one whose tokens may not be seen 401; a token that is not one's own is 401, and for an
administrator 404 if there is none; a revoked or expired token is refused everywhere. ``/rotate`` ends the old token at
once, and every token of its family when the old one is rotated again.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Any, Final

from tests.servers.issuers.http_double import Asked, HttpDouble, Replied, serving

SCOPES: Final = {"api", "read_api", "read_repository", "write_repository", "self_rotate"}
LEVELS: Final = (10, 15, 20, 30, 40, 50)
_START: Final = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
_PARAMETERS: Final = {
    "access_tokens": {"per_page", "page", "state", "revoked"},
    "personal_access_tokens": {"per_page", "page", "state", "revoked", "user_id"},
    "users": {"per_page", "pagination", "order_by", "sort", "id_after", "without_project_bots"},
    "projects": {"per_page", "pagination", "order_by", "sort", "id_after", "min_access_level"},
    "groups": {"per_page", "pagination", "order_by", "sort", "id_after", "min_access_level"},
}


@dataclass
class Held:
    """A token with its secret; ``within`` is ``projects/7``, ``groups/8`` or, for a person's own, empty."""

    id: int
    user_id: int
    name: str
    scopes: list[str]
    secret: str
    created_at: datetime
    expires_at: date | None
    within: str = ""
    access_level: int | None = None
    revoked: bool = False
    last_used_at: datetime | None = None
    family: int = 0


@dataclass
class User:
    id: int
    username: str
    email: str
    is_admin: bool = False
    bot: bool = False
    levels: dict[str, int] = field(default_factory=dict)
    """Their roles in projects and groups."""


class GitLabDouble(HttpDouble):
    """One GitLab. Tests change its users and tokens directly."""

    def __init__(self) -> None:
        super().__init__()
        self.now = _START
        self.users: dict[int, User] = {}
        self.held: dict[int, Held] = {}
        self.places: list[str] = []
        self._numbers = count(11)
        self.root = self.add_user("root-example", is_admin=True)

    # what people do

    def add_user(self, username: str, *, is_admin: bool = False, bot: bool = False) -> User:
        user = User(next(self._numbers), username, f"{username}@example.com", is_admin, bot)
        self.users[user.id] = user
        return user

    def add_place(self, sort: str, *, owner: User | None = None) -> int:
        """A project or group (``projects``, ``groups``); returns its number."""
        number = next(self._numbers)
        self.places.append(f"{sort}/{number}")
        (owner or self.root).levels[f"{sort}/{number}"] = 50
        return number

    def add_personal(self, user: User, name: str, *, scopes: tuple[str, ...] = ("api",), days: int = 90) -> Held:
        return self._keep(user.id, name, list(scopes), self._day(days), "", None)

    def add_token(self, sort: str, number: int, name: str, *, days: int | None = 90, level: int = 30) -> Held:
        bot = self.add_user(f"{sort}_{number}_bot_{secrets.token_hex(4)}", bot=True)
        return self._keep(bot.id, name, ["read_api", "read_repository"], self._day(days), f"{sort}/{number}", level)

    def lets_in(self, secret: str) -> bool:
        return self._bearer(secret) is not None

    def _day(self, days: int | None) -> date | None:
        return None if days is None else (self.now + timedelta(days=days)).date()

    def _keep(self, user: int, name: str, scopes: list[str], ends: date | None, within: str, level: int | None) -> Held:
        number = next(self._numbers)
        secret = "glpat-" + secrets.token_hex(10)
        self.held[number] = Held(number, user, name, scopes, secret, self.now, ends, within, level, family=number)
        return self.held[number]

    # what is answered

    def answer(self, asked: Asked) -> Replied:
        replied = self._routed(asked)
        kind = {"content-type": "application/json"} if replied.content is not None else {}
        headers = {"x-request-id": f"test-{len(self.asked)}", **kind}
        return Replied(replied.status, replied.content, headers | replied.headers)

    def _routed(self, asked: Asked) -> Replied:
        mine = self._bearer(asked.headers.get("private-token", ""))
        if mine is None:
            return _no(401, "401 Unauthorized")
        path = asked.path.removeprefix("/api/v4/")
        mine.last_used_at = self.now
        me = self.users[mine.user_id]
        if path == "personal_access_tokens/self" and asked.method == "GET":
            return Replied(200, self._shown(mine))
        if not {"api", "read_api"} & set(mine.scopes) or (asked.method != "GET" and "api" not in mine.scopes):
            return Replied(403, {"error": "insufficient_scope", "scope": "api"})
        last = path.split("/")[-1]
        if last in _PARAMETERS and asked.method == "GET" and set(asked.params) - _PARAMETERS[last]:
            return Replied(400, {"error": "unknown parameter"})
        if path == "user":
            return Replied(200, self._user(me, me))
        if path in ("users", "projects", "groups"):
            return self._keyset(asked, path, me)
        if path.startswith("personal_access_tokens"):
            return self._personal(asked, path, me)
        found = re.fullmatch(r"((?:projects|groups)/\d+)/access_tokens(?:/(\d+))?(/rotate)?", path)
        return _no(404, "404 Not Found") if found is None else self._resource(asked, found, me)

    def _personal(self, asked: Asked, path: str, me: User) -> Replied:
        if path == "personal_access_tokens":
            wanted = asked.number("user_id", 0)
            if wanted and not me.is_admin and wanted != me.id:
                return _no(401, "401 Unauthorized")
            every = [one for one in self.held.values() if me.is_admin or one.user_id == me.id]
            return self._paged(asked, [self._shown(one) for one in every if not wanted or one.user_id == wanted])
        found = re.fullmatch(r"personal_access_tokens/(\d+)", path)
        token = self.held.get(int(found[1])) if found else None
        if token is None or not (me.is_admin or token.user_id == me.id):
            return _no(404, "404 Not Found") if me.is_admin else _no(401, "401 Unauthorized")
        return self._seen_or_ended(asked, token)

    def _resource(self, asked: Asked, found: re.Match[str], me: User) -> Replied:
        place, number, rotate = found.groups()
        level = 50 if me.is_admin else me.levels.get(place, 0)
        if place not in self.places or not level:
            return _no(404, f"404 {place.split('/')[0][:-1].title()} Not Found")
        if level < 40:
            return _no(401, "401 Unauthorized")
        every = [one for one in self.held.values() if one.within == place]
        if number is None:
            return self._create(asked, place, level) if asked.method == "POST" else self._listed(asked, every)
        token = next((one for one in every if one.id == int(number)), None)
        if token is None:
            return _no(404, "404 Access Token Not Found")
        return self._rotate(token) if rotate else self._seen_or_ended(asked, token)

    def _listed(self, asked: Asked, every: list[Held]) -> Replied:
        return self._paged(asked, [self._shown(one) for one in every])

    def _seen_or_ended(self, asked: Asked, token: Held) -> Replied:
        if asked.method == "GET":
            return Replied(200, self._shown(token))
        if asked.method != "DELETE":
            return _no(405, "405 Method Not Allowed")
        if token.revoked:
            return _no(400, "400 Bad request - Already revoked")
        token.revoked = True
        return Replied(204)

    def _create(self, asked: Asked, place: str, level: int) -> Replied:
        body = json.loads(asked.body)
        unknown = set(body) - {"name", "description", "scopes", "access_level", "expires_at"}
        ends = date.fromisoformat(body["expires_at"]) if "expires_at" in body else None
        too_long = ends is not None and not self.now.date() < ends <= self.now.date() + timedelta(days=365)
        bad = not body.get("name") or not body.get("scopes") or set(body["scopes"]) - SCOPES or unknown or too_long
        if bad or body.get("access_level", 40) not in LEVELS or body.get("access_level", 40) > level:
            return Replied(400, {"error": "a parameter is missing or does not have a valid value"})
        sort, number = place.split("/")
        made = self.add_token(sort, int(number), body["name"], level=body.get("access_level", 40))
        made.scopes, made.expires_at = body["scopes"], ends
        return Replied(201, self._shown(made) | {"token": made.secret})

    def _rotate(self, token: Held) -> Replied:
        """As GitLab does it: which is why nothing here calls it."""
        if token.revoked:
            for one in self.held.values():
                one.revoked = one.revoked or one.family == token.family
            return _no(401, "401 Unauthorized")
        token.revoked = True
        sort, number = token.within.split("/")
        made = self.add_token(sort, int(number), token.name, level=token.access_level or 30)
        made.family = token.family
        return Replied(200, self._shown(made) | {"token": made.secret})

    def _keyset(self, asked: Asked, path: str, me: User) -> Replied:
        if (asked.params.get("pagination"), asked.params.get("order_by")) != (["keyset"], ["id"]):
            return Replied(405, {"error": "keyset pagination, ordered by id, is asked for here"})
        after, size = asked.number("id_after", 0), min(asked.number("per_page", 20), 100)
        if path == "users":
            bots = "without_project_bots" not in asked.params
            every = [self._user(one, me) for one in self.users.values() if bots or not one.bot]
        else:
            least = asked.number("min_access_level", 0)
            every = [
                {"id": int(place.split("/")[1]), "name": place}
                for place, level in self._open_to(me, least).items()
                if place.startswith(path) and level >= least
            ]
        rest = [one for one in sorted(every, key=lambda one: one["id"]) if one["id"] > after]
        if len(rest) <= size:
            return Replied(200, rest)
        query = "&".join(one for one in asked.query.split("&") if not one.startswith("id_after="))
        following = f"{self.url}{asked.path}?{query}&id_after={rest[size - 1]['id']}"
        return Replied(200, rest[:size], {"link": f'<{following}>; rel="next"'})

    def _open_to(self, me: User, least: int) -> dict[str, int]:
        """An administrator sees everything, unless their own memberships are asked for."""
        return dict.fromkeys(self.places, 50) if me.is_admin and not least else me.levels

    def _paged(self, asked: Asked, every: list[dict[str, Any]]) -> Replied:
        size, number = min(asked.number("per_page", 20), 100), asked.number("page", 1)
        query = "&".join(one for one in asked.query.split("&") if not one.startswith("page="))
        pages = {"first": 1, "last": max(-(-len(every) // size), 1)}
        if number * size < len(every):
            pages["next"] = number + 1
        link = ", ".join(f'<{self.url}{asked.path}?page={page}&{query}>; rel="{rel}"' for rel, page in pages.items())
        shown = every[(number - 1) * size : number * size]
        return Replied(200, shown, {"link": link, "x-page": str(number), "x-per-page": str(size)})

    def _bearer(self, secret: str) -> Held | None:
        return next((one for one in self.held.values() if secret == one.secret and self._active(one)), None)

    def _active(self, token: Held) -> bool:
        return not token.revoked and (token.expires_at is None or token.expires_at > self.now.date())

    def _shown(self, token: Held) -> dict[str, Any]:
        level = {} if token.access_level is None else {"access_level": token.access_level}
        return {
            "id": token.id,
            "name": token.name,
            "revoked": token.revoked,
            "created_at": _written(token.created_at),
            "description": "",
            "scopes": token.scopes,
            "user_id": token.user_id,
            "last_used_at": None if token.last_used_at is None else _written(token.last_used_at),
            "active": self._active(token),
            "expires_at": None if token.expires_at is None else token.expires_at.isoformat(),
            **level,
        }

    def _user(self, user: User, me: User) -> dict[str, Any]:
        own = {"email": user.email, "is_admin": user.is_admin} if me.is_admin else {}
        return {"id": user.id, "username": user.username, "bot": user.bot, "state": "active", **own}


@contextmanager
def running_gitlab() -> Iterator[GitLabDouble]:
    """A running GitLab with one administrator, ``root``."""
    double = GitLabDouble()
    with serving(double):
        yield double


def _no(status: int, message: str) -> Replied:
    return Replied(status, {"message": message})


def _written(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.000Z")
