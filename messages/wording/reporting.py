"""How the pages and the answer to "who was accountable" speak of proof: what is shown by whom, and what is not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from messages.inert import short
from messages.moments import day
from messages.view import Inline, Moment, Text
from messages.wording import names, recording

if TYPE_CHECKING:
    from messages.cards.facts import AccountableFacts, HistoryLine, LaterFact, ProvenRecord

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
    if not facts.proofs:
        return [recording.NO_RECORDS]
    last = facts.proofs[-1]
    signed = [one for one in facts.proofs if one.signed_size is not None]
    dated = [one for one in signed if one.kept_at is not None]
    text: list[Inline] = [f"This rests on {records_named(facts.proofs)} of the ledger"]
    text.append(f"; signed up to {record_named(signed[-1].epoch, signed[-1].seq)}" if signed else "; not signed yet")
    if dated and dated[-1].kept_at is not None:
        part = "" if dated[-1] in (last, signed[-1]) else f"up to {record_named(dated[-1].epoch, dated[-1].seq)} "
        text += [f", {part}written no later than ", Moment(dated[-1].kept_at, facts.zone)]
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
