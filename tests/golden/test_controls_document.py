"""``docs/controls.md`` says what the frameworks' files say; ``--update-golden`` writes it anew."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from bot.operations.export_ledger.words import KIND_WORDS
from bot.rules.controls import Controls, Evidence, Framework
from bot.rules.controls.vocabulary import KINDS

DOCUMENT = Path(__file__).parents[2] / "docs" / "controls.md"
BEGIN = """# Which records are evidence for which controls

<!-- Made from bot/rules/controls/*.yaml by pytest tests/golden/test_controls_document.py --update-golden. -->

A record of the ledger shows that something was asked, answered, decided or done, by whom, when and by what authority.
For some controls of some frameworks that is evidence that the control operated. This is the mapping that a bundle's
OCSF findings and its OSCAL document are made with.

It is never a statement that anybody complies with anything. Records cannot show what was not recorded, nor whether what
was decided was wise; an assessor says whether a control is satisfied. A control that is not listed has no evidence
here, which is not evidence against it.

Titles are in our own words; the framework's text is what counts. A new framework is a new file in
`bot/rules/controls/`: every kind, reason and detail in it is checked against what records can say, and a mistake is
told with its file, line and key.
"""


def document(controls: Controls) -> str:
    return "\n".join([BEGIN, *(line for one in controls.frameworks for line in section(one))])


def section(framework: Framework) -> Iterator[str]:
    yield f"## {framework.name}\n"
    yield f"[{framework.title}]({framework.url}).{' ' + framework.note if framework.note else ''}\n"
    yield "| control | what it is about | record | only where | why it is evidence |"
    yield "|---|---|---|---|---|"
    for control in framework.controls:
        shown = (f"**{control.id}**", control.title)
        for evidence in control.evidence:
            kinds = ", ".join(words(kind) for kind in evidence.kinds)
            yield f"| {' | '.join((*shown, kinds, condition(evidence), evidence.because))} |"
            shown = ("", "")
    yield ""
    if framework.nothing:
        yield "Evidence for none of these:\n"
        for kind, because in framework.nothing.items():
            yield f"- *{words(kind)}*: {because[:1].lower()}{because[1:]}"
        yield ""


def words(kind: str) -> str:
    return KIND_WORDS[KINDS[kind]] if kind in KINDS else "signed checkpoint"


def condition(evidence: Evidence) -> str:
    reasons = ["reason " + " or ".join(f"`{one}`" for one in evidence.reasons)] if evidence.reasons else []
    return "; ".join([*reasons, *said("", evidence.details), *said("token ", evidence.token)])


def said(of: str, asked: Mapping[str, tuple[str, ...]]) -> list[str]:
    return [f"{of}{key} " + " or ".join(f"`{value}`" for value in values) for key, values in asked.items()]


def test_the_document_says_what_the_files_say(update_golden: bool) -> None:
    expected = document(Controls.load())
    if update_golden:
        DOCUMENT.write_text(expected, "utf-8")
    assert DOCUMENT.read_text("utf-8") == expected, "run this test with --update-golden and look at the difference"
