"""What is said of a plan that ends everything that a vendor holds, or that carries a tag or serves a consumer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from messages.inert import one_line, short
from messages.moments import day
from messages.view import Confirm, Inline, Moment, Strong, Text
from messages.wording import names, working
from messages.wording.recording_work import plan

if TYPE_CHECKING:
    from messages.cards.facts import OffboardingFacts, PlanToken

LEFT = ("failed", "by_hand", "called_off")
"""What still works as far as anybody knows, once a plan has come to its end."""
_MOST_DETAIL = 120
_MOST_SYSTEMS = 8
_MOST_CHILDREN = 8


def subject(facts: OffboardingFacts) -> str:
    """What the plan is about, for a heading."""
    return short(facts.subject, names.NAME) or "a vendor without a name"


def left(facts: OffboardingFacts) -> int:
    """How many tokens still work as far as anybody knows, and wait for people."""
    return sum(facts.counts.get(state, 0) for state in LEFT)


def heading(facts: OffboardingFacts, *, asks: bool) -> str:
    """The question to the second person, else how far the plan has come."""
    what = plan(facts.kind, facts.subject)
    match facts.state:
        case "draft":
            return f"{_capital(what)}: {_tokens(facts.total)}"
        case "proposed" if asks:
            return f"Do you agree to end {what}?"
        case "proposed":
            return f"{subject(facts)}: waiting for a second person"
        case "running":
            return f"{subject(facts)}: {_ended(facts):,} of {_tokens(facts.total)} ended"
        case "ended":
            return f"{subject(facts)}: {_outcome(facts)}"
        case "called_off":
            return f"{subject(facts)}: the end of its access was called off"
        case _:
            return f"{subject(facts)}: a plan to end its access"


def _ended(facts: OffboardingFacts) -> int:
    return sum(facts.counts.get(state, 0) for state in ("confirmed", "accepted_unverified", "gone"))


def _outcome(facts: OffboardingFacts) -> str:
    if leftovers := left(facts):
        return f"{leftovers:,} of {_tokens(facts.total)} still {'works' if leftovers == 1 else 'work'}"
    if unproven := facts.counts.get("accepted_unverified", 0):
        return f"{_tokens(facts.total)} ended, {unproven:,} of them not verified"
    return "its token is ended" if facts.total == 1 else f"all {facts.total:,} tokens are ended"


def _tokens(number: int) -> str:
    return names.counted(number, "token", "tokens")


# ------------------------------------------------------------------ why, and who


def why(facts: OffboardingFacts) -> Text:
    """Who or what asked for the plan, and who agreed."""
    if facts.state == "draft":
        return ["This is only a look: nothing is proposed, and nothing is changed."]
    return [*_asked(facts), *_agreed(facts)]


def _asked(facts: OffboardingFacts) -> list[Inline]:
    ends = facts.contract_ends_on
    match facts.cause:
        case "contract_ended":
            last = f": its last day is {day(ends)}" if ends else ""
            return [f"The contract with {subject(facts)} comes to its end{last}."]
        case "status":
            return [f"The inventory says that work with {subject(facts)} is being ended."]
        case _:
            at: list[Inline] = [" (", Moment(facts.requested_at, facts.zone), ")"] if facts.requested_at else []
            return [Strong(names.person(facts.requested_by)), " proposed it", *at, "."]


def _agreed(facts: OffboardingFacts) -> list[Inline]:
    if not one_line(facts.approved_by):
        return []
    at: list[Inline] = [" (", Moment(facts.approved_at, facts.zone), ")"] if facts.approved_at else []
    return [" ", Strong(names.person(facts.approved_by)), " agreed", *at, "."]


def now(facts: OffboardingFacts, *, asks: bool) -> Text:
    """Where it stands and what happens next."""
    match facts.state:
        case "draft" | "proposed":
            waits = [*_begins(facts), "As long as nobody agrees, nothing is done."]
            then = consequence(facts)
            return [f"If you agree, {then} " if asks else f"If a second person agrees, {then} ", *waits]
        case "running" if left(facts):
            need = "One needs" if left(facts) == 1 else f"{left(facts):,} need"
            return [f"{need} somebody to look; the others go on by themselves."]
        case "running":
            return [*_begins(facts), "It goes on by itself, and this message says how far it has come."]
        case "ended" if left(facts):
            return [Strong("These still work, as far as we know."), " Each waits for a person."]
        case "ended" if facts.counts.get("accepted_unverified"):
            return ["All were accepted as ended. Of these nothing proves that they do not work any more:"]
        case "ended":
            seen = "" if facts.counts.get("gone") else " Each was seen to have ended at its issuing system."
            return [f"Nothing is left over.{seen}"]
        case "called_off":
            return ["Nothing more is ended by this plan. What was ended before stays ended."]
        case _:
            return []


def consequence(facts: OffboardingFacts) -> str:
    """What agreeing sets going, to follow a comma."""
    if not facts.act:
        return "each of them is given to a person to end by hand, since the policy lets nothing be done by itself."
    days = names.counted(facts.grace_days, "day", "days")
    people = " The others are given to people." if by_people(facts) else ""
    if facts.grace_days <= 0:
        return f"they are deleted one after another, without asking again for each.{people}"
    return (
        f"they are ended one after another, without asking again for each: switched off, and deleted {days} later. "
        f"What cannot be switched off is deleted at once.{people}"
    )


def _begins(facts: OffboardingFacts) -> list[Inline]:
    return ["It begins ", Moment(facts.begins_at, facts.zone), " at the earliest. "] if facts.begins_at else []


# ------------------------------------------------------------------ numbers


def by_people(facts: OffboardingFacts) -> int:
    """How many of its tokens are at systems that cannot be spoken to from here."""
    return sum(number for _, number, able in facts.systems if not able)


def systems(facts: OffboardingFacts) -> str:
    """``aws-prod (20), github (12) and 2 more``."""
    shown = [f"{working.system(name)} ({number:,})" for name, number, _ in facts.systems[:_MOST_SYSTEMS]]
    more = len(facts.systems) - _MOST_SYSTEMS
    return ", ".join(shown) + (f" and {more:,} more" if more > 0 else "")


def children(facts: OffboardingFacts) -> str:
    """The vendors that are part of it."""
    shown = [short(name, 40) for name in facts.children if one_line(name)]
    more = len(shown) - _MOST_CHILDREN
    return ", ".join(shown[:_MOST_CHILDREN]) + (f" and {more:,} more" if more > 0 else "")


_STATES = {
    "failed": "Needs a look",
    "by_hand": "Left to people",
    "called_off": "Called off",
    "accepted_unverified": "Accepted, not verified",
    "running": "Under way",
    "waiting": "Not begun",
    "confirmed": "Confirmed as ended",
    "gone": "Ended before",
}


def figures(facts: OffboardingFacts) -> list[tuple[str, Text]]:
    """How many tokens are in which state, those that somebody has to look at first."""
    return [(label, [f"{facts.counts[state]:,}"]) for state, label in _STATES.items() if facts.counts.get(state)]


# ------------------------------------------------------------------ one token


def token(one: PlanToken) -> Text:
    """A token in a list: what it is, whose it is, and what stands in the way or is still to do."""
    owner = names.person(one.owner) if one_line(one.owner) else ""
    name = Strong(short(one.name, names.NAME) or "a token without a name")
    said = _says(one, owner)
    return [name, f" · {working.system(one.system)} · {owner or 'no owner'}" + (f"\n{said}" if said else "")]


def _says(one: PlanToken, owner: str) -> str:
    match one.state:
        case "failed":
            return _failed(one)
        case "by_hand":
            return f"{owner or 'The security team'} is asked to end it by hand."
        case "called_off":
            return "Its removal was called off, so it stays."
        case "accepted_unverified":
            return working.at("{System} accepted the end, and nothing proves it. It may still work.", one.system)
        case _:
            return ""


def _failed(one: PlanToken) -> str:
    if one.stage == "notified":
        return "A second person has to agree."
    if one.stage == "returned":
        return "It was given back and works again. It can go on, or be called off."
    detail = working.detail(one.fault_detail, _MOST_DETAIL)
    said = f" Detail: {detail}" if detail else ""
    return f"{working.fault(one.fault, one.system)} {working.advice(one.fault)}{said}"


# ------------------------------------------------------------------ what is asked, and what is recorded


def confirm(facts: OffboardingFacts) -> Confirm:
    """Asked before somebody agrees to a whole plan."""
    used = f", {facts.used_lately:,} used in the last 30 days" if facts.used_lately else ""
    text = f"{_tokens(facts.total)}, {facts.production:,} in production{used}. {_capital(consequence(facts))}"
    return Confirm(f"Agree to end {plan(facts.kind, facts.subject)}?", text, "Agree", "Go back")


def recorded(outcome: str, kind: str, name: str, tokens: int) -> str:
    """What whoever proposed, agreed or called off reads at once."""
    what = plan(kind, name)
    match outcome:
        case "proposed":
            return f"Recorded: you propose to end {what} ({_tokens(tokens)}). A second person is asked to agree."
        case "approved":
            return f"Recorded: you agree to end {what} ({_tokens(tokens)}). It goes on by itself from here."
        case "called_off":
            return f"Recorded: the end of {what} is called off."
        case _:
            return f"Recorded for {what}."


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


EXPLAIN_PEOPLE = "These cannot be ended from here, so their owners or the security team are asked to:"
EXPLAIN_UNPROVEN = "Accepted as ended, and nothing proves it:"
NOTHING = "No token that still works is part of it."
