"""What was decided, by whom and when, and what came of the work."""

from __future__ import annotations

from typing import TYPE_CHECKING

from messages.inert import one_line
from messages.view import Inline, Moment, Strong, Text
from messages.wording import names, working

if TYPE_CHECKING:
    from messages.cards.facts import RequestFacts, Settled

# ------------------------------------------------------------------ decisions

_DID = {
    "attest": "re-attested it",
    "rotate": "decided to rotate it",
    "revoke": "decided to revoke it",
    "disown": "said that it belongs to somebody else",
    "reassign": "passed it on",
    "snooze": "put it off",
    "let_lapse": "decided to let it lapse",
    "accept": "took it over",
    "decline": "declined to take it over",
    "done": "reported the work as done",
    "approve": "agreed to it",
    "call_off": "called it off",
    "give_back": "asked for it to be given back",
    "resume": "had it go on",
    "retry": "had it tried again",
}
_SETTLED_AS = {
    "attest": "re-attested",
    "rotate": "to be rotated",
    "revoke": "to be revoked",
    "disown": "passed on",
    "reassign": "passed on",
    "snooze": "put off",
    "let_lapse": "left to lapse",
    "accept": "taken over",
    "decline": "handover declined",
    "no_response": "no answer",
    "withdrawn": "no answer needed",
}


def did(outcome: str) -> str:
    """What somebody did, to follow their name."""
    return _DID.get(outcome, "settled it")


def settled_as(settled: Settled, *, under_way: bool = False) -> str:
    """The outcome in two or three words, for a heading; ``under_way``: the work it opened is not done."""
    outcome = _work(settled.outcome) if under_way else settled.outcome
    return result_brief(settled) or _SETTLED_AS.get(outcome, "settled")


def decided(settled: Settled, zone: str, *, works: bool = False) -> Text:
    """Who decided what, in which role, when and where: one sentence. ``works``: it opened a piece of work."""
    where = names.platform(settled.platform)
    when: list[Inline] = [" (", Moment(settled.at, zone), f", {where})." if where else ")."]
    if settled.outcome == "withdrawn":
        return ["It no longer needs an answer", *when]
    if settled.outcome == "no_response":
        so = "so by policy it is to be revoked" if works else "and that is on record"
        return [f"Nobody answered, {so}", *when]
    if not one_line(settled.by):
        return [f"The policy {did(settled.outcome)}", *when]
    as_role = f" ({names.role(settled.role)})" if settled.role else ""
    return [Strong(names.person(settled.by)), f"{as_role} {did(settled.outcome)}", *when]


# ------------------------------------------------------------------ work

_RESULTS = {
    ("revoke", "confirmed"): "Removed: the issuing system confirms that it no longer works.",
    ("revoke", "accepted_unverified"): "Reported as removed (accepted, not verified). It may still work.",
    ("revoke", "failed"): "The removal failed. It still works as far as we know.",
    ("rotate", "confirmed"): "Rotated: the issuing system confirms that the old secret no longer works.",
    ("rotate", "accepted_unverified"): "Reported as rotated (accepted, not verified). The old secret may still work.",
    ("rotate", "failed"): "The rotation failed. The old secret still works as far as we know.",
    ("revoke", "called_off"): "The removal was called off. It stays as it is.",
    ("rotate", "called_off"): "The rotation was called off. The secret stays as it is.",
}
_BY_CONNECTOR = {
    ("revoke", "confirmed"): "Removed: {seen}.",
    ("revoke", "accepted_unverified"): "{System} accepted the removal (not verified). It may still work.",
    ("revoke", "failed"): "The removal failed: it still works at {system} as far as we know.",
    ("rotate", "confirmed"): "Rotated. Of the old secret: {seen}.",
    ("rotate", "accepted_unverified"): "{System} accepted the rotation (not verified). The old secret may still work.",
    ("rotate", "failed"): "The rotation failed. The old secret still works at {system} as far as we know.",
}
_BRIEF = {
    ("revoke", "confirmed"): "revocation confirmed",
    ("revoke", "accepted_unverified"): "revocation accepted, not verified",
    ("revoke", "failed"): "revocation failed",
    ("rotate", "confirmed"): "rotation confirmed",
    ("rotate", "accepted_unverified"): "rotation accepted, not verified",
    ("rotate", "failed"): "rotation failed",
    ("revoke", "called_off"): "revocation called off",
    ("rotate", "called_off"): "rotation called off",
}
_ANY_RESULT = {
    "confirmed": "Done: the issuing system confirms it.",
    "accepted_unverified": "Reported as done (accepted, not verified).",
    "failed": "It failed.",
    "called_off": "It was called off.",
}


def _work(outcome: str) -> str:
    return "revoke" if outcome == "no_response" else outcome


def result_brief(settled: Settled) -> str:
    """What came of the work, in a few words; empty while it is open or where there is none."""
    return _BRIEF.get((_work(settled.outcome), settled.result), "")


def result(outcome: str, code: str, proof: str = "", system: str = "") -> str:
    """What came of the work that ``outcome`` opened, as a sentence; empty while it is open. ``system``: the issuing
    system that a connector carried it out at, and ``proof``: by what its end was seen there."""
    if not code:
        return ""
    seen, said = working.seen(proof), _BY_CONNECTOR.get((_work(outcome), code), "")
    if said and one_line(system) and (seen or "{seen}" not in said):
        return working.at(said.replace("{seen}", seen), system)
    known = _RESULTS.get((_work(outcome), code)) or _ANY_RESULT.get(code)
    return known or "The work is reported as finished; its result is not known."


_PENDING = {
    "revoke": "It still works until somebody removes it.",
    "rotate": "The old secret still works until somebody replaces it.",
}


def pending(settled: Settled | None) -> str:
    """What is still true while the work is open."""
    kind = _work(settled.outcome) if settled else ""
    return _PENDING.get(kind, "The work has not been reported as done.")


def assigned(facts: RequestFacts) -> str:
    """Who carries the work out."""
    who = one_line(facts.assignee) and names.person(facts.assignee)
    return f"{who} is asked to carry it out." if who else "The security team is asked to carry it out."


NO_INSTRUCTIONS = "No steps are recorded for this token. Its issuing system is the place to look."

# ------------------------------------------------------------------ what the person who clicked reads

_RECORDED = {
    "attest": "Recorded: you stand behind {name}.",
    "rotate": "Recorded: {name} is to be rotated.",
    "revoke": "Recorded: {name} is to be revoked.",
    "disown": "Recorded: {name} is not yours.",
    "reassign": "Recorded: you named an owner for {name}.",
    "snooze": "Recorded: {name} can wait.",
    "let_lapse": "Recorded: {name} may lapse. There are no more reminders about its expiry.",
    "accept": "Recorded: you are the service owner of {name} now.",
    "decline": "Recorded: you do not take {name} over.",
    "approve": "Recorded: you agree to what was decided about {name}.",
    "call_off": "Recorded: what was decided about {name} is called off. It stays as it is.",
    "give_back": "Recorded: {name} is to be given back.",
    "resume": "Recorded: what was decided about {name} goes on.",
    "retry": "Recorded: {name} is tried again.",
    "still_used": "Recorded: {name} is still needed.",
    "not_used": "Recorded: {name} is no longer needed for this use. Whoever owns it sees that.",
}


def recorded(outcome: str, name: str) -> str:
    """The first sentence after a decision of one's own about a token called ``name``."""
    # Not str.format: braces in a name must stay what they are.
    return _RECORDED.get(outcome, "Recorded for {name}.").replace("{name}", name)
