"""``whose directory sync`` against the strict local workspace."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bot.cli import whose
from tests.servers.workspace import RunningWorkspace, running_workspace

CROWD = 40
PEOPLE = "email,name,manager\n" + "".join(f"p{number}@example.com,Person {number},\n" for number in range(CROWD))


@pytest.fixture
def slack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunningWorkspace]:
    """A workspace with an account for everybody of the people file, and for one more."""
    for name in list(os.environ):
        if name.startswith(("SLACK_", "WHOSE_", "DATABASE_URL", "PORT")):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "people.csv").write_text(PEOPLE)
    with running_workspace() as running:
        monkeypatch.setenv("SLACK_BOT_TOKEN", running.bot_token)
        monkeypatch.setenv("SLACK_API_URL", running.url)
        for number in range(CROWD):
            running.workspace.add_user(f"Person {number}", email=f"p{number}@example.com", tz="Europe/Paris")
        running.workspace.add_user("Visitor", email="visitor@example.com")
        assert run("import", "people.csv").exit_code == 0
        yield running


def run(*args: str) -> Result:
    return CliRunner().invoke(whose, args)


def close(slack: RunningWorkspace, number: int) -> None:
    """The accounts of the first so many people are closed."""
    chosen = {f"p{one}@example.com" for one in range(number)}
    for user in slack.workspace.users.values():
        user.deleted = user.email in chosen


def test_what_a_sync_found_is_told(slack: RunningWorkspace) -> None:
    [found] = [json.loads(line) for line in run("directory", "sync", "--json").stdout.splitlines()]
    assert found | {"accounts": 41, "matched": 40, "linked": 40, "unmatched": 1, "missing": 0} == found
    assert (found["left"], found["live_again"]) == ([], [])
    close(slack, 1)
    told = run("directory", "sync")
    assert told.exit_code == 0
    assert "p0@example.com" in told.stdout


def test_a_dry_run_tells_the_same_and_changes_nothing(slack: RunningWorkspace) -> None:
    close(slack, 2)
    first, second = run("directory", "sync", "--dry-run", "--json"), run("directory", "sync", "--dry-run", "--json")
    assert first.stdout == second.stdout
    assert json.loads(first.stdout)["linked"] == 40
    assert "Nothing was written" in first.stderr
    done = json.loads(run("directory", "sync", "--json").stdout)
    assert done == json.loads(first.stdout)
    assert done["left"] == ["p0@example.com", "p1@example.com"]
    assert json.loads(run("directory", "sync", "--json").stdout)["left"] == []


def test_a_mass_leave_needs_a_word(slack: RunningWorkspace) -> None:
    close(slack, 30)
    for doubted in (run("directory", "sync"), run("directory", "sync", "--dry-run")):
        assert doubted.exit_code == 2
        assert "30 of 40" in doubted.stderr
        assert "whose directory sync --allow-mass-leave" in doubted.stderr
    believed = json.loads(run("directory", "sync", "--allow-mass-leave", "--json").stdout)
    assert len(believed["left"]) == 30


def test_without_a_token_it_says_what_to_set(slack: RunningWorkspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SLACK_BOT_TOKEN")
    refused = run("directory", "sync")
    assert refused.exit_code == 2
    assert "SLACK_BOT_TOKEN" in refused.stderr
