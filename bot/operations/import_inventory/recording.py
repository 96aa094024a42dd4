"""What an import leaves in the ledger: one record for the run, one for each owner replaced, gone or left.

People appear by their pseudonym; addresses and names only in disclosures. Owners who are named for the first
time are many in a first import, so the run's record holds one SHA-256 over all of them: the lines
``role token_id person_ref`` with a line feed each, roles in the order service, business, backup owner, tokens by id.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from itertools import islice

from sqlmodel import Session

from bot.operations.import_inventory.people import Directory, Left
from bot.operations.import_inventory.report import ImportReport
from bot.operations.import_inventory.vendors import RelationshipChange
from storage.ledger.log import append
from storage.ledger.record import Entry, RecordKind
from storage.merge import Merge, OwnerChange

_BATCH = 1_000


def record_import(
    session: Session,
    report: ImportReport,
    merge: Merge | None,
    left: list[Left],
    relationships: list[RelationshipChange],
    directory: Directory,
    addresses: Mapping[str, int],
    now: datetime,
    clock: Callable[[], datetime],
) -> None:
    """Append the records of one run, in effect from ``now``; nothing where nothing changed.

    ``addresses`` is the run's register of owners.
    """
    if not report.changed_anything:
        return
    entries = _entries(report, merge, left, relationships, directory, addresses)
    while batch := [replace(entry, effective_at=now) for entry in islice(entries, _BATCH)]:
        append(session, batch, clock)


def _entries(
    report: ImportReport,
    merge: Merge | None,
    left: list[Left],
    relationships: list[RelationshipChange],
    directory: Directory,
    addresses: Mapping[str, int],
) -> Iterator[Entry]:
    refs = {number: directory.known[one].ref for one, number in addresses.items() if one in directory.known}
    yield _run_entry(report, merge, refs)
    for one in left:
        disclosures = {"email": one.email} | ({"name": one.name} if one.name else {})
        details = {"person": one.ref}
        yield Entry(RecordKind.PERSON_LEFT, reason="people_file", details=details, disclosures=disclosures)
    for relationship in relationships:
        yield _relationship_entry(relationship, directory)
    if merge is not None:
        for change in merge.owner_changes():
            if change.before_ref is not None:
                yield _owner_entry(change)
        for token_id, system, external_id, owner_id in merge.vanished():
            owner = directory.known[directory.email_of(owner_id)].ref if owner_id is not None else None
            yield Entry(
                RecordKind.TOKEN_VANISHED,
                reason="not_in_import",
                token_id=token_id,
                token={"issuer": system, "external_id": external_id},
                accountable={"before": {"service_owner": owner}} if owner else {},
            )


def _run_entry(report: ImportReport, merge: Merge | None, refs: Mapping[int, str]) -> Entry:
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
    if merge is not None:
        count, digest = _digest(merge.first_owners(refs))
        details |= {"first_owners": count, "first_owners_sha256": digest}
    return Entry(RecordKind.INVENTORY_IMPORTED, reason="import", details=details)


def _digest(pages: Iterable[list[str]]) -> tuple[int, str]:
    digest, count = hashlib.sha256(), 0
    for page in pages:
        digest.update("\n".join([*page, ""]).encode())
        count += len(page)
    return count, digest.hexdigest()


def _owner_entry(change: OwnerChange) -> Entry:
    after = {change.role: change.after_ref} if change.after_ref else {}
    disclosures = {"owner_before": change.before_email or "", "owner_after": change.after_email or ""}
    return Entry(
        RecordKind.OWNERSHIP_CHANGED,
        reason="import",
        token_id=change.token_id,
        token={"issuer": change.issuing_system, "external_id": change.external_id},
        accountable={"before": {change.role: change.before_ref}, "after": after},
        disclosures={name: value for name, value in disclosures.items() if value},
    )


def _relationship_entry(change: RelationshipChange, directory: Directory) -> Entry:
    refs = [directory.known[one].ref if one else None for one in (change.before, change.after)]
    role = "vendor_relationship_owner"
    disclosures = {"owner_before": change.before} | ({"owner_after": change.after} if change.after else {})
    return Entry(
        RecordKind.OWNERSHIP_CHANGED,
        reason="import",
        details={"vendor": change.vendor_id},
        accountable={"before": {role: refs[0]}, "after": {role: refs[1]} if refs[1] else {}},
        disclosures=disclosures,
    )
