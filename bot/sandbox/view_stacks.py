"""Modals (a stack of at most three for each person) and Home tabs."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Literal

from bot.sandbox.errors import SlackError
from bot.sandbox.model import Json, View

if TYPE_CHECKING:
    from bot.sandbox.workspace import Workspace

MOST_STACKED = 3


class ViewStacks:
    """What every person has open, behind the workspace's lock."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._modals: dict[str, list[View]] = {}
        self._homes: dict[str, View] = {}

    def stack(self, user_id: str) -> list[View]:
        """The open modals of this person, the top one last."""
        with self._workspace.lock:
            return list(self._modals.get(user_id, []))

    def top(self, user_id: str) -> View | None:
        """The modal that this person sees, if any."""
        stack = self.stack(user_id)
        return stack[-1] if stack else None

    def home(self, user_id: str) -> View | None:
        """The Home tab that was published for this person, if any."""
        with self._workspace.lock:
            return self._homes.get(user_id)

    def find(self, *, view_id: str | None = None, external_id: str | None = None) -> View:
        """The open modal or Home tab with this id; raises ``not_found``."""
        with self._workspace.lock:
            everything = [v for stack in self._modals.values() for v in stack] + list(self._homes.values())
        for view in everything:
            if (view_id and view.id == view_id) or (external_id and view.external_id == external_id):
                return view
        raise SlackError("not_found")

    def open(self, user_id: str, content: Json) -> View:
        """Open a modal in place of whatever was open."""
        with self._workspace.lock:
            self._refuse_taken(content)
            self._modals[user_id] = []
            return self._push(user_id, content)

    def push(self, user_id: str, content: Json) -> View:
        """Put a modal on top; raises ``push_limit_reached`` at three, ``not_found`` when nothing is open."""
        with self._workspace.lock:
            stack = self._modals.get(user_id)
            if not stack:
                raise SlackError("not_found")
            if len(stack) >= MOST_STACKED:
                raise SlackError("push_limit_reached")
            self._refuse_taken(content)
            return self._push(user_id, content)

    def update(self, view: View, content: Json, expected_hash: str | None = None) -> View:
        """Replace what a view shows; raises ``hash_conflict`` when it has changed since."""
        with self._workspace.lock:
            if expected_hash and expected_hash != view.hash:
                raise SlackError("hash_conflict")
            self._refuse_taken(content, but=view)
            view.content = self._content(content)
            view.external_id = str(content.get("external_id") or view.external_id)
            view.hash = self._hash()
            kind = "home" if view.type == "home" else "view"
            self._workspace.record(kind, user=view.user, view_id=view.id, change="updated")
            return view

    def publish(self, user_id: str, content: Json, expected_hash: str | None = None) -> View:
        """Set the Home tab of this person."""
        with self._workspace.lock:
            found = self._homes.get(user_id)
            if found is not None:
                return self.update(found, content, expected_hash)
            view = self._new(user_id, "home", content)
            self._homes[user_id] = view
            self._workspace.record("home", user=user_id, view_id=view.id, change="published")
            return view

    def pop(self, user_id: str) -> View | None:
        """Close the top modal; the one beneath, if any, is what the person sees then."""
        with self._workspace.lock:
            stack = self._modals.get(user_id, [])
            closed = stack.pop() if stack else None
            if closed is not None:
                self._workspace.record("view", user=user_id, view_id=closed.id, change="closed")
            return closed

    def clear(self, user_id: str) -> list[View]:
        """Close every modal of this person."""
        with self._workspace.lock:
            closed = self._modals.pop(user_id, [])
            if closed:
                self._workspace.record("view", user=user_id, view_id=closed[-1].id, change="closed")
            return closed

    def _push(self, user_id: str, content: Json) -> View:
        view = self._new(user_id, "modal", content)
        stack = self._modals.setdefault(user_id, [])
        if stack:
            view.root_view_id = stack[0].id
            view.previous_view_id = stack[-1].id
        stack.append(view)
        self._workspace.record("view", user=user_id, view_id=view.id, change="opened")
        return view

    def _new(self, user_id: str, kind: Literal["modal", "home"], content: Json) -> View:
        view_id = self._workspace.next_id("V")
        external_id = str(content.get("external_id") or "")
        return View(view_id, user_id, kind, self._content(content), self._hash(), view_id, None, external_id)

    def _content(self, content: Json) -> Json:
        kept = copy.deepcopy(content)
        kept["blocks"] = self._workspace.with_ids(kept.get("blocks") or [])
        return kept

    def _hash(self) -> str:
        return f"{self._workspace.epoch()}.{self._workspace.next_id('')}"

    def _refuse_taken(self, content: Json, but: View | None = None) -> None:
        external_id = content.get("external_id")
        if not external_id:
            return
        everything = [v for stack in self._modals.values() for v in stack] + list(self._homes.values())
        if any(v.external_id == external_id and v is not but for v in everything):
            raise SlackError("duplicate_external_id")
