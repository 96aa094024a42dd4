"""``docs/issuers.md`` says what is: its tables are compared with the connectors that are installed and with the rules.

``python -m tests.unit.test_issuers_doc`` writes them anew.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pytest

from bot.issuers.registry import every_kind
from bot.operations.issuer_port import Kind
from bot.rules.issuing import Capabilities
from bot.rules.remediation import ACTS, ENDS, TRANSITIONS, Stage, Step
from messages.wording import working

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = ROOT / "docs" / "issuers.md"
_COLUMNS: Final = (
    "list", "expiry", "last_used", "usage", "disable", "reversible", "revoke", "rotate", "verify",
)  # fmt: skip
_ASIDE: Final = (Step.HALT, Step.CALL_OFF, Step.HAND_OVER, Step.GONE, Step.USED)
"""Steps that the drawing leaves to the table beside it."""


def capabilities() -> str:
    """Every kind that this package brings, with what it declares."""
    rows: list[tuple[str, ...]] = [("connector", "kind", *_COLUMNS)]
    for kind in every_kind():
        if isinstance(kind, Kind) and kind.build.__module__.startswith("bot."):
            rows.append((kind.title, f"`{kind.name}`", *_cells(kind.capabilities)))
    return _table(rows)


def _cells(able: Capabilities) -> list[str]:
    declared = {one.partition("{")[0]: one.partition("{")[2].rstrip("}") for one in able.words()}
    return [(declared[name] or "yes") if name in declared else "–" for name in _COLUMNS]


def drawing() -> str:
    """The way of the work, without what may stop it anywhere."""
    lines = ["```mermaid", "stateDiagram-v2", "    [*] --> planned"]
    for (stage, step), to in TRANSITIONS.items():
        if step not in _ASIDE:
            lines.append(f"    {stage.value} --> {to.value}: {step.value}")
    lines += [f"    {stage.value} --> [*]" for stage in Stage if stage in ENDS]
    return "\n".join([*lines, "```"])


def stages() -> str:
    """Every stage, who goes on from it, and every step that is possible there."""
    rows = [("stage", "goes on", "steps")]
    for stage in Stage:
        steps = [f"{step.value} → {to.value}" for (at, step), to in TRANSITIONS.items() if at is stage]
        if stage is Stage.HALTED:
            steps.append("retry → where it halted")
        goes_on = "ended" if stage in ENDS else "by itself" if stage in ACTS else "a person"
        rows.append((f"`{stage.value}`", goes_on, ", ".join(steps) or "–"))
    return _table(rows)


def _table(rows: Sequence[tuple[str, ...]]) -> str:
    head, *rest = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([head, "|" + "---|" * len(rows[0]), *rest])


MADE: Final = {"capabilities": capabilities, "drawing": drawing, "stages": stages}


def _between(name: str, text: str) -> str:
    found = re.search(rf"<!-- {name} -->\n(.*?)\n<!-- end -->", text, re.DOTALL)
    assert found, f"the page has no place for {name}"
    return found[1]


@pytest.mark.parametrize("name", list(MADE))
def test_what_the_page_shows_is_what_is(name: str) -> None:
    again = "write it anew: python -m tests.unit.test_issuers_doc"
    assert _between(name, PAGE.read_text(encoding="utf-8")) == MADE[name](), again


def test_the_drawing_and_its_aside_leave_nothing_out() -> None:
    drawn = re.findall(r"^    (\w+) --> (\w+): (\w+)$", drawing(), re.MULTILINE)
    aside = [one for one in TRANSITIONS if one[1] in _ASIDE]
    assert len(drawn) + len(aside) == len(TRANSITIONS)


def test_every_rule_names_a_test_that_there_is() -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", PAGE.read_text(encoding="utf-8"))
    assert len([name for _, name in named if name]) >= 9
    for file, name in named:
        text = (ROOT / file).read_text(encoding="utf-8")
        assert not name or f"def {name}(" in text, f"{file} has no {name}"


def test_every_word_for_what_stands_in_the_way_is_explained() -> None:
    page = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
    for fault in (*working._FAULTS, *working._WAITS):
        assert f"| `{fault}` |" in page, fault


def test_the_example_is_no_longer_than_it_says() -> None:
    from tests.servers.issuers.documented import shown

    _, after_imports = shown("python", "class Paper(").split("\n\n_ID", 1)
    lines = [line for line in f"_ID{after_imports}".splitlines() if line.strip()]
    assert len(lines) <= 60


def _write() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for name, make in MADE.items():
        before = f"<!-- {name} -->\n"
        text = text.replace(f"{before}{_between(name, text)}\n", f"{before}{make()}\n")
    PAGE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    _write()
