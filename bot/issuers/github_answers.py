"""What GitHub lists, read strictly, as sightings; and the names that its credentials have in an inventory.

``pat:<grant>/<token>``
    A fine-grained personal access token: the organisation's grant (``id``) and the token itself (``token_id``).
``sso:<credential>``
    What a member authorised for the organisation's SAML single sign-on, a classic personal access token above all.
``deploy-key:<repository>/<key>``
    A deploy key, by the number of its repository: a repository's name may change, and pass to another one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt, StrictStr

from bot.issuers.moments import Moment
from bot.rules.issuing import KeyState, Sighting

_LONGEST: Final = 200
_ID: Final = re.compile(
    r"(?:(?P<pat>pat):(?P<grant>[1-9]\d{0,18})/(?P<token>[1-9]\d{0,18})"
    r"|(?P<sso>sso):(?P<credential>[1-9]\d{0,18})"
    r"|(?P<deploy>deploy-key):(?P<repository>[1-9]\d{0,18})/(?P<key>[1-9]\d{0,18}))",
    re.ASCII,
)


class Sort(StrEnum):
    """The kinds of credential, as ``issuers.yaml`` names them."""

    PAT = "pat"
    SSO = "sso"
    DEPLOY_KEY = "deploy-key"


@dataclass(frozen=True)
class Name:
    """An ``external_id``, read. ``within`` is a PAT's token or a deploy key's repository; 0 for SSO."""

    sort: Sort
    number: int
    within: int = 0


def name_of(external_id: str) -> Name | None:
    """Which credential an ``external_id`` names; None: none of GitHub's."""
    found = _ID.fullmatch(external_id)
    if found is None:
        return None
    if found["pat"]:
        return Name(Sort.PAT, int(found["grant"]), int(found["token"]))
    if found["sso"]:
        return Name(Sort.SSO, int(found["credential"]))
    return Name(Sort.DEPLOY_KEY, int(found["key"]), int(found["repository"]))


class _Item(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


class _User(_Item):
    login: StrictStr
    email: StrictStr | None = None


class Grant(_Item):
    """``organization-programmatic-access-grant``."""

    id: StrictInt
    token_id: StrictInt
    token_name: StrictStr
    token_expired: StrictBool
    token_expires_at: Moment | None
    token_last_used_at: Moment | None
    access_granted_at: Moment
    owner: _User
    permissions: dict[StrictStr, dict[StrictStr, StrictStr]] = {}

    def sighting(self) -> Sighting:
        """``created_at`` is when the organisation granted it: how old the token is, GitHub does not say."""
        rights = {f"{what}:{how}" for some in self.permissions.values() for what, how in some.items()}
        return Sighting(
            f"{Sort.PAT}:{self.id}/{self.token_id}",
            KeyState.EXPIRED if self.token_expired else KeyState.ACTIVE,
            name=_short(self.token_name),
            credential_type="fine-grained personal access token",
            scopes=_short(" ".join(sorted(rights)), 2_000),
            created_at=self.access_granted_at,
            expires_at=self.token_expires_at,
            last_used_at=self.token_last_used_at,
            owner_hints=_hints(self.owner.email, self.owner.login),
        )


class Authorization(_Item):
    """``credential-authorization``."""

    credential_id: StrictInt
    credential_type: StrictStr
    login: StrictStr
    credential_authorized_at: Moment
    credential_accessed_at: Moment | None
    scopes: tuple[StrictStr, ...] = ()
    authorized_credential_note: StrictStr | None = None
    authorized_credential_title: StrictStr | None = None
    authorized_credential_expires_at: Moment | None = None

    @property
    def is_token(self) -> bool:
        """Whether it is a classic personal access token; the others are SSH keys and the tokens of apps."""
        return self.credential_type.lower() == "personal access token"

    def sighting(self) -> Sighting:
        return Sighting(
            f"{Sort.SSO}:{self.credential_id}",
            name=_short(self.authorized_credential_note or self.authorized_credential_title or ""),
            credential_type="classic personal access token" if self.is_token else _short(self.credential_type),
            scopes=_short(" ".join(sorted(self.scopes)), 2_000),
            created_at=self.credential_authorized_at,
            expires_at=self.authorized_credential_expires_at,
            last_used_at=self.credential_accessed_at,
            owner_hints=_hints(self.login),
        )


class DeployKey(_Item):
    """``deploy-key``. The public key itself is not read."""

    id: StrictInt
    title: StrictStr
    created_at: Moment
    read_only: StrictBool
    added_by: StrictStr | None = None
    last_used: Moment | None = None
    enabled: StrictBool = True

    def sighting(self, repository: Repository) -> Sighting:
        return Sighting(
            f"{Sort.DEPLOY_KEY}:{repository.id}/{self.id}",
            KeyState.ACTIVE if self.enabled else KeyState.DISABLED,
            name=_short(f"{repository.name}: {self.title}"),
            credential_type="deploy key",
            scopes="read" if self.read_only else "read write",
            created_at=self.created_at,
            last_used_at=self.last_used,
            owner_hints=_hints(self.added_by),
        )


class Repository(_Item):
    """A repository of the installation. Its name becomes part of a path."""

    id: StrictInt
    name: Annotated[str, Field(strict=True, max_length=100, pattern=r"^[A-Za-z0-9_.-]*[A-Za-z0-9_-][A-Za-z0-9_.-]*$")]
    owner: _User


class Installation(_Item):
    """Where an App is installed."""

    account: _User | None


def _hints(*found: str | None) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_short(one) for one in found if one))


def _short(text: str, longest: int = _LONGEST) -> str:
    return "".join(one for one in text if one.isprintable())[:longest]
