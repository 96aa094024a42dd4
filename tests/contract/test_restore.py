"""Putting a backup back, message by message at the strict workspace; and the files of an SQLite database."""

from __future__ import annotations

import os
import sqlite3
import stat
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bot.cli import whose
from bot.operations.backup import BackupError, back_up
from bot.operations.deliver import deliver
from bot.operations.ports import Destination, Outcome
from bot.operations.restore import RestoreError, restore
from bot.single_writer import single_writer
from bot.slack.sender import SlackSender
from messages.view import View
from storage.database import Database
from storage.outbox_queries import claim
from tests.contract.delivery_kit import LANE, Office
from tests.servers.fake_clock import FakeClock
from tests.servers.keeping import put_back, stamp, take
from tests.servers.workspace import RunningWorkspace, running_workspace

# ------------------------------------------------------------------ messages


class Takes(SlackSender):
    """Has the backup taken in the middle of sending the first message."""

    def __init__(self, slack: RunningWorkspace, database: Database, folder: Path, *, before: bool) -> None:
        super().__init__(LANE, slack.bot_token, slack.url)
        self._before, self._database, self._folder = before, database, folder
        self.backup: Path | None = None

    def post(self, to: Destination, view: View, delivery_key: str) -> Outcome:
        if self._before and self.backup is None:
            self.backup = take(self._database, self._folder)
        outcome = super().post(to, view, delivery_key)
        if self.backup is None:
            self.backup = take(self._database, self._folder)
        return outcome


@pytest.fixture
def slack(clock: FakeClock) -> Iterator[RunningWorkspace]:
    with running_workspace(clock.now) as workspace:
        yield workspace


class Readers:
    """Somebody new for each message."""

    def __init__(self, office: Office, slack: RunningWorkspace) -> None:
        self._office, self._slack = office, slack
        self._accounts: dict[str, str] = {}
        self._persons: dict[str, int] = {}

    def add(self, name: str) -> None:
        account = self._slack.workspace.add_user(name, email=f"{name}@example.com")
        self._accounts[name] = account.id
        self._persons[name] = self._office.person(name, account.id)
        self._office.request(self._persons[name])

    def ask(self, name: str) -> None:
        self._office.ask(self._persons[name], f"cause:{name}")

    def texts(self) -> dict[str, list[str]]:
        found = {}
        for name, account in self._accounts.items():
            dm = self._slack.workspace.find_dm(account)
            found[name] = [one.text for one in self._slack.workspace.messages(dm.id)] if dm else []
        return found


@pytest.mark.parametrize("before", [True, False], ids=["before-it-left", "after-it-left"])
def test_every_message_is_there_once(
    database: Database, clock: FakeClock, slack: RunningWorkspace, tmp_path: Path, before: bool
) -> None:
    """At the backup one message is on its way and one waits; later one more comes. After the restore that one's cause
    comes again, and so does a new one."""
    office = Office(database, clock)
    readers = Readers(office, slack)
    for name in ("on_its_way", "waits", "comes_later", "new"):
        readers.add(name)
    readers.ask("on_its_way")
    readers.ask("waits")
    port = Takes(slack, database, tmp_path, before=before)
    deliver(office.ctx, port, office.compose, on_refused=office.on_refused)
    readers.ask("comes_later")
    clock.advance(timedelta(minutes=30))
    deliver(office.ctx, port, office.compose, on_refused=office.on_refused)
    sent = readers.texts()
    assert {name: len(texts) for name, texts in sent.items()} == {
        "on_its_way": 1,
        "waits": 1,
        "comes_later": 1,
        "new": 0,
    }

    assert port.backup is not None
    clock.advance(timedelta(hours=5))
    put_back(database, port.backup, clock.now())
    readers.ask("comes_later")
    readers.ask("new")
    for _ in range(12):
        clock.advance(timedelta(seconds=61))
        deliver(office.ctx, port, office.compose, on_refused=office.on_refused)
    assert {name: len(texts) for name, texts in readers.texts().items()} == dict.fromkeys(sent, 1)
    assert len(office.postings()) == 4
    assert all(requests for _, _, requests in office.postings()), "each is known to show its request"
    assert set(office.states()) == {"sent"}


def test_a_fence_from_before_changes_nothing(database: Database, clock: FakeClock, tmp_path: Path) -> None:
    office = Office(database, clock)
    person = office.person("ana", "U1")
    office.request(person)
    office.ask(person)
    with database.write() as session:
        claim(session, LANE, clock.now(), lease=timedelta(minutes=1))
    [claimed] = office.rows()
    put_back(database, take(database, tmp_path), clock.now())
    [held] = office.rows()
    assert held.fence > claimed.fence
    assert (held.state, held.lease_until) == ("pending", None)


# ------------------------------------------------------------------ files


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a migrated database, ``whose.db``, and nothing set."""
    for name in list(os.environ):
        if name.startswith(("SLACK_", "WHOSE_", "DATABASE_URL")):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "people.csv").write_text("email,name\nana@example.com,Ana Lima\n")
    assert run("import", "people.csv").exit_code == 0
    return tmp_path


def run(*args: str) -> Result:
    return CliRunner().invoke(whose, args)


def people(file: str = "whose.db") -> list[str]:
    connection = sqlite3.connect(file)
    found = [name for (name,) in connection.execute("SELECT name FROM person ORDER BY id")]
    connection.close()
    return found


def test_there_and_back(folder: Path) -> None:
    done = run("backup", "copy.db")
    assert done.exit_code == 0, done.output
    assert "copy.db" in done.stdout
    assert stat.S_IMODE(Path("copy.db").stat().st_mode) == 0o600
    assert not list(folder.glob("copy.db-*"))
    Path("people.csv").write_text("email,name\nben@example.com,Ben Okafor\n")
    run("import", "people.csv")
    assert people() == ["Ana Lima", "Ben Okafor"]

    done = run("restore", "copy.db")
    assert done.exit_code == 0, done.output
    assert people() == ["Ana Lima"]
    [aside] = folder.glob("whose.db.replaced-*")
    assert people(str(aside)) == ["Ana Lima", "Ben Okafor"]
    assert run("doctor").exit_code == 0
    assert not list(folder.glob("*.restoring*"))


def test_a_backup_never_replaces_a_file(folder: Path) -> None:
    Path("copy.db").write_text("precious")
    done = run("backup", "copy.db")
    assert done.exit_code == 2
    assert "never replaces a file" in done.stderr
    assert Path("copy.db").read_text() == "precious"


def test_it_is_whole_although_others_write(folder: Path) -> None:
    """Rows that belong together are written all the while; the copy has both or neither."""
    database = Database("sqlite:///whose.db")
    stop = threading.Event()

    def write() -> None:
        connection = sqlite3.connect("whose.db", isolation_level=None, timeout=30)
        number = 0
        while not stop.is_set():
            number += 1
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("INSERT INTO marker VALUES (?, ?)", (f"one:{number}", "x" * 5_000))
            connection.execute("INSERT INTO marker VALUES (?, ?)", (f"two:{number}", "x" * 5_000))
            connection.execute("COMMIT")
        connection.close()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for number in range(5):
            back_up(database, folder / f"{number}.db")
            connection = sqlite3.connect(folder / f"{number}.db")
            counts = [
                connection.execute("SELECT count(*) FROM marker WHERE name LIKE ?", (f"{word}:%",)).fetchone()[0]
                for word in ("one", "two")
            ]
            connection.close()
            assert counts[0] == counts[1]
    finally:
        stop.set()
        writer.join()
        database.close()


def test_nothing_is_put_back_while_a_process_uses_it(folder: Path) -> None:
    run("backup", "copy.db")
    with single_writer(folder / "whose.db", "whose up"):
        done = run("restore", "copy.db")
    assert done.exit_code == 2
    assert "whose up" in done.stderr
    connection = sqlite3.connect("whose.db", isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")  # a short command, such as an import
    connection.execute("INSERT INTO marker VALUES ('a', 'b')")
    done = run("restore", "copy.db")
    connection.execute("COMMIT")
    connection.close()
    assert done.exit_code == 2
    assert "Nothing was changed" in done.stderr
    assert not list(folder.glob("whose.db.re*"))


@pytest.mark.parametrize("fault", ["not a database", "cut short", "a changed byte", "another program's"])
def test_a_damaged_backup_is_not_put_back(folder: Path, fault: str) -> None:
    run("backup", "copy.db")
    copy = Path("copy.db")
    whole = copy.read_bytes()
    if fault == "not a database":
        copy.write_text("hello " * 1_000)
    elif fault == "cut short":
        copy.write_bytes(whole[: len(whole) // 2])
    elif fault == "a changed byte":
        changed = bytearray(whole)
        for at in range(8_192, len(changed), 4_096):  # every page but the first two
            changed[at] ^= 0xFF
        copy.write_bytes(bytes(changed))
    else:
        copy.unlink()
        connection = sqlite3.connect("copy.db")
        connection.execute("CREATE TABLE song (name)")
        connection.close()
    done = run("restore", "copy.db")
    assert done.exit_code == 2, done.output
    assert "Traceback" not in done.output
    assert people() == ["Ana Lima"]
    assert not list(folder.glob("whose.db.re*"))


def test_a_record_that_does_not_add_up_is_not_put_back(folder: Path) -> None:
    run("backup", "copy.db")
    connection = sqlite3.connect("copy.db")
    connection.execute("DROP TRIGGER IF EXISTS ledger_leaf_no_delete")
    for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
        connection.execute(f"DROP TRIGGER {name}")
    connection.execute("UPDATE ledger_head SET size = size + 1")
    connection.commit()
    connection.close()
    done = run("restore", "copy.db")
    assert done.exit_code == 2, done.output
    assert people() == ["Ana Lima"]


def test_what_cannot_be_opened_any_more_is_replaced_and_kept(folder: Path) -> None:
    """The database was ruined: that is what backups are for."""
    run("backup", "copy.db")
    Path("whose.db").write_text("ruined")
    done = run("restore", "copy.db")
    assert done.exit_code == 0, done.output
    assert people() == ["Ana Lima"]
    [aside] = folder.glob("whose.db.replaced-*")
    assert aside.read_text() == "ruined"


def test_a_lost_database_is_put_back(folder: Path) -> None:
    run("backup", "copy.db")
    for one in folder.glob("whose.db*"):
        one.unlink()
    assert run("restore", "copy.db").exit_code == 0
    assert people() == ["Ana Lima"]


def test_a_new_epoch_is_opened_by_the_command(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("tokens.csv").write_text("external_id,issuing_system,service_owner\nk1,aws,ana@example.com\n")
    run("import", "tokens.csv")
    assert run("ledger", "keygen", "--out", "ledger.key", "--name", "ledger.example.com").exit_code == 0
    monkeypatch.setenv("WHOSE_LEDGER_KEY_FILE", "ledger.key")
    assert run("backup", "copy.db").exit_code == 0
    run("sweep")
    assert run("ledger", "checkpoint").exit_code == 0
    monkeypatch.delenv("WHOSE_LEDGER_KEY_FILE")
    refused = run("restore", "copy.db")
    assert refused.exit_code == 2
    assert "WHOSE_LEDGER_KEY_FILE" in refused.stderr
    monkeypatch.setenv("WHOSE_LEDGER_KEY_FILE", "ledger.key")

    done = run("restore", "copy.db", "--why", "A disk failed.")
    assert done.exit_code == 0, done.output
    assert "epoch 1 was opened" in done.stderr
    assert "A disk failed." in run("ledger", "show", "--json").stdout
    assert run("ledger", "verify").exit_code == 0
    assert run("ledger", "checkpoint").exit_code == 0
    again = run("restored")
    assert again.exit_code == 0, again.output
    assert "simply goes on" in again.stderr


def test_an_interrupted_restore_left_nothing_that_matters(folder: Path, clock: FakeClock) -> None:
    run("backup", "copy.db")
    Path("whose.db.restoring").write_text("half of something")
    restore(Path("copy.db"), Path("whose.db"), clock.now())
    with pytest.raises(RestoreError, match="Nothing was changed"):
        restore(Path("copy.db"), Path("whose.db"), clock.now())  # within one second: the name beside is taken
    assert people() == ["Ana Lima"]


def test_no_room_is_said(folder: Path) -> None:
    database = Database("sqlite:///whose.db")
    with pytest.raises(BackupError, match="cannot be written"):
        back_up(database, folder / "no-such-folder" / "copy.db")
    database.close()


def test_postgresql_has_tools_of_its_own(postgres_database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", postgres_database.url.render_as_string(hide_password=False))
    stamp(postgres_database)
    for command in (["backup", "copy.db"], ["restore", __file__]):
        done = run(*command)
        assert done.exit_code == 2
        assert "pg_dump" in done.stderr
        assert "whose restored" in done.stderr
    assert run("restored").exit_code == 0
