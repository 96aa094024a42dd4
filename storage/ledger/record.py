"""What a ledger record says, and the exact bytes that are hashed.

A record is JSON in the canonical form of RFC 8785: keys sorted, no white space, integers only, times in
milliseconds since 1970 UTC. What is absent is left out. The stored bytes are the record; nothing is ever
verified by writing it anew. Fields and kinds are only ever added, never renamed or renumbered, so that
old records stay readable for ever.

Personal data (names, addresses, justifications, evidence) never stands in a record. It goes into salted
disclosures in the manner of SD-JWT (RFC 9901): the record lists their digests in ``_sd``, and a
disclosure can be erased without touching the record. People appear as random pseudonyms.
"""

from __future__ import annotations

import json
import re
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from hashlib import sha256
from typing import Any, Literal, NamedTuple

VERSION = 1
MAX_RECORD_BYTES = 65_535  # C2SP tlog-tiles: an entry's length is a 16-bit number
MAX_INTEGER = 2**53 - 1  # RFC 8785, 3.2.2.3: beyond it, readers that use doubles lose digits

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_PSEUDONYM = re.compile(r"[A-Za-z0-9_.:-]{1,128}")


class LedgerError(ValueError):
    """A record that cannot be written as it is. The message says what to change."""


class RecordKind(IntEnum):
    """What happened. The numbers are part of every record: append only, never reuse one."""

    REQUEST_OPENED = 1
    ASKED = 2  # a ladder step told somebody
    NO_RESPONSE = 3
    DECISION = 4
    REFUSED = 5  # somebody without authority tried
    OWNERSHIP_CHANGED = 6
    HANDOVER_PROPOSED = 7
    HANDOVER_ANSWERED = 8
    REMEDIATION_OPENED = 9
    REMEDIATION_RESULT = 10
    DEFAULT_ACTION = 11
    INVENTORY_IMPORTED = 12
    TOKEN_VANISHED = 13
    DELIVERY_FAILED = 14
    POLICY_CHANGED = 15
    REQUEST_WITHDRAWN = 16
    PERSON_LEFT = 17


Part = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Entry:
    """One event on its way into the ledger. No personal data outside ``disclosures``, no secret anywhere.

    Every part is a mapping with ASCII keys whose values are strings, integers, booleans, lists or further
    mappings; members that are ``None`` are left out of the record.

    Attributes:
        kind: what happened.
        reason: why, as one machine-readable word (``expiring``, ``attest``, ``no_authority`` …).
        token_id: our id of the token; gives the record its place in that token's own chain.
        token: what the token was at that moment: issuer, external id, tier, scopes …
        request_id: the attestation request that this belongs to.
        effective_at: when it took effect; the moment of recording if left out.
        accountable: who is accountable, ``before`` and ``after``, as pseudonyms by role.
        actor_ref: pseudonym of the actor; left out for the system itself.
        role: the role in which the actor acted: ``name``, ``source``, ``as_of`` (ms).
        authority: ``policy_id``, ``version``, ``hash``, ``rule``, ``delegated_from``.
        channel: ``platform``, ``workspace``, ``message``, ``payload_sha256``.
        details: ids, counts, step, outcome.
        disclosures: personal data by name (``justification``, ``actor_name`` …), erasable later.
    """

    kind: RecordKind
    reason: str = ""
    token_id: int | None = None
    token: Part = field(default_factory=dict)
    request_id: int | None = None
    effective_at: datetime | None = None
    accountable: Part = field(default_factory=dict)
    actor_ref: str | None = None
    actor_type: Literal["human", "bot", "system"] = "system"
    role: Part = field(default_factory=dict)
    authority: Part = field(default_factory=dict)
    channel: Part = field(default_factory=dict)
    details: Part = field(default_factory=dict)
    disclosures: Mapping[str, str] = field(default_factory=dict)


class Place(NamedTuple):
    """Where in the log a record stands; everything about it that its entry does not know."""

    log: str
    epoch: int
    seq: int
    id: str
    recorded_at: int
    token_seq: int | None
    prev: str


class Disclosure(NamedTuple):
    """One piece of personal data, tied to a record by its digest and hidden by its salt."""

    digest: str
    salt: str
    name: str
    value: str


def to_ms(moment: datetime) -> int:
    """Whole milliseconds since 1970 UTC, rounded down. ``moment`` carries a zone."""
    return (moment - EPOCH) // _MILLISECOND


def from_ms(milliseconds: int) -> datetime:
    """The moment in UTC, exact (no float between)."""
    return EPOCH + timedelta(milliseconds=milliseconds)


def disclose(values: Mapping[str, str]) -> list[Disclosure]:
    """Salt and digest each value, 128 random bits of salt per value.

    Raises:
        LedgerError: on text that no database or no UTF-8 can hold, or that is too long.
    """
    made = []
    for name, value in values.items():
        salt = secrets.token_urlsafe(16)
        if "\x00" in name or "\x00" in value:
            raise LedgerError(f"disclosure {name!r} holds a NUL character; leave it out")
        digest = disclosure_digest(salt, name, value)
        if len(value) > MAX_RECORD_BYTES:
            raise LedgerError(f"disclosure {name!r} has {len(value)} characters; at most {MAX_RECORD_BYTES} fit")
        made.append(Disclosure(digest, salt, name, value))
    return made


def disclosure_digest(salt: str, name: str, value: str) -> str:
    """base64url, without padding, of SHA-256 over the canonical JSON of ``[salt, name, value]``."""
    digest = sha256(_utf8(_encode([salt, name, value]))).digest()
    return urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")


def record_bytes(entry: Entry, place: Place, digests: Iterable[str] = ()) -> bytes:
    """The canonical bytes of one record: what is hashed, stored and verified.

    Raises:
        LedgerError: when a value has no canonical form, the actor is not a pseudonym or the record is
            longer than 65,535 bytes.
    """
    kind = int(entry.kind)
    effective = entry.effective_at
    record: dict[str, Any] = {
        "v": VERSION,
        "log": place.log,
        "epoch": place.epoch,
        "seq": place.seq,
        "id": place.id,
        "kind": kind,
        "recorded_at": place.recorded_at,
        "effective_at": place.recorded_at if effective is None else to_ms(effective),
        "reason": entry.reason,
        "actor": _actor(entry),
    }
    if entry.token_id is not None:
        record["token"] = {**_present(entry.token), "id": entry.token_id}
        record["token_seq"] = place.token_seq
        record["prev"] = place.prev
    elif entry.token:
        raise LedgerError("a record that describes a token also needs its token_id")
    if entry.request_id is not None:
        record["request"] = entry.request_id
    if entry.accountable:
        record["accountable"] = _present(entry.accountable)
    if entry.role:
        record["role"] = _present(entry.role)
    if entry.authority:
        record["authority"] = _present(entry.authority)
    if entry.channel:
        record["channel"] = _present(entry.channel)
    if entry.details:
        record["details"] = _present(entry.details)
    if digests := sorted(digests):
        record["_sd"] = digests
    body = canonical(record)
    if len(body) > MAX_RECORD_BYTES:
        raise LedgerError(
            f"a ledger record holds at most {MAX_RECORD_BYTES} bytes and this one has {len(body)}; "
            "keep long lists out of its details"
        )
    return body


def canonical(value: Any) -> bytes:
    """RFC 8785 bytes of a JSON value made of strings, integers, booleans, lists and mappings.

    Narrower than the RFC, so that the C encoder of the standard library gives the very same bytes: keys
    are ASCII (there, code point order and the RFC's UTF-16 order agree), numbers are integers that every
    reader holds exactly, and ``None`` does not occur.

    Raises:
        LedgerError: on anything else, naming it.
    """
    _check(value, "the record")
    return _utf8(_encode(value))


_encode = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False, check_circular=False
).encode


def _utf8(text: str) -> bytes:
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise LedgerError("the text holds half of a character pair (a lone surrogate)") from error


def _check(value: Any, name: str) -> None:
    """Refuse what has no exact canonical form. Strings and small integers, the common case, go first."""
    if isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str) or not key.isascii():
                raise LedgerError(f"{name}: keys are ASCII text, {key!r} is not")
            kind = type(item)
            if kind is str or (kind is int and -MAX_INTEGER <= item <= MAX_INTEGER):
                continue
            _check(item, key)
    elif isinstance(value, list | tuple):
        for item in value:
            if type(item) is not str:
                _check(item, name)
    elif isinstance(value, int):
        if not -MAX_INTEGER <= value <= MAX_INTEGER:
            raise LedgerError(f"{name}: {value} is beyond ±(2^53 - 1); write it as text")
    elif not isinstance(value, str):
        raise LedgerError(f"{name}: a {type(value).__name__} has no place in a record; leave out or convert it")


def _present(part: Part) -> dict[str, Any]:
    """A part without its absent members (``None in`` runs in C and is nearly always false)."""
    if None in part.values():
        return {key: value for key, value in part.items() if value is not None}
    return part if type(part) is dict else dict(part)


def _actor(entry: Entry) -> dict[str, str]:
    if entry.actor_ref is None:
        return {"type": entry.actor_type}
    if not _PSEUDONYM.fullmatch(entry.actor_ref):
        raise LedgerError("an actor is named by a pseudonym, never by a name or an address")
    return {"ref": entry.actor_ref, "type": entry.actor_type}
