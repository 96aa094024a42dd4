"""Handing the ledger on to a new key. The old one vouches for it twice: in the log, and on the checkpoint over that
record, which both keys sign. Whoever trusted the old key can follow; from then on the new one signs alone."""

from __future__ import annotations

from bot.errors import WhoseError
from bot.operations.ledger_key import LedgerKey
from bot.operations.publish_checkpoint import Publication, Publisher
from storage.ledger.log import append, head, log_id
from storage.ledger.record import Entry, RecordKind


class RotationError(WhoseError):
    """The new key cannot take over."""


def rotate_key(publisher: Publisher, new: LedgerKey) -> Publication:
    """Record the change of keys and publish a checkpoint that both sign. May be run again after a failure.

    Args:
        publisher: with the key in use.
        new: the key that takes over; of the same log, and so of the same name.

    Raises:
        RotationError: the new key is the old one, or another log's.
        LogRefusedError: the log is not what was published before.
        LedgerStateError: the file with the last checkpoint cannot be used.
    """
    old = publisher.key
    if new.name != old.name:
        raise RotationError(
            f"The new key is named {new.name!r} and the one in use {old.name!r}. A log keeps its name: "
            "make the new key with `whose ledger keygen` on this database and with the same --name."
        )
    if new.verifier(0) == old.verifier(0):
        raise RotationError("The new key is the one in use. Make another one: whose ledger keygen --out FILE")
    publisher.publish()  # refuses before anything is recorded
    with publisher.database.write() as session:
        old.check_log(log_id(session))
        now_at = head(session)
        epoch = 0 if now_at is None else now_at.epoch
        details = {"old": str(old.verifier(epoch)), "new": str(new.verifier(epoch))}
        append(session, [Entry(RecordKind.KEY_ROTATED, "key_rotated", details=details)], publisher.now)
    publication = publisher.publish(also_by=new)
    assert publication is not None, "there is a record now"
    return publication
