"""``views.*``."""

from __future__ import annotations

from typing import Any

from bot.sandbox.arguments import Args
from bot.sandbox.block_limits import check_view, view_too_large
from bot.sandbox.errors import SlackError, invalid_arguments
from bot.sandbox.model import Json, View
from bot.sandbox.workspace import Workspace


def checked_view(view: Any, kind: str) -> Json:
    """A view that Slack would take; raises ``invalid_arguments`` naming each place, or ``view_too_large``."""
    problems = check_view(view)
    if not problems and view["type"] != kind:
        problems = [f"this method takes a view of type {kind} [json-pointer:/view/type]"]
    if problems:
        raise invalid_arguments(*problems)
    checked: Json = view
    if view_too_large(checked):
        raise SlackError("view_too_large")
    return checked


def _view(args: Args, kind: str) -> Json:
    view = args.structure("view", "invalid_arguments")
    if view is None:
        raise invalid_arguments("missing required field: view")
    return checked_view(view, kind)


def _shown(workspace: Workspace, view: View) -> Json:
    shown = view.as_slack(team_id=workspace.team_id, bot_id=workspace.bot_id, app_id=workspace.app_id)
    return {"view": shown}


def _trigger(args: Args) -> str:
    return args.text("trigger_id") or args.required("interactivity_pointer")


def views_open(workspace: Workspace, args: Args) -> Json:
    """``views.open``: a modal for the person of the trigger, within three seconds, once."""
    trigger_id = _trigger(args)
    content = _view(args, "modal")
    with workspace.lock:
        trigger = workspace.redeem_trigger(trigger_id)
        return _shown(workspace, workspace.views.open(trigger.user, content))


def views_push(workspace: Workspace, args: Args) -> Json:
    """``views.push``: a modal on top of the open one, three at most."""
    trigger_id = _trigger(args)
    content = _view(args, "modal")
    with workspace.lock:
        trigger = workspace.redeem_trigger(trigger_id)
        return _shown(workspace, workspace.views.push(trigger.user, content))


def views_update(workspace: Workspace, args: Args) -> Json:
    """``views.update`` by ``view_id`` or ``external_id``; a stale ``hash`` is a ``hash_conflict``."""
    view_id, external_id = args.text("view_id"), args.text("external_id")
    if (view_id is None) == (external_id is None):
        raise invalid_arguments("one of view_id and external_id is required")
    with workspace.lock:
        view = workspace.views.find(view_id=view_id, external_id=external_id)
        content = _view(args, view.type)
        return _shown(workspace, workspace.views.update(view, content, args.text("hash")))


def views_publish(workspace: Workspace, args: Args) -> Json:
    """``views.publish``: the Home tab of one person."""
    user = workspace.user(args.required("user_id"))
    if user.deleted or user.is_bot:
        raise SlackError("user_not_found")
    content = _view(args, "home")
    return _shown(workspace, workspace.views.publish(user.id, content, args.text("hash")))
