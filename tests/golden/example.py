"""A kind of message with the facts it is made from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from messages.view import Form, View


@dataclass(frozen=True)
class Example:
    """What builds the message, and from what."""

    build: Callable[..., View | Form]
    facts: tuple[Any, ...]

    def made(self) -> View | Form:
        return self.build(*self.facts)
