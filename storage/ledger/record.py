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

import re
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from hashlib import sha256
from types import GenericAlias
from typing import Annotated, Any, Literal, NamedTuple

import msgspec

from storage.ledger.kinds import RecordKind as RecordKind
from storage.ledger.limits import MAX_INTEGER, MAX_RECORD_BYTES

VERSION = 1

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_PSEUDONYM = re.compile(r"[A-Za-z0-9_.:-]{1,128}")


class LedgerError(ValueError):
    """A record that cannot be written as it is. The message says what to change."""


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
    digest = sha256(_serialise([salt, name, value])).digest()
    return urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")


def record_bytes(entry: Entry, place: Place, digests: Iterable[str] = ()) -> bytes:
    """The canonical bytes of one record: what is hashed, stored and verified.

    Raises:
        LedgerError: when a value has no canonical form, the actor is not a pseudonym or the record is
            longer than 65,535 bytes.
    """
    said = _said(entry)
    fields = said if _is_plain(said) else _plain(said, "the record")
    at = place.recorded_at
    fields["effective_at"] = at if entry.effective_at is None else to_ms(entry.effective_at)
    fields["epoch"] = place.epoch
    fields["id"] = place.id
    fields["log"] = place.log
    fields["recorded_at"] = at
    fields["seq"] = place.seq
    fields["v"] = VERSION
    if entry.token_id is not None:
        fields["prev"] = place.prev
        fields["token_seq"] = place.token_seq
    if promised := sorted(digests):
        fields["_sd"] = promised
    body = _serialise(fields)
    if len(body) > MAX_RECORD_BYTES:
        raise LedgerError(
            f"a ledger record holds at most {MAX_RECORD_BYTES} bytes and this one has {len(body)}; "
            "keep long lists out of its details"
        )
    return body


def _said(entry: Entry) -> dict[str, Any]:
    """What a record says that does not come from its place."""
    said: dict[str, Any] = {"actor": _actor(entry), "kind": int(entry.kind), "reason": entry.reason}
    if entry.accountable:
        said["accountable"] = entry.accountable
    if entry.authority:
        said["authority"] = entry.authority
    if entry.channel:
        said["channel"] = entry.channel
    if entry.details:
        said["details"] = entry.details
    if entry.request_id is not None:
        said["request"] = entry.request_id
    if entry.role:
        said["role"] = entry.role
    if entry.token_id is not None:
        said["token"] = {**entry.token, "id": entry.token_id}
    elif entry.token:
        raise LedgerError("a record that describes a token also needs its token_id")
    return said


def _actor(entry: Entry) -> dict[str, str]:
    if entry.actor_ref is None:
        return {"type": entry.actor_type}
    if not _PSEUDONYM.fullmatch(entry.actor_ref):
        raise LedgerError("an actor is named by a pseudonym, never by a name or an address")
    return {"ref": entry.actor_ref, "type": entry.actor_type}


def canonical(value: Any) -> bytes:
    """RFC 8785 bytes of a JSON value made of strings, integers, booleans, lists and mappings.

    Narrower than the RFC, so that a plain fast encoder gives the very same bytes: keys are ASCII (there,
    code point order and the RFC's UTF-16 order agree) and numbers are integers that every reader holds
    exactly. Members of a mapping that are ``None`` are absent.

    Raises:
        LedgerError: on anything else, naming it.
    """
    return _serialise(value if _is_plain(value) else _plain(value, "the record"))


def parse_canonical(body: bytes) -> dict[str, Any]:
    """Read a record, accepting nothing but its one canonical form.

    Raises:
        LedgerError: when ``body`` is not JSON, not an object, or not in canonical form (another spelling
            of the same value, a key twice, a number that is not a safe integer).
    """
    try:
        fields, is_plain = _read(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise LedgerError(f"not JSON: {error}") from error
    if not isinstance(fields, dict):
        raise LedgerError("not a JSON object")
    if not is_plain or _serialise(fields) != body:
        raise LedgerError("not in canonical form")
    return fields


_SHALLOW = 8  # levels: far deeper than any record goes


def _record_type() -> Any:
    """What :func:`_is_plain` accepts, for a decoder that looks while it reads; it knows no type without an end."""
    value: Any = str | bool | Annotated[int, msgspec.Meta(ge=-MAX_INTEGER, le=MAX_INTEGER)]
    deeper = value
    for _ in range(_SHALLOW):
        deeper = value | GenericAlias(list, deeper) | GenericAlias(dict, (str, deeper))
    return GenericAlias(dict, (str, deeper))


_read_record = msgspec.json.Decoder(_record_type()).decode
_read_json = msgspec.json.Decoder().decode
_write_json = msgspec.json.Encoder(order="deterministic").encode


def _read(body: bytes) -> tuple[Any, bool]:
    """The value, and whether it is one that :func:`canonical` would leave as it is."""
    if body.isascii():  # so are its keys
        try:
            return _read_record(body), True
        except msgspec.ValidationError:
            pass  # not a record's types, or deeper
    value = _read_json(body)
    return value, _is_plain(value)


def _is_plain(value: Any) -> bool:
    """Whether it is made of nothing but what a record may hold, in JSON's own types (no recursion: for speed)."""
    waiting: list[Any] = [[value]]
    for part in waiting:
        items: Iterable[Any] = part
        if type(part) is dict:
            if not _are_ascii(tuple(part)):
                return False
            items = part.values()
        for item in items:
            kind = type(item)
            if kind is str:
                continue
            if kind is int:
                if not -MAX_INTEGER <= item <= MAX_INTEGER:
                    return False
            elif kind is dict or kind is list:
                waiting.append(item)
            elif kind is not bool:
                return False
    return True


@lru_cache(maxsize=1024)
def _are_ascii(keys: tuple[Any, ...]) -> bool:
    """Records repeat the same few shapes, hence the cache."""
    return all(isinstance(key, str) and key.isascii() for key in keys)


def _serialise(value: Any) -> bytes:
    """Compact UTF-8 JSON with sorted keys; escapes only what RFC 8785, 3.2.2.2 escapes."""
    try:
        return _write_json(value)
    except UnicodeEncodeError as error:
        raise LedgerError("the text holds half of a character pair (a lone surrogate)") from error


def _plain(value: Any, name: str) -> Any:
    """The value in the plain types of JSON, or an error that names it."""
    if isinstance(value, str):
        return str.__str__(value)  # the text itself, also of a string enum
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        if not -MAX_INTEGER <= value <= MAX_INTEGER:
            raise LedgerError(f"{name}: {value} is beyond ±(2^53 - 1); write it as text")
        return int(value)
    if isinstance(value, list | tuple):
        return [_plain(item, name) for item in value]
    if isinstance(value, Mapping):
        if not _are_ascii(tuple(value)):
            raise LedgerError(f"{name}: keys are ASCII text")
        return {str.__str__(key): _plain(item, key) for key, item in value.items() if item is not None}
    raise LedgerError(f"{name}: a {type(value).__name__} has no place in a record; leave it out or convert it")
