"""JSON pointers (RFC 6901): where in an answer something stands."""

from __future__ import annotations

import re
from typing import Annotated, Any, Final

from pydantic import AfterValidator

from bot.rules.policy_values import Fault, PolicyFaults

_FORM: Final = re.compile(r"(?:/(?:[^~/]|~[01])*)*")
_INDEX: Final = re.compile(r"0|[1-9][0-9]{0,6}", re.ASCII)


class _Missing:
    """What stands where nothing does; null is something."""


MISSING: Final = _Missing()


def found_at(document: Any, pointer: str) -> Any:
    """What stands at ``pointer``; ``MISSING``: nothing does."""
    value = document
    for part in pointer.split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        if isinstance(value, dict):
            value = value.get(key, MISSING)
        elif isinstance(value, list) and _INDEX.fullmatch(key) and int(key) < len(value):
            value = value[int(key)]
        else:
            return MISSING
    return value


def _checked(text: str) -> str:
    if not _FORM.fullmatch(text):
        hint = "Write it like /data/0/id: a / before each key or number, none behind (RFC 6901)."
        raise PolicyFaults([Fault((), "This is no JSON pointer.", hint)])
    return text


Pointer = Annotated[str, AfterValidator(_checked)]
"""``""`` is the whole answer, ``/data/id`` a member of a member."""
