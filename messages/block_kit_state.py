"""What a modal brings back: the answers, and which message it was opened from."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from messages.action_ref import ActionRef, decode
from messages.block_kit_form import ACTION_ID


@dataclass(frozen=True)
class Origin:
    """The message that a form was opened from, as Slack names it."""

    channel: str
    ts: str


_ORIGIN = re.compile(r"([A-Z0-9]{1,32})\|([0-9]{1,16}\.[0-9]{1,16})")


def encode_origin(action: ActionRef, origin: Origin | None = None) -> str:
    """What a form carries in ``private_metadata``: its action and, where there is one, its message."""
    return action.encode() + (f"|{origin.channel}|{origin.ts}" if origin else "")


def decode_origin(private_metadata: str) -> tuple[ActionRef, Origin | None]:
    """Read `encode_origin` back.

    Raises:
        ValueError: it is not one of ours.
    """
    reference, bar, rest = private_metadata.partition("|")
    action = decode(reference)
    if not bar:
        return action, None
    match = _ORIGIN.fullmatch(rest)
    if match is None:
        raise ValueError("this form does not carry a message of ours")
    return action, Origin(match[1], match[2])


def read_values(state_values: Mapping[str, Any]) -> dict[str, str]:
    """The answers by field name from ``view.state.values``; an input left empty gives an empty string.

    What is not shaped as Slack shapes it is left out, so that a form which lacks it is refused as incomplete.
    """
    values = {}
    for name, block in state_values.items():
        answer = block.get(ACTION_ID) if isinstance(block, Mapping) else None
        if isinstance(answer, Mapping):
            values[name] = _answer(answer)
    return values


def _answer(answer: Mapping[str, Any]) -> str:
    match answer.get("type"):
        case "plain_text_input":
            value = answer.get("value")
        case "static_select":
            option = answer.get("selected_option")
            value = option.get("value") if isinstance(option, Mapping) else None
        case "users_select":
            value = answer.get("selected_user")
        case "datepicker":
            value = answer.get("selected_date")
        case _:
            value = None
    return value if isinstance(value, str) else ""
