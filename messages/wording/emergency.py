"""What is said of access that is given for an emergency."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from messages.inert import one_line, short
from messages.moments import spoken
from messages.view import Confirm, Inline, Moment, Strong, Text
from messages.wording import names

if TYPE_CHECKING:
    from messages.cards.emergency_facts import EmergencyFacts

_MOST_NOTE = 300

NO_SECRET = (
    "This is an entry in the record and no more: nothing is switched on, and nobody is given the secret here. Whoever "
    "may use it takes it from where it is kept. If it is not to work for them afterwards, it has to be changed there."
)
NOBODY_AGREED = "Nobody has agreed to it yet. It began at once, because it was called urgent."


def heading(facts: EmergencyFacts, *, asks: bool) -> str:
    """The question to whoever is asked something, else where it stands."""
    name, who = names.token(facts.token), names.person(facts.person)
    match facts.state:
        case "requested" if asks:
            return f"May {who} use {name} in an emergency?"
        case "requested":
            return f"{who} and {name}: waiting for somebody to agree"
        case "open":
            may = "You may" if facts.yours else f"{who} may"
            return f"{may} use {name} until {spoken(Moment(facts.ends_at, facts.zone))}"
        case "ended" if asks:
            return f"Was the emergency access of {who} to {name} in order?"
        case "ended" if facts.review == "wrong":
            return f"Something was wrong with the emergency access of {who} to {name}"
        case "ended":
            return f"The emergency access of {who} to {name} has ended"
        case "refused":
            return f"No emergency access of {who} to {name}"
        case _:
            return f"Nobody agreed to the emergency access of {who} to {name}"


def asked(facts: EmergencyFacts) -> Text:
    """Who asked for what, and when."""
    who, by = names.person(facts.person), names.person(facts.requested_by)
    whom = "for it" if who == by else f"for {who} to use it"
    at: list[Inline] = [" (", Moment(facts.requested_at, facts.zone), ")"]
    until: list[Inline] = [f"for {length(facts.lasts_minutes)}"]
    if facts.until_at is not None:
        until = ["until ", Moment(facts.until_at, facts.zone)]
    return [Strong(by), f" asked {whom} ", *until, *at, "."]


def agreed(facts: EmergencyFacts) -> Text:
    """Who agreed, or that nobody has."""
    if one_line(facts.approved_by):
        at: list[Inline] = [" (", Moment(facts.approved_at, facts.zone), ")"] if facts.approved_at else []
        return [Strong(names.person(facts.approved_by)), " agreed", *at, "."]
    if one_line(facts.refused_by):
        return [Strong(names.person(facts.refused_by)), " did not agree."]
    if facts.state == "open":
        return [Strong(NOBODY_AGREED)]
    return [Strong("Nobody agreed to it.")] if facts.state in ("ended", "lapsed") else []


def looked_at(facts: EmergencyFacts) -> Text:
    """What came of the look afterwards; empty: nothing yet."""
    if not one_line(facts.reviewed_by):
        return []
    at: list[Inline] = [" (", Moment(facts.reviewed_at, facts.zone), ")"] if facts.reviewed_at else []
    said = "says that something was wrong" if facts.review == "wrong" else "looked at it, and it was in order"
    note = short(facts.review_note, _MOST_NOTE)
    return [Strong(names.person(facts.reviewed_by)), f" {said}", *at, f": “{note}”" if note else "."]


def then(facts: EmergencyFacts, *, asks: bool) -> Text:
    """What happens next."""
    match facts.state:
        case "requested":
            return ["Without an agreement by ", Moment(facts.ends_at, facts.zone), " it does not begin."]
        case "open":
            return ["It ends by itself. On a working day after that, somebody is asked whether it was in order."]
        case "ended" if asks:
            return ["Was it used for that, and is it closed? Your answer is kept with the record."]
        case "ended" if facts.review == "wrong":
            return ["The security team looks at it, and closes it."]
        case "ended" if facts.review == "overdue":
            return ["Nobody has said yet whether it was in order."]
        case "ended" if facts.review != "reviewed":
            who = names.person(facts.reviewer) if one_line(facts.reviewer) else "The security team"
            return [f"{who} is asked on the next working day whether it was in order."]
        case _:
            return []


def length(minutes: int) -> str:
    """``2 hours``, ``90 minutes``."""
    hours, rest = divmod(minutes, 60)
    return names.counted(minutes, "minute", "minutes") if rest or not hours else names.counted(hours, "hour", "hours")


def confirm_agreeing(facts: EmergencyFacts) -> Confirm:
    """Asked before somebody agrees."""
    who, name = names.person(facts.person), names.token(facts.token)
    when = "goes on" if facts.state == "open" else "begins now"
    text = f"It {when}, ends by itself, and your name stands beside it in the record."
    return Confirm(f"May {who} use it?"[:100], f"{name}: {text}", "Agree", "Go back")


def confirm_ending(facts: EmergencyFacts) -> Confirm:
    """Asked before somebody ends it early."""
    text = (
        f"{names.person(facts.person)} may not use {names.token(facts.token)} any more. Nothing is switched off by it."
    )
    return Confirm("End it now?", text, "End it", "Go back")


# ------------------------------------------------------------------ why not

NOT_ACTIVE = "Whoever is to get it is not an active person of the directory."
TOKEN_GONE = "The token does not work any more."
TOO_SHORT = "That is in the past, or shorter than a minute."
NOBODY_TO_AGREE = (
    "Nobody could agree to it: it needs somebody beside whoever asks and whoever gets it. Name the people of the "
    "security team in the policy (roles: security)."
)


def too_long(hours: int) -> str:
    """Longer than the policy allows."""
    return f"The policy gives emergency access for {names.counted(hours, 'hour', 'hours')} at most (emergency.longest)."


def under_way(who: str, ends_at: datetime, now: datetime) -> str:
    """There is one already."""
    over = "is about to end" if ends_at <= now else f"runs until {spoken(Moment(ends_at))}"
    return f"There is one for {names.person(who)} already; it {over}."


def over(state: str) -> str:
    """It is past the point where this could be decided."""
    return "It is under way, or over, already." if state != "requested" else "The time in which to agree is over."


# ------------------------------------------------------------------ what was done

_RECORDED = {
    "requested": "Recorded: {who} is to use {name} for an emergency. It begins when somebody agrees.",
    "opened": "Recorded: {who} may use {name} for an emergency until {until}.",
    "agreed": "Recorded: you agree that {who} uses {name} for an emergency, until {until}.",
    "refused": "Recorded: you do not agree that {who} uses {name}.",
    "ended": "Recorded: the emergency access of {who} to {name} has ended.",
    "reviewed": "Recorded: the emergency access of {who} to {name} was in order.",
    "questioned": "Recorded: something is wrong with the emergency access of {who} to {name}. Security is told.",
}


def recorded(outcome: str, who: str, name: str, until: datetime, zone: str) -> str:
    """The first sentence after something was done."""
    # Not str.format: braces in a name must stay what they are.
    said = _RECORDED.get(outcome, "Recorded.").replace("{until}", spoken(Moment(until, zone)))
    return said.replace("{who}", names.person(who)).replace("{name}", short(name, names.NAME) or "a token")
