"""AWS access keys as values: what AWS says of one, and how key id and secret are written down together."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from pydantic import SecretStr

from bot.rules.issuing import KeyState, Sighting

_NOT_SAID: Final = "N/A"


def sighting(
    key: Mapping[str, Any], used: Mapping[str, Any], user: Mapping[str, Any], owner_tags: Iterable[str]
) -> Sighting:
    """One key.

    Args:
        key: its entry in ListAccessKeys.
        used: the answer of GetAccessKeyLastUsed.
        user: its user's entry in GetAccountAuthorizationDetails; empty: not asked.
    """
    last = used.get("AccessKeyLastUsed", {})
    places = (last.get("ServiceName", _NOT_SAID), last.get("Region", _NOT_SAID))
    return Sighting(
        external_id=str(key["AccessKeyId"]),
        state=KeyState.ACTIVE if key["Status"] == "Active" else KeyState.DISABLED,
        name=str(key["UserName"]),
        credential_type="aws_access_key",
        scopes=", ".join(sorted(_policies(user))),
        created_at=_utc(key.get("CreateDate")),
        last_used_at=_utc(last.get("LastUsedDate")),
        used_for=", ".join(str(one) for one in places if one != _NOT_SAID),
        owner_hints=tuple(_hints(user, owner_tags)),
    )


def written_as_pair(key_id: str, secret: SecretStr) -> SecretStr:
    """Key id and secret as ``credential_process`` prints them, version 1 of AWS's format."""
    said = {"Version": 1, "AccessKeyId": key_id, "SecretAccessKey": secret.get_secret_value()}
    return SecretStr(json.dumps(said))


def secret_of_pair(secret: SecretStr) -> SecretStr:
    """The secret access key of such a pair; a secret that stands alone as it is."""
    pair = _pair(secret)
    return secret if pair is None else SecretStr(str(pair["SecretAccessKey"]))


def of_key(secret: SecretStr, key_id: str) -> bool:
    """Whether this can be the secret of that key: alone it may be, in a pair the pair says."""
    pair = _pair(secret)
    return pair is None or pair.get("AccessKeyId") == key_id


def _pair(secret: SecretStr) -> dict[str, Any] | None:
    try:
        read = json.loads(secret.get_secret_value())
    except (ValueError, RecursionError):
        return None
    return read if isinstance(read, dict) and "SecretAccessKey" in read else None


def _policies(user: Mapping[str, Any]) -> set[str]:
    own = {
        str(one["PolicyName"]) for one in [*user.get("AttachedManagedPolicies", []), *user.get("UserPolicyList", [])]
    }
    return own | {f"group {name}" for name in user.get("GroupList", [])}


def _hints(user: Mapping[str, Any], owner_tags: Iterable[str]) -> list[str]:
    tags = {str(one["Key"]).lower(): str(one["Value"]).strip() for one in user.get("Tags", [])}
    found = [tags[name.lower()] for name in owner_tags if tags.get(name.lower())]
    return list(dict.fromkeys(found))


def _utc(moment: object) -> datetime | None:
    if not isinstance(moment, datetime):
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
