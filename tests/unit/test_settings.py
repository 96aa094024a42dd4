"""Settings: where they come from, what is said when one is wrong, and that no secret is ever printed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bot.errors import SettingsError
from bot.settings import Settings, load_settings, nearest_variable

TOKEN = "xoxb-1-very-secret"


def load(**environ: str) -> Settings:
    return load_settings(environ, env_file=None)


def test_nothing_set_is_a_working_default() -> None:
    settings = load()
    assert settings.database_shown == "sqlite:///whose.db"
    assert not settings.has_slack
    assert not settings.socket_mode
    assert (settings.host, settings.port, settings.sweep_minutes) == ("127.0.0.1", 8000, 60)


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    env_file = tmp_path / ".env"
    env_file.write_text('PORT=9000\nSLACK_BOT_TOKEN="xoxb-from-file"\n# a comment\nWHOSE_HOST=\n')
    settings = load_settings({"PORT": "9001"}, env_file)
    assert settings.port == 9001
    assert settings.bot_token() == "xoxb-from-file"
    assert settings.host == "127.0.0.1", "an empty value is no value"


def test_a_file_that_is_not_there_is_no_file(tmp_path: Path) -> None:
    assert load_settings({}, tmp_path / "nowhere").port == 8000


def test_a_file_in_another_encoding_is_named(tmp_path: Path) -> None:
    env_file = tmp_path / ".env"
    env_file.write_bytes(b"PORT=\xff\xfe")
    with pytest.raises(SettingsError, match="not UTF-8"):
        load_settings({}, env_file)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("DATABASE_URL", "nonsense", "DATABASE_URL: it cannot be read as a URL"),
        ("DATABASE_URL", "mysql://u:pw@h/d", "SQLite and PostgreSQL are"),
        ("DATABASE_URL", "sqlite://", "in memory"),
        ("SLACK_BOT_TOKEN", "xoxp-wrong-kind", "SLACK_BOT_TOKEN: it does not start with xoxb-"),
        ("SLACK_APP_TOKEN", "nope", "SLACK_APP_TOKEN: it does not start with xapp-"),
        ("SLACK_API_URL", "ftp://x", "SLACK_API_URL: it is not an http"),
        ("PORT", "eighty", "PORT: "),
        ("PORT", "70000", "PORT: "),
        ("WHOSE_SWEEP_MINUTES", "0", "WHOSE_SWEEP_MINUTES: "),
        ("WHOSE_LOG_LEVEL", "loud", "WHOSE_LOG_LEVEL: "),
        ("WHOSE_METRICS", "yes", "give off, loopback"),
        ("WHOSE_METRICS_PORT", "0", "WHOSE_METRICS_PORT: "),
        ("WHOSE_HEARTBEAT_URL", "heartbeat.example.com", "WHOSE_HEARTBEAT_URL: it is not an http"),
    ],
)
def test_a_wrong_value_names_the_variable_and_what_to_do(name: str, value: str, said: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load(**{name: value})
    assert said in str(caught.value)
    assert "Please " in str(caught.value)


def test_no_error_repeats_a_secret() -> None:
    with pytest.raises(SettingsError) as caught:
        load(DATABASE_URL="mysql://u:hunter2@h/d", SLACK_BOT_TOKEN="xoxp-hunter2")
    assert "hunter2" not in str(caught.value)
    assert "DATABASE_URL" in str(caught.value)
    assert "SLACK_BOT_TOKEN" in str(caught.value), "every fault is named, not just the first"


def test_secrets_are_never_shown() -> None:
    settings = load(
        SLACK_BOT_TOKEN=TOKEN, SLACK_SIGNING_SECRET="signed", DATABASE_URL="postgresql://me:hunter2@db/whose"
    )
    for shown in (repr(settings), str(settings), settings.database_shown, settings.model_dump_json()):
        assert TOKEN not in shown
        assert "signed" not in shown.replace("slack_signing_secret", "")
        assert "hunter2" not in shown
    assert set(settings.secrets()) == {TOKEN, "signed", "hunter2"}


def test_a_missing_token_says_where_to_get_it() -> None:
    with pytest.raises(SettingsError, match=r"SLACK_BOT_TOKEN is not set\. .*xoxb-"):
        load().bot_token()
    with pytest.raises(SettingsError, match="SLACK_SIGNING_SECRET is not set"):
        load().signing_secret()


def test_what_only_the_tests_read_is_no_typing_mistake() -> None:
    reads = re.compile(r"environ\.get\(\"(WHOSE_[A-Z_]+)\"")
    read = {name for file in Path(__file__).parents[1].rglob("*.py") for name in reads.findall(file.read_text())}
    assert {"WHOSE_CRASH_RUNS", "WHOSE_LEDGER_KILLS"} <= read
    assert load(**dict.fromkeys(read, "1")).unknown == ()


def test_typing_mistakes_are_noticed() -> None:
    settings = load(SLACK_SIGNING_SECRT="x", WHOSE_POLCY="y", HOME="/", WHOSE_REQUIRE_BROWSER="1")
    assert settings.unknown == ("SLACK_SIGNING_SECRT", "WHOSE_POLCY")
    assert nearest_variable("WHOSE_POLCY") == "WHOSE_POLICY"
    assert nearest_variable("SOMETHING_ELSE_ENTIRELY") == ""


def test_the_api_address_ends_with_a_slash() -> None:
    assert load(SLACK_API_URL="http://127.0.0.1:1/api").slack_api_url == "http://127.0.0.1:1/api/"


def test_the_metrics_are_for_this_machine_and_the_heartbeat_is_a_secret() -> None:
    assert load_settings({}, env_file=None).metrics == "loopback"
    assert load_settings({"WHOSE_METRICS": "OFF"}, env_file=None).metrics == "off"
    url = "https://heartbeat.example.com/hunter2"
    settings = load_settings({"WHOSE_HEARTBEAT_URL": url}, env_file=None)
    assert url in settings.secrets()
    assert "hunter2" not in repr(settings)
