"""How an issuing system is spoken to that has no connector of its own: requests and readings, declared in YAML.

A recipe can only name what is done to exactly one credential. Whatever ends or disables has ``{external_id}`` in its
path: many systems have a call beside it, one segment shorter, that ends everybody's.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from bot.issuers.outside import Form
from bot.issuers.pointers import Pointer
from bot.rules.policy_values import ONE_OR_MORE, Fault, PolicyFaults, raise_if

ID: Final = "external_id"
_VARIABLE: Final = re.compile(r"\{([a-z][a-z0-9_]{0,39})\}")
_LINE: Final = re.compile(r"(GET|POST|PUT|PATCH|DELETE) +/?([^\s/?#][^\s?#]{0,499})")
_SEGMENT: Final = re.compile(r"(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|\{[a-z][a-z0-9_]{0,39}\})+")
_HEADER: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
_NOT_OURS_TO_SET: Final = frozenset({"host", "content-length", "transfer-encoding", "connection", "accept-encoding"})
_HOST: Final = re.compile(r"(?:\*\.)?[a-z0-9-]+(?:\.[a-z0-9-]+)+")

Scalar = str | int | bool | None
Text = Annotated[str, Field(min_length=1, max_length=300)]
Word = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
Status = Annotated[int, Field(strict=True, ge=200, le=499)]


class Part(BaseModel):
    """Any part of a recipe."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


def _fault(message: str, hint: str, *at: str | int) -> PolicyFaults:
    return PolicyFaults([Fault(at, message, hint)])


def variables_in(value: Any) -> set[str]:
    """Every ``{name}`` in the texts of a value."""
    match value:
        case str():
            return set(_VARIABLE.findall(value))
        case dict():
            return set().union(*map(variables_in, value), *map(variables_in, value.values()))
        case list() | tuple():
            return set().union(*map(variables_in, value))
    return set()


def filled(value: Any, values: dict[str, str]) -> Any:
    """The value with every ``{name}`` replaced, once: what a value brings is not replaced again."""
    match value:
        case str():
            return _VARIABLE.sub(lambda found: values.get(found[1], found[0]), value)
        case dict():
            return {key: filled(one, values) for key, one in value.items()}
        case list() | tuple():
            return [filled(one, values) for one in value]
    return value


# ------------------------------------------------------------------ what an answer has to be


class Condition(Part):
    """Something about an answer: what stands ``at`` a place ``is`` this; or is there at all; or is ``missing``."""

    at: Pointer
    equals: Scalar = Field(default=None, alias="is")
    missing: bool = False

    @property
    def compares(self) -> bool:
        return "equals" in self.model_fields_set


class Case(Part):
    """A status, and perhaps a condition."""

    status: Status
    when: Condition | None = None


def _case(value: object) -> object:
    return {"status": value} if isinstance(value, int) and not isinstance(value, bool) else value


Cases = Annotated[tuple[Annotated[Case, BeforeValidator(_case)], ...], ONE_OR_MORE, Field(max_length=20)]
Conditions = Annotated[tuple[Condition, ...], Field(max_length=20)]


# ------------------------------------------------------------------ requests


def _line(text: str) -> str:
    found = _LINE.fullmatch(text)
    if found is None:
        raise _fault("This is no request.", "Write a method and a path, such as DELETE tokens/{external_id}.")
    for segment in found[2].rstrip("/").split("/"):
        if not _SEGMENT.fullmatch(segment) or set(segment) <= {"."}:
            hint = "Segments are letters, digits, punctuation and {names}; a query goes under query:."
            raise _fault("This is no path below the system's address.", hint)
    return text


def _headers(headers: dict[str, str]) -> dict[str, str]:
    faults = []
    for name, value in headers.items():
        if not _HEADER.fullmatch(name) or name.lower() in _NOT_OURS_TO_SET:
            faults.append(Fault((name,), "This header cannot be set.", "Leave it out."))
        elif not (value.isascii() and value.isprintable()):
            faults.append(Fault((name,), "This is no value of a header.", "Use letters, digits and punctuation."))
    raise_if(faults)
    return headers


Headers = Annotated[dict[str, Annotated[str, Field(max_length=500)]], AfterValidator(_headers), Field(max_length=20)]


class Request(Part):
    """One request, and how its answer is read.

    A status that is neither under ``expect`` nor ``absent`` is a refusal (4xx), or leaves it unclear (anything else).
    """

    request: Annotated[str, AfterValidator(_line)]
    query: Annotated[dict[Text, Annotated[str | int | bool, Field()]], Field(max_length=30)] = {}
    headers: Headers = {}
    body: Any = None
    expect: Annotated[tuple[Status, ...], ONE_OR_MORE] = ()
    """Statuses of a success; by default 200, and 204 for what changes something."""
    absent: Cases = ()
    """How the system says that there is no such credential."""
    must: Conditions = ()
    """What an answer of a success holds; one without is an error in spite of its status."""
    must_not: Conditions = ()
    same: Pointer | None = None
    """Where the answer repeats which credential it is about."""

    @property
    def method(self) -> str:
        return self.request.partition(" ")[0]

    @property
    def path(self) -> str:
        return self.request.partition(" ")[2].strip().lstrip("/")

    @property
    def successes(self) -> tuple[int, ...]:
        return self.expect or ((200,) if self.method == "GET" else (200, 204))

    def variables(self) -> set[str]:
        """Every name that has to be filled in."""
        return variables_in([self.path, dict(self.query), dict(self.headers), self.body])


class Paging(Part):
    """How the next page is found: exactly one of ``next``, ``cursor``, ``number`` and ``offset``."""

    next: Literal["header"] | Pointer | None = None
    """``header``: the ``Link`` header (RFC 8288); else where the address stands in the answer."""
    cursor: Pointer | None = None
    number: Text | None = None
    """The query parameter for the page's number."""
    offset: Text | None = None
    """The query parameter for how many items were read."""
    parameter: Text | None = None
    """The query parameter for the cursor."""
    first: Annotated[int, Field(ge=0, le=1)] = 1
    size: Annotated[int, Field(ge=1, le=10_000)] | None = None
    """Items in a full page: one with fewer is the last. Without it the last page is an empty one."""
    most_pages: Annotated[int, Field(ge=1, le=10_000)] = 1_000

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        given = [one for one in ("next", "cursor", "number", "offset") if getattr(self, one) is not None]
        if len(given) != 1:
            raise _fault("It has to be clear how the next page is found.", "Keep one of next, cursor, number, offset.")
        if (self.cursor is None) != (self.parameter is None):
            raise _fault("A cursor has to be sent back.", "Name its query parameter under parameter:.", *given)
        return self


class ListRequest(Request):
    """The request that lists, page by page."""

    items: Pointer = ""
    """Where the list stands in an answer."""
    paging: Paging | None = None
    most_items: Annotated[int, Field(ge=1, le=1_000_000)] = 100_000


class LookRequest(Request):
    """The request for one credential."""

    item: Pointer = ""
    """Where the credential stands in the answer."""


class OwnRequest(Request):
    """The request that says which credential it was made with."""

    id_at: Pointer


class Auth(Part):
    """One header that says who we are: ``value`` with ``{secret}``; or ``basic`` with a user name."""

    header: Annotated[str, Field(pattern=_HEADER.pattern)] = "Authorization"
    value: Annotated[str, Field(max_length=300)] = ""
    basic: Annotated[str, Field(max_length=200)] = ""
    secret: Word = "secret"
    """Which of the secrets in the issuers file."""

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if bool(self.value) == bool(self.basic):
            raise _fault("It has to be clear what is sent.", "Write value: 'Bearer {secret}', or basic: with a user.")
        if self.value and "{secret}" not in self.value:
            raise _fault("The secret is not in it.", "Write {secret} where it belongs.", "value")
        return self


Auths = Annotated[tuple[Auth, ...], ONE_OR_MORE, Field(min_length=1, max_length=5)]


class Probe(Request):
    """A request with the token itself, that changes nothing and only shows whether it is accepted."""

    auth: Auths
    refused: Cases = (Case(status=401), Case(status=403))


# ------------------------------------------------------------------ readings


def _moment(value: object) -> object:
    return {"at": value} if isinstance(value, str) else value


class Moment(Part):
    at: Pointer
    written: Form = Field(default=Form.ISO, alias="as")


Moments = Annotated[Moment, BeforeValidator(_moment)]


class StateAt(Part):
    """Words of the system for a state. Any other word, and none, is an active one: what may still work, works."""

    at: Pointer
    disabled: Annotated[tuple[Scalar, ...], ONE_OR_MORE] = ()
    expired: Annotated[tuple[Scalar, ...], ONE_OR_MORE] = ()


class Fields(Part):
    """Where in an item what stands."""

    external_id: Pointer
    name: Pointer | None = None
    credential_type: Annotated[str, Field(max_length=100)] = ""
    """The same for all: a text, no place."""
    scopes: Pointer | None = None
    used_for: Pointer | None = None
    owner_hints: Annotated[tuple[Pointer, ...], ONE_OR_MORE, Field(max_length=10)] = ()
    created_at: Moments | None = None
    expires_at: Moments | None = None
    last_used_at: Moments | None = None
    state: StateAt | None = None


def _host(text: str) -> str:
    if not _HOST.fullmatch(text):
        raise _fault("This is no host.", "Write a name such as api.example.com, or *.example.com for all below it.")
    return text


class Recipe(Part):
    """A whole recipe."""

    title: Text
    documentation: Text
    """The page that it follows."""
    hosts: Annotated[tuple[Annotated[str, AfterValidator(_host)], ...], ONE_OR_MORE] = ()
    """Where this system may be; empty: anywhere, since it is one that people run themselves."""
    parameters: dict[Word, Text] = {}
    """Names that the issuers file gives a value, each with what it is."""
    auth: Auths
    headers: Headers = {}
    listing: ListRequest | None = Field(default=None, alias="list")
    look: LookRequest | None = None
    fields: Fields
    only: Conditions = ()
    """Which items are meant; the others are neither listed nor touched."""
    disable: Request | None = None
    enable: Request | None = None
    revoke: Request | None = None
    own: OwnRequest | None = None
    not_ours: Text | None = None
    """Why what we authenticate with can never be one of these credentials."""
    probe: Probe | None = None
    unproven: Text | None = None
    """Why a credential that is listed no more may still work; then only a probe confirms an end."""

    @model_validator(mode="after")
    def _holds_together(self) -> Self:
        faults: list[Fault] = []
        for name, request in self.requests():
            allowed = set(self.parameters) | (set() if name in ("list", "own", "probe") else {ID})
            for unknown in sorted(request.variables() - allowed):
                hint = f"Use one of: {', '.join(f'{{{one}}}' for one in sorted(allowed))}." if allowed else "Remove it."
                faults.append(Fault((name, "request"), f"Nothing gives {{{unknown}}} a value.", hint))
            faults += _safe(name, request)
        for unknown in sorted(variables_in(dict(self.headers)) - set(self.parameters)):
            faults.append(Fault(("headers",), f"Nothing gives {{{unknown}}} a value.", "Name it under parameters:."))
        faults += self._incomplete()
        raise_if(faults)
        return self

    def requests(self) -> list[tuple[str, Request]]:
        """Every request by its key."""
        named = {
            "list": self.listing,
            "look": self.look,
            "disable": self.disable,
            "enable": self.enable,
            "revoke": self.revoke,
            "own": self.own,
            "probe": self.probe,
        }
        return [(name, one) for name, one in named.items() if one is not None]

    def _incomplete(self) -> list[Fault]:
        faults = []
        acts = self.disable is not None or self.revoke is not None
        if self.listing is None and self.look is None:
            said = "Nothing can be seen." if not acts else "What is acted on has to be looked at before and after."
            faults.append(Fault((), said, "Add list: or look:."))
        if self.enable is not None and self.disable is None:
            faults.append(Fault(("enable",), "Nothing is disabled that could be enabled.", "Add disable:, too."))
        if self.own is not None and self.not_ours is not None:
            faults.append(Fault(("not_ours",), "It is said twice which credential is ours.", "Keep one of both."))
        return faults


def _safe(name: str, request: Request) -> list[Fault]:
    at = (name, "request")
    reads = name in ("list", "look", "own", "probe")
    if reads and request.method not in (("GET",) if name in ("own", "probe") else ("GET", "POST")):
        return [Fault(at, f"{request.method} would change something.", "Use GET.")]
    if not reads and request.method == "GET":
        return [Fault(at, "GET changes nothing.", "Use the method of the system's documentation.")]
    named = request.path.rstrip("/").rpartition("/")[2] if request.method == "DELETE" else request.path
    if name not in ("list", "own", "probe") and f"{{{ID}}}" not in named:
        hint = "Name the one credential in it with {external_id}, last where it is DELETE: else everybody's may end."
        return [Fault(at, "This path names no single credential.", hint)]
    return []
