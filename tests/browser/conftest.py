"""A real browser for tests: the machine's own Chromium, driven by Playwright.

Where there is none, every test marked ``browser`` is skipped by name. Playwright's loop runs in the test's thread while
a browser is open, so a test that uses ``browser_page`` cannot call ``asyncio.run`` itself; `SyncDriver` is fine.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


@pytest.fixture(scope="session")
def chromium_path(request: pytest.FixtureRequest) -> str:
    """Where Chromium is. Where there is none: skips, naming what is left out; fails with WHOSE_REQUIRE_BROWSER set."""
    found = next(filter(None, map(shutil.which, _NAMES)), None)
    if found is None:
        leave = pytest.fail if os.environ.get("WHOSE_REQUIRE_BROWSER") else pytest.skip
        leave(f"left out, because no Chromium was found (looked for {', '.join(_NAMES)})")
    return found


@pytest.fixture(scope="module")
def chromium(chromium_path: str) -> Iterator[Browser]:
    """One browser for all tests of a module."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path, args=_ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def browser_page(chromium: Browser) -> Iterator[Page]:
    """A fresh page, 1280 wide; its test fails when it throws, logs an error or asks another host for anything."""
    context = chromium.new_context(viewport={"width": 1280, "height": 860}, timezone_id="America/Los_Angeles")
    page = context.new_page()
    page.set_default_timeout(10_000)
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(f"thrown: {error}"))
    page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    page.on(
        "request",
        lambda request: None if request.url.startswith(("http://127.0.0.1:", "data:")) else wrong.append(request.url),
    )
    yield page
    context.close()
    # A refusal that a test provokes is logged by the browser as a failed load; that is no error of the page.
    assert [line for line in wrong if not line.startswith("Failed to load resource")] == []
