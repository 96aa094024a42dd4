"""GitLab's access tokens: of projects and groups, and for an administrator those of persons, too.

A rotation makes a second token with the same name, scopes, role and length of life, and ends the first when it lies
idle. GitLab's own ``/rotate`` is never called: it ends the old token at once, so that everything that holds it stands
still until it has the new one; and when a lost answer is asked for again, GitLab takes the second call with the old
token for a theft and ends the new token, too. Personal tokens are not rotated: only their owners can make them.

A revoked token stays listed for a while. It is over: here it counts as absent.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Annotated, Any, Final, Literal, TypeVar

from pydantic import Field, SecretStr, ValidationError

from bot.errors import UpstreamError
from bot.issuers.addresses import Address
from bot.issuers.calls import Answer, Caller
from bot.issuers.gitlab_answers import Answered, Name, NewToken, Numbered, Place, Sort, Token, User, name_of
from bot.issuers.paging import PAGE, Called, Listed, ListError, items
from bot.issuers.undeclared import Undeclared
from bot.operations.issuer_port import Kind, Options, Tools
from bot.operations.secret_refs import SecretRef
from bot.rules.issuing import (
    Absent,
    Accepted,
    Capabilities,
    Check,
    Created,
    Credential,
    KeyState,
    Look,
    NotDone,
    Proof,
    Rejected,
    Reply,
    Result,
    Rotation,
    Sighting,
    Unclear,
    Verdict,
)

_UNTRIED: Final = (Proof.RELIST, Proof.INTROSPECT)
_MAINTAINER: Final = 40
_OWNER: Final = 50
_KEYSET: Final = f"pagination=keyset&order_by=id&sort=asc&per_page={PAGE}"
_Kind = TypeVar("_Kind", bound=Answered)
_Found = Token | Absent | Rejected | NotDone | Unclear
Which = Literal["all"] | tuple[Annotated[int, Field(gt=0)], ...]


class GitLabOptions(Options):
    """A GitLab in ``issuers.yaml``."""

    url: Address = "https://gitlab.com"
    token: SecretRef
    """A personal access token with the scope ``api``, of an Owner of what is listed here, or of an administrator."""
    projects: Which = "all"
    """By number, or all that our token's user maintains; with ``personal``, all that there are."""
    groups: Which = "all"
    """By number, or all that our token's user owns; with ``personal``, all that there are."""
    personal: bool = False
    """Everybody's personal tokens, too: needs an administrator's token, on a GitLab of one's own."""
    ca_file: str = ""
    """Root certificates, where they are not those of the machine."""


class GitLab(Undeclared):
    """One GitLab. ``system`` is its name in the inventory."""

    kind = "gitlab"

    def __init__(self, system: str, options: GitLabOptions, tools: Tools) -> None:
        self.system = system
        most = KIND.capabilities
        self.capabilities = replace(
            most,
            rotate=most.rotate if options.projects or options.groups else None,
            verify=most.verify if options.probe else _UNTRIED,
        )
        self._options = options
        self._tools = tools
        self._caller = Caller(f"{options.url.rstrip('/')}/api/v4", verify=options.ca_file or True)

    def close(self) -> None:
        self._caller.close()

    def check(self) -> list[Check]:
        subject = f"Token of {self.system}"
        own = self._own()
        if not isinstance(own, Token):
            return [Check(subject, False, "GitLab does not take our token", "Replace it, and see its scopes and end.")]
        ends = "" if own.ends_at is None else f"; it ends on {own.expires_at}"
        checks = [Check(subject, True, f"Signed in{ends}")]
        if "api" not in own.scopes:
            checks.append(Check(subject, False, "May not revoke", "Make one with the scope api."))
        if self._options.personal and (why := self._not_everybodys()) is not None:
            said = why.reason if isinstance(why, NotDone) else why.detail
            checks.append(Check("Personal access tokens", False, said, "Take an administrator's token."))
        return checks + [self._may_list(place) for place in self._named_places()]

    def is_ours(self, credential: Credential) -> bool:
        own = self._own()
        if not isinstance(own, Token):
            raise UpstreamError(f"{self._host} does not say which token is ours. Run `whose doctor`, then try again.")
        name = name_of(credential.external_id)
        return name is not None and name.token == own.id

    def listing(self) -> Iterator[Sighting]:
        seen: set[int] = set()
        now = self._tools.now()
        for place in self._places():
            for token in self._tokens(place):
                if token.id not in seen and not token.revoked:
                    seen.add(token.id)
                    yield token.sighting(place, now)
        if self._options.personal:
            yield from self._everybodys(seen)

    def look(self, credential: Credential) -> Look:
        name = name_of(credential.external_id)
        if name is None:
            return _FOREIGN
        found = self._find(name)
        if not isinstance(found, Token):
            return found
        return Absent() if found.revoked else found.sighting(name.place, self._tools.now())

    def revoke(self, credential: Credential) -> Reply:
        name = name_of(credential.external_id)
        if name is None:
            return _FOREIGN
        own = self._own()
        if not isinstance(own, Token):
            return own
        if own.id == name.token:
            return _OURS
        answer = self._call("DELETE", name.path)
        if not isinstance(answer, Answer):
            return answer
        if answer.status in (202, 204):
            return Accepted(answer.request_id)
        if answer.status in (400, 404):
            look = self.look(credential)
            return _refused(answer) if isinstance(look, Sighting) else look
        if answer.ok:
            return Unclear(f"GitLab answers {answer.status} to a revocation", answer.request_id)
        return _refused(answer)

    def verify(self, credential: Credential) -> Verdict | NotDone | Unclear:
        name = name_of(credential.external_id)
        verdict = _verdict(_FOREIGN if name is None else self._find(name), self._tools)
        if name is None or not isinstance(verdict, Verdict) or not self._options.probe or not credential.secret_ref:
            return verdict
        try:
            holder = self._holder(self._tools.secret(credential.secret_ref))
        except UpstreamError:
            return verdict  # the secret is gone from where it was: nothing to try out
        if holder == name.token:
            return Verdict(Result.FAILED, Proof.PROBE, "GitLab still lets it in")
        if holder is None and verdict.result is not Result.FAILED:
            return Verdict(Result.CONFIRMED, Proof.PROBE, "GitLab refuses it")
        return verdict

    def works(self, credential: Credential, secret: SecretStr) -> bool | NotDone | Unclear:
        """Whether GitLab lets the secret in, as exactly this token."""
        name, holder = name_of(credential.external_id), self._holder(secret)
        if isinstance(holder, NotDone | Unclear):
            return holder
        return name is not None and holder == name.token

    def create(self, like: Credential) -> Created | Rejected | NotDone | Unclear:
        name = name_of(like.external_id)
        if name is None or name.place.sort is Sort.PERSONAL:
            return _FOREIGN if name is None else _NOT_PERSONAL
        old = self._find(name)
        if not isinstance(old, Token):
            return Rejected("404", "There is no such token any more") if isinstance(old, Absent) else old
        if old.state(self._tools.now()) is not KeyState.ACTIVE:
            return Rejected("inactive", "The token is not active any more. Make a new one for its holder in GitLab")
        body: dict[str, object] = {"name": old.name, "scopes": list(old.scopes), "access_level": old.access_level}
        if (until := old.life_from(self._tools.now().date())) is not None:
            body["expires_at"] = until.isoformat()
        answer = self._call("POST", name.place.path, body)
        if not isinstance(answer, Answer):
            return answer
        if answer.status != 201:
            strange = Unclear(f"GitLab answers {answer.status} to a creation", answer.request_id)
            return strange if answer.ok else _refused(answer)
        return self._created(answer, name, old)

    def siblings(self, like: Credential) -> tuple[str, ...] | Rejected | NotDone | Unclear:
        """The tokens of its project or group that bear its name and are not revoked."""
        name = name_of(like.external_id)
        if name is None or name.place.sort is Sort.PERSONAL:
            return _FOREIGN if name is None else _NOT_PERSONAL
        try:
            tokens = {token.id: token for token in self._tokens(name.place)}
        except ListError as broken:
            return broken.outcome
        if name.token not in tokens:
            return Rejected("404", "Its project or group does not list this token")
        same = (one for one in tokens.values() if one.name == tokens[name.token].name and not one.revoked)
        return tuple(name.place.external_id(one.id) for one in same)

    # one token

    def _own(self) -> Token | Rejected | NotDone | Unclear:
        return self._one(Token, self._get("personal_access_tokens/self"))

    def _find(self, name: Name) -> _Found:
        """By its number; where there is none, only a list that can be read and has it not says that it is absent."""
        answer = self._get(name.path)
        if isinstance(answer, Answer) and answer.status == 404:
            return self._absence(name, answer.request_id)
        found = self._one(Token, answer)
        if isinstance(found, Token) and found.id != name.token:
            return Unclear("GitLab answers with another token than the one asked for")
        return found

    def _absence(self, name: Name, request_id: str) -> _Found:
        """404 is also what GitLab says of a project that we may not see."""
        if name.place.sort is Sort.PERSONAL:
            return self._not_everybodys() or Absent(request_id)
        try:
            there = next((one for one in self._tokens(name.place) if one.id == name.token), None)
        except ListError as broken:
            return broken.outcome
        return there or Absent(request_id)

    def _created(self, answer: Answer, name: Name, old: Token) -> Created | Unclear:
        made = self._one(NewToken, answer, status=201)
        if not isinstance(made, NewToken):
            return Unclear("GitLab's new token cannot be read", answer.request_id)
        self._tools.keep_out(made.token)
        if made.id == old.id or made.revoked or not made.active or not made.same_rights(old):
            said = f"GitLab made {name.place.external_id(made.id)} with other rights than the first"
            return Unclear(said, answer.request_id)
        return Created(name.place.external_id(made.id), made.token, answer.request_id)

    def _holder(self, secret: SecretStr) -> int | NotDone | Unclear | None:
        """The number of the token that this secret is; None: GitLab refuses it."""
        answer = self._call("GET", "personal_access_tokens/self", secret=secret)
        if isinstance(answer, Answer) and answer.status == 401:
            return None
        found = self._one(Token, answer)
        if isinstance(found, Token):
            return found.id if found.active and not found.revoked else None
        return found if isinstance(found, NotDone | Unclear) else Unclear(f"GitLab answers {found.code} to a trial")

    # lists

    def _named_places(self) -> list[Place]:
        chosen = {Sort.PROJECT: self._options.projects, Sort.GROUP: self._options.groups}
        return [Place(sort, one) for sort, some in chosen.items() if some != "all" for one in some]

    def _places(self) -> Iterator[Place]:
        yield from self._named_places()
        for sort, some, least in (
            (Sort.PROJECT, self._options.projects, _MAINTAINER),
            (Sort.GROUP, self._options.groups, _OWNER),
        ):
            if some == "all":
                mine = "" if self._options.personal else f"&min_access_level={least}"
                for one in list(self._each(Numbered, f"{sort}s?{_KEYSET}{mine}")):
                    yield Place(sort, one.id)

    def _tokens(self, place: Place) -> Iterator[Token]:
        return self._each(Token, f"{place.path}?per_page={PAGE}")

    def _everybodys(self, seen: set[int]) -> Iterator[Sighting]:
        """Those of persons: an administrator's list has those of bots too, which belong to a project or a group."""
        if (why := self._not_everybodys()) is not None:
            raise ListError(self._host, why)
        people = {user.id: user for user in self._each(User, f"users?{_KEYSET}&without_project_bots=true")}
        place, now = Place(Sort.PERSONAL), self._tools.now()
        for token in self._tokens(place):
            user = people.get(token.user_id)
            if user is not None and not user.bot and token.id not in seen and not token.revoked:
                seen.add(token.id)
                yield token.sighting(place, now, tuple(filter(None, (user.email, user.username))))

    def _not_everybodys(self) -> Rejected | NotDone | Unclear | None:
        """Why our token does not see everybody's; None: it does. To others GitLab shows their own without a word, and
        refuses to filter by somebody else (401)."""
        own = self._one(User, self._get("user"))
        if not isinstance(own, User):
            return own
        other = 1 if own.id != 1 else 2
        answer = self._get(f"personal_access_tokens?user_id={other}&per_page=1") if own.is_admin else None
        if answer is not None and not isinstance(answer, Answer):
            return answer
        if answer is None or answer.status in (401, 403):
            return Rejected("403", "Our token is no administrator's, so that it sees its user's own tokens only")
        return None

    def _may_list(self, place: Place) -> Check:
        subject, answer = f"Tokens of {place.sort} {place.within}", self._get(f"{place.path}?per_page=1")
        if isinstance(answer, Answer) and answer.status == 200:
            return Check(subject, True, "May list them")
        return Check(subject, False, "May not list them", f"Make our token's user an Owner of this {place.sort}.")

    # calls

    @property
    def _host(self) -> str:
        return self._caller.base.host

    def _each(self, model: type[_Kind], path: str) -> Iterator[_Kind]:
        for item, answer in items(Listed(self._host, path, by_number="keyset" not in path), self._get):
            try:
                yield model.model_validate(item)
            except ValidationError:
                why = Unclear(f"a {model.__name__} in it cannot be read", answer.request_id)
                raise ListError(self._host, why) from None

    def _one(self, model: type[_Kind], answer: Called, status: int = 200) -> _Kind | Rejected | NotDone | Unclear:
        if not isinstance(answer, Answer):
            return answer
        if answer.status != status:
            strange = Unclear(f"{self._host} answers {answer.status}", answer.request_id)
            return strange if answer.ok else _refused(answer)
        try:
            return model.model_validate(answer.json())
        except (ValidationError, ValueError):
            return Unclear(f"{self._host}'s answer cannot be read", answer.request_id)

    def _get(self, path: str) -> Called:
        return self._call("GET", path)

    def _call(self, method: str, path: str, body: object = None, secret: SecretStr | None = None) -> Called:
        try:
            held = secret or self._tools.secret(self._options.token)
        except UpstreamError as error:
            return NotDone(str(error).rstrip("."), 60.0)
        if re.fullmatch(r"[\x21-\x7e]+", held.get_secret_value()) is None:
            return Rejected("401", "What is kept as a token cannot be one: it holds blanks or other signs")
        headers = {"private-token": held.get_secret_value()}
        return self._caller.call(method, path, headers=headers, json_body=body)


_FOREIGN: Final = Rejected("unknown_id", "This is no id of a GitLab token. Run `whose discover` to see the ids")
_OURS: Final = Rejected("own_credential", "This is what Whose signs in with. Give it another token first")
_NOT_PERSONAL: Final = Rejected("not_offered", "Only its owner can make a personal token. Ask them to")


def _refused(answer: Answer) -> Rejected:
    """Without GitLab's own words: they could hold anything."""
    said = {
        400: "GitLab finds the request invalid",
        401: "GitLab does not take our token, or does not show it this one. Run `whose doctor`",
        403: "Our token may not do this. Run `whose doctor`",
        404: "GitLab does not find it, or does not show it to our token",
    }.get(answer.status, "GitLab refuses")
    return Rejected(str(answer.status), said, answer.request_id)


def _verdict(found: _Found, tools: Tools) -> Verdict | NotDone | Unclear:
    match found:
        case Token() if found.revoked:
            return Verdict(Result.CONFIRMED, Proof.INTROSPECT, "GitLab says that it is revoked")
        case Token() if found.state(tools.now()) is KeyState.EXPIRED:
            return Verdict(Result.CONFIRMED, Proof.INTROSPECT, "GitLab says that it has expired")
        case Token():
            return Verdict(Result.FAILED, Proof.INTROSPECT, "GitLab does not say that it is over")
        case Absent(request_id):
            return Verdict(Result.CONFIRMED, Proof.RELIST, "GitLab lists it no more", request_id)
        case Rejected(code, detail, request_id):
            said = f"GitLab does not let us look ({code}): {detail}"
            return Verdict(Result.ACCEPTED_UNVERIFIED, None, said, request_id)
        case unknown:
            return unknown


def _build(system: str, options: Any, tools: Tools) -> GitLab:
    return GitLab(system, options, tools)


KIND: Final = Kind(
    "gitlab",
    "GitLab: access tokens of projects, groups and persons",
    Capabilities(
        listing=True,
        expiry=True,
        last_used=True,
        revoke=True,
        rotate=Rotation.OVERLAP,
        verify=(*_UNTRIED, Proof.PROBE),
    ),
    GitLabOptions,
    _build,
)
