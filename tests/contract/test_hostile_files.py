"""Files that are broken, wrong or meant to harm: each ends in a clear error that names the place, or in inert text.

One table, every row of it through the whole import: never an exception to the caller, nothing written where
something was refused, and no secret in the report, in the file of rejected rows, in the log or in the database.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bot.operations.import_inventory import MappingError, parse_mapping
from storage.database import Database
from storage.inventory import OWNERSHIP, TOKEN, VENDOR
from storage.people import PERSON
from tests.contract.hostile_files import GOOD, HEAD, REFUSED, Refused, tokens
from tests.contract.import_kit import Importer, said
from tests.unit.hostile_text import HOSTILE
from tests.unit.made_up_secrets import MADE_UP_SECRETS, draw


@pytest.fixture
def importer(sqlite_database: Database, tmp_path: Path) -> Importer:
    return Importer(sqlite_database, tmp_path)


def everything(database: Database) -> bytes:
    """All that the database keeps, as it lies on the disk."""
    path = Path(str(database.url.database))
    return b"".join(one.read_bytes() for one in path.parent.glob(f"{path.name}*"))


@pytest.mark.parametrize("case", REFUSED, ids=[case.name for case in REFUSED])
def test_a_bad_file_is_refused_with_its_place_and_nothing_is_written(
    importer: Importer, case: Refused, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    for partial in (False, True):
        report = importer({case.file: case.content}, partial=partial)
        problem = report.problems[0]
        assert Path(problem.file).name == case.file
        assert problem.line == case.line
        assert problem.column == case.column
        assert case.says in str(problem)
        assert len(str(problem)) < 600
        assert str(problem).isprintable()
        if not partial:
            assert not report.written
            assert [importer.rows(table) for table in (TOKEN, PERSON, VENDOR, OWNERSHIP)] == [[], [], [], []]
    assert "Traceback" not in caplog.text
    assert not list(importer.folder.glob(".rejected-*"))


@pytest.mark.parametrize(("kind", "secret"), MADE_UP_SECRETS, ids=[kind for kind, _ in MADE_UP_SECRETS])
@pytest.mark.parametrize(
    "column", ["external_id", "display_name", "secret_ref", "service_owner", "expires_at", "notes"]
)
def test_a_secret_in_any_cell_is_refused_and_seen_nowhere(
    importer: Importer, kind: str, secret: str, column: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    row = {
        "external_id": "k2",
        "issuing_system": "gh",
        "notes": "",
        column: f"see {secret}" if column == "notes" else secret,
    }
    good = {name: "k1" if name == "external_id" else "gh" if name == "issuing_system" else "" for name in row}
    report = importer({"a.json": json.dumps([good, row])}, partial=True)
    [problem] = [one for one in report.problems if one.column == column]
    assert problem.line == 1
    assert report.written
    rejected = Path(report.files[0].rejected_file).read_text()
    assert rejected.count("\n") >= 2
    for place in (said(report), rejected, caplog.text):
        assert secret[4:16] not in place
    assert secret[4:16].encode() not in everything(importer.database)
    assert importer.token("k1")


@pytest.mark.parametrize("where", ["a column's name", "a JSON key", "a list's name", "a mapping"])
def test_a_secret_in_the_place_of_a_name_is_not_repeated(importer: Importer, where: str) -> None:
    secret = "ghp" + "_" + draw("abcdefghijklmnopABCDEFGHIJKLMNOP0123456789", 36)
    if where == "a mapping":
        with pytest.raises(MappingError) as refused:
            parse_mapping(f"columns: {{theirs: {secret}}}")
        assert secret not in str(refused.value)
        return
    content = {
        "a column's name": f"external_id,issuing_system,{secret}\nk,gh,x\n",
        "a JSON key": json.dumps([{"external_id": "k", "issuing_system": "gh", secret: "x"}]),
        "a list's name": json.dumps({secret: []}),
    }[where]
    report = importer({"a.csv" if where == "a column's name" else "a.json": content})
    assert secret not in said(report)
    assert report.warnings or report.problems


def test_a_file_without_a_header_does_not_repeat_its_first_row(importer: Importer) -> None:
    secret = draw("abcdefghijklmnopABCDEFGHIJKLMNOP0123456789+/", 40)
    report = importer({"a.csv": f"AKIAABCDEFGHIJKLMNOP,{secret}\n"})
    assert not report.written
    assert secret not in said(report)


# ------------------------------------------------------------------ what is not a file


def _directory(path: Path) -> None:
    path.mkdir()


def _pipe(path: Path) -> None:
    os.mkfifo(path)


def _loop(path: Path) -> None:
    path.symlink_to(path)


def _dangling(path: Path) -> None:
    path.symlink_to(path.parent / "nowhere")


def _device(path: Path) -> None:
    path.symlink_to("/dev/zero")


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (_directory, "a directory"),
        (_pipe, "not a regular file"),
        (_device, "not a regular file"),
        (_loop, "cannot be read"),
        (_dangling, "no such file"),
        (lambda path: None, "no such file"),
    ],
    ids=["directory", "pipe", "device", "link to itself", "dangling link", "missing"],
)
def test_what_is_no_file_is_refused(importer: Importer, make: Callable[[Path], Any], says: str) -> None:
    path = importer.folder / "a.csv"
    make(path)
    report = importer([path])
    assert says in str(report.problems[0])
    assert not report.written


def test_a_file_named_twice_and_no_file_are_refused(importer: Importer) -> None:
    path = importer.file("a.csv", HEAD + GOOD)
    assert "named twice" in str(importer([path, path]).problems[0])
    assert "no file is named" in str(importer([]).problems[0])


def test_every_file_of_a_run_is_looked_at(importer: Importer) -> None:
    report = importer({"a.csv": "", "b.csv": tokens("k2,gh,,nobody,,,,"), "c.json": "{"})
    assert [Path(one.file).name for one in report.problems] == ["a.csv", "b.csv", "c.json"]


def test_a_link_to_a_good_file_is_read(importer: Importer) -> None:
    target = importer.file("real.csv", HEAD + GOOD)
    link = importer.folder / "link.csv"
    link.symlink_to(target)
    assert importer([link]).written


def test_the_file_of_rejected_rows_follows_no_link(importer: Importer) -> None:
    victim = importer.file("victim.txt", "keep me")
    (importer.folder / "a.csv.rejected.csv").symlink_to(victim)
    assert importer({"a.csv": tokens("k2,gh,,nobody,,,,")}, partial=True).written
    assert victim.read_text() == "keep me"
    assert "nobody" in (importer.folder / "a.csv.rejected.csv").read_text()


# ------------------------------------------------------------------ what is taken, as inert text


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ("=cmd|' /C calc'!A0", "=cmd|' /C calc'!A0"),
        ("=HYPERLINK(\"https://evil.example\",\"ok\")", '=HYPERLINK("https://evil.example","ok")'),
        ("+1", "+1"),
        ("-1", "-1"),
        ("@SUM(1)", "@SUM(1)"),
        ("<!channel> <https://evil.example|click>", "<!channel> <https://evil.example|click>"),
        ("'; DROP TABLE token; --", "'; DROP TABLE token; --"),
        ("{{7*7}} ${jndi:ldap://x} %s {0}", "{{7*7}} ${jndi:ldap://x} %s {0}"),
        ("<script>alert(1)</script>", "<script>alert(1)</script>"),
        ("  spaces around  ", "spaces around"),
        ("line\nbreak\tand tab", "line break and tab"),
        ("non\u00a0breaking", "non\u00a0breaking"),
        ("שלום", "שלום"),
        ("👩‍💻 ключ", "👩‍💻 ключ"),
        ("NULL", "NULL"),
        ('say "hi", twice', 'say "hi", twice'),
    ],
)  # fmt: skip
def test_text_that_would_act_elsewhere_is_kept_as_text(importer: Importer, text: str, stored: str) -> None:
    report = importer({"a.json": json.dumps([{"external_id": "k", "issuing_system": "gh", "display_name": text}])})
    assert report.ok, said(report)
    assert importer.token("k")["display_name"] == stored


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_every_hostile_text_is_taken_or_refused_with_a_reason(importer: Importer, text: str) -> None:
    row = {"external_id": "k", "issuing_system": "gh", "display_name": text, "notes": text}
    report = importer({"a.json": json.dumps([row])})
    assert report.written == report.ok
    assert all(one.reason and one.allowed for one in report.problems)
    assert all(str(one).isprintable() for one in report.problems)
    if report.ok:
        assert importer.token("k")["display_name"].isprintable() or "\u200d" in text


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"], ids=["LF", "CRLF", "CR"])
def test_every_line_ending_is_read_and_counted(importer: Importer, ending: str) -> None:
    text = (HEAD + GOOD + "k2,gh,,nobody,,,,\n").replace("\n", ending)
    assert importer({"a.csv": text}).problems[0].line == 3


def test_mixed_line_endings_blank_lines_and_a_bom_are_read(importer: Importer) -> None:
    text = '\ufeff\r\nexternal_id,issuing_system,notes\r\nk1,gh,"a\r\nb"\n\n\r\nk2,gh,c\rk3,gh,d'
    report = importer({"a.csv": text})
    assert report.ok, said(report)
    assert [row["notes"] for row in importer.rows(TOKEN)] == ["a\nb", "c", "d"]


def test_a_very_long_file_of_bad_rows_is_counted_but_not_kept(importer: Importer) -> None:
    report = importer({"a.csv": HEAD + "k,gh,,nobody,,,,\n" * 5_000})
    assert report.problem_count == 5_000
    assert len(report.problems) == 1_000
    assert report.files[0].rejected == 5_000


def test_a_good_run_after_all_that_is_still_a_good_run(importer: Importer) -> None:
    for case in REFUSED[:20]:
        importer({case.file: case.content})
    assert importer({"a.csv": HEAD + GOOD}).written
