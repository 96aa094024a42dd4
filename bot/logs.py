"""Logs: one JSON object a line on stderr, with a request id, without secrets and without what people wrote.

Nothing here knows a message's content: callers log ids, counts and words of ours. The values of the configured
secrets, and anything that looks like a Slack token, are masked once more on the way out.
"""

from __future__ import annotations

import json
import logging
import re
import sys
from collections.abc import Iterable
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, Final, TextIO

request_id: ContextVar[str] = ContextVar("request_id", default="")
"""The id of the HTTP request that is being answered; it is on every line logged meanwhile."""

MASK: Final = "•••"
_SHORTEST: Final = 4  # characters; anything shorter would mask half of every word
_TOKEN: Final = re.compile(r"\bx(?:ox[a-z]|app)-[A-Za-z0-9-]{6,}")
_STANDARD: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
#: Libraries that tell every step, and so would tell what people wrote: from what level on they are listened to.
#: Said here and not at their loggers, since some of them set their own levels.
_LISTENED_TO_FROM: Final = {
    "aiohttp": logging.WARNING,
    "alembic": logging.WARNING,
    # It warns of every turn that comes while a long delivery is still at work, which is as it should be.
    "apscheduler": logging.ERROR,
    "asyncio": logging.WARNING,
    # It writes out whole answers, new secrets among them.
    "boto3": logging.WARNING,
    "botocore": logging.WARNING,
    "httpcore": logging.WARNING,
    "httpx": logging.WARNING,
    "slack_bolt": logging.WARNING,
    "slack_sdk": logging.WARNING,
    "sqlalchemy": logging.WARNING,
    "urllib3": logging.WARNING,
    "uvicorn": logging.WARNING,
    "whose:AsyncApp": logging.WARNING,
}
#: Bolt says so at each start, of what was given to it on purpose.
_NO_NEWS: Final = "As `installation_store` or `authorize` has been used"


_learned: Final[set[str]] = set()


def keep_out(secret: str) -> None:
    """Mask a secret that was only learned while running, from now on, in every line."""
    if len(secret) >= _SHORTEST:
        # In a JSON line a secret of several lines (a private key) is written with its breaks escaped.
        _learned.update((secret, json.dumps(secret, ensure_ascii=False)[1:-1]))


class _Masking(logging.Formatter):
    """What both formatters share: no secret leaves."""

    def __init__(self, secrets: Iterable[str]) -> None:
        super().__init__()
        self._secrets = {value for value in secrets if len(value) >= _SHORTEST}

    def masked(self, text: str) -> str:
        for value in sorted(self._secrets | _learned, key=len, reverse=True):
            text = text.replace(value, MASK)
        return _TOKEN.sub(MASK, text)


class JsonFormatter(_Masking):
    """``{"at": …, "level": …, "logger": …, "message": …}`` with the request id and whatever ``extra`` held."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if current := request_id.get():
            line["request_id"] = current
        line |= {key: value for key, value in vars(record).items() if key not in _STANDARD}
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return self.masked(json.dumps(line, ensure_ascii=False, default=str))


class PlainFormatter(_Masking):
    """``level: message``, for somebody at a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        return self.masked(f"{record.levelname.lower()}: {record.getMessage()}")


def _is_news(record: logging.LogRecord) -> bool:
    """Whether a line is worth writing, and safe to write."""
    least = _LISTENED_TO_FROM.get(record.name.partition(".")[0], logging.NOTSET)
    return record.levelno >= least and not str(record.msg).startswith(_NO_NEWS)


def configure_logging(
    level: str, *, secrets: Iterable[str] = (), as_json: bool = True, stream: TextIO | None = None
) -> None:
    """Send every log line to ``stream`` (stderr). Repeatable: the last call holds.

    Args:
        level: ``debug``, ``info``, ``warning`` or ``error``.
        secrets: values to mask wherever they turn up.
    """
    handler = logging.StreamHandler(sys.stderr if stream is None else stream)
    handler.addFilter(_is_news)
    handler.setFormatter(JsonFormatter(secrets) if as_json else PlainFormatter(secrets))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
