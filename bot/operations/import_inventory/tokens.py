"""The staged tokens into the inventory: registers to ids, then the set-based merge, then what to tell."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlmodel import Session

from bot.operations.import_inventory.columns import OWNER_COLUMNS
from bot.operations.import_inventory.people import Directory
from bot.operations.import_inventory.report import MAX_DIFF, Change, counted
from bot.operations.import_inventory.rows import Run
from bot.operations.import_inventory.vendors import Vendors
from storage.merge import Merge
from storage.merge_findings import Findings, OwnerChange

_SHOWN = 5


def merge_tokens(run: Run, session: Session, directory: Directory, vendors: Vendors) -> Findings:
    """Work out and write what the staged tokens change; counts, diff and warnings go into the report."""
    by_number = {number: address for address, number in run.addresses.items()}
    # Where rows were refused, only those that were not may bring anybody in.
    every = not run.rejected_tokens
    numbers = set(by_number) if every else {one for column in OWNER_COLUMNS for one in run.scratch.used(column)}
    directory.mention(by_number[number] for number in sorted(numbers))
    keys = {number: key for key, number in run.vendor_keys.items()}
    used = set(keys) if every else run.scratch.used("vendor")
    vendors.mention(run.vendor_names[keys[number]] for number in sorted(used))
    merge = Merge(session, run.shapes, run.now)
    merge.match(
        {number: directory.known[by_number[number]].id for number in numbers},
        {number: vendors.known[keys[number]].id for number in used},
    )
    if agreed := merge.keep_agreed_owners():
        names = ", ".join(f"{token} ({email})" for token, email in agreed[:_SHOWN])
        owners = counted(len(agreed), "owner agreed on in chat stays", "owners agreed on in chat stay")
        run.report.warnings.append(f"{owners}; the file still names the one before: {names}. Please correct the file.")
    if run.rejected_tokens and (kept := merge.forget_vanished()):
        tokens = counted(kept, "token is", "tokens are")
        run.report.warnings.append(
            f"{tokens} not in the files, but rows were refused that may name them: none is marked as vanished."
        )
    _tell(run, merge.findings)
    merge.apply()
    return merge.findings


def _tell(run: Run, findings: Findings) -> None:
    report = run.report
    for number, counts in findings.counts().items():
        file = run.file(number)
        file.new += counts.new
        file.changed += counts.changed
        file.unchanged += counts.unchanged
        file.vanished += counts.vanished
    for name in findings.new_sample(MAX_DIFF):
        report.add_change(Change("tokens", "new", name))
    for name, column, before, after in findings.changed_sample(MAX_DIFF):
        report.add_change(Change("tokens", "changed", name, column, _text(before), _text(after)))
    overruled: list[OwnerChange] = []
    for change in findings.owner_changes():
        name = f"{change.issuing_system} {change.external_id}"
        before, after = change.before_email or "", change.after_email or ""
        report.add_change(Change("tokens", "changed", name, change.role, before, after))
        if change.before_source == "decision":
            overruled.append(change)
    for gone in findings.vanished():
        report.add_change(Change("tokens", "vanished", f"{gone.issuing_system} {gone.external_id}"))
    if overruled:
        names = ", ".join(f"{one.external_id} ({one.before_email})" for one in overruled[:_SHOWN])
        owners = counted(len(overruled), "owner agreed on in chat is", "owners agreed on in chat are")
        report.warnings.append(f"{owners} replaced by the file's: {names}. Correct the file where it is behind.")
    total, names_again = findings.revoked_again(_SHOWN)
    if total:
        report.warnings.append(
            f"Still in the files: {counted(total, 'token that was', 'tokens that were')} revoked here, "
            f"{', '.join(names_again)}. They stay revoked; check whether the issuing system still honours them."
        )


def _text(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)
