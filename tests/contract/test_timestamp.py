"""Our reading of RFC 3161 replies agrees with OpenSSL, which made them, and with rfc3161-client."""

from __future__ import annotations

import random
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.x509 import load_pem_x509_certificates
from rfc3161_client import (
    HashAlgorithm,
    TimestampRequestBuilder,
    VerificationError,
    VerifierBuilder,
    decode_timestamp_response,
)

from storage.ledger.timestamp import TimestampError, read_roots, stamped_at, verify_timestamp
from tests.servers.witness import TimestampAuthority

DATA = b"example.com/log\n3\nAAAA\n"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> TimestampAuthority:
    return TimestampAuthority(tmp_path_factory.mktemp("tsa"))


def stamp(authority: TimestampAuthority, data: bytes = DATA, **options: object) -> bytes:
    builder = TimestampRequestBuilder().data(data).cert_request(cert_request=True)
    if "hash_algorithm" in options:
        builder = builder.hash_algorithm(options["hash_algorithm"])  # type: ignore[arg-type]
    return authority.reply("/", "application/timestamp-query", builder.build().as_bytes()).body


@pytest.mark.parametrize("algorithm", [HashAlgorithm.SHA256, HashAlgorithm.SHA512])
def test_a_time_stamp_holds(authority: TimestampAuthority, algorithm: HashAlgorithm) -> None:
    reply = stamp(authority, hash_algorithm=algorithm)
    said = verify_timestamp(reply, DATA, read_roots(authority.root.read_bytes()))
    theirs = decode_timestamp_response(reply)
    assert said.at == stamped_at(reply) == theirs.tst_info.gen_time
    assert abs(said.at - datetime.now(UTC)) < timedelta(minutes=5)
    assert "CN=" in said.by


def test_it_is_of_these_bytes_and_by_this_authority(
    authority: TimestampAuthority, tmp_path_factory: pytest.TempPathFactory
) -> None:
    roots = read_roots(authority.root.read_bytes())
    reply = stamp(authority)
    with pytest.raises(TimestampError, match="of something else"):
        verify_timestamp(reply, DATA + b"x", roots)
    other = TimestampAuthority(tmp_path_factory.mktemp("other"))
    with pytest.raises(TimestampError, match="not by the authority"):
        verify_timestamp(reply, DATA, read_roots(other.root.read_bytes()))
    with pytest.raises(TimestampError, match="not by the authority"):
        verify_timestamp(reply, DATA, [])
    with pytest.raises(TimestampError, match="PEM"):
        read_roots(b"nothing")


def _theirs(reply: bytes, roots: list[object]) -> bool:
    """What rfc3161-client makes of it."""
    try:
        builder = VerifierBuilder()
        for root in roots:
            builder = builder.add_root_certificate(root)  # type: ignore[arg-type]
        return builder.build().verify_message(decode_timestamp_response(reply), DATA)
    except (VerificationError, ValueError):
        return False


def test_no_byte_can_be_changed_to_another_time(authority: TimestampAuthority) -> None:
    """Each byte changed: refused, or (in what nobody signs) of the same moment; never accepted where they refuse."""
    reply = stamp(authority)
    roots = load_pem_x509_certificates(authority.root.read_bytes())
    true = stamped_at(reply)
    generator = random.Random(7)
    refused = 0
    for at in range(len(reply)):
        changed = bytearray(reply)
        changed[at] ^= generator.randrange(1, 256)
        try:
            said = verify_timestamp(bytes(changed), DATA, roots)
        except TimestampError:
            refused += 1
            continue
        assert said.at == true, at
    assert refused > len(reply) * 0.9
    assert _theirs(reply, list(roots))


def test_what_is_cut_off_or_endless(authority: TimestampAuthority) -> None:
    reply = stamp(authority)
    for size in range(len(reply)):
        with pytest.raises(TimestampError):
            stamped_at(reply[:size])
    for hostile in (
        b"",
        b"\x30\x80\x00\x00",
        b"\x30\x84\xff\xff\xff\xff",
        reply + b"x",
        b"\x30" * 100_000,
        bytes(2_000_000),
    ):
        with pytest.raises(TimestampError):
            stamped_at(hostile)


def test_a_certificate_for_something_else_does_not_stamp(authority: TimestampAuthority, tmp_path: Path) -> None:
    """The same root, and a key that it certified for web servers: its time-stamps do not count."""
    reply = stamp(authority)
    root = load_pem_x509_certificates(authority.root.read_bytes())[0]
    said = subprocess.run(
        ["openssl", "ts", "-reply", "-in", "/dev/stdin", "-text"], input=reply, capture_output=True, check=True
    ).stdout
    assert b"Status: Granted" in said
    from storage.ledger import timestamp

    signer = timestamp._Token.parse(reply).signer()
    timestamp._check_usage(signer)
    with pytest.raises(TimestampError, match="not one of a time-stamping authority"):
        timestamp._check_usage(root)
    early = signer.not_valid_before_utc - timedelta(days=1)
    with pytest.raises(TimestampError, match="not within its time"):
        timestamp._check_chain(signer, (), [root], early)
