"""Calls to issuing systems over HTTP, each made once, bounded in time and size, and classified by what is known of it.

A system's answer is hostile until checked: it may be endless, late, of another kind than it says, or want us to carry
our credential to another host. No text made here holds a header, a query, a body or a secret.
"""

from __future__ import annotations

import email.utils
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import httpcore
import httpx

from bot.issuers.transport import Limits, TooLargeError, Transport, UnreadableError, body_of, within
from bot.rules.issuing import NotDone, Unclear

__all__ = ["Answer", "Caller", "Limits", "retry_after"]

LONGEST_WAIT: Final = 3600.0
"""Seconds; no system may tell us to wait for longer at a time."""
_DEFAULT_WAIT: Final = 30.0
_REQUEST_IDS: Final = ("x-request-id", "x-github-request-id", "x-amzn-requestid", "request-id", "cf-ray")
_LONGEST_ID: Final = 100
USUAL = Limits()
"""What a call may take where nobody says otherwise."""
_NEVER_SENT: Final = (httpcore.ConnectError, httpcore.ConnectTimeout, httpcore.PoolTimeout)
_BROKEN_OFF: Final = (
    httpcore.TimeoutException,
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpx.HTTPError,
)


@dataclass(frozen=True)
class Answer:
    """What a system answered in full. ``body`` is unpacked, and no longer than the call's limit."""

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

    def __init__(
        self,
        base: str,
        headers: Mapping[str, str] | None = None,
        *,
        verify: bool | str = True,
        limits: Limits | None = None,
    ) -> None:
        """``base`` is an ``http(s)://host[:port][/path]`` address; ``verify`` a file of root certificates, or True."""
        if verify is False:
            raise ValueError("certificates are always checked")
        self.base = httpx.URL(base.rstrip("/") + "/")
        self._limits = limits = limits or USUAL
        self._client = httpx.Client(
            headers={"user-agent": "whose", "accept-encoding": "gzip", **(headers or {})},
            timeout=httpx.Timeout(limits.step, connect=limits.connect),
            follow_redirects=False,
            transport=Transport("" if verify is True else verify, secure=self.base.scheme == "https"),
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
        try:
            url = self.base.join(path)
        except (httpx.InvalidURL, ValueError):
            return Unclear(f"{self.base.host} points to something that is no address; it was not followed")
        if url.userinfo or (url.scheme, url.host, url.port) != (self.base.scheme, self.base.host, self.base.port):
            return Unclear(f"{self.base.host} points to another host, {url.host[:100]}; it was not followed")
        request = self._client.build_request(method, url, params=params, headers=headers, json=json_body, data=form)
        try:
            answer = self._send(request, auth)
        except _NEVER_SENT as error:
            return NotDone(f"{self.base.host} cannot be reached ({_why(error)})", _DEFAULT_WAIT)
        except TooLargeError:
            return Unclear(f"{self.base.host} answers with more than {self._limits.most_bytes:,} bytes")
        except UnreadableError:
            return Unclear(f"{self.base.host} answers in a packing that cannot be read")
        except _BROKEN_OFF as error:
            return Unclear(f"{self.base.host} did not answer in full ({type(error).__name__})")
        return _classified(self.base.host, answer)

    def _send(self, request: httpx.Request, auth: tuple[str, str] | httpx.Auth | None) -> Answer:
        with within(self._limits.total):
            response = self._client.send(request, stream=True, auth=auth)
            try:
                return Answer(response.status_code, response.headers, body_of(response, self._limits.most_bytes))
            finally:
                response.close()


def retry_after(headers: Mapping[str, str], status: int) -> float | None:
    """Seconds to wait (RFC 9110, 10.2.3; and the ``X-RateLimit-Reset`` that several systems send); None: not said."""
    said = headers.get("retry-after", "").strip()
    if said.isascii() and said.isdigit():
        return _bounded(float(said[:9]))
    now, then = _date(headers.get("date", "")), _date(said)
    if now is not None and then is not None:
        return _bounded((then - now).total_seconds())  # by the system's own two clocks: ours may be wrong, or theirs
    reset = headers.get("x-ratelimit-reset", "")
    spent = headers.get("x-ratelimit-remaining", "") == "0"
    if now is not None and spent and status in (403, 429) and reset.isascii() and reset.isdigit():
        return _bounded(float(reset[:12]) - now.timestamp())
    return None


def _date(text: str) -> datetime | None:
    """A date of HTTP in UTC; None: it is none."""
    try:
        read = email.utils.parsedate_to_datetime(text)
        return None if read.tzinfo is None else read.astimezone(UTC)
    except (ValueError, TypeError, OverflowError):
        return None


def _bounded(seconds: float) -> float:
    return min(max(seconds, 1.0), LONGEST_WAIT)


def _classified(host: str, answer: Answer) -> Answer | NotDone | Unclear:
    wait = retry_after(answer.headers, answer.status)
    if answer.status == 429 or (answer.status in (403, 503) and wait is not None):
        return NotDone(f"{host} says that we are too fast ({answer.status})", _DEFAULT_WAIT if wait is None else wait)
    if answer.status >= 500 or answer.status == 408:
        return Unclear(f"{host} answers {answer.status}", answer.request_id)
    return answer


def _why(error: Exception) -> str:
    """Without the error's own text, which may hold an address with a secret in it."""
    return "its certificate is not valid" if "CERTIFICATE" in str(error).upper() else type(error).__name__
