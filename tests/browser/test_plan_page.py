"""The plan of the weeks to come as a page, opened in a real browser: on a phone, on a screen, on paper.

With ``WHOSE_SCREENSHOTS`` naming a folder, its picture is taken on the way.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from random import Random
from typing import Literal

import pytest
from playwright.sync_api import Page
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from bot.operations.planning.plan import plan
from bot.rules.policy_parts import OpeningCap
from messages.pages.plan_page import plan_page
from storage.database import Database
from storage.people import PERSON
from tests.browser.page_kit import CROWDED, check_it_fits, check_it_prints, take_picture
from tests.contract.sweep_kit import Inventory
from tests.servers.fake_clock import FakeClock
from tests.servers.workspace import serving

pytestmark = pytest.mark.browser

CROWDED_BARS = CROWDED.replace("svg.timeline", "svg.bars").replace("text:not(.name)", "text")
OWNERS = ("ana", "ben", "cleo", "dan", "emil", "fay", "gus", "hana", "ines", "jon", "kim", "lou")
SURNAMES = ("Lima", "Okafor", "Marsh", "Reyes", "Novak", "Abara", "Stone", "Sato", "Costa", "Weir", "Abe", "Haddad")


@pytest.fixture(scope="module")
def site(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The plan of a made-up company before its first run; made before any browser is open."""
    folder = tmp_path_factory.mktemp("plan")
    shutil.copyfile(sqlite_template, folder / "whose.db")
    database = Database(f"sqlite:///{folder / 'whose.db'}")
    inventory = Inventory(database, FakeClock())
    _company(inventory)
    public = folder / "public"
    public.mkdir()
    for name, share in (("plan", Fraction(0)), ("answered", Fraction(4, 5))):
        page = plan_page(plan(inventory.ctx, weeks=6, share=share))
        public.joinpath(f"{name}.html").write_text(page, encoding="utf-8")
    database.close()
    with serving(Starlette(routes=[Mount("/", StaticFiles(directory=public))])) as url:
        yield url


def _company(inventory: Inventory) -> None:
    """Twelve owners, two managers, two who look after vendors; 260 tokens, most of them never attested."""
    random = Random(7)
    inventory.policy = inventory.policy.model_copy(
        update={"cap": OpeningCap(first_run_per_person=3, first_run_total=30, per_person_per_day=4, total_per_day=25)}
    )
    for name in ("mia", "omar", "vera", "wim"):
        inventory.person(name)
    for name in OWNERS[1:]:
        inventory.person(name, manager=random.choice(("mia", "omar")))
    with inventory.database.write() as session:
        for name, surname in zip(OWNERS, SURNAMES, strict=True):
            row = PERSON.update().where(PERSON.c.id == inventory.people[name])
            session.connection().execute(row.values(name=f"{name.title()} {surname}"))
    for number in range(8):
        inventory.vendor(f"vendor {number}", owner=random.choice(("vera", "wim")))
    for number in range(260):
        inventory.token(
            f"k{number}",
            owner=OWNERS[min(int(random.expovariate(0.25)), len(OWNERS) - 1)],
            backup=random.choice(("", "", *OWNERS)),
            vendor=f"vendor {random.randrange(8)}" if random.random() < 0.6 else "",
            data_classification=random.choice(("internal", "internal", "confidential", "restricted")),
            last_attested_at=random.choice((None, None, inventory.days(-random.uniform(20, 300)))),
            expires_at=random.choice((inventory.days(random.uniform(1, 90)), inventory.days(400))),
        )


@pytest.mark.parametrize("name", ["plan", "answered"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_plan_fits_a_phone_and_a_screen(
    site: str, browser_page: Page, name: str, scheme: Literal["light", "dark"]
) -> None:
    check_it_fits(browser_page, f"{site}/{name}.html", scheme, CROWDED_BARS)


def test_the_plan_prints(site: str, browser_page: Page) -> None:
    check_it_prints(browser_page, f"{site}/plan.html")


def test_the_picture_and_the_tables_say_the_same(site: str, browser_page: Page) -> None:
    browser_page.goto(f"{site}/plan.html")
    totals = browser_page.locator("#weekly-t ~ g text.total").all_text_contents()
    cells = browser_page.locator("section[aria-labelledby=weeks] tbody td[data-label=All]").all_inner_texts()
    assert totals == cells
    text = browser_page.inner_text("main")
    for said in ("This is a first run", "Who gets most", "What would be overdue", "What this takes for granted"):
        assert said in text
    take_picture(browser_page, f"{site}/plan.html", "plan", 1380)
