"""One call of Slack's Web API, and what its end means for whoever must not send twice.

Surely not done: a refused connection, a 429, ``ratelimited``, and what concerns the app as a whole (a revoked token,
a missing scope): no other call would fare better. Refused for good: any other ``ok: false``. Everything else (a
timeout, a reset, a 5xx, ``internal_error``, an answer that is no JSON) may have had its effect.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Callable, Mapping
from http.client import HTTPException
from socket import gaierror
from typing import Any
from urllib.error import URLError

from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web import SlackResponse, WebClient

from bot.operations.ports import NotSent, Refused, Unknown

TIMEOUT = 10  # seconds; whoever claims a message for sending holds it for a minute
_RETRY_AFTER = 10.0  # where Slack does not say
_APP_RETRY_AFTER = 300.0  # until somebody has mended the app's token or scopes

RATE_LIMITED = frozenset({"ratelimited", "rate_limited"})
#: The whole app is refused, whatever the message (https://docs.slack.dev/reference/methods/chat.postMessage#errors).
APP_REFUSED = frozenset(
    {
        "access_denied",
        "account_inactive",
        "enterprise_is_restricted",
        "invalid_auth",
        "missing_scope",
        "no_permission",
        "not_allowed_token_type",
        "not_authed",
        "org_login_required",
        "team_access_not_granted",
        "team_added_to_org",
        "token_expired",
        "token_revoked",
    }
)
#: Slack could not finish; part of it may have been done.
UNCLEAR = frozenset({"fatal_error", "internal_error", "service_unavailable"})
#: Slack did not get the whole request.
_NOT_RECEIVED = frozenset({"request_timeout"})

#: That message can never be changed again.
GONE = frozenset({"cant_update_message", "channel_not_found", "edit_window_closed", "message_not_found"})

_CODE = re.compile(r"[a-z][a-z0-9_]{1,60}")
_NOT_CONNECTED = (ConnectionRefusedError, gaierror, ssl.SSLCertVerificationError)

Failure = NotSent | Refused | Unknown


def client(token: str, api_url: str) -> WebClient:
    """A client that never retries: the default one posted twice when a reply was lost."""
    return WebClient(token, base_url=api_url, timeout=TIMEOUT, retry_handlers=[])


def attempt(call: Callable[[], SlackResponse]) -> dict[str, Any] | Failure:
    """Make one call; gives the answer's fields, or what its failure means."""
    try:
        data = call().data
    except SlackApiError as error:
        return _meaning(error.response)
    except URLError as error:
        if isinstance(error.reason, _NOT_CONNECTED):
            return NotSent("cannot_connect")
        return Unknown(_name(error.reason))
    except (OSError, HTTPException, SlackClientError, ValueError, LookupError, AttributeError) as error:
        return Unknown(_name(error))  # the connection broke, or the answer is none of Slack's
    return data if isinstance(data, dict) else Unknown("answer_not_json")


def _meaning(response: Any) -> Failure:
    """What an answer other than ``200`` with ``ok: true`` means."""
    status, data = response.status_code, response.data
    code = data.get("error") if isinstance(data, dict) else None
    if status == 429 or code in RATE_LIMITED:
        return NotSent("ratelimited", _retry_after(response.headers))
    if not isinstance(code, str) or not _CODE.fullmatch(code):
        return Unknown(f"answer_not_json (HTTP {status})")
    if status >= 500 or code in UNCLEAR:
        return Unknown(code)
    if code in APP_REFUSED:
        needed = data.get("needed")
        return NotSent(f"{code}:{needed}" if needed else code, _APP_RETRY_AFTER)
    if code in _NOT_RECEIVED:
        return NotSent(code)
    return Refused(code)


def _retry_after(headers: Mapping[str, str]) -> float:
    """Slack gives whole seconds (RFC 9110, 10.2.3)."""
    given = {name.lower(): value for name, value in headers.items()}.get("retry-after", "")
    return float(given) if given.isascii() and given.isdigit() and len(given) < 6 else _RETRY_AFTER


def _name(reason: object) -> str:
    return reason if isinstance(reason, str) else type(reason).__name__
