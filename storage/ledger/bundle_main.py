"""The verifier's command line, the same in ``whose ledger verify BUNDLE`` and in the single file of a bundle."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.x509 import Certificate

from storage.ledger.bundle_verify import Brought, verify_bundle
from storage.ledger.timestamp import TimestampError, read_roots
from storage.ledger.trust_policy import MAX_POLICY_BYTES, TrustPolicy, TrustPolicyError
from storage.ledger.verdict import INCOMPLETE, BundleVerdict

_DAY = timedelta(days=1) - timedelta(milliseconds=1)

FROM_THE_BUNDLE = (
    "lies in the bundle, and keys from there prove nothing. Take them from where the operator published them before, "
    "or from somebody you trust, and keep them outside of the folder"
)


class CannotRunError(ValueError):
    """What the auditor brought cannot be used. The message says what to do."""


def brought(
    policy: Path, held: Sequence[Path] = (), tsa_roots: Sequence[Path] = (), token: str = "", at: datetime | None = None
) -> Brought:
    """Read what the auditor brought.

    Raises:
        CannotRunError: a file cannot be read, or is not what it should be.
    """
    data = _read(policy)
    try:
        trusted = TrustPolicy.parse(data)
    except TrustPolicyError as error:
        raise CannotRunError(f"{policy}, {error}") from error
    roots: list[Certificate] = []
    for path in tsa_roots:
        try:
            roots += read_roots(_read(path))
        except TimestampError as error:
            raise CannotRunError(f"{path}: {error}") from error
    return Brought(trusted, [(path.name, _read(path)) for path in held], roots, token, at)


def as_json_text(verdict: BundleVerdict) -> str:
    """The verdict as one JSON object."""
    said = asdict(verdict) | {"ok": verdict.exit_code == 0, "exit_code": verdict.exit_code}
    return json.dumps(said, ensure_ascii=False, default=lambda moment: moment.astimezone(UTC).isoformat())


def parse_moment(text: str) -> datetime:
    """A moment in ISO 8601, UTC where it names no zone; a bare day is its end.

    Raises:
        CannotRunError: it is neither.
    """
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise CannotRunError(f"{text!r} is not a moment; write it as 2026-11-23 or 2026-11-23T09:30+01:00") from error
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
    return moment + _DAY if len(text.strip()) == 10 else moment


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_POLICY_BYTES + 1)
    except OSError as error:
        raise CannotRunError(f"{path} cannot be read: {error.strerror}") from error
    if len(data) > MAX_POLICY_BYTES:
        raise CannotRunError(f"{path} is too large")
    return data


def main(arguments: Sequence[str] | None = None) -> int:
    """Verify a bundle; returns the exit code: 0 it holds, 1 it was tampered with, 2 something is missing."""
    parser = argparse.ArgumentParser(
        description="Verify a ledger bundle of Whose. Needs no network, no database and no trust in whoever made it.",
        epilog="Exit code: 0 it holds, 1 it was tampered with, 2 something is missing.",
    )
    parser.add_argument("bundle", nargs="?", type=Path, default=Path(__file__).parent, help="default: this folder")
    parser.add_argument(
        "--policy", type=Path, required=True, help="the keys you trust (C2SP tlog-policy); never from the bundle"
    )
    parser.add_argument("--held", type=Path, action="append", default=[], help="a checkpoint you kept from earlier")
    parser.add_argument("--tsa-root", type=Path, action="append", default=[], help="certificates of authorities, PEM")
    parser.add_argument("--token", default="", help="list what is recorded about a token")
    parser.add_argument("--at", default="", help="... by this day (its end) or moment, UTC")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args(arguments)
    try:
        at = parse_moment(options.at) if options.at else None
        if options.policy.resolve().is_relative_to(options.bundle.resolve()):
            raise CannotRunError(f"{options.policy} {FROM_THE_BUNDLE}")
        given = brought(options.policy, options.held, options.tsa_root, options.token, at)
    except CannotRunError as error:
        print(f"{error}.", file=sys.stderr)
        return INCOMPLETE
    verdict = verify_bundle(options.bundle, given, _shown if sys.stderr.isatty() else None)
    print(as_json_text(verdict) if options.json else verdict.text(), end="\n" if options.json else "")
    return verdict.exit_code


def _shown(stage: str, done: int, total: int) -> None:
    print(f"\r{stage} {done:,} of {total:,}", end="\n" if done == total else "", file=sys.stderr, flush=True)
