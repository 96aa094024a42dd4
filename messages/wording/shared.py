"""What is said of a token that several people use, each of whom answers for their own use."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from messages.inert import one_line
from messages.view import Inline, Moment, Strong, Text
from messages.wording import names

if TYPE_CHECKING:
    from messages.cards.facts import RequestFacts, SharedUse

_MOST_USERS = 8
_ANSWERS = {
    "waiting": "not answered yet",
    "needed": "still needs it",
    "not_needed": "no longer needs it",
    "no_response": "did not answer",
    "unreachable": "could not be asked",
    "spoken_for": "another answer counts",
    "closed": "was not waited for",
}


def answers(users: Sequence[tuple[str, str]]) -> Text:
    """``Ben Okafor: still needs it; Cy Roth: not answered yet``, those who have not answered first."""
    order = list(_ANSWERS)
    ranked = sorted(users, key=lambda one: order.index(one[1]) if one[1] in order else len(order))
    said = [f"{names.person(name)}: {_ANSWERS.get(code, 'answered')}" for name, code in ranked[:_MOST_USERS]]
    more = len(ranked) - _MOST_USERS
    return ["; ".join(said) + (f"; and {more:,} more" if more > 0 else "")]


def waiting(use: SharedUse) -> int:
    """How many users have not answered yet."""
    return sum(code == "waiting" for _, code in use.users)


def question(facts: RequestFacts, use: SharedUse) -> str:
    """The heading of a user's card."""
    name = names.token(facts.token)
    who = names.person(use.mine_for) if one_line(use.mine_for) else ""
    match use.mine:
        case "needed":
            return f"{name}: {who} still needs it" if who else f"{name}: you still need it"
        case "not_needed":
            return f"{name}: {who} no longer needs it" if who else f"{name}: you no longer need it"
        case _:
            return f"Does {who} still use {name}?" if who else f"Do you still use {name}?"


def why(facts: RequestFacts, use: SharedUse) -> Text:
    """Why a user is asked."""
    owner = next((names.person(name) for role, name in facts.token.owners if role == "service_owner"), "")
    owned = f"{owner} is asked to stand behind it. " if owner else ""
    whom = f"{names.person(use.mine_for)} is" if one_line(use.mine_for) else "you are"
    return [f"This came to you because {whom} named among its users. {owned}Everybody answers for their own use."]


def until(use: SharedUse, zone: str) -> Text:
    """Until when users may answer, and what silence comes to."""
    if use.until is None:
        return []
    return ["Please answer by ", Moment(use.until, zone), ". Without an answer it is recorded that none came."]


def held(facts: RequestFacts, use: SharedUse) -> str:
    """The heading while only users are still to answer."""
    left = names.counted(waiting(use), "user", "users")
    return f"{names.token(facts.token)}: re-attested, and {left} still to answer"


def held_by(use: SharedUse, zone: str) -> Text:
    """Who stands behind it, and what is still to come."""
    at: list[Inline] = [" (", Moment(use.held_at, zone), ")"] if use.held_at else []
    wait: list[Inline] = ["."] if use.until is None else [", until ", Moment(use.until, zone), "."]
    says: list[Inline] = [Strong(names.person(use.held_by)), " stands behind it", *at, "."]
    return [*says, " Its other users are waited for", *wait, " Whoever is silent by then is recorded as silent."]


USERS = "Its users"
USERS_THEN = "Its users then"
"""What each of them had answered by that moment."""
