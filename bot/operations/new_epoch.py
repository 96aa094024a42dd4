"""Going on after a restore that lost records for good: seal what is left, begin anew, and say so in record 0.

The lost records stay provable to whoever holds the old checkpoint; what is sealed stays readable and verifiable. The
new epoch is another log to everybody outside (another origin, another tree), since one log never disagrees with itself.
"""

from __future__ import annotations

from bot.errors import WhoseError
from bot.operations.publish_checkpoint import LogRefusedError, Publication, Publisher, compare
from storage.ledger.checkpoint import Checkpoint, origin_of, verify_checkpoint
from storage.ledger.log import Cited, head, lock, open_epoch
from storage.ledger.note import NoteError


class NewEpochError(WhoseError):
    """There is no reason, or no right, to open a new epoch."""


def new_epoch(publisher: Publisher, held: bytes, why: str) -> Publication:
    """Open the next epoch and publish its first checkpoint.

    Args:
        held: the newest checkpoint of the current epoch that anybody holds, a signed note; by custom the file of
            ``WHOSE_LEDGER_STATE``.
        why: what happened, in a person's own words.

    Raises:
        NewEpochError: nothing was lost, or the checkpoint is not this log's and this key's.
        LedgerStateError: the file with the last checkpoint cannot be used.
    """
    if not why.strip():
        raise NewEpochError("Say why a new epoch is opened: --why TEXT.")
    with publisher.database.write() as session:
        lock(session)
        now_at = head(session)
        assert now_at is not None, "it is locked"
        publisher.key.check_log(now_at.log)
        said = _verified(publisher, held, now_at.epoch)
        try:
            compare(session, publisher.key, now_at, held, publisher.state)
        except LogRefusedError:
            reason = "shrank" if said.size > now_at.size else "forked"
        else:
            raise NewEpochError(
                f"The log has all {said.size} records of that checkpoint, so nothing was lost and it simply goes on. "
                "See that --held names the newest checkpoint there is."
            )
        open_epoch(session, Cited(said.origin, said.size, said.root), why.strip(), reason, publisher.now)
    publication = publisher.publish()
    assert publication is not None, "there is a record now"
    return publication


def _verified(publisher: Publisher, held: bytes, epoch: int) -> Checkpoint:
    """The held checkpoint, of the current epoch and signed by the key in use."""
    origin = origin_of(publisher.key.name, epoch)
    try:
        said = verify_checkpoint(held, [publisher.key.verifier(epoch)]).checkpoint
    except NoteError as error:
        raise NewEpochError(
            f"--held is not a checkpoint of this log that the key in use has signed: {error}."
        ) from None
    if said.origin != origin:
        raise NewEpochError(f"--held is a checkpoint of {said.origin!r}; one of {origin!r} is needed.")
    return said
