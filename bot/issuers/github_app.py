"""How we speak to GitHub: as a GitHub App, with an installation token of an hour that never leaves this module.

The App signs a JWT with its private key (RS256, ten minutes at most) and gets the token of its installation for it. The
private key is read each time it is needed, and kept nowhere.
"""

from __future__ import annotations

import email.utils
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final

import jwt
from pydantic import AfterValidator, BaseModel, SecretStr, StrictStr, ValidationError

from bot.errors import UpstreamError
from bot.issuers.calls import LONGEST_WAIT, Answer, Caller
from bot.issuers.moments import Moment
from bot.issuers.paging import Called
from bot.operations.issuer_port import Tools
from bot.rules.issuing import NotDone, Rejected, Unclear

VERSION: Final = "2022-11-28"
"""Of GitHub's REST interface."""
_BACKDATED: Final = timedelta(seconds=60)
"""As GitHub advises against clocks that differ a little; the JWT may live for ten minutes."""
_JWT_LIFE: Final = timedelta(minutes=9)
_MOST_SKEW: Final = timedelta(minutes=10)
"""Nothing is signed for a time further away than that: it would be valid when we know nothing of it any more."""
_EARLY: Final = timedelta(minutes=5)
_TOKEN_LIFE: Final = timedelta(hours=1)
_SLOW_DOWN: Final = 60.0
"""Seconds to wait when GitHub does not say how long."""
_WRITES: Final = re.compile(
    r"POST orgs/[\w.-]+/personal-access-tokens/[1-9]\d*"
    r"|DELETE orgs/[\w.-]+/credential-authorizations/[1-9]\d*"
    r"|DELETE repos/[\w.-]+/[\w.-]+/keys/[1-9]\d*",
    re.ASCII,
)
"""All that is ever changed, one exact credential at a time: GitHub's bulk endpoints end the same way, without an id."""


def _sendable(token: SecretStr) -> SecretStr:
    if re.fullmatch(r"[\x21-\x7e]{1,1000}", token.get_secret_value()) is None:
        raise ValueError("this cannot be sent as a token")
    return token


class Granted(BaseModel):
    """GitHub's answer to a request for an installation token."""

    token: Annotated[SecretStr, AfterValidator(_sendable)]
    expires_at: Moment
    permissions: dict[StrictStr, StrictStr] = {}
    repository_selection: StrictStr = "all"


@dataclass(frozen=True)
class App:
    """Which App this is, in which installation."""

    app_id: str
    """The App's id or client id: the JWT's issuer."""
    installation_id: int
    private_key: str
    """A ``secret_ref``."""


class GitHub:
    """Calls as one installation of an App. Thread-safe."""

    def __init__(self, caller: Caller, app: App, tools: Tools) -> None:
        self._caller = caller
        self._app = app
        self._tools = tools
        self._held: Granted | None = None
        self._until = datetime.min.replace(tzinfo=UTC)
        self._skew = timedelta()
        self._lock = threading.Lock()

    @property
    def host(self) -> str:
        return self._caller.base.host

    def close(self) -> None:
        self._caller.close()

    def get(self, path: str) -> Called:
        """One GET as the installation; the path is relative, or an address on the same host."""
        return self._as_installation("GET", path)

    def change(self, method: str, path: str, body: object | None = None) -> Called:
        """One call that ends one credential.

        Raises:
            ValueError: it is none of the three that this connector makes; nothing was sent.
        """
        if not _WRITES.fullmatch(f"{method} {path}"):
            raise ValueError(f"{method} {path} is no call that ends one exact credential")
        return self._as_installation(method, path, body)

    def as_app(self, method: str, path: str) -> Called:
        """One call as the App itself. A JWT that our clock spoiled is signed once more, by GitHub's own clock."""
        answer = self._signed(method, path)
        if isinstance(answer, Answer) and answer.status == 401 and self._corrected(answer):
            answer = self._signed(method, path)
        return answer

    def granted(self, refused: Granted | None = None) -> Granted | NotDone | Unclear | Rejected:
        """The installation token in use; a new one if there is none, it ends soon, or it is the one just refused."""
        with self._lock:
            held, now = self._held, self._now()
            if held is not None and held is not refused and now < self._until:
                return held
            self._held = None
            answer = self.as_app("POST", f"app/installations/{self._app.installation_id}/access_tokens")
            if not isinstance(answer, Answer):
                return answer
            if answer.status != 201:
                return Rejected(str(answer.status), _NO_TOKEN.get(answer.status, _NO_TOKEN[401]), answer.request_id)
            try:
                self._held = Granted.model_validate(answer.json())
            except (ValidationError, ValueError):
                return Unclear("GitHub's installation token cannot be read", answer.request_id)
            self._tools.keep_out(self._held.token)
            self._until = min(self._held.expires_at, now + _TOKEN_LIFE) - _EARLY
            return self._held

    def _as_installation(self, method: str, path: str, body: object | None = None) -> Called:
        """A token that is refused (401: nothing was done) is renewed once, and the call made once more."""
        granted = self.granted()
        if not isinstance(granted, Granted):
            return granted
        answer = self._call(method, path, granted.token, body)
        if isinstance(answer, Answer) and answer.status == 401:
            granted = self.granted(refused=granted)
            if not isinstance(granted, Granted):
                return granted
            answer = self._call(method, path, granted.token, body)
        return answer

    def _signed(self, method: str, path: str) -> Called:
        try:
            token = self._jwt()
        except UpstreamError as error:
            return NotDone(str(error).rstrip("."), _SLOW_DOWN)
        return self._call(method, path, token)

    def _call(self, method: str, path: str, token: SecretStr, body: object | None = None) -> Called:
        headers = {
            "authorization": f"Bearer {token.get_secret_value()}",
            "accept": "application/vnd.github+json",
            "x-github-api-version": VERSION,
        }
        answer = self._caller.call(method, path, headers=headers, json_body=body)
        if isinstance(answer, Answer) and (wait := self._slowed(answer)) is not None:
            return NotDone(f"{self.host} says that we are too fast ({answer.status})", wait)
        return answer

    def _slowed(self, answer: Answer) -> float | None:
        """Seconds, if a 403 is a rate limit in truth: the hourly one says that nothing remains, the second one only
        says so in its text (https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api)."""
        if answer.status != 403:
            return None
        if answer.headers.get("x-ratelimit-remaining") == "0":
            reset = answer.headers.get("x-ratelimit-reset", "")
            if reset.isascii() and reset.isdigit():
                return min(max(float(reset[:12]) - self._now().timestamp(), 1.0), LONGEST_WAIT)
            return _SLOW_DOWN
        return _SLOW_DOWN if "secondary rate limit" in answer.body[:10_000].decode("utf-8", "replace") else None

    def _now(self) -> datetime:
        """GitHub's time, as far as it is known to differ from ours."""
        return self._tools.now() + self._skew

    def _corrected(self, answer: Answer) -> bool:
        """Whether the clocks differ by as much as spoils a JWT, and little enough to go by GitHub's."""
        try:
            theirs = email.utils.parsedate_to_datetime(answer.headers.get("date", ""))
            skew = theirs - self._tools.now()
        except (ValueError, TypeError):
            return False
        worth = abs(skew - self._skew) > _BACKDATED / 2 and abs(skew) <= _MOST_SKEW
        if worth:
            self._skew = skew
        return worth

    def _jwt(self) -> SecretStr:
        key = self._tools.secret(self._app.private_key)
        now = self._now()
        claims: Mapping[str, Any] = {"iat": now - _BACKDATED, "exp": now + _JWT_LIFE, "iss": self._app.app_id}
        try:
            signed = SecretStr(jwt.encode(dict(claims), key.get_secret_value(), algorithm="RS256"))
        except (ValueError, TypeError, jwt.PyJWTError):
            raise UpstreamError(
                f"The GitHub App's key at {self._app.private_key} is no private RSA key. Put the .pem file there."
            ) from None
        self._tools.keep_out(signed)
        return signed


_NO_TOKEN: Final = {
    401: "GitHub does not take the App's signature. See that app_id and private_key belong together, "
    "and that this machine's clock is right",
    403: "the App's installation is suspended, or may not be used",
    404: "the App has no such installation. See installation_id",
    422: "the App's installation cannot give a token",
}
