"""What a verified bundle says about one token: the auditor's question, answered from the records alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from storage.ledger.bundle_records import is_about, read_record
from storage.ledger.kinds import RecordKind
from storage.ledger.limits import LATEST_MS
from storage.ledger.verdict import BundleVerdict, shown_moment

_START = datetime(1970, 1, 1, tzinfo=UTC)


def answer(
    kept: Iterable[tuple[int, bytes]],
    token: str,
    at: datetime | None,
    named: Mapping[str, str],
    verdict: BundleVerdict,
) -> Iterator[str]:
    """A sentence for each record about a token, and whether it was on record at the moment that is asked about.

    Args:
        kept: ``(epoch, record)``, verified.
        named: pseudonyms and whom they stand for, where that may still be read.
    """
    found = False
    held: object = None
    for epoch, body in kept:
        fields = read_record(body)
        if not is_about(fields, token):
            continue
        recorded, effective = _moment(fields.get("recorded_at")), _moment(fields.get("effective_at"))
        if at is not None and effective > at:
            continue
        found = True
        seq = int(fields["seq"])
        bound = verdict.bound_of(epoch, seq)
        parts = [f"{shown_moment(recorded)}, record {seq}: {_happened(fields, named)}"]
        accountable = _part(fields, "accountable")
        if accountable != held:  # said once, and again when it changes
            held = accountable
            parts += _accountable(accountable, named)
        if bound:
            parts.append(f"written by {shown_moment(bound.at)}")
        if at is not None and recorded > at:
            parts.append("recorded later than the moment you asked about")
        yield "; ".join(parts)
    if not found:
        yield f"No record here is about {token!r}" + (f" by {shown_moment(at)}." if at else ".")


def _happened(fields: Mapping[str, Any], named: Mapping[str, str]) -> str:
    """What happened, who did it in which role, and whom it reached."""
    try:
        words = RecordKind(fields.get("kind", 0)).name.lower().replace("_", " ")
    except ValueError:
        words = f"kind {fields.get('kind')}"
    reason = str(fields.get("reason", "")).replace("_", " ")
    if reason and reason != words:
        words += f": {reason}"
    actor, role, details = (_part(fields, name) for name in ("actor", "role", "details"))
    if "ref" in actor:
        words += f", by {_name(actor['ref'], named)}"
        words += f" as {_plain(role['name'])}" if role.get("name") else ""
    told = details.get("told")
    asked = [_reached(one, named) for one in told if isinstance(one, dict)] if isinstance(told, list) else []
    if asked:
        words += f", told {', '.join(asked)}"
    if "ref" in details:
        words += f", from {_reached(details, named)}"
    if "assignee" in details:
        words += f", to be done by {_name(details['assignee'], named)}"
    return words


def _reached(one: Mapping[str, Any], named: Mapping[str, str]) -> str:
    return f"{_name(one.get('ref'), named)} ({_plain(one.get('rung', 'asked'))})"


def _accountable(accountable: Mapping[str, Any], named: Mapping[str, str]) -> Iterator[str]:
    for when, words in (("before", "accountable"), ("after", "accountable from then on")):
        held = accountable.get(when)
        if isinstance(held, dict) and held:
            yield f"{words}: " + ", ".join(f"{_plain(role)} {_name(ref, named)}" for role, ref in held.items())


def _part(fields: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = fields.get(name)
    return part if isinstance(part, dict) else {}


def _name(ref: object, named: Mapping[str, str]) -> str:
    """Whom a pseudonym stands for; the security channel has none."""
    return "the security channel" if ref == "security_channel" else _inert(named.get(str(ref), str(ref)))


def _plain(word: object) -> str:
    """A role, or another word of ours, as people write it."""
    return _inert(str(word).replace("_", " "))


def _inert(text: str) -> str:
    """Harmless in a terminal, whatever it holds."""
    return "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in text)[:200]


def _moment(milliseconds: object) -> datetime:
    known = isinstance(milliseconds, int) and 0 <= milliseconds <= LATEST_MS
    return _START + timedelta(milliseconds=milliseconds if known and isinstance(milliseconds, int) else 0)
