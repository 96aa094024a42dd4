"""The ledger's checkpoint, put where many people see it."""

from __future__ import annotations

from messages.view import Code, Element, Heading, Note, Paragraph, Row, View
from messages.wording import recording


def checkpoint(note: str, size: int) -> View:
    """The signed note, line by line as it stands; ``size`` records are what it covers."""
    heading = recording.checkpoint_heading(size)
    lines = [Row([Code(line)]) for line in note.splitlines() if line]
    elements: list[Element] = [Heading(heading), Paragraph([recording.CHECKPOINT_WHY]), *lines]
    return View(heading + ".", [*elements, Note([recording.CHECKPOINT_USE])])
