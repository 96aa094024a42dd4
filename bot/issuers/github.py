"""A GitHub organisation: fine-grained and classic personal access tokens, and the deploy keys of its repositories.

Spoken to as a GitHub App that is installed in the organisation. What ends here is the access to this organisation: a
personal access token belongs to a person, who may have given it to other organisations, too, and who can authorise a
classic one for single sign-on again; that is a new authorisation with another id, and the next discovery reports it.

Nothing is rotated. A personal access token can only be made by its owner, in a browser; of a deploy key GitHub knows
the public half, and who holds the private one makes the next. Nothing can be tried out either: a personal access token
that lost this organisation still works everywhere else.

GitHub answers 404 to what does not exist and to what we may not see. Therefore no 404 alone makes a credential absent:
the list that would hold it has to be readable to its end, and without it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Final, TypeVar

from pydantic import BaseModel, Field, ValidationError

from bot.issuers.addresses import Address
from bot.issuers.calls import Answer, Caller
from bot.issuers.github_answers import (
    Authorization,
    DeployKey,
    Grant,
    Installation,
    Name,
    Repository,
    Sort,
    name_of,
)
from bot.issuers.github_app import App, GitHub, Granted
from bot.issuers.paging import PAGE, Listed, ListError, items
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

_NEEDED: Final = {
    Sort.PAT: ("organization_personal_access_tokens", "Organization permissions, Personal access tokens"),
    Sort.SSO: ("organization_administration", "Organization permissions, Administration"),
    Sort.DEPLOY_KEY: ("administration", "Repository permissions, Administration"),
}
_MOVED: Final = (301, 302, 307, 308)
_FOREIGN: Final = Rejected("unknown_id", "This is no id of a GitHub credential. Run `whose discover` to see the ids")
_Item = TypeVar("_Item", bound=BaseModel)


class GitHubOptions(Options):
    """A GitHub organisation in ``issuers.yaml``."""

    org: Annotated[str, Field(pattern=r"^[A-Za-z0-9](?:[A-Za-z0-9-]{0,38})$")]
    app_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9.]{1,40}$")]
    """The App's id or client id."""
    installation_id: Annotated[int, Field(gt=0)]
    private_key: SecretRef
    """A reference to the App's private key, as GitHub gave it (PEM)."""
    credentials: tuple[Sort, ...] = (Sort.PAT, Sort.DEPLOY_KEY)
    """Which kinds are listed. ``sso`` needs Enterprise Cloud with SAML."""
    api: Address = "https://api.github.com"
    """Another one for GitHub Enterprise Server: ``https://HOST/api/v3``."""
    ca_file: str = ""
    """Root certificates, where they are not those of the machine."""


class GitHubOrganisation(Undeclared):
    """One organisation. ``system`` is its name in the inventory."""

    kind = "github"

    def __init__(self, system: str, options: GitHubOptions, tools: Tools) -> None:
        self.system = system
        self.capabilities = KIND.capabilities
        self._options = options
        app = App(options.app_id, options.installation_id, options.private_key)
        self._github = GitHub(Caller(options.api, verify=options.ca_file or True), app, tools)
        self._repositories: dict[int, Repository] = {}

    def close(self) -> None:
        self._github.close()

    def check(self) -> list[Check]:
        granted = self._github.granted()
        if not isinstance(granted, Granted):
            return [_unusable(granted)]
        return [self._right_place(), *(self._may(sort, granted) for sort in self._options.credentials)]

    def is_ours(self, credential: Credential) -> bool:  # noqa: ARG002 - the port's
        """Never: we sign with an App's private key and use its installation's tokens, and neither is a personal access
        token, a deploy key or in the list of single sign-on. GitHub lists them nowhere near those."""
        return False

    def listing(self) -> Iterator[Sighting]:
        seen: set[str] = set()
        sources = {Sort.PAT: self._grants, Sort.SSO: self._authorizations, Sort.DEPLOY_KEY: self._every_key}
        for sort in dict.fromkeys(self._options.credentials):
            for sighting in sources[sort]():
                if sighting.external_id not in seen:
                    seen.add(sighting.external_id)
                    yield sighting

    def look(self, credential: Credential) -> Look:
        name = name_of(credential.external_id)
        if name is None:
            return _FOREIGN
        try:
            match name.sort:
                case Sort.PAT:
                    return self._look_grant(name)
                case Sort.SSO:
                    return self._found(credential.external_id, self._authorizations(all_types=True))
                case Sort.DEPLOY_KEY:
                    return self._look_key(name)
        except ListError as broken:
            return broken.outcome

    def revoke(self, credential: Credential) -> Reply:
        """End one credential's access. Anything but GitHub's 204 (or 202: not yet) is looked into, never believed."""
        name = name_of(credential.external_id)
        if name is None:
            return _FOREIGN
        answer = self._end(name)
        if not isinstance(answer, Answer):
            return answer
        if answer.status in (202, 204):
            return Accepted(answer.request_id)
        if answer.status == 404 or answer.status in _MOVED:
            return self._why_not(credential, answer)
        if answer.ok:
            return Unclear(f"GitHub answers {answer.status} to a revocation", answer.request_id)
        return _rejected(answer)

    def verify(self, credential: Credential) -> Verdict | NotDone | Unclear:
        match self.look(credential):
            case Absent(request_id):
                return Verdict(Result.CONFIRMED, Proof.RELIST, "GitHub lists it no more", request_id)
            case Sighting():
                return Verdict(Result.FAILED, Proof.RELIST, "GitHub still lists it")
            case Rejected(code, detail, request_id):
                said = f"GitHub does not let us look ({code}): {detail}"
                return Verdict(Result.ACCEPTED_UNVERIFIED, None, said, request_id)
            case unknown:
                return unknown

    # fine-grained personal access tokens

    def _grants(self, token_id: int | None = None) -> Iterator[Sighting]:
        only = "" if token_id is None else f"&token_id[]={token_id}"
        path = f"orgs/{self._options.org}/personal-access-tokens?per_page={PAGE}&direction=asc{only}"
        for grant in self._each(Grant, path):
            yield grant.sighting()

    def _look_grant(self, name: Name) -> Look:
        """First the few that GitHub gives for this token; that none is there, only the whole list can say. If the grant
        is there for another token, it is not what was approved."""
        wanted = f"{Sort.PAT}:{name.number}/{name.within}"
        at_once = self._found(wanted, self._grants(name.within))
        if isinstance(at_once, Sighting):
            return at_once
        prefix = f"{Sort.PAT}:{name.number}/"
        for sighting in self._grants():
            if sighting.external_id == wanted:
                return sighting
            if sighting.external_id.startswith(prefix):
                return Rejected("changed", "The grant is for another token by now. Run `whose discover` to see it")
        return at_once

    # single sign-on

    def _authorizations(self, *, all_types: bool = False) -> Iterator[Sighting]:
        path = f"orgs/{self._options.org}/credential-authorizations?per_page={PAGE}"
        for one in self._each(Authorization, path, by_number=True):
            if all_types or one.is_token:
                yield one.sighting()

    # deploy keys

    def _every_key(self) -> Iterator[Sighting]:
        for repository in list(self._read_repositories().values()):
            yield from self._keys(repository)

    def _keys(self, repository: Repository) -> Iterator[Sighting]:
        for key in self._each(DeployKey, f"repos/{self._options.org}/{repository.name}/keys?per_page={PAGE}"):
            yield key.sighting(repository)

    def _look_key(self, name: Name) -> Look:
        """By its own address; where there is nothing, by the list of its repository under its name of this moment."""
        external_id = f"{Sort.DEPLOY_KEY}:{name.within}/{name.number}"
        repository = self._repositories.get(name.within) or self._read_repositories().get(name.within)
        if repository is None:
            return _UNSEEN
        answer = self._github.get(f"repos/{self._options.org}/{repository.name}/keys/{name.number}")
        if not isinstance(answer, Answer):
            return answer
        if answer.status == 200:
            sighting = self._read(DeployKey, _body(answer), answer).sighting(repository)
            if sighting.external_id == external_id:
                return sighting
            return Unclear("GitHub answers with another key than the one asked for", answer.request_id)
        if answer.status != 404 and answer.status not in _MOVED:
            return _rejected(answer)
        repository = self._read_repositories().get(name.within)
        return _UNSEEN if repository is None else self._found(external_id, self._keys(repository), answer.request_id)

    def _read_repositories(self) -> dict[int, Repository]:
        """The organisation's repositories by number, as they are called now."""
        found: dict[int, Repository] = {}
        path = f"installation/repositories?per_page={PAGE}"
        for repository in self._each(Repository, path, key="repositories"):
            if repository.owner.login.lower() != self._options.org.lower():
                raise self._broken(Rejected("another_org", f"the installation is not the one in {self._options.org}"))
            found[repository.id] = repository
        self._repositories = found
        return found

    # what all have in common

    def _end(self, name: Name) -> Answer | NotDone | Unclear | Rejected:
        org = self._options.org
        match name.sort:
            case Sort.PAT:
                body = {"action": "revoke"}
                return self._github.change("POST", f"orgs/{org}/personal-access-tokens/{name.number}", body)
            case Sort.SSO:
                return self._github.change("DELETE", f"orgs/{org}/credential-authorizations/{name.number}")
            case Sort.DEPLOY_KEY:
                try:
                    repository = self._repositories.get(name.within) or self._read_repositories().get(name.within)
                except ListError as broken:
                    return broken.outcome
                if repository is None:
                    return _UNSEEN
                return self._github.change("DELETE", f"repos/{org}/{repository.name}/keys/{name.number}")

    def _why_not(self, credential: Credential, answer: Answer) -> Reply:
        look = self.look(credential)
        if not isinstance(look, Sighting):
            return look
        if answer.status == 404:
            said = "GitHub lists it and does not find it to revoke: the App may read here, not write"
            return Rejected("404", said, answer.request_id)
        return NotDone("The repository was renamed meanwhile", 1.0)

    def _found(self, external_id: str, sightings: Iterator[Sighting], request_id: str = "") -> Sighting | Absent:
        """Raises ``ListError`` where the list cannot be read to its end."""
        return next((one for one in sightings if one.external_id == external_id), Absent(request_id))

    def _each(self, model: type[_Item], path: str, *, key: str = "", by_number: bool = False) -> Iterator[_Item]:
        for item, answer in items(Listed(self._github.host, path, key, by_number), self._github.get):
            yield self._read(model, item, answer)

    def _read(self, model: type[_Item], item: Any, answer: Answer) -> _Item:
        try:
            return model.model_validate(item)
        except ValidationError:
            raise self._broken(Unclear(f"a {model.__name__} in it cannot be read", answer.request_id)) from None

    def _broken(self, outcome: NotDone | Unclear | Rejected) -> ListError:
        return ListError(self._github.host, outcome)

    def _right_place(self) -> Check:
        answer = self._github.as_app("GET", f"app/installations/{self._options.installation_id}")
        subject = f"GitHub App in {self._options.org}"
        if not isinstance(answer, Answer) or answer.status != 200:
            return Check(subject, False, "The installation cannot be read", "Try again, then see installation_id.")
        try:
            account = Installation.model_validate(_body(answer)).account
        except ValidationError:
            return Check(subject, False, "GitHub's answer cannot be read", "See that `api` is GitHub's address.")
        if account is None or account.login.lower() != self._options.org.lower():
            return Check(subject, False, "It is installed elsewhere", "See org and installation_id.")
        return Check(subject, True, "Signed in")

    def _may(self, sort: Sort, granted: Granted) -> Check:
        permission, where = _NEEDED[sort]
        held = granted.permissions.get(permission, "none")
        if held != "write":
            advice = f"Give the App «{where}: read and write», and have the organisation accept it."
            return Check(f"{sort} of {self._options.org}", False, f"May not revoke ({permission}: {held})", advice)
        said = "May list and revoke"
        if sort is Sort.DEPLOY_KEY and granted.repository_selection != "all":
            said += ", in the repositories that the App is installed for, and no others"
        return Check(f"{sort} of {self._options.org}", True, said)


_UNSEEN: Final = Rejected(
    "404", "The App does not see this repository, so that nobody knows whether the key is gone. Look there yourself"
)


def _body(answer: Answer) -> Any:
    try:
        return answer.json()
    except ValueError:
        return None


def _rejected(answer: Answer) -> Rejected:
    """Without GitHub's own words: they could hold anything."""
    said = {
        401: "GitHub does not take our credential. Run `whose doctor`",
        403: "The App may not do this. Run `whose doctor` to see which permission is missing",
        422: "GitHub finds the request invalid",
    }.get(answer.status, "GitHub refuses")
    return Rejected(str(answer.status), said, answer.request_id)


def _unusable(outcome: NotDone | Unclear | Rejected) -> Check:
    said = outcome.reason if isinstance(outcome, NotDone) else outcome.detail
    return Check("GitHub App", False, said, "See app_id, installation_id and private_key in the issuers file.")


def _build(system: str, options: Any, tools: Tools) -> GitHubOrganisation:
    return GitHubOrganisation(system, options, tools)


KIND: Final = Kind(
    "github",
    "GitHub organisation: personal access tokens and deploy keys",
    Capabilities(listing=True, expiry=True, last_used=True, revoke=True, verify=(Proof.RELIST,)),
    GitHubOptions,
    _build,
    extra="github",
)
