"""What the due query would say at many moments to come, as long as nobody changes anything.

Only the first and the last moment are asked about all tokens. What differs between two moments is looked for between
them, over these tokens only, by halves: a condition that has come up does not go away by itself, so a token that is
the same at both ends was the same all the time.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlmodel import Session

from storage.due import DueRow, due_rows
from storage.due_parameters import DueParameters

_Rows = dict[int, DueRow]


class Look(NamedTuple):
    """What is new at a moment: by token, its row, or None where it is not due any more."""

    at: datetime
    changed: dict[int, DueRow | None]


def due_ahead(session: Session, parameters: DueParameters, moments: Sequence[datetime]) -> Iterator[Look]:
    """In the order of time: everything that is due at the first of ``moments``, then, for each later one at which
    something differs from the one before, what does.

    Args:
        moments: ascending; at least one.
    """
    first = _rows(session, parameters, moments[0], None)
    yield Look(moments[0], dict(first))
    if len(moments) > 1:
        last = _rows(session, parameters, moments[-1], None)
        yield from _between(session, parameters, moments, first, last)


def _between(
    session: Session, parameters: DueParameters, moments: Sequence[datetime], first: _Rows, last: _Rows
) -> Iterator[Look]:
    """The looks at all of ``moments`` but the first; ``first`` and ``last`` are what was found at both ends."""
    changed = [one for one in first.keys() | last.keys() if _mark(first.get(one)) != _mark(last.get(one))]
    if not changed:
        return
    if len(moments) == 2:
        yield Look(moments[1], {one: last.get(one) for one in changed})
        return
    middle = len(moments) // 2
    halfway = _rows(session, parameters, moments[middle], changed)
    before = {one: first[one] for one in changed if one in first}
    after = {one: last[one] for one in changed if one in last}
    yield from _between(session, parameters, moments[: middle + 1], before, halfway)
    yield from _between(session, parameters, moments[middle:], halfway, after)


def _rows(session: Session, parameters: DueParameters, at: datetime, only: Collection[int] | None) -> _Rows:
    return {row.token_id: row for row in due_rows(session, parameters, at, only)}


def _mark(row: DueRow | None) -> tuple[int, int] | None:
    return None if row is None else (row.reasons, row.notice_days)
