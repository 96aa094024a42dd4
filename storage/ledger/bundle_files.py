"""Reading the files of a bundle, whose maker is not trusted: nothing outside of the folder, nothing endless."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

from storage.ledger.bundle import MANIFEST, MAX_MANIFEST_BYTES, BundleError, Manifest

MAX_LINE_BYTES = 1_000_000
_BLOCK = 1 << 20


class MissingError(BundleError):
    """A file that should be there is not."""


class BundleFolder:
    """The folder. Links out of it are not followed, and only regular files are read."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def manifest(self) -> Manifest:
        """What should be here.

        Raises:
            BundleError: it is not a bundle.
        """
        return Manifest.parse(self.read(MANIFEST, MAX_MANIFEST_BYTES))

    def read(self, name: str, most: int = MAX_LINE_BYTES) -> bytes:
        """A whole file.

        Raises:
            MissingError: it is not there.
            BundleError: it is not a file, or larger than ``most`` bytes.
        """
        path = self._path(name)
        size = path.stat().st_size
        if size > most:
            raise BundleError(f"{name} has {size} bytes; at most {most} belong there")
        return path.read_bytes()

    def lines(self, name: str) -> Iterator[bytes]:
        """The lines of a file, without their ends.

        Raises:
            MissingError: it is not there.
            BundleError: a line has no end, or none within 1 MB.
        """
        with self._path(name).open("rb") as file:
            while line := file.readline(MAX_LINE_BYTES):
                if not line.endswith(b"\n"):
                    raise BundleError(f"{name} has a line without an end; the file may have been cut off")
                yield line[:-1]

    def measure(self, name: str) -> tuple[int, str]:
        """Size in bytes and SHA-256, in hexadecimal.

        Raises:
            MissingError: it is not there.
        """
        digest, size = sha256(), 0
        with self._path(name).open("rb") as file:
            while block := file.read(_BLOCK):
                digest.update(block)
                size += len(block)
        return size, digest.hexdigest()

    def names(self) -> Iterator[str]:
        """Every file that is here but the tiles, relative, with slashes."""
        for folder, _, files in os.walk(self.root):
            for name in files:
                path = Path(folder, name).relative_to(self.root).as_posix()
                if "/tile/" not in f"/{path}":
                    yield path

    def _path(self, name: str) -> Path:
        path = self.root / name
        try:
            kept = path.lstat()
            inside = path.resolve().is_relative_to(self.root.resolve())
        except OSError as error:
            raise MissingError(f"{name} is not here") from error
        if not stat.S_ISREG(kept.st_mode) or not inside:
            raise BundleError(f"{name} is not a plain file")
        return path
