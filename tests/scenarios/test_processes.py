"""``whose up``, ``web`` and ``worker`` as processes: talking to Slack, one writer at a time, stopping when told to."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.servers.house import House
from tests.servers.workspace import RunningWorkspace, running_workspace

PEOPLE = "email,name\nana@example.com,Ana Lima\n"
TOKENS = "external_id,issuing_system,display_name,service_owner\nk1,aws-iam,drift-prod,ana@example.com\n"


@pytest.fixture
def slack() -> Iterator[RunningWorkspace]:
    with running_workspace() as workspace:
        workspace.workspace.add_user("Ana Lima", email="ana@example.com", tz="Europe/Lisbon")
        workspace.workspace.add_channel("security")
        yield workspace


@pytest.fixture
def house(tmp_path: Path, slack: RunningWorkspace) -> House:
    (tmp_path / "people.csv").write_text(PEOPLE)
    (tmp_path / "tokens.csv").write_text(TOKENS)
    house = House(tmp_path, slack)
    done = house.run("import", "people.csv", "tokens.csv")
    assert done.returncode == 0, done.stderr
    return house


def test_up_is_web_and_worker_and_stops_when_told(house: House, slack: RunningWorkspace) -> None:
    with house.start("up", "--port", "0") as up:
        url = up.wait_for("Listening on ").split()[2].rstrip(";")
        assert httpx.get(f"{url}/healthz").text == "ok"
        ready = httpx.get(f"{url}/readyz")
        assert (ready.status_code, ready.json()["ready"]) == (200, True)

        slack.attach(f"{url}/slack/events")
        ana = slack.workspace.user_by_email("ana@example.com")
        outcome = slack.driver.command(ana.id, "drift-prod")
        assert outcome.error is None
        assert "drift-prod" in json.dumps(outcome.ephemeral[0].blocks)
        page = httpx.get(f"{url}/metrics").text
        assert "\nwhose_click_seconds_count 1.0\n" in page
        assert 'whose_task_seconds_count{task="sweep"}' in page

        second = house.run("worker")
        assert second.returncode == 2
        assert "whose up" in second.stderr
        assert "one such process at a time" in second.stderr
        assert house.run("sweep", "--json").returncode == 0, "a short command may run beside it"

        assert up.stop() == 0
        assert "Traceback" not in up.said
        assert slack.bot_token not in up.said
    with house.start("worker") as worker:
        worker.wait_for("Working")
        assert worker.stop() == 0


def test_a_worker_shows_how_it_does_where_a_port_is_set(house: House) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        house.environ["WHOSE_METRICS_PORT"] = str(free.getsockname()[1])
    with house.start("worker") as worker:
        url = worker.wait_for("Health and metrics on ").split()[-1]
        assert "whose_database_up 1.0" in httpx.get(f"{url}/metrics").text
        assert httpx.get(f"{url}/healthz").text == "ok"
        assert httpx.post(f"{url}/slack/events").status_code == 404
        assert worker.stop() == 0


def test_doctor_asks_slack(house: House) -> None:
    done = house.run("doctor")
    assert done.returncode == 0, done.stdout
    assert "the bot is in" in done.stdout
    assert "clock: agrees with Slack's" in done.stdout


def test_doctor_names_a_missing_scope_and_what_it_is_for(tmp_path: Path) -> None:
    with running_workspace(scopes={"chat:write", "commands", "users:read"}) as slack:
        house = House(tmp_path, slack)
        house.run("migrate")
        done = house.run("doctor")
    assert done.returncode == 1
    assert "users:read.email is missing, to match accounts" in done.stdout


def test_a_refused_token_is_said_with_what_to_do(house: House) -> None:
    house.environ["SLACK_BOT_TOKEN"] = "xoxb-another"
    done = house.run("up", "--port", "0")
    assert done.returncode == 2
    assert "Slack refuses the bot token (invalid_auth)" in done.stderr
    assert "xoxb-another" not in done.stderr


def test_web_without_slack_serves_health_only(house: House) -> None:
    for name in ("SLACK_BOT_TOKEN", "SLACK_SIGNING_SECRET", "SLACK_API_URL"):
        del house.environ[name]
    with house.start("web", "--port", "0") as web:
        line = web.wait_for("Listening on ")
        assert "SLACK_BOT_TOKEN is not set" in line
        url = line.split()[2].rstrip(",")
        assert httpx.get(f"{url}/readyz").status_code == 200
        assert httpx.post(f"{url}/slack/events").status_code == 404
        assert web.stop() == 0
    refused = house.run("worker")
    assert refused.returncode == 2
    assert "SLACK_BOT_TOKEN is not set" in refused.stderr


def test_a_taken_port_is_said(house: House, slack: RunningWorkspace) -> None:
    taken = slack.site.rpartition(":")[2]
    done = house.run("web", "--port", taken)
    assert done.returncode == 2
    assert f"Cannot listen on 127.0.0.1:{taken}" in done.stderr
