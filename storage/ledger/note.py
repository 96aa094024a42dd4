"""Signed notes (C2SP signed-note): a text, an empty line, and lines of signatures by named keys.

Two kinds of signature are understood, both Ed25519: that of a log (type 0x01, over the text) and that of a
witness (type 0x04, C2SP tlog-cosignature, over the text and the time at which it was seen). Whatever else
stands in a note is kept but proves nothing.

A note counts only through keys that the reader already trusts. It is taken as hostile until then: bounded in
size, strictly spelled, and refused as a whole as soon as one signature that claims a trusted key is wrong.
"""

from __future__ import annotations

import re
from base64 import b64encode
from binascii import a2b_base64
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

MAX_NOTE_BYTES = 1_000_000
MAX_SIGNATURES = 100
LOG_SIGNATURE = 0x01  # Ed25519 over the text
COSIGNATURE = 0x04  # Ed25519 over a header, a time and the text
KEY_BYTES = 32
TIME_BYTES = 8
KEY_ID_BYTES = 4
_DASH = "\N{EM DASH} "
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")
_KEY = re.compile(r"(?P<name>[^+]+)\+(?P<id>[0-9a-f]{8})\+(?P<material>[A-Za-z0-9+/=]+)")
_PRIVATE = "PRIVATE+KEY+"


class NoteError(ValueError):
    """A note or key that is malformed, or a note that is not signed as it should be. The message says why."""


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """The public half of a named key.

    Attributes:
        name: what signature lines call it; for a log this is its origin.
        algorithm: :data:`LOG_SIGNATURE` or :data:`COSIGNATURE`.
        public: the Ed25519 public key, 32 bytes.
    """

    name: str
    algorithm: int
    public: bytes

    def __post_init__(self) -> None:
        _check_name(self.name)
        if self.algorithm not in (LOG_SIGNATURE, COSIGNATURE):
            raise NoteError(f"keys of type {self.algorithm:#04x} are not supported; Ed25519 ones are (0x01, 0x04)")
        if len(self.public) != KEY_BYTES:
            raise NoteError(f"an Ed25519 public key has {KEY_BYTES} bytes; this one has {len(self.public)}")

    @classmethod
    def parse(cls, text: str) -> VerifierKey:
        """Read ``<name>+<key id>+<base64 of type and key>``.

        Raises:
            NoteError: when it is spelled otherwise, or the id is not the key's.
        """
        name, key_id, algorithm, public = _parse_key(text)
        key = cls(name, algorithm, public)
        if key.key_id != key_id:
            raise NoteError(f"the key of {name!r} has the id {key.key_id.hex()}, not {key_id.hex()}")
        return key

    def __str__(self) -> str:
        material = encode_base64(bytes([self.algorithm]) + self.public)
        return f"{self.name}+{self.key_id.hex()}+{material}"

    @property
    def key_id(self) -> bytes:
        """``SHA-256(name || 0x0A || type || public key)``, its first four bytes. A hint, not a proof."""
        return sha256(self.name.encode() + b"\n" + bytes([self.algorithm]) + self.public).digest()[:KEY_ID_BYTES]

    def pem(self) -> str:
        """The bare public key as other tools read it, OpenSSL among them."""
        public = Ed25519PublicKey.from_public_bytes(self.public)
        return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode("ascii")

    def verify(self, text: str, signature: NoteSignature) -> int | None:
        """Check this key's signature of a text; returns a cosignature's time, in POSIX seconds.

        Raises:
            NoteError: when the signature is not this key's, or not of this text.
        """
        message, at, signed = text.encode(), None, signature.signature
        if self.algorithm == COSIGNATURE:
            at, signed = int.from_bytes(signed[:TIME_BYTES], "big"), signed[TIME_BYTES:]
            message = b"cosignature/v1\ntime %d\n" % at + message
        if (signature.name, signature.key_id) != (self.name, self.key_id) or (at or 0) >= 2**63:
            raise NoteError(f"not a signature by {self.name!r}")
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signed, message)
        except (InvalidSignature, ValueError) as error:
            raise NoteError(f"the signature by {self.name!r} does not fit the text and its key") from error
        return at


@dataclass(frozen=True, slots=True)
class SignerKey:
    """The private half of a log's named key. It is shown by :meth:`encode` alone, and in no error."""

    name: str
    private: Ed25519PrivateKey = field(repr=False)

    @classmethod
    def generate(cls, name: str) -> SignerKey:
        """A new key from the system's randomness.

        Raises:
            NoteError: when the name is empty or has spaces, control characters or a plus sign.
        """
        _check_name(name)
        return cls(name, Ed25519PrivateKey.generate())

    @classmethod
    def parse(cls, text: str) -> SignerKey:
        """Read ``PRIVATE+KEY+<name>+<key id>+<base64 of type and seed>``, the form of Go's ``sumdb/note``.

        Raises:
            NoteError: when it is spelled otherwise, or is not the key that its id says.
        """
        if not text.startswith(_PRIVATE):
            raise NoteError(f"a signer key begins with {_PRIVATE}")
        name, key_id, algorithm, seed = _parse_key(text.removeprefix(_PRIVATE))
        if algorithm != LOG_SIGNATURE or len(seed) != KEY_BYTES:
            raise NoteError("this signer key is not an Ed25519 one")
        key = cls(name, Ed25519PrivateKey.from_private_bytes(seed))
        if key.verifier.key_id != key_id:
            raise NoteError(f"the signer key of {name!r} is damaged: it does not have the id {key_id.hex()}")
        return key

    def encode(self) -> str:
        """What :meth:`parse` reads. This is the secret; keep it where only the log can read it."""
        material = encode_base64(bytes([LOG_SIGNATURE]) + self.private.private_bytes_raw())
        return f"{_PRIVATE}{self.name}+{self.verifier.key_id.hex()}+{material}"

    @property
    def verifier(self) -> VerifierKey:
        """The public half, to be handed to whoever verifies."""
        return VerifierKey(self.name, LOG_SIGNATURE, self.private.public_key().public_bytes_raw())

    def sign(self, text: str) -> NoteSignature:
        """Sign a text, which ends with a newline that is signed as well."""
        return NoteSignature(self.name, self.verifier.key_id, self.private.sign(text.encode()))


class NoteSignature(NamedTuple):
    """One signature line, unverified: the key's name and id (4 bytes), and what the key made of the text."""

    name: str
    key_id: bytes
    signature: bytes

    def line(self) -> str:
        """``— <name> <base64 of key id and signature>`` and a newline."""
        return f"{_DASH}{self.name} {encode_base64(self.key_id + self.signature)}\n"

    @classmethod
    def parse(cls, line: str) -> NoteSignature:
        """Read a signature line, without its newline.

        Raises:
            NoteError: when it is spelled otherwise.
        """
        name, space, encoded = line.removeprefix(_DASH).partition(" ")
        if not line.startswith(_DASH) or not space:
            raise NoteError("a signature line reads: dash, name, signature, with single spaces between")
        _check_name(name)
        data = decode_base64(encoded)
        if len(data) <= KEY_ID_BYTES:
            raise NoteError(f"the signature by {name!r} is empty")
        return cls(name, data[:KEY_ID_BYTES], data[KEY_ID_BYTES:])


class Signed(NamedTuple):
    """A signature that holds: by which key and, for a cosignature, when (POSIX seconds)."""

    key: VerifierKey
    at: int | None


class Note(NamedTuple):
    """A text, with its final newline, and the signatures it came with. Nothing of it is verified yet."""

    text: str
    signatures: tuple[NoteSignature, ...]

    @classmethod
    def parse(cls, data: bytes) -> Note:
        """Take a note apart: the last empty line parts the text from its signatures.

        Raises:
            NoteError: when it is not a note, or larger than 1 MB or 100 signatures.
        """
        if len(data) > MAX_NOTE_BYTES:
            raise NoteError(f"a note has at most {MAX_NOTE_BYTES} bytes; this one has {len(data)}")
        try:
            note = data.decode("utf-8")
        except UnicodeDecodeError as error:
            raise NoteError("a note is UTF-8 text, and this is not") from error
        if _CONTROL.search(note):
            raise NoteError("a note has no control characters but newlines (line ends of Windows count as such)")
        head, gap, lines = note.rpartition("\n\n")
        if not gap or not lines.endswith("\n"):
            raise NoteError("a note is a text, an empty line and whole signature lines")
        signatures = tuple(NoteSignature.parse(line) for line in lines[:-1].split("\n", MAX_SIGNATURES))
        if len(signatures) > MAX_SIGNATURES:
            raise NoteError(f"a note has at most {MAX_SIGNATURES} signatures")
        return cls(head + "\n", signatures)

    def encode(self) -> bytes:
        """The note as bytes, which :meth:`parse` reads back unchanged.

        Raises:
            NoteError: when the text cannot stand in a note, or there is no signature.
        """
        try:
            data = (self.text + "\n" + "".join(one.line() for one in self.signatures)).encode()
        except UnicodeEncodeError as error:
            raise NoteError("the text holds a character that UTF-8 does not have") from error
        if Note.parse(data) != self:
            raise NoteError("the text of a note ends with a newline")
        return data

    def verify(self, keys: Iterable[VerifierKey]) -> list[Signed]:
        """The signatures by these keys, in the order of the note; those by other keys are passed over.

        Raises:
            NoteError: when a signature that names one of the keys is wrong or there twice, or none is there.
        """
        known = {(key.name, key.key_id): key for key in keys}
        found: dict[VerifierKey, Signed] = {}
        for signature in self.signatures:
            key = known.get((signature.name, signature.key_id))
            if key is None:
                continue
            if key in found:
                raise NoteError(f"the note is signed twice by {key.name!r}")
            found[key] = Signed(key, key.verify(self.text, signature))
        if not found:
            raise NoteError("the note is signed by none of the trusted keys")
        return list(found.values())


def encode_base64(data: bytes) -> str:
    """Standard base64 with padding (RFC 4648, section 4)."""
    return b64encode(data).decode("ascii")


def decode_base64(text: str) -> bytes:
    """The bytes of standard base64, accepting nothing but their one spelling.

    Raises:
        NoteError: when it is spelled otherwise.
    """
    try:
        data = a2b_base64(text, strict_mode=True)
    except ValueError as error:
        raise NoteError("not base64") from error
    if encode_base64(data) != text:
        raise NoteError("base64 with stray bits at its end")
    return data


def _parse_key(text: str) -> tuple[str, bytes, int, bytes]:
    """Name, key id, type and key material. Errors never show the text, which may be a secret."""
    found = _KEY.fullmatch(text)
    if not found:
        raise NoteError("a key reads <name>+<8 hex digits>+<base64>")
    _check_name(found["name"])
    material = decode_base64(found["material"])
    if not material:
        raise NoteError("a key reads <name>+<8 hex digits>+<base64>")
    return found["name"], bytes.fromhex(found["id"]), material[0], material[1:]


def _check_name(name: str) -> None:
    if not name or "+" in name or any(character.isspace() for character in name) or _CONTROL.search(name):
        raise NoteError("the name of a key is not empty and has no spaces, control characters or plus signs")
    try:
        name.encode()
    except UnicodeEncodeError as error:
        raise NoteError("the name of a key is valid Unicode") from error
