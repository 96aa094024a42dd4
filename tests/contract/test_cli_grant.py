"""``whose grant`` at the command line: what it says, what it refuses, and what the look-ups show afterwards."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.contract.test_cli import folder, imported, objects, run

__all__ = ["folder", "imported"]

ASKED = ("grant", "drift-prod", "--to", "ben@example.com", "--by", "ana@example.com", "--reason", "The sync is down.")


@pytest.mark.usefixtures("imported")
def test_it_is_asked_for_and_waits_for_somebody_to_agree() -> None:
    result = run(*ASKED, "--for", "4h")
    assert result.exit_code == 0
    assert "Ben Okafor is to use drift-prod for an emergency. It begins when somebody agrees." in result.stdout
    assert "nobody is given the secret" in result.stderr
    [asked] = objects(run("history", "drift-prod", "--json"))[-1:]
    assert (asked["kind"], asked["outcome"], asked["reason"]) == ("emergency_access", "requested", "The sync is down.")


@pytest.mark.usefixtures("imported")
def test_agreed_to_already_it_is_open_and_shown() -> None:
    result = run(*ASKED, "--for", "90m", "--approved-by", "mia@example.com", "--json")
    assert result.exit_code == 0
    [said] = objects(result)
    assert (said["outcome"], said["token_name"], said["person"]) == ("opened", "drift-prod", "Ben Okafor")
    assert "Ben Okafor, until" in run("token", "drift-prod").stdout
    assert "In an emergency" in run("who", "drift-prod").stdout


@pytest.mark.usefixtures("imported")
def test_urgent_it_begins_at_once() -> None:
    result = run(*ASKED, "--for", "1h", "--urgent")
    assert result.exit_code == 0
    assert "may use drift-prod for an emergency until" in result.stdout


@pytest.mark.parametrize(
    ("more", "code", "says"),
    [
        (("--for", "9h"), 1, "8 hours at most"),
        (("--for", "1h", "--approved-by", "ben@example.com"), 1, "Mia Stone"),
        (("--for", "soon"), 2, "write it as 90m, 8h or 1d"),
        ((), 2, "Say either for how long"),
        (("--for", "1h", "--until", "2030-01-01"), 2, "Say either for how long"),
        (("--until", "2020-01-01"), 1, "in the past"),
    ],
)
def test_what_is_refused(imported: Path, more: tuple[str, ...], code: int, says: str) -> None:
    assert imported.is_dir()
    result = run(*ASKED, *more)
    assert (result.exit_code, says in result.output) == (code, True), result.output


@pytest.mark.usefixtures("imported")
def test_whom_nobody_knows_is_named() -> None:
    result = run(
        "grant", "drift-prod", "--to", "bem@example.com", "--by", "ana@example.com", "--reason", "x", "--for", "1h"
    )
    assert result.exit_code != 0
    assert "ben@example.com" in result.output
