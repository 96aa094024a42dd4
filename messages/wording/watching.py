"""What the watchdog tells operators: what is amiss with the work itself, and what to do about it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from messages.inert import short
from messages.wording import delivering, names

_MOST = 5
_NAME = 120

WHO = "Whose looks after its own work and tells you once a day while this lasts."
HEADING = "Something keeps Whose from its work"

_JOBS = {
    "directory": "reading the directory",
    "sweep": "looking for what is due",
    "climb": "telling the next person",
    "deliver": "sending messages",
    "ledger": "signing the record",
    "watch": "looking after the work",
}


def said(kind: str, number: int, about: Sequence[str]) -> str:
    """What is amiss, in a sentence or two.

    Args:
        kind: as ``bot/rules/watchdog.py`` has it.
        number: how many requests, messages, jobs or anchors.
        about: the anchors, the jobs, or the platform's words for failures.
    """
    sentence = _SAID.get(kind)
    return sentence(number, about) if sentence else f"There is trouble: {short(kind.replace('_', ' '), 60)}."


def advice(kind: str) -> str:
    """What to do about it; commands stand between backticks."""
    return _ADVICE.get(kind, "Run `whose doctor` to see what is wrong.")


def _stuck(number: int, _about: Sequence[str]) -> str:
    one = number == 1
    return (
        f"{names.counted(number, 'request', 'requests')} should have gone to the next person more than half an hour "
        f"ago, and {'has' if one else 'have'} not."
    )


def _late(number: int, _about: Sequence[str]) -> str:
    return f"{names.counted(number, 'message', 'messages')} should have left more than an hour ago."


def _unknown(number: int, _about: Sequence[str]) -> str:
    return (
        f"Of {names.counted(number, 'message', 'messages')} nobody can tell for half an hour whether "
        f"{'it' if number == 1 else 'they'} arrived."
    )


def _undelivered(number: int, about: Sequence[str]) -> str:
    reasons = "; ".join(dict.fromkeys(delivering.reason(code) for code in about[:_MOST]))
    return f"{names.counted(number, 'message', 'messages')} could not be delivered: {reasons}."


def _silent(_number: int, about: Sequence[str]) -> str:
    return f"This has not been done for too long: {_listed([_JOBS.get(name, name) for name in about])}."


def _refused(_number: int, _about: Sequence[str]) -> str:
    return "The record is not what was signed before: records are missing or differ. Nothing more is signed."


def _checkpoint(_number: int, _about: Sequence[str]) -> str:
    return "New records have not been signed for more than two hours."


def _anchor(_number: int, about: Sequence[str]) -> str:
    return f"For more than a day the newest checkpoint could not be brought to {_listed(about)}."


def _listed(texts: Sequence[str]) -> str:
    shown = ", ".join(short(text, _NAME) for text in texts[:_MOST])
    return shown if len(texts) <= _MOST else f"{shown} and {len(texts) - _MOST} more"


_SAID: dict[str, Callable[[int, Sequence[str]], str]] = {
    "stuck_ladders": _stuck,
    "late_messages": _late,
    "unknown_outcomes": _unknown,
    "undelivered": _undelivered,
    "silent_job": _silent,
    "ledger_refused": _refused,
    "late_checkpoint": _checkpoint,
    "late_anchor": _anchor,
}
_LOG = "The worker's log says why."
_ADVICE = {
    "stuck_ladders": f"{_LOG} See that a worker runs and that the database answers: `whose doctor`",
    "late_messages": "See what they wait for: `whose outbox list --state pending`. Then look at the app's token and "
    "scopes: `whose doctor`",
    "unknown_outcomes": "They are looked for by themselves and never sent twice. See that Slack can be reached from "
    "the worker and that the app may read its conversations: `whose doctor`",
    "undelivered": "See what to mend: `whose outbox list`. Then: `whose outbox retry --all`",
    "silent_job": f"{_LOG} See what is wrong: `whose doctor`",
    "ledger_refused": "Keep the database as it is, read “Keeping the record” in docs/operating.md, and look: "
    "`whose ledger verify`",
    "late_checkpoint": f"{_LOG} See that the key can be read: `whose doctor`",
    "late_anchor": "See why: `whose doctor`. It is tried again by itself, and no decision waits for it.",
}
