"""Which records are evidence that a control operated, framework by framework.

Every YAML file beside this one is a framework; a new framework is a new file. A mapping says that a record shows a
control at work. It never says that anybody complies with anything: that is for an assessor to say, who knows what else
there is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any, Final, NamedTuple, Self

from bot.rules.controls.framework import Control, ControlsError, Evidence, Framework, read_framework
from bot.rules.controls.vocabulary import CHECKPOINT, word
from storage.ledger.record import RecordKind

__all__ = [
    "Control", "ControlRef", "Controls", "ControlsError", "Evidence", "Framework", "read_framework", "reasons_of",
]  # fmt: skip

_Said = tuple[tuple[str, str], ...]
_NONE: Final[Mapping[str, Any]] = {}
_MOST_KEPT: Final = 4096


class ControlRef(NamedTuple):
    """A control for which a record is evidence, and why."""

    framework: str
    id: str
    title: str
    because: str

    def __str__(self) -> str:
        return f"{self.framework} {self.id}"


def reasons_of(fields: Mapping[str, Any]) -> tuple[str, ...]:
    """All reasons that a record gives: its own, and those for which a request was opened (in its details)."""
    details = fields.get("details")
    more = details.get("reasons") if isinstance(details, dict) else None
    all_of_them = [fields.get("reason"), *(more if isinstance(more, list) else ())]
    return tuple([one for one in all_of_them if isinstance(one, str)])


class Controls:
    """All frameworks, asked record by record; answers are kept, as records repeat the same few shapes."""

    def __init__(self, frameworks: Sequence[Framework]) -> None:
        self.frameworks = tuple(frameworks)
        self._asked = {kind: _asked_of(kind, self.frameworks) for kind in RecordKind}
        self._answer = lru_cache(_MOST_KEPT)(self._match)
        self._one_of_each: dict[tuple[ControlRef, ...], tuple[ControlRef, ...]] = {}

    @classmethod
    def load(cls, folder: Traversable | None = None) -> Self:
        """The frameworks in the ``*.yaml`` files of a folder, by file name; the shipped ones if left out.

        Raises:
            ControlsError: a file cannot be used, or two of them are the same framework.
        """
        found = resources.files(__name__) if folder is None else folder
        files = sorted((one for one in found.iterdir() if one.name.endswith(".yaml")), key=lambda one: one.name)
        frameworks: dict[str, Framework] = {}
        for file in files:
            framework = read_framework(file.read_text(encoding="utf-8"), file.name)
            if framework.key in frameworks or framework.name in {one.name for one in frameworks.values()}:
                raise ControlsError(f"{file.name}, key: another file has the key or the name of {framework.name}.")
            frameworks[framework.key] = framework
        return cls(list(frameworks.values()))

    def of(
        self,
        kind: RecordKind,
        reasons: Sequence[str] = (),
        details: Mapping[str, Any] = _NONE,
        token: Mapping[str, Any] = _NONE,
    ) -> tuple[ControlRef, ...]:
        """The controls that such a record is evidence for, each once, by framework and in the order of its file.

        Equal answers are one and the same object.

        Args:
            reasons: see :func:`reasons_of`.
            details: of the record.
            token: the record's token part.
        """
        asked = self._asked[kind]  # anything else cannot matter, and would only fill the cache
        why = tuple([one for one in reasons if one in asked.reasons]) if asked.reasons else ()
        said = _said(details, asked.details) if asked.details and details else ()
        facts = _said(token, asked.token) if asked.token and token else ()
        return self._answer(kind, why, said, facts)

    def of_record(self, kind: RecordKind, fields: Mapping[str, Any]) -> tuple[ControlRef, ...]:
        """:meth:`of` for a record as it is stored."""
        details, token = fields.get("details"), fields.get("token")
        return self.of(
            kind,
            reasons_of(fields),
            details if isinstance(details, dict) else _NONE,
            token if isinstance(token, dict) else _NONE,
        )

    def of_checkpoint(self) -> tuple[ControlRef, ...]:
        """The controls that the log's signed checkpoints are evidence for."""
        return self._refs(lambda evidence: CHECKPOINT in evidence.kinds)

    def _match(self, kind: RecordKind, reasons: tuple[str, ...], said: _Said, facts: _Said) -> tuple[ControlRef, ...]:
        name, details, token = kind.name.lower(), dict(said), dict(facts)
        refs = self._refs(
            lambda evidence: (
                name in evidence.kinds
                and (not evidence.reasons or not set(evidence.reasons).isdisjoint(reasons))
                and all(details.get(key) in values for key, values in evidence.details.items())
                and all(token.get(key) in values for key, values in evidence.token.items())
            )
        )
        return self._one_of_each.setdefault(refs, refs)

    def _refs(self, is_evidence: Callable[[Evidence], bool]) -> tuple[ControlRef, ...]:
        return tuple(
            ControlRef(framework.name, control.id, control.title, found.because)
            for framework in self.frameworks
            for control in framework.controls
            if (found := next((one for one in control.evidence if is_evidence(one)), None)) is not None
        )


class _Asked(NamedTuple):
    """What the frameworks ask of the records of a kind: the words that can make a difference."""

    reasons: frozenset[str]
    details: Mapping[str, frozenset[str]]
    token: Mapping[str, frozenset[str]]


def _asked_of(kind: RecordKind, frameworks: Sequence[Framework]) -> _Asked:
    name = kind.name.lower()
    found = [
        evidence
        for framework in frameworks
        for control in framework.controls
        for evidence in control.evidence
        if name in evidence.kinds
    ]
    reasons = frozenset(reason for evidence in found for reason in evidence.reasons)
    return _Asked(reasons, _together(one.details for one in found), _together(one.token for one in found))


def _together(asked: Iterable[Mapping[str, Sequence[str]]]) -> dict[str, frozenset[str]]:
    found: dict[str, frozenset[str]] = {}
    for one in asked:
        for key, values in one.items():
            found[key] = found.get(key, frozenset()) | frozenset(values)
    return found


def _said(part: Mapping[str, Any], asked: Mapping[str, frozenset[str]]) -> _Said:
    """What a part of a record says, as far as it is asked for."""
    return tuple([(key, word(part[key])) for key, values in asked.items() if key in part and word(part[key]) in values])
