"""Checkpoints in a chat channel, where many people have seen them. A convenience: whoever runs the workspace may
delete messages, but not what people remember or mailed on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from bot.operations.anchor_checkpoints import Submission
from storage.database import Database
from storage.ledger.checkpoint import read_checkpoint
from storage.outbox_enqueue import WHENEVER, enqueue

CARD = "checkpoint"


@dataclass(frozen=True)
class ChatAnchor:
    """``chat:#channel``"""

    name: str
    database: Database
    now: Callable[[], datetime]
    lane: str
    channel: str

    def submit(self, submission: Submission) -> bytes:
        """Put the message into the outbox, which sees to it that it arrives once; the receipt is its cause there."""
        checkpoint, at = submission.checkpoint, self.now()
        said, _ = read_checkpoint(checkpoint.note)
        key = f"checkpoint:{self.channel}:{said.origin}:{checkpoint.size}"
        with self.database.write() as session:
            enqueue(
                session,
                dedupe_key=key,
                card=CARD,
                lane=self.lane,
                channel=self.channel,
                not_before=at,
                created_at=at,
                params={"note": checkpoint.note.decode(), "size": checkpoint.size},
                priority=WHENEVER,
            )
        return key.encode()
