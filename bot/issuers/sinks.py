"""Where new secrets are delivered: a file, a field in Vault. (AWS Secrets Manager: ``aws_secrets.py``.)

A secret is staged beside the one that is read, and promoted in one step that nothing can cut in half.
"""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from pydantic import SecretStr

from bot.errors import UpstreamError
from bot.issuers.secrets import MOST_BYTES, Vault, vault_place
from bot.rules.issuing import Check

_STAGED_FIELD: Final = "_staged_by_whose"


class NoSink:
    """A place that cannot be written to; it says why."""

    def __init__(self, why: str) -> None:
        self._why = why

    def preflight(self, ref: str) -> Check:  # noqa: ARG002
        said, _, advice = self._why.partition(". ")
        return Check("delivery", False, said.removesuffix("."), advice)

    def stage(self, ref: str, secret: SecretStr) -> None:  # noqa: ARG002
        raise UpstreamError(self._why)

    def staged(self, ref: str) -> SecretStr | None:  # noqa: ARG002
        raise UpstreamError(self._why)

    def promote(self, ref: str) -> str:  # noqa: ARG002
        raise UpstreamError(self._why)

    def discard(self, ref: str) -> None:  # noqa: ARG002
        raise UpstreamError(self._why)

    def current(self, ref: str) -> SecretStr | None:  # noqa: ARG002
        raise UpstreamError(self._why)


# ------------------------------------------------------------------ files


class FileSink:
    """``file:/folder/name``: readable by its owner alone (0600), replaced in one step.

    The staged secret is ``.name.staged`` beside it. The old secret is not kept: it stays in place until the issuing
    system accepts the new one, and afterwards it would only be one more copy to lose. The folder is closed to
    everybody else, and nothing on the way is a symbolic link, or ``secret_places`` would say nothing.
    """

    def preflight(self, ref: str) -> Check:
        try:
            path = _path_of(ref)
            _refuse_unsafe(path)
            with _new_file_in(path.parent, b"") as made:
                made.unlink()
        except UpstreamError as error:
            said, _, advice = str(error).partition(". ")
            return Check("delivery", False, said, advice)
        return Check("delivery", True, f"{path} can be written")

    def stage(self, ref: str, secret: SecretStr) -> None:
        path = _path_of(ref)
        _refuse_unsafe(path)
        text = secret.get_secret_value()
        # Whoever reads a file drops one line break at its end; one that belongs to the secret needs another.
        raw = (f"{text}\n" if text.endswith(("\n", "\r")) else text).encode()
        if len(raw) > MOST_BYTES:
            raise UpstreamError("The new secret is too long for a file that is read as one. Keep it elsewhere.")
        with _new_file_in(path.parent, raw) as made:
            _replace(made, _staged(path))

    def staged(self, ref: str) -> SecretStr | None:
        return _read(_staged(_path_of(ref)))

    def promote(self, ref: str) -> str:
        path = _path_of(ref)
        _refuse_unsafe(path)
        _replace(_staged(path), path)
        return f"{path}, {path.stat().st_mtime_ns}"

    def discard(self, ref: str) -> None:
        staged = _staged(_path_of(ref))
        try:
            staged.unlink(missing_ok=True)
        except OSError as error:
            raise _failed(staged, error) from None

    def current(self, ref: str) -> SecretStr | None:
        return _read(_path_of(ref))


def _path_of(ref: str) -> Path:
    path = Path(ref.removeprefix("file:"))
    if not path.is_absolute() or ".." in path.parts or not path.name:
        raise UpstreamError("A file for a secret is written file:/folder/name. Give its whole path.")
    return path


def _staged(path: Path) -> Path:
    return path.with_name(f".{path.name}.staged")


def _refuse_unsafe(path: Path) -> None:
    """Raise for a place where somebody else could read the secret, swap the file, or be locked out of it."""
    folder = path.parent
    try:
        if folder.resolve(strict=True) != folder:
            raise UpstreamError(f"{folder} leads over a symbolic link. Write the real path.")
        state = folder.stat()
        if state.st_mode & (stat.S_IRWXO | stat.S_IWGRP):
            raise UpstreamError(f"{folder} is open to other people. Close it: chmod 700 {folder}.")
        if state.st_uid not in (0, os.geteuid()):
            raise UpstreamError(f"{folder} belongs to somebody else. Give it to the user that Whose runs as.")
        if path.is_symlink():
            raise UpstreamError(f"{path} is a symbolic link. Write the real path.")
        if path.exists():
            _refuse_shared(path)
    except OSError as error:
        raise _failed(folder, error) from None


def _refuse_shared(path: Path) -> None:
    state = path.stat()
    if not stat.S_ISREG(state.st_mode):
        raise UpstreamError(f"{path} is no file. Name one.")
    if state.st_uid != os.geteuid() or state.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        # A new file would be ours alone, and whoever reads the old one by its group would be locked out.
        raise UpstreamError(f"{path} is not Whose's alone. Let only its user read it: chown, then chmod 600 {path}.")


@contextmanager
def _new_file_in(folder: Path, raw: bytes) -> Iterator[Path]:
    """A file with that content, 0600 and safely on the disk; gone afterwards if nobody has moved it."""
    made: Path | None = None
    try:
        number, name = tempfile.mkstemp(prefix=".whose-", dir=folder)  # 0600, never one that is there
        made = Path(name)
        with os.fdopen(number, "wb") as file:
            file.write(raw)
            file.flush()
            os.fsync(file.fileno())
        yield made
    except OSError as error:
        raise _failed(folder, error) from None
    finally:
        if made is not None:
            made.unlink(missing_ok=True)


def _replace(source: Path, target: Path) -> None:
    try:
        source.replace(target)
        number = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(number)  # or a crash of the machine could undo it
        finally:
            os.close(number)
    except FileNotFoundError:
        raise UpstreamError(f"Nothing is staged for {target}. Stage the new secret first.") from None
    except OSError as error:
        raise _failed(target, error) from None


def _read(path: Path) -> SecretStr | None:
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _failed(path, error) from None
    if len(raw) > MOST_BYTES:
        raise UpstreamError(f"{path} is too long for a secret. Put the secret alone into it.")
    try:
        return SecretStr(raw.decode("utf-8").removesuffix("\n").removesuffix("\r"))
    except UnicodeDecodeError:
        raise UpstreamError(f"{path} is no UTF-8 text. Put the secret alone into it.") from None


def _failed(path: Path, error: OSError) -> UpstreamError:
    return UpstreamError(
        f"{path} cannot be used: {error.strerror}. See that the user that Whose runs as may write there."
    )


# ------------------------------------------------------------------ Vault


class VaultSink:
    """``vault:mount/path#field``: one field of a KV v2 entry; the others stay as they are.

    What is staged is a field of its own in the same entry, so that promoting it is one write, and every write names the
    version that it follows: whoever else writes meanwhile is not overwritten. Vault keeps the old versions.
    """

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def preflight(self, ref: str) -> Check:
        try:
            where, _ = _vault_place(ref)
            self._vault.entry(where)
            can = self._vault.would_write(where)
        except UpstreamError as error:
            said, _, advice = str(error).partition(". ")
            return Check("delivery", False, said, advice)
        if can:
            return Check("delivery", True, f"{where} in Vault can be written")
        advice = "Let its token create and update the entry, and see that the mount is KV version 2."
        return Check("delivery", False, f"{where} in Vault cannot be written", advice)

    def stage(self, ref: str, secret: SecretStr) -> None:
        where, field = _vault_place(ref)
        fields, version = self._vault.entry(where)
        self._vault.write(where, {**(fields or {}), field + _STAGED_FIELD: secret.get_secret_value()}, after=version)

    def staged(self, ref: str) -> SecretStr | None:
        where, field = _vault_place(ref)
        return self._field(where, field + _STAGED_FIELD)

    def promote(self, ref: str) -> str:
        where, field = _vault_place(ref)
        fields, version = self._vault.entry(where)
        rest = dict(fields or {})
        if field + _STAGED_FIELD not in rest:
            raise UpstreamError(f"Nothing is staged in Vault's {where}. Stage the new secret first.")
        rest[field] = rest.pop(field + _STAGED_FIELD)
        return f"{where}, version {self._vault.write(where, rest, after=version)}"

    def discard(self, ref: str) -> None:
        where, field = _vault_place(ref)
        fields, version = self._vault.entry(where)
        rest = dict(fields or {})
        if rest.pop(field + _STAGED_FIELD, None) is not None:
            self._vault.write(where, rest, after=version)

    def current(self, ref: str) -> SecretStr | None:
        return self._field(*_vault_place(ref))

    def _field(self, where: str, field: str) -> SecretStr | None:
        fields, _ = self._vault.entry(where)
        value = (fields or {}).get(field)
        if value is not None and not isinstance(value, str):
            raise UpstreamError(f"The field {field} of Vault's {where} is no text. Name another one behind the #.")
        return None if value is None else SecretStr(value)


def _vault_place(ref: str) -> tuple[str, str]:
    return vault_place(ref.removeprefix("vault:"))
