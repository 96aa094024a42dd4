"""The small values a policy is written in, each read strictly and with advice when it does not fit."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import time
from itertools import pairwise
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, PlainValidator

from bot.rules.durations import BusinessDuration, parse_business, parse_days, parse_hours


@dataclass(frozen=True)
class Fault:
    """One thing that does not fit; `at` is the key path below the model that noticed it."""

    at: tuple[str | int, ...]
    message: str
    hint: str


class PolicyFaults(ValueError):  # noqa: N818 - it is plural
    """Everything that does not fit in one part of a policy."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__(" ".join(f"{fault.message} {fault.hint}" for fault in self.faults))


def raise_if(faults: list[Fault]) -> None:
    if faults:
        raise PolicyFaults(faults)


def suggest(wrong: str, known: Iterable[str]) -> str:
    """What to write instead: the nearest of the known names, or all of them."""
    names, start = sorted(known), wrong.lower()[:80]
    near = [name for name in names if len(start) > 2 and name.startswith(start)]
    near = near or difflib.get_close_matches(start, names, n=1, cutoff=0.6)
    if len(near) == 1:
        return f"Did you mean {near[0]}?"
    return f"Use one of: {', '.join(names)}."


def _complain(message: str, hint: str) -> PolicyFaults:
    return PolicyFaults([Fault((), message, hint)])


# ------------------------------------------------------------------ small value types


def fold(text: str) -> str:
    """Lower-case A-Z and nothing else, as SQLite's lower() does, so that every engine picks the same tier."""
    return text.translate(_ASCII_LOWER)


_ASCII_LOWER: Final = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}
_NAME: Final = re.compile(r"[a-z][a-z0-9_-]{0,39}")
_EMAIL: Final = re.compile(r"[^\s@<>|,;\"]{1,64}@[^\s@<>|,;\"]{1,189}")
_CHANNEL: Final = re.compile(r"[CG][A-Z0-9]{6,20}|[^\W_A-Z][\w-]{0,79}")
_CLOCK: Final = re.compile(r"([01]?[0-9]|2[0-3]):([0-5][0-9])", re.ASCII)


def _as_list(value: object) -> object:
    """A single value stands for a list of one, so that `environment: production` reads as it should."""
    return value if isinstance(value, list | tuple) else (value,)


def _folded(value: object) -> object:
    values = value if isinstance(value, list | tuple) else (value,)
    return tuple(fold(one.strip()) if isinstance(one, str) else one for one in values)


def _name(text: str) -> str:
    if not _NAME.fullmatch(text):
        hint = "Start with a small letter; then small letters, digits, - and _ (40 at most)."
        raise _complain("This is not a usable name.", hint)
    return text


def _email(text: str) -> str:
    if not _EMAIL.fullmatch(text.strip()):
        raise _complain("This is not an e-mail address.", "Write it like ana@example.com.")
    return text.strip().lower()


def _channel(value: object) -> object:
    if value is None:
        hint = 'A # starts a comment in YAML. Leave it out or write it in quotes: "#security".'
        raise _complain("The channel is empty.", hint)
    if isinstance(value, str) and not _CHANNEL.fullmatch(value.strip().removeprefix("#")):
        hint = "Write the channel's name in small letters, such as security, or its id, such as C0123456789."
        raise _complain("This is not a channel.", hint)
    return value.strip().removeprefix("#") if isinstance(value, str) else value


def _clock(value: object) -> time:
    if isinstance(value, time):
        return value
    match = _CLOCK.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise _complain("This is not a time of day.", "Write hours and minutes, such as 09:00 or 17:30.")
    return time(int(match[1]), int(match[2]))


def _label(value: object) -> object:
    """`version: 3` is a label like `"3"`; a number there is no mistake."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def notices_descend(days: tuple[int, ...]) -> tuple[int, ...]:
    faults = [
        Fault((i + 1,), f"{b}d comes after {a}d.", "List the notices from the longest to the shortest, each once.")
        for i, (a, b) in enumerate(pairwise(days))
        if b >= a
    ]
    raise_if(faults)
    return days


_in_days = PlainSerializer(lambda days: f"{days}d", return_type=str, when_used="json")
_in_hours = PlainSerializer(lambda hours: f"{hours}h", return_type=str, when_used="json")

Name = Annotated[str, AfterValidator(_name)]
Label = Annotated[str, BeforeValidator(_label), Field(min_length=1, max_length=80)]
Email = Annotated[str, AfterValidator(_email)]
ChannelName = Annotated[str, BeforeValidator(_channel)]
Clock = Annotated[
    time,
    PlainValidator(_clock),
    PlainSerializer(lambda clock: clock.strftime("%H:%M"), return_type=str, when_used="json"),
]
Days = Annotated[int, PlainValidator(parse_days), _in_days]
"""A whole number of days in Python, written `90d` in YAML and JSON."""
Hours = Annotated[int, PlainValidator(parse_hours), _in_hours]
"""A whole number of hours in Python, written `24h` in YAML and JSON."""
Wait = Annotated[
    BusinessDuration, PlainValidator(parse_business), PlainSerializer(str, return_type=str, when_used="json")
]
"""Business time in Python (BusinessDuration), written `2bd` or `4bh`."""
Positive = Annotated[int, Field(strict=True, ge=1, le=1_000_000)]
Flag = Annotated[bool, Field(strict=True)]

_Text = Annotated[str, Field(min_length=1, max_length=200)]
ONE_OR_MORE: Final = BeforeValidator(_as_list)
Texts = Annotated[tuple[_Text | None, ...], BeforeValidator(_folded), ONE_OR_MORE, Field(min_length=1, max_length=200)]
Tags = Annotated[tuple[_Text, ...], BeforeValidator(_folded), ONE_OR_MORE, Field(max_length=50)]
Flags = Annotated[tuple[Flag | None, ...], ONE_OR_MORE, Field(min_length=1, max_length=3)]
Environments = Annotated[
    tuple[Literal["production", "staging", "development"] | None, ...],
    BeforeValidator(_folded),
    ONE_OR_MORE,
    Field(min_length=1),
]
Classifications = Annotated[
    tuple[Literal["public", "internal", "confidential", "restricted"] | None, ...],
    BeforeValidator(_folded),
    ONE_OR_MORE,
    Field(min_length=1),
]
Holders = Annotated[
    tuple[Literal["us", "vendor"] | None, ...], BeforeValidator(_folded), ONE_OR_MORE, Field(min_length=1)
]
