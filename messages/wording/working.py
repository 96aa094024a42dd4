"""Carrying out a removal or rotation at its issuing system, in words that cards and records share."""

from __future__ import annotations

from messages.inert import short
from messages.wording import names

# ------------------------------------------------------------------ what it is, and where


def system(name: str) -> str:
    """The issuing system's name, or words that do for it."""
    return short(name, names.NAME) or "the issuing system"


def work(kind: str) -> str:
    """``the removal``, to stand in a sentence."""
    return {"revoke": "the removal", "rotate": "the rotation"}.get(kind, "the work")


# ------------------------------------------------------------------ what stands in the way

_FAULTS = {
    "ours": "It is what this bot itself signs in with at {system}, so it is left alone.",
    "rejected": "{System} refused it, and nothing was changed.",
    "no_effect": "{System} said yes, and yet nothing changed there.",
    "still_works": "{System} said that it was done, and it still works.",
    "enabled_elsewhere": "Somebody made it work again at {system} in the meantime.",
    "gone": "{System} does not have it any more, so it cannot be given back.",
    "absent": "{System} knows no such credential, so there is nothing to replace.",
    "sink": "The new secret could not be kept where it belongs, so the old one stays in use.",
    "orphan": "A call was cut short. There is a new secret at {system} that nobody has.",
    "canary": "The new secret is kept, but {system} does not accept it. The old one stays in use.",
    "conflict": "The new credential is in the inventory already, as another token.",
    "unreachable": "{System} gave no clear answer, although it was asked again and again.",
    "no_connector": "Nothing is set up here that could speak to {system}.",
}
_ADVICE = {
    "ours": "Give the bot another way to sign in first, then try again.",
    "rejected": "Look at what it said; often a permission is missing. Then try again.",
    "no_effect": "Look there, end it by hand if need be, or try again.",
    "still_works": "Look there and end it by hand, or try again. Until then count on it working.",
    "enabled_elsewhere": "Find out who needs it. Then try again, or call it off.",
    "gone": "Whoever needs it has to be given a new one.",
    "absent": "Check its id in the inventory, then try again.",
    "sink": "See to the place where its secret is kept, then try again.",
    "orphan": "Find the new credential there and delete it, then try again.",
    "canary": "Look at what it said, then try again.",
    "conflict": "Check the inventory, then try again.",
    "unreachable": "See whether it can be reached again, then try again.",
    "no_connector": "Set it up and try again, or do it by hand.",
}
_WAITS = {
    "cap": "As many tokens of {system} as the policy allows in a day have been begun with. This one goes on later.",
    "paused": "The policy lets nothing be carried out by itself at present, so it waits.",
    "dry_run": "The policy lets nothing be carried out by itself, so it is left to a person.",
}


def fault(code: str, name: str) -> str:
    """What stands in the way at the system called ``name``, as a sentence."""
    return at(_FAULTS.get(code) or _WAITS.get(code) or "Something stands in the way.", name)


def advice(code: str) -> str:
    """What a person can do about it, as a sentence."""
    return _ADVICE.get(code, "Look there, then try again, or do it by hand.")


def wait(code: str, name: str) -> str:
    """Why nothing happens for now, where nothing is wrong; empty: no reason is known."""
    return at(_WAITS.get(code, ""), name)


def at(sentence: str, name: str) -> str:
    """``sentence`` with the system's name where it says ``{system}``, or ``{System}`` at its beginning."""
    # Not str.format: braces in a name must stay what they are.
    named = system(name)
    first = named[:1].upper() + named[1:] if named == system("") else named
    return sentence.replace("{system}", "\0").replace("{System}", first).replace("\0", named)


def detail(said: str, most: int) -> str:
    """The system's own words, in quotes; empty: it said nothing."""
    words = short(said.replace("`", ""), most)
    return f"“{words}”" if words else ""


# ------------------------------------------------------------------ how an end was seen

_SEEN = {
    "relist": "{system} does not list it any more",
    "introspect": "{system} says that it is not valid any more",
    "probe": "it was tried, and {system} refused it",
}


def seen(proof: str) -> str:
    """By what an end was seen, to follow a colon, with ``{system}`` in it for :func:`at`; empty: by nothing."""
    return _SEEN.get(proof, "")
