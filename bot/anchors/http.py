"""Asking over HTTP, bounded in time and size."""

from __future__ import annotations

from typing import NamedTuple

import httpx

from bot.operations.anchor_checkpoints import AnchorError

TIMEOUT = 10.0
"""Seconds for each step of a request."""
MOST_BYTES = 1_000_000


class Answer(NamedTuple):
    """What was answered; ``kind`` is its content type, without parameters and in lower case."""

    status: int
    kind: str
    body: bytes


def post(url: str, body: bytes, content_type: str) -> Answer:
    """One POST; no redirect is followed.

    Raises:
        AnchorError: there is no answer, or one that is too long.
    """
    headers = {"Content-Type": content_type}
    try:
        with httpx.stream("POST", url, content=body, headers=headers, timeout=TIMEOUT) as response:
            read = b""
            for part in response.iter_bytes():
                read += part
                if len(read) > MOST_BYTES:
                    raise AnchorError(f"{url} answers with more than {MOST_BYTES:,} bytes")
            kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
            return Answer(response.status_code, kind, read)
    except httpx.HTTPError as error:
        raise AnchorError(f"{url} does not answer ({type(error).__name__})") from None
