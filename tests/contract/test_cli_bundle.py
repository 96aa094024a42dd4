"""``whose ledger export`` and ``whose ledger verify BUNDLE``, as somebody types them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.contract.bundle_kit import changed
from tests.contract.test_cli import folder, imported, objects, run

__all__ = ["folder", "imported"]


@pytest.fixture
def signing(imported: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installation with requests and a key, and a policy that the auditor was given."""
    assert run("sweep").exit_code == 0
    made = run("ledger", "keygen", "--name", "ledger.example.com")
    assert made.exit_code == 0, made.output
    monkeypatch.setenv("WHOSE_LEDGER_KEY_FILE", "ledger.key")
    (imported / "policy.txt").write_text(f"log {made.stdout.strip()}\nquorum none\n")
    return imported


def test_export_and_verify(signing: Path) -> None:
    result = run("ledger", "export", "all", "--all")
    assert result.exit_code == 0, result.output
    assert "ledger.example.com/" in result.stdout
    assert "VERIFY.md there says how to check" in result.stderr
    names = {path.name for path in (signing / "all").iterdir()}
    assert {"manifest.json", "checkpoint", "records.jsonl", "verify.py", "VERIFY.md", "report.html"} <= names
    verified = run("ledger", "verify", "all", "--policy", "policy.txt")
    assert verified.exit_code == 0, verified.output
    assert verified.stdout.startswith("The record holds.")
    assert "say what the records say" in verified.stdout
    assert "drift-prod" in (signing / "all" / "report.html").read_text()


@pytest.mark.parametrize(
    "selection",
    [("--token", "drift-prod"), ("--vendor", "driftly"), ("--from", "2020-01-01", "--to", "2099-01-01")],
)
def test_a_part(signing: Path, selection: tuple[str, ...]) -> None:
    result = run("ledger", "export", "part", *selection)
    assert result.exit_code == 0, result.output
    verified = run("ledger", "verify", "part", "--policy", "policy.txt", "--token", "k1", "--json")
    assert verified.exit_code == 0, verified.output
    said = objects(verified)[0]
    assert said["ok"] is True
    assert "request opened" in str(said["answer"])
    assert "Ana Lima" in str(said["answer"])
    assert any("Completeness is not proven" in one for one in said["not_proven"])  # type: ignore[attr-defined]


def test_what_was_changed_is_found(signing: Path) -> None:
    assert run("ledger", "export", "all", "--all").exit_code == 0
    report = changed(signing / "all", "report.html", lambda html: html.replace(b"Ana Lima", b"Ben Okafor"))
    verified = run("ledger", "verify", str(report), "--policy", "policy.txt")
    assert verified.exit_code == 1
    assert "report.html does not say what the records say" in verified.stdout
    assert run("ledger", "verify", str(report), "--policy", "policy.txt", "--records-only").exit_code == 0
    records = changed(signing / "all", "records.jsonl", lambda lines: lines.replace(b'"due"', b'"dud"'))
    assert run("ledger", "verify", str(records), "--policy", "policy.txt").exit_code == 1
    (signing / "all" / "disclosures.jsonl").unlink()
    assert run("ledger", "verify", "all", "--policy", "policy.txt").exit_code == 2


def test_what_cannot_be_done_is_said(signing: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refused: tuple[tuple[tuple[str, ...], str], ...] = (
        ((), "Say which records"),
        (("--all", "--token", "k1"), "Say which records"),
        (("--from", "2026-02-01", "--to", "2026-01-01"), "--from has to be before --to"),
        (("--vendor", "Driftli"), "The nearest names are: Driftly"),
        (("--token", "nothing-like-it"), "No token fits"),
    )
    for arguments, said in refused:
        result = run("ledger", "export", "x", *arguments)
        assert result.exit_code in (1, 2)
        assert said in result.stderr, result.output
        assert not (signing / "x").exists()
    assert run("ledger", "export", "all", "--all").exit_code == 0
    again = run("ledger", "export", "all", "--all")
    assert (again.exit_code, "nothing is written over" in again.stderr) == (2, True)
    unusable: tuple[tuple[tuple[str, ...], str], ...] = (
        (("all",), "--policy FILE is needed"),
        (("all", "--policy", "all/policy.txt"), "keys from there prove nothing"),
        (("all", "--policy", "people.csv"), "people.csv, line 1"),
        (("all", "--policy", "policy.txt", "--tsa-root", "people.csv"), "no certificates"),
        (("--policy", "policy.txt"), "about a bundle"),
    )
    for arguments, said in unusable:
        result = run("ledger", "verify", *arguments)
        assert result.exit_code == 2
        assert said in result.stderr, result.output
    monkeypatch.delenv("WHOSE_LEDGER_KEY_FILE")
    result = run("ledger", "export", "y", "--all")
    assert (result.exit_code, "whose ledger keygen" in result.stderr) == (2, True)


def test_verifying_needs_no_installation(signing: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run("ledger", "export", "all", "--all").exit_code == 0
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    monkeypatch.setenv("WHOSE_ANCHORS", "nonsense")
    assert run("ledger", "verify", "all", "--policy", "policy.txt").exit_code == 0


def test_a_settled_name_stays_out_of_a_part(signing: Path) -> None:
    """A part about one token holds the names of those who occur in it, and no others."""
    assert run("ledger", "export", "part", "--token", "drift-prod").exit_code == 0
    told = [json.loads(line) for line in (signing / "part" / "disclosures.jsonl").read_text().splitlines()]
    assert {one["value"] for one in told} == {"Ana Lima <ana@example.com>", "Ben Okafor <ben@example.com>"}
