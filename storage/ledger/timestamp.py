"""Time-stamps by an RFC 3161 authority: what one says, and whether it is by the authority that is trusted.

A reply holds a CMS signature (RFC 5652) over a ``TSTInfo``: a hash, and the moment at which the authority saw it. Read
here are exactly the DER structures that RFC 3161 describes, with nothing optional guessed at; signatures and
certificates are left to ``cryptography``, which knows X.509 but not CMS. Only what an auditor can run is used.

Whether the authority's certificate was revoked is not looked up: that needs the network. Whoever verifies is told so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.x509 import (
    BasicConstraints,
    Certificate,
    DuplicateExtension,
    ExtendedKeyUsage,
    ExtensionNotFound,
    InvalidVersion,
    KeyUsage,
    UnsupportedGeneralNameType,
    load_der_x509_certificate,
    load_pem_x509_certificates,
)
from cryptography.x509.oid import ExtendedKeyUsageOID

from storage.ledger.der import CONTEXT_0, INTEGER, OCTETS, OID, SEQUENCE, SET, TIME, Reader, only, wrap

MAX_REPLY_BYTES = 1_000_000
MAX_CHAIN = 8  # certificates from the authority's to a trusted root


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


#: What ``cryptography`` raises on a certificate that is not one, some of it only when a part of it is looked at.
_UNREADABLE = (
    ValueError,
    TypeError,
    InvalidVersion,
    DuplicateExtension,
    UnsupportedAlgorithm,
    UnsupportedGeneralNameType,
)


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
    try:
        signer = token.signer()
        token.check_signature(signer)
        _check_usage(signer)
        _check_chain(signer, token.certificates, roots, token.at)
        return Stamp(token.at, signer.subject.rfc4514_string())
    except TimestampError:
        raise
    except (*_UNREADABLE, IndexError, StopIteration) as error:
        raise TimestampError("a certificate in it cannot be read") from error


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
        except TimestampError:
            raise
        except (*_UNREADABLE, IndexError, StopIteration) as error:
            raise TimestampError("not a time-stamp reply") from error

    @classmethod
    def _parse(cls, reply: bytes) -> _Token:
        response = Reader(only(reply, SEQUENCE))
        status = Reader(response.take(SEQUENCE)).take(INTEGER)
        if status not in (b"\x00", b"\x01"):
            raise TimestampError("the authority refused to stamp")
        info = Reader(response.take(SEQUENCE))
        if info.take(OID) != _SIGNED_DATA:
            raise TimestampError("not a signed time-stamp")
        signed = Reader(only(info.take(CONTEXT_0), SEQUENCE))
        signed.take(INTEGER)
        signed.take(SET)
        holder = Reader(signed.take(SEQUENCE))
        if holder.take(OID) != _TST_INFO:
            raise TimestampError("not a time-stamp")
        content = only(holder.take(CONTEXT_0), OCTETS)
        certificates = tuple(
            load_der_x509_certificate(one.whole)
            for one in Reader(signed.take_optional(CONTEXT_0) or b"").rest()
            if one.tag == SEQUENCE
        )
        signed.take_optional(0xA1)  # revocation lists: not looked at
        signer, *more = Reader(signed.take(SET)).rest()
        if more or signer.tag != SEQUENCE:
            raise TimestampError("a time-stamp is signed by exactly one authority")
        at, imprint_hash, imprint = _read_info(content)
        return cls(at, imprint_hash, imprint, content, certificates, *_read_signer(signer.content))

    def signer(self) -> Certificate:
        """The certificate that the signed attributes name (RFC 5816): no other one with the same key will do."""
        for attribute, algorithm in ((_SIGNING_CERTIFICATE_V2, None), (_SIGNING_CERTIFICATE, hashes.SHA1())):  # noqa: S303
            if attribute in self.attributes:
                first = Reader(Reader(only(self.attributes[attribute], SEQUENCE)).take(SEQUENCE))
                named = Reader(first.take(SEQUENCE))
                stated = named.take_optional(SEQUENCE) if algorithm is None else None
                chosen = algorithm or (hashes.SHA256() if stated is None else _hash_named(Reader(stated).take(OID)))
                wanted = named.take(OCTETS)
                for certificate in self.certificates:
                    if certificate.fingerprint(chosen) == wanted:
                        return certificate
        raise TimestampError("the authority's certificate is not in its reply")

    def check_signature(self, signer: Certificate) -> None:
        """That the signer signed the attributes, and that these are about the content (RFC 5652, 5.4 and 5.6).

        Raises:
            TimestampError: one of them is not so.
        """
        if self.attributes.get(_CONTENT_TYPE) != wrap(OID, _TST_INFO):
            raise TimestampError("the signature is not over a time-stamp")
        if self.attributes.get(_MESSAGE_DIGEST) != wrap(OCTETS, _digest(self.digest, self.content)):
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
    info = Reader(only(content, SEQUENCE))
    if info.take(INTEGER) != b"\x01":
        raise TimestampError("time-stamps of this version are not known")
    info.take(OID)
    imprint = Reader(info.take(SEQUENCE))
    algorithm = _hash_named(Reader(imprint.take(SEQUENCE)).take(OID))
    hashed = imprint.take(OCTETS)
    info.take(INTEGER)
    return _moment(info.take(TIME)), algorithm, hashed


def _read_signer(
    content: bytes,
) -> tuple[hashes.HashAlgorithm, bytes, bytes, dict[bytes, bytes], bytes]:
    """``SignerInfo``: digest, signature algorithm, signed attributes (whole, and by type), signature."""
    reader = Reader(content)
    reader.take(INTEGER)
    next(reader)  # who: the signing certificate attribute says it better
    digest = _hash_named(Reader(reader.take(SEQUENCE)).take(OID))
    attributes = reader.take(CONTEXT_0)
    algorithm = Reader(reader.take(SEQUENCE)).take(OID)
    signature = reader.take(OCTETS)
    found: dict[bytes, bytes] = {}
    for one in Reader(attributes).rest():
        attribute = Reader(one.content)
        kind = attribute.take(OID)
        if one.tag != SEQUENCE or kind in found:
            raise TimestampError("the signed attributes are malformed")
        found[kind] = attribute.take(SET)
    return digest, algorithm, wrap(SET, attributes), found, signature


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
