"""The pages a person reads, made of a real fortnight and opened in a real browser: on a phone, on a screen, on paper.

With ``WHOSE_SCREENSHOTS`` naming a folder, their pictures are taken on the way.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Page
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from bot.anchors import Surroundings, anchors_of, names_of
from bot.operations import look_up
from bot.operations.anchor_checkpoints import anchor_checkpoints
from bot.operations.commands import Command
from bot.operations.export_ledger.choose import Choice
from bot.operations.export_ledger.export import export_ledger
from bot.operations.export_ledger.read_back import about, records_in
from bot.operations.export_ledger.report import report
from bot.operations.export_ledger.write import Keys
from bot.operations.named import person_named
from bot.operations.record_decision import record_decision
from bot.rules.controls import Controls
from messages.action_ref import Verb
from messages.cards.facts import Story
from messages.pages.who_page import who_page
from storage.database import Database
from tests.browser.page_kit import check_it_fits, check_it_prints, take_picture
from tests.contract.ledger_kit import keeper
from tests.servers.fake_clock import FakeClock
from tests.servers.office import Office, open_office
from tests.servers.witness import Reply, Witness
from tests.servers.witness import serving as serving_posts
from tests.servers.workspace import serving

pytestmark = pytest.mark.browser


class WitnessOf(Witness):
    """A witness whose clock is the story's."""

    def __init__(self, log_key: bytes, clock: FakeClock) -> None:
        super().__init__(log_key)
        self._clock = clock

    def reply(self, path: str, kind: str, body: bytes) -> Reply:
        self._now = int(self._clock.now().timestamp())
        return super().reply(path, kind, body)


@pytest.fixture(scope="session")
def site(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Both pages, served. Made before any browser is open: its loop would be in the way of the story's."""
    folder = tmp_path_factory.mktemp("pages")
    shutil.copyfile(sqlite_template, folder / "whose.db")
    database, clock = Database(f"sqlite:///{folder / 'whose.db'}"), FakeClock()
    public = folder / "public"
    public.mkdir()
    with open_office(database, clock, folder) as office:
        _play(office, database, clock, folder, public)
    database.close()
    with serving(Starlette(routes=[Mount("/", StaticFiles(directory=public))])) as url:
        yield url


def _play(office: Office, database: Database, clock: FakeClock, folder: Path, public: Path) -> None:
    publisher = keeper(database, clock, folder)
    witness = WitnessOf(publisher.key.verifier(0).public, clock)
    with serving_posts(witness) as seen:
        texts = (f"folder:{folder / 'kept'}", f"witness:{seen}#{witness.verifier}")
        anchors = anchors_of(texts, Surroundings(database, clock.now, lambda: office.ctx.lane))
        publisher.anchors = names_of(texts)

        def publish() -> None:
            publisher.publish()
            assert anchor_checkpoints(database, clock.now, anchors).failed == 0

        asked_about = _fortnight(office, clock, publish)
        keys = Keys([publisher.key.verifier(0)])
    with database.read() as session:
        story = look_up.who_story(session, office.ctx, look_up.EVERYTHING, office.token_id("drift-prod"), asked_about)
    assert isinstance(story, Story)
    page = who_page(story)
    manifest = export_ledger(database, folder / "bundle", Choice(), keys, lambda *_: None)
    made = report(about(folder / "bundle", manifest), lambda: records_in(folder / "bundle"), Controls.load())
    address = re.escape(seen.partition("://")[2])  # another port every time, in a picture that is kept
    for name, text in (("who", page), ("report", made)):
        public.joinpath(f"{name}.html").write_text(re.sub(address, "witness.example.com", text), encoding="utf-8")


def _fortnight(office: Office, clock: FakeClock, publish: Callable[[], None]) -> datetime:
    """Ana does not answer, Eve may not, Vera revokes, Omar takes another one over; the Friday in between."""
    office.tick()
    office.press("omar", Verb.ATTEST, "ledger-sync")
    office.fill("ana", Verb.DISOWN, "drift-stage", new_owner="omar", justification="It moved to Omar’s team")
    office.advance(2)
    office.press("omar", Verb.ACCEPT, "drift-stage")
    for _ in range(3):
        publish()
        office.advance(24, step=2)
    _try_to_revoke(office, "eve", "drift-prod")
    publish()
    office.advance(20, step=2)
    asked_about = clock.now()
    publish()
    office.advance(72, step=4)
    office.fill("vera", Verb.REVOKE, "drift-prod", justification="Driftly is being replaced by June")
    publish()
    office.advance(48, step=4)
    office.fill("ana", Verb.DONE, "drift-prod", result="accepted_unverified", evidence="Deleted in IAM, ticket OPS-17")
    office.advance(24, step=4)
    publish()
    return asked_about


def _try_to_revoke(office: Office, who: str, token: str) -> None:
    request = office.request(token)
    with office.database.read() as session:
        person = person_named(session, f"{who}@example.com")
    record_decision(office.ctx, Command(Verb.REVOKE, request.id or 0, request.version, person, "a try", "slack"))


@pytest.mark.parametrize("name", ["who", "report"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_page_fits_a_phone_and_a_screen(
    site: str, browser_page: Page, name: str, scheme: Literal["light", "dark"]
) -> None:
    check_it_fits(browser_page, f"{site}/{name}.html", scheme)


@pytest.mark.parametrize("name", ["who", "report"])
def test_a_page_prints(site: str, browser_page: Page, name: str) -> None:
    check_it_prints(browser_page, f"{site}/{name}.html")


def test_the_who_page_answers_first(site: str, browser_page: Page) -> None:
    browser_page.goto(f"{site}/who.html")
    text = browser_page.inner_text("main")
    order = ["Ana Lima, its service owner since", "How it stood", "Who could have removed the access", "What proves it"]
    places = [text.index(said) for said in order]
    assert places == sorted(places)
    assert "by the cosignature of witness.example.com" in text
    assert "Eve Other wanted to revoke it" in text
    take_picture(browser_page, f"{site}/who.html", "who-page", 1380)


def test_the_report_tells_each_token_and_what_is_not_proven(site: str, browser_page: Page) -> None:
    browser_page.goto(f"{site}/report.html")
    text = browser_page.inner_text("main")
    for said in (
        "drift-prod",
        "aws / k1",
        "31 Dec 2027",
        "Driftly is being replaced by June",
        "ticket OPS-17",
        "Omar Haddad became its service owner",
    ):
        assert said in text
    for heading in ("At a glance", "Evidence for controls", "What is not proven", "How to check it"):
        assert browser_page.get_by_role("heading", name=heading, exact=True).count() == 1
    for link in browser_page.get_by_role("link").all():
        assert browser_page.locator(f"h3{link.get_attribute('href')}").count() == 1
    take_picture(browser_page, f"{site}/report.html", "report", 1380)
    # The token that was revoked, which has most to tell.
    take_picture(browser_page, f"{site}/report.html", "report-token", 1380, 'h3:has-text("drift-prod")')
