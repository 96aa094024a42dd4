"""An OAuth 2.0 authorization server: revocation (RFC 7009), and introspection (RFC 7662) to see that it took effect.

Both are about a token's *value*: it is read from where the inventory's ``secret_ref`` says, sent to the server and kept
nowhere. The inventory's ``external_id`` only names it, by its ``jti`` or in any other way.

A server answers 200 to the revocation of a token that it has never heard of. Therefore the answer to a revocation is
never evidence; introspection is. And it says ``active: false`` also of a token that we may not ask about: our client
has to be one that may introspect, which ``look`` shows while the token is still good.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Final, Literal, Self
from urllib.parse import quote

import httpx
from pydantic import AfterValidator, Field, SecretStr, model_validator

from bot.errors import UpstreamError
from bot.issuers.addresses import Address
from bot.issuers.calls import Answer, Caller, Limits
from bot.issuers.oauth_metadata import Endpoints, discover
from bot.issuers.outside import LONGEST_TEXT, LONGEST_TYPE, Form, moment_of, text_of
from bot.issuers.undeclared import Undeclared
from bot.operations.issuer_port import Kind, Options, Tools
from bot.operations.secret_refs import SecretRef
from bot.rules.issuing import (
    Absent,
    Accepted,
    Capabilities,
    Check,
    Credential,
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
from bot.rules.policy_values import Fault, PolicyFaults

_ERROR: Final = re.compile(r"[a-z_]{1,60}", re.ASCII)
_LONGEST_TOKEN: Final = 16_384
_WAIT: Final = 60.0
_BLIND: Final = "the server has no introspection endpoint, so that nobody can see whether the token still works"


def _host(text: str) -> str:
    if not re.fullmatch(r"[a-z0-9.:-]{1,253}", text):
        raise PolicyFaults([Fault((), "This is no host.", "Write a name such as auth.example.com, in small letters.")])
    return text


class OAuthOptions(Options):
    """An authorization server in ``issuers.yaml``."""

    issuer: Address | None = None
    """Its issuer identifier, exactly as it gives it: then it is asked where its endpoints are (RFC 8414)."""
    revocation_endpoint: Address | None = None
    introspection_endpoint: Address | None = None
    hosts: tuple[Annotated[str, AfterValidator(_host)], ...] = ()
    """Hosts besides the issuer's own at which its endpoints may be."""
    client_id: Annotated[str, Field(min_length=1, max_length=200)]
    client_secret: SecretRef
    client_auth: Literal["client_secret_basic", "client_secret_post"] = "client_secret_basic"
    token_type_hint: Literal["", "access_token", "refresh_token"] = ""
    named_by: Literal["", "jti", "client_id", "sub", "username"] = ""
    """Which member of an introspection the inventory's ``external_id`` is. Where it is given, a token that turns out to
    be another one is left alone: somebody may have put a newer one where ``secret_ref`` points."""
    ca_file: str = ""
    """Root certificates, where they are not those of the machine."""

    @model_validator(mode="after")
    def _reachable(self) -> Self:
        if self.issuer is None and self.revocation_endpoint is None:
            hint = "Add issuer: with its issuer identifier, or revocation_endpoint: with an address."
            raise PolicyFaults([Fault((), "Nothing says where tokens are revoked.", hint)])
        if self.named_by and self.issuer is None and self.introspection_endpoint is None:
            hint = "Add introspection_endpoint:, or leave named_by out."
            raise PolicyFaults([Fault(("named_by",), "Only an introspection says what a token's name is.", hint)])
        return self


class OAuthServer(Undeclared):
    """One authorization server."""

    kind = "oauth2"

    def __init__(self, system: str, options: OAuthOptions, tools: Tools, limits: Limits | None = None) -> None:
        self.system = system
        blind = options.issuer is None and options.introspection_endpoint is None
        self.capabilities = Capabilities(revoke=True) if blind else KIND.capabilities
        self._options, self._tools, self._limits = options, tools, limits
        self._callers: dict[str, Caller] = {}
        self._endpoints: Endpoints | None = None

    def close(self) -> None:
        for caller in self._callers.values():
            caller.close()

    def check(self) -> list[Check]:
        """Whether the endpoints are known and our client is accepted there, asked with a token that cannot exist."""
        subject = f"{self.system}: client {self._options.client_id}"
        advice = "See client_id and client_secret in the issuers file, and what the server allows this client"
        endpoints = self._where()
        if not isinstance(endpoints, Endpoints):
            return [Check(subject, False, _said(endpoints), "See issuer and hosts in the issuers file")]
        if not endpoints.revocation:
            return [Check(subject, False, "the server says of no place where it revokes", advice)]
        answer = self._ask("introspection", SecretStr("no-token"))
        if answer is None:
            return [Check(subject, True, f"ends cannot be confirmed: {_BLIND}")]
        if isinstance(answer, Answer) and _introspection(answer) is not None:
            return [Check(subject, True, "accepted; it may ask about tokens")]
        return [Check(subject, False, _said(answer), advice)]

    def is_ours(self, credential: Credential) -> bool:
        """Whether the token's secret is kept where our client secret is, or is the same."""
        if credential.secret_ref == self._options.client_secret:
            return True
        if not credential.secret_ref:
            return False
        return (
            self._read(credential.secret_ref).get_secret_value()
            == self._read(self._options.client_secret).get_secret_value()
        )

    def look(self, credential: Credential) -> Look:
        """What introspection says of the token; where there is none, only that nobody has said it is gone."""
        answer = self._ask("introspection", credential)
        if answer is None:
            return Sighting(credential.external_id)
        return self._seen(credential, answer) if isinstance(answer, Answer) else answer

    def revoke(self, credential: Credential) -> Reply:
        """Send it to the revocation endpoint. Where ``named_by`` is set, only after an introspection that it is this
        one: what ``secret_ref`` points at can change without anybody telling the inventory."""
        try:
            if self.is_ours(credential):
                return Rejected("ours", "Whose authenticates with it itself")
        except UpstreamError as error:
            return NotDone(str(error), _WAIT)
        if self._options.named_by:
            found = self.look(credential)
            if not isinstance(found, Sighting):
                return found
        answer = self._ask("revocation", credential)
        if answer is None:
            return Rejected("endpoint", "the server says of no place where it revokes")
        if not isinstance(answer, Answer):
            return answer
        if answer.status == 200:
            return Accepted(answer.request_id)
        if answer.status < 400:
            return Unclear(f"the server answers {answer.status} to a revocation", answer.request_id)
        return _rejected(answer)

    def verify(self, credential: Credential) -> Verdict | NotDone | Unclear:
        """What introspection says now; the answer to the revocation proves nothing."""
        answer = self._ask("introspection", credential)
        if answer is None:
            return Verdict(Result.ACCEPTED_UNVERIFIED, None, _BLIND)
        match self._seen(credential, answer) if isinstance(answer, Answer) else answer:
            case Absent(request_id):
                return Verdict(Result.CONFIRMED, Proof.INTROSPECT, "the server says that it is not active", request_id)
            case Sighting():
                return Verdict(Result.FAILED, Proof.INTROSPECT, "the server says that it is still active")
            case Rejected(code, detail, request_id):
                said = f"the server does not say whether it still works ({code}): {detail}"
                return Verdict(Result.ACCEPTED_UNVERIFIED, None, said, request_id)
            case unknown:
                return unknown

    def works(self, credential: Credential, secret: SecretStr) -> bool | NotDone | Unclear:  # noqa: ARG002 - the port's
        """Whether introspection calls a token with this value active."""
        self._tools.keep_out(secret)
        match self._ask("introspection", secret):
            case Answer() as answer if (said := _introspection(answer)) is not None:
                return said[0]
            case NotDone() | Unclear() as unknown:
                return unknown
            case None:
                return Unclear(_BLIND)
            case refused:
                return Unclear(f"the server does not say whether it works: {_said(refused)}")

    # ------------------------------------------------------------------ what was said

    def _seen(self, credential: Credential, answer: Answer) -> Look:
        if 400 <= answer.status < 500:
            return _rejected(answer)
        said = _introspection(answer)
        if said is None:
            return Unclear("the server's introspection cannot be read", answer.request_id)
        active, members = said
        if not active:
            return Absent(answer.request_id)
        name = self._options.named_by
        if name and members.get(name) != credential.external_id:
            detail = f"the token at its secret_ref has another {name} than the inventory says; mend one of them"
            return Rejected("another_token", detail, answer.request_id)
        try:
            return _sighting(credential.external_id, members)
        except ValueError as error:
            return Unclear(f"the server's introspection cannot be read: {error}", answer.request_id)

    # ------------------------------------------------------------------ asking

    def _where(self) -> Endpoints | Rejected | NotDone | Unclear:
        given = self._options
        if self._endpoints is None:
            found: Endpoints | Rejected | NotDone | Unclear = Endpoints()
            if given.issuer is not None and not (given.revocation_endpoint and given.introspection_endpoint):
                hosts = (httpx.URL(given.issuer).host, *given.hosts)
                found = discover(self._caller(given.issuer), given.issuer, hosts)
            if not isinstance(found, Endpoints):
                return found
            self._endpoints = Endpoints(
                given.revocation_endpoint or found.revocation, given.introspection_endpoint or found.introspection
            )
        return self._endpoints

    def _caller(self, address: str) -> Caller:
        origin = str(httpx.URL(address).copy_with(path="/", query=None))
        if origin not in self._callers:
            roots = self._options.ca_file or True
            self._callers[origin] = Caller(origin, {"accept": "application/json"}, verify=roots, limits=self._limits)
        return self._callers[origin]

    def _ask(
        self, name: Literal["revocation", "introspection"], about: Credential | SecretStr
    ) -> Answer | Rejected | NotDone | Unclear | None:
        """What an endpoint answers about a token; None: there is no such endpoint."""
        endpoints = self._where()
        if not isinstance(endpoints, Endpoints):
            return endpoints
        endpoint = endpoints.revocation if name == "revocation" else endpoints.introspection
        if not endpoint:
            return None
        if isinstance(about, Credential) and not about.secret_ref:
            return Rejected("secret_ref", "the inventory does not say where this token is kept; fill in its secret_ref")
        try:
            token = about if isinstance(about, SecretStr) else self._read(about.secret_ref)
            secret = self._read(self._options.client_secret).get_secret_value()
        except UpstreamError as error:
            return NotDone(str(error), _WAIT)
        hint = self._options.token_type_hint
        form = {"token": token.get_secret_value()} | ({"token_type_hint": hint} if hint else {})
        client = self._options.client_id
        if self._options.client_auth == "client_secret_post":
            form |= {"client_id": client, "client_secret": secret}
            return self._caller(endpoint).call("POST", endpoint, form=form)
        # RFC 6749, 2.3.1: both are encoded as in a form before they become user and password; a space as %20, which
        # also servers that know no + read.
        auth = (quote(client, safe=""), quote(secret, safe=""))
        return self._caller(endpoint).call("POST", endpoint, form=form, auth=auth)

    def _read(self, ref: str) -> SecretStr:
        secret = self._tools.secret(ref)
        self._tools.keep_out(secret)
        value = secret.get_secret_value()
        if not value.isprintable() or len(value) > _LONGEST_TOKEN:
            raise UpstreamError("What its reference points at is no token or secret. Put the secret there alone.")
        return secret


def _introspection(answer: Answer) -> tuple[bool, dict[str, Any]] | None:
    """``active``, and everything that was said; None: it cannot be read."""
    try:
        said = answer.json() if answer.status == 200 else None
    except ValueError:
        return None
    if not isinstance(said, dict) or not isinstance(said.get("active"), bool):
        return None
    return said["active"], said


def _sighting(external_id: str, said: dict[str, Any]) -> Sighting:
    """Raises ValueError."""
    holders = (said.get("username"), said.get("sub"), said.get("client_id"))
    return Sighting(
        external_id,
        credential_type=text_of(said.get("token_type"), LONGEST_TYPE),
        scopes=text_of(said.get("scope"), LONGEST_TEXT),
        created_at=moment_of(said.get("iat"), Form.SECONDS),
        expires_at=moment_of(said.get("exp"), Form.SECONDS),
        owner_hints=tuple(dict.fromkeys(hint for one in holders if (hint := text_of(one, LONGEST_TYPE)))),
    )


def _rejected(answer: Answer) -> Rejected:
    try:
        said = answer.json()
    except ValueError:
        said = None
    error = said.get("error") if isinstance(said, dict) else None
    if isinstance(error, str) and _ERROR.fullmatch(error):
        return Rejected(error, f"the server refuses ({answer.status})", answer.request_id)
    return Rejected(str(answer.status), "the server refuses", answer.request_id)


def _said(outcome: Answer | Rejected | NotDone | Unclear) -> str:
    match outcome:
        case NotDone(reason):
            return reason
        case Unclear(detail):
            return detail
        case Rejected(code, detail):
            return f"{detail} ({code})"
        case Answer():
            return f"the server refuses ({_rejected(outcome).code})"


KIND = Kind(
    name="oauth2",
    title="OAuth 2.0 authorization server",
    capabilities=Capabilities(expiry=True, revoke=True, verify=(Proof.INTROSPECT,)),
    options=OAuthOptions,
    build=OAuthServer,
)
