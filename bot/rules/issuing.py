"""What issuing systems can do and what they answer, as values: the words between the core and every connector."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum

from pydantic import SecretStr


class Rotation(StrEnum):
    """How a connector gives a credential a new secret."""

    OVERLAP = "overlap"
    """A second credential beside the old one; the old one is retired when it lies idle (AWS access keys)."""
    CHOSEN = "chosen"
    """The same credential, with a secret that we choose and keep before it is set (a database role's password)."""


class Proof(StrEnum):
    """How an end can be seen, the strongest last."""

    RELIST = "relist"
    """It is no longer listed. Some systems list it no more and honour it still."""
    INTROSPECT = "introspect"
    """The system says of this very credential that it is not valid (RFC 7662)."""
    PROBE = "probe"
    """Somebody tried to use it, and was refused. Only where an operator has opted in."""


@dataclass(frozen=True)
class Capabilities:
    """What a connector can do for a credential. Chat, command line and ladder offer only what is declared here."""

    listing: bool = False
    """Name every credential that exists, page by page."""
    expiry: bool = False
    """Say when it expires."""
    last_used: bool = False
    """Say when it was last used."""
    usage: bool = False
    """Say where or for what it was last used."""
    disable: bool = False
    """Make it unusable without deleting it."""
    reversible: bool = False
    """Make a disabled one usable again."""
    revoke: bool = False
    """End it for good."""
    rotate: Rotation | None = None
    verify: tuple[Proof, ...] = ()
    """By what an end can be proven; empty: not at all, so that an end is never ``confirmed``."""

    def words(self) -> list[str]:
        """What is declared, as the table of ``whose issuers`` writes it: ``disable``, ``rotate{overlap}`` …"""
        said = [_WORDS.get(one.name, one.name) for one in fields(self) if getattr(self, one.name) is True]
        if self.rotate is not None:
            said.append(f"rotate{{{self.rotate.value}}}")
        if self.verify:
            said.append(f"verify{{{', '.join(one.value for one in self.verify)}}}")
        return said


_WORDS = {"listing": "list"}


@dataclass(frozen=True)
class Connector:
    """What speaks to one issuing system, as far as rules and cards need to know it."""

    kind: str
    able: Capabilities


class KeyState(StrEnum):
    """What state a credential is in at its issuing system."""

    ACTIVE = "active"
    DISABLED = "disabled"
    EXPIRED = "expired"


@dataclass(frozen=True)
class Credential:
    """Exactly one credential, as the inventory points at it. Never the secret itself."""

    external_id: str
    secret_ref: str = ""
    """Where the secret is kept, for systems that need it to name the token (RFC 7009) and for probes."""
    credential_type: str = ""
    name: str = ""


@dataclass(frozen=True)
class Sighting:
    """One credential as its issuing system shows it now. None and empty: the system does not say."""

    external_id: str
    state: KeyState = KeyState.ACTIVE
    name: str = ""
    credential_type: str = ""
    scopes: str = ""
    created_at: datetime | None = None
    expires_at: datetime | None = None
    last_used_at: datetime | None = None
    used_for: str = ""
    """Where or for what it was last used: a service and region, an address."""
    owner_hints: tuple[str, ...] = ()
    """Who may own it, the likeliest first: an e-mail address from a tag, the name of a creator."""


@dataclass(frozen=True)
class Absent:
    """The system surely has no such credential."""

    request_id: str = ""


@dataclass(frozen=True)
class Accepted:
    """The system said yes. That proves nothing yet."""

    request_id: str = ""
    """The issuing system's own id of the call, for its audit log."""


@dataclass(frozen=True)
class Rejected:
    """The system said no for good, and nothing changed. ``code`` is its own word or HTTP status."""

    code: str
    detail: str = ""
    """A sentence for an operator, without anything secret."""
    request_id: str = ""


@dataclass(frozen=True)
class NotDone:
    """Surely not done, for no fault of this call (refused connection, 429); again after ``retry_after`` seconds."""

    reason: str
    retry_after: float = 0.0


@dataclass(frozen=True)
class Unclear:
    """Nobody knows whether it was done (timeout, reset, 5xx, an answer that cannot be read): look before acting."""

    detail: str
    request_id: str = ""


@dataclass(frozen=True)
class Created:
    """A new credential beside the old one. The secret is shown by the system this once."""

    external_id: str
    secret: SecretStr
    request_id: str = ""


Reply = Accepted | Absent | Rejected | NotDone | Unclear
"""What came of disable, enable or revoke."""
Look = Sighting | Absent | Rejected | NotDone | Unclear
"""What came of looking at one credential."""


class Result(StrEnum):
    """What is known of an end; the values are stored."""

    CONFIRMED = "confirmed"
    """The issuing system was asked afterwards, and it is over."""
    ACCEPTED_UNVERIFIED = "accepted_unverified"
    """Somebody or something said yes, and nothing proves it."""
    FAILED = "failed"
    """It still works, or nothing was done."""


@dataclass(frozen=True)
class Verdict:
    """What checking an end has shown."""

    result: Result
    proof: Proof | None = None
    """The strongest check that was made; None: none could be."""
    detail: str = ""
    """Why, as a sentence for an operator."""
    request_id: str = ""


@dataclass(frozen=True)
class Check:
    """One line of ``doctor`` about a connector: its credential, one permission."""

    subject: str
    ok: bool
    said: str
    advice: str = ""
