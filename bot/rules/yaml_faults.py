"""What pydantic finds in a YAML file, in plain words and with its place: line, column and key; and what to do."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from bot.rules.policy_values import Fault, PolicyFaults, suggest
from bot.rules.policy_yaml import Document, Mark, Path, PolicyProblem, path_text


def _quoted(value: object) -> str:
    text = str(value)
    return repr(text if len(text) <= 40 else text[:39] + "…")


@dataclass(frozen=True)
class Wording:
    """How the mistakes of one kind of file are told."""

    compare_with: str
    """A sentence for what no other advice is known for."""
    shown: Callable[[object], str] = _quoted
    """How a wrong value is named; a file that may hold a secret names none."""


def problems_of(
    error: ValidationError, document: Document, model: type[BaseModel], wording: Wording, under: Path = ()
) -> list[PolicyProblem]:
    """Every mistake that validating the part of the document at ``under`` as ``model`` has found."""
    details = error.errors(include_url=False)
    return [found for one in details for found in _problems(one, details, _Part(document, model, wording, under))]


@dataclass(frozen=True)
class _Part:
    document: Document
    model: type[BaseModel]
    wording: Wording
    under: Path


def _problems(error: ErrorDetails, others: list[ErrorDetails], part: _Part) -> Iterator[PolicyProblem]:
    loc: Path = tuple(one for one in error["loc"] if one != "[key]")
    if error["type"] == "too_short" and any(_is_below(one["loc"], error["loc"]) for one in others):
        return  # the list is short only because the entries named in the other problems do not count
    for fault in _faults(error, loc, part):
        yield _located(fault, (*part.under, *loc), part.document, error["type"])


def _is_below(deeper: Path, upper: Path) -> bool:
    return len(deeper) > len(upper) and deeper[: len(upper)] == upper


def _located(fault: Fault, loc: Path, document: Document, kind: str) -> PolicyProblem:
    wanted = (*loc, *fault.at)
    known = wanted
    while known not in document.keys:
        known = known[:-1]
    mark = document.keys[known] if kind == "extra_forbidden" else mark_of(document, known)
    key_path = path_text(wanted if kind == "missing" else known)
    return PolicyProblem(mark.line, mark.column, key_path, fault.message, fault.hint)


def mark_of(document: Document, path: Path) -> Mark:
    """Where a mistake in the value at ``path`` is pointed at: a single value itself, a group or a list at its key."""
    is_single = not isinstance(_value_at(document, path), dict | list)
    return document.values[path] if is_single else document.keys[path]


def _value_at(document: Document, path: Path) -> object:
    value: Any = document.value
    for part in path:
        value = value[part]
    return value


# ------------------------------------------------------------------ pydantic's findings in plain words


def _faults(error: ErrorDetails, loc: Path, part: _Part) -> tuple[Fault, ...]:
    kind = error["type"]
    cause = error.get("ctx", {}).get("error")
    if isinstance(cause, PolicyFaults):
        return cause.faults
    if cause is not None:
        return (Fault((), str(cause), getattr(cause, "hint", "")),)
    if kind == "missing":
        return (Fault((), f"The key {loc[-1]} is missing.", f"Add {loc[-1]}: with its value here."),)
    if kind == "extra_forbidden":
        keys = list(_model_around(part.model, loc).model_fields)
        return (Fault((), "There is no such key.", suggest(str(loc[-1]), keys)),)
    if kind in ("literal_error", "enum"):
        known = re.findall(r"'([^']+)'", str(error["ctx"]["expected"]))
        shown = part.wording.shown(error["input"])
        return (Fault((), f"{shown} is not known here.", suggest(str(error["input"]), known)),)
    message, hint = _PLAIN_WORDS.get(kind, (error["msg"] + ".", part.wording.compare_with))
    return (Fault((), message, hint.format(**error.get("ctx", {}))),)


_PLAIN_WORDS: Final = {
    "string_type": ("This has to be a text.", "Write a text; a number, true, false or null goes in quotes."),
    "int_type": ("This has to be a whole number.", "Write a number such as 5, without quotes."),
    "bool_type": ("This has to be true or false.", "Write true or false, without quotes."),
    "tuple_type": ("This has to be a list.", "Write each entry on its own line, with - in front."),
    "dict_type": ("This has to be a group of keys.", "Write key: value lines below it, indented."),
    "model_type": ("This has to be a group of keys.", "Write key: value lines below it, indented."),
    "greater_than_equal": ("The number is too small.", "Use at least {ge}."),
    "less_than_equal": ("The number is too large.", "Use at most {le}."),
    "too_short": ("The list is empty.", "Add an entry, or leave the key out."),
    "too_long": ("The list is too long.", "Use at most {max_length} entries."),
    "string_too_short": ("The text is empty.", "Write something here."),
    "string_too_long": ("The text is too long.", "Use at most {max_length} characters."),
}


def _model_around(top: type[BaseModel], loc: Path) -> type[BaseModel]:
    """The model whose key stands last in the path, to know which keys it could have been."""
    model = top
    inside_container = False
    for part in loc[:-1]:
        if inside_container or part not in model.model_fields:
            inside_container = False
            continue
        annotation = model.model_fields[str(part)].annotation
        model = _model_in(annotation) or model
        inside_container = get_origin(annotation) in (tuple, dict)
    return model


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for one in get_args(annotation) if (found := _model_in(one))), None)
