"""Reading a policy file: every mistake with its line and key, in plain words: the place, what is wrong, what to do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import resources
from typing import Any, Final, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from bot.rules.policy import Policy
from bot.rules.policy_values import Fault, PolicyFaults, suggest
from bot.rules.policy_yaml import MAX_BYTES, MAX_DEPTH, Document, Path, PolicyProblem, path_text, read_yaml

__all__ = ["MAX_BYTES", "MAX_DEPTH", "PolicyError", "PolicyProblem", "default_policy_text", "load_policy"]

MAX_PROBLEMS: Final = 100


class PolicyError(ValueError):
    """A policy that cannot be used. `problems` are in the order of the file, `name` is the file's."""

    def __init__(self, name: str, problems: list[PolicyProblem]) -> None:
        self.name = name
        self.problems = tuple(sorted(problems)[:MAX_PROBLEMS])
        super().__init__("\n".join(f"{name}, {problem}" for problem in self.problems))


def load_policy(text: str, name: str) -> Policy:
    """The policy in a YAML text; `name` (the file's) is used in messages only. Raises PolicyError."""
    document = read_yaml(text)
    if document.problems:
        raise PolicyError(name, document.problems)
    if document.value is None:
        hint = "Start from the default policy that comes with Whose."
        raise PolicyError(name, [PolicyProblem(1, 1, "", "The policy is empty.", hint)])
    try:
        return Policy.model_validate(document.value)
    except ValidationError as error:
        details = error.errors(include_url=False)
        raise PolicyError(name, [found for one in details for found in _problems(one, details, document)]) from None


def default_policy_text() -> str:
    """The commented policy that ships with Whose and is in force until another one is named."""
    return resources.files("bot.rules").joinpath("default_policy.yaml").read_text(encoding="utf-8")


def _problems(error: ErrorDetails, others: list[ErrorDetails], document: Document) -> Iterator[PolicyProblem]:
    loc: Path = tuple(part for part in error["loc"] if part != "[key]")
    if error["type"] == "too_short" and any(_is_below(one["loc"], error["loc"]) for one in others):
        return  # the list is short only because the entries named in the other problems do not count
    for fault in _faults(error, loc):
        yield _located(fault, loc, document, error["type"])


def _is_below(deeper: Path, upper: Path) -> bool:
    return len(deeper) > len(upper) and deeper[: len(upper)] == upper


def _located(fault: Fault, loc: Path, document: Document, kind: str) -> PolicyProblem:
    wanted = (*loc, *fault.at)
    known = wanted
    while known not in document.keys:
        known = known[:-1]
    # A wrong single value is pointed at itself; a group or a list, an unknown or a missing key at its key.
    is_single = kind != "extra_forbidden" and not isinstance(_value_at(document, known), dict | list)
    mark = document.values[known] if is_single else document.keys[known]
    key_path = path_text(wanted if kind == "missing" else known)
    return PolicyProblem(mark.line, mark.column, key_path, fault.message, fault.hint)


def _value_at(document: Document, path: Path) -> object:
    value: Any = document.value
    for part in path:
        value = value[part]
    return value


# ------------------------------------------------------------------ pydantic's findings in plain words


def _faults(error: ErrorDetails, loc: Path) -> tuple[Fault, ...]:
    kind = error["type"]
    cause = error.get("ctx", {}).get("error")
    if isinstance(cause, PolicyFaults):
        return cause.faults
    if cause is not None:
        return (Fault((), str(cause), getattr(cause, "hint", "")),)
    if kind == "missing":
        return (Fault((), f"The key {loc[-1]} is missing.", f"Add {loc[-1]}: with its value here."),)
    if kind == "extra_forbidden":
        keys = list(_model_around(loc).model_fields)
        return (Fault((), "There is no such key.", suggest(str(loc[-1]), keys)),)
    if kind in ("literal_error", "enum"):
        known = re.findall(r"'([^']+)'", str(error["ctx"]["expected"]))
        return (Fault((), f"{_shown(error['input'])} is not known here.", suggest(str(error["input"]), known)),)
    message, hint = _PLAIN_WORDS.get(kind, (error["msg"] + ".", "Compare it with the default policy."))
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


def _shown(value: object) -> str:
    text = str(value)
    return repr(text if len(text) <= 40 else text[:39] + "…")


def _model_around(loc: Path) -> type[BaseModel]:
    """The model whose key stands last in the path, to know which keys it could have been."""
    model: type[BaseModel] = Policy
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
