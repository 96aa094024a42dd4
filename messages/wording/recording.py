"""What the records of a token say, one sentence each, and how the answer to "who was accountable" is put."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import TYPE_CHECKING

from messages.inert import one_line, short
from messages.moments import day
from messages.wording import asking, names, outcomes, recording_work

if TYPE_CHECKING:
    from messages.cards.facts import HistoryLine

_MOST_REASON = 200


def happened(line: HistoryLine) -> str:
    """One record as a sentence, with the reason that was given for it."""
    sentence = _SENTENCES.get(line.kind.lower(), _other)(line)
    sentence = begins(sentence)
    given = short(line.reason, _MOST_REASON) if line.kind.lower() in _WITH_REASON else ""
    return f"{sentence} Reason given: “{given}”" if given and given != line.outcome else sentence


def begins(sentence: str) -> str:
    """A sentence that may begin with words of ours for a person; a name is written as its owner writes it."""
    return sentence[:1].upper() + sentence[1:] if sentence.startswith(_OUR_WORDS) else sentence


_OUR_WORDS = ("somebody", "the security channel")
_WITH_REASON = {
    "decision",
    "handover_proposed",
    "handover_answered",
    "epoch_opened",
    "delivery_handled",
    "remediation_agreed",
    "offboarding",
    "emergency_access",
    "use_answered",
}


def _actor(line: HistoryLine) -> str:
    return names.actor(line.actor, line.role)


def _subject(line: HistoryLine) -> str:
    return names.person(line.subject or line.actor)


def _opened(line: HistoryLine) -> str:
    reasons = [asking.reason_bare(code) for code in line.reason.replace(",", " ").split()[:4]]
    return "An answer was asked for" + (f": {', '.join(reasons)}." if reasons else ".")


def _asked(line: HistoryLine) -> str:
    rung = names.role(line.outcome)
    if not one_line(line.subject):
        return f"The {rung} was asked." if rung else "Somebody was asked."
    instead = f", in place of {names.person(line.stands_in_for)}" if one_line(line.stands_in_for) else ""
    return f"{names.person(line.subject)} was asked" + (f", as {rung}" if rung else "") + f"{instead}."


def _no_response(line: HistoryLine) -> str:
    if line.outcome == "work":
        return "The work had not been reported as done."
    return f"No answer came from {_subject(line)}." if line.subject or line.actor else "No answer came."


def _decision(line: HistoryLine) -> str:
    return f"{_actor(line)} {outcomes.did(line.outcome)}."


_WANTED = {
    "attest": "re-attest it",
    "rotate": "rotate it",
    "revoke": "revoke it",
    "disown": "pass it on",
    "reassign": "name its next owner",
    "snooze": "put it off",
    "let_lapse": "let it lapse",
    "accept": "take it over",
    "decline": "decline to take it over",
    "done": "report the work as done",
    "approve": "agree to its removal or rotation",
    "call_off": "call the work off",
    "give_back": "have it given back",
    "resume": "have the work go on",
    "retry": "have the work tried again",
}


def _refused(line: HistoryLine) -> str:
    return f"{_actor(line)} wanted to {_WANTED.get(line.outcome, 'decide')}, and the policy leaves that to others."


def _ownership(line: HistoryLine) -> str:
    role = names.role(line.outcome or line.role) or "owner"
    # A vendor's record is about no token.
    its = "" if line.outcome == "vendor_relationship_owner" else "its "
    role += f" of vendor {short(line.written, names.NAME)}" if one_line(line.written) else ""
    before = names.person(line.reason) if one_line(line.reason) else ""
    if not one_line(line.subject):
        return f"Nobody is {its}{role} any more" + (f"; it was {before}." if before else ".")
    return f"{names.person(line.subject)} became {its}{role}" + (f", after {before}." if before else ".")


def _proposed(line: HistoryLine) -> str:
    return f"{_actor(line)} named {names.person(line.subject)} as its next owner."


def _answered(line: HistoryLine) -> str:
    accepted = line.outcome in {"accept", "accepted"}
    return f"{_actor(line)} {'took it over' if accepted else 'declined to take it over'}."


def _work(line: HistoryLine) -> str:
    to = {"rotate": "to rotate it", "revoke": "to revoke it"}.get(line.outcome, "to carry it out")
    given = f" and given to {names.person(line.subject)}" if one_line(line.subject) else ""
    return f"A task {to} was opened{given}."


def _result(line: HistoryLine) -> str:
    told = dict(line.said)
    result = outcomes.result(line.reason, line.outcome or "unknown", told.get("proof", ""), told.get("system", ""))
    shown = short(line.written, _MOST_REASON)
    given = "Evidence given" if one_line(line.actor) else "Detail"
    evidence = f" {given}: “{shown}”" if shown else ""
    return (f"{_actor(line)} reported: {result}" if one_line(line.actor) else result) + evidence


def _default(line: HistoryLine) -> str:
    if line.outcome in {"revoke", "open_revocation"}:
        return "Nobody answered, so the policy asked for it to be revoked."
    return "Nobody answered. Nothing was switched off."


def _delivery(line: HistoryLine) -> str:
    return f"A message to {names.person(line.subject)} could not be delivered."


def _handled(line: HistoryLine) -> str:
    count = dict(line.counts).get("messages", 0)
    said = names.counted(count, "message", "messages") if count else "Messages"
    what = {"retry": "sent again", "drop": "left unsent"}.get(line.outcome, "handled")
    return f"{said} that could not be delivered {'was' if count == 1 else 'were'} to be {what}."


def _left(line: HistoryLine) -> str:
    return f"{_subject(line)} left."


def _away(line: HistoryLine) -> str:
    if line.outcome == "back":
        return f"{_subject(line)} is back."
    try:
        until = f" until {day(date.fromisoformat(line.written))}"
    except ValueError:
        until = ""
    instead = f", and {names.person(line.reason)} stands in" if one_line(line.reason) else ""
    return f"{_subject(line)} is away{until}{instead}."


def _imported(line: HistoryLine) -> str:
    counts = dict(line.counts)
    if not counts:
        return "Its inventory entry was imported."
    said = [f"{counts.get(key, 0):,} {word}" for key, word in _IMPORTED if counts.get(key)]
    files = names.counted(counts.get("files", 0), "file", "files")
    return f"The inventory was imported from {files}: {', '.join(said) or 'nothing new'}."


_IMPORTED = (("new", "new"), ("changed", "changed"), ("vanished", "no longer there"), ("rejected", "not taken"))


def _policy(line: HistoryLine) -> str:
    named = short(line.policy, names.NAME)
    return f"The policy changed: {named} is in force." if named else "The policy changed."


def _epoch(line: HistoryLine) -> str:
    lost = {"shrank": "records were missing", "forked": "its records differed from those signed before"}
    why = lost.get(line.outcome)
    return "The record was begun anew after a restore" + (f", because {why}." if why else ".")


def _named(line: HistoryLine) -> str:
    ref, name = short(line.outcome, names.NAME), one_line(line.subject)
    if not name or name.startswith(line.outcome):
        return f"Whom {ref or 'a pseudonym'} stands for was noted beside the record."
    return f"{names.person(name)} is written as {ref} in the record."


def _erased(line: HistoryLine) -> str:
    return f"The name and the words of {short(line.outcome, names.NAME) or 'somebody'} were erased."


def _fixed(sentence: str) -> Callable[[HistoryLine], str]:
    return lambda _: sentence


def _other(line: HistoryLine) -> str:
    return f"Recorded: {short(line.kind.replace('_', ' ').lower(), 60) or 'an event'}."


_SENTENCES: dict[str, Callable[[HistoryLine], str]] = {
    "request_opened": _opened,
    "asked": _asked,
    "no_response": _no_response,
    "decision": _decision,
    "refused": _refused,
    "ownership_changed": _ownership,
    "handover_proposed": _proposed,
    "handover_answered": _answered,
    "remediation_opened": _work,
    "remediation_result": _result,
    "default_action": _default,
    "inventory_imported": _imported,
    "token_vanished": _fixed("It was no longer in the inventory that was imported."),
    "delivery_failed": _delivery,
    "policy_changed": _policy,
    "request_withdrawn": _fixed("The request was withdrawn, as it no longer needed an answer."),
    "person_left": _left,
    "epoch_opened": _epoch,
    "key_rotated": _fixed("The key that signs the record was replaced; the key before it signed that too."),
    "person_erased": _erased,
    "person_named": _named,
    "delivery_handled": _handled,
    "person_away": _away,
    **recording_work.SENTENCES,
}

_CONTRACTS = {
    "active": ("in force", "in force until {day}"),
    "ended": ("ended", "ended {day}"),
    "open_ended": ("in force, without an end date", "in force"),
    "unknown": ("not known", "not known"),
}


def contract(code: str, ends: str) -> str:
    """The state of a contract in words; ``ends`` is its last day in words, empty where there is none."""
    other = short(code.replace("_", " "), 40) or "not known"
    undated, dated = _CONTRACTS.get(code, (other, other))
    return dated.replace("{day}", ends) if ends else undated


NOBODY_ASKED = "Nobody had been asked about it by then."
ASKED_AND_ANSWERED = "Asked and answered by then"
COULD_REMOVE = "Could have removed it"
NO_RECORDS = "No record of this token existed by then."


CHECKPOINT_WHY = "This is the signed state of the record of who answers for what. Nobody needs to do anything."
CHECKPOINT_USE = "If the record is ever doubted, these lines show what was in it when they were posted."


def checkpoint_heading(size: int) -> str:
    """What a checkpoint in a channel is about."""
    return f"Checkpoint of the record: {names.counted(size, 'entry', 'entries')}"
