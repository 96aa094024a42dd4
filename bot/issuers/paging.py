"""Lists that come in pages: read to their end, or not believed at all.

The next page is where the ``Link`` header says (RFC 8288). A list that leads to another host, in circles, or further
than any real one, is broken, and so is one with an item that cannot be read: what is missing would look vanished.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from bot.errors import UpstreamError
from bot.issuers.calls import Answer
from bot.rules.issuing import NotDone, Rejected, Unclear

PAGE: Final = 100
"""Items a page, the most that GitHub and GitLab give."""
MOST_PAGES: Final = 2_000
_LINK: Final = re.compile(r"<([^<>]*)>((?:\s*;\s*[\w*-]+\s*=\s*(?:\"[^\"]*\"|[^\s\",;]+))*)", re.ASCII)
_NEXT: Final = re.compile(r";\s*rel\s*=\s*(?:\"(?:[^\"]*\s)?next(?:\s[^\"]*)?\"|next\b)", re.ASCII | re.IGNORECASE)

Called = Answer | NotDone | Unclear | Rejected


class ListError(UpstreamError):
    """A list ended early, and nothing may be concluded from its part. ``outcome`` says why, as a connector answers."""

    def __init__(self, host: str, outcome: NotDone | Unclear | Rejected) -> None:
        super().__init__(f"The list at {host} could not be read to its end: {_said(outcome)}")
        self.outcome = outcome


@dataclass(frozen=True)
class Listed:
    """What is read page by page."""

    host: str
    """For the text of an error."""
    first: str
    """The path of the first page, with its query."""
    key: str = ""
    """Where the items are in an answer that is an object; empty: the answer is the list."""
    by_number: bool = False
    """Ask for the next page by number where a full page has no ``Link``: some lists are not documented to send one."""


def items(listed: Listed, call: Callable[[str], Called]) -> Iterator[tuple[dict[str, Any], Answer]]:
    """Every item, in the order of the pages, with the answer that held it.

    Raises:
        ListError: it could not be read to its end.
    """
    path, been = listed.first, {listed.first}
    for number in range(1, MOST_PAGES + 1):
        answer = call(path)
        page = _page(listed, answer)
        assert isinstance(answer, Answer)
        for item in page:
            yield item, answer
        following = next_page(answer.headers)
        if following is None and listed.by_number and len(page) >= PAGE and "link" not in answer.headers:
            following = f"{listed.first}&page={number + 1}"
        if following is None:
            return
        if not page or following in been:
            raise ListError(listed.host, Unclear("its pages lead in circles", answer.request_id))
        been.add(following)
        path = following
    raise ListError(listed.host, Unclear(f"it has more than {MOST_PAGES:,} pages"))


def next_page(headers: Mapping[str, str]) -> str | None:
    """The address with ``rel="next"`` in a ``Link`` header; None: this was the last page."""
    for found in _LINK.finditer(headers.get("link", "")):
        if _NEXT.search(found[2]):
            return found[1]
    return None


def _page(listed: Listed, answer: Called) -> list[dict[str, Any]]:
    if not isinstance(answer, Answer):
        raise ListError(listed.host, answer)
    if answer.status != 200:
        raise ListError(listed.host, Rejected(str(answer.status), "it is not given", answer.request_id))
    try:
        read = answer.json()
    except ValueError:
        read = None
    page = read.get(listed.key) if listed.key and isinstance(read, dict) else read
    if not isinstance(page, list) or not all(isinstance(one, dict) for one in page):
        raise ListError(listed.host, Unclear("a page of it is no list", answer.request_id))
    return page


def _said(outcome: NotDone | Unclear | Rejected) -> str:
    match outcome:
        case NotDone(reason, wait):
            return f"{reason}. Nothing was concluded; try again in {max(wait, 1.0):.0f} seconds."
        case Rejected(code, detail):
            return f"{detail or 'refused'} ({code}). Nothing was concluded; run `whose doctor` to see what is missing."
        case Unclear(detail):
            return f"{detail}. Nothing was concluded; try again later."
