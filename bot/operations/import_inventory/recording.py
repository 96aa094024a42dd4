"""What an import leaves in the ledger: one record for the run, one for each owner replaced, gone or left.

People appear by their pseudonym; addresses and names only in disclosures. Owners who are named for the first
time are many in a first import, so the run's record holds one SHA-256 over all of them: the lines
``token_id role person_ref`` with a line feed each, by token id; of one token service, business, backup owner.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from itertools import islice

from sqlmodel import Session

from bot.operations.import_inventory.people import Directory, Left
from bot.operations.import_inventory.report import ImportReport
from bot.operations.import_inventory.vendors import RelationshipChange
from bot.operations.naming import naming_entries, shown_name
from storage.ledger.log import append
from storage.ledger.record import Entry, RecordKind
from storage.merge_findings import Findings, OwnerChange, Vanished

_BATCH = 1_000


def record_import(
    session: Session,
    report: ImportReport,
    findings: Findings | None,
    left: list[Left],
    relationships: list[RelationshipChange],
    directory: Directory,
    now: datetime,
    clock: Callable[[], datetime],
) -> None:
    """Append the records of one run, in effect from ``now``; nothing where nothing changed."""
    if not report.changed_anything:
        return
    entries = _entries(session, report, findings, left, relationships, directory)
    while batch := [replace(entry, effective_at=now) for entry in islice(entries, _BATCH)]:
        append(session, batch, clock)


def _entries(
    session: Session,
    report: ImportReport,
    findings: Findings | None,
    left: list[Left],
    relationships: list[RelationshipChange],
    directory: Directory,
) -> Iterator[Entry]:
    yield _run_entry(report, findings)
    yield from naming_entries(session, "import")
    for one in left:
        details = {"person": one.ref}
        disclosures = {one.ref: shown_name(one.name, one.email)}
        yield Entry(RecordKind.PERSON_LEFT, reason="people_file", details=details, disclosures=disclosures)
    for relationship in relationships:
        yield _relationship_entry(relationship, directory)
    if findings is not None:
        for change in findings.owner_changes():
            if change.before_ref is not None:
                yield _owner_entry(change, directory)
        for gone in findings.vanished():
            yield _vanished_entry(gone, directory)


def _run_entry(report: ImportReport, findings: Findings | None) -> Entry:
    files = [
        {
            "sha256": one.sha256,
            "kind": one.kind or "",
            "new": one.new,
            "changed": one.changed,
            "unchanged": one.unchanged,
            "vanished": one.vanished,
            "rejected": one.rejected,
        }
        for one in report.files
    ]
    details: dict[str, object] = {"files": files}
    if findings is not None:
        count, digest = _digest(findings.first_owners())
        details |= {"first_owners": count, "first_owners_sha256": digest}
    return Entry(RecordKind.INVENTORY_IMPORTED, reason="import", details=details)


def _digest(pages: Iterable[str]) -> tuple[int, str]:
    """How many lines there are, and the SHA-256 over them."""
    digest, count = hashlib.sha256(), 0
    for page in pages:
        digest.update(page.encode())
        count += page.count("\n")
    return count, digest.hexdigest()


def _owner_entry(change: OwnerChange, directory: Directory) -> Entry:
    after = {change.role: change.after_ref} if change.after_ref else {}
    return Entry(
        RecordKind.OWNERSHIP_CHANGED,
        reason="import",
        token_id=change.token_id,
        token={"issuer": change.issuing_system, "external_id": change.external_id},
        accountable={"before": {change.role: change.before_ref}, "after": after},
        details={"role": change.role},
        disclosures=_names(directory, change.before_email, change.after_email),
    )


def _relationship_entry(change: RelationshipChange, directory: Directory) -> Entry:
    role = "vendor_relationship_owner"
    after = {role: directory.known[change.after].ref} if change.after else {}
    return Entry(
        RecordKind.OWNERSHIP_CHANGED,
        reason="import",
        details={"role": role, "vendor": change.vendor_id},
        accountable={"before": {role: directory.known[change.before].ref}, "after": after},
        disclosures=_names(directory, change.before, change.after),
    )


def _vanished_entry(gone: Vanished, directory: Directory) -> Entry:
    owner = directory.known[directory.email_of(gone.owner_id)].ref if gone.owner_id is not None else None
    return Entry(
        RecordKind.TOKEN_VANISHED,
        reason="not_in_import",
        token_id=gone.token_id,
        token={"issuer": gone.issuing_system, "external_id": gone.external_id},
        accountable={"before": {"service_owner": owner}} if owner else {},
    )


def _names(directory: Directory, *addresses: str | None) -> dict[str, str]:
    """Disclosures that tie pseudonyms to names and addresses."""
    people = [directory.known[one] for one in addresses if one]
    return {person.ref: shown_name(person.name, person.email) for person in people}
