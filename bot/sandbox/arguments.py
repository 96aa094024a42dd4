"""The arguments of one call of the Web API, however they came: query, form or JSON."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qsl

from bot.sandbox.errors import SlackError, invalid_arguments

Json = dict[str, Any]


class Args:
    """Named arguments; a list or object may also come as a string of JSON, as the SDK sends it in forms."""

    def __init__(self, values: Json) -> None:
        self._values = values

    @classmethod
    def parse(cls, query: str, content_type: str, body: bytes) -> Args:
        """Read a request; raises ``invalid_json``, ``json_not_object`` or ``invalid_post_type``."""
        values: Json = dict(parse_qsl(query, keep_blank_values=True))
        kind = content_type.split(";")[0].strip().lower()
        if kind == "application/json":
            try:
                sent = json.loads(body or b"{}")
            except ValueError as error:
                raise SlackError("invalid_json") from error
            if not isinstance(sent, dict):
                raise SlackError("json_not_object")
            values |= sent
            values.pop("token", None)  # with JSON, Slack takes a token from the header only
        elif kind in ("application/x-www-form-urlencoded", ""):
            values |= dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
        elif body:
            raise SlackError("invalid_post_type")
        return cls(values)

    def text(self, name: str, default: str | None = None) -> str | None:
        """An optional string; numbers are taken as they are written."""
        value = self._values.get(name)
        if value is None or value == "":
            return default
        if isinstance(value, dict | list):
            raise invalid_arguments(f"{name} must be a string")
        return str(value)

    def required(self, name: str) -> str:
        """A string that must be there; raises ``invalid_arguments``."""
        value = self.text(name)
        if value is None:
            raise invalid_arguments(f"missing required field: {name}")
        return value

    def flag(self, name: str, *, default: bool = False) -> bool:
        """A boolean, as JSON or as ``1``, ``true``, ``0``, ``false``."""
        value = self._values.get(name)
        if value is None or value == "":
            return default
        return str(value).lower() in ("1", "true")

    def whole(self, name: str, default: int) -> int:
        """A whole number; raises ``invalid_arguments``."""
        value = self.text(name)
        try:
            return default if value is None else int(value)
        except ValueError as error:
            raise invalid_arguments(f"{name} must be a number") from error

    def structure(self, name: str, error: str) -> Any:
        """A list or object, None when absent; raises ``error`` when it is no JSON."""
        value = self._values.get(name)
        if value is None or value == "":
            return None
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value)
        except ValueError as problem:
            raise SlackError(error) from problem
