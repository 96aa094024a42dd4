"""AWS Secrets Manager as a place where secrets are read and delivered: ``aws-sm:name#field``.

Without a field the whole secret is the text; with one it is a field of a JSON object, and the others stay as they are.
What is staged has AWS's own label for that, ``AWSPENDING``; promoting it moves ``AWSCURRENT`` there, which fails if
somebody else has moved it meanwhile. AWS keeps the old one as ``AWSPREVIOUS``.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, Final

from pydantic import SecretStr

from bot.errors import UpstreamError
from bot.issuers.aws_calls import Keys, as_error, call_once, client_of
from bot.rules.issuing import Check, Rejected

_CURRENT: Final = "AWSCURRENT"
_PENDING: Final = "AWSPENDING"
_TRIED: Final = "WHOSE_PREFLIGHT"
_PLACE: Final = re.compile(r"aws-sm:(?P<name>[\w/+=.@:-]{1,512})(?:#(?P<field>[\w.-]+))?", re.ASCII)


@dataclass(frozen=True)
class _Version:
    id: str
    text: str


class SecretsManager:
    """One account and region. Also reads: it is where a token's secret may be kept."""

    def __init__(self, keys: Keys) -> None:
        """
        Raises:
            SettingsError: boto3 is not installed.
        """
        self._client = client_of("secretsmanager", keys)

    def close(self) -> None:
        self._client.close()

    def read(self, ref: str) -> SecretStr:
        """The secret that a reader gets.

        Raises:
            UpstreamError: there is none, or it cannot be read.
        """
        found = self.current(ref)
        if found is None:
            raise UpstreamError("AWS Secrets Manager has no such secret, or no such field. Name another one.")
        return found

    def preflight(self, ref: str) -> Check:
        """Writes what is current once more, under a label that nobody reads, and takes the label off again."""
        try:
            name, field = _place(ref)
            now = self._version(name, _CURRENT)
            if now is None:
                advice = "Make it first, with any text: its key and its tags are its owner's matter."
                return Check("delivery", False, f"AWS Secrets Manager has no {name}", advice)
            _merged(now.text, field, "")
            if self._call("describe_secret", SecretId=name).get("RotationEnabled"):
                advice = "Switch that off, or let AWS alone rotate it."
                return Check("delivery", False, f"AWS rotates {name} by itself", advice)
            made = self._call("put_secret_value", SecretId=name, SecretString=now.text, VersionStages=[_TRIED])
            self._label(name, _TRIED, take_from=made["VersionId"])
        except UpstreamError as error:
            said, _, advice = str(error).partition(". ")
            return Check("delivery", False, said, advice)
        return Check("delivery", True, f"{name} in AWS Secrets Manager can be written")

    def stage(self, ref: str, secret: SecretStr) -> None:
        name, field = _place(ref)
        now = self._version(name, _CURRENT)
        if now is None:
            raise UpstreamError(f"AWS Secrets Manager has no {name}. Make it first, with any text.")
        self._stage(name, _merged(now.text, field, secret.get_secret_value()))

    def staged(self, ref: str) -> SecretStr | None:
        name, field = _place(ref)
        pending = self._pending(name)
        return None if pending is None else _field_of(pending.text, field)

    def promote(self, ref: str) -> str:
        name, field = _place(ref)
        pending, now = self._pending(name), self._version(name, _CURRENT)
        secret = None if pending is None else _field_of(pending.text, field)
        if pending is None or now is None or secret is None:
            raise UpstreamError(f"Nothing is staged for {name}. Stage the new secret first.")
        wanted = _merged(now.text, field, secret.get_secret_value())
        to = pending.id if wanted == pending.text else self._stage(name, wanted)
        self._label(name, _CURRENT, take_from=now.id, give_to=to)
        self._label(name, _PENDING, take_from=to)
        return f"{name}, version {to}"

    def discard(self, ref: str) -> None:
        name, _ = _place(ref)
        pending = self._pending(name)
        if pending is not None:
            self._label(name, _PENDING, take_from=pending.id)

    def current(self, ref: str) -> SecretStr | None:
        name, field = _place(ref)
        now = self._version(name, _CURRENT)
        return None if now is None else _field_of(now.text, field)

    def _pending(self, name: str) -> _Version | None:
        """What is staged. A crash may leave the label on what was promoted already: that is not staged any more."""
        pending = self._version(name, _PENDING)
        if pending is None:
            return None
        now = self._version(name, _CURRENT)
        return None if now is not None and now.id == pending.id else pending

    def _stage(self, name: str, text: str) -> str:
        made = self._call("put_secret_value", SecretId=name, SecretString=text, VersionStages=[_PENDING])
        return str(made["VersionId"])

    def _version(self, name: str, label: str) -> _Version | None:
        found = call_once(self._client, "get_secret_value", SecretId=name, VersionStage=label)
        if isinstance(found, Rejected) and found.code == "ResourceNotFoundException":
            return None
        if not isinstance(found, dict):
            raise as_error(found, f"reading {name}")
        text = found.get("SecretString")
        if not isinstance(text, str):
            raise UpstreamError(f"{name} in AWS Secrets Manager is not a text. Keep the token in one that is.")
        return _Version(str(found["VersionId"]), text)

    def _label(self, name: str, label: str, *, take_from: str, give_to: str | None = None) -> None:
        moved = {"SecretId": name, "VersionStage": label, "RemoveFromVersionId": take_from}
        self._call("update_secret_version_stage", **moved, **({"MoveToVersionId": give_to} if give_to else {}))

    def _call(self, what: str, **arguments: Any) -> dict[str, Any]:
        answer = call_once(self._client, what, **arguments)
        if not isinstance(answer, dict):
            raise as_error(answer, f"{what} of {arguments['SecretId']}")
        return answer


def _place(ref: str) -> tuple[str, str]:
    found = _PLACE.fullmatch(ref)
    if found is None:
        raise UpstreamError("A place in AWS Secrets Manager is written aws-sm:name#field.")
    return found["name"], found["field"] or ""


def _fields(text: str) -> dict[str, Any]:
    try:
        read = json.loads(text)
    except (ValueError, RecursionError):
        read = None
    if not isinstance(read, dict):
        raise UpstreamError("That secret is no JSON object and has no fields. Leave the # and the field out.")
    return read


def _merged(text: str, field: str, secret: str) -> str:
    return json.dumps({**_fields(text), field: secret}) if field else secret


def _field_of(text: str, field: str) -> SecretStr | None:
    value = _fields(text).get(field) if field else text
    if value is not None and not isinstance(value, str):
        raise UpstreamError(f"The field {field} is no text. Name another one behind the #.")
    return None if value is None else SecretStr(value)
