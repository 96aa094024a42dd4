"""A mapping file: how another system's columns become ours.

.. code-block:: yaml

    kind: tokens
    columns: {"Key Id": external_id}        # theirs: ours
    constants: {issuing_system: acme-iam}   # ours: the value of every row
    templates: {display_name: "{User} key"} # ours: built from theirs; nothing where one of them is empty
    values: {environment: {prod: production}}   # ours: {theirs: ours}; capitals do not matter
    null_values: [N/A, no_information]      # read as empty
    skip_when: {Status: [deleted]}          # a row is left out when all of these match; "" matches empty
    ignore: [Comment]                       # theirs: known, and not taken
    explode:                                # one row becomes one for each of these, which add to the above
      - columns: {key_1_created: created_at}
        templates: {external_id: "{arn}#access_key_1"}
        skip_when: {key_1_created: [N/A]}

The mappings that ship are named without a path: ``--mapping aws-credential-report``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from bot.errors import WhoseError
from bot.operations.import_inventory.columns import NAMES, header_key
from bot.operations.import_inventory.reading import Block, FileError
from bot.operations.import_inventory.report import Kind
from bot.operations.secret_patterns import shown_name
from bot.rules.policy_yaml import path_text, read_yaml

_SHIPPED = resources.files("bot.operations.import_inventory") / "mappings"
_FIELD = re.compile(r"\{([^{}]+)\}")


class MappingError(WhoseError):
    """A mapping file that cannot be used; the text names the line and the key."""


def _words(value: Any) -> Any:
    """YAML reads some cells as numbers or as true; a cell is always text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if value is None:
        return ""
    if isinstance(value, list):
        return [_words(item) for item in value]
    if isinstance(value, dict):
        return {_words(key): _words(item) for key, item in value.items()}
    return value


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    columns: dict[str, str] = Field(default_factory=dict)
    constants: dict[str, str] = Field(default_factory=dict)
    templates: dict[str, str] = Field(default_factory=dict)
    skip_when: dict[str, list[str]] = Field(default_factory=dict)

    @field_validator("columns", "constants", "templates", "skip_when", mode="before")
    @classmethod
    def _as_text(cls, value: Any) -> Any:
        return _words(value)

    @property
    def ours(self) -> list[str]:
        """The columns of ours that this part fills."""
        return [*self.columns.values(), *self.constants, *self.templates]

    @property
    def theirs(self) -> set[str]:
        """The columns of theirs that this part reads."""
        fields = {name for template in self.templates.values() for name in _FIELD.findall(template)}
        return {*self.columns, *fields, *self.skip_when}


class ColumnMapping(_Part):
    """A mapping file, checked. Column names of theirs are compared like ours (case, spaces, hyphens)."""

    kind: Kind = "tokens"
    values: dict[str, dict[str, str]] = Field(default_factory=dict)
    null_values: list[str] = Field(default_factory=list)
    ignore: list[str] = Field(default_factory=list)
    explode: list[_Part] = Field(default_factory=list, max_length=20)

    @field_validator("values", "null_values", "ignore", mode="before")
    @classmethod
    def _values_as_text(cls, value: Any) -> Any:
        return _words(value)

    def blocks(self, source: Iterator[Block]) -> Iterator[Block]:
        """Their rows as ours; theirs that no part uses keep their name, so that they are reported or understood.

        Raises:
            FileError: when a column that the mapping reads is not in the file.
        """
        plans: dict[int, list[_Plan]] = {}
        kept: list[tuple[str, ...]] = []  # keeps the ids above alive
        for block in source:
            if id(block.header) not in plans:
                plans[id(block.header)] = [_Plan.make(self, part, block) for part in self.explode or [_Part()]]
                kept.append(block.header)
            for plan in plans[id(block.header)]:
                yield plan.apply(block)


@dataclass(frozen=True)
class _Plan:
    """What to do with the rows of one header for one part."""

    kind: Kind
    header: tuple[str, ...]
    width: int
    takes: list[tuple[str, int, str]]
    """For each of ours: ``column``, ``constant`` or ``template``; the place or 0; the text."""
    places: dict[str, int]
    skips: list[list[tuple[int, frozenset[str]]]]
    nulls: frozenset[str]
    values: dict[int, dict[str, str]] = field(default_factory=dict)

    @classmethod
    def make(cls, mapping: ColumnMapping, part: _Part, block: Block) -> _Plan:
        places = {header_key(name): i for i, name in enumerate(block.header)}
        reads = mapping.theirs | part.theirs
        missing = [name for name in sorted(reads) if header_key(name) not in places]
        if missing:
            reason = f"the mapping reads the column {missing[0]}, which is not in this file"
            raise FileError(reason, "Check that this is the right mapping for it")
        known = {header_key(name) for one in (mapping, *mapping.explode) for name in (*one.theirs, *mapping.ignore)}
        header: list[str] = []
        takes: list[tuple[str, int, str]] = []
        for one in (mapping, part):
            for theirs, ours in one.columns.items():
                header.append(ours)
                takes.append(("column", places[header_key(theirs)], ""))
            for kind, texts in (("constant", one.constants), ("template", one.templates)):
                for ours, text in texts.items():
                    header.append(ours)
                    takes.append((kind, 0, text))
        for key, i in places.items():
            if key not in known and key not in header:
                header.append(block.header[i])
                takes.append(("column", i, ""))
        values = {
            i: {theirs.casefold(): ours for theirs, ours in mapping.values[name].items()}
            for i, name in enumerate(header)
            if name in mapping.values
        }
        skips = [
            [(places[header_key(name)], frozenset(map(str.casefold, texts))) for name, texts in one.skip_when.items()]
            for one in (mapping, part)
            if one.skip_when
        ]
        nulls = frozenset(map(str.casefold, mapping.null_values))
        return cls(mapping.kind, tuple(header), len(block.header), takes, places, skips, nulls, values)

    def apply(self, block: Block) -> Block:
        """The rows as ours, without those that the mapping skips."""
        lines, rows = [], []
        for line, cells in zip(block.lines, block.rows, strict=True):
            made = self._row(cells)
            if made is not None:
                lines.append(line)
                rows.append(made)
        return Block(self.kind, self.header, lines, rows)

    def _row(self, cells: Sequence[str]) -> Sequence[str] | None:
        """One row as ours; without cells where theirs has the wrong width, so that it is refused."""
        if len(cells) != self.width:
            return ()
        for skip in self.skips:
            if all(cells[place].strip().casefold() in texts for place, texts in skip):
                return None
        known = ["" if cell.strip().casefold() in self.nulls else cell for cell in cells]
        made = [self._take(kind, place, text, known) for kind, place, text in self.takes]
        for i, words in self.values.items():
            made[i] = words.get(made[i].strip().casefold(), made[i])
        return made

    def _take(self, kind: str, place: int, text: str, cells: Sequence[str]) -> str:
        if kind == "column":
            return cells[place]
        if kind == "constant":
            return text
        parts = [cells[self.places[header_key(name)]] for name in _FIELD.findall(text)]
        if not all(parts):
            return ""
        found = iter(parts)
        return _FIELD.sub(lambda _: next(found), text)


def shipped_mappings() -> list[str]:
    """The names of the mappings that come with the program."""
    return sorted(one.name.removesuffix(".yaml") for one in _SHIPPED.iterdir() if one.name.endswith(".yaml"))


def load_mapping(name: str | Path) -> ColumnMapping:
    """Read a mapping file, or one that ships by its bare name.

    Raises:
        MappingError: when there is no such mapping, or it is not a valid one.
    """
    if str(name) in shipped_mappings():
        text = (_SHIPPED / f"{name}.yaml").read_text(encoding="utf-8")
    else:
        try:
            text = Path(name).read_text(encoding="utf-8")
        except UnicodeDecodeError:
            raise MappingError(f"{name}: the mapping is not UTF-8. Save it as UTF-8.") from None
        except OSError as error:
            known = ", ".join(shipped_mappings())
            raise MappingError(f"{name}: {error.strerror}. Name a mapping file, or one of: {known}.") from None
    return parse_mapping(text, str(name))


def parse_mapping(text: str, name: str = "mapping") -> ColumnMapping:
    """A mapping file's text to a checked mapping.

    Raises:
        MappingError: naming the line and the key.
    """
    document = read_yaml(text)
    if document.problems:
        raise MappingError(f"{name}, {document.problems[0]}")
    try:
        mapping = ColumnMapping.model_validate(document.value)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        path = tuple(first["loc"])
        mark = document.keys.get(path) or document.values.get(path) or document.keys.get(path[:-1])
        line = f", line {mark.line}" if mark else ""
        raise MappingError(f"{name}{line}, {path_text(path)}: {first['msg']}.") from None
    for part in (mapping, *mapping.explode):
        for ours in (*part.ours, *mapping.values):
            if ours not in NAMES[mapping.kind]:
                known = ", ".join(NAMES[mapping.kind])
                raise MappingError(f"{name}: {shown_name(ours)} is no column of {mapping.kind}. Columns: {known}.")
    for part in mapping.explode or [_Part()]:
        together = [*mapping.ours, *part.ours]
        for ours in together:
            if together.count(ours) > 1:
                raise MappingError(f"{name}: {ours} is filled twice. Keep one of them.")
    return mapping
