"""References to secrets: where one is kept, never what it is."""

from __future__ import annotations

import re
from typing import Annotated, Final

from pydantic import AfterValidator

from bot.operations.secret_patterns import looks_like_secret
from bot.rules.policy_values import Fault, PolicyFaults

SCHEMES: Final = ("env", "file", "vault", "aws-sm")
HOW: Final = "Write env:NAME, file:/path, vault:mount/path#field or aws-sm:name#field."
# Each place can be written in one way only, so that references can be compared as texts.
_REFERENCE: Final = re.compile(
    r"env:[A-Za-z_]\w{0,199}"
    r"|file:(?:/(?!\.{1,2}(?:/|$))[^/\x00-\x1f]{1,255}){1,40}"
    r"|vault:[\w.-]+(?:/(?!\.{1,2}(?:[/#]|$))[\w.-]+){1,40}(?:#[\w.-]+)?"
    r"|aws-sm:[\w/+=.@:-]{1,512}(?:#[\w.-]+)?",
    re.ASCII,
)


def is_reference(text: str) -> bool:
    """Whether ``text`` names a place where a secret is kept."""
    return _REFERENCE.fullmatch(text) is not None


def _reference(text: str) -> str:
    if looks_like_secret(text) is not None:
        hint = f"Put it where only Whose can read it, and name that place. {HOW}"
        raise PolicyFaults([Fault((), "This looks like a secret itself.", hint)])
    if not is_reference(text):
        raise PolicyFaults([Fault((), "This is no reference to a secret.", HOW)])
    return text


SecretRef = Annotated[str, AfterValidator(_reference)]
"""The type of every option of a connector that names a secret: anything else is refused, and never shown."""


def within(ref: str, place: str) -> bool:
    """Whether the reference ``ref`` lies at ``place`` or below it.

    A place that ends in ``/`` or ``_`` is everything that begins so; any other is itself, with or without a field.
    """
    if place.endswith(("/", "_")):
        return ref.startswith(place)
    return ref == place or ref.startswith(f"{place}#")
