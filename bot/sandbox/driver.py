"""A hand for tests: do what people do, and get back what they would see."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from bot.sandbox.delivery import Delivery, Outcome
from bot.sandbox.elements import find_element
from bot.sandbox.model import Json, Message, View
from bot.sandbox.workspace import Workspace


class Driver:
    """Acts as anybody in the workspace. Confirmation dialogs are taken as confirmed.

    Values are raw: the value of an option, a date ``YYYY-MM-DD``, an id, a text, a list of them, or the option object
    of an external select.
    """

    def __init__(self, workspace: Workspace, delivery: Delivery) -> None:
        self.workspace = workspace
        self.delivery = delivery

    async def click(
        self,
        user: str,
        channel: str,
        ts: str,
        action_id: str,
        block_id: str | None = None,
        value: Any = None,
        *,
        seen: Message | None = None,
    ) -> Outcome:
        """Use an element of a message; ``seen`` is an earlier state of it, for a click on a stale card."""
        return await self._watch(
            user,
            lambda: self.delivery.act_in_message(
                user, channel, ts, action_id, block_id=block_id, value=value, seen=seen
            ),
        )

    async def click_in_view(
        self, user: str, view_id: str, action_id: str, block_id: str | None = None, value: Any = None
    ) -> Outcome:
        """Use an element of a modal or of the Home tab."""
        return await self._watch(
            user,
            lambda: self.delivery.act_in_view(user, view_id, action_id, block_id=block_id, value=value),
        )

    async def submit(
        self, user: str, view_id: str, values: Mapping[str | tuple[str, str], Any] | None = None
    ) -> Outcome:
        """Submit a modal; ``values`` by action id, or by (block id, action id) where that is ambiguous."""
        blocks = self.workspace.views.find(view_id=view_id).content["blocks"]
        by_block: Json = {}
        for name, raw in (values or {}).items():
            block_id, action_id = (None, name) if isinstance(name, str) else name
            block, _ = find_element(blocks, action_id, block_id)
            by_block.setdefault(block["block_id"], {})[action_id] = raw
        return await self._watch(user, lambda: self.delivery.submit(user, view_id, by_block))

    async def close_view(self, user: str, view_id: str, *, everything: bool = False) -> Outcome:
        """Close a modal, or with ``everything`` the whole stack."""
        return await self._watch(user, lambda: self.delivery.close_view(user, view_id, everything=everything))

    async def command(self, user: str, text: str = "", channel: str | None = None, command: str = "/whose") -> Outcome:
        """Type a slash command."""
        return await self._watch(user, lambda: self.delivery.command(user, command, text, channel))

    async def open_home(self, user: str) -> Outcome:
        """Open the Home tab; the view that was published for it is in ``outcome.view``."""
        outcome = await self._watch(user, lambda: self.delivery.open_home(user))
        outcome.view = self.workspace.views.home(user)
        return outcome

    async def say(self, user: str, text: str, channel: str | None = None) -> Outcome:
        """Type a message to the app, or in a channel."""
        return await self._watch(user, lambda: self.delivery.say(user, text, channel))

    async def suggest(
        self, user: str, where: View | Message, action_id: str, typed: str, block_id: str | None = None
    ) -> list[Json]:
        """The options that an external select offers for what was typed."""
        outcome = await self.delivery.suggest(user, where, action_id, typed, block_id)
        return outcome.options

    def inbox(self, user: str) -> list[Message]:
        """This person's conversation with the app, in order; empty when there is none."""
        dm = self.workspace.find_dm(user)
        return self.workspace.messages(dm.id, user) if dm else []

    async def until(self, holds: Callable[[], bool], *, within: float = 5.0) -> None:
        """Wait until something holds; raises ``TimeoutError`` after ``within`` seconds of real time."""
        async with asyncio.timeout(within):
            while not holds():
                await asyncio.sleep(0.01)

    def _visible(self, user: str) -> dict[tuple[str, str], Message]:
        with self.workspace.lock:
            return {
                (channel.id, message.ts): message
                for channel in self.workspace.channels.values()
                if not channel.is_im or channel.user == user
                for message in self.workspace.messages(channel.id, user)
            }

    async def _watch(self, user: str, act: Callable[[], Awaitable[Outcome]]) -> Outcome:
        before = self._visible(user)
        outcome = await act()
        new = [m for key, m in self._visible(user).items() if key not in before]
        outcome.ephemeral = [m for m in new if m.visible_to is not None]
        outcome.messages = [m for m in new if m.visible_to is None]
        return outcome
