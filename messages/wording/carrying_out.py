"""What a card says of a removal or rotation that is carried out at its issuing system, stage by stage."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from messages.action_ref import Verb
from messages.inert import one_line, short
from messages.view import Code, Confirm, Inline, Moment, Strong, Text
from messages.wording import names, working
from messages.wording.names import on_day

if TYPE_CHECKING:
    from messages.cards.facts import RequestFacts, WorkFacts

_MOST_ID = 80


def asks_to_agree(facts: RequestFacts) -> bool:
    """Whether this reader is the second person who is asked."""
    return facts.work is not None and facts.work.stage == "notified" and Verb.APPROVE in facts.offered


# ------------------------------------------------------------------ in a few words

_HEADINGS = {
    ("revoke", "planned"): "to be revoked",
    ("rotate", "planned"): "to be rotated",
    ("revoke", "notified"): "waiting for a second person",
    ("rotate", "notified"): "waiting for a second person",
    ("revoke", "approved"): "to be revoked",
    ("rotate", "approved"): "to be rotated",
    ("rotate", "delivered"): "the new secret is tried",
    ("rotate", "proven"): "the new secret is in use",
    ("revoke", "disabled"): "switched off",
    ("rotate", "disabled"): "the old secret is switched off",
    ("revoke", "observed"): "to be deleted",
    ("rotate", "observed"): "the old secret is to be deleted",
    ("revoke", "deleted"): "the end is being checked",
    ("rotate", "deleted"): "the end of the old secret is being checked",
    ("revoke", "returning"): "being given back",
    ("rotate", "returning"): "the old secret is being given back",
    ("revoke", "returned"): "given back",
    ("rotate", "returned"): "the old secret works again",
    ("revoke", "halted"): "the removal halted",
    ("rotate", "halted"): "the rotation halted",
}


def heading(facts: RequestFacts, work: WorkFacts) -> str:
    """The question to the second person, else where the work stands."""
    name = names.token(facts.token)
    if asks_to_agree(facts):
        return f"Do you agree to {'rotate' if work.kind == 'rotate' else 'remove'} {name}?"
    return f"{name}: {_HEADINGS.get((work.kind, work.stage), 'work is under way')}"


# ------------------------------------------------------------------ where it stands


def situation(facts: RequestFacts, work: WorkFacts) -> Text:
    """Where the work stands, and what that means for whoever uses the token."""
    match work.stage:
        case "notified":
            return _notified(facts, work)
        case "approved":
            return [*_agreed(facts, work), to_come(work)]
        case "delivered":
            return _delivered(work)
        case "proven":
            return _proven(facts, work)
        case "disabled":
            return _disabled(facts, work)
        case "halted":
            return [working.fault(work.fault, work.system), " ", working.advice(work.fault)]
        case _:
            template = _SITUATIONS.get(work.stage, "The work at {system} is under way.")
            return [working.at(template, work.system).replace("{work}", working.work(work.kind))]


_SITUATIONS = {
    "planned": "{System} is looked at first: whether it is there, and when it was last used. It works as before.",
    "observed": "It stayed switched off until now, and nobody asked for it back. {System} is told to delete it.",
    "deleted": "{System} accepted the end. Whether it is over is checked now.",
    "returning": "{System} is told to make it work again.",
    "returned": "It works again at {system}. What was decided still stands: {work} can go on, or be called off.",
}


def _notified(facts: RequestFacts, work: WorkFacts) -> Text:
    if asks_to_agree(facts):
        return [*_used(facts, work), f"A second person has to agree, because {because(facts, work)}."]
    who = one_line(facts.assignee) and names.person(facts.assignee)
    asked: Inline = Strong(who) if who else "The security team"
    return [*_used(facts, work), asked, f" is asked to agree, because {because(facts, work)}. It works as before."]


def _used(facts: RequestFacts, work: WorkFacts) -> list[Inline]:
    if "used" not in work.causes:
        return []
    after = f"{names.person(work.approved_by)} had agreed" if one_line(work.approved_by) else "that was decided"
    at: list[Inline] = [" (", Moment(work.last_used_at, facts.zone), ")"] if work.last_used_at else []
    return [f"It was used after {after}", *at, ", so the question is asked again. "]


def because(facts: RequestFacts, work: WorkFacts, *, use: bool = False) -> str:
    """Why a second person is asked, as a clause: ``it works in production and it cannot be given back``; with ``use``,
    also that it was used since somebody agreed."""
    said = [_cause(code, facts, work) for code in work.causes if code in _CAUSES and (use or code != "used")]
    return names.listed(said) if said else "the policy asks for it"


def _cause(code: str, facts: RequestFacts, work: WorkFacts) -> str:
    if code == "production" and not one_line(facts.token.environment):
        return "nobody has noted where it works"
    if code == "irreversible" and work.kind == "rotate":
        return "the old secret cannot be had back"
    return _CAUSES[code]


_CAUSES = {
    "production": "it works in production",
    "irreversible": "it cannot be given back",
    "used": "it was used after somebody had agreed",
}


def _agreed(facts: RequestFacts, work: WorkFacts) -> list[Inline]:
    if not one_line(work.approved_by):
        return []
    at: list[Inline] = [" (", Moment(work.approved_at, facts.zone), ")"] if work.approved_at else []
    return [Strong(names.person(work.approved_by)), " agreed", *at, ". "]


def to_come(work: WorkFacts) -> str:
    """What happens once it may be carried out, or why it waits."""
    waits = working.wait(work.fault, work.system)
    return f"{waits or working.at(_first(work), work.system)} It works as before."


def _first(work: WorkFacts) -> str:
    if work.kind == "rotate":
        return "{System} is asked for a new secret next."
    return f"{{System}} is told to {'switch it off' if work.disables_first else 'delete it'} next."


def _delivered(work: WorkFacts) -> Text:
    if work.replaces:
        return [
            working.at(
                "It has a new secret at {system}, which is kept and tried now. The old one is over.", work.system
            )
        ]
    made = working.at("{System} has a new one beside it", work.system)
    return [made, *_id(work.new_id), ". Its secret is kept and tried now; the old one works as before."]


def _proven(facts: RequestFacts, work: WorkFacts) -> Text:
    used: list[Inline] = [", last used ", Moment(work.last_used_at, facts.zone), ","] if work.last_used_at else []
    retired = f" still works. Once nothing has used it for a while, it is {_off(work)}."
    new: list[Inline] = ["The new one", *_id(work.new_id), " works and is the one in use. "]
    old: list[Inline] = ["The old one", *_id(work.old_id), *used, retired]
    return [*new, *old, " Whatever still uses it has to fetch the new secret."]


def _disabled(facts: RequestFacts, work: WorkFacts) -> Text:
    what: list[Inline] = ["The old one", *_id(work.old_id)] if work.kind == "rotate" else ["It"]
    off = [*what, working.at(" does not work any more: {system} switched it off ", work.system)]
    since: list[Inline] = [Moment(work.since, facts.zone), ". "]
    until: list[Inline] = [Moment(work.goes_on_at, facts.zone)] if work.goes_on_at else []
    if not work.reversible:
        return [*off, *since, *(["It is deleted ", *until, "."] if until else ["It is deleted next."])]
    back = ["If something needs it, give it back until ", *until, "."] if until else ["It can still be given back."]
    return [*off, *since, *back, " After that it is deleted."]


def _off(work: WorkFacts) -> str:
    return "switched off" if work.disables_first else "deleted"


def _id(external_id: str) -> list[Inline]:
    shown = short(external_id, _MOST_ID)
    return [" (", Code(shown), ")"] if shown else []


# ------------------------------------------------------------------ what is known of its use


def last_used(facts: RequestFacts, work: WorkFacts) -> Text:
    """When it was last used, and who says so where that is not the issuing system."""
    if work.tells_use and work.seen_at:
        return [Moment(work.last_used_at, facts.zone)] if work.last_used_at else ["never"]
    doubt = "" if work.tells_use else f"; {working.system(work.system)} does not say"
    if facts.token.last_used_at:
        return [on_day(facts.token.last_used_at, facts.zone), f", as the inventory has it{doubt}"]
    return [f"not known{doubt}"]


def looked_at(facts: RequestFacts, work: WorkFacts) -> Text:
    """When the issuing system was last looked at; empty: not yet."""
    return [Moment(work.seen_at, facts.zone)] if work.seen_at else []


def way_back(work: WorkFacts) -> str:
    """Whether it can be given back, and for how long."""
    if work.kind == "rotate" and work.replaces:
        return "no; the old secret is over at once"
    if not _can_be_had_back(work):
        return "no; it is deleted as soon as it is switched off" if work.disables_first and work.reversible else "no"
    return f"for {names.counted(work.grace_days, 'day', 'days')}, while it is switched off"


def _can_be_had_back(work: WorkFacts) -> bool:
    return work.disables_first and work.reversible and work.grace_days > 0 and not work.replaces


NOTHING_KNOWN = "not recorded; something may still use it"

# ------------------------------------------------------------------ what happens next


def if_agreed(work: WorkFacts) -> str:
    """What a second person's word sets going."""
    return f"If you agree, {_consequence(work)} As long as nobody agrees, nothing is done."


def _consequence(work: WorkFacts) -> str:
    name = working.system(work.system)
    if work.kind == "rotate" and work.replaces:
        return f"it gets a new secret at {name}, kept where the old one is kept. The old one stops working at once."
    if work.kind == "rotate":
        then = f"once nothing uses the old one any more, that is {_ended(work)}"
        return f"{name} makes a new secret, which is kept where the old one is kept; {then}."
    return f"it is {_ended(work, f' at {name}')}."


def _ended(work: WorkFacts, at: str = "") -> str:
    if not work.disables_first:
        return f"deleted{at}"
    if work.grace_days <= 0:
        return f"switched off and deleted{at}"
    return f"switched off{at}, and deleted {names.counted(work.grace_days, 'day', 'days')} later"


def next_move(facts: RequestFacts, work: WorkFacts) -> Text:
    """When it goes on by itself, where it waits for something; empty where that is at once, or was said."""
    waits = work.stage == "proven" or (work.stage == "approved" and working.wait(work.fault, work.system))
    if work.goes_on_at is None or not waits:
        return []
    return ["It is looked at again ", Moment(work.goes_on_at, facts.zone), "."]


def part_of(work: WorkFacts) -> str:
    """The plan that it belongs to; empty: to none."""
    plan = short(work.whole_plan, names.NAME)
    return f"This is part of the plan to end all access of {plan}, which was agreed to as a whole." if plan else ""


# ------------------------------------------------------------------ what is asked before a click counts


def confirm(verb: Verb, facts: RequestFacts, work: WorkFacts) -> Confirm | None:
    """What is asked before a click on ``verb`` counts; None: nothing, or a form asks."""
    name, system = names.token(facts.token), working.system(work.system)
    match verb:
        case Verb.APPROVE:
            return _confirm_agreement(facts, work)
        case Verb.RESUME:
            text = f"{name} works again at present. It is {_ended(work, f' at {system}')} after all."
            return Confirm("Go on with it?", text, "Go on", "Go back")
        case Verb.RETRY:
            text = (
                f"{system} is spoken to about {name} again, from where it halted. What surely was done is not repeated."
            )
            return Confirm("Try it again?", text, "Try again", "Go back")
        case _:
            return None


def _confirm_agreement(facts: RequestFacts, work: WorkFacts) -> Confirm:
    name = names.token(facts.token)
    where = names.exposure_brief(facts.token)
    uses = short(work.consumers, 60)
    parts: Sequence[str] = (
        f"{name}{f' ({where})' if where else ''}: {_consequence(work)}",
        "" if _can_be_had_back(work) else "It cannot be given back.",
        f"What uses it: {uses}." if uses else "",
    )
    title = "Agree to rotate it?" if work.kind == "rotate" else "Agree to remove it?"
    return Confirm(title, " ".join(part for part in parts if part), "Agree", "Go back")
