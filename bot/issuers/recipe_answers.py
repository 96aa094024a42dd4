"""What an answer says, by a recipe: a success, that there is no such credential, no, or nothing certain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from bot.issuers import outside
from bot.issuers.calls import Answer
from bot.issuers.pointers import MISSING, found_at
from bot.issuers.recipe import ID, Case, Condition, Fields, Moment, Request, filled
from bot.rules.issuing import Absent, KeyState, Rejected, Sighting, Unclear

_EMPTY: Final[tuple[Any, ...]] = (None, "", [], {}, False)


@dataclass(frozen=True)
class Success:
    """An answer that says yes. ``document`` is its JSON; None where nobody needed it and it is none."""

    answer: Answer
    document: Any = None


class ReadingError(ValueError):
    """An item cannot be read; the text says where, and repeats nothing of it."""


def judged(request: Request, answer: Answer, values: dict[str, str]) -> Success | Absent | Rejected | Unclear:
    """What an answer to ``request`` says, which was made with ``values`` filled in."""
    id_, document = answer.request_id, _json(answer)
    if is_case(request.absent, answer.status, document, values):
        return Absent(id_)
    if answer.status in request.successes:
        return _believed(request, answer, document, values)
    if 400 <= answer.status < 500:
        return Rejected(str(answer.status), "the system refuses", id_)
    return Unclear(f"the system answers {answer.status}, which its recipe does not expect", id_)


def _believed(
    request: Request, answer: Answer, document: Any, values: dict[str, str]
) -> Success | Absent | Rejected | Unclear:
    id_ = answer.request_id
    asked = bool(request.must or request.must_not or request.same is not None)
    if asked and document is MISSING:
        return Unclear("the system's answer cannot be read", id_)
    if any(not is_met(one, document, values) for one in request.must) or any(
        is_met(one, document, values) for one in request.must_not
    ):
        return Rejected(str(answer.status), "the answer says that it was an error, whatever its status", id_)
    if request.same is not None and _text(found_at(document, request.same)) != values[ID]:
        return Unclear("the system's answer is about another credential", id_)
    return Success(answer, None if document is MISSING else document)


def is_case(cases: Sequence[Case], status: int, document: Any, values: dict[str, str]) -> bool:
    """Whether an answer is one of these. A condition on a document that cannot be read is never met."""
    return any(
        status == one.status and (one.when is None or (document is not MISSING and is_met(one.when, document, values)))
        for one in cases
    )


def is_met(condition: Condition, document: Any, values: dict[str, str]) -> bool:
    """Whether a document meets a condition. ``1`` and ``true`` are not the same."""
    found = found_at(document, condition.at)
    if condition.missing:
        return found is MISSING
    if not condition.compares:
        return found is not MISSING and not any(found is one or found == one for one in _EMPTY)
    wanted = filled(condition.equals, values)
    return type(found) is type(wanted) and bool(found == wanted)


def json_of(answer: Answer) -> Any:
    """The answer's JSON, or ``MISSING``."""
    return _json(answer)


def _json(answer: Answer) -> Any:
    try:
        return answer.json()
    except ValueError:
        return MISSING


def _text(value: Any) -> str | None:
    try:
        return outside.identifier(value)
    except ValueError:
        return None


# ------------------------------------------------------------------ sightings


def sighting_of(fields: Fields, item: Any) -> Sighting:
    """An item as a sighting.

    Raises:
        ReadingError: something in it is of another type than it has to be, or has no sense.
    """
    try:
        return Sighting(
            external_id=outside.identifier(found_at(item, fields.external_id)),
            state=_state(fields, item),
            name=_shown(item, fields.name, outside.LONGEST_NAME),
            credential_type=fields.credential_type,
            scopes=_shown(item, fields.scopes, outside.LONGEST_TEXT),
            created_at=_moment(item, fields.created_at),
            expires_at=_moment(item, fields.expires_at),
            last_used_at=_moment(item, fields.last_used_at),
            used_for=_shown(item, fields.used_for, outside.LONGEST_NAME),
            owner_hints=tuple(
                dict.fromkeys(hint for at in fields.owner_hints if (hint := _shown(item, at, outside.LONGEST_NAME)))
            )[: outside.MOST_HINTS],
        )
    except ValueError as error:
        raise ReadingError(str(error)) from None


def _shown(item: Any, at: str | None, most: int) -> str:
    found = MISSING if at is None else found_at(item, at)
    return "" if found is MISSING else outside.text_of(found, most)


def _moment(item: Any, moment: Moment | None) -> Any:
    found = MISSING if moment is None else found_at(item, moment.at)
    return None if moment is None or found is MISSING else outside.moment_of(found, moment.written)


def _state(fields: Fields, item: Any) -> KeyState:
    if fields.state is None:
        return KeyState.ACTIVE
    found = found_at(item, fields.state.at)
    if isinstance(found, (dict, list, float)):
        raise ValueError("a state is neither a word nor true or false")
    for state, words in ((KeyState.DISABLED, fields.state.disabled), (KeyState.EXPIRED, fields.state.expired)):
        if any(type(found) is type(word) and found == word for word in words):
            return state
    return KeyState.ACTIVE
