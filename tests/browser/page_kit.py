"""What holds for every page that Whose writes: it fits a phone and a screen, prints on A4, and can be pictured."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Literal

from playwright.sync_api import FloatRect, Page

PHONE, SCREEN = 400, 1200
MOST_BYTES = 200_000
PICTURE = 1000

# Whatever is wider than the window, or hides a part of itself; what is only for screen readers may.
WIDE = """() => [...document.querySelectorAll("body *")]
    .filter(e => !e.closest("svg") && !e.closest(".unseen, .stacked thead"))
    .filter(e => e.getBoundingClientRect().right > innerWidth + 1 || e.scrollWidth > e.clientWidth + 1
                 && e.clientWidth && getComputedStyle(e).display !== "inline")
    .map(e => `${e.tagName}.${e.className}: ${e.textContent.slice(0, 60)}`)"""
# Letters of the picture that lie over one another, row by row, or outside of it.
CROWDED = """() => [...document.querySelectorAll("svg.timeline")].flatMap(svg => {
    const edge = svg.getBoundingClientRect();
    const boxes = [...svg.querySelectorAll("text:not(.name)")].map(e => [e.textContent, e.getBoundingClientRect()]);
    const outside = boxes.filter(([, b]) => b.left < edge.left - 1 || b.right > edge.right + 1).map(([t]) => t);
    const over = boxes.flatMap(([t, a], i) => boxes.slice(i + 1)
        .filter(([, b]) => a.left < b.right && b.left < a.right && a.top < b.bottom - 3 && b.top < a.bottom - 3)
        .map(([u]) => `${t} / ${u}`));
    return [...outside, ...over];
})"""


def check_it_fits(page: Page, address: str, scheme: Literal["light", "dark"], crowded: str = CROWDED) -> None:
    """On a phone and on a screen nothing is wider than the window, cut off, or lies over something else."""
    page.emulate_media(color_scheme=scheme)
    for width in (PHONE, SCREEN):
        page.set_viewport_size({"width": width, "height": 900})
        page.goto(address)
        assert page.evaluate("document.documentElement.scrollWidth") == width
        assert page.evaluate(WIDE) == [], width
        assert page.evaluate(crowded) == [], width
    body = "getComputedStyle(document.body)"
    letters, ground = page.evaluate(f"[{body}.color, {body}.backgroundColor]")
    assert letters != ground


def check_it_prints(page: Page, address: str) -> None:
    """On A4, in points."""
    page.goto(address)
    printed = page.pdf(prefer_css_page_size=True, print_background=True)
    assert printed.startswith(b"%PDF")
    boxes = set(re.findall(rb"/MediaBox ?\[([^\]]+)\]", printed))
    assert {tuple(round(float(n)) for n in box.split()) for box in boxes} == {(0, 0, 595, 842)}, "A4"


def take_picture(page: Page, address: str, name: str, height: int, top: str = "body") -> None:
    """If pictures are wanted, a part of a page from the top of an element on."""
    folder = os.environ.get("WHOSE_SCREENSHOTS")
    if not folder:
        return
    page.set_viewport_size({"width": PICTURE, "height": height})
    page.goto(address)
    path = Path(folder) / f"{name}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    box = page.locator(top).bounding_box()
    assert box is not None
    clip = FloatRect(x=0, y=max(box["y"] - 24, 0), width=PICTURE, height=height)
    page.screenshot(path=path, animations="disabled", full_page=True, clip=clip)
    assert path.stat().st_size < MOST_BYTES, f"{path} is too heavy for a README"
