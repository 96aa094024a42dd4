"""Calls to issuing systems over HTTP, each made once, bounded in time and size, and classified by what is known of it.

A system's answer is hostile until checked: it may be endless, late, of another kind than it says, or want us to carry
our credential to another host. No text made here holds a header, a query, a body or a secret.
"""

from __future__ import annotations

import email.utils
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import httpx

from bot.rules.issuing import NotDone, Unclear

TIMEOUT: Final = httpx.Timeout(10.0, connect=5.0)
"""Seconds for each step of a call."""
TOTAL: Final = 30.0
"""Seconds for a whole answer: a body that trickles would pass every single step."""
MOST_BYTES: Final = 4_000_000
LONGEST_WAIT: Final = 3600.0
"""Seconds; no system may tell us to wait for longer at a time."""
_DEFAULT_WAIT: Final = 30.0
_REQUEST_IDS: Final = ("x-request-id", "x-github-request-id", "x-amzn-requestid", "request-id", "cf-ray")
_LONGEST_ID: Final = 100


@dataclass(frozen=True)
class Answer:
    """What a system answered in full. ``body`` has at most ``MOST_BYTES`` bytes."""

    status: int
    headers: httpx.Headers
    body: bytes

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    @property
    def request_id(self) -> str:
        """The system's own id of this call, printable and short; empty: it gave none."""
        for name in _REQUEST_IDS:
            if found := self.headers.get(name, ""):
                return "".join(one for one in found if one.isascii() and one.isprintable())[:_LONGEST_ID]
        return ""

    def json(self) -> Any:
        """The body as JSON.

        Raises:
            ValueError: it is none.
        """
        try:
            return json.loads(self.body.decode("utf-8"))
        except (UnicodeDecodeError, RecursionError) as error:
            raise ValueError("the answer is no JSON") from error


class Caller:
    """Speaks to one host, and to no other.

    Redirects are not followed: an answer of 3xx is a definite answer, and nobody's credential is carried elsewhere.
    """

    def __init__(self, base: str, headers: Mapping[str, str] | None = None, *, verify: bool | str = True) -> None:
        """``base`` is an ``http(s)://host[:port][/path]`` address; ``verify`` a file of root certificates, or True."""
        self.base = httpx.URL(base.rstrip("/") + "/")
        self._client = httpx.Client(
            headers={"user-agent": "whose", **(headers or {})},
            timeout=TIMEOUT,
            follow_redirects=False,
            verify=verify,
            trust_env=False,
        )

    def close(self) -> None:
        self._client.close()

    def call(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        json_body: object | None = None,
        form: Mapping[str, str] | None = None,
        auth: tuple[str, str] | httpx.Auth | None = None,
    ) -> Answer | NotDone | Unclear:
        """One call. ``path`` is relative to the base, or a whole address on the same host.

        A 429, and a 403 or 503 with ``Retry-After``, were surely not carried out: ``NotDone``. Other 5xx, timeouts,
        resets and answers that end early or never may have been: ``Unclear``. Everything else is the ``Answer``.
        """
        url = self.base.join(path)
        if (url.scheme, url.host, url.port) != (self.base.scheme, self.base.host, self.base.port):
            return Unclear(f"{self.base.host} points to another host, {url.host}; it was not followed")
        request = self._client.build_request(method, url, params=params, headers=headers, json=json_body, data=form)
        try:
            answer = self._send(request, auth)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol) as error:
            return NotDone(f"{self.base.host} cannot be reached ({_why(error)})", _DEFAULT_WAIT)
        except httpx.HTTPError as error:
            return Unclear(f"{self.base.host} did not answer in full ({type(error).__name__})")
        if isinstance(answer, Unclear):
            return answer
        return _classified(self.base.host, answer)

    def _send(self, request: httpx.Request, auth: tuple[str, str] | httpx.Auth | None) -> Answer | Unclear:
        until = time.monotonic() + TOTAL
        response = self._client.send(request, stream=True, auth=auth)
        try:
            read = bytearray()
            for part in response.iter_bytes():
                read += part
                if len(read) > MOST_BYTES:
                    return Unclear(f"{self.base.host} answers with more than {MOST_BYTES:,} bytes")
                if time.monotonic() > until:
                    return Unclear(f"{self.base.host} takes longer than {TOTAL:.0f} seconds to answer")
            return Answer(response.status_code, response.headers, bytes(read))
        finally:
            response.close()


def retry_after(headers: Mapping[str, str], status: int) -> float | None:
    """Seconds to wait (RFC 9110, 10.2.3; and the ``X-RateLimit-Reset`` that several systems send); None: not said."""
    said = headers.get("retry-after", "")
    if said.isascii() and said.isdigit():
        return min(float(said[:9]), LONGEST_WAIT)
    now = email.utils.parsedate_to_datetime(headers["date"]) if _is_date(headers.get("date", "")) else None
    if now is not None and _is_date(said):
        return _between(now, email.utils.parsedate_to_datetime(said))
    reset = headers.get("x-ratelimit-reset", "")
    spent = headers.get("x-ratelimit-remaining", "") == "0"
    if now is not None and spent and status in (403, 429) and reset.isascii() and reset.isdigit():
        return min(max(float(reset[:12]) - now.timestamp(), 1.0), LONGEST_WAIT)
    return None


def _is_date(text: str) -> bool:
    try:
        return bool(text) and email.utils.parsedate_to_datetime(text).tzinfo is not None
    except (ValueError, TypeError):
        return False


def _between(now: datetime, then: datetime) -> float:
    """By the system's own two clocks: ours may be wrong, or theirs."""
    return min(max((then.astimezone(UTC) - now.astimezone(UTC)).total_seconds(), 1.0), LONGEST_WAIT)


def _classified(host: str, answer: Answer) -> Answer | NotDone | Unclear:
    wait = retry_after(answer.headers, answer.status)
    if answer.status == 429 or (answer.status in (403, 503) and wait is not None):
        return NotDone(f"{host} says that we are too fast ({answer.status})", _DEFAULT_WAIT if wait is None else wait)
    if answer.status >= 500 or answer.status == 408:
        return Unclear(f"{host} answers {answer.status}", answer.request_id)
    return answer


def _why(error: httpx.HTTPError) -> str:
    """Without the error's own text, which may hold an address with a secret in it."""
    return "its certificate is not valid" if "CERTIFICATE" in str(error).upper() else type(error).__name__
