"""Inventories in JSON and YAML: a list of objects, or ``{"tokens": […], "people": […], "vendors": […]}``.

Both keep the line where each object starts. Every scalar is read as the text that was written, so that
``00012`` keeps its zeros and ``no`` is not turned into false. A key given twice, an anchor or alias (a few
lines of which can stand for gigabytes), a tag or deep nesting is refused before it costs anything.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

import yaml

from bot.operations.import_inventory.cells import Unreadable
from bot.operations.secret_patterns import shown_name

MAX_JSON = 256 * 1024**2
MAX_YAML = 32 * 1024**2
_MAX_DEPTH = 20
_MAX_SHAPES = 100
SECTIONS = ("tokens", "people", "vendors")
_SHAPE = 'Write a list of objects, or {"tokens": [...], "people": [...], "vendors": [...]}'

Object = tuple[str, tuple[str, ...], int, Sequence[str]]
"""Section, keys, line, values."""


class DocumentError(ValueError):
    """The document is not what it should be; ``line`` counts from 1."""

    def __init__(self, reason: str, line: int, allowed: str = _SHAPE) -> None:
        super().__init__(reason)
        self.reason, self.line, self.allowed = reason, line, allowed


class _Headers(dict[tuple[str, ...], tuple[str, ...]]):
    """One object for equal headers."""

    def __missing__(self, keys: tuple[str, ...]) -> tuple[str, ...]:
        if len(self) == _MAX_SHAPES:
            raise DocumentError(f"the objects have more than {_MAX_SHAPES} different sets of keys", 0, "Use one set")
        self[keys] = keys
        return keys


# ------------------------------------------------------------------ JSON


class _Pairs(list[tuple[str, Any]]):
    """A JSON object as it was written, so that a second key of one name shows."""


_decoder = json.JSONDecoder(
    object_pairs_hook=_Pairs,
    parse_int=str,
    parse_float=str,
    parse_constant=lambda name: Unreadable(f"{name} is no value"),
)
_BLANK = re.compile(r"[ \t\r\n]*")


def read_json(document: str) -> Iterator[Object]:
    """The objects of a JSON document in their order.

    Raises:
        DocumentError: where it is not JSON, or not one of the two shapes.
    """
    cursor = _Json(document)
    headers = _Headers()
    if cursor.peek() == "[":
        yield from _json_list(cursor, "", headers)
    elif cursor.peek() == "{":
        seen: set[str] = set()
        for section in cursor.sections():
            if section in seen:
                raise DocumentError(f"the list {section} is there twice", cursor.line)
            seen.add(section)
            yield from _json_list(cursor, section, headers)
    else:
        raise DocumentError("this is not a list of objects", cursor.line)
    if cursor.peek():
        raise DocumentError("something follows after the end of the document", cursor.line)


class _Json:
    """A place in a JSON text that moves on item by item and knows its line."""

    def __init__(self, document: str) -> None:
        self.document, self.at, self.line, self._counted = document, 0, 1, 0

    def peek(self) -> str:
        """The next character that is not white space; empty at the end."""
        blank = _BLANK.match(self.document, self.at)
        self.at = blank.end() if blank else self.at
        self.line += self.document.count("\n", self._counted, self.at)
        self._counted = self.at
        return self.document[self.at : self.at + 1]

    def take(self, expected: str) -> None:
        if self.peek() != expected:
            raise DocumentError(f"a {expected} is expected here", self.line, "Check the brackets, commas and quotes")
        self.at += 1

    def value(self) -> Any:
        try:
            value, self.at = _decoder.raw_decode(self.document, self.at)
        except json.JSONDecodeError as error:
            hint = "Check the brackets, commas and quotes"
            raise DocumentError(f"this is not JSON: {error.msg}", error.lineno, hint) from None
        except RecursionError:
            raise DocumentError("the nesting is too deep", self.line) from None
        return value

    def items(self) -> Iterator[None]:
        """Stops before each item of the list that starts here."""
        self.take("[")
        if self.peek() != "]":
            yield
            while self.peek() == ",":
                self.at += 1
                self.peek()
                yield
        self.take("]")

    def sections(self) -> Iterator[str]:
        """Stops behind each key (a list of :data:`SECTIONS`) of the object that starts here; its value is next."""
        self.take("{")
        more = self.peek() != "}"
        while more:
            if self.peek() != '"':
                raise DocumentError("a key in quotes is expected here", self.line)
            key = self.value()
            if key not in SECTIONS:
                raise DocumentError(f"there is no list {shown_name(key)}", self.line)
            self.take(":")
            self.peek()
            yield key
            more = self.peek() == ","
            self.at += more
        self.take("}")


def _json_list(cursor: _Json, section: str, headers: _Headers) -> Iterator[Object]:
    if cursor.peek() != "[":
        raise DocumentError("a list of objects is expected here", cursor.line)
    for _ in cursor.items():
        line = cursor.line
        value = cursor.value()
        if not isinstance(value, _Pairs):
            raise DocumentError("an object is expected here", line)
        keys = tuple(key for key, _ in value)
        if len(set(keys)) != len(keys):
            raise DocumentError("a key is there twice in this object", line, "Keep one of them")
        yield section, headers[keys], line, [_json_cell(item) for _, item in value]


def _json_cell(value: Any) -> str:
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, _Pairs) or any(isinstance(item, list | _Pairs) for item in value):
        return Unreadable("there is an object inside this value")
    return ", ".join(_json_cell(item) for item in value)


# ------------------------------------------------------------------ YAML


class _Loader(yaml.SafeLoader):
    _depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        line = event.start_mark.line + 1
        if isinstance(event, yaml.AliasEvent) or event.anchor is not None:
            raise DocumentError("anchors (&) and aliases (*) are not accepted", line, "Write the value out")
        if getattr(event, "tag", None) is not None:
            raise DocumentError("tags (!) are not accepted", line, "Remove the part with !")
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise DocumentError("the nesting is too deep", line)
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node


def read_yaml(document: str) -> Iterator[Object]:
    """The objects of a YAML document in their order.

    Raises:
        DocumentError: where it is not plain YAML, or not one of the two shapes.
    """
    node = _compose(document)
    headers = _Headers()
    if isinstance(node, yaml.SequenceNode):
        yield from _yaml_list(node, "", headers)
    elif isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode) or key.value not in SECTIONS or key.value in seen:
                name = shown_name(key.value) if isinstance(key, yaml.ScalarNode) else "of that name"
                raise DocumentError(f"there is no list {name}, or it is there twice", line)
            seen.add(key.value)
            if not isinstance(value, yaml.SequenceNode):
                raise DocumentError("a list of objects is expected here", line)
            yield from _yaml_list(value, key.value, headers)
    else:
        raise DocumentError("this is not a list of objects", 1)


def _compose(document: str) -> yaml.Node | None:
    hint = "Check the indentation, colons, quotes and brackets here and in the line above"
    try:
        loader = _Loader(document)
    except yaml.reader.ReaderError as error:
        line = document.count("\n", 0, error.position) + 1
        raise DocumentError("there is a control character here", line, "Remove it") from None
    try:
        return loader.get_single_node()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise DocumentError("this is not YAML", mark.line + 1 if mark else 1, hint) from None
    except (yaml.YAMLError, OverflowError, RecursionError):
        raise DocumentError("this is not YAML", loader.get_mark().line + 1, hint) from None
    except ValueError as error:
        if isinstance(error, DocumentError):
            raise
        # PyYAML turns an escape such as "\UFFFFFFFF" into a character without checking that there is one.
        raise DocumentError("this is not a character", loader.get_mark().line + 1, hint) from None
    finally:
        loader.dispose()


def _yaml_list(node: yaml.SequenceNode, section: str, headers: _Headers) -> Iterator[Object]:
    for item in node.value:
        line = item.start_mark.line + 1
        if not isinstance(item, yaml.MappingNode) or not all(isinstance(key, yaml.ScalarNode) for key, _ in item.value):
            raise DocumentError("an object is expected here", line)
        keys = tuple(str(key.value) for key, _ in item.value)
        if len(set(keys)) != len(keys):
            raise DocumentError("a key is there twice in this object", line, "Keep one of them")
        yield section, headers[keys], line, [_yaml_cell(value) for _, value in item.value]


def _yaml_cell(node: yaml.Node) -> str:
    if isinstance(node, yaml.ScalarNode):
        plain = node.style is None and node.value in {"~", "null", "Null", "NULL"}
        return "" if plain else str(node.value)
    if isinstance(node, yaml.MappingNode) or any(not isinstance(item, yaml.ScalarNode) for item in node.value):
        return Unreadable("there is an object inside this value")
    return ", ".join(_yaml_cell(item) for item in node.value)
