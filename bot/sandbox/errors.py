"""The one error of the Web API: a machine-readable name, as Slack answers it."""

from __future__ import annotations

from typing import Any


class SlackError(Exception):
    """A refusal of the Web API: ``{"ok": false, "error": code, **extra}``."""

    def __init__(self, code: str, **extra: Any) -> None:
        super().__init__(code)
        self.code = code
        self.extra = extra

    def body(self) -> dict[str, Any]:
        """The answer as Slack sends it."""
        return {"ok": False, "error": self.code, **self.extra}


def invalid_arguments(*messages: str) -> SlackError:
    """``invalid_arguments``, naming each argument that is wrong."""
    return SlackError("invalid_arguments", response_metadata={"messages": [f"[ERROR] {m}" for m in messages]})


def invalid_blocks(problems: list[str]) -> SlackError:
    """``invalid_blocks``, naming the path of each block that is wrong."""
    return SlackError(
        "invalid_blocks", errors=problems, response_metadata={"messages": [f"[ERROR] {p}" for p in problems]}
    )
