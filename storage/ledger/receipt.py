"""The time in what an anchor answered, read to be shown.

Whether it holds is checked when the answer comes, and again by whoever verifies a bundle.
"""

from __future__ import annotations

from datetime import UTC, datetime

from storage.ledger.note import TIME_BYTES, NoteError, NoteSignature
from storage.ledger.timestamp import TimestampError, stamped_at

DATED = ("tsa", "witness")
"""The kinds of anchor with a clock of their own; a folder and a chat have none that a reader could trust."""


def dated(anchor: str, receipt: bytes) -> datetime | None:
    """When an anchor says it kept a checkpoint, UTC, with nothing verified; None: it does not say, or not legibly.

    Args:
        anchor: its name, as in ``WHOSE_ANCHORS``.
        receipt: a time-stamp reply in DER, or a witness's signature lines (C2SP tlog-cosignature: the time goes
            before the signature).
    """
    try:
        if anchor.startswith("tsa:"):
            return stamped_at(receipt)
        if anchor.startswith("witness:"):
            line = receipt.decode().partition("\n")[0]
            seconds = int.from_bytes(NoteSignature.parse(line).signature[:TIME_BYTES], "big")
            return datetime.fromtimestamp(seconds, UTC)
    except (TimestampError, NoteError, ValueError, OverflowError, OSError):
        return None  # shown as not dated; what is wrong with it, verifying says
    return None
