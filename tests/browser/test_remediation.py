"""A revocation and the end of a vendor's access as people play them in the local workspace, against real systems: an
AWS account that enforces IAM, a GitLab, a PostgreSQL and a help desk. Nothing is done that a system did not do."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from playwright.sync_api import Locator, Page, expect

from tests.browser.player import SIDEBAR, Player
from tests.scenarios.test_demo_starts import Demo
from tests.servers.four_systems import UNENDED, FourSystems, Held, four_systems, inventory_rows

pytestmark = pytest.mark.browser

START = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
ROOT = Path(__file__).parents[2]
KEY = "drift-export"
SOON = 60_000  # milliseconds, on a machine that does other things, too
PRODUCTION = (
    f"aws-prod,{KEY},Driftly,Nightly export of chat transcripts to Driftly,production,confidential,true,"
    '"chat transcripts, visitor e-mail addresses",s3:GetObject s3:ListBucket,ana.lima@example.com,'
    '2025-03-04,2026-12-08,2026-03-02,2026-08-10,"nightly export job, CRM"'
)
COLUMNS = (
    "external_id,issuing_system,display_name,vendor,purpose,environment,data_classification,customer_data,data_scope,"
    "scopes,service_owner,created_at,expires_at,last_rotated_at,last_attested_at,consumers"
)


@pytest.fixture(scope="module")
def systems(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FourSystems]:
    with four_systems(tmp_path_factory.mktemp("systems")) as running:
        yield running


def write_policy(folder: Path) -> Path:
    """The example company's, which lets Whose act and has its security team agree."""
    text = (ROOT / "examples" / "policy.yaml").read_text()
    text = text.replace("  delegates_may_decide", "  approve: [backup_owner, security]\n  delegates_may_decide")
    path = folder / "policy.yaml"
    path.write_text(text + "\nremediation:\n  act: true\n  grace: 10d\n")
    return path


@contextmanager
def playing(page: Page, folder: Path, issuers: Path, tokens: str) -> Iterator[Player]:
    """The example company's people and vendors with these tokens, from Monday 23 November 2026, 09:30 UTC on."""
    policy = write_policy(folder)
    (folder / "tokens.csv").write_text(tokens)
    files = [str(ROOT / "examples" / "people.csv"), str(ROOT / "examples" / "vendors.csv"), "tokens.csv"]
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("SLACK_", "WHOSE_"))}
    command = [sys.executable, "-m", "tests.servers.demo_on", START.isoformat(), str(issuers), str(policy), *files]
    process = subprocess.Popen(
        command, cwd=folder, env=environ | {"PYTHONPATH": str(ROOT)}, stderr=subprocess.PIPE, text=True
    )
    running = Demo(process)
    try:
        site = running.wait_for(r"open at (http://127\.0\.0\.1:\d+)")[1]
        running.wait_for("Credentials are ended and made there for real")
        page.add_init_script("sessionStorage.setItem('tips', 'done')")
        player = Player(page, site)
        yield player
        page.close()
        assert running.stop() == 0
        assert player.said == [], "the console stays empty"
        assert "Traceback" not in "".join(running.said)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def whose(folder: Path, *args: str) -> subprocess.CompletedProcess[str]:
    """A command over the database that was played with."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("SLACK_", "WHOSE_"))}
    environ |= {"PYTHONPATH": str(ROOT), "DATABASE_URL": f"sqlite:///{folder / '.demo' / 'whose.db'}"}
    command = [sys.executable, "-c", "from bot.cli import main; main()", *args]
    return subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, check=False)


def card(player: Player, text: str) -> Locator:
    """The newest message with this text."""
    return player.pane.locator("article", has_text=text).last


def agree(player: Player, on: Locator, label: str) -> None:
    """Press a button that asks once more, and say yes."""
    on.get_by_role("button", name=label, exact=True).click()
    player.page.get_by_test_id("confirm-accept").click()


def refused(player: Player, name: str, on: str, label: str) -> Locator:
    """Somebody presses the button in #security and is told, for their eyes only, that it is not theirs."""
    player.be(name, "security")
    before = player.pane.locator("article").count()
    agree(player, card(player, on), label)
    expect(player.pane.locator("article")).to_have_count(before + 1)
    answer = player.pane.locator("article").last
    expect(answer.get_by_test_id("only-you")).to_be_visible()
    return answer


# ------------------------------------------------------------------ one key


def test_a_key_is_revoked_by_two_people_given_back_and_ended(
    browser_page: Page, systems: FourSystems, tmp_path: Path
) -> None:
    held = systems.key(KEY)
    assert lets_in(systems)
    systems.date(held, used_at=START - timedelta(days=2), made_at=START - timedelta(days=600))
    tokens = f"{COLUMNS}\n{held.external_id},{PRODUCTION}\n"
    with playing(browser_page, tmp_path, systems.issuers_file(), tokens) as player:
        an_owner_revokes(player)
        one_person_is_not_enough(player)
        a_second_person_agrees(player, systems, held)
        it_is_given_back_and_gone_on_with(player, systems, held)
        it_is_deleted_and_confirmed(player, systems, held)
        the_record_tells_it(player)
    assert not lets_in(systems)
    verified = whose(tmp_path, "ledger", "verify")
    assert verified.returncode == 0, verified.stdout + verified.stderr
    told = " ".join(whose(tmp_path, "history", KEY).stdout.split())  # its lines are as long as the terminal is wide
    assert "Felix Braun (security team) agreed to the removal" in told


def lets_in(systems: FourSystems) -> bool:
    """What STS and S3 say to whoever comes with the key."""
    made = systems.made[KEY]
    client = systems.aws.client("sts", made.credential.external_id, made.secret.get_secret_value())
    try:
        client.get_caller_identity()
    except ClientError as error:
        code = error.response["Error"]["Code"]
    else:
        return systems.aws.accepts(made)
    assert code == "InvalidClientTokenId"
    assert not systems.aws.accepts(made)
    return False


def an_owner_revokes(player: Player) -> None:
    player.be("Ana Lima")
    player.pane.get_by_role("button", name="Revoke…", exact=True).click()
    player.modal.locator("textarea").fill("The export moved to the new billing service; Driftly does not need it.")
    player.fits("the form of a revocation")
    player.press("Revoke")
    expect(player.modal).to_contain_text(f"{KEY} is to be revoked")
    player.close()
    expect(player.pane).to_contain_text("waiting for a second person", timeout=SOON)


def one_person_is_not_enough(player: Player) -> None:
    """Neither whoever asked for it, nor somebody who reads along."""
    player.be("Priya Raman", "security")
    question = card(player, f"Do you agree to remove {KEY}?")
    for part in ("The export moved", "21 Nov 2026", "nightly export job, CRM", "production", "for 10 days"):
        expect(question).to_contain_text(part)
    player.picture("blast-radius", left=SIDEBAR)
    for name in ("Ana Lima", "Lena Fischer"):
        answer = refused(player, name, f"Do you agree to remove {KEY}?", "Agree…")
        expect(answer).to_contain_text("Priya Raman")


def a_second_person_agrees(player: Player, systems: FourSystems, held: Held) -> None:
    assert status(systems, held) == "Active"
    player.be("Felix Braun", "security")
    question = card(player, f"Do you agree to remove {KEY}?")
    question.get_by_role("button", name="Agree…", exact=True).click()
    player.picture("second-person", left=SIDEBAR)
    player.page.get_by_test_id("confirm-accept").click()
    player.be("Ana Lima")
    expect(player.pane).to_contain_text(f"{KEY}: switched off", timeout=SOON)
    assert status(systems, held) == "Inactive"
    player.picture("switched-off", left=SIDEBAR)


def it_is_given_back_and_gone_on_with(player: Player, systems: FourSystems, held: Held) -> None:
    card(player, KEY).get_by_role("button", name="Give it back…").click()
    player.modal.locator("textarea").fill("The month's last invoice still goes out with it.")
    player.press("Give it back")
    player.close()
    expect(player.pane).to_contain_text(f"{KEY}: given back", timeout=SOON)
    assert status(systems, held) == "Active"
    player.fits("given back")
    agree(player, card(player, KEY), "Go on with it…")
    expect(player.pane).to_contain_text(f"{KEY}: switched off", timeout=SOON)
    assert status(systems, held) == "Inactive"


def it_is_deleted_and_confirmed(player: Player, systems: FourSystems, held: Held) -> None:
    player.push("week")
    assert status(systems, held) == "Inactive"
    for _ in range(4):
        player.push("day")
    expect(player.pane).to_contain_text("confirmed", timeout=SOON)
    assert status(systems, held) is None
    player.picture("confirmed", left=SIDEBAR)


def the_record_tells_it(player: Player) -> None:
    player.be("Priya Raman")
    told = player.ask(f"/whose history {KEY}")
    for step in (
        "Ana Lima (service owner) decided to revoke it",
        "A second person was asked to agree",
        "Ana Lima wanted to agree",
        "Lena Fischer wanted to agree",
        "Felix Braun (security team) agreed to the removal",
        "It was switched off at aws-prod",
        "asked for it to be given back",
        "it works again at aws-prod",
        "had the removal go on",
        "It was deleted at aws-prod",
        "aws-prod does not list it any more",
    ):
        expect(told).to_contain_text(step)


def status(systems: FourSystems, held: Held) -> str | None:
    return systems.aws.statuses(systems.made[held.name].credential.name).get(held.external_id)


# ------------------------------------------------------------------ a vendor


def test_a_vendors_access_is_ended_and_what_is_left_over_is_named(
    browser_page: Page, systems: FourSystems, tmp_path: Path
) -> None:
    forty = systems.forty()
    tokens = inventory_rows(
        forty, ["Northpeak Resale", "Driftly"], ["ana.lima@example.com", "ben.okafor@example.com"], START
    )
    with playing(browser_page, tmp_path, systems.issuers_file(), tokens) as player:
        the_plan_is_proposed(player)
        the_plan_takes_two(player)
        it_goes_on_in_one_message(player)
        the_report_names_the_two(player)
    assert [one.name for one in forty if systems.works(one)] == list(UNENDED)
    assert whose(tmp_path, "ledger", "verify").returncode == 0


def the_plan_is_proposed(player: Player) -> None:
    player.be("Clara Nwosu")
    look = player.ask("/whose offboard Northpeak Resale")
    expect(look).to_contain_text("40 tokens")
    expect(look).to_contain_text("Driftly")
    player.fits("a look at a plan")
    look.get_by_role("button", name="End all its access…").click()
    player.modal.locator("textarea").fill("The contract was terminated on Friday; they stop on 30 November.")
    player.fits("the form of a plan")
    player.modal.get_by_test_id("modal-submit").click()
    expect(player.modal).to_contain_text("Recorded")
    player.close()


def the_plan_takes_two(player: Player) -> None:
    asks = "Do you agree to end all access that Northpeak Resale holds?"
    for name in ("Clara Nwosu", "Lena Fischer"):
        expect(refused(player, name, asks, "Agree to the plan…")).to_contain_text("Priya Raman")
    player.be("Felix Braun", "security")
    player.picture("offboarding-proposal", left=SIDEBAR)
    card(player, asks).get_by_role("button", name="Agree to the plan…").click()
    player.fits("agreeing to a plan")
    player.page.get_by_test_id("confirm-accept").click()


def it_goes_on_in_one_message(player: Player) -> None:
    plan = player.pane.locator("article", has_text="Northpeak Resale").filter(has_text="of 40 tokens ended")
    expect(plan).to_have_count(1, timeout=SOON)
    expect(plan).to_contain_text("Needs a look", timeout=SOON)
    player.picture("offboarding-progress", left=SIDEBAR)
    player.push("day")
    expect(plan).to_have_count(1)


def the_report_names_the_two(player: Player) -> None:
    player.push("week")
    for _ in range(4):
        player.push("day")
    report = player.pane.locator("article", has_text="2 of 40 tokens still work").last
    expect(report).to_be_visible(timeout=SOON)
    for name in UNENDED:
        expect(report).to_contain_text(name)
    player.picture("offboarding-report", left=SIDEBAR)
    player.be("Clara Nwosu")
    expect(player.pane.locator("article", has_text="2 of 40 tokens still work").last).to_be_visible()
