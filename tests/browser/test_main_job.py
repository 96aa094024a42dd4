"""The main job as a newcomer plays it: ``whose demo`` started for real, and one story in a real browser.

With ``WHOSE_SCREENSHOTS`` naming a folder, the pictures of the README are taken on the way.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.player import SIDEBAR, Player, push_until
from tests.scenarios.test_demo_starts import demo

pytestmark = pytest.mark.browser


@pytest.fixture
def player(browser_page: Page, tmp_path: Path) -> Iterator[Player]:
    """The shipped examples, played from Monday 23 November 2026, 09:30 UTC on."""
    with demo(tmp_path, "--port", "0") as running:
        site = running.wait_for(r"(http://127\.0\.0\.1:\d+)")[1]
        browser_page.add_init_script("sessionStorage.setItem('tips', 'done')")
        one = Player(browser_page, site)
        yield one
        browser_page.close()
        assert running.stop() == 0
    assert one.said == [], "the console stays empty"
    said = "".join(running.said)
    assert "Traceback" not in said
    assert "ignored" not in said, "a newcomer is not to be told of settings that do not concern them"


def test_the_main_job(player: Player) -> None:
    an_owner_attests(player)
    home_shows_what_is_mine(player)
    an_owner_revokes_and_it_is_carried_out(player)
    a_stranger_is_refused(player)
    whoever_comes_second_is_told_who_was_first(player)
    an_ignored_request_climbs(player)
    questions_are_answered(player)


def an_owner_attests(player: Player) -> None:
    """An ordinary token takes one click; one with customer data in production asks to look again and say why."""
    player.be("Ana Lima")
    expect(player.pane).to_contain_text("3 tokens need your answer")
    player.picture("owner-asked")

    player.press_beside("paylane-dev", "Re-attest")
    expect(player.pane).to_contain_text("Ana Lima (service owner) re-attested it")
    expect(player.pane.get_by_test_id("only-you")).to_be_visible()
    expect(player.pane).to_contain_text("2 tokens need your answer")

    player.press_beside("drift-leads", "Open")
    expect(player.modal).to_contain_text("Do you still stand behind drift-leads?")
    player.press("Re-attest")
    expect(player.page.get_by_test_id("modal-title")).to_have_text("Stand behind this token")
    player.modal.locator("select").select_option(label="Yes, all of it")
    player.modal.locator("textarea").fill("Sales answers every chat lead from the CRM.")
    player.picture("owner-attests")
    player.press("Re-attest")
    expect(player.modal).to_contain_text("you stand behind drift-leads")
    player.close()
    expect(player.pane.locator("strong", has_text="drift-prod")).to_be_visible()
    expect(player.pane).not_to_contain_text("2 tokens need your answer")


def an_owner_revokes_and_it_is_carried_out(player: Player) -> None:
    """Revoking wants a reason; it is done only when somebody says so and names the ticket."""
    player.be("Ben Okafor")
    player.press_beside("paylane-refunds", "Open")
    player.press("Revoke…")
    expect(player.page.get_by_test_id("modal-title")).to_have_text("Revoke this token")
    player.modal.locator("textarea").fill("Refunds have gone through the new billing service since September.")
    player.picture("owner-revokes")
    player.press("Revoke")
    expect(player.modal).to_contain_text("paylane-refunds is to be revoked")
    player.close()
    expect(player.pane).to_contain_text("Ben Okafor (service owner) decided to revoke it")

    player.press_beside("paylane-refunds", "Open")
    expect(player.modal).to_contain_text("Paylane dashboard: Developers, API keys, Delete")
    player.picture("work-card")
    player.press("Mark as done…")
    player.page.get_by_test_id("modal-submit").click()
    expect(player.modal.get_by_test_id("error-evidence")).to_be_visible()
    player.modal.locator("select").select_option(index=1)
    player.modal.locator("input").fill("OPS-4711")
    player.page.get_by_test_id("modal-submit").click()
    expect(player.modal).to_contain_text("Recorded")
    player.close()


def a_stranger_is_refused(player: Player) -> None:
    """The auditor reads along in #security: she sees everything and decides nothing, and only she is told so."""
    player.be("Lena Fischer", "security")
    card = player.pane.locator("article", has_text="Who stands behind legacy-report?")
    expect(card).to_be_visible()
    card.get_by_role("button", name="Revoke…").click()
    refusal = player.pane.locator("article").last
    expect(refusal.get_by_test_id("only-you")).to_be_visible()
    expect(refusal).to_contain_text("Priya Raman")
    expect(player.modal).to_be_hidden()
    player.picture("stranger-refused")
    player.be("Priya Raman", "security")
    expect(player.pane).to_contain_text("Who stands behind legacy-report?")
    expect(player.pane.get_by_test_id("only-you")).to_have_count(0)


def whoever_comes_second_is_told_who_was_first(player: Player) -> None:
    """Two of the security team have the same form open; the first answer counts, and the second reads whose it was."""
    player.be("Priya Raman", "security")
    card = player.pane.locator("article", has_text="Who stands behind legacy-report?")
    card.get_by_role("button", name="Revoke…").click()
    player.modal.locator("textarea").fill("Nobody knows what it is for.")
    player.be("Felix Braun", "security")
    card.get_by_role("button", name="Revoke…").click()
    player.modal.locator("textarea").fill("It has no owner and no known use.")
    player.press("Revoke")
    expect(player.modal).to_contain_text("legacy-report is to be revoked")
    player.close()
    player.be("Priya Raman", "security")
    expect(player.pane).to_contain_text("Felix Braun (security team) decided to revoke it")
    player.modal.locator("textarea").fill("Nobody knows what it is for.")
    player.press("Revoke")
    expect(player.modal).to_contain_text("This is already decided")
    expect(player.modal).to_contain_text("Felix Braun (security team) decided to revoke it (today 15:")
    player.close()


def an_ignored_request_climbs(player: Player) -> None:
    """Nobody answers for drift-prod: it reaches the vendor relationship owner, then the owner's manager, then all
    of the security team, and each reads why."""
    push_until(player, datetime(2026, 11, 24, 9, tzinfo=UTC))
    player.be("Ana Lima")
    expect(player.pane).to_contain_text("This is a reminder: your answer is still open.")

    push_until(player, datetime(2026, 11, 26, 9, tzinfo=UTC))
    player.be("Clara Nwosu")
    player.press_beside("drift-prod", "Open")
    expect(player.modal).to_contain_text("drift-prod needs an answer")
    expect(player.modal).to_contain_text("This came to you because you look after the vendor, Driftly.")
    expect(player.modal).to_contain_text("Asked before, no answer so far: Ana Lima")
    expect(player.modal).to_contain_text("Tomas Reyes (manager) is next")
    player.picture("climbs")
    player.close()

    push_until(player, datetime(2026, 11, 30, 9, tzinfo=UTC))
    player.be("Tomas Reyes")
    player.press_beside("drift-prod", "Open")
    expect(player.modal).to_contain_text("This came to you because Ana Lima reports to you.")
    expect(player.modal).to_contain_text("Clara Nwosu (26 Nov 2026)")
    expect(player.modal).to_contain_text("security channel is next")
    player.picture("climbs-manager")
    player.close()

    push_until(player, datetime(2026, 12, 1, 9, tzinfo=UTC))
    player.be("Priya Raman", "security")
    card = player.pane.locator("article", has_text="drift-prod").last
    expect(card).to_contain_text("not answered by others")
    card.evaluate("card => card.scrollIntoView({block: 'end'})")
    player.picture("security-channel", left=SIDEBAR)

    player.be("Ana Lima")
    player.push("week")
    expect(player.pane).to_contain_text("Nobody answered, so by policy it is to be revoked")


def questions_are_answered(player: Player) -> None:
    """Who was accountable on a day, what is mine, what is recorded; and a slip of the finger finds its way."""
    player.be("Priya Raman")
    who = player.ask("/whose who drift-prod on 2026-11-30")
    for part in ("Ana Lima, its service owner", "looked after by Clara Nwosu", "No answer came from Ana Lima"):
        expect(who).to_contain_text(part)
    expect(who).to_contain_text("whose ledger verify")
    box, pane = who.bounding_box(), player.pane.bounding_box()
    assert box is not None
    assert pane is not None
    assert box["height"] <= pane["height"], "one screen answers it"
    player.picture("who-on", left=SIDEBAR)
    expect(player.ask("/whose history drift-prod")).to_contain_text("Ana Lima was asked")
    expect(player.ask("/whose drift-prd")).to_contain_text("/whose drift-prod")
    expect(player.ask("/whose help")).to_contain_text("What you can ask")
    player.be("Ana Lima")
    expect(player.ask("/whose mine")).to_contain_text("drift-prod")


def home_shows_what_is_mine(player: Player) -> None:
    """The Home tab lists what waits and what is in one's name."""
    player.be("Ana Lima", "home")
    expect(player.page.get_by_test_id("home")).to_contain_text("drift-prod")
    player.picture("home", left=SIDEBAR)
