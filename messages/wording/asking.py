"""Why a token needs an answer, why that reached this reader, and what happens without one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from messages.inert import one_line, short
from messages.moments import day
from messages.view import Inline, Moment, Text
from messages.wording import names
from messages.wording.names import on_day

if TYPE_CHECKING:
    from collections.abc import Sequence

    from messages.cards.facts import RequestFacts, TokenFacts

# ------------------------------------------------------------------ why it is due


def reason(code: str, token: TokenFacts, zone: str) -> Text:
    """One reason as a sentence."""
    first, *rest = reason_brief(code, token, zone)
    return [first[:1].upper() + first[1:] if isinstance(first, str) else first, *rest, "."]


def reason_brief(code: str, token: TokenFacts, zone: str) -> Text:
    """One reason in a few words, with what is known of the token, for a line of a list."""
    ends = f" on {day(token.contract_ends_on)}" if token.contract_ends_on else ""
    match code:
        case "attestation_overdue" if token.last_attested_at:
            return ["last attested ", on_day(token.last_attested_at, zone), ", time to look again"]
        case "expiring" if token.expires_at:
            return ["expires ", on_day(token.expires_at, zone)]
        case "expired" if token.expires_at:
            return ["expired ", on_day(token.expires_at, zone)]
        case "outlives_contract" if ends:
            return [f"would outlive the contract with {names.vendor(token)}, which ends{ends}"]
        case "contract_ended" if token.vendor_status in _PARTED:
            return [_PARTED[token.vendor_status].format(vendor=names.vendor(token))]
        case "contract_ended" if ends:
            return [f"the contract with {names.vendor(token)} ended{ends}"]
        case "unused" if token.last_used_at:
            return ["last used ", on_day(token.last_used_at, zone)]
        case _:
            return [reason_bare(code)]


def reason_bare(code: str) -> str:
    """One reason in a few words, where nothing else is known."""
    return _REASONS.get(code, "the policy asks for a look at it")


# A vendor's status speaks before the contract's last day: the contract may well run on, or have run out long ago.
_PARTED = {"offboarding": "work with {vendor} is being ended", "offboarded": "work with {vendor} has ended"}

_REASONS = {
    "never_attested": "nobody has attested it yet",
    "attestation_overdue": "it is time to attest it again",
    "expiring": "it expires soon",
    "expired": "it has expired",
    "no_expiry": "it never expires",
    "outlives_contract": "it would outlive the contract with its vendor",
    "contract_ended": "the contract with its vendor has ended",
    "owner_missing": "it has no owner",
    "owner_left": "its owner has left",
    "unused": "no use of it is known",
}


def vendor_holds(token: TokenFacts) -> str:
    """Who is to handle a token that its vendor holds, and who answers for it."""
    return f"{_capital(names.vendor(token))} holds it and has to handle it safely. We stay accountable for granting it."


def owner_hint(token: TokenFacts) -> str:
    """Who may own a token, and who says so. It is a hint, and makes nobody the owner."""
    system = short(token.issuing_system, names.NAME) or "its issuing system"
    return f"It may belong to {names.person(token.owner_hint)}, by what {system} says of it."


def shorter(token: TokenFacts) -> Text:
    """What would keep a token from outliving its contract; empty where nobody knows when that ends."""
    if token.contract_ends_on is None:
        return []
    ends = day(token.contract_ends_on)
    return [f"The contract with {names.vendor(token)} ends on {ends}; a rotation to an expiry by then would fit."]


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:] if text.startswith("the ") else text


# ------------------------------------------------------------------ the question


_STANDS_BEHIND = {"owner", "reminder", "service_owner", "delegate"}


def question(facts: RequestFacts) -> str:
    """The heading of a card that waits for an answer."""
    name = names.token(facts.token)
    if facts.why == "handover":
        return f"Will you take over {name}?"
    if facts.becomes_owner:
        return f"Who stands behind {name}?"
    if facts.why in _STANDS_BEHIND:
        return f"Do you still stand behind {name}?"
    return f"{name} needs an answer"


def count_heading(waiting: int, under_way: int = 0) -> str:
    """The heading of a list: how many wait for an answer, and for how many the work that was decided is not done."""
    if not waiting:
        work = f"The work on {names.counted(under_way, 'token', 'tokens')} is not done yet"
        return work if under_way else "Nothing waits for your answer"
    answers = f"{names.counted(waiting, 'token needs', 'tokens need')} your answer"
    return f"{answers}; the work on {under_way:,} more is not done yet" if under_way else answers


def list_intro(facts: Sequence[RequestFacts]) -> str:
    """The question that a list of at least one asks, and how to read it."""
    several = len(facts) > 1
    owned = all(one.why in _STANDS_BEHIND and not one.becomes_owner and one.work is None for one in facts)
    asked = f"Do you still stand behind {'them' if several else 'it'}? " if owned else ""
    order = "Most at risk first. " if several else ""
    return f"{asked}{order}“Open” shows why it came to you and what else you can do."


# ------------------------------------------------------------------ why it came to this reader

_UNNAMED = {"missing", "none", "nobody", "vacant"}
_UNREACHABLE = {
    "left": "has left",
    "inactive": "has no active account",
    "away": "is away",
    "no_account": "has no chat account",
    "no_chat": "has no chat account",
    "unknown": "is not in the directory",
    "not_installed": "cannot be reached in chat",
    "blocked": "cannot be reached in chat",
    "failed": "cannot be reached in chat",
}


def why(facts: RequestFacts) -> Text:
    """Why this came to this reader, in one or more sentences."""
    return [*_why(facts), *(f" {sentence}" for sentence in _unreachable(facts))]


def stands_in(facts: RequestFacts) -> Text:
    """``you stand in for Kim Abe, who is away until 1 Feb 2026``."""
    said = f"you stand in for {names.person(facts.why_name) if one_line(facts.why_name) else 'its owner'}"
    return [said, ", who is away until ", on_day(facts.why_until, facts.zone)] if facts.why_until else [said]


def _why(facts: RequestFacts) -> Text:
    if facts.why == "delegate":
        return ["This came to you because ", *stands_in(facts), "."]
    return [_why_in_person(facts)]


def _why_in_person(facts: RequestFacts) -> str:
    name = one_line(facts.why_name) and names.person(facts.why_name)
    match facts.why:
        case "owner" | "service_owner":
            return "This came to you because you are its service owner."
        case "reminder":
            return "This is a reminder: your answer is still open."
        case "business_owner" | "backup_owner":
            return f"This came to you because you are its {names.role(facts.why)}."
        case "vendor_relationship_owner":
            return f"This came to you because you look after the vendor, {names.vendor(facts.token)}."
        case "manager" if name:
            return f"This came to you because {name} reports to you."
        case "manager":
            return "This came to you because its owner reports to you."
        case "security":
            return "This came to the security team because nobody before them answered or could be reached."
        case "handover":
            return f"{names.person(facts.proposed_by)} named you as its next owner."
        case "" if not facts.offered:
            return "You can see this; it is for others to decide."
        case _:
            return "This came to you because the policy names you for it."


def _unreachable(facts: RequestFacts) -> list[str]:
    rungs = facts.unreachable[:4]
    unnamed = [names.role(rung) for rung, code in rungs if code in _UNNAMED]
    others = [
        f"The {names.role(rung)} {_UNREACHABLE.get(code, 'could not be asked')}."
        for rung, code in rungs
        if code not in _UNNAMED
    ]
    return [f"No {names.either(unnamed)} is named.", *others] if unnamed else others


def asked_before(facts: RequestFacts) -> Text:
    """Who was asked already, and when; empty when nobody was."""
    if not facts.asked_before:
        return []
    times: dict[str, list[Inline]] = {}
    for name, at in facts.asked_before[-6:]:
        said = times.setdefault(names.person(name), [])
        said += [*([", "] if said else []), on_day(at, facts.zone)]
    text: list[Inline] = ["Asked before, no answer so far: "]
    for index, (name, said) in enumerate(times.items()):
        text += [f"{', ' if index else ''}{name} (", *said, ")"]
    return [*text, "."]


# ------------------------------------------------------------------ what happens without an answer


def answer_by(facts: RequestFacts) -> Text:
    """Until when an answer is wanted; once others have let it pass, without asking for what may be too late."""
    wanted = "An answer was wanted by " if late(facts) else "Please answer by "
    return [wanted, Moment(facts.due_at, facts.zone), "."]


def late(facts: RequestFacts) -> bool:
    """Others have let the day pass, or it has passed."""
    return facts.overdue or bool(facts.asked_before)


def without_answer(facts: RequestFacts, *, after_day: bool = False) -> Text:
    """Who is next and when, and what happens at the end of the ladder. ``after_day``: the day an answer is wanted by
    has just been said."""
    then = after_day and facts.default_at == facts.due_at
    return [*_next(facts), *_default(facts, [" by then"] if then else _by(facts))]


def _next(facts: RequestFacts) -> list[Inline]:
    if facts.next_at and facts.next_at == facts.default_at:
        return []  # the next thing to happen is the end of the ladder
    at: list[Inline] = [", ", Moment(facts.next_at, facts.zone)] if facts.next_at else []
    if facts.next_role == "reminder":
        return ["Without an answer, a reminder is next", *at, ". "]
    if one_line(facts.next_name):
        return [f"Without an answer, {names.person_as(facts.next_name, facts.next_role)} is next", *at, ". "]
    if facts.next_role:
        return [f"Without an answer, the {names.role(facts.next_role)} is next", *at, ". "]
    return []


def _by(facts: RequestFacts) -> list[Inline]:
    return [" by ", Moment(facts.default_at, facts.zone)] if facts.default_at else []


def _default(facts: RequestFacts, by: list[Inline]) -> list[Inline]:
    if facts.default_action == "open_revocation":
        return ["If nobody answers", *by, ", the policy asks for it to be revoked."]
    if facts.default_action == "none":
        return ["If nobody answers", *by, ", nothing is switched off; it is recorded that no answer came."]
    return ["If nobody answers", *by, ", the policy decides."]
