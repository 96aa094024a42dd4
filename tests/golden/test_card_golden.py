"""Every kind of message, as Slack gets it and as plain text, against a file that a person has read.

``pytest tests/golden --update-golden`` writes them anew.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from messages.block_kit import render, render_form, render_home
from messages.plain_text import render as render_plain
from messages.view import ChoiceField, Element, Form, Heading, Note, Paragraph, View
from tests.golden.card_examples import FORMS, VIEWS

FOLDER = Path(__file__).parent / "cards"


@pytest.mark.parametrize("name", [*VIEWS, *FORMS])
def test_a_message_reads_as_it_was_approved(name: str, update_golden: bool) -> None:
    made = {**VIEWS, **FORMS}[name].made()
    drawn = json.dumps(_slack(made), indent=1, ensure_ascii=False) + "\n"
    _compare(FOLDER / f"{name}.json", drawn, update_golden)
    _compare(FOLDER / f"{name}.txt", _words(made), update_golden)


def test_the_home_tab_reads_as_it_was_approved(update_golden: bool) -> None:
    made = VIEWS["mine"].made()
    assert isinstance(made, View)
    _compare(FOLDER / "home.json", json.dumps(render_home(made), indent=1, ensure_ascii=False) + "\n", update_golden)


def test_no_file_is_left_of_a_message_that_is_gone() -> None:
    assert {path.stem for path in FOLDER.iterdir()} == {*VIEWS, *FORMS, "home"}


def _slack(made: View | Form) -> object:
    if isinstance(made, Form):
        return render_form(made)
    rendered = render(made)
    return {"text": rendered.text, "blocks": rendered.blocks}


def _words(made: View | Form) -> str:
    if isinstance(made, View):
        return f"({made.summary})\n\n" + render_plain(made, 72, buttons=True)
    asked: list[Element] = [Heading(made.title), *made.intro]
    for field in made.fields:
        options = [f"\n( ) {label}" for _, label in field.options] if isinstance(field, ChoiceField) else []
        asked.append(Paragraph([field.label, "" if field.required else " (optional)", *options]))
        asked += [Note([field.hint])] if field.hint else []
    asked.append(Paragraph([f"[{made.submit}] [{made.cancel}]"]))
    return render_plain(View(made.title, asked), 72)


def _compare(path: Path, drawn: str, update: bool) -> None:
    if update:
        path.write_text(drawn, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == drawn
