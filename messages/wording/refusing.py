"""Why something was not done, and what the reader can do about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from messages.inert import short
from messages.wording import names

if TYPE_CHECKING:
    from messages.cards.facts import Refusal

_HEADINGS = {
    "no_authority": "This is for somebody else to decide",
    "already_decided": "This is already decided",
    "stale": "This card is out of date",
    "unknown_person": "You are not in the directory yet",
    "inactive": "Your entry in the directory is not active",
    "not_visible": "This is not open to you",
    "not_found": "Nothing found",
    "not_offered": "This is not possible here",
    "invalid": "Something is not right yet",
    "expired": "That took too long",
    "busy": "Please try again",
    "unavailable": "Please try again later",
}
_SENTENCES = {
    "no_authority": "Nothing was changed. The people below can decide about {name}.",
    "already_decided": "Nothing was changed; the first answer for {name} counts.",
    "stale": "{name} has changed since this card was sent, so nothing was changed. Please use the newest card.",
    "unknown_person": "Nothing was changed, because your account is not linked to a person in the directory. "
    "Whoever looks after the directory can add it.",
    "inactive": "Nothing was changed, because your entry in the directory says that you have left. "
    "If that is wrong, whoever looks after the directory can correct it.",
    "not_visible": "The policy shows {name} to its owners and to a few named roles.",
    "not_found": "There is no {name} among the tokens that you can see.",
    "not_offered": "Nothing was changed, because this cannot be chosen for {name} at the moment.",
    "invalid": "Nothing was changed. Please correct it and send it again.",
    "expired": "Nothing was changed. Please click the button once more.",
    "busy": "Nothing was changed, because somebody else was answering at the same moment.",
    "unavailable": "Nothing was changed, because the service could not finish in time.",
}


def heading(refusal: Refusal) -> str:
    """The refusal in a few words."""
    return _HEADINGS.get(refusal.code, "Nothing was changed")


def sentence(refusal: Refusal) -> str:
    """The refusal in one or two sentences."""
    name = short(refusal.token_name, names.NAME)
    if refusal.code == "no_authority" and not refusal.who_can:
        return "Nothing was changed. The security team can decide this, or say who can."
    if refusal.code == "not_found" and not name:
        return "It is not there any more, or it is not open to you."
    template = _SENTENCES.get(refusal.code, "That did not work, and nothing was changed.")
    # Not str.format: braces in a name must stay what they are.
    begins = template.startswith("{name}")
    return template.replace("{name}", name or ("This token" if begins else "this token"))


WHO_CAN = "Who can decide"
NEAREST = "Did you mean one of these?"
