"""``whose plan`` at the command line, and what the first sweep says about itself."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.contract.test_cli import folder, imported, objects, run

__all__ = ["folder", "imported"]

START = ("--start", "2026-01-05T09:30")


def test_in_the_terminal(imported: Path) -> None:
    result = run("plan", *START, "--weeks", "3")
    assert result.exit_code == 0, result.output
    said = " ".join(result.stdout.split())
    assert "In 3 weeks, 3 people would get" in said
    assert "messages to owner vendor manager security all" in said
    assert "who gets most owner vendor manager security all most on one day" in said
    assert "at the end of new answered waiting overdue revocations left for later" in said
    assert "Nobody answers anything: the heaviest case, not a forecast." in said
    assert max(map(len, result.stdout.splitlines())) <= 100


def test_for_programs(imported: Path) -> None:
    found = objects(run("plan", *START, "--weeks", "2", "--json"))
    assert [one["kind"] for one in found if one["kind"] != "day"] == ["plan", "week", "week", *["reader"] * 4]
    [plan] = (one for one in found if one["kind"] == "plan")
    assert (plan["tokens"], plan["due_now"], plan["first_run"], plan["answering"]) == (2, 2, True, 0.0)
    for kind in ("week", "day", "reader"):
        assert sum(int(str(one["messages"])) for one in found if one["kind"] == kind) == plan["messages"]
    assert plan["start"] == "2026-01-05T09:30:00Z"


@pytest.mark.parametrize("share", ["0.8", "80%", "4/5", "80 %"])
def test_a_share_is_written_as_people_write_it(imported: Path, share: str) -> None:
    [plan, *_] = objects(run("plan", *START, "--answering", share, "--json"))
    assert plan["answering"] == 0.8


@pytest.mark.parametrize("share", ["1.2", "-1", "most", "1/0", "", "nan", "inf", "120%"])
def test_what_is_no_share_is_refused(imported: Path, share: str) -> None:
    result = run("plan", "--answering", share)
    assert result.exit_code == 2
    assert "Traceback" not in result.output
    assert "--answering" in result.stderr


def test_as_a_page(imported: Path) -> None:
    result = run("plan", *START, "--html", "plan.html")
    assert (result.exit_code, result.stdout) == (0, "")
    page = (imported / "plan.html").read_text(encoding="utf-8")
    assert "<svg" in page
    assert "Ana Lima" in page
    result = run("plan", *START, "--html", "nowhere/plan.html")
    assert result.exit_code == 2
    assert "cannot be written" in result.stderr


def test_nothing_to_plan(folder: Path) -> None:
    result = run("plan")
    assert result.exit_code == 0
    assert "Nobody would be written to in this time: nothing is due." in result.stdout
    [plan, *rest] = objects(run("plan", "--json"))
    assert (plan["busiest_day"], plan["longest_line"]) == (None, None)
    assert {one["kind"] for one in rest} == {"week"}


def test_the_first_sweep_says_how_much_there_is(imported: Path) -> None:
    said = "First run: 2 tokens are due, and all of them are asked about now. `whose plan` shows the weeks to come."
    assert said in run("sweep", "--dry-run").stderr
    assert said in run("sweep").stderr
    assert "First run" not in run("sweep", "--dry-run").stderr


def test_the_same_plan_every_time(imported: Path) -> None:
    once, again = (run("plan", *START, "--answering", "0.5", "--json").stdout for _ in range(2))
    assert once == again
    assert json.loads(once.splitlines()[0])["kind"] == "plan"
