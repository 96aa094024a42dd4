"""A framework's file as values: its controls, and which records are evidence that they operated."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Final, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from bot.rules.controls.vocabulary import CHECKPOINT, KINDS, TOKEN_FACTS, VOCABULARY, word
from bot.rules.policy_values import suggest
from bot.rules.policy_yaml import Document, path_text, read_yaml


class ControlsError(ValueError):
    """A framework's file that cannot be used; each line names the file, the place and the key, and says what to do."""


def _as_list(value: object) -> object:
    return value if isinstance(value, list) or value is None else [value]


def _words(value: object) -> object:
    """One word or several; ``true`` and ``false`` as the words they are."""
    values = value if isinstance(value, list) else [value]
    return [word(one) or one for one in values]


def _one_line(text: str) -> str:
    if not text.strip() or "\n" in text.strip():
        raise ValueError("this has to be one line of text")
    return text.strip()


def _key(text: str) -> str:
    if not _KEY.fullmatch(text):
        raise ValueError("a key is lower case letters, digits and hyphens, and begins with a letter")
    return text


_KEY: Final = re.compile(r"[a-z][a-z0-9-]{1,39}")
Line = Annotated[str, AfterValidator(_one_line)]
Words = Annotated[tuple[str, ...], BeforeValidator(_words)]


class Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Evidence(Part):
    """Records that are evidence for a control: of one of these kinds, with one of the reasons and all of the rest."""

    kinds: Annotated[tuple[str, ...], BeforeValidator(_as_list), Field(min_length=1)]
    reasons: Words = ()
    details: Mapping[str, Words] = Field(default_factory=dict)
    token: Mapping[str, Words] = Field(default_factory=dict)
    because: Line
    """Why such a record is evidence, in one line."""

    @model_validator(mode="after")
    def _only_known_words(self) -> Self:
        for kind in self.kinds:
            if kind != CHECKPOINT and kind not in KINDS:
                raise ValueError(f"there is no kind of record {kind!r}. {suggest(kind, [*KINDS, CHECKPOINT])}")
            if kind == CHECKPOINT and (self.reasons or self.details or self.token or len(self.kinds) > 1):
                raise ValueError("a checkpoint stands alone: it has no reasons, no details and no token")
            if kind != CHECKPOINT:
                self._check(kind)
        _check_words(self.token, TOKEN_FACTS, "token")
        return self

    def _check(self, kind: str) -> None:
        known = VOCABULARY[KINDS[kind]]
        for reason in self.reasons:
            if reason not in known.reasons:
                raise ValueError(f"no {kind} has the reason {reason!r}. {suggest(reason, known.reasons)}")
        _check_words(self.details, known.details, kind)


def _check_words(asked: Mapping[str, tuple[str, ...]], known: Mapping[str, frozenset[str]], of: str) -> None:
    for key, values in asked.items():
        if key not in known:
            raise ValueError(f"no {of} says {key!r}. {suggest(key, known)}")
        for value in values:
            if value not in known[key]:
                raise ValueError(f"{key} of a {of} is never {value!r}. {suggest(str(value), known[key])}")


class Control(Part):
    """One control: its id as the framework writes it, and what it is about in our own words."""

    id: Annotated[Line, Field(max_length=40)]
    title: Line
    evidence: Annotated[tuple[Evidence, ...], Field(min_length=1)]


class Framework(Part):
    """One framework and its controls, in the order of the file."""

    key: Annotated[str, AfterValidator(_key)]
    name: Line
    title: Line
    url: Line
    note: str = ""
    """What a reader of the mapping has to know: what is left out and why."""
    controls: Annotated[tuple[Control, ...], Field(min_length=1)]
    nothing: Mapping[str, Line] = Field(default_factory=dict)
    """Kinds of record that are evidence for none of the controls, and why not."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        ids = [control.id for control in self.controls]
        twice = next((one for one in ids if ids.count(one) > 1), None)
        if twice is not None:
            raise ValueError(f"the control {twice} is there twice; keep one")
        mapped = self.mapped_kinds
        for kind in self.nothing:
            if kind not in KINDS:
                raise ValueError(f"nothing: there is no kind of record {kind!r}. {suggest(kind, KINDS)}")
            if kind in mapped:
                raise ValueError(f"nothing: {kind} is evidence for a control of this very file; take it out here")
        return self

    @property
    def mapped_kinds(self) -> frozenset[str]:
        """The kinds of record that are evidence for some control."""
        return frozenset(kind for control in self.controls for one in control.evidence for kind in one.kinds)


def read_framework(text: str, name: str) -> Framework:
    """The framework in a YAML text; ``name`` (the file's) is used in messages only.

    Raises:
        ControlsError: naming the file, the line and the key of every mistake.
    """
    document = read_yaml(text)
    if document.problems:
        raise ControlsError("\n".join(f"{name}, {problem}" for problem in document.problems))
    try:
        return Framework.model_validate(document.value)
    except ValidationError as error:
        raise ControlsError("\n".join(_sentences(error.errors(include_url=False), document, name))) from None


def _sentences(errors: Iterable[Any], document: Document, name: str) -> Iterable[str]:
    for error in errors:
        known = tuple(error["loc"])
        while known not in document.keys and known:
            known = known[:-1]
        mark = document.keys.get(known)
        where = f"line {mark.line}, {path_text(error['loc'])}" if mark and error["loc"] else "the whole file"
        said = str(error["msg"]).removeprefix("Value error, ").rstrip(".")
        yield f"{name}, {where}: {said[:1].lower()}{said[1:]}."
