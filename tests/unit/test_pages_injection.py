"""No text from outside becomes markup, whichever field of whichever page it stands in."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from html.parser import HTMLParser
from itertools import pairwise
from typing import Any

import pytest

from messages.pages.who_page import who_page
from storage.ledger.log import StoredRecord
from tests.golden.page_examples import ABOUT, RECORDS_OF_THE_LOG, STORY, small_report
from tests.unit.hostile_text import HOSTILE, poisoned, text_faults

by_hostile_text = pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
VOID = {"meta", "br", "hr"}


class Reader(HTMLParser):
    """What a browser would see of a page: each element with its attributes, and whether all are closed in order."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.faults: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"</{tag}> closes something else")

    def handle_comment(self, data: str) -> None:
        self.faults.append(f"a comment: {data[:60]!r}")


def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    reader.close()
    assert reader.open == []
    assert reader.faults == []
    return reader


def shapes(page: Reader) -> set[tuple[str, tuple[str, ...], str | None]]:
    """Every kind of element with the names of its attributes and its class."""
    return {(tag, tuple(sorted(attrs)), attrs.get("class")) for tag, attrs in page.elements}


def hostile_records(text: str, *, ids: bool) -> tuple[StoredRecord, ...]:
    """The records of the example with every text in them replaced; people keep their pseudonyms without ``ids``."""

    def replaced(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: replaced(item) for key, item in value.items()}
        if isinstance(value, list):
            return [replaced(item) for item in value]
        if isinstance(value, str) and (ids or not value.startswith("p_")):
            return text
        return value

    return tuple(
        replace(one, fields=replaced(one.fields), disclosures=dict.fromkeys(one.disclosures, text) | {text: text})
        for one in RECORDS_OF_THE_LOG
    )


def pages(text: str) -> Iterator[str]:
    for codes in (False, True):
        yield who_page(poisoned(STORY, text, codes=codes))
    about = replace(poisoned(ABOUT, text, codes=True), names=dict.fromkeys(ABOUT.names, text))
    yield small_report(ABOUT, hostile_records(text, ids=False))
    yield small_report(about, hostile_records(text, ids=True))


ALLOWED = shapes(read(who_page(STORY))) | shapes(read(small_report()))


@by_hostile_text
def test_no_text_from_outside_becomes_markup(text: str) -> None:
    for page in pages(text):
        assert not text_faults(page)
        page.encode()
        seen = read(page)
        assert shapes(seen) - ALLOWED <= KNOWN
        for tag, attributes in seen.elements:
            assert tag != "script"
            assert not [name for name in attributes if name.startswith("on") or name in {"style", "src"}]
            assert re.fullmatch(r"#t\d+", attributes.get("href") or "#t1")


# Shapes that the harmless examples happen not to have.
KNOWN = {
    ("span", ("class",), "authority"),
    ("td", ("data-label",), None),
    ("text", ("class", "dx", "x", "y"), "empty"),
    ("p", ("class",), "muted"),
    ("p", (), None),
    ("tr", (), None),
    ("tr", ("class",), "silent"),
}


@pytest.mark.parametrize("page", [who_page(STORY), small_report()], ids=["who", "report"])
def test_a_page_allows_itself_its_own_stylesheet_and_nothing_else(page: str) -> None:
    [style] = re.findall(r"<style>(.*?)</style>", page, re.DOTALL)
    digest = b64encode(sha256(style.encode()).digest()).decode()
    policies = [attrs for tag, attrs in read(page).elements if attrs.get("http-equiv") == "Content-Security-Policy"]
    assert [one["content"] for one in policies] == [
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    ]
    assert "url(" not in style
    assert "@import" not in style


@pytest.mark.parametrize("page", [who_page(STORY), small_report()], ids=["who", "report"])
def test_a_page_can_be_found_ones_way_in_without_seeing_it(page: str) -> None:
    elements = read(page).elements
    levels = [int(tag[1]) for tag, _ in elements if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(deeper - upper <= 1 for upper, deeper in pairwise(levels))
    ids = [attrs["id"] for _, attrs in elements if attrs.get("id")]
    assert len(ids) == len(set(ids))
    named = [name for _, attrs in elements for name in (attrs.get("aria-labelledby") or "").split()]
    assert set(named) <= set(ids)
    tables = sum(tag == "table" for tag, _ in elements)
    assert tables == sum(tag == "caption" for tag, _ in elements)
    assert all(attrs.get("scope") in {"col", "row"} for tag, attrs in elements if tag == "th")
    assert ("html", {"lang": "en"}) in elements
