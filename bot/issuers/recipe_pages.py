"""A list in pages, by a recipe: read to its end, or not believed at all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from bot.issuers.calls import Answer
from bot.issuers.paging import ListError, next_page
from bot.issuers.pointers import MISSING, found_at
from bot.issuers.recipe import Fields, ListRequest, Paging
from bot.issuers.recipe_answers import ReadingError, Success, judged, sighting_of
from bot.rules.issuing import Absent, NotDone, Rejected, Sighting, Unclear

_LONGEST_CURSOR: Final = 2_000
Query = dict[str, Any]
Call = Callable[[str | None, Query], Answer | NotDone | Unclear | Rejected]
"""Asks for a page: at an address that the system gave (None: the recipe's own), with more of a query."""


@dataclass
class Pages:
    """One reading of a list."""

    request: ListRequest
    fields: Fields
    call: Call
    host: str
    values: dict[str, str]
    _seen: set[str] = field(default_factory=set)
    _been: set[str] = field(default_factory=set)
    _read: int = 0

    def items(self) -> Iterator[tuple[Any, Sighting]]:
        """Every item, each id once, as it was and as it reads.

        Raises:
            ListError: it could not be read to its end.
        """
        at: str | None = None
        query = self._first()
        most = self.request.paging.most_pages if self.request.paging is not None else 1
        for number in range(1, most + 1):
            success = self.page(at, query)
            found = found_at(success.document, self.request.items)
            if not isinstance(found, list):
                raise self._broken("a page of it is no list", success.answer)
            yield from self._new(found, number, success.answer)
            following = self._next(success, len(found), number)
            if following is None:
                return
            at, query = following
        raise self._broken(f"it has more than {most:,} pages", None)

    def page(self, at: str | None = None, query: Query | None = None) -> Success:
        """One page; without arguments the first.

        Raises:
            ListError: it is not given.
        """
        answer = self.call(at, self._first() if query is None else query)
        if not isinstance(answer, Answer):
            raise ListError(self.host, answer)
        said = judged(self.request, answer, self.values)
        if isinstance(said, Absent):
            raise ListError(self.host, Rejected(str(answer.status), "there is no such list", answer.request_id))
        if not isinstance(said, Success):
            raise ListError(self.host, said)
        if said.document is None:
            raise self._broken("a page of it cannot be read", answer)
        return said

    def _new(self, found: list[Any], number: int, answer: Answer) -> Iterator[tuple[Any, Sighting]]:
        before = len(self._seen)
        for place, item in enumerate(found):
            try:
                sighting = sighting_of(self.fields, item)
            except ReadingError as error:
                raise self._broken(f"item {place + 1} of page {number}: {error}", answer) from None
            if sighting.external_id in self._seen:
                continue
            if len(self._seen) >= self.request.most_items:
                raise self._broken(f"it has more than {self.request.most_items:,} items", answer)
            self._seen.add(sighting.external_id)
            yield item, sighting
        if found and len(self._seen) == before:
            raise self._broken("the same page comes twice", answer)

    def _first(self) -> Query:
        paging = self.request.paging
        if paging is not None and paging.number is not None:
            return {paging.number: paging.first}
        return {paging.offset: 0} if paging is not None and paging.offset is not None else {}

    def _next(self, success: Success, count: int, number: int) -> tuple[str | None, Query] | None:
        paging = self.request.paging
        if paging is None:
            return None
        if paging.number is not None or paging.offset is not None:
            return self._counted(paging, count, number)
        return self._followed(paging, success)

    def _counted(self, paging: Paging, count: int, number: int) -> tuple[None, Query] | None:
        if count == 0 or (paging.size is not None and count < paging.size):
            return None
        if paging.number is not None:
            return None, {paging.number: paging.first + number}
        assert paging.offset is not None
        self._read += count
        return None, {paging.offset: self._read}

    def _followed(self, paging: Paging, success: Success) -> tuple[str | None, Query] | None:
        if paging.next == "header":
            found: Any = next_page(success.answer.headers)
        else:
            found = found_at(success.document, paging.cursor if paging.cursor is not None else paging.next or "")
        if found is MISSING or found is None or found in ("", False):
            return None
        if isinstance(found, int) and not isinstance(found, bool) and abs(found) < 10**30:
            found = str(found)
        if not isinstance(found, str) or len(found) > _LONGEST_CURSOR or not found.isprintable():
            raise self._broken("where it goes on cannot be read", success.answer)
        if found in self._been:
            raise self._broken("its pages lead in circles", success.answer)
        self._been.add(found)
        return (None, {paging.parameter: found}) if paging.parameter is not None else (found, {})

    def _broken(self, why: str, answer: Answer | None) -> ListError:
        return ListError(self.host, Unclear(why, "" if answer is None else answer.request_id))
