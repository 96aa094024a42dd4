"""Slack's Web API over HTTP: who may call what, the trouble that was planned, and the log of calls."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Callable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from bot.sandbox import api_chat, api_conversations, api_people, api_views
from bot.sandbox.arguments import Args
from bot.sandbox.errors import SlackError
from bot.sandbox.faults import Call, Fault, PlannedFault
from bot.sandbox.model import Json
from bot.sandbox.workspace import Workspace

RAW_SEND = "sandbox.raw_send"
_MOST_BODY_BYTES = 2_000_000


@dataclass(frozen=True)
class Method:
    """A method and the scopes it needs; a token must have all of them."""

    run: Callable[[Workspace, Args], Json]
    scopes: tuple[str, ...] = ()


METHODS: dict[str, Method] = {
    "api.test": Method(api_people.api_test),
    "auth.test": Method(api_people.auth_test),
    "users.list": Method(api_people.users_list, ("users:read",)),
    "users.info": Method(api_people.users_info, ("users:read",)),
    "users.lookupByEmail": Method(api_people.users_lookup_by_email, ("users:read.email",)),
    "conversations.open": Method(api_conversations.conversations_open, ("im:write",)),
    "conversations.list": Method(api_conversations.conversations_list),
    "conversations.info": Method(api_conversations.conversations_info),
    "conversations.members": Method(api_conversations.conversations_members),
    "conversations.history": Method(api_conversations.conversations_history),
    "chat.postMessage": Method(api_chat.chat_post_message, ("chat:write",)),
    "chat.postEphemeral": Method(api_chat.chat_post_ephemeral, ("chat:write",)),
    "chat.update": Method(api_chat.chat_update, ("chat:write",)),
    "chat.delete": Method(api_chat.chat_delete, ("chat:write",)),
    "chat.getPermalink": Method(api_chat.chat_get_permalink),
    "blocks.validate": Method(api_chat.blocks_validate),
    "views.open": Method(api_views.views_open),
    "views.push": Method(api_views.views_push),
    "views.update": Method(api_views.views_update),
    "views.publish": Method(api_views.views_publish),
}
_LIMITED = {"chat.postMessage", "chat.postEphemeral"}


def call(workspace: Workspace, name: str, authorization: str, args: Args) -> Json:
    """Run one method; raises `SlackError` for every refusal."""
    method = METHODS.get(name)
    if method is None:
        raise SlackError("unknown_method", req_method=name)
    token = authorization.removeprefix("Bearer ").strip() or args.text("token") or ""
    if method.run is not api_people.api_test:
        if not token:
            raise SlackError("not_authed")
        if not hmac.compare_digest(token.encode(), workspace.bot_token.encode()):
            raise SlackError("invalid_auth")
    for scope in method.scopes:
        api_conversations.need_scope(workspace, scope)
    return {"ok": True, **method.run(workspace, args)}


class WebApi:
    """``/api/{method}`` as an ASGI application."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one call, or spoil it as planned."""
        request = Request(scope, receive)
        name = request.path_params["method"]
        planned = self._workspace.faults.take(name)
        response = _before(planned)
        if response is None and (planned is None or planned.fault is not Fault.DROP_BEFORE):
            response = await self._run(name, request)
        else:
            self._log(name, planned.fault.name.lower() if planned else None, None)
        if planned is not None and planned.fault is Fault.DELAY:
            await asyncio.sleep(planned.seconds)
        if planned is not None and planned.fault in (Fault.DROP_BEFORE, Fault.DROP_REPLY):
            await _hang_up(scope, receive)
            return
        if planned is not None and planned.fault is Fault.FAIL_AFTER:
            response = _server_error(planned)
        if response is not None:
            await response(scope, receive, send)

    async def _run(self, name: str, request: Request) -> Response:
        channel: str | None = None
        try:
            body = await request.body()
            if len(body) > _MOST_BODY_BYTES:
                raise SlackError("request_too_large")
            content_type = request.headers.get("content-type", "")
            args = Args.parse(request.url.query, content_type, body)
            channel = args.text("channel") if name.startswith("chat.") else None
            wait = self._wait(name, channel)
            if wait:
                self._log(name, "ratelimited", channel)
                return _too_many(wait)
            answer = call(self._workspace, name, request.headers.get("authorization", ""), args)
            self._log(name, None, channel)
        except SlackError as error:
            answer = error.body()
            self._log(name, error.code, channel)
        method = METHODS.get(name)
        headers = {
            "X-OAuth-Scopes": ",".join(sorted(self._workspace.scopes)),
            "X-Accepted-OAuth-Scopes": ",".join(method.scopes if method else ()),
        }
        return JSONResponse(answer, headers=headers)

    def _wait(self, name: str, channel: str | None) -> int:
        limiter = self._workspace.limiter
        if limiter is None or name not in _LIMITED or channel is None:
            return 0
        return limiter.wait_for(channel)

    def _log(self, name: str, error: str | None, channel: str | None) -> None:
        self._workspace.calls.add(Call(name, self._workspace.monotonic(), error, channel))


def _before(planned: PlannedFault | None) -> Response | None:
    """The answer of a fault that strikes before anything is done."""
    if planned is None:
        return None
    if planned.fault is Fault.TOO_MANY_REQUESTS:
        return _too_many(planned.retry_after)
    if planned.fault is Fault.RATELIMITED:
        return JSONResponse({"ok": False, "error": "ratelimited"})
    if planned.fault is Fault.ERROR:
        return JSONResponse({"ok": False, "error": planned.error})
    if planned.fault is Fault.FAIL_BEFORE:
        return _server_error(planned)
    return None


def _too_many(seconds: int) -> Response:
    body = {"ok": False, "error": "ratelimited"}
    return JSONResponse(body, status_code=429, headers={"Retry-After": str(seconds)})


def _server_error(planned: PlannedFault) -> Response:
    return PlainTextResponse("upstream error", status_code=planned.status)


async def _hang_up(scope: Scope, receive: Receive) -> None:
    """Break the connection without a word, as a lost reply does; works beneath uvicorn."""
    transport = getattr(getattr(scope.get(RAW_SEND), "__self__", None), "transport", None)
    if transport is None:
        raise ConnectionAbortedError("The reply was dropped, as planned.")
    transport.abort()
    while (await receive())["type"] != "http.disconnect":
        pass


def api_routes(workspace: Workspace) -> list[BaseRoute]:
    """The routes of the Web API and of the response URLs."""

    async def respond(request: Request) -> Response:
        try:
            args = Args.parse("", request.headers.get("content-type", ""), await request.body())
            api_chat.answer_response_url(workspace, request.path_params["key"], args)
        except SlackError as error:
            gone = error.code in ("no_such_url", "expired_url", "used_url")
            return JSONResponse(error.body(), status_code=404 if gone else 400)
        return PlainTextResponse("ok")

    return [
        Route("/api/{method}", WebApi(workspace)),
        Route("/response/{key}", respond, methods=["POST"]),
    ]
