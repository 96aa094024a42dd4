"""How the pages and the answer to "who was accountable" speak of proof: what is shown by whom, and what is not."""

from __future__ import annotations

from collections.abc import Sequence
from shlex import quote
from typing import TYPE_CHECKING

from messages.inert import one_line, short
from messages.moments import day
from messages.view import Inline, Moment, Text
from messages.wording import names, outcomes, recording

if TYPE_CHECKING:
    from messages.cards.facts import AccountableFacts, HistoryLine, LaterFact, ProvenRecord, TokenFacts

# ------------------------------------------------------------------ which records, and by when they were written

VERIFY = "whose ledger verify"
RECORDED_LATER = "Recorded only later"


def record_named(epoch: int, seq: int) -> str:
    """``record 7``, or ``record 7 of epoch 2`` where the log was begun anew."""
    return f"record {seq}" + (f" of epoch {epoch}" if epoch else "")


def records_named(proofs: Sequence[ProvenRecord]) -> str:
    """``record 7``, ``records 3 to 9``."""
    first, last = proofs[0], proofs[-1]
    if first.epoch == last.epoch == 0:
        return f"record {first.seq}" if first.seq == last.seq else f"records {first.seq} to {last.seq}"
    if (first.epoch, first.seq) == (last.epoch, last.seq):
        return record_named(first.epoch, first.seq)
    return f"{record_named(first.epoch, first.seq)} to {record_named(last.epoch, last.seq)}"


def proof(facts: AccountableFacts) -> Text:
    """On which records the answer rests, how far they are signed, and by when they were written."""
    return proof_of(facts.proofs, facts.zone) if facts.proofs else [recording.NO_RECORDS]


def proof_of(proofs: Sequence[ProvenRecord], zone: str) -> Text:
    """The same for any records, of which there is at least one."""
    last = proofs[-1]
    signed = [one for one in proofs if one.signed_size is not None]
    dated = [one for one in signed if one.kept_at is not None]
    text: list[Inline] = [f"This rests on {records_named(proofs)} of the ledger"]
    text.append(f"; signed up to {record_named(signed[-1].epoch, signed[-1].seq)}" if signed else "; not signed yet")
    if dated and dated[-1].kept_at is not None:
        part = "" if dated[-1] in (last, signed[-1]) else f"and up to {record_named(dated[-1].epoch, dated[-1].seq)} "
        text += [f", {part}written no later than ", Moment(dated[-1].kept_at, zone)]
        text.append(f", {kept_by(dated[-1].kept_kind, dated[-1].kept_by)}")
    return [*text, ". "]


def kept_by(kind: str, where: str) -> str:
    """By whose word: ``by the time-stamp of tsa.example``."""
    shown = short(where.partition("://")[2] or where, 80)
    word = {"tsa": "time-stamp", "witness": "cosignature"}.get(kind)
    return f"by the {word} of {shown}" if word else f"as kept by {shown}"


# ------------------------------------------------------------------ what was known only later


def later_fact(fact: LaterFact, zone: str) -> Text:
    """What is known today about the moment, and when that was written down."""
    if fact.what == "contract":
        ends = day(fact.ends_on) if fact.ends_on else ""
        said = f"The contract of that day: {recording.contract(fact.said, ends)}"
    else:
        said = f"{names.person(fact.said)} as {names.role(fact.what)}"
    return [f"{said}. Written down ", names.on_day(fact.recorded_at, zone), "."]


def later_line(line: HistoryLine, zone: str) -> Text:
    """A record of something that was so before it was written down."""
    written: list[Inline] = ["Written down ", Moment(line.at, zone), "."]
    if line.effective_at:
        written = ["In effect since ", Moment(line.effective_at, zone), "; written down ", Moment(line.at, zone), "."]
    return [f"{recording.happened(line)} ", *written]


# ------------------------------------------------------------------ asked and answered, each to follow a colon

NO_ANSWER = "no answer came."
NOTHING_YET = "still open."


def answered(line: HistoryLine, *, by_the_same: bool) -> str:
    """What whoever was asked said, or who answered in their place."""
    if line.kind.lower() == "handover_proposed":
        did = f"named {names.person(line.subject)} as its next owner"
    elif line.kind.lower() == "handover_answered":
        did = "took it over" if line.outcome in {"accept", "accepted"} else "declined to take it over"
    else:
        did = outcomes.did(line.outcome)
    return f"{did}." if by_the_same else f"{names.person_as(line.actor, line.role)} {did}."


def asked_briefly(who: str, times: int, answer: str) -> str:
    """How often somebody was asked, and what came of it."""
    often = {1: "", 2: " twice"}.get(times, f" {times} times")
    return f"{names.person(who)} was asked{often}: {answer}"


def ended(line: HistoryLine) -> str:
    """How a request ended without anybody's answer."""
    if line.kind.lower() == "request_withdrawn":
        return "no longer needed."
    acted = line.outcome in {"revoke", "open_revocation"}
    return "the policy asked for it to be revoked." if acted else "nobody answered by the end."


def authority(line: HistoryLine) -> str:
    """By what authority a person acted: the role, where it comes from, whose it was, the policy and its rule."""
    if not one_line(line.actor):
        return ""
    source = _SOURCES.get(line.source, short(line.source, 40))
    role = f"as {names.role(line.role)}" if line.role else ""
    delegated = f"for {names.person(line.delegated_from)}" if one_line(line.delegated_from) else ""
    policy = f"policy {short(line.policy, 60)}" if one_line(line.policy) else ""
    rule = f"rule {short(line.rule, 60)}" if one_line(line.rule) else ""
    named = f"{role} ({source})" if role and source else role
    return ", ".join(part for part in (named, delegated, policy, rule) if part)


_SOURCES = {
    "inventory": "from the inventory",
    "vendor": "from the vendor",
    "directory": "from the directory",
    "policy": "named by the policy",
}


# ------------------------------------------------------------------ the picture

LANES_READ = "Each row is a role, and each bar somebody who held it. Marks show what was asked and what came of it."
LEGEND = (
    ("asked", "somebody was asked"),
    ("no_answer", "no answer came"),
    ("decision", "somebody answered"),
    ("policy", "the policy acted"),
    ("remediation", "work to rotate or revoke"),
    ("refused", "wanted to decide, and may not"),
)

# ------------------------------------------------------------------ what the pages say of proof

TODAYS_POLICY = "Which policy was in force then is not known; this is by today’s."
KEPT_AS_TODAY = (
    "Who managed whom, and to which vendor the token belongs, are kept only as they are today; so are its purpose, "
    "its environment and its data."
)
NOTHING_LATER = "Nothing that is known about that time was written down only later."
NOT_SIGNED = "not signed yet"
NOT_DATED = "no outside clock yet"
PROVEN = (
    "A record cannot be changed, moved or taken out unseen once a signed checkpoint over it is kept elsewhere: the "
    "checkpoint fixes every record before it.",
    "A time-stamp or a cosignature is somebody else’s clock. What it covers was written before it, and not afterwards "
    "to fit what had happened.",
)
NOT_PROVEN = (
    "That a record is true. It says what was entered, by whom and when; whether the person was right is not in it.",
    "The moment before which a record was not yet written: “recorded” is the operator’s clock. Only “no later than” "
    "is somebody else’s.",
    "Anything after the last dated checkpoint: whoever holds the database and the key could still write that part "
    "anew. The window is the time between two dated checkpoints.",
    "What was never entered. A conversation beside the record leaves no trace in it.",
)
CHECK_HERE = "This page was made from the database. To recompute every record of it:"
CHECK_AWAY = (
    "To check it without trusting whoever runs the database, ask for a bundle and verify that on your own machine:"
)
VERIFY_BUNDLE = "whose ledger verify FOLDER --policy policy.txt"
POLICY_FROM = "The file policy.txt names the keys you trust. It has to come from elsewhere than the folder."


def export_command(token: TokenFacts) -> str:
    """The command that makes a bundle of one token. Its id is quoted as a shell takes it."""
    return f"whose ledger export FOLDER --token {quote(one_line(f'{token.issuing_system}/{token.external_id}'))}"
