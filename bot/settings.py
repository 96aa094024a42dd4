"""The settings: read once, here and nowhere else, from the environment and from ``.env`` (the environment wins).

Secrets are held as ``SecretStr`` so that neither a log line nor a traceback can print them, and an error about a
setting names the variable and what to do, never its value where that may be a secret.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Final

from dotenv import dotenv_values
from pydantic import BaseModel, ConfigDict, Field, SecretStr, StringConstraints, ValidationError, field_validator
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from bot.errors import SettingsError

DEFAULT_DATABASE_URL: Final = "sqlite:///whose.db"
SLACK_API_URL: Final = "https://slack.com/api/"

_Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]

#: Variable by field, and what to say when its value cannot be used.
_VARIABLES: Final = {
    "database_url": ("DATABASE_URL", "give a URL such as sqlite:///whose.db or postgresql://user@host/whose"),
    "slack_bot_token": ("SLACK_BOT_TOKEN", "copy the Bot User OAuth Token; it starts with xoxb-"),
    "slack_signing_secret": ("SLACK_SIGNING_SECRET", "copy the Signing Secret from the app's Basic Information page"),
    "slack_app_token": ("SLACK_APP_TOKEN", "copy an app-level token with connections:write; it starts with xapp-"),
    "slack_api_url": ("SLACK_API_URL", "leave it out for Slack itself, or give an http(s) address"),
    "policy_path": ("WHOSE_POLICY", "give the path of a policy file, or leave it out for the one that ships"),
    "issuers_path": (
        "WHOSE_ISSUERS",
        "give the path of an issuers file, or leave it out to speak to no issuing system",
    ),
    "host": ("WHOSE_HOST", "give the address to listen on, such as 127.0.0.1 or 0.0.0.0"),
    "port": ("PORT", "give a port from 0 to 65535"),
    "sweep_minutes": ("WHOSE_SWEEP_MINUTES", "give the minutes between two sweeps, 1 to 1440"),
    "ledger_key": ("WHOSE_LEDGER_KEY", "give the text that `whose ledger keygen` wrote, or use WHOSE_LEDGER_KEY_FILE"),
    "ledger_key_file": ("WHOSE_LEDGER_KEY_FILE", "give the path of the file that `whose ledger keygen` wrote"),
    "ledger_state_file": ("WHOSE_LEDGER_STATE", "give the path of a file on a disk that lasts"),
    "anchors": (
        "WHOSE_ANCHORS",
        "give folder:/path, chat:#channel, tsa:https://address or witness:https://address#key, with commas between",
    ),
    "metrics": ("WHOSE_METRICS", "give off, loopback (this machine only) or on (whoever reaches the port)"),
    "metrics_port": ("WHOSE_METRICS_PORT", "give a port from 1 to 65535 for a worker's /metrics, or leave it out"),
    "operators_channel": ("WHOSE_OPERATORS_CHANNEL", "give a channel's name, such as #whose-operations, or its id"),
    "heartbeat_url": ("WHOSE_HEARTBEAT_URL", "give an http(s) address that is to be called while all is well"),
    "log_level": ("WHOSE_LOG_LEVEL", "give one of debug, info, warning, error"),
}
#: Kinds of anchor, as bot/anchors has them.
_ANCHORS: Final = ("folder:", "chat:", "tsa:http://", "tsa:https://", "witness:http://", "witness:https://")
_PREFIXES: Final = ("WHOSE_", "SLACK_")
#: Read by the tests and by tools around the bot, not by the bot; no typing mistakes.
_OTHERS: Final = frozenset(
    {
        "WHOSE_CRASH_RUNS",
        "WHOSE_CRASH_SEED",
        "WHOSE_LEDGER_APPENDS",
        "WHOSE_LEDGER_KILLS",
        "WHOSE_LIFECYCLE_EXAMPLES",
        "WHOSE_REMEDIATION_EXAMPLES",
        "WHOSE_REQUIRE_BROWSER",
        "WHOSE_REQUIRE_NPM",
        "WHOSE_SCREENSHOTS",
    }
)


class Settings(BaseModel):
    """Everything that is set from outside. Frozen; ``repr`` shows no secret."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    database_url: SecretStr = SecretStr(DEFAULT_DATABASE_URL)
    slack_bot_token: SecretStr | None = None
    slack_signing_secret: SecretStr | None = None
    slack_app_token: SecretStr | None = None
    slack_api_url: _Text = SLACK_API_URL
    policy_path: Path | None = None
    """None: the policy that ships with the package."""
    issuers_path: Path | None = None
    """None: no issuing system is spoken to."""
    host: _Text = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65535)
    sweep_minutes: int = Field(default=60, ge=1, le=1440)
    log_level: Annotated[str, StringConstraints(to_lower=True, pattern="^(?i:debug|info|warning|error)$")] = "info"
    ledger_key: SecretStr | None = None
    ledger_key_file: Path | None = None
    ledger_state_file: Path | None = None
    """None: beside the SQLite file, or ``.whose-ledger`` in the current folder."""
    anchors: tuple[str, ...] = ()
    """``kind:where``, one for each place that keeps the ledger's checkpoints."""
    metrics: Annotated[str, StringConstraints(to_lower=True, pattern="^(?i:off|loopback|on)$")] = "loopback"
    metrics_port: int | None = Field(default=None, ge=1, le=65535)
    """Where a worker, which has no web server of its own, answers ``/metrics`` and the health checks; None: nowhere."""
    operators_channel: _Text | None = None
    """Where trouble with the work itself is told; None: the policy's security channel."""
    heartbeat_url: SecretStr | None = None
    """Secret, since whoever knows it can pretend that all is well."""
    unknown: tuple[str, ...] = ()
    """Variables that look like ours and are read by nothing: typing mistakes, most likely."""

    @field_validator("database_url")
    @classmethod
    def _is_a_database(cls, url: SecretStr) -> SecretStr:
        try:
            parsed = make_url(url.get_secret_value())
        except ArgumentError:
            raise ValueError("it cannot be read as a URL") from None
        if parsed.get_backend_name() not in {"sqlite", "postgresql", "postgres"}:
            raise ValueError(f"{parsed.get_backend_name()} is not supported; SQLite and PostgreSQL are")
        if parsed.get_backend_name() == "sqlite" and parsed.database in (None, "", ":memory:"):
            raise ValueError("an SQLite database in memory would be lost and cannot be shared between threads")
        return url

    @field_validator("slack_bot_token")
    @classmethod
    def _is_a_bot_token(cls, token: SecretStr | None) -> SecretStr | None:
        return _starting_with(token, "xoxb-")

    @field_validator("slack_app_token")
    @classmethod
    def _is_an_app_token(cls, token: SecretStr | None) -> SecretStr | None:
        return _starting_with(token, "xapp-")

    @field_validator("slack_api_url")
    @classmethod
    def _is_an_address(cls, url: str) -> str:
        if not url.startswith(("https://", "http://")):
            raise ValueError("it is not an http(s) address")
        return url if url.endswith("/") else url + "/"

    @field_validator("heartbeat_url")
    @classmethod
    def _is_a_heartbeat(cls, url: SecretStr | None) -> SecretStr | None:
        if url is not None and not url.get_secret_value().startswith(("https://", "http://")):
            raise ValueError("it is not an http(s) address")
        return url

    @field_validator("anchors", mode="before")
    @classmethod
    def _are_anchors(cls, given: object) -> object:
        if not isinstance(given, str):
            return given
        texts = tuple(text for part in given.split(",") if (text := part.strip()))
        for text in texts:
            kind = next((one for one in _ANCHORS if text.startswith(one)), "")
            if not kind or text == kind:
                raise ValueError(f"{text.partition('#')[0]!r} is no anchor")
        return tuple(dict.fromkeys(texts))

    @property
    def ledger_state(self) -> Path:
        """The file outside of the database that holds the last published checkpoint of the ledger."""
        if self.ledger_state_file is not None:
            return self.ledger_state_file
        url = make_url(self.database_url.get_secret_value())
        if url.get_backend_name() == "sqlite":
            return Path(f"{url.database}.checkpoint")
        return Path(".whose-ledger")

    @property
    def has_slack(self) -> bool:
        """Whether messages can be sent: a bot token is there."""
        return self.slack_bot_token is not None

    @property
    def socket_mode(self) -> bool:
        """Whether Slack is spoken to over a socket that we open, instead of over HTTP."""
        return self.slack_app_token is not None

    @property
    def database_shown(self) -> str:
        """The database's URL without its password, for people and logs."""
        return make_url(self.database_url.get_secret_value()).render_as_string(hide_password=True)

    def secrets(self) -> tuple[str, ...]:
        """The values that must never be printed (the log writer masks them)."""
        password = make_url(self.database_url.get_secret_value()).password
        held = (
            self.slack_bot_token,
            self.slack_signing_secret,
            self.slack_app_token,
            self.ledger_key,
            self.heartbeat_url,
        )
        values = [one.get_secret_value() for one in held if one is not None]
        return tuple(value for value in (*values, password) if value)

    def bot_token(self) -> str:
        """The bot token.

        Raises:
            SettingsError: it is not set.
        """
        return _required(self.slack_bot_token, "slack_bot_token")

    def signing_secret(self) -> str:
        """The signing secret.

        Raises:
            SettingsError: it is not set.
        """
        return _required(self.slack_signing_secret, "slack_signing_secret")


def load_settings(environ: Mapping[str, str] | None = None, env_file: Path | None = Path(".env")) -> Settings:
    """Read the settings.

    Args:
        environ: the environment; by default the process's own.
        env_file: a file of ``NAME=value`` lines; nothing where it does not exist or is None.

    Raises:
        SettingsError: a value cannot be used. Every faulty variable is named, with what to do about it.
    """
    values = _values(environ, env_file)
    known = {variable: field for field, (variable, _) in _VARIABLES.items()}
    given = {known[name]: value.strip() for name, value in values.items() if name in known and value.strip()}
    stray = sorted(name for name in values if name.startswith(_PREFIXES) and name not in known and name not in _OTHERS)
    try:
        return Settings.model_validate({**given, "unknown": tuple(stray)})
    except ValidationError as error:
        raise SettingsError(_in_words(error)) from None


def other_variables(environ: Mapping[str, str] | None = None, env_file: Path | None = Path(".env")) -> dict[str, str]:
    """Everything in the environment and in ``.env`` that is no setting: where ``env:NAME`` is looked up.

    Raises:
        SettingsError: ``.env`` cannot be read.
    """
    ours = {variable for variable, _ in _VARIABLES.values()}
    return {name: value for name, value in _values(environ, env_file).items() if name not in ours}


def can_show_a_browser(environ: Mapping[str, str] | None = None) -> bool:
    """Whether opening a page would show a window: without a display, Linux would take over the terminal instead."""
    given = os.environ if environ is None else environ
    return sys.platform in ("darwin", "win32") or bool(given.get("DISPLAY") or given.get("WAYLAND_DISPLAY"))


def nearest_variable(name: str) -> str:
    """The variable that ``name`` was probably meant to be; empty where none is near."""
    return next(iter(get_close_matches(name, [variable for variable, _ in _VARIABLES.values()], n=1)), "")


def _values(environ: Mapping[str, str] | None, env_file: Path | None) -> dict[str, str]:
    return _from_file(env_file) | dict(os.environ if environ is None else environ)


def _from_file(env_file: Path | None) -> dict[str, str]:
    if env_file is None or not env_file.is_file():
        return {}
    try:
        return {name: value for name, value in dotenv_values(env_file).items() if value is not None}
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise SettingsError(f"{env_file} cannot be read: {reason}. Mend the file or remove it.") from None


def _in_words(error: ValidationError) -> str:
    lines = []
    for fault in error.errors(include_input=False, include_url=False, include_context=False):
        variable, advice = _VARIABLES[str(fault["loc"][0])]
        reason = fault["msg"].removeprefix("Value error, ")
        lines.append(f"{variable}: {reason[:1].lower()}{reason[1:]}. Please {advice}.")
    return "\n".join(lines)


def _starting_with(token: SecretStr | None, prefix: str) -> SecretStr | None:
    if token is not None and not token.get_secret_value().startswith(prefix):
        raise ValueError(f"it does not start with {prefix}")
    return token


def _required(secret: SecretStr | None, field: str) -> str:
    if secret is None:
        variable, advice = _VARIABLES[field]
        raise SettingsError(f"{variable} is not set. Please {advice}, and put it into .env or the environment.")
    return secret.get_secret_value()
