"""What the workspace's page asks for and tells: JSON under ``/ui``, and one live stream of events."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from bot.sandbox.delivery import Delivery, Outcome
from bot.sandbox.elements import merged_values
from bot.sandbox.errors import SlackError, invalid_arguments
from bot.sandbox.model import Channel, Json, Message
from bot.sandbox.payloads import shown_view
from bot.sandbox.workspace import Workspace

STATIC = Path(__file__).parent / "static"
_HEARTBEAT_SECONDS = 5.0
_MOST_ADVANCE = timedelta(days=92)


class Control(Protocol):
    """The clock that people may push forward, when there is one."""

    def now(self) -> datetime:
        """The workspace's time of day, aware."""
        ...

    async def advance(self, delta: timedelta, progress: Callable[[datetime], None]) -> None:
        """Push the clock forward by ``delta``, calling ``progress`` with where it has got to."""
        ...


@dataclass(frozen=True)
class Guide:
    """What the page says before anybody has done anything, and the slash commands there are."""

    tips: Sequence[str]
    suggested_user: str | None
    commands: Sequence[str]


class BrowserApi:
    """The page's side of one workspace."""

    def __init__(self, workspace: Workspace, delivery: Delivery, control: Control | None, guide: Guide) -> None:
        self._workspace = workspace
        self._delivery = delivery
        self._control = control
        self._guide = guide
        self._moving: asyncio.Task[None] | None = None

    def routes(self) -> list[BaseRoute]:
        """Everything that is not Slack's own."""
        posts: dict[str, Callable[[Json], Awaitable[Json]]] = {
            "act": self._act,
            "submit": self._submit,
            "close": self._close,
            "say": self._say,
            "home": self._home,
            "suggest": self._suggest,
            "read": self._read,
            "advance": self._advance,
        }
        return [
            Route("/", _index),
            Route("/archives/{channel}/{stamp}", _permalink),
            Route("/ui/state", self._answering(self._state)),
            Route("/ui/conversation", self._answering(self._conversation)),
            Route("/ui/views", self._answering(self._views)),
            Route("/ui/events", self._events),
            *(Route(f"/ui/{name}", self._taking(run), methods=["POST"]) for name, run in posts.items()),
            Mount("/static", StaticFiles(directory=STATIC)),
        ]

    # What there is to see

    def _state(self, query: Json) -> Json:
        me = str(query.get("user") or "")
        with self._workspace.lock:
            people = [u for u in self._workspace.users.values() if not u.is_bot]
            dms = {c.user: c for c in self._workspace.channels.values() if c.is_im}
            channels = [c for c in self._workspace.channels.values() if not c.is_im]
            return {
                "team": {"id": self._workspace.team_id, "name": self._workspace.team_name},
                "app": {"id": self._workspace.bot_user.id, "name": self._workspace.bot_user.real_name},
                "users": [
                    {
                        "id": user.id,
                        "name": user.real_name,
                        "handle": user.name,
                        "email": user.email,
                        "tz": user.tz,
                        "deleted": user.deleted,
                        "dm": dms[user.id].id if user.id in dms else None,
                        "unread": self._workspace.unread(user.id, dms[user.id].id) if user.id in dms else 0,
                    }
                    for user in people
                ],
                "channels": [self._channel(channel, me) for channel in channels],
                "clock": self._control is not None,
                "moving": self._moving is not None and not self._moving.done(),
                "now": self._workspace.now().isoformat(),
                "tips": list(self._guide.tips),
                "suggested_user": self._guide.suggested_user,
                "commands": list(self._guide.commands),
            }

    def _channel(self, channel: Channel, me: str) -> Json:
        member = me in channel.members
        unread = self._workspace.unread(me, channel.id) if member else 0
        return {"id": channel.id, "name": channel.name, "member": member, "unread": unread}

    def _conversation(self, query: Json) -> Json:
        user = self._workspace.user(str(query.get("user") or ""))
        name = str(query.get("channel") or "")
        with self._workspace.lock:
            channel = self._workspace.channels.get(name) if name else self._workspace.find_dm(user.id)
            if channel is None and not name:
                return {"channel": None, "messages": []}
            if channel is None or (channel.is_im and channel.user != user.id):
                raise SlackError("channel_not_found")
            found = self._workspace.messages(channel.id, user.id)
            return {"channel": channel.id, "messages": [self._message(m, user.id) for m in found]}

    def _message(self, message: Message, user_id: str) -> Json:
        entered = self._workspace.entered.get((user_id, f"{message.channel}:{message.ts}"), {})
        return {
            "ts": message.ts,
            "channel": message.channel,
            "user": message.user,
            "text": message.text,
            "blocks": message.blocks,
            "edited": message.edited is not None,
            "ephemeral": message.visible_to is not None,
            "by_app": message.by_app,
            "values": merged_values(message.blocks, entered),
        }

    def _views(self, query: Json) -> Json:
        user = self._workspace.user(str(query.get("user") or ""))
        with self._workspace.lock:
            stack = [shown_view(self._workspace, v, user.id) for v in self._workspace.views.stack(user.id)]
            home = self._workspace.views.home(user.id)
            return {
                "stack": stack,
                "home": shown_view(self._workspace, home, user.id) if home is not None else None,
            }

    # What people do

    async def _act(self, told: Json) -> Json:
        common: Json = {key: told.get(key) for key in ("block_id", "value", "values")}
        user, action_id = _text(told, "user"), _text(told, "action_id")
        if told.get("view_id"):
            return _shown(await self._delivery.act_in_view(user, _text(told, "view_id"), action_id, **common))
        channel, ts = _text(told, "channel"), _text(told, "ts")
        return _shown(await self._delivery.act_in_message(user, channel, ts, action_id, **common))

    async def _submit(self, told: Json) -> Json:
        outcome = await self._delivery.submit(_text(told, "user"), _text(told, "view_id"), told.get("values"))
        return _shown(outcome)

    async def _close(self, told: Json) -> Json:
        everything = bool(told.get("everything"))
        user, view_id = _text(told, "user"), _text(told, "view_id")
        return _shown(await self._delivery.close_view(user, view_id, everything=everything))

    async def _say(self, told: Json) -> Json:
        user, text = _text(told, "user"), _text(told, "text")
        channel = told.get("channel") or None
        if not text.startswith("/"):
            return _shown(await self._delivery.say(user, text, channel))
        command, _, rest = text.partition(" ")
        if command not in self._guide.commands:
            known = ", ".join(self._guide.commands)
            return {"error": f"{command} is not a command here. There is {known}."}
        return _shown(await self._delivery.command(user, command, rest.strip(), channel))

    async def _home(self, told: Json) -> Json:
        return _shown(await self._delivery.open_home(_text(told, "user")))

    async def _suggest(self, told: Json) -> Json:
        if told.get("view_id"):
            where: Any = self._workspace.views.find(view_id=_text(told, "view_id"))
        else:
            where = self._workspace.find_message(_text(told, "channel"), _text(told, "ts"))
        typed = str(told.get("typed") or "")
        outcome = await self._delivery.suggest(
            _text(told, "user"), where, _text(told, "action_id"), typed, told.get("block_id")
        )
        return _shown(outcome) | {"options": outcome.options}

    async def _read(self, told: Json) -> Json:
        self._workspace.mark_read(_text(told, "user"), _text(told, "channel"))
        return {}

    async def _advance(self, told: Json) -> Json:
        if self._control is None:
            return {"error": "This workspace has no clock to push."}
        if self._moving is not None and not self._moving.done():
            return {"error": "The clock is already moving."}
        delta = timedelta(seconds=int(told.get("seconds") or 0))
        if not timedelta(0) < delta <= _MOST_ADVANCE:
            return {"error": "The clock moves forward only, and by three months at most."}
        self._moving = asyncio.create_task(self._move(self._control, delta))
        return {}

    async def _move(self, control: Control, delta: timedelta) -> None:
        start = control.now()
        goal = start + delta

        def progress(now: datetime) -> None:
            done = min(1.0, max(0.0, (now - start) / delta))
            self._workspace.record("clock", now=now.isoformat(), goal=goal.isoformat(), done=done, moving=True)

        progress(start)
        error: str | None = None
        try:
            await control.advance(delta, progress)
        except Exception as problem:
            error = f"The clock stopped: {problem}"
            raise
        finally:
            self._workspace.record("clock", now=control.now().isoformat(), moving=False, error=error)

    # How it is carried

    def _answering(self, run: Callable[[Json], Json]) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            try:
                return JSONResponse(run(dict(request.query_params)), headers={"Cache-Control": "no-store"})
            except SlackError as error:
                return JSONResponse({"error": _sentence(error)}, status_code=404)

        return endpoint

    def _taking(self, run: Callable[[Json], Awaitable[Json]]) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            kind = request.headers.get("content-type", "").split(";")[0]
            if kind != "application/json":  # which a page elsewhere cannot send unasked
                return JSONResponse({"error": "Send JSON."}, status_code=415)
            try:
                told = json.loads(await request.body())
                if not isinstance(told, dict):
                    raise invalid_arguments("an object is expected")
                return JSONResponse(await run(told))
            except SlackError as error:
                return JSONResponse({"error": _sentence(error)}, status_code=400)
            except (LookupError, ValueError, TypeError, OverflowError) as error:
                return JSONResponse({"error": str(error)}, status_code=400)

        return endpoint

    async def _events(self, _: Request) -> Response:
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingResponse(self._stream(), media_type="text/event-stream", headers=headers)

    async def _stream(self) -> AsyncIterator[str]:
        loop = asyncio.get_running_loop()
        queue: asyncio.Queue[Json | None] = asyncio.Queue()

        def listener(event: Json | None) -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(queue.put_nowait, event)

        stop = self._workspace.listen(listener)
        try:
            yield "retry: 500\n\n"
            while True:
                try:
                    async with asyncio.timeout(_HEARTBEAT_SECONDS):
                        event = await queue.get()
                except TimeoutError:
                    event = {"kind": "tick", "now": self._workspace.now().isoformat()}
                if event is None:
                    return
                yield f"data: {json.dumps(event)}\n\n"
        finally:
            stop()


async def _index(_: Request) -> Response:
    page = (STATIC / "index.html").read_bytes()
    return Response(page, media_type="text/html", headers={"Cache-Control": "no-store"})


async def _permalink(request: Request) -> Response:
    channel, stamp = request.path_params["channel"], request.path_params["stamp"]
    safe = "".join(c for c in f"{channel}/{stamp}" if c.isalnum() or c == "/")
    return RedirectResponse(f"/#/link/{safe}")


def _text(told: Json, name: str) -> str:
    value = told.get(name)
    if not isinstance(value, str) or not value.strip():
        raise invalid_arguments(f"{name} is missing")
    return value.strip()


def _shown(outcome: Outcome) -> Json:
    return {"error": outcome.error, "errors": outcome.errors}


def _sentence(error: SlackError) -> str:
    """A sentence for the page; Slack's own name for it in brackets."""
    sentences = {
        "user_disabled": "This person has left, so they cannot act any more.",
        "not_found": "This window is no longer open.",
        "channel_not_found": "This conversation is not there.",
    }
    return f"{sentences.get(error.code, 'That did not work.')} ({error.code})"
