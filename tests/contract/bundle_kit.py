"""A log with a key, anchored with a real time-stamping authority and a witness, and bundles made of it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

from bot.anchors import Surroundings, anchors_of, names_of
from bot.operations.anchor_checkpoints import anchor_checkpoints
from bot.operations.export_ledger.choose import Choice
from bot.operations.export_ledger.export import export_ledger
from bot.operations.export_ledger.write import Keys
from bot.operations.ledger_key import LedgerKey
from bot.operations.publish_checkpoint import Publisher
from storage.database import Database
from storage.ledger.bundle import MANIFEST, Manifest
from storage.ledger.bundle_main import brought
from storage.ledger.bundle_verify import verify_bundle
from storage.ledger.record import Entry, RecordKind
from storage.ledger.verdict import BundleVerdict
from tests.contract.ledger_kit import add, keeper
from tests.servers.fake_clock import FakeClock
from tests.servers.witness import TimestampAuthority, Witness, serving

PEOPLE = {f"p_{number:024x}": f"Person {number} <p{number}@example.com>" for number in range(5)}


def everyday(count: int, first: int = 0) -> list[Entry]:
    """Records of some tokens and people, with names and reasons in disclosures."""
    made = []
    refs = list(PEOPLE)
    for number in range(first, first + count):
        ref = refs[number % len(refs)]
        token_id = number % 13 + 1
        made.append(
            Entry(
                RecordKind.DECISION if number % 3 else RecordKind.NO_RESPONSE,
                "attest" if number % 3 else "no_response",
                token_id=token_id,
                token={"issuer": "aws-iam", "external_id": f"key-{token_id}", "tier": "high"},
                request_id=number + 1,
                accountable={"before": {"service_owner": ref}},
                actor_ref=ref if number % 3 else None,
                actor_type="human" if number % 3 else "system",
                details={"told": [{"rung": "owner", "ref": ref}]} if number % 3 == 0 else {},
                disclosures={"justification": f"Needed for run {number}, =1+1"} if number % 3 else {},
            )
        )
    return made


def named() -> list[Entry]:
    """Who the pseudonyms are."""
    return [
        Entry(RecordKind.PERSON_NAMED, "directory", details={"person": ref}, disclosures={ref: name})
        for ref, name in PEOPLE.items()
    ]


class Log:
    """A published log."""

    def __init__(self, database: Database, clock: FakeClock, folder: Path, key: LedgerKey | None = None) -> None:
        self.database, self.clock, self.folder = database, clock, folder
        folder.mkdir(exist_ok=True)
        self.publisher: Publisher = keeper(database, clock, folder, key=key)
        self.witnesses: list[Any] = []
        self._anchors: list[Any] = []
        self._number = 0

    def use(self, *texts: str) -> None:
        """Anchor what is published from now on."""
        around = Surroundings(self.database, self.clock.now, lambda: "slack:T1")
        self._anchors = anchors_of(texts, around)
        self.publisher.anchors = names_of(texts)

    def publish(self, *entries: Entry) -> bytes:
        """Append, sign, and bring it to the anchors; the signed note."""
        add(self.database, self.clock, *entries)
        publication = self.publisher.publish()
        assert publication is not None
        report = anchor_checkpoints(self.database, self.clock.now, self._anchors)
        assert report.failed == 0
        self.clock.advance(timedelta(hours=1))
        return publication.checkpoint.note

    @property
    def keys(self) -> Keys:
        return Keys([self.publisher.key.verifier(0)], self.witnesses)

    def export(self, choice: Choice | None = None, name: str = "") -> Path:
        self._number += 1
        target = self.folder / (name or f"bundle-{self._number}")
        export_ledger(self.database, target, choice or Choice(), self.keys, lambda *_: None)
        return target

    def policy(self, *, quorum: str = "none", witness: str = "", key: LedgerKey | None = None) -> Path:
        """A policy that the auditor keeps elsewhere."""
        path = self.folder / f"policy-{quorum}.txt"
        seen = f"witness w {witness}\n" if witness else ""
        path.write_text(f"log {(key or self.publisher.key).verifier(0)}\n{seen}quorum {quorum}\n")
        return path

    def keep(self, note: bytes, name: str = "kept.txt") -> Path:
        path = self.folder / name
        path.write_bytes(note)
        return path


def verdict_on(
    bundle: Path,
    policy: Path,
    held: Sequence[Path] = (),
    roots: Sequence[Path] = (),
    token: str = "",
    at: datetime | None = None,
) -> BundleVerdict:
    return verify_bundle(bundle, brought(policy, held, roots, token, at))


def single_file_on(bundle: Path, *arguments: object) -> tuple[int, str]:
    """Exit code and output of the verifier in the bundle, on its own."""
    done = subprocess.run(
        [sys.executable, "-I", bundle / "verify.py", *map(str, arguments)], capture_output=True, text=True, check=False
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, done.stdout + done.stderr


def changed(bundle: Path, name: str, change: Callable[[bytes], bytes], *, covered: bool = True) -> Path:
    """A copy of a bundle with one file changed, and the manifest made to fit, as an attacker would."""
    copy = bundle.with_name(f"{bundle.name}-changed-{sha256(name.encode()).hexdigest()[:6]}")
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(bundle, copy)
    path = copy / name
    before = path.read_bytes()
    after = change(before)
    assert after != before
    path.write_bytes(after)
    if covered:
        cover(copy)
    return copy


def cover(bundle: Path) -> None:
    """Make the manifest fit whatever is in the folder."""
    manifest = json.loads((bundle / MANIFEST).read_bytes())
    for name in list(manifest["files"]):
        path = bundle / name
        if not path.exists():
            del manifest["files"][name]
            continue
        data = path.read_bytes()
        manifest["files"][name] = {"bytes": len(data), "sha256": sha256(data).hexdigest()}
    (bundle / MANIFEST).write_bytes((json.dumps(manifest) + "\n").encode())


def manifest_of(bundle: Path) -> Manifest:
    return Manifest.parse((bundle / MANIFEST).read_bytes())


@contextmanager
def authorities(folder: Path, log_key: bytes) -> Iterator[tuple[str, str, TimestampAuthority, Witness]]:
    """Addresses of a time-stamping authority and of a witness, as they stand in WHOSE_ANCHORS, and they themselves."""
    folder.mkdir(exist_ok=True)
    authority, witness = TimestampAuthority(folder), Witness(log_key)
    with serving(authority) as tsa, serving(witness) as seen:
        yield f"tsa:{tsa}#{authority.root}", f"witness:{seen}#{witness.verifier}", authority, witness
