"""The pages against files that a person has read; ``pytest tests/golden --update-golden`` writes them anew.

The stylesheet is left out: how a page looks is shown by its pictures, and what it says stands here.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from messages.pages.who_page import who_page
from tests.golden.page_examples import PART, STORY, small_report

FOLDER = Path(__file__).parent / "pages"
PAGES: dict[str, Callable[[], str]] = {
    "who": lambda: who_page(STORY),
    "report": small_report,
}


@pytest.mark.parametrize("name", PAGES)
def test_a_page_reads_as_it_was_approved(name: str, update_golden: bool) -> None:
    page = PAGES[name]()
    assert page == PAGES[name](), "the same values give the same page"
    drawn = re.sub(r"<style>.*?</style>", "<style></style>", page, flags=re.DOTALL)
    drawn = re.sub(r"sha256-[A-Za-z0-9+/=]+", "sha256-", drawn)
    path = FOLDER / f"{name}.html"
    if update_golden:
        path.parent.mkdir(exist_ok=True)
        path.write_text(drawn, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == drawn


def test_the_report_of_a_part_says_that_it_is_one() -> None:
    part = small_report(PART)
    assert '<span class="light">about aws-iam/AKIA-DRIFT</span>' in part
    assert "everything recorded about the token aws-iam/AKIA-DRIFT" in part
    assert "Only the whole log shows what is not in it." in part
    assert "Nothing is left out" not in part
