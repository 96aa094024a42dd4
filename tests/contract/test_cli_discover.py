"""``whose discover`` over a real AWS double (moto), with its credentials in the environment."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bot.cli import whose
from tests.servers.issuers.aws import AwsGround
from tests.servers.issuers.aws import running as aws_running

PEOPLE = "email,name\nana@example.com,Ana Lima\n"
ISSUERS = """
issuers:
  aws-prod:
    kind: aws_iam
    access_key_id: env:BOT_KEY
    secret_access_key: env:BOT_SECRET
    endpoint_url: {url}
  aws-lost:
    kind: aws_iam
    access_key_id: env:BOT_KEY
    secret_access_key: env:WRONG_SECRET
    endpoint_url: {url}
"""


@pytest.fixture
def aws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[AwsGround]:
    """An account that enforces IAM, and an installation whose issuers file names it twice, once with a wrong secret."""
    for name in list(os.environ):
        if name.startswith(("SLACK_", "WHOSE_", "DATABASE_URL", "PORT")):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "people.csv").write_text(PEOPLE)
    with aws_running() as ground:
        (tmp_path / "issuers.yaml").write_text(ISSUERS.format(url=ground.url))
        key_id, secret = ground.own_pair()
        monkeypatch.setenv("WHOSE_ISSUERS", "issuers.yaml")
        monkeypatch.setenv("BOT_KEY", key_id)
        monkeypatch.setenv("BOT_SECRET", secret.get_secret_value())
        monkeypatch.setenv("WRONG_SECRET", "not-the-secret-of-anybody")
        assert run("import", "people.csv").exit_code == 0
        yield ground


def run(*args: str) -> Result:
    return CliRunner().invoke(whose, args)


def look(*args: str) -> dict[str, object]:
    [line] = run("discover", "aws-prod", "--json", *args).stdout.splitlines()
    found: dict[str, object] = json.loads(line)
    return found


def test_what_exists_comes_in_and_one_that_cannot_be_asked_is_said_loudly(aws: AwsGround) -> None:
    made = aws.make("billing", owner="Ana@example.com")
    key_id = made.credential.external_id
    told = run("discover")
    assert told.exit_code == 1
    assert f"new       aws-prod {key_id} ({made.credential.name})" in told.stdout
    assert "aws-lost" in told.stderr
    assert made.secret.get_secret_value() not in told.output
    assert os.environ["BOT_SECRET"] not in told.output

    shown = run("token", key_id)
    assert "It may belong to Ana Lima, by what aws-prod says of it." in shown.stdout
    assert "It has no owner." in shown.stdout
    swept = [json.loads(line) for line in run("sweep", "--dry-run", "--json").stdout.splitlines()]
    assert [one["reviewer"] for one in swept if one["external_id"] == key_id] == ["security"]

    again = look()
    assert (again["new"], again["changed"], again["vanished"], again["fault"]) == (0, 0, 0, "")
    aws.remove(made)
    gone = look()
    assert gone["vanished"] == 1
    assert [one["external_id"] for one in gone["found"] if one["what"] == "vanished"] == [key_id]  # type: ignore[attr-defined]
    history = " ".join(run("history", key_id).stdout.split())
    assert "showed it, and the inventory did not have it. It may belong to: “Ana@example.com”" in history
    assert "did not show it any more" in history
    assert run("ledger", "verify").exit_code == 0


def test_a_dry_run_changes_nothing_and_unknown_systems_cannot_be_asked(aws: AwsGround) -> None:
    aws.make("billing")
    dry = look("--dry-run")
    assert look("--dry-run") == dry
    assert dry["new"] == dry["listed"]
    assert run("discover", "aws-prod").exit_code == 0
    unknown = run("discover", "nowhere")
    assert unknown.exit_code == 2
    assert "nowhere" in unknown.stderr
    doctor = run("doctor").output
    assert "aws-prod, discovery" in doctor
    assert "listed just now" in doctor
    assert "aws-lost, discovery" in doctor
