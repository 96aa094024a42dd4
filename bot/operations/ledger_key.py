"""The key that signs the ledger's checkpoints: made, kept in a file of its owner's alone, read and checked.

It is never in the database, in a log line or in an error. Its name is the log's identity for everybody outside
(C2SP tlog-checkpoint: the origin), so a key signs for one log only.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field
from pathlib import Path

from bot.errors import WhoseError
from storage.ledger.checkpoint import origin_of
from storage.ledger.note import NoteError, SignerKey, VerifierKey

DEFAULT_PREFIX = "whose"
_LARGEST = 4096  # bytes; a key has some 150


class LedgerKeyError(WhoseError):
    """The key cannot be used, or not be kept as it should."""


@dataclass(frozen=True, slots=True)
class LedgerKey:
    """A log's signing key; the name in it is that of the log's first epoch."""

    key: SignerKey = field(repr=False)

    @property
    def name(self) -> str:
        return self.key.name

    def signer(self, epoch: int) -> SignerKey:
        """The same key, under the name of one epoch."""
        return SignerKey(origin_of(self.name, epoch), self.key.private)

    def verifier(self, epoch: int) -> VerifierKey:
        """What to publish, so that others can verify this epoch's checkpoints."""
        return self.signer(epoch).verifier

    def check_log(self, log: str) -> None:
        """
        Raises:
            LedgerKeyError: it is another log's.
        """
        if self.name.rpartition("/")[2] != log:
            raise LedgerKeyError(
                f"The ledger's key is that of the log {self.name!r}, and the log in this database is {log}. "
                "Use the key that was made for it, or make one: whose ledger keygen."
            )


def new_key(log: str, prefix: str = DEFAULT_PREFIX) -> LedgerKey:
    """A new key for a log.

    Args:
        log: the log's random id.
        prefix: what its name begins with, by custom a domain and a path: ``ledger.example.com``.

    Raises:
        LedgerKeyError: the prefix has spaces, control characters or a plus sign.
    """
    try:
        return LedgerKey(SignerKey.generate(f"{prefix}/{log}"))
    except NoteError as error:
        raise LedgerKeyError(f"The name {prefix!r} cannot be used: {error}.") from None


def write_key(key: LedgerKey, path: Path) -> None:
    """Keep a key in a new file that only its owner can read, and have it on the disk before this returns.

    Raises:
        LedgerKeyError: there is a file already, or it cannot be written.
    """
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    except FileExistsError:
        raise LedgerKeyError(
            f"{path} is there already, and a key is never overwritten: whatever it signed could not be continued. "
            "Name another file with --out."
        ) from None
    except OSError as error:
        raise LedgerKeyError(f"{path} cannot be written: {error.strerror}. Name another file with --out.") from None
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        os.fchmod(file.fileno(), 0o600)
        file.write(key.key.encode() + "\n")
        file.flush()
        os.fsync(file.fileno())


def read_key(path: Path) -> LedgerKey:
    """The key in a file.

    Raises:
        LedgerKeyError: it cannot be read, is not a key, or others may read it.
    """
    try:
        with path.open("rb") as file:
            kept = os.fstat(file.fileno())
            text = file.read(_LARGEST + 1)
    except OSError as error:
        raise LedgerKeyError(
            f"The ledger's key cannot be read from {path}: {error.strerror}. See WHOSE_LEDGER_KEY_FILE."
        ) from None
    if not stat.S_ISREG(kept.st_mode) or len(text) > _LARGEST:
        raise LedgerKeyError(f"{path} is not a file with a key. See WHOSE_LEDGER_KEY_FILE.")
    if kept.st_mode & 0o077:
        raise LedgerKeyError(
            f"{path} holds the ledger's key, and others on this machine may read it or write to it "
            f"(mode {stat.S_IMODE(kept.st_mode):04o}). Run: chmod 600 {path}"
        )
    return parse_key(text.decode("utf-8", "replace"), str(path))


def parse_key(text: str, source: str) -> LedgerKey:
    """The key in a text.

    Args:
        source: where the text is from, for the error; the text itself is never shown.

    Raises:
        LedgerKeyError: it is not a key of a log.
    """
    try:
        key = SignerKey.parse(text.strip())
    except NoteError:
        raise LedgerKeyError(
            f"{source} does not hold a key as `whose ledger keygen` makes them (PRIVATE+KEY+…). "
            "Take it from its backup, or make a new one."
        ) from None
    if "/" not in key.name:
        raise LedgerKeyError(f"The key in {source} was made for something else than a ledger of Whose.")
    return LedgerKey(key)
