"""What the records of a token say, one sentence each, and how the answer to "who was accountable" is put."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from messages.inert import one_line, short
from messages.wording import asking, names, outcomes

if TYPE_CHECKING:
    from messages.cards.facts import HistoryLine

_MOST_REASON = 200


def happened(line: HistoryLine) -> str:
    """One record as a sentence, with the reason that was given for it."""
    sentence = _SENTENCES.get(line.kind.lower(), _other)(line)
    sentence = sentence[:1].upper() + sentence[1:] if sentence.startswith("somebody") else sentence
    given = short(line.reason, _MOST_REASON) if line.kind.lower() in _WITH_REASON else ""
    return f"{sentence} Reason given: “{given}”" if given and given != line.outcome else sentence


_WITH_REASON = {"decision", "handover_proposed", "handover_answered"}


def _actor(line: HistoryLine) -> str:
    if not one_line(line.actor):
        return "The policy"
    return names.person_as(line.actor, line.role) if line.role else names.person(line.actor)


def _subject(line: HistoryLine) -> str:
    return names.person(line.subject or line.actor)


def _opened(line: HistoryLine) -> str:
    reasons = [asking.reason_bare(code) for code in line.reason.replace(",", " ").split()[:4]]
    return "An answer was asked for" + (f": {', '.join(reasons)}." if reasons else ".")


def _asked(line: HistoryLine) -> str:
    rung = names.role(line.outcome)
    if not one_line(line.subject):
        return f"The {rung} was asked." if rung else "Somebody was asked."
    return f"{names.person(line.subject)} was asked" + (f", as {rung}." if rung else ".")


def _no_response(line: HistoryLine) -> str:
    return f"No answer came from {_subject(line)}." if line.subject or line.actor else "No answer came."


def _decision(line: HistoryLine) -> str:
    return f"{_actor(line)} {outcomes.did(line.outcome)}."


def _refused(line: HistoryLine) -> str:
    return f"{_actor(line)} wanted to decide, and the policy did not allow it."


def _ownership(line: HistoryLine) -> str:
    role = names.role(line.outcome or line.role) or "owner"
    return f"{names.person(line.subject)} became its {role}." if line.subject else f"Nobody is its {role} any more."


def _proposed(line: HistoryLine) -> str:
    return f"{_actor(line)} named {names.person(line.subject)} as its next owner."


def _answered(line: HistoryLine) -> str:
    accepted = line.outcome in {"accept", "accepted"}
    return f"{_actor(line)} {'took it over' if accepted else 'declined to take it over'}."


def _work(line: HistoryLine) -> str:
    to = {"rotate": "to rotate it", "revoke": "to revoke it"}.get(line.outcome, "to carry it out")
    return f"A task {to} was opened."


def _result(line: HistoryLine) -> str:
    result = outcomes.result(line.reason, line.outcome or "unknown")
    return f"{_actor(line)} reported: {result}" if one_line(line.actor) else result


def _default(line: HistoryLine) -> str:
    if line.outcome in {"revoke", "open_revocation"}:
        return "Nobody answered, so the policy asked for it to be revoked."
    return "Nobody answered. Nothing was switched off."


def _delivery(line: HistoryLine) -> str:
    return f"A message to {names.person(line.subject)} could not be delivered."


def _left(line: HistoryLine) -> str:
    return f"{_subject(line)} left."


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
    "inventory_imported": _fixed("Its inventory entry was imported."),
    "token_vanished": _fixed("It was no longer in the inventory that was imported."),
    "delivery_failed": _delivery,
    "policy_changed": _fixed("The policy changed."),
    "request_withdrawn": _fixed("The request was withdrawn, as it no longer needed an answer."),
    "person_left": _left,
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


def proof(first: int | None, last: int | None) -> str:
    """Which records the answer rests on, and what checks them."""
    if first is None or last is None:
        return NO_RECORDS
    which = f"record {first}" if first == last else f"records {first} to {last}"
    return f"This rests on {which} of the ledger. To check that none was changed afterwards: "


VERIFY = "whose ledger verify"


CHECKPOINT_WHY = "This is the signed state of the record of who answers for what. Nobody needs to do anything."
CHECKPOINT_USE = "If the record is ever doubted, these lines show what was in it when they were posted."


def checkpoint_heading(size: int) -> str:
    """What a checkpoint in a channel is about."""
    return f"Checkpoint of the record: {names.counted(size, 'entry', 'entries')}"
