"""Checkpoints as files in a folder: write-once storage, a share that somebody else owns, a git checkout.

One file a checkpoint, never written over. Worth as much as the operator's inability to change the folder.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from bot.operations.anchor_checkpoints import AnchorError, Submission


@dataclass(frozen=True)
class FolderAnchor:
    """``folder:/path``"""

    name: str
    folder: Path

    def submit(self, submission: Submission) -> bytes:
        """Write ``checkpoint-<epoch>-<size>.txt``; the receipt is its name.

        Raises:
            AnchorError: the folder cannot be written to, or has another checkpoint of this size.
        """
        checkpoint = submission.checkpoint
        path = self.folder / f"checkpoint-{checkpoint.epoch:04d}-{checkpoint.size:012d}.txt"
        try:
            if not self._is_there(path, checkpoint.note):
                self._write(path, checkpoint.note)
        except OSError as error:
            raise AnchorError(f"{path} cannot be written: {error.strerror}") from None
        return path.name.encode()

    def _is_there(self, path: Path, note: bytes) -> bool:
        try:
            kept = path.read_bytes()
        except FileNotFoundError:
            return False
        if kept != note:
            raise AnchorError(f"{path} holds another checkpoint of the same size, so one of the two is forged")
        return True

    def _write(self, path: Path, note: bytes) -> None:
        """Under another name first: a half-written file must not look like a checkpoint."""
        self.folder.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            with fresh.open("wb") as file:
                file.write(note)
                file.flush()
                os.fsync(file.fileno())
            os.link(fresh, path)  # unlike a rename, it never takes another file's place
        except FileExistsError:
            self._is_there(path, note)
        finally:
            fresh.unlink(missing_ok=True)
