"""Why a message could not be delivered and what can be done about it: one entry a word of the platform or of ours."""

from __future__ import annotations

from messages.inert import short

_AGAIN = "then: whose outbox retry"
_RIGHTS = f"Let a workspace admin allow the app to post there, {_AGAIN}"
_READER_GONE = "Nothing needs to be done: the next person is asked."
_OUR_FAULT = "Please report it with this number. After an upgrade, try: whose outbox retry"

_REASONS = {
    "person_left": ("the person has left", _READER_GONE),
    "no_account": ("the person has no account in this workspace", _READER_GONE),
    "user_disabled": ("the person's account is closed", _READER_GONE),
    "user_not_found": ("Slack does not know the person's account", _READER_GONE),
    "users_not_found": ("Slack does not know the person's account", _READER_GONE),
    "user_not_visible": ("the app may not see the person", _READER_GONE),
    "cannot_dm_bot": ("the account belongs to an app", _READER_GONE),
    "channel_not_found": (
        "Slack does not know this place, or does not show it to the app",
        f"See that the channel's name is right and invite the app to it, {_AGAIN}",
    ),
    "outcome_unknown": (
        "nobody could tell for hours whether it arrived",
        "`whose outbox retry` looks for it once more, and sends it only if it is surely not there.",
    ),
    "not_in_channel": ("the app is not in the channel", f"Invite it there: /invite @Whose, {_AGAIN}"),
    "is_archived": ("the channel is archived", f"Open it again or name another one in the policy, {_AGAIN}"),
    "restricted_action": ("the workspace does not let the app post there", _RIGHTS),
    "restricted_action_read_only_channel": ("only some may post in the channel", _RIGHTS),
    "restricted_action_thread_only_channel": ("only threads may be posted in the channel", _RIGHTS),
    "restricted_action_non_threadable_channel": ("the channel takes no such message", _RIGHTS),
    "restricted_action_thread_locked": ("the thread is locked", _RIGHTS),
    "messages_tab_disabled": (
        "people cannot get messages from the app",
        f"Turn on the Messages Tab under App Home in the app's settings, {_AGAIN}",
    ),
    "ekm_access_denied": ("the workspace's administrators have suspended posting", f"Ask them, {_AGAIN}"),
    "two_factor_setup_required": ("the workspace asks for two-factor sign-in first", f"Set it up, {_AGAIN}"),
    "accesslimited": ("Slack limits access from this network", f"Let an admin allow this machine's address, {_AGAIN}"),
    "message_limit_exceeded": ("the workspace has used up its messages", f"See the workspace's plan, {_AGAIN}"),
    "msg_too_long": ("the message is too long for Slack", _OUR_FAULT),
    "msg_blocks_too_long": ("the message is too long for Slack", _OUR_FAULT),
    "invalid_blocks": ("Slack cannot draw the message", _OUR_FAULT),
    "invalid_blocks_format": ("Slack cannot draw the message", _OUR_FAULT),
    "invalid_arguments": ("Slack does not take the message as it is", _OUR_FAULT),
    "no_text": ("the message has no text", _OUR_FAULT),
    "metadata_too_large": ("the message's hidden part is too large for Slack", _OUR_FAULT),
    "invalid_metadata_format": ("Slack does not take the message's hidden part", _OUR_FAULT),
    "cannot_be_rendered": ("the message could not be drawn; the log says why", _OUR_FAULT),
}
_CONSEQUENCES = {
    "next_rung": "the next person is asked",
    "operator": "waits for you",
    "stop": "cannot be sent as it is",
}


def reason(code: str) -> str:
    """Why it could not be delivered, as the end of a sentence."""
    known = _REASONS.get(code)
    return known[0] if known else f"Slack refused it: {short(code, 60)}"


def advice(code: str, consequence: str = "operator") -> str:
    """What to do about it, in a sentence; of a word for a missing reader only where it was one that was missed.

    Args:
        consequence: what follows, as ``bot/rules/undelivered.py`` has it.
    """
    if consequence == "next_rung" and code != "outcome_unknown":
        return _READER_GONE
    known = _REASONS.get(code)
    if known is None:
        return f"Look the word up under chat.postMessage in Slack's documentation, mend what it names, {_AGAIN}"
    return known[1]


def consequence(word: str) -> str:
    """What follows, in a few words."""
    return _CONSEQUENCES.get(word, word)
