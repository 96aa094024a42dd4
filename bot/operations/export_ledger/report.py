"""``report.html``: a bundle as one page that a person reads, made of :class:`About` and the records alone.

Two passes: the first counts and finds which tokens stand out, the second tells those. So neither the page nor the
memory grows with the number of records.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import date

from bot.operations.export_ledger.about import About
from bot.operations.export_ledger.dated import Dated
from bot.operations.export_ledger.report_stories import GONE, Stories, Token, tell
from bot.operations.export_ledger.report_survey import Survey, survey
from bot.operations.lookups.told import lines_of_record
from bot.rules.controls import Controls
from messages.cards.facts import ProvenRecord, Tenure
from messages.pages.report_facts import ControlEvidence, DatedCheckpoint, Numbers, ReportFacts, TokenPart
from messages.pages.report_page import report_page
from storage.ledger.limits import LATEST_MS
from storage.ledger.log import StoredRecord
from storage.ledger.record import RecordKind, from_ms

MOST_TOKENS = 200
"""Tokens told in full; the others are counted, and stand in ``records.csv``."""
MOST_PEOPLE = 400
FIRST_CHECKPOINTS, LAST_CHECKPOINTS = 3, 20

_ANSWERS = (RecordKind.DECISION, RecordKind.HANDOVER_PROPOSED, RecordKind.HANDOVER_ANSWERED)

Records = Callable[[], Iterable[StoredRecord]]


def report(about: About, records: Records, controls: Controls) -> str:
    """The page as HTML: self-contained, and the same bytes for the same bundle.

    Args:
        records: opens the records, in the order of the log; called twice.
        controls: what records are evidence for, by framework.
    """
    counted = survey(records(), controls)
    names = {ref: said.partition(" <")[0] for ref, said in about.names.items()}
    chosen = counted.foremost(MOST_TOKENS)
    stories = tell(records(), chosen, names)
    return report_page(_facts(about, counted, stories, names, controls))


def _facts(
    about: About, counted: Survey, stories: Stories, names: Mapping[str, str], controls: Controls
) -> ReportFacts:
    dated = Dated(about)
    people = sorted(stories.refs, key=lambda ref: (about.names.get(ref, "~").casefold(), ref))
    checkpoints = _checkpoints(about)
    return ReportFacts(
        log=about.log,
        log_id=about.log_id,
        epoch=about.epoch,
        size=about.size,
        root=about.root.hex(),
        selection=about.selection,
        selected=about.selected,
        complete=about.complete,
        as_of=about.as_of,
        numbers=_numbers(about, counted),
        tokens=[_token(one, counted, names, dated) for one in stories.tokens],
        more_tokens=len(counted.tokens) - len(stories.tokens),
        log_lines=list(stories.of_the_log),
        more_log_lines=stories.not_told,
        people=[(ref, about.names.get(ref, "")) for ref in people[:MOST_PEOPLE]],
        more_people=max(len(people) - MOST_PEOPLE, 0),
        controls=_evidence(about, counted, controls),
        checkpoints=checkpoints,
        more_checkpoints=len(about.checkpoints) - len(checkpoints),
    )


def _numbers(about: About, counted: Survey) -> Numbers:
    kinds = counted.kinds
    return Numbers(
        records=about.records,
        tokens=len(counted.tokens),
        asked=counted.asked,
        answered=sum(kinds[kind] for kind in _ANSWERS),
        silent=kinds[RecordKind.NO_RESPONSE],
        refused=kinds[RecordKind.REFUSED],
        owner_changes=sum(counted.offices.values()),
        kinds=[(kind.name.lower(), kinds[kind]) for kind in RecordKind if kinds[kind]],
        reasons=_most_first(counted.reasons),
        decisions=_most_first(counted.decisions),
        results=sorted((kind, result, number) for (kind, result), number in counted.results.items()),
        defaults=_most_first(counted.defaults),
    )


def _most_first(counts: Counter[str]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))


def _token(token: Token, counted: Survey, names: Mapping[str, str], dated: Dated) -> TokenPart:
    def text(key: str) -> str:
        found = token.facts.get(key)
        return found if isinstance(found, str) else ""

    def name(ref: str) -> str:
        return names.get(ref) or disclosed.get(ref) or ref + GONE

    records = token.records
    disclosed = {
        ref: said.partition(" <")[0]
        for record in records
        for ref, said in record.disclosures.items()
        if ref.startswith("p_")
    }
    return TokenPart(
        issuer=text("issuer"),
        external_id=text("external_id"),
        name=text("name"),
        vendor=text("vendor"),
        contract_ends_on=_last_day(token.facts.get("contract_ends")),
        tier=text("tier"),
        scopes=text("scopes"),
        stands_out=counted.stands_out(token.token_id),
        holders=[(role, name(ref)) for role, ref in token.holders().items()],
        tenures=[Tenure(one.role, name(one.name), one.since, one.until) for one in token.intervals()],
        lines=[line for record in records for line in lines_of_record(record, {**disclosed, **names}, GONE)],
        told_first=len(token.first),
        left_out=token.left_out,
        records=token.seen,
        proofs=[_proof(record, dated) for record in records],
    )


def _last_day(milliseconds: object) -> date | None:
    """The last day before a moment in a record, UTC; None: there is no such moment."""
    known = isinstance(milliseconds, int) and 0 < milliseconds <= LATEST_MS
    return from_ms(milliseconds - 1).date() if known and isinstance(milliseconds, int) else None


def _proof(record: StoredRecord, dated: Dated) -> ProvenRecord:
    signed, kept = dated.signed(record.epoch, record.seq), dated.kept(record.epoch, record.seq)
    return ProvenRecord(
        epoch=record.epoch,
        seq=record.seq,
        recorded_at=record.recorded_at,
        signed_size=None if signed is None else signed.size,
        kept_kind="" if kept is None else kept[1].kind,
        kept_by="" if kept is None else kept[1].anchor.partition(":")[2],
        kept_at=None if kept is None else kept[1].at,
    )


def _checkpoints(about: About) -> list[DatedCheckpoint]:
    """The first and the newest of those that somebody keeps, and the newest of all."""
    kept = [line for line in about.checkpoints if line.kept or line is about.checkpoints[-1]]
    if len(kept) > FIRST_CHECKPOINTS + LAST_CHECKPOINTS:
        kept = kept[:FIRST_CHECKPOINTS] + kept[-LAST_CHECKPOINTS:]
    return [
        DatedCheckpoint(
            line.epoch,
            line.size,
            line.root.hex(),
            [(one.kind, one.anchor.partition(":")[2], one.at) for one in line.kept],
        )
        for line in kept
    ]


def _evidence(about: About, counted: Survey, controls: Controls) -> list[ControlEvidence]:
    """Controls in the order of their files; checkpoints count for those that they are evidence for."""
    numbers: Counter[tuple[str, str]] = Counter()
    titles = {
        (framework.name, control.id): control.title
        for framework in controls.frameworks
        for control in framework.controls
    }
    for refs, number in counted.evidence.items():
        for ref in refs:
            numbers[ref.framework, ref.id] += number
    for ref in controls.of_checkpoint():
        numbers[ref.framework, ref.id] += len(about.checkpoints)
    return [
        ControlEvidence(framework, number, title, numbers[framework, number])
        for (framework, number), title in titles.items()
        if numbers[framework, number]
    ]
