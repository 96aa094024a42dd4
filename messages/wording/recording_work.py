"""What the records of carried-out work, found tokens, plans and emergencies say, one sentence each."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from messages.inert import one_line, short
from messages.moments import spoken
from messages.view import Moment
from messages.wording import names, working

if TYPE_CHECKING:
    from messages.cards.facts import HistoryLine

_MOST_SAID = 200
_MOST_ID = 80


def _said(line: HistoryLine, key: str) -> str:
    return dict(line.said).get(key, "")


def _quoted(before: str, text: str) -> str:
    shown = short(text, _MOST_SAID)
    return f" {before}: “{shown}”" if shown else ""


# ------------------------------------------------------------------ steps at the issuing system

_STEPS = {
    "ask": "A second person was asked to agree.",
    "clear": "Nobody else had to agree.",
    "used": "It was used after somebody had agreed, so a second person was asked again.",
    "deliver": "{System} has a new secret for it, which was kept beside the old one.",
    "prove": "The new secret works and is the one in use from now on.",
    "disable": "It was switched off at {system}, and can be given back.",
    "gone": "{System} does not have it any more.",
    "enable": "It was given back: it works again at {system}.",
    "observe": "It stayed switched off for as long as the policy asks.",
    "delete": "It was deleted at {system}.",
    "verify": "Whether it is over was checked at {system}.",
    "hand_over": "It was left to a person to do by hand.",
}


def step(line: HistoryLine) -> str:
    """A removal or rotation moved on."""
    system = _said(line, "system")
    if line.outcome == "halt":
        sentence = f"{_begin(working.work(_said(line, 'work')))} halted. {working.fault(_said(line, 'fault'), system)}"
    else:
        sentence = working.at(_STEPS.get(line.outcome, "The work at {system} went on."), system)
        sentence += f" {working.wait('dry_run', system)}" if _said(line, "fault") == "dry_run" else ""
    asked = short(_said(line, "issuer_request_id"), _MOST_ID)
    return sentence + (f" Its own id for the call is {asked}." if asked else "") + _quoted("Detail", line.written)


_AGREED = {
    "approve": "agreed to {work}",
    "call_off": "called {work} off",
    "give_back": "asked for it to be given back",
    "resume": "had {work} go on",
    "retry": "had {work} tried again",
}


def agreed(line: HistoryLine) -> str:
    """A person had it go on, or not."""
    did = _AGREED.get(line.outcome, "decided about {work}").replace("{work}", working.work(_said(line, "work")))
    return f"{names.actor(line.actor, line.role)} {did}."


# ------------------------------------------------------------------ what an issuing system shows

_FOUND = {
    "new": "{System} showed it, and the inventory did not have it.",
    "changed": "{System} showed it with other particulars than before{what}.",
    "vanished": "{System} did not show it any more.",
    "back": "{System} showed it again.",
}


def found(line: HistoryLine) -> str:
    """What a look at the issuing system has shown."""
    listed = [short(one.replace("_", " "), 40) for one in _said(line, "fields").split(", ") if one_line(one)]
    what = f": {', '.join(listed[:6])}" if listed else ""
    sentence = working.at(_FOUND.get(line.outcome, "{System} was looked at."), _said(line, "system"))
    return sentence.replace("{what}", what) + _quoted("It may belong to", line.written)


# ------------------------------------------------------------------ plans

_HOLDS = {
    "vendor": "all access that {subject} holds",
    "tag": "all access tagged {subject}",
    "consumer": "all access that {subject} uses",
}
_ENDS = (
    ("confirmed", "confirmed as ended"),
    ("accepted_unverified", "accepted, not verified"),
    ("failed", "not ended"),
    ("by_hand", "left to people"),
    ("called_off", "called off"),
)


def plan(kind: str, subject: str) -> str:
    """``all access that Drift holds``."""
    # Not str.format: braces in a name must stay what they are.
    return _HOLDS.get(kind, "all access of {subject}").replace("{subject}", short(subject, names.NAME) or "somebody")


def ends(counts: dict[str, int]) -> list[str]:
    """``36 confirmed as ended`` and so on, those that there are."""
    return [f"{counts[key]:,} {words}" for key, words in _ENDS if counts.get(key)]


def offboarding(line: HistoryLine) -> str:
    """A plan over many tokens was proposed, agreed to, called off, or has ended."""
    what, counts = plan(_said(line, "plan"), _said(line, "subject")), dict(line.counts)
    who = names.actor(line.actor, line.role)
    tokens = f": {names.counted(counts['tokens'], 'token', 'tokens')}" if counts.get("tokens") else ""
    match line.outcome:
        case "proposed":
            return f"{who} proposed to end {what}{tokens}."
        case "approved":
            return f"{who} agreed to end {what}{tokens}."
        case "called_off":
            return f"{who} called off the end of {what}."
        case "ended":
            came = ", ".join(ends(counts))
            return f"The plan to end {what} has come to its end{f': {came}' if came else ''}."
        case _:
            return f"The plan to end {what} went on."


# ------------------------------------------------------------------ emergencies and shared tokens


def emergency(line: HistoryLine) -> str:
    """A grant for an emergency was asked for, opened, has ended, or was looked at afterwards."""
    who, whose = names.actor(line.actor, line.role), names.person(line.subject)
    said = _EMERGENCY.get(line.outcome, "The emergency access of {whose} changed.")
    until = _until(_said(line, "until")) if line.outcome == "opened" else ""
    # Not str.format: braces in a name must stay what they are.
    said = said.replace("{until}", f", until {until}" if until else "")
    return said.replace("{who}", who).replace("{whose}", whose)


_EMERGENCY = {
    "requested": "{who} asked that {whose} may use it for an emergency.",
    "opened": "{who} gave {whose} access for an emergency{until}.",
    "agreed": "{who} agreed to the emergency access of {whose}, which had begun before.",
    "refused": "{who} did not agree to the emergency access of {whose}.",
    "lapsed": "Nobody agreed in time to the emergency access of {whose}, so it did not begin.",
    "ended": "The emergency access of {whose} ended.",
    "reviewed": "{who} looked at what the emergency access of {whose} was for.",
    "questioned": "{who} said that something was wrong with the emergency access of {whose}.",
    "unreviewed": "Nobody has said whether the emergency access of {whose} was in order.",
}


def _until(written: str) -> str:
    try:
        return spoken(Moment(datetime.fromisoformat(written)))
    except ValueError:
        return ""


def use(line: HistoryLine) -> str:
    """One of several users of a token answers for their own use."""
    consumer = short(_said(line, "consumer"), names.NAME)
    if one_line(line.subject):
        consumer = f"{names.person(line.subject)}{f' ({consumer})' if consumer else ''}"
    for_whom = f" for {consumer}" if consumer else ""
    needs = {"needed": "still needed", "not_needed": "no longer needed"}.get(line.outcome)
    who = names.actor(line.actor, line.role)
    return f"{who} said that it is {needs}{for_whom}." if needs else f"{who} answered about its use{for_whom}."


def _begin(text: str) -> str:
    return text[:1].upper() + text[1:]


SENTENCES: dict[str, Callable[[HistoryLine], str]] = {
    "remediation_step": step,
    "remediation_agreed": agreed,
    "token_discovered": found,
    "offboarding": offboarding,
    "emergency_access": emergency,
    "use_answered": use,
}
