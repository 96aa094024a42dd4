"""By when the records of a bundle were there, by clocks that are not the operator's."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from cryptography.x509 import Certificate

from storage.ledger.bundle import ANCHORS, BundleError
from storage.ledger.bundle_files import BundleFolder
from storage.ledger.bundle_trust import Trust, with_cosignatures
from storage.ledger.note import COSIGNATURE
from storage.ledger.timestamp import stamped_at, verify_timestamp
from storage.ledger.verdict import Bound


class Anchored(NamedTuple):
    """A line of ``anchors.jsonl``: a checkpoint that was brought somewhere, and what came back."""

    epoch: int
    size: int
    anchor: str
    file: str = ""
    receipt: str = ""


def anchors_in(folder: BundleFolder) -> Iterator[Anchored]:
    """Where checkpoints were brought to.

    Raises:
        BundleError: the file is not there, or has a line that says nothing clear.
    """
    for line in folder.lines(ANCHORS):
        try:
            one = Anchored(**json.loads(line))
        except (TypeError, ValueError, RecursionError) as error:
            raise BundleError(f"{ANCHORS} has a line that is no anchor") from error
        if not all(type(number) is int for number in one[:2]) or not all(type(text) is str for text in one[2:]):
            raise BundleError(f"{ANCHORS} has a line that is no anchor")
        yield one


def bound_by(one: Anchored, note: bytes, receipt: bytes, roots: Sequence[Certificate], trust: Trust) -> Bound | None:
    """Until when a checkpoint was made, and by whose word; None: nobody who is trusted says so.

    Args:
        note: the checkpoint as it was published; known to be of this log's history.
        receipt: what came back for it.

    Raises:
        TimestampError: the receipt is no time-stamp of it by a trusted authority, or none at all.
        NoteError: a trusted witness's cosignature is wrong.
    """
    if one.anchor.startswith("tsa:"):
        if not roots:
            stamped_at(receipt)
            return None
        stamp = verify_timestamp(receipt, note, roots)
        return Bound(one.epoch, one.size, stamp.at, f"the time-stamping authority {stamp.by}")
    signed = trust.is_signed(with_cosignatures(note, [receipt], trust.witnesses)) if trust.witnesses else None
    for key, at in () if signed is None else signed.signatures:
        if key.algorithm == COSIGNATURE and at is not None:
            return Bound(one.epoch, one.size, datetime.fromtimestamp(at, UTC), f"the witness {key.name}")
    return None
