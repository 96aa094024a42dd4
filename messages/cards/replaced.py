"""What is left of a list that a newer one has taken the place of."""

from __future__ import annotations

from messages.action_ref import ActionRef, Verb
from messages.view import Button, Buttons, Note, View
from messages.wording import deciding

_CONTINUES = "This list continues in a newer message."


def replaced() -> View:
    """The old message, emptied of its buttons but for one that shows what waits now."""
    button = Button(deciding.label(Verb.SHOW_MINE), ActionRef(Verb.SHOW_MINE))
    return View(_CONTINUES, [Note([_CONTINUES]), Buttons([button])])
