"""What a verified bundle says about one token: the auditor's question, answered from the records alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from storage.ledger.bundle_records import is_about, read_record
from storage.ledger.kinds import RecordKind
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
        written = f"written by {shown_moment(bound.at)}" if bound else "no date but the operator's own"
        later = "; recorded later than the moment you asked about" if at is not None and recorded > at else ""
        yield f"{shown_moment(recorded)}  record {seq}: {_said(fields, named)} ({written}{later})"
    if not found:
        yield f"No record here is about {token!r}" + (f" by {shown_moment(at)}." if at else ".")


def _said(fields: Mapping[str, Any], named: Mapping[str, str]) -> str:
    try:
        words = [RecordKind(fields.get("kind", 0)).name.lower().replace("_", " ")]
    except ValueError:
        words = [f"kind {fields.get('kind')}"]
    if fields.get("reason"):
        words.append(f"({fields['reason']})")
    actor, role = fields.get("actor"), fields.get("role")
    if isinstance(actor, dict) and "ref" in actor:
        words.append(f"by {_name(actor['ref'], named)}")
        if isinstance(role, dict) and role.get("name"):
            words.append(f"as {str(role['name']).replace('_', ' ')}")
    details = fields.get("details")
    told = details.get("told") if isinstance(details, dict) else None
    asked = [_name(one["ref"], named) for one in told or () if isinstance(one, dict) and "ref" in one]
    if asked:
        words.append("to " + ", ".join(asked))
    accountable = fields.get("accountable")
    for when in ("before", "after"):
        held = accountable.get(when) if isinstance(accountable, dict) else None
        if isinstance(held, dict) and held:
            holders = ", ".join(f"{role.replace('_', ' ')} {_name(ref, named)}" for role, ref in held.items())
            words.append(f"; accountable {when}: {holders}")
    return " ".join(words).replace(" ;", ";")


def _name(ref: object, named: Mapping[str, str]) -> str:
    """Harmless in a terminal, whatever it holds."""
    text = named.get(str(ref), str(ref))
    return "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in text)[:200]


def _moment(milliseconds: object) -> datetime:
    return _START + timedelta(milliseconds=milliseconds if isinstance(milliseconds, int) else 0)
