"""What the report says in numbers and in a line: which records, what stands out, what was decided, what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from messages.inert import one_line, short
from messages.wording import asking, names, outcomes

if TYPE_CHECKING:
    from messages.pages.report_facts import Numbers


def selection(kind: str, of: str) -> str:
    """Which records a bundle holds."""
    shown = short(of, 120)
    match kind:
        case "all":
            return "the whole record"
        case "token":
            return f"everything recorded about the token {shown}"
        case "vendor":
            return f"everything recorded about the tokens of {shown}"
        case "from_to":
            return f"everything recorded from {shown}"
        case _:
            return f"a part of the record: {shown}" if shown else "a part of the record"


def about(kind: str, of: str) -> str:
    """What the report is about, to follow "What the record says"; empty: about everything."""
    shown = short(of, 120)
    said = {"token": f"about {shown}", "vendor": f"about the tokens of {shown}", "from_to": f"from {shown}"}
    return said.get(kind, "") if shown else ""


def token(issuer: str, external_id: str) -> str:
    """What a token is called in the records: its issuing system and its id there."""
    return " / ".join(part for part in (short(issuer, 60), short(external_id, 120)) if part) or "a token without an id"


# ------------------------------------------------------------------ numbers


def figures(numbers: Numbers) -> list[tuple[int, str]]:
    """The numbers worth seeing first, with what each one counts."""
    confirmed = sum(number for _, result, number in numbers.results if result == "confirmed")
    reported = sum(number for _, result, number in numbers.results if result == "accepted_unverified")
    found = [
        (numbers.tokens, "token", "tokens"),
        (numbers.asked, "time somebody was asked", "times somebody was asked"),
        (numbers.answered, "answer", "answers"),
        (numbers.silent, "time no answer came", "times no answer came"),
    ]
    seldom = [
        (numbers.owner_changes, "change of who is accountable", "changes of who is accountable"),
        (confirmed, "removal or rotation confirmed by its system", "removals or rotations confirmed by their systems"),
        (reported, "removal or rotation reported, not verified", "removals or rotations reported, not verified"),
        (numbers.refused, "attempt to decide without the authority", "attempts to decide without the authority"),
    ]
    shown = found + [one for one in seldom if one[0]]
    return [(number, one if number == 1 else many) for number, one, many in shown]


def reasons(counts: Sequence[tuple[str, int]]) -> list[tuple[str, int]]:
    """Why answers were asked for."""
    return [(_capital(asking.reason_bare(code)), number) for code, number in counts]


def decisions(counts: Sequence[tuple[str, int]]) -> list[tuple[str, int]]:
    """What people decided."""
    return [(_capital(outcomes.did(code)), number) for code, number in counts]


def results(counts: Sequence[tuple[str, str, int]]) -> list[tuple[str, int]]:
    """What came of the work."""
    return [(outcomes.result(kind, result or "unknown"), number) for kind, result, number in counts]


def defaults(counts: Sequence[tuple[str, int]]) -> list[tuple[str, int]]:
    """What the policy did where nobody answered."""
    return [
        ("Asked for it to be revoked" if code == "open_revocation" else "Nothing was switched off", number)
        for code, number in counts
    ]


_KINDS = {
    "request_opened": "An answer was asked for",
    "asked": "The next person was asked, or reminded",
    "no_response": "No answer came",
    "decision": "Somebody decided",
    "refused": "Somebody without the authority tried to decide",
    "ownership_changed": "Who is accountable changed",
    "handover_proposed": "A next owner was named",
    "handover_answered": "The next owner answered",
    "remediation_opened": "Work was opened",
    "remediation_result": "Work was reported",
    "default_action": "The policy acted on silence",
    "inventory_imported": "An inventory was imported",
    "token_vanished": "A token was no longer in the inventory",
    "delivery_failed": "A message could not be delivered",
    "policy_changed": "The policy changed",
    "request_withdrawn": "A request was no longer needed",
    "person_left": "Somebody left",
    "epoch_opened": "The record was begun anew",
    "key_rotated": "The signing key was replaced",
    "person_erased": "Somebody was erased",
    "person_named": "A name was noted for a pseudonym",
    "delivery_handled": "Messages that could not be delivered were handled",
    "person_away": "Somebody was away, or back",
    "remediation_step": "Work at an issuing system went on",
    "remediation_agreed": "Somebody agreed to work, or had it stopped or undone",
    "token_discovered": "An issuing system showed what the inventory did not have, or no longer shows it",
    "offboarding": "A plan to end all access of a vendor, tag or consumer went on",
    "emergency_access": "Access for an emergency was given, ended or looked at",
    "use_answered": "One of several users of a token said whether they need it",
}


def kinds(counts: Sequence[tuple[str, int]]) -> list[tuple[str, int]]:
    """Records by what they are about."""
    return [(_KINDS.get(code, short(code.replace("_", " "), 60)), number) for code, number in counts]


# ------------------------------------------------------------------ a token in a line

_STANDS_OUT = {
    "silence": "an answer is still missing",
    "default_action": "the policy acted, because nobody answered",
    "refused": "somebody without the authority tried to decide",
    "ownerless": "nobody is its service owner",
    "work_failed": "a removal or rotation failed",
    "work_open": "a removal or rotation is not reported as done",
    "revoked": "it was to be revoked",
    "disowned": "somebody said that it is not theirs",
    "undelivered": "a message could not be delivered",
    "vanished": "it was no longer in the inventory, or at its issuing system",
    "rotated": "it was to be rotated",
    "new_owner": "who is accountable changed",
}
_MOST_OUT = 4


def stands_out(codes: Sequence[str]) -> str:
    """What a reader should know about a token first."""
    said = [_STANDS_OUT[code] for code in codes if code in _STANDS_OUT][:_MOST_OUT]
    return f"{_capital('; '.join(said))}." if said else "Nothing out of the ordinary."


def standing(holders: Sequence[tuple[str, str]]) -> str:
    """Who is accountable at the end of the records."""
    said = [names.person_as(name, role) for role, name in holders if one_line(name)]
    return f"At the end of these records: {', '.join(said)}." if said else "These records name nobody as accountable."


# ------------------------------------------------------------------ what the whole of it is

WHAT = (
    "This is an account of who answered for which access token, what they were asked, what they said, by what "
    "authority, and what was done. It is written for a reader who does not have to believe whoever handed it over."
)
HOW_TO_READ = (
    "It was made from the records in this folder and from nothing else. Whoever has the folder can make it again and "
    "compare. Times are in UTC, by the operator’s clock unless it says “no later than”."
)
ORDER = "Those that need a reader’s attention come first."
TENURES = "A bar begins where a record first shows it; who was first named in an import is not in a record of its own."
PEOPLE = "In the records people are pseudonyms. Their names stand beside the records, and can be erased from there."
CONTROLS = (
    "How many records show a control at work. Whether that is enough is for an assessor to say, who knows what else "
    "there is."
)
ERASED = "erased, or not in this folder"
COMPLETE = (
    "Nothing is left out: every record from the first to the newest signed one is here, and the root fixes them all."
)
PARTIAL = (
    "This is a part of the log. Each record here is proven to be in the log; that nothing else belongs to the "
    "selection is not proven. Only the whole log shows what is not in it."
)
VERIFY = "whose ledger verify THIS-FOLDER --policy my-policy.txt"
VERIFY_ALONE = "python verify.py --policy ../my-policy.txt"
HOW_TO_CHECK = (
    "The file VERIFY.md in this folder says it in full. In short: get the keys you trust from elsewhere than this "
    "folder, put them into a file of your own, and run one of these. Neither asks a database or a network."
)
HELD = "A checkpoint that you kept from an earlier time (--held) shows a history that was rewritten as a whole."


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
