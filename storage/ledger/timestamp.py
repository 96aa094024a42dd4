"""Time-stamps by an RFC 3161 authority: what one says, and whether it is by the authority that is trusted.

A reply holds a CMS signature (RFC 5652) over a ``TSTInfo``: a hash, and the moment at which the authority saw it. Read
here are exactly the DER structures that RFC 3161 describes, with nothing optional guessed at; signatures and
certificates are left to ``cryptography``, which knows X.509 but not CMS. Only what an auditor can run is used.

Whether the authority's certificate was revoked is not looked up: that needs the network. Whoever verifies is told so.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import NamedTuple

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.x509 import (
    BasicConstraints,
    Certificate,
    ExtendedKeyUsage,
    ExtensionNotFound,
    KeyUsage,
    load_der_x509_certificate,
    load_pem_x509_certificates,
)
from cryptography.x509.oid import ExtendedKeyUsageOID

MAX_REPLY_BYTES = 1_000_000
MAX_CHAIN = 8  # certificates from the authority's to a trusted root

_INTEGER, _OCTETS, _OID, _TIME, _SEQUENCE, _SET = 0x02, 0x04, 0x06, 0x18, 0x30, 0x31
_CONTEXT_0 = 0xA0  # [0], constructed

# Object identifiers as their DER contents.
_SIGNED_DATA = bytes.fromhex("2a864886f70d010702")
_TST_INFO = bytes.fromhex("2a864886f70d0109100104")
_CONTENT_TYPE = bytes.fromhex("2a864886f70d010903")
_MESSAGE_DIGEST = bytes.fromhex("2a864886f70d010904")
_SIGNING_CERTIFICATE = bytes.fromhex("2a864886f70d010910020c")  # RFC 2634: SHA-1
_SIGNING_CERTIFICATE_V2 = bytes.fromhex("2a864886f70d010910022f")  # RFC 5035
_HASHES: dict[bytes, hashes.HashAlgorithm] = {
    bytes.fromhex("608648016503040201"): hashes.SHA256(),
    bytes.fromhex("608648016503040202"): hashes.SHA384(),
    bytes.fromhex("608648016503040203"): hashes.SHA512(),
}
_HASH_OF_SIGNATURE: dict[bytes, hashes.HashAlgorithm] = {
    bytes.fromhex("2a864886f70d01010b"): hashes.SHA256(),  # sha256WithRSAEncryption
    bytes.fromhex("2a864886f70d01010c"): hashes.SHA384(),
    bytes.fromhex("2a864886f70d01010d"): hashes.SHA512(),
    bytes.fromhex("2a8648ce3d040302"): hashes.SHA256(),  # ecdsa-with-SHA256
    bytes.fromhex("2a8648ce3d040303"): hashes.SHA384(),
    bytes.fromhex("2a8648ce3d040304"): hashes.SHA512(),
}
_RSA_WITH_DIGEST = bytes.fromhex("2a864886f70d010101")  # rsaEncryption: the hash is that of the digest algorithm


class TimestampError(ValueError):
    """A reply that is malformed, or not what it should be. The message says why."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """A time-stamp that holds: what it covers existed at ``at`` (UTC), on the word of ``by``."""

    at: datetime
    by: str


def stamped_at(reply: bytes) -> datetime:
    """The moment that a reply claims, UTC, with nothing verified: to be shown, not to be relied on.

    Raises:
        TimestampError: it is not a time-stamp reply.
    """
    return _Token.parse(reply).at


def read_roots(pem: bytes) -> list[Certificate]:
    """The certificates of a PEM file.

    Raises:
        TimestampError: there are none.
    """
    try:
        return load_pem_x509_certificates(pem)
    except ValueError as error:
        raise TimestampError(f"no certificates in PEM: {error}") from error


def verify_timestamp(reply: bytes, data: bytes, roots: Sequence[Certificate]) -> Stamp:
    """Check that a reply stamps ``data``, and that an authority under one of ``roots`` made it.

    Raises:
        TimestampError: it does not, or none of them did.
    """
    token = _Token.parse(reply)
    if _digest(token.imprint_hash, data) != token.imprint:
        raise TimestampError("the time-stamp is of something else")
    signer = token.signer()
    token.check_signature(signer)
    _check_usage(signer)
    _check_chain(signer, token.certificates, roots, token.at)
    return Stamp(token.at, signer.subject.rfc4514_string())


# ---------------------------------------------------------------- the certificates


def _check_usage(signer: Certificate) -> None:
    """RFC 3161, 2.3: the key may be used for time-stamps and for nothing else, and that is critical."""
    try:
        usage = signer.extensions.get_extension_for_class(ExtendedKeyUsage)
    except (ExtensionNotFound, ValueError) as error:
        raise TimestampError("the certificate is not one of a time-stamping authority") from error
    if not usage.critical or list(usage.value) != [ExtendedKeyUsageOID.TIME_STAMPING]:
        raise TimestampError("the certificate is not one of a time-stamping authority")


def _check_chain(
    signer: Certificate, others: Sequence[Certificate], roots: Sequence[Certificate], at: datetime
) -> None:
    """A way from the signer's certificate to a trusted one, every step of it valid at the moment of the stamp."""
    trusted = {root.fingerprint(hashes.SHA256()) for root in roots}
    reached = [signer]
    seen = {signer.fingerprint(hashes.SHA256())}
    for _ in range(MAX_CHAIN):
        valid = [one for one in reached if _is_valid(one, at)]
        if any(one.fingerprint(hashes.SHA256()) in trusted for one in valid):
            return
        reached = []
        for one in valid:
            for issuer in (*roots, *others):
                name = issuer.fingerprint(hashes.SHA256())
                if name not in seen and _issued(one, issuer):
                    seen.add(name)
                    reached.append(issuer)
    raise TimestampError("the time-stamp is not by the authority that is trusted, or not within its time")


def _is_valid(certificate: Certificate, at: datetime) -> bool:
    return certificate.not_valid_before_utc <= at <= certificate.not_valid_after_utc


def _issued(certificate: Certificate, issuer: Certificate) -> bool:
    try:
        if not issuer.extensions.get_extension_for_class(BasicConstraints).value.ca:
            return False
        certificate.verify_directly_issued_by(issuer)
    except (ExtensionNotFound, InvalidSignature, UnsupportedAlgorithm, ValueError, TypeError):
        return False
    try:
        return issuer.extensions.get_extension_for_class(KeyUsage).value.key_cert_sign
    except ExtensionNotFound:
        return True


# ---------------------------------------------------------------- the token


@dataclass(frozen=True, slots=True)
class _Token:
    """A reply taken apart; nothing of it is verified yet."""

    at: datetime
    imprint_hash: hashes.HashAlgorithm
    imprint: bytes
    content: bytes  # the TSTInfo in DER
    certificates: tuple[Certificate, ...]
    digest: hashes.HashAlgorithm
    signature_algorithm: bytes
    signed_attributes: bytes  # as they are signed: a SET
    attributes: dict[bytes, bytes]
    signature: bytes

    @classmethod
    def parse(cls, reply: bytes) -> _Token:
        """Take ``TimeStampResp`` (RFC 3161, 2.4.2) apart.

        Raises:
            TimestampError: it is anything else.
        """
        if len(reply) > MAX_REPLY_BYTES:
            raise TimestampError(f"a time-stamp has at most {MAX_REPLY_BYTES} bytes; this one has {len(reply)}")
        try:
            return cls._parse(reply)
        except (IndexError, StopIteration, UnicodeDecodeError, UnsupportedAlgorithm) as error:
            raise TimestampError("not a time-stamp reply") from error
        except TimestampError:
            raise
        except ValueError as error:
            raise TimestampError(f"not a time-stamp reply: {error}") from error

    @classmethod
    def _parse(cls, reply: bytes) -> _Token:
        response = _Reader(_only(reply, _SEQUENCE))
        status = _Reader(response.take(_SEQUENCE)).take(_INTEGER)
        if status not in (b"\x00", b"\x01"):
            raise TimestampError("the authority refused to stamp")
        info = _Reader(response.take(_SEQUENCE))
        if info.take(_OID) != _SIGNED_DATA:
            raise TimestampError("not a signed time-stamp")
        signed = _Reader(_only(info.take(_CONTEXT_0), _SEQUENCE))
        signed.take(_INTEGER)
        signed.take(_SET)
        holder = _Reader(signed.take(_SEQUENCE))
        if holder.take(_OID) != _TST_INFO:
            raise TimestampError("not a time-stamp")
        content = _only(holder.take(_CONTEXT_0), _OCTETS)
        certificates = tuple(
            load_der_x509_certificate(one.whole)
            for one in _Reader(signed.take_optional(_CONTEXT_0) or b"").rest()
            if one.tag == _SEQUENCE
        )
        signed.take_optional(0xA1)  # revocation lists: not looked at
        signer, *more = _Reader(signed.take(_SET)).rest()
        if more or signer.tag != _SEQUENCE:
            raise TimestampError("a time-stamp is signed by exactly one authority")
        at, imprint_hash, imprint = _read_info(content)
        return cls(at, imprint_hash, imprint, content, certificates, *_read_signer(signer.content))

    def signer(self) -> Certificate:
        """The certificate that the signed attributes name (RFC 5816): no other one with the same key will do."""
        for attribute, algorithm in ((_SIGNING_CERTIFICATE_V2, None), (_SIGNING_CERTIFICATE, hashes.SHA1())):  # noqa: S303
            if attribute in self.attributes:
                first = _Reader(_Reader(_only(self.attributes[attribute], _SEQUENCE)).take(_SEQUENCE))
                named = _Reader(first.take(_SEQUENCE))
                stated = named.take_optional(_SEQUENCE) if algorithm is None else None
                chosen = algorithm or (hashes.SHA256() if stated is None else _hash_named(_Reader(stated).take(_OID)))
                wanted = named.take(_OCTETS)
                for certificate in self.certificates:
                    if certificate.fingerprint(chosen) == wanted:
                        return certificate
        raise TimestampError("the authority's certificate is not in its reply")

    def check_signature(self, signer: Certificate) -> None:
        """That the signer signed the attributes, and that these are about the content (RFC 5652, 5.4 and 5.6).

        Raises:
            TimestampError: one of them is not so.
        """
        if self.attributes.get(_CONTENT_TYPE) != _wrap(_OID, _TST_INFO):
            raise TimestampError("the signature is not over a time-stamp")
        if self.attributes.get(_MESSAGE_DIGEST) != _wrap(_OCTETS, _digest(self.digest, self.content)):
            raise TimestampError("the time-stamp was changed after it was signed")
        key, signed = signer.public_key(), self.signed_attributes
        algorithm = _HASH_OF_SIGNATURE.get(self.signature_algorithm, self.digest)
        try:
            if isinstance(key, rsa.RSAPublicKey):
                known = self.signature_algorithm == _RSA_WITH_DIGEST or self.signature_algorithm in _HASH_OF_SIGNATURE
                if not known:
                    raise TimestampError("this kind of RSA signature is not supported")
                key.verify(self.signature, signed, padding.PKCS1v15(), algorithm)
            elif isinstance(key, ec.EllipticCurvePublicKey):
                key.verify(self.signature, signed, ec.ECDSA(algorithm))
            elif isinstance(key, ed25519.Ed25519PublicKey):
                key.verify(self.signature, signed)
            else:
                raise TimestampError("this kind of key is not supported")
        except InvalidSignature as error:
            raise TimestampError("the signature does not fit the time-stamp") from error


def _read_info(content: bytes) -> tuple[datetime, hashes.HashAlgorithm, bytes]:
    """``TSTInfo``: the moment, and what was stamped by which hash."""
    info = _Reader(_only(content, _SEQUENCE))
    if info.take(_INTEGER) != b"\x01":
        raise TimestampError("time-stamps of this version are not known")
    info.take(_OID)
    imprint = _Reader(info.take(_SEQUENCE))
    algorithm = _hash_named(_Reader(imprint.take(_SEQUENCE)).take(_OID))
    hashed = imprint.take(_OCTETS)
    info.take(_INTEGER)
    return _moment(info.take(_TIME)), algorithm, hashed


def _read_signer(
    content: bytes,
) -> tuple[hashes.HashAlgorithm, bytes, bytes, dict[bytes, bytes], bytes]:
    """``SignerInfo``: digest, signature algorithm, signed attributes (whole, and by type), signature."""
    reader = _Reader(content)
    reader.take(_INTEGER)
    next(reader)  # who: the signing certificate attribute says it better
    digest = _hash_named(_Reader(reader.take(_SEQUENCE)).take(_OID))
    attributes = reader.take(_CONTEXT_0)
    algorithm = _Reader(reader.take(_SEQUENCE)).take(_OID)
    signature = reader.take(_OCTETS)
    found: dict[bytes, bytes] = {}
    for one in _Reader(attributes).rest():
        attribute = _Reader(one.content)
        kind = attribute.take(_OID)
        if one.tag != _SEQUENCE or kind in found:
            raise TimestampError("the signed attributes are malformed")
        found[kind] = attribute.take(_SET)
    return digest, algorithm, _wrap(_SET, attributes), found, signature


def _moment(text: bytes) -> datetime:
    """GeneralizedTime as RFC 3161 has it: UTC, with a fraction at most."""
    whole, dot, fraction = text.decode("ascii").removesuffix("Z").partition(".")
    if not text.endswith(b"Z") or len(whole) != 14 or not whole.isdigit() or (dot and not fraction.isdigit()):
        raise TimestampError("the time in it is not one")
    moment = datetime.strptime(whole, "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    return moment.replace(microsecond=int(fraction[:6].ljust(6, "0")) if dot else 0)


def _hash_named(identifier: bytes) -> hashes.HashAlgorithm:
    algorithm = _HASHES.get(identifier)
    if algorithm is None:
        raise TimestampError("its hash is none of SHA-256, SHA-384 and SHA-512")
    return algorithm


def _digest(algorithm: hashes.HashAlgorithm, data: bytes) -> bytes:
    if isinstance(algorithm, hashes.SHA256):
        return sha256(data).digest()
    hasher = hashes.Hash(algorithm)
    hasher.update(data)
    return hasher.finalize()


# ---------------------------------------------------------------- DER (X.690)


class _Element(NamedTuple):
    tag: int
    content: bytes
    whole: bytes


class _Reader:
    """The elements of a constructed value, one after the other. Definite lengths in their shortest form only."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def __iter__(self) -> Iterator[_Element]:
        return self

    def __next__(self) -> _Element:
        data, start = self._data, self._at
        if start == len(data):
            raise StopIteration
        length, at = data[start + 1], start + 2
        if length & 0x80:
            size = length & 0x7F
            length = int.from_bytes(data[at : at + size], "big")
            if not 1 <= size <= 4 or length < 0x80 or length >> 8 * (size - 1) == 0:
                raise TimestampError("not DER")
            at += size
        self._at = at + length
        if self._at > len(data):
            raise TimestampError("cut off")
        return _Element(data[start], data[at : self._at], data[start : self._at])

    def take(self, tag: int) -> bytes:
        """The content of the next element, which must have this tag."""
        element = next(self)
        if element.tag != tag:
            raise TimestampError("not a time-stamp reply")
        return element.content

    def take_optional(self, tag: int) -> bytes | None:
        """The content of the next element if it has this tag."""
        if self._at < len(self._data) and self._data[self._at] == tag:
            return next(self).content
        return None

    def rest(self) -> list[_Element]:
        return list(self)


def _only(data: bytes, tag: int) -> bytes:
    """The content of the one element that ``data`` is."""
    reader = _Reader(data)
    content = reader.take(tag)
    if reader.rest():
        raise TimestampError("there is something behind its end")
    return content


def _wrap(tag: int, content: bytes) -> bytes:
    length = len(content)
    if length < 0x80:
        return bytes([tag, length]) + content
    size = (length.bit_length() + 7) // 8
    return bytes([tag, 0x80 | size]) + length.to_bytes(size, "big") + content
