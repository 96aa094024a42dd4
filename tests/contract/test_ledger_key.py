"""The key that signs the ledger: made once, kept from others, and never shown."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner

from bot.cli import whose
from bot.errors import SettingsError
from bot.operations.ledger_key import LedgerKeyError, new_key, parse_key, read_key, write_key
from bot.operations.ledger_state import LedgerStateError, alone, read_state, write_state
from bot.settings import load_settings
from bot.wiring.ledger import ledger_key

LOG = "5e1e1a2d451b7afccaced2461312b959"


def test_a_key_is_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "ledger.key"
    before = os.umask(0)
    try:
        write_key(new_key(LOG), path)
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert read_key(path).name == f"whose/{LOG}"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o644, 0o666, 0o610, 0o777])
def test_a_key_that_others_can_reach_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "ledger.key"
    write_key(new_key(LOG), path)
    path.chmod(mode)
    with pytest.raises(LedgerKeyError, match="chmod 600"):
        read_key(path)
    path.chmod(0o400)
    read_key(path)


def test_a_key_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "ledger.key"
    write_key(new_key(LOG), path)
    kept = path.read_bytes()
    with pytest.raises(LedgerKeyError, match="never overwritten"):
        write_key(new_key(LOG), path)
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(LedgerKeyError):
        write_key(new_key(LOG), tmp_path / "link")
    assert path.read_bytes() == kept


@pytest.mark.parametrize(
    "damage", [lambda text: text[:-6], lambda text: text[12:], lambda text: "", lambda text: text * 60]
)
def test_a_damaged_key_is_refused_without_showing_it(tmp_path: Path, damage: object) -> None:
    assert callable(damage)
    path = tmp_path / "ledger.key"
    write_key(new_key(LOG), path)
    text = path.read_text()
    path.write_text(damage(text))
    with pytest.raises(LedgerKeyError) as refused:
        read_key(path)
    assert text.strip()[-20:] not in str(refused.value)
    with pytest.raises(LedgerKeyError):
        read_key(tmp_path / "none")
    with pytest.raises(LedgerKeyError):
        read_key(tmp_path)


def test_no_settings_and_no_error_show_a_key() -> None:
    key = new_key(LOG)
    secret = key.key.encode()
    settings = load_settings({"WHOSE_LEDGER_KEY": secret}, None)
    loaded = ledger_key(settings)
    assert loaded is not None
    assert loaded.verifier(0) == parse_key(secret, "here").verifier(0) == key.verifier(0)
    for shown in (repr(settings), repr(loaded), str(loaded)):
        assert secret[-40:] not in shown
    assert secret in settings.secrets()  # the log writer masks it
    both = load_settings({"WHOSE_LEDGER_KEY": secret, "WHOSE_LEDGER_KEY_FILE": "x"}, None)
    with pytest.raises(SettingsError, match="both set"):
        ledger_key(both)
    assert ledger_key(load_settings({}, None)) is None


def test_where_the_last_checkpoint_is_kept() -> None:
    kept = [
        load_settings(given, None).ledger_state
        for given in (
            {},
            {"DATABASE_URL": "sqlite:////var/lib/whose.db"},
            {"DATABASE_URL": "postgresql://h/w"},
            {"WHOSE_LEDGER_STATE": "/s"},
        )
    ]
    assert kept == [
        Path("whose.db.checkpoint"),
        Path("/var/lib/whose.db.checkpoint"),
        Path(".whose-ledger"),
        Path("/s"),
    ]


def test_the_state_is_replaced_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "new" / "state"
    assert read_state(path) is None
    for note in (b"one", b"", b"three"):
        write_state(path, note)
        assert read_state(path) == note
    assert [one.name for one in path.parent.iterdir()] == ["state"]
    with pytest.raises(LedgerStateError):
        write_state(path / "below-a-file", b"x")
    with pytest.raises(LedgerStateError):
        read_state(path.parent)


def test_two_processes_do_not_publish_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.operations.ledger_state._PATIENCE", 0.0)
    with alone(tmp_path / "state"), pytest.raises(LedgerStateError, match="Another process"), alone(tmp_path / "state"):
        pass
    with alone(tmp_path / "state"):
        pass


def test_from_keygen_to_a_new_epoch_at_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(("SLACK_", "WHOSE_", "DATABASE_URL")):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "people.csv").write_text("email,name\nana@example.com,Ana Lima\n")

    def run(*args: str, exit_code: int = 0) -> str:
        result = CliRunner().invoke(whose, args)
        assert result.exit_code == exit_code, result.output
        assert "PRIVATE" not in result.output
        return result.stdout

    assert run("ledger", "checkpoint", exit_code=2) == ""  # no key
    run("import", "people.csv")
    verifier = run("ledger", "keygen", "--name", "ledger.example.com").strip()
    assert run("ledger", "keygen", exit_code=2) == ""
    monkeypatch.setenv("WHOSE_LEDGER_KEY_FILE", "ledger.key")
    monkeypatch.setenv("WHOSE_ANCHORS", f"folder:{tmp_path / 'worm'}")
    assert run("ledger", "checkpoint").startswith(verifier.partition("+")[0] + "\n2\n")
    (tmp_path / "backup.db").write_bytes((tmp_path / "whose.db").read_bytes())
    assert "Erased" in run("person", "erase", "ana@example.com", "--yes")
    run("ledger", "keygen", "--out", "new.key")
    run("ledger", "rotate-key", "new.key")
    run("ledger", "checkpoint", exit_code=1)  # handed on
    monkeypatch.setenv("WHOSE_LEDGER_KEY_FILE", "new.key")
    run("ledger", "checkpoint", "--json")
    for left in tmp_path.glob("whose.db-*"):
        left.unlink()
    (tmp_path / "backup.db").rename(tmp_path / "whose.db")
    run("ledger", "checkpoint", exit_code=1)
    assert "shrank" in run("doctor", exit_code=1)
    run("ledger", "new-epoch", "--held", "whose.db.checkpoint", "--why", "restored")
    run("ledger", "verify")
    assert '"epoch":1' in run("ledger", "show", "--epoch", "1", "--json")
    assert "anchor: folder:" in run("doctor", exit_code=0)
    assert sorted(one.name for one in (tmp_path / "worm").iterdir())[0] == "checkpoint-0000-000000000002.txt"
