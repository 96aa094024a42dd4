"""YAML to plain values with the place of every key, and nothing of YAML that a policy does not need.

Refused: anchors and aliases (a few lines of them can stand for gigabytes), tags, keys given twice, nesting deeper
than MAX_DEPTH, more than MAX_BYTES. An unquoted word is null, true, false, a whole number or a text, as in YAML 1.2;
so `no` stays a text and `17:30` a time of day, where YAML 1.1 reads false and 1050.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from typing import Final

import yaml

MAX_BYTES: Final = 256 * 1024
MAX_DEPTH: Final = 20

Path = tuple[str | int, ...]
_SCALARS: Final = {"": None, "~": None, "null": None, "true": True, "false": False}
_WHOLE: Final = re.compile(r"[-+]?[0-9]{1,18}", re.ASCII)


@dataclass(frozen=True, order=True)
class PolicyProblem:
    """One mistake: where it is (line and column count from 1), what is wrong, and what to do."""

    line: int
    column: int
    key_path: str
    message: str
    hint: str

    def __str__(self) -> str:
        where = f"line {self.line}, column {self.column}" + (f", {self.key_path}" if self.key_path else "")
        return f"{where}: {self.message} {self.hint}".rstrip()


@dataclass(frozen=True)
class Mark:
    """A place in the text, counted from 1."""

    line: int
    column: int


@dataclass
class Document:
    """What was read. `keys` holds where each path's key (or list item) stands, `values` where its value starts."""

    value: object = None
    keys: dict[Path, Mark] = field(default_factory=dict)
    values: dict[Path, Mark] = field(default_factory=dict)
    problems: list[PolicyProblem] = field(default_factory=list)


def read_yaml(text: str) -> Document:
    """The document with its places; with `problems`, the value is not to be used. Raises nothing."""
    document = Document()
    if len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        hint = "Such a file has some hundred lines; check that this is the right file."
        document.problems.append(PolicyProblem(1, 1, "", f"The file is larger than {MAX_BYTES // 1024} kB.", hint))
        return document
    node = _compose(text.removeprefix("\ufeff"), document.problems)
    if node is not None:
        document.keys[()] = document.values[()] = _mark(node.start_mark)
        document.value = _plain(node, (), document)
    return document


class _RefusedError(Exception):
    def __init__(self, mark: yaml.Mark, message: str, hint: str) -> None:
        super().__init__(message)
        self.problem = PolicyProblem(mark.line + 1, mark.column + 1, "", message, hint)


class _PlainLoader(yaml.SafeLoader):
    """Composes nodes, refusing aliases, anchors, tags and deep nesting before any of them costs anything."""

    _depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        if isinstance(event, yaml.AliasEvent) or event.anchor is not None:
            hint = "Write the value out where it is needed; text with * or & in front goes in quotes."
            raise _RefusedError(event.start_mark, "Anchors (&) and aliases (*) are not accepted.", hint)
        if getattr(event, "tag", None) is not None:
            raise _RefusedError(event.start_mark, "YAML tags (!) are not accepted.", "Remove the part with !.")
        self._depth += 1
        if self._depth > MAX_DEPTH:
            hint = "About eight levels are enough; check the brackets and the indentation."
            raise _RefusedError(event.start_mark, f"More than {MAX_DEPTH} levels are nested here.", hint)
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node


def _compose(text: str, problems: list[PolicyProblem]) -> yaml.Node | None:
    try:
        loader = _PlainLoader(text)
    except yaml.reader.ReaderError as error:
        problems.append(_unreadable_character(text, error))
        return None
    try:
        return loader.get_single_node()
    except _RefusedError as refused:
        problems.append(refused.problem)
    except yaml.MarkedYAMLError as error:
        problems.append(_syntax(error))
    except (yaml.YAMLError, ValueError, OverflowError):
        # PyYAML turns an escape such as "\UFFFFFFFF" into a character without checking that there is one.
        mark = loader.get_mark()
        hint = "Check what stands in quotes on this line."
        problems.append(PolicyProblem(mark.line + 1, mark.column + 1, "", "This is not a character.", hint))
    finally:
        loader.dispose()
    return None


def _unreadable_character(text: str, error: yaml.reader.ReaderError) -> PolicyProblem:
    before = text[: error.position]
    line = before.count("\n") + 1
    column = len(before) - (before.rfind("\n") + 1) + 1
    return PolicyProblem(line, column, "", "There is a control character here.", "Remove it and save as UTF-8.")


def _syntax(error: yaml.MarkedYAMLError) -> PolicyProblem:
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    reason = (error.problem or "unexpected end").rstrip(".")
    if "end of stream" in reason and error.context_mark:
        mark = error.context_mark  # where the quote stands, not the end of the file
        hint = "Close it with the same quote, or take it away."
        return PolicyProblem(mark.line + 1, mark.column + 1, "", "The quote that opens here is never closed.", hint)
    if "'\\t'" in reason:
        return PolicyProblem(line, column, "", "There is a tab in the indentation.", "Use spaces instead.")
    if "expected a single document" in (error.context or ""):
        return PolicyProblem(line, column, "", "A second document starts here.", "Remove the line with ---.")
    hint = "Check the indentation, colons, quotes and brackets on this line and the one above."
    return PolicyProblem(line, column, "", f"This is not YAML: {reason}.", hint)


def _plain(node: yaml.Node, path: Path, document: Document) -> object:
    document.values[path] = _mark(node.start_mark)
    if isinstance(node, yaml.MappingNode):
        return _mapping(node, path, document)
    if isinstance(node, yaml.ScalarNode):
        return _scalar(node, path, document)
    items = []
    for i, child in enumerate(node.value):
        document.keys[(*path, i)] = _mark(child.start_mark)
        items.append(_plain(child, (*path, i), document))
    return items


def _mapping(node: yaml.MappingNode, path: Path, document: Document) -> dict[str, object]:
    plain: dict[str, object] = {}
    for key_node, value_node in node.value:
        mark = _mark(key_node.start_mark)
        if not isinstance(key_node, yaml.ScalarNode):
            _report(document, mark, path, "A key has to be a single word.", "Write it as key: value.")
            continue
        key = str(key_node.value)
        here = (*path, key)
        if key in plain:
            hint = "Keep one of them."
            _report(document, mark, here, f"This key was already given on line {document.keys[here].line}.", hint)
            continue
        document.keys[here] = mark
        plain[key] = _plain(value_node, here, document)
    return plain


def _scalar(node: yaml.ScalarNode, path: Path, document: Document) -> object:
    text = str(node.value)
    if any(unicodedata.category(one) in ("Cc", "Cs") and one not in "\n\t" for one in text):
        mark = _mark(node.start_mark)
        _report(document, mark, path, "There is a control character in this text.", "Remove it.")
    if node.style is not None:
        return text
    if text.lower() in _SCALARS:
        return _SCALARS[text.lower()]
    return int(text) if _WHOLE.fullmatch(text) else text


def _report(document: Document, mark: Mark, path: Path, message: str, hint: str) -> None:
    document.problems.append(PolicyProblem(mark.line, mark.column, path_text(path), message, hint))


def _mark(mark: yaml.Mark) -> Mark:
    return Mark(mark.line + 1, mark.column + 1)


def path_text(path: Path) -> str:
    """`("tiers", 0, "ladder")` as `tiers[0].ladder`; over-long keys are cut."""
    text = ""
    for part in path:
        shown = part if isinstance(part, int) or len(part) <= 40 else part[:39] + "…"
        text += f"[{shown}]" if isinstance(shown, int) else f".{shown}" if text else shown
    return text
