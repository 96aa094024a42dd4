"""Looking after the work itself: what is amiss is told to the operators' channel, once a kind and day."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from bot.operations.context import Context
from bot.operations.measure import Measures
from bot.rules.watchdog import JobState, Signs, Trouble
from messages.wording import watching
from storage.outbox_enqueue import URGENT, enqueue

logger = logging.getLogger(__name__)

CARD: Final = "trouble"
SETTLING: Final = timedelta(minutes=15)
"""After a start: what lay still while nobody worked gets so long to be worked off before anybody is told."""
_MOST_NAMES = 10


def signs_of(found: Measures, jobs: Sequence[JobState], *, is_signed: bool) -> Signs:
    """What the rule looks at, from what was measured.

    Args:
        is_signed: whether there is a key that signs the ledger.
    """
    unknown = found.outbox["unknown"]
    undelivered: dict[str, int] = {}
    for one in found.undelivered:
        undelivered[one.error] = undelivered.get(one.error, 0) + one.number
    return Signs(
        at=found.at,
        steps_missed=found.steps_missed,
        late_messages=found.late_messages,
        unknown=unknown.number,
        unknown_since=unknown.oldest,
        undelivered=undelivered,
        checkpoint_at=found.checkpoint_at,
        unsigned=found.unsigned,
        anchors_waiting={
            name: status.waiting_since for name, status in found.anchors.items() if status.waiting_since is not None
        },
        jobs=jobs,
        is_signed=is_signed,
    )


def tell_operators(ctx: Context, channel: str, found: Sequence[Trouble]) -> int:
    """Put a message for each kind of trouble into the outbox that was not told of today (UTC), and log it; returns how
    many were new.

    Args:
        channel: name or id.
    """
    now = ctx.now()
    told = []
    with ctx.database.write() as session:
        for one in found:
            # The channel too: where the first one could not be reached, another one is told the same day.
            new = enqueue(
                session,
                dedupe_key=f"trouble:{one.kind.value}:{now.date().isoformat()}:{channel}",
                card=CARD,
                lane=ctx.lane,
                channel=channel,
                not_before=now,
                created_at=now,
                params={"kind": one.kind.value, "number": one.number, "about": list(one.about[:_MOST_NAMES])},
                priority=URGENT,
            )
            told += [one] if new else []
    for one in told:
        said = watching.said(one.kind.value, one.number, one.about)
        logger.error("%s %s", said, watching.advice(one.kind.value), extra={"trouble": one.kind.value})
    return len(told)
