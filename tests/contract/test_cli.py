"""The command line: what goes where, and which exit code says what. 0 done, 1 does not hold, 2 cannot run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from bot.cli import SECTIONS, whose
from bot.errors import UpstreamError
from storage.migrations import head_revision

PEOPLE = """email,name,manager,timezone,country,active
ana@example.com,Ana Lima,mia@example.com,Europe/Lisbon,PT,true
ben@example.com,Ben Okafor,mia@example.com,Europe/Berlin,DE,true
mia@example.com,Mia Stone,,Europe/London,GB,true
"""
VENDORS = "name,relationship_owner,status\nDriftly,ben@example.com,active\n"
TOKENS = """external_id,issuing_system,display_name,vendor,environment,customer_data,service_owner,created_at
k1,aws-iam,drift-prod,Driftly,production,true,ana@example.com,2025-01-01
k2,github,drift-dev,Driftly,development,false,ben@example.com,2025-02-01
"""
COMMANDS = [name for section in SECTIONS.values() for name in section]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in, with nothing set."""
    for name in list(os.environ):
        if name.startswith(("SLACK_", "WHOSE_", "DATABASE_URL", "PORT")):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    for name, text in (("people.csv", PEOPLE), ("vendors.csv", VENDORS), ("tokens.csv", TOKENS)):
        (tmp_path / name).write_text(text)
    return tmp_path


def run(*args: str) -> Result:
    return CliRunner().invoke(whose, args)


def objects(result: Result) -> list[dict[str, object]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


@pytest.fixture
def imported(folder: Path) -> Path:
    assert run("import", "people.csv", "vendors.csv", "tokens.csv").exit_code == 0
    return folder


# ------------------------------------------------------------------ every command


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_an_example(name: str) -> None:
    context = click.Context(whose)
    command = whose.get_command(context, name)
    assert command is not None
    leaves = [command]
    if isinstance(command, click.Group):
        leaves = list(command.commands.values())
    for leaf in leaves:
        help_text = leaf.get_help(click.Context(leaf, info_name=leaf.name))
        assert "Example" in help_text, f"{leaf.name} has no example"
        assert f"whose {name}" in help_text or f"whose {name} {leaf.name}" in help_text


def test_help_lists_every_command() -> None:
    result = run("--help")
    assert result.exit_code == 0
    assert all(f"  {name} " in result.stdout for name in COMMANDS)


def test_a_misspelt_command_or_option_cannot_run(folder: Path) -> None:
    assert run("nonsense").exit_code == 2
    assert run("sweep", "--nonsense").exit_code == 2
    assert run("import").exit_code == 2


def test_a_wrong_setting_cannot_run_and_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "mysql://u:hunter2@h/d")
    result = run("doctor")
    assert result.exit_code == 2
    assert "DATABASE_URL" in result.stderr
    assert "hunter2" not in result.output


def test_a_database_that_is_not_there_is_said_without_a_traceback(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://whose:hunter2@127.0.0.1:1/whose")
    result = run("ledger", "verify")
    assert result.exit_code == 2
    assert "cannot be reached" in result.stderr
    assert "hunter2" not in result.output
    assert "Traceback" not in result.output


def test_an_unforeseen_fault_is_one_sentence_and_a_traceback_on_demand(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_down(*_args: object) -> None:
        raise ZeroDivisionError("xyzzy")

    monkeypatch.setattr("bot.wiring.health.examine", break_down)
    result = run("doctor")
    assert result.exit_code == 2
    assert "ZeroDivisionError" in result.stderr
    assert "--debug" in result.stderr
    assert "Traceback" not in result.stderr
    again = CliRunner().invoke(whose, ["--debug", "doctor"])
    assert again.exit_code == 2
    assert "Traceback" in again.stderr


def test_an_error_of_ours_is_said_as_it_is(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_args: object) -> None:
        raise UpstreamError("Slack did not answer. Try again.")

    monkeypatch.setattr("bot.wiring.health.examine", refuse)
    result = run("doctor")
    assert (result.exit_code, result.stderr) == (2, "Slack did not answer. Try again.\n")


def test_the_console_script_gives_the_exit_code(folder: Path) -> None:
    script = [sys.executable, "-c", "from bot.cli import main; main()"]
    done = subprocess.run([*script, "ledger", "verify"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "The record holds" in done.stdout
    assert "Made a new database" in done.stderr
    missing = subprocess.run([*script, "policy", "check", "nowhere.yaml"], capture_output=True, text=True, check=False)
    assert missing.returncode == 2
    assert "nowhere.yaml cannot be read" in missing.stderr


# ------------------------------------------------------------------ setting up


def test_migrate_says_what_it_did(folder: Path) -> None:
    assert f"empty -> {head_revision()}" in run("migrate").stderr
    again = run("migrate")
    assert again.exit_code == 0
    assert "already" in again.stderr


def test_doctor_says_what_to_do(folder: Path) -> None:
    result = run("doctor")
    assert result.exit_code == 1
    assert "Run `whose migrate`." in result.stdout
    run("migrate")
    assert run("doctor").exit_code == 0
    levels = {str(one["name"]): one["level"] for one in objects(run("doctor", "--json"))}
    assert levels["tables"] == "ok"
    assert levels["Slack"] == "look"


# ------------------------------------------------------------------ the policy


def test_a_good_policy(folder: Path) -> None:
    from bot.rules.policy_file import default_policy_text

    Path("policy.yaml").write_text(default_policy_text())
    result = run("policy", "check", "policy.yaml")
    assert result.exit_code == 0
    assert objects(run("policy", "check", "policy.yaml", "--json"))[0]["policy_id"] == "default"


def test_a_wrong_policy_is_named_by_line_and_key(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from bot.rules.policy_file import default_policy_text

    Path("policy.yaml").write_text(default_policy_text().replace("unused_after: 90d", "unused_after: 90"))
    result = run("policy", "check", "policy.yaml")
    assert result.exit_code == 1
    assert "policy.yaml, line " in result.stdout
    assert "unused_after" in result.stdout
    monkeypatch.setenv("WHOSE_POLICY", "policy.yaml")
    refused = run("ledger", "verify")
    assert refused.exit_code == 2
    assert "unused_after" in refused.stderr


# ------------------------------------------------------------------ the inventory


def test_import_counts_by_file(folder: Path) -> None:
    result = run("import", "people.csv", "vendors.csv", "tokens.csv")
    assert result.exit_code == 0
    assert "tokens.csv   tokens     2 " in result.stdout
    again = run("import", "people.csv", "vendors.csv", "tokens.csv", "--json")
    assert [one["unchanged"] for one in objects(again)] == [3, 1, 2]


def test_import_names_the_line_the_column_and_what_is_allowed(imported: Path) -> None:
    Path("bad.csv").write_text("external_id,issuing_system,environment\nk9,aws-iam,moon\n")
    result = run("import", "bad.csv")
    assert result.exit_code == 1
    assert "bad.csv:2 environment: " in result.stdout
    assert "value moon; allowed: production, staging, development" in result.stdout
    assert "Nothing was written" in result.stderr


def test_import_never_repeats_a_secret(imported: Path) -> None:
    secret = "ghp_" + "a1B2" * 9
    Path("bad.csv").write_text(f"external_id,issuing_system,notes\nk9,github,{secret}\n")
    result = run("import", "bad.csv")
    assert result.exit_code == 1
    assert secret not in result.output


def test_a_dry_run_writes_nothing(folder: Path) -> None:
    result = run("import", "tokens.csv", "--dry-run")
    assert result.exit_code == 0
    assert "new       token  " in result.stdout
    assert objects(run("import", "tokens.csv", "--dry-run", "--json"))[0]["new"] == 2


def test_the_mapping_that_ships_is_found_by_name(folder: Path) -> None:
    result = run("import", "--mapping", "no-such-mapping", "tokens.csv")
    assert result.exit_code == 2
    assert "no-such-mapping" in result.stderr


# ------------------------------------------------------------------ asking, deciding, looking up

MONDAY = "2026-11-23T09:30"


def test_sweep_prints_exactly_what_it_promises(imported: Path) -> None:
    planned = run("sweep", "--now", MONDAY, "--dry-run", "--json")
    assert planned.exit_code == 0
    lines = objects(planned)
    assert [list(one) for one in lines] == [
        ["issuing_system", "external_id", "reasons", "tier", "reviewer", "due_at"],
        ["issuing_system", "external_id", "reasons", "tier", "reviewer", "due_at"],
    ]
    assert [(one["issuing_system"], one["external_id"]) for one in lines] == [("aws-iam", "k1"), ("github", "k2")]
    assert lines[0]["reasons"] == ["never_attested", "no_expiry", "unused"]
    assert (lines[0]["tier"], lines[0]["reviewer"]) == ("high", "ana@example.com")
    assert str(lines[0]["due_at"]).endswith("Z")
    assert "Nothing was written" in planned.stderr


def test_a_second_sweep_opens_nothing_new(imported: Path) -> None:
    assert "2 newly asked about" in run("sweep", "--now", MONDAY).stderr
    again = run("sweep", "--now", MONDAY)
    assert again.exit_code == 0
    assert "0 newly asked about; 2 open already" in again.stderr
    assert "aws-iam/k1" in again.stdout
    assert "never attested" in again.stdout


def test_a_moment_that_is_none_cannot_run(imported: Path) -> None:
    result = run("sweep", "--now", "soon")
    assert result.exit_code == 2
    assert "2026-11-23" in result.stderr


def test_a_token_is_shown_by_a_part_of_its_name(imported: Path) -> None:
    result = run("token", "drift-pr")
    assert result.exit_code == 0
    assert "drift-prod" in result.stdout
    assert "Ana Lima" in result.stdout
    several = objects(run("token", "drift", "--json"))
    assert {one["external_id"] for one in several} == {"k1", "k2"}
    assert run("token", "aws-iam/k1").exit_code == 0
    nothing = run("token", "no-such-thing")
    assert nothing.exit_code == 1


def test_a_vendor_is_shown(imported: Path) -> None:
    result = run("vendor", "driftly")
    assert result.exit_code == 0
    assert "Ben Okafor" in result.stdout
    assert objects(run("vendor", "driftly", "--json"))[0]["token_count"] == 2
    assert run("vendor", "nobody").exit_code == 1


def test_a_decision_by_the_owner_is_recorded_and_found_again(imported: Path) -> None:
    run("sweep", "--now", MONDAY)
    refused = run("decide", "drift-prod", "attest", "--as", "ben@example.com")
    assert refused.exit_code == 1
    assert "Ana Lima" in refused.stdout, "a refusal names who can"
    why = "the nightly export still feeds the CRM"
    done = run("decide", "drift-prod", "attest", "--as", "ana@example.com", "--why", why)
    assert done.exit_code == 0, done.output
    assert "drift-prod" in done.stdout
    again = run("decide", "drift-prod", "attest", "--as", "ana@example.com", "--why", why)
    assert again.exit_code == 1
    assert "Nothing is being asked" in again.stderr
    history = run("history", "drift-prod")
    assert history.exit_code == 0
    assert "Ana Lima" in history.stdout
    assert len(objects(run("history", "drift-prod", "--json"))) >= 2
    assert run("ledger", "verify").exit_code == 0


def test_nobody_decides_under_an_unknown_address(imported: Path) -> None:
    run("sweep", "--now", MONDAY)
    result = run("decide", "drift-prod", "attest", "--as", "anna@example.com")
    assert result.exit_code == 1
    assert "ana@example.com" in result.stderr


def test_who_was_accountable(imported: Path) -> None:
    today = run("who", "drift-prod")
    assert today.exit_code == 0
    assert "Ana Lima" in today.stdout
    day = f"{datetime.now(UTC):%Y-%m-%d}"
    for said in (["who", "drift-prod", "--on", day], ["who", "drift-prod", "on", day]):
        assert "Ana Lima" in run(*said).stdout
    found = objects(run("who", "drift-prod", "--on", day, "--json"))[0]
    assert ["service_owner", "Ana Lima"] in [role[:2] for role in found["roles"]]  # type: ignore[attr-defined]
    assert run("who", "drift-prod", "--on", "2999-01-01").exit_code == 2


def test_who_was_accountable_as_a_page(imported: Path) -> None:
    written = run("who", "drift-prod", "--html", "page.html")
    assert (written.exit_code, written.stdout) == (0, "")
    assert "Written to page.html" in written.stderr
    page = Path("page.html").read_text(encoding="utf-8")
    assert page.startswith("<!doctype html>")
    assert "Ana Lima" in page
    both = run("who", "drift-prod", "--html", "again.html", "--json")
    assert objects(both)[0]["proofs"] == []
    elsewhere = run("who", "drift-prod", "--html", "no/such/folder/page.html")
    assert elsewhere.exit_code == 2
    assert "Name another file" in elsewhere.stderr


def test_a_name_that_fits_several_is_not_guessed(imported: Path) -> None:
    result = run("who", "drift")
    assert result.exit_code == 1
    assert "aws-iam/k1" in result.stderr
    assert "github/k2" in result.stderr


# ------------------------------------------------------------------ the record


def test_the_record_is_shown_and_verified(imported: Path) -> None:
    records = objects(run("ledger", "show", "--json"))
    assert records[0]["kind_name"] == "inventory_imported"
    verdict = objects(run("ledger", "verify", "--json"))[0]
    assert verdict["ok"] is True
    assert verdict["size"] == len(records)


def test_a_changed_record_does_not_hold(imported: Path) -> None:
    import sqlite3

    with sqlite3.connect("whose.db") as connection:
        connection.execute("DROP TRIGGER ledger_leaf_no_update")
        connection.execute(
            "UPDATE ledger_leaf SET body = CAST(replace(body, 'import', 'imp0rt') AS BLOB) WHERE seq = 0"
        )
    result = run("ledger", "verify")
    assert result.exit_code == 1
    assert "Record 0" in result.stdout
    assert objects(run("ledger", "verify", "--json"))[0]["ok"] is False
