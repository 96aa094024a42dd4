"""Any issuing system with an HTTP interface, as a recipe declares it: what is asked, and what the answers say.

The connector can do what its recipe declares, and no more. It speaks to the one host of the issuers file, which has to
be one of the recipe's, and puts an id into a path only where it stays one segment of it.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import quote

from pydantic import SecretStr

from bot.errors import UpstreamError
from bot.issuers.calls import Answer, Caller, Limits
from bot.issuers.http_options import HttpOptions, is_segment
from bot.issuers.outside import identifier, is_identifier
from bot.issuers.paging import ListError
from bot.issuers.pointers import found_at
from bot.issuers.recipe import ID, Auth, Request, filled
from bot.issuers.recipe_answers import ReadingError, Success, is_case, is_met, json_of, judged, sighting_of
from bot.issuers.recipe_pages import Pages
from bot.issuers.undeclared import Undeclared
from bot.operations.issuer_port import Kind, Tools
from bot.rules.issuing import (
    Absent,
    Accepted,
    Capabilities,
    Check,
    Credential,
    KeyState,
    Look,
    NotDone,
    Proof,
    Rejected,
    Reply,
    Result,
    Sighting,
    Unclear,
    Verdict,
)

_LONGEST_SECRET: Final = 16_384
_WAIT: Final = 60.0
_ADVICE: Final = "See base, secret and parameters in the issuers file, and what the system allows this credential"
_OTHER: Final = Rejected("other", "the recipe is not meant for this credential")
Outcome = Answer | Rejected | NotDone | Unclear


class HttpIssuer(Undeclared):
    """One system, spoken to by a recipe."""

    kind = "http"

    def __init__(self, system: str, options: HttpOptions, tools: Tools, limits: Limits | None = None) -> None:
        self.system = system
        self.capabilities = _capabilities(options)
        self._options, self._recipe, self._tools = options, options.recipe, tools
        self._caller = Caller(options.base, verify=options.ca_file or True, limits=limits)
        self._host = self._caller.base.host
        self._known: tuple[SecretStr, str] | None = None

    def close(self) -> None:
        self._caller.close()

    # ------------------------------------------------------------------ ourselves

    def check(self) -> list[Check]:
        """Whether our credential is accepted and may list; what it may end cannot be seen without ending."""
        checks = []
        if self._recipe.own is not None:
            checks.append(self._checked("our credential", "accepted", self._own_id))
        if self._recipe.listing is not None:
            checks.append(self._checked("listing", "it may list", lambda: self._pages().page()))
        return checks or [Check(f"{self.system}: our credential", True, "the recipe has no way to check it")]

    def _checked(self, subject: str, said: str, ask: Any) -> Check:
        try:
            ask()
        except UpstreamError as error:
            return Check(f"{self.system}: {subject}", False, str(error), _ADVICE)
        return Check(f"{self.system}: {subject}", True, said)

    def is_ours(self, credential: Credential) -> bool:
        if credential.secret_ref and credential.secret_ref in (self._options.secret, *self._options.secrets.values()):
            return True
        if credential.external_id == self._options.own_id:
            return True
        return self._recipe.own is not None and credential.external_id == self._own_id()

    def _own_id(self) -> str:
        """The id of what we authenticate with; asked once for each secret.

        Raises:
            UpstreamError: the system does not say.
        """
        own = self._recipe.own
        assert own is not None
        secret = self._read(self._options.secret)
        if self._known is not None and self._known[0] == secret:
            return self._known[1]
        answer = self._call(own, {})
        said = judged(own, answer, {}) if isinstance(answer, Answer) else answer
        if not isinstance(said, Success):
            raise UpstreamError(f"{self._host} does not say which credential is ours: {_why(said)}.")
        try:
            self._known = (secret, identifier(found_at(said.document, own.id_at)))
        except ValueError as error:
            raise UpstreamError(f"{self._host} does not say which credential is ours: {error}.") from None
        return self._known[1]

    # ------------------------------------------------------------------ seeing

    def listing(self) -> Iterator[Sighting]:
        for item, sighting in self._pages().items():
            if self._is_meant(item):
                yield sighting

    def look(self, credential: Credential) -> Look:
        """By the recipe's own request, or by the whole list where it has none."""
        if (wrong := self._unusable(credential)) is not None:
            return wrong
        if self._recipe.look is None:
            return self._found_in_list(credential)
        request, values = self._recipe.look, {ID: credential.external_id}
        answer = self._call(request, values)
        said = judged(request, answer, values) if isinstance(answer, Answer) else answer
        if not isinstance(said, Success):
            return said
        id_ = said.answer.request_id
        item = found_at(said.document, request.item)
        try:
            sighting = sighting_of(self._recipe.fields, item)
        except ReadingError as error:
            return Unclear(f"the system's answer cannot be read: {error}", id_)
        if sighting.external_id != credential.external_id:
            return Unclear("the system's answer is about another credential", id_)
        return sighting if self._is_meant(item) else _OTHER

    def _found_in_list(self, credential: Credential) -> Look:
        found: Look = Absent()
        try:
            for item, sighting in self._pages().items():
                if sighting.external_id == credential.external_id:
                    return sighting if self._is_meant(item) else _OTHER
        except ListError as error:
            found = error.outcome
        return found

    def _pages(self) -> Pages:
        request = self._recipe.listing
        assert request is not None
        return Pages(
            request,
            self._recipe.fields,
            lambda at, query: self._call(request, {}, at=at, query=query),
            self._host,
            dict(self._options.parameters),
        )

    def _is_meant(self, item: Any) -> bool:
        return all(is_met(one, item, self._options.parameters) for one in self._recipe.only)

    # ------------------------------------------------------------------ acting

    def disable(self, credential: Credential) -> Reply:
        return self._act(self._recipe.disable, credential)

    def enable(self, credential: Credential) -> Reply:
        return self._act(self._recipe.enable, credential)

    def revoke(self, credential: Credential) -> Reply:
        return self._act(self._recipe.revoke, credential)

    def _act(self, request: Request | None, credential: Credential) -> Reply:
        if request is None:
            raise NotImplementedError("the recipe does not declare it")
        if (wrong := self._unusable(credential)) is not None:
            return wrong
        try:
            if self.is_ours(credential):
                return Rejected("ours", "Whose authenticates with it itself")
        except UpstreamError as error:
            return NotDone(str(error), _WAIT)
        if self._recipe.only:
            found = self.look(credential)
            if not isinstance(found, Sighting):
                return found
        values = {ID: credential.external_id}
        answer = self._call(request, values)
        said = judged(request, answer, values | self._options.parameters) if isinstance(answer, Answer) else answer
        return Accepted(said.answer.request_id) if isinstance(said, Success) else said

    def _unusable(self, credential: Credential) -> Rejected | None:
        if is_identifier(credential.external_id) and is_segment(credential.external_id):
            return None
        return Rejected("external_id", "this cannot be an id of the system: it would not stay one part of an address")

    # ------------------------------------------------------------------ verifying

    def verify(self, credential: Credential) -> Verdict | NotDone | Unclear:
        found = self.look(credential)
        match found:
            case Sighting(state=KeyState.ACTIVE):
                return Verdict(Result.FAILED, Proof.RELIST, "the system still shows it as one that works")
            case Sighting(state=KeyState.DISABLED):
                return Verdict(Result.FAILED, Proof.RELIST, "the system shows it as disabled, not as ended")
            case NotDone() | Unclear():
                return found
        tried = self._tried(credential)
        if isinstance(tried, Verdict | NotDone | Unclear):
            return tried
        if isinstance(found, Rejected):
            said = f"the system does not let us look ({found.code}): {found.detail}; {tried}"
            return Verdict(Result.ACCEPTED_UNVERIFIED, None, said, found.request_id)
        if Proof.RELIST in self.capabilities.verify:
            return Verdict(Result.CONFIRMED, Proof.RELIST, f"the system shows it no more; {tried}", _id_of(found))
        said = f"the system shows it no more, which proves little: {self._recipe.unproven}; {tried}"
        return Verdict(Result.ACCEPTED_UNVERIFIED, Proof.RELIST, said, _id_of(found))

    def _tried(self, credential: Credential) -> Verdict | NotDone | Unclear | str:
        """What trying it out has shown; a text: why it was not tried."""
        if self._recipe.probe is None:
            return "the recipe has no way to try it out"
        if not self._options.probe:
            return "trying it out is not allowed in the issuers file"
        if not credential.secret_ref:
            return "the inventory does not say where its secret is kept, so that it could not be tried out"
        try:
            secret = self._read(credential.secret_ref)
        except UpstreamError:
            return "its secret cannot be read any more, so that it could not be tried out"
        match self.works(credential, secret):
            case True:
                return Verdict(Result.FAILED, Proof.PROBE, "it was tried out, and is still accepted")
            case False:
                return Verdict(Result.CONFIRMED, Proof.PROBE, "it was tried out, and is refused")
            case unknown:
                return unknown

    def works(self, credential: Credential, secret: SecretStr) -> bool | NotDone | Unclear:  # noqa: ARG002 - the port's
        probe = self._recipe.probe
        if probe is None:
            return Unclear("the recipe has no way to try a credential out")
        self._tools.keep_out(secret)
        answer = self._call(probe, {}, auth=probe.auth, secrets={one.secret: secret for one in probe.auth})
        if isinstance(answer, Rejected):
            return Unclear(answer.detail)
        if not isinstance(answer, Answer):
            return answer
        if is_case(probe.refused, answer.status, json_of(answer), {}):
            return False
        if isinstance(judged(probe, answer, {}), Success):
            return True
        return Unclear(f"the system answers {answer.status} to the attempt, which says nothing", answer.request_id)

    # ------------------------------------------------------------------ asking

    def _call(
        self,
        request: Request,
        values: Mapping[str, str],
        *,
        at: str | None = None,
        query: Mapping[str, Any] | None = None,
        auth: tuple[Auth, ...] | None = None,
        secrets: Mapping[str, SecretStr] | None = None,
    ) -> Outcome:
        """One call. ``at``: at an address that the system itself gave, which Caller lets be on this host only."""
        given = {**self._options.parameters, **values}
        try:
            headers = self._headers(auth or self._recipe.auth, secrets)
        except UpstreamError as error:
            return NotDone(str(error), _WAIT)
        headers = filled({**self._recipe.headers, **request.headers}, given) | headers
        if not all(one.isascii() for one in headers.values()):
            return Rejected("header", "the recipe puts something into a header that cannot stand there")
        path = filled(request.path, {name: quote(one, safe="") for name, one in given.items()})
        asked = None if at is not None else {**filled(dict(request.query), given), **(query or {})}
        body = None if request.body is None else filled(request.body, given)
        return self._caller.call(
            request.method, path if at is None else at, params=asked or None, headers=headers, json_body=body
        )

    def _headers(self, auths: tuple[Auth, ...], secrets: Mapping[str, SecretStr] | None) -> dict[str, str]:
        """Raises UpstreamError."""
        headers = {}
        for one in auths:
            ref = self._options.secrets.get(one.secret, self._options.secret)
            secret = (self._read(ref) if secrets is None else secrets[one.secret]).get_secret_value()
            if one.basic:
                pair = f"{filled(one.basic, self._options.parameters)}:{secret}"
                headers[one.header] = f"Basic {b64encode(pair.encode()).decode()}"
            else:
                headers[one.header] = one.value.replace("{secret}", secret)
        return headers

    def _read(self, ref: str) -> SecretStr:
        secret = self._tools.secret(ref)
        self._tools.keep_out(secret)
        value = secret.get_secret_value()
        if not (value.isascii() and value.isprintable()) or len(value) > _LONGEST_SECRET:
            raise UpstreamError("What its reference points at cannot be sent. Put the secret there alone.")
        return secret


def _capabilities(options: HttpOptions) -> Capabilities:
    recipe, fields = options.recipe, options.recipe.fields
    proofs = [Proof.RELIST] if recipe.unproven is None else []
    if recipe.probe is not None and options.probe:
        proofs.append(Proof.PROBE)
    return Capabilities(
        listing=recipe.listing is not None,
        expiry=fields.expires_at is not None,
        last_used=fields.last_used_at is not None,
        usage=fields.used_for is not None,
        disable=recipe.disable is not None,
        reversible=recipe.enable is not None,
        revoke=recipe.revoke is not None,
        verify=tuple(proofs),
    )


def _why(outcome: Absent | Rejected | NotDone | Unclear) -> str:
    match outcome:
        case Absent():
            return "it says that there is none"
        case NotDone(reason):
            return reason
        case Unclear(detail):
            return detail
        case Rejected(code, detail):
            return f"{detail} ({code})"


def _id_of(found: Look) -> str:
    return getattr(found, "request_id", "")


KIND = Kind(
    name="http",
    title="Any system with an HTTP interface, by a recipe",
    capabilities=Capabilities(
        listing=True,
        expiry=True,
        last_used=True,
        usage=True,
        disable=True,
        reversible=True,
        revoke=True,
        verify=(Proof.RELIST, Proof.PROBE),
    ),
    options=HttpOptions,
    build=HttpIssuer,
)
