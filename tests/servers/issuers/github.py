"""A GitHub with one organisation, over HTTP, that is held to GitHub's published OpenAPI description.

It verifies the App's JWT (signature, issuer, times), gives installation tokens of an hour with the permissions of the
installation, lists a hundred at a time with ``Link`` headers under the organisation's number, as GitHub does, and
answers 404 to what does not exist and to what may not be seen. Whatever breaks the description, by us or by the double,
fails the test when the double is closed.
"""

from __future__ import annotations

import email.utils
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import count
from typing import Any, Final

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from tests.servers.issuers.github_contract import contract
from tests.servers.issuers.http_double import Asked, HttpDouble, Replied, serving

ORG: Final = "example-org"
ORG_ID: Final = 652551
APP_ID: Final = "12345"
INSTALLATION: Final = 678910
EVERYTHING: Final = {
    "metadata": "read",
    "administration": "write",
    "organization_personal_access_tokens": "write",
    "organization_administration": "write",
}
_START: Final = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


@cache
def private_key() -> str:
    """The App's private key (PEM), one a process."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()


@dataclass
class Repo:
    """A repository and its deploy keys by number."""

    id: int
    name: str
    keys: dict[int, dict[str, Any]] = field(default_factory=dict)


class GitHubDouble(HttpDouble):
    """One organisation and one installed App. Tests change its lists and its ``now`` directly."""

    def __init__(self) -> None:
        super().__init__()
        self.now = _START
        self.permissions = dict(EVERYTHING)
        self.grants: dict[int, dict[str, Any]] = {}
        self.authorizations: dict[int, dict[str, Any]] = {}
        self.repos: dict[int, Repo] = {}
        self.moved: dict[str, int] = {}
        """Former names of repositories."""
        self.tokens: dict[str, datetime] = {}
        """Installation tokens and their ends."""
        self.secrets: dict[str, str] = {}
        """What was handed out to people: secret and ``external_id``."""
        self.breaches: list[str] = []
        self._numbers = count(1001)

    # what people do

    def add_pat(self, login: str, name: str, *, email_address: str | None = None, **more: Any) -> str:
        """A fine-grained personal access token with access to the organisation; returns its ``external_id``."""
        grant, token = next(self._numbers), next(self._numbers)
        organization = f"{self.url}/organizations/{ORG_ID}"
        self.grants[grant] = {
            "id": grant,
            "owner": _user(login, email_address),
            "repository_selection": "all",
            "repositories_url": f"{organization}/personal-access-tokens/{grant}/repositories",
            "permissions": {"organization": {"members": "read"}, "repository": {"metadata": "read"}},
            "access_granted_at": _written(self.now),
            "token_id": token,
            "token_name": name,
            "token_expired": False,
            "token_expires_at": _written(self.now + timedelta(days=90)),
            "token_last_used_at": None,
            **more,
        }
        return self._handed_out(f"pat:{grant}/{token}", "github_pat_")

    def authorize(self, login: str, note: str, *, sort: str = "personal access token") -> str:
        """A credential authorised for single sign-on; returns its ``external_id``."""
        number = next(self._numbers)
        self.authorizations[number] = {
            "login": login,
            "credential_id": number,
            "credential_type": sort,
            "token_last_eight": "12345678",
            "credential_authorized_at": _written(self.now),
            "credential_accessed_at": None,
            "authorized_credential_id": next(self._numbers),
            "authorized_credential_note": note,
            "authorized_credential_expires_at": None,
            "scopes": ["repo", "read:org"],
        }
        return self._handed_out(f"sso:{number}", "ghp_")

    def add_repo(self, name: str) -> Repo:
        repo = Repo(next(self._numbers), name)
        self.repos[repo.id] = repo
        return repo

    def add_key(self, repo: Repo, title: str, *, added_by: str = "octo-example") -> str:
        """A deploy key; returns its ``external_id``."""
        number = next(self._numbers)
        repo.keys[number] = {
            "id": number,
            "key": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5example",
            "url": f"{self.url}/repos/{ORG}/{repo.name}/keys/{number}",
            "title": title,
            "verified": True,
            "created_at": _written(self.now),
            "read_only": True,
            "added_by": added_by,
            "last_used": None,
            "enabled": True,
        }
        return self._handed_out(f"deploy-key:{repo.id}/{number}", "key-")

    def rename(self, repo: Repo, name: str) -> None:
        self.moved[repo.name] = repo.id
        repo.name = name

    def secret_of(self, external_id: str) -> str:
        return next(secret for secret, one in self.secrets.items() if one == external_id)

    def lets_in(self, secret: str) -> bool:
        """Whether the organisation lets in who holds this secret; if so, that was a use of it."""
        sort, _, rest = self.secrets[secret].partition(":")
        first, _, last = rest.partition("/")
        keys = {number: key for repo in self.repos.values() for number, key in repo.keys.items()}
        lists: dict[str, tuple[dict[int, dict[str, Any]], str, str]] = {
            "pat": (self.grants, first, "token_last_used_at"),
            "sso": (self.authorizations, first, "credential_accessed_at"),
            "deploy-key": (keys, last, "last_used"),
        }
        held, number, used = lists[sort]
        found = held.get(int(number))
        if found is None or found.get("token_expired"):
            return False
        found[used] = _written(self.now)
        return True

    def expire_tokens(self) -> None:
        """End every installation token at once, before its time."""
        self.tokens = dict.fromkeys(self.tokens, self.now)

    def _handed_out(self, external_id: str, prefix: str) -> str:
        self.secrets[prefix + secrets.token_hex(16)] = external_id
        return external_id

    # what is answered

    def answer(self, asked: Asked) -> Replied:
        path = re.sub(rf"^/organizations/{ORG_ID}(?=/)", f"/orgs/{ORG}", asked.path)
        self._judge(asked, contract().faults_of_request(asked.method, path, asked.query, asked.body))
        replied = self._with_headers(self._routed(asked, path))
        faults = contract().faults_of_answer(asked.method, path, replied.status, replied.headers, replied.body)
        self._judge(asked, faults)
        return replied

    def _judge(self, asked: Asked, faults: list[str]) -> None:
        self.breaches += [f"{asked.line}: {one}" for one in faults]

    def _with_headers(self, replied: Replied) -> Replied:
        headers = {
            "date": email.utils.format_datetime(self.now.astimezone(UTC), usegmt=True),
            "x-github-request-id": f"TEST:{len(self.asked)}",
            "x-ratelimit-remaining": "4999",
            **({"content-type": "application/json; charset=utf-8"} if replied.content is not None else {}),
        }
        return Replied(replied.status, replied.content, headers | replied.headers)

    def _routed(self, asked: Asked, path: str) -> Replied:
        bearer = asked.headers.get("authorization", "").removeprefix("Bearer ")
        if path.startswith("/app/"):
            return self._as_app(asked, path) if self._is_app(bearer) else refusal(401, "A JWT could not be decoded")
        if self.tokens.get(bearer, self.now) <= self.now:
            return refusal(401, "Bad credentials")
        if path == "/installation/repositories":
            repos = [self._repository(one) for one in self.repos.values()]
            page = self._page(asked, repos)
            return Replied(200, {"total_count": len(repos), "repositories": page.content}, page.headers)
        if path.startswith(f"/orgs/{ORG}/personal-access-tokens"):
            return self._pats(asked, path)
        if path.startswith(f"/orgs/{ORG}/credential-authorizations"):
            return self._authorized(asked, path)
        if path.startswith("/repos/"):
            return self._keys(asked, path)
        return refusal(404, "Not Found")

    def _is_app(self, token: str) -> bool:
        """As GitHub checks: RS256, this App, issued in the past, ending within ten minutes."""
        public = rsa_public()
        try:
            claims = jwt.decode(token, public, algorithms=["RS256"], options={"verify_exp": False, "verify_iat": False})
        except jwt.PyJWTError:
            return False
        issued, ends = datetime.fromtimestamp(claims["iat"], UTC), datetime.fromtimestamp(claims["exp"], UTC)
        return claims["iss"] == APP_ID and issued <= self.now < ends <= self.now + timedelta(minutes=10)

    def _as_app(self, asked: Asked, path: str) -> Replied:
        if path == f"/app/installations/{INSTALLATION}":
            return Replied(200, self._installation())
        if path == f"/app/installations/{INSTALLATION}/access_tokens":
            token, ends = "ghs_" + secrets.token_hex(18), self.now + timedelta(hours=1)
            self.tokens[token] = ends
            granted = {"permissions": self.permissions, "repository_selection": "all"}
            return Replied(201, {"token": token, "expires_at": _written(ends), **granted})
        return refusal(404, "Not Found")

    def _pats(self, asked: Asked, path: str) -> Replied:
        right = self.permissions.get("organization_personal_access_tokens", "")
        if not right or (asked.method == "POST" and right != "write"):
            return refusal(404 if not right else 403, "Resource not accessible by integration")
        found = re.search(r"/(\d+)$", path)
        if found is None:
            wanted = {int(one) for one in asked.params.get("token_id[]", [])}
            return self._page(asked, [one for one in self.grants.values() if not wanted or one["token_id"] in wanted])
        gone = self.grants.pop(int(found[1]), None)
        return refusal(404, "Not Found") if gone is None else Replied(204)

    def _authorized(self, asked: Asked, path: str) -> Replied:
        right = self.permissions.get("organization_administration", "")
        if not right or (asked.method == "DELETE" and right != "write"):
            return refusal(404, "Not Found")
        found = re.search(r"/(\d+)$", path)
        if found is None:
            return self._page(asked, list(self.authorizations.values()), link=False)
        gone = self.authorizations.pop(int(found[1]), None)
        return refusal(404, "Not Found") if gone is None else Replied(204)

    def _keys(self, asked: Asked, path: str) -> Replied:
        name = path.split("/")[3]
        repo = next((one for one in self.repos.values() if one.name == name), None)
        right = self.permissions.get("administration", "")
        if repo is None and name in self.moved:
            place = path.replace(f"/repos/{ORG}/{name}/", f"/repositories/{self.moved[name]}/")
            return Replied(301, {"message": "Moved Permanently"}, {"location": self.url + place})
        if repo is None or not right or (asked.method == "DELETE" and right != "write"):
            return refusal(404, "Not Found")
        found = re.search(r"/(\d+)$", path)
        if found is None:
            return self._page(asked, list(repo.keys.values()))
        if int(found[1]) not in repo.keys:
            return refusal(404, "Not Found")
        if asked.method == "DELETE":
            del repo.keys[int(found[1])]
            return Replied(204)
        return Replied(200, repo.keys[int(found[1])])

    def _page(self, asked: Asked, everything: list[Any], *, link: bool = True) -> Replied:
        """Single sign-on's list is not described to have a ``Link``, and here it has none."""
        size, number = min(asked.number("per_page", 30), 100), asked.number("page", 1)
        shown = everything[(number - 1) * size : number * size]
        if not link or number * size >= len(everything):
            return Replied(200, shown)
        rest = "&".join(one for one in asked.query.split("&") if not one.startswith("page="))
        path = re.sub(rf"^/orgs/{ORG}(?=/)", f"/organizations/{ORG_ID}", asked.path)
        last = -(-len(everything) // size)
        pages = {"next": number + 1, "last": last}
        said = ", ".join(f'<{self.url}{path}?{rest}&page={page}>; rel="{rel}"' for rel, page in pages.items())
        return Replied(200, shown, {"link": said})

    def _installation(self) -> dict[str, Any]:
        return {
            "id": INSTALLATION,
            "account": _user(ORG) | {"type": "Organization"},
            "repository_selection": "all",
            "access_tokens_url": f"{self.url}/app/installations/{INSTALLATION}/access_tokens",
            "repositories_url": f"{self.url}/installation/repositories",
            "html_url": f"https://github.example/organizations/{ORG}/settings/installations/{INSTALLATION}",
            "app_id": int(APP_ID),
            "target_id": ORG_ID,
            "target_type": "Organization",
            "permissions": self.permissions,
            "events": [],
            "created_at": _written(_START),
            "updated_at": _written(_START),
            "single_file_name": None,
            "app_slug": "whose-example",
            "suspended_at": None,
            "suspended_by": None,
        }

    def _repository(self, repo: Repo) -> dict[str, Any]:
        known = {"id": repo.id, "name": repo.name, "owner": _user(ORG), "license": None}
        return _filled("repository", known, self.url)


def rsa_public() -> rsa.RSAPublicKey:
    """The public half of :func:`private_key`, as GitHub holds it."""
    key = load_pem_private_key(private_key().encode(), None)
    assert isinstance(key, rsa.RSAPrivateKey)
    return key.public_key()


def refusal(status: int, message: str) -> Replied:
    """An error as GitHub writes it."""
    return Replied(status, {"message": message, "documentation_url": "https://docs.github.com/rest"})


@contextmanager
def running_github() -> Iterator[GitHubDouble]:
    """A running double; at the end, every breach of GitHub's description is an error."""
    double = GitHubDouble()
    with serving(double):
        yield double
    assert not double.breaches, "\n".join(double.breaches)


def _written(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _user(login: str, email_address: str | None = None) -> dict[str, Any]:
    known = {"login": login, "id": 1, "email": email_address}
    return _filled("simple-user", known, f"https://github.example/{login}")


def _filled(name: str, known: dict[str, Any], url: str) -> dict[str, Any]:
    """Everything that the description demands of an object of this kind, empty where a test does not care."""
    schema = contract().document["components"]["schemas"][name]
    return {
        one: _empty(schema["properties"][one], url) for one in schema.get("required", []) if one not in known
    } | known


def _empty(schema: dict[str, Any], url: str) -> Any:
    if "anyOf" in schema and {"type": "null"} in schema["anyOf"]:
        return None
    if "$ref" in schema:
        return _filled(schema["$ref"].rpartition("/")[2], {}, url)
    if "enum" in schema:
        return schema["enum"][0]
    plain = {"string": url, "integer": 0, "number": 0, "boolean": False, "array": [], "object": {}}
    return plain[schema["type"]]
