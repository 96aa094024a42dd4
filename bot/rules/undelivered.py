"""What follows when a message will surely not arrive: one table from the platform's own word to a consequence.

The words are Slack's (https://docs.slack.dev/reference/methods/chat.postMessage#errors) and ours; what each means for
whoever looks after the installation is told by ``messages/wording/delivering.py``. What concerns the app as a whole (a
revoked token, a missing scope) is not here: nothing is given up for it, the whole lane waits (``bot/slack/calls.py``).
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class Consequence(StrEnum):
    """What happens instead. A message that was given up stays in the outbox, whichever it is."""

    NEXT_RUNG = "next_rung"
    """Its reader cannot be reached: the ladder moves on at once."""
    OPERATOR = "operator"
    """Something around it has to be mended, and then it can be sent again. The ladder keeps its own pace: who comes
    next would not be reached either."""
    STOP = "stop"
    """The message itself is refused, and would be again. The ladder keeps its own pace."""


#: Neither the platform nor a read-back said whether it arrived: never sent again, only looked for.
OUTCOME_UNKNOWN: Final = "outcome_unknown"

CONSEQUENCES: Final[Mapping[str, Consequence]] = {
    # The reader.
    "person_left": Consequence.NEXT_RUNG,
    "no_account": Consequence.NEXT_RUNG,
    "user_disabled": Consequence.NEXT_RUNG,
    "user_not_found": Consequence.NEXT_RUNG,
    "users_not_found": Consequence.NEXT_RUNG,
    "user_not_visible": Consequence.NEXT_RUNG,
    "cannot_dm_bot": Consequence.NEXT_RUNG,
    "channel_not_found": Consequence.NEXT_RUNG,
    OUTCOME_UNKNOWN: Consequence.NEXT_RUNG,
    # The place, or what the workspace lets the app do there.
    "not_in_channel": Consequence.OPERATOR,
    "is_archived": Consequence.OPERATOR,
    "restricted_action": Consequence.OPERATOR,
    "restricted_action_read_only_channel": Consequence.OPERATOR,
    "restricted_action_thread_only_channel": Consequence.OPERATOR,
    "restricted_action_non_threadable_channel": Consequence.OPERATOR,
    "restricted_action_thread_locked": Consequence.OPERATOR,
    "messages_tab_disabled": Consequence.OPERATOR,
    "ekm_access_denied": Consequence.OPERATOR,
    "two_factor_setup_required": Consequence.OPERATOR,
    "accesslimited": Consequence.OPERATOR,
    "message_limit_exceeded": Consequence.OPERATOR,
    # The message.
    "msg_too_long": Consequence.STOP,
    "msg_blocks_too_long": Consequence.STOP,
    "invalid_blocks": Consequence.STOP,
    "invalid_blocks_format": Consequence.STOP,
    "invalid_arguments": Consequence.STOP,
    "no_text": Consequence.STOP,
    "metadata_too_large": Consequence.STOP,
    "invalid_metadata_format": Consequence.STOP,
    "cannot_be_rendered": Consequence.STOP,
}


def consequence_of(code: str, *, to_person: bool, is_update: bool = False) -> Consequence:
    """What follows from a refusal; a word that is not in the table is for an operator to look at.

    Args:
        to_person: it was for somebody in person. After a channel there is nobody to go on to, so that an operator
            has to mend it.
        is_update: a message that is there was to be changed. Where its reader is gone, nobody needs to see it.
    """
    found = CONSEQUENCES.get(code, Consequence.OPERATOR)
    if found is not Consequence.NEXT_RUNG:
        return found
    if is_update:
        return Consequence.STOP
    return found if to_person else Consequence.OPERATOR


def may_have_arrived(code: str) -> bool:
    """Whether sending it again could say it twice."""
    return code == OUTCOME_UNKNOWN
