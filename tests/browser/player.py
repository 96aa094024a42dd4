"""Whoever sits in front of the local workspace in a real browser, being one person after another.

With ``WHOSE_SCREENSHOTS`` naming a folder, the pictures of the README are taken on the way.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
from playwright.sync_api import FloatRect, Locator, Page, expect

MOST_BYTES = 200_000
PATIENCE = 90_000  # milliseconds; pushing the clock by a day plays every minute of it
VIEWPORT = (1280, 900)
NARROW = 800
SIDEBAR = 272

# Whatever hides a part of itself sideways; names in the left column may end in dots.
CUT = """() => [...document.querySelectorAll("body, body *")]
    .filter(e => e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).overflowX !== "visible" && e.clientWidth)
    .filter(e => !e.closest(".visually-hidden, .row-name"))
    .map(e => `${e.tagName}.${e.className}: ${e.scrollWidth} in ${e.clientWidth}`)"""


class Player:
    """Whoever sits in front of the workspace, being one person after another."""

    def __init__(self, page: Page, site: str) -> None:
        self.page = page
        self.site = site
        self.pane = page.get_by_test_id("pane")
        self.modal = page.get_by_test_id("modal")
        self.said: list[str] = []
        page.on("console", lambda message: self.said.append(f"{message.type}: {message.text}"))
        self.widen(VIEWPORT[0])

    def widen(self, width: int) -> None:
        """Give the window another width."""
        self.page.set_viewport_size({"width": width, "height": VIEWPORT[1]})

    def state(self) -> dict[str, Any]:
        found: dict[str, Any] = httpx.get(f"{self.site}/ui/state").json()
        return found

    def now(self) -> datetime:
        return datetime.fromisoformat(self.state()["now"]).astimezone(UTC)

    def be(self, name: str, place: str = "dm") -> None:
        """Look through somebody's eyes at their conversation with the app, their home or a channel."""
        state = self.state()
        person = next(user["id"] for user in state["users"] if user["name"] == name)
        channels = {channel["name"]: channel["id"] for channel in state["channels"]}
        self.page.goto(f"{self.site}/#/{person}/{channels.get(place, place)}")
        expect(self.page.get_by_test_id("viewer")).to_contain_text(name)
        expect(self.pane.locator("article, .empty, .home").first).to_be_visible()

    def push(self, step: str) -> None:
        """Push the clock by an ``hour``, a ``day`` or a ``week``, and wait until it is there."""
        button = self.page.get_by_test_id(f"clock-{step}")
        before = self.now()
        button.click()
        expect(self.page.get_by_test_id("clock-progress")).to_be_hidden(timeout=PATIENCE)
        expect(button).to_be_enabled()
        assert self.now() > before

    def ask(self, words: str) -> Locator:
        """Type a command; its answer is the newest message."""
        messages = self.pane.locator("article")
        before = messages.count()
        self.page.get_by_test_id("composer-text").fill(words)
        self.page.get_by_test_id("composer-send").click()
        expect(messages).to_have_count(before + 1)
        answer = messages.last
        expect(answer.get_by_test_id("only-you")).to_be_visible()
        return answer

    def press_beside(self, token: str, label: str) -> None:
        """Press a button of one token in a message about several."""
        name = self.pane.locator("strong", has_text=token).last
        name.locator(f"xpath=following::button[normalize-space()='{label}'][1]").click()

    def press(self, label: str) -> None:
        """Press a button of the modal in front."""
        self.modal.get_by_role("button", name=label, exact=True).click()

    def close(self) -> None:
        """Put the modal away."""
        self.page.get_by_test_id("modal-dismiss").click()
        expect(self.modal).to_be_hidden()

    def picture(self, name: str, *, left: int = 0) -> None:
        """Nothing on the screen is cut. If pictures are wanted, take one for the README, from ``left`` pixels on where
        a full one is heavy."""
        if folder := os.environ.get("WHOSE_SCREENSHOTS"):
            self._photograph(folder, name, left)
        self.fits(name)

    def fits(self, name: str) -> None:
        """Nothing on the screen is cut, in a narrow window either."""
        for width in (NARROW, VIEWPORT[0]):
            self.widen(width)
            assert self.page.evaluate(CUT) == [], f"{name}, {width} wide"

    def _photograph(self, folder: str, name: str, left: int) -> None:
        self.page.mouse.move(VIEWPORT[0] - 4, VIEWPORT[1] // 2)
        path = Path(folder) / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        clip = FloatRect(x=left, y=0, width=VIEWPORT[0] - left, height=VIEWPORT[1])
        self.page.screenshot(path=path, animations="disabled", caret="hide", clip=clip)
        assert path.stat().st_size < MOST_BYTES, f"{path} is too heavy for a README"


def push_until(player: Player, then: datetime) -> None:
    """Push the clock a day at a time."""
    while player.now() < then:
        player.push("day")
