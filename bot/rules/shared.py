"""Tokens that several people use: whom the inventory's list of consumers names."""

from __future__ import annotations

import re
from typing import Final

_ADDRESS: Final = re.compile(r"[^\s@<>|,;:\"()]{1,64}@[^\s@<>|,;:\"()]{1,189}")


def names_people(consumers: str) -> bool:
    """Whether the list may name people beside systems. Cheap: asked at every click."""
    return "@" in consumers


def addresses_in(consumers: str) -> list[str]:
    """The e-mail addresses of a list such as ``ana@example.com; billing job``, lower case, each once."""
    return list(dict.fromkeys(found.lower().rstrip(".") for found in _ADDRESS.findall(consumers)))
