"""The records as an OSCAL assessment-results document, version 1.2.1: for which controls a bundle holds evidence.

One result a framework, one observation a control and kind of record: how many records, from when to when, and where to
find them. So its size does not grow with the log. There are no findings and no risks in it: a finding would say whether
a control is satisfied, and records alone cannot tell that. A control that is not named has no evidence here, which is
not evidence against it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import NAMESPACE_URL, UUID, uuid5

from pydantic_core import to_json

from bot.operations.export_ledger.about import About
from bot.operations.export_ledger.words import KIND_WORDS, Said, utc
from bot.rules.controls import ControlRef, Controls, Framework
from messages.inert import one_line
from storage.ledger.record import RecordKind, to_ms

VERSION: Final = "1.2.1"
NAMESPACE: Final = "urn:whose:oscal"
_UUIDS: Final = uuid5(NAMESPACE_URL, NAMESPACE)
_NOT_IN_A_TOKEN: Final = re.compile(r"[^A-Za-z0-9._-]+")

_FILES: Final = (
    ("records.ocsf.jsonl", "application/jsonl", "The records as OCSF events, one a line"),
    ("records.csv", "text/csv", "The records as a table, one a line"),
    ("records.jsonl", "application/jsonl", "The records themselves, exactly the bytes that were hashed"),
    ("checkpoint", "text/plain", "The newest signed checkpoint of the log"),
)
_WHOLE: Final = ("tile/", "application/octet-stream", "The whole tree over the records (C2SP tlog-tiles)")
_PART: Final = ("proofs/", "text/plain", "A proof for each record (C2SP tlog-proof)")
_GUIDE: Final = "VERIFY.md"
_PLAN: Final = (
    "There is no assessment plan in OSCAL. Nobody planned or carried out an assessment: these are records that an "
    "application made at work. How they were made, and how to check them, is in VERIFY.md of the bundle."
)
_REMARKS: Final = (
    "Evidence that controls operated, and no more. Whether a control is satisfied is for an assessor to say. A control "
    "that is not named here has no evidence in this bundle, which is not evidence against it."
)


@dataclass
class Tally:
    """The records of one kind, in one epoch, that are evidence for the same controls. Times in ms since 1970 UTC."""

    controls: tuple[ControlRef, ...]
    first_at: int
    last_at: int
    first: int
    last: int
    records: int = 0

    def add(self, at: int, seq: int) -> None:
        """One more record."""
        self.records += 1
        self.first_at, self.last_at = min(self.first_at, at), max(self.last_at, at)
        self.first, self.last = min(self.first, seq), max(self.last, seq)


@dataclass
class Evidence:
    """What there is for one control in records of one kind."""

    control: ControlRef
    kind: RecordKind
    because: dict[str, None] = field(default_factory=dict)
    epochs: dict[int, Tally] = field(default_factory=dict)

    def merge(self, epoch: int, because: str, tally: Tally) -> None:
        """Take in the records of a tally."""
        self.because[because] = None
        mine = self.epochs.get(epoch)
        if mine is None:
            mine = self.epochs[epoch] = Tally((), tally.first_at, tally.last_at, tally.first, tally.last)
        mine.first_at, mine.last_at = min(mine.first_at, tally.first_at), max(mine.last_at, tally.last_at)
        mine.first, mine.last = min(mine.first, tally.first), max(mine.last, tally.last)
        mine.records += tally.records

    @property
    def records(self) -> int:
        return sum(one.records for one in self.epochs.values())

    @property
    def first_at(self) -> int:
        return min(one.first_at for one in self.epochs.values())

    @property
    def last_at(self) -> int:
        return max(one.last_at for one in self.epochs.values())


class Assessment:
    """Makes ``oscal-ar.json``: take in every record with :meth:`add`, then ask for the :meth:`document`."""

    def __init__(self, about: About, controls: Controls) -> None:
        self._about, self._controls = about, controls
        self._tallies: dict[tuple[RecordKind, int, int], Tally] = {}

    def add(self, said: Said) -> None:
        """Count a record for the controls that it is evidence for."""
        record, at = said.record, said.recorded_at
        controls = self._controls.of_record(record.kind, said.fields)
        if not controls:
            return
        key = record.kind, record.epoch, id(controls)  # one object for equal controls, and the tally keeps it
        tally = self._tallies.get(key)
        if tally is None:
            tally = self._tallies[key] = Tally(controls, at, at, record.seq, record.seq)
        tally.add(at, record.seq)

    def document(self) -> bytes:
        """The document as indented JSON in UTF-8, with a line end."""
        about = self._about
        found = self._evidence()
        results = [self._result(one, found.get(one.name, [])) for one in self._controls.frameworks]
        made = [one for one in results if one is not None] or [self._nothing()]
        document = {
            "uuid": self._uuid("document"),
            "metadata": {
                "title": f"Evidence in the accountability ledger {_line(about.log)}",
                "last-modified": self._as_of(),
                "version": f"{about.epoch}.{about.size}",
                "oscal-version": VERSION,
                "props": self._facts(),
                "remarks": _REMARKS,
            },
            "import-ap": {"href": f"#{self._uuid(_GUIDE)}", "remarks": _PLAN},
            "results": made,
            "back-matter": {"resources": self._resources()},
        }
        return to_json({"assessment-results": document}, indent=2) + b"\n"

    # ------------------------------------------------------------------ counting

    def _evidence(self) -> dict[str, list[Evidence]]:
        """By framework, its controls in their order and of each the kinds in theirs."""
        found: dict[tuple[str, str, RecordKind], Evidence] = {}
        for (kind, epoch, _), tally in self._tallies.items():
            for control in tally.controls:
                key = control.framework, control.id, kind
                found.setdefault(key, Evidence(control, kind)).merge(epoch, control.because, tally)
        by_framework: dict[str, list[Evidence]] = {}
        for one in sorted(found.values(), key=lambda one: one.kind):
            by_framework.setdefault(one.control.framework, []).append(one)
        return by_framework

    # ------------------------------------------------------------------ the document's parts

    def _result(self, framework: Framework, evidence: list[Evidence]) -> dict[str, Any] | None:
        signed = self._signed(framework)
        if not evidence and not signed:
            return None
        order = {control.id: at for at, control in enumerate(framework.controls)}
        evidence.sort(key=lambda one: (order[one.control.id], one.kind))
        named = {one.control.id for one in evidence} | {control.id for control in signed}
        observations = [self._observation(framework, one) for one in evidence]
        observations += [self._checkpoints(framework, one) for one in signed]
        start = utc(min(one.first_at for one in evidence)) if evidence else self._as_of()
        return {
            **self._frame(framework.key, f"Evidence for {framework.name}", start),
            "reviewed-controls": {
                "control-selections": [
                    {
                        "description": f"Controls of {framework.title} for which this bundle holds evidence.",
                        "links": [{"href": framework.url, "rel": "reference"}],
                        "include-controls": [
                            {"control-id": token(framework.key, one.id)}
                            for one in framework.controls
                            if one.id in named
                        ],
                    }
                ]
            },
            "observations": observations,
            "remarks": _REMARKS,
        }

    def _nothing(self) -> dict[str, Any]:
        """The one result of a bundle without evidence, as there has to be one: what was looked for."""
        looked_for = [token(of.key, one.id) for of in self._controls.frameworks for one in of.controls]
        selection = {
            "description": "Controls that were looked for. No record in this bundle is evidence for any of them.",
            "include-controls": [{"control-id": one} for one in dict.fromkeys(looked_for)],
        }
        frame = self._frame("nothing", "No evidence", self._as_of())
        return {**frame, "reviewed-controls": {"control-selections": [selection]}, "remarks": _REMARKS}

    def _frame(self, key: str, title: str, start: str) -> dict[str, Any]:
        about = self._about
        whole = "Every record of the log is in the bundle, so that none can be missing."
        part = "The bundle is a part of the log. That records are there is proven, that none is missing is not."
        component = {
            "uuid": self._uuid(key, "component"),
            "type": "software",
            "title": "Whose",
            "description": "Keeps the accountability ledger that the records come from.",
            "status": {"state": "operational"},
        }
        return {
            "uuid": self._uuid(key, "result"),
            "title": title,
            "description": f"{about.records} records of {_line(about.log)}. {whole if about.complete else part}",
            "start": start,
            "end": self._as_of(),
            "local-definitions": {"components": [component]},
        }

    def _observation(self, framework: Framework, one: Evidence) -> dict[str, Any]:
        code = one.kind.name.lower()
        props = [_prop("control", one.control.id), _prop("record-kind", code), _prop("records", one.records)]
        for epoch, tally in sorted(one.epochs.items()):
            of = f"epoch-{epoch}"
            props += [_prop("first-record", tally.first, of), _prop("last-record", tally.last, of)]
        where = "; ".join(
            f"{tally.records} between record {tally.first} and record {tally.last}"
            + (f" of epoch {epoch}" if self._about.epoch else "")
            for epoch, tally in sorted(one.epochs.items())
        )
        return {
            "uuid": self._uuid(framework.key, one.control.id, code),
            "title": f"{framework.name} {one.control.id}: {KIND_WORDS[one.kind]}",
            "description": f"{one.control.title}. {' '.join(one.because)} First on {utc(one.first_at)}.",
            "props": props,
            "methods": ["EXAMINE"],
            "types": ["historic"],
            "origins": self._origins(framework.key),
            "relevant-evidence": [
                self._pointing(_FILES[0][0], f"Events with metadata.event_code {code}: {where}."),
                self._pointing(_FILES[1][0], f"Lines of the kind “{KIND_WORDS[one.kind]}”: {where}."),
                self._pointing(*self._proving()),
            ],
            "collected": utc(one.last_at),
        }

    def _signed(self, framework: Framework) -> list[ControlRef]:
        if not self._about.checkpoints:
            return []
        return [one for one in self._controls.of_checkpoint() if one.framework == framework.name]

    def _checkpoints(self, framework: Framework, control: ControlRef) -> dict[str, Any]:
        lines = self._about.checkpoints
        kept = sum(bool(line.kept) for line in lines)
        said = f"{len(lines)} signed checkpoints, {kept} of them kept outside the database."
        return {
            "uuid": self._uuid(framework.key, control.id, "checkpoint"),
            "title": f"{framework.name} {control.id}: signed checkpoints",
            "description": f"{control.title}. {control.because} {said}",
            "props": [_prop("control", control.id), _prop("checkpoints", len(lines)), _prop("kept-outside", kept)],
            "methods": ["EXAMINE"],
            "types": ["historic"],
            "origins": self._origins(framework.key),
            "relevant-evidence": [self._pointing("checkpoint", "The newest of them; its signature covers the rest.")],
            "collected": self._as_of(),
        }

    def _origins(self, key: str) -> list[dict[str, Any]]:
        return [{"actors": [{"type": "tool", "actor-uuid": self._uuid(key, "component")}]}]

    def _proving(self) -> tuple[str, str]:
        if self._about.complete:
            return _WHOLE[0], "The tree that proves each of them."
        return _PART[0], "A proof for each of them, under its number."

    def _pointing(self, file: str, description: str) -> dict[str, str]:
        return {"href": f"#{self._uuid(file)}", "description": description}

    def _resources(self) -> list[dict[str, Any]]:
        plan = {
            "uuid": self._uuid(_GUIDE),
            "title": "In place of an assessment plan",
            "description": _PLAN,
            "rlinks": [{"href": _GUIDE, "media-type": "text/markdown"}],
        }
        files = (*_FILES, _WHOLE if self._about.complete else _PART)
        return [plan, *(self._resource(*one) for one in files)]

    def _resource(self, file: str, media_type: str, title: str) -> dict[str, Any]:
        return {"uuid": self._uuid(file), "title": title, "rlinks": [{"href": file, "media-type": media_type}]}

    def _facts(self) -> list[dict[str, str]]:
        about = self._about
        facts: Iterable[tuple[str, object]] = (
            ("log", about.log),
            ("log-id", about.log_id),
            ("epoch", about.epoch),
            ("size", about.size),
            ("root", about.root.hex()),
            ("selection", about.selection),
            ("selected", about.selected),
            ("complete", "yes" if about.complete else "no"),
            ("records", about.records),
        )
        return [_prop(name, value) for name, value in facts if _line(str(value)) != "-"]

    def _as_of(self) -> str:
        return utc(0 if self._about.as_of is None else to_ms(self._about.as_of))

    def _uuid(self, *what: str) -> str:
        """The same for the same thing in the same bundle, and for nothing else (RFC 9562, version 5)."""
        about = self._about
        of = (about.log_id, about.epoch, about.size, about.root.hex(), about.selection, about.selected, *what)
        return str(_uuid(repr(of)))


def token(key: str, control_id: str) -> str:
    """A control's id as an OSCAL token, which begins with a letter and has no blanks or brackets.

    ``PR.AA-05`` stays; ``GOVERN 1.6`` becomes ``GOVERN-1.6`` and ``9(4)(c)`` becomes ``dora-9-4-c``.
    """
    plain = _NOT_IN_A_TOKEN.sub("-", control_id).strip("-")
    return plain if plain[:1].isalpha() else f"{key}-{plain}".strip("-")


def _uuid(of: str) -> UUID:
    return uuid5(_UUIDS, of)


def _prop(name: str, value: object, of: str = "") -> dict[str, str]:
    prop = {"name": name, "ns": NAMESPACE, "value": _line(str(value))}
    return {**prop, "class": of} if of else prop


def _line(content: str) -> str:
    """One line that is not empty, as a property's value has to be."""
    return one_line(content) or "-"
