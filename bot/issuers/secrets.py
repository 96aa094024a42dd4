"""Secrets of ours, and those that an inventory points at: named by a ``secret_ref``, read when needed, kept nowhere.

``env:NAME`` is an environment variable, ``file:/path`` a file (without its last line break), ``vault:mount/path#field``
a field of a Vault or OpenBao KV v2 entry.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from pydantic import SecretStr

from bot.errors import UpstreamError
from bot.issuers.calls import Answer, Caller

MOST_BYTES: Final = 64 * 1024
_NO_VERSION: Final = 2**31 - 1
_VAULT: Final = re.compile(r"(?P<mount>[\w.-]+)/(?P<path>[\w./-]+?)(?:#(?P<field>[\w.-]+))?", re.ASCII)


class Vault:
    """A Vault or OpenBao server, KV version 2, by its HTTP interface."""

    def __init__(self, address: str, token: SecretStr, *, namespace: str = "") -> None:
        headers = {"x-vault-token": token.get_secret_value(), "x-vault-request": "true"}
        if namespace:
            headers["x-vault-namespace"] = namespace
        self._caller = Caller(address, headers)

    def close(self) -> None:
        self._caller.close()

    def read(self, where: str) -> dict[str, Any]:
        """The fields of the newest version of an entry, ``mount/path``.

        Raises:
            UpstreamError: there is none, or it cannot be read.
        """
        fields, _ = self.entry(where)
        if fields is None:
            raise UpstreamError(f"Vault has no entry {where}. Name another one, or make it.")
        return fields

    def entry(self, where: str) -> tuple[dict[str, Any] | None, int]:
        """The fields of the newest version and its number, read at once; None: there is none, or it was deleted.

        Raises:
            UpstreamError: it cannot be read.
        """
        answer = self._call("GET", where)
        if not answer.ok and answer.status != 404:
            raise UpstreamError(f"Vault does not give {where} ({answer.status}). See that its token may read it.")
        try:
            data = answer.json().get("data")
            if answer.status == 404:  # a deleted version answers 404, too, and still has its number
                return None, 0 if data is None else int(data["metadata"]["version"])
            return dict(data["data"]), int(data["metadata"]["version"])
        except (ValueError, KeyError, TypeError, AttributeError):
            raise UpstreamError(f"Vault's answer about {where} cannot be read. See that it is a KV v2 entry.") from None

    def write(self, where: str, fields: Mapping[str, Any], *, after: int) -> int:
        """Write a new version, only if ``after`` is still the newest one (check-and-set); returns its number.

        Raises:
            UpstreamError: it is not known to be written.
        """
        answer = self._call("POST", where, {"data": dict(fields), "options": {"cas": after}})
        if not answer.ok:
            raise UpstreamError(f"Vault does not take {where} ({answer.status}). See that its token may write there.")
        try:
            return int(answer.json()["data"]["version"])
        except (ValueError, KeyError, TypeError):
            raise UpstreamError(
                f"Vault does not say that it has taken {where}. See that it is a KV v2 entry."
            ) from None

    def would_write(self, where: str) -> bool:
        """Whether an entry could be written, without writing it: with a version that it cannot have, whoever may write
        is told that the version is wrong (400), and whoever may not is refused (403) before that is looked at.

        Raises:
            UpstreamError: it cannot be asked.
        """
        return self._call("POST", where, {"data": {}, "options": {"cas": _NO_VERSION}}).status == 400

    def _call(self, method: str, where: str, body: object | None = None) -> Answer:
        mount, _, path = where.partition("/")
        answer = self._caller.call(method, f"v1/{quote(mount)}/data/{quote(path)}", json_body=body)
        if isinstance(answer, Answer):
            return answer
        raise UpstreamError(f"Vault cannot be asked about {where}: it does not answer as it should.")


class Secrets:
    """Reads secret references."""

    def __init__(self, environ: Mapping[str, str], vault: Vault | None = None) -> None:
        self._environ = environ
        self.vault = vault

    def read(self, ref: str) -> SecretStr:
        """The secret that ``ref`` names.

        Raises:
            UpstreamError: there is none, or it cannot be read; the text says where and what to do.
        """
        kind, _, where = ref.partition(":")
        match kind:
            case "env":
                return SecretStr(self._from_environment(where))
            case "file":
                return SecretStr(_from_file(Path(where)))
            case "vault":
                return SecretStr(self._from_vault(where))
            case _:
                raise UpstreamError(
                    "This is no reference to a secret. Write env:NAME, file:/path or vault:mount/path#field."
                )

    def _from_environment(self, name: str) -> str:
        value = self._environ.get(name, "")
        if not value:
            raise UpstreamError(f"The environment variable {name} is not set, or empty. Set it where Whose runs.")
        return value

    def _from_vault(self, where: str) -> str:
        entry, field = vault_place(where)
        if self.vault is None:
            raise UpstreamError("No Vault is set up. Name it under `vault:` in the issuers file.")
        value = self.vault.read(entry).get(field)
        if not isinstance(value, str) or not value:
            raise UpstreamError(f"Vault's {entry} has no field {field}. Name another one behind the #.")
        return value


def vault_place(where: str) -> tuple[str, str]:
    """``mount/path`` and field of ``mount/path#field``; the field is ``value`` where none is named.

    Raises:
        UpstreamError: it is no such place.
    """
    found = _VAULT.fullmatch(where)
    if found is None or ".." in where:
        raise UpstreamError("A place in Vault is written vault:mount/path#field.")
    return f"{found['mount']}/{found['path']}", found["field"] or "value"


def _from_file(path: Path) -> str:
    try:
        with path.open("rb") as file:
            raw = file.read(MOST_BYTES + 1)
        text = raw.decode("utf-8")
    except OSError as error:
        raise UpstreamError(f"{path} cannot be read: {error.strerror}. See that the file is there.") from None
    except UnicodeDecodeError:
        raise UpstreamError(f"{path} is no UTF-8 text. Put the secret alone into it.") from None
    if len(raw) > MOST_BYTES or not text.strip():
        raise UpstreamError(f"{path} is empty, or too long for a secret. Put the secret alone into it.")
    return text.removesuffix("\n").removesuffix("\r")
