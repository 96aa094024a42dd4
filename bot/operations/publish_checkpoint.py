"""Signing the state of the log for others to keep, and refusing to where it is not what was signed before.

Only committed state is signed, and only after it was compared with the checkpoint that was published last, which is
kept outside of the database (``WHOSE_LEDGER_STATE``): a log signs no two checkpoints that disagree (C2SP
tlog-checkpoint). The order is: compare, sign, keep the note on the disk, keep it in the database with a row for each
anchor. Whoever sees a checkpoint, sees one that the next comparison knows.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import select
from sqlmodel import Session

from bot.errors import WhoseError
from bot.operations.ledger_key import LedgerKey
from bot.operations.ledger_state import alone, read_state, write_state
from storage.database import Database, table_of
from storage.ledger.checkpoint import Checkpoint, origin_of, read_checkpoint, sign_checkpoint, verify_checkpoint
from storage.ledger.log import Head, LedgerLeaf, head, opening_of
from storage.ledger.nodes import DatabaseHashes
from storage.ledger.note import NoteError
from storage.ledger.proofs import ProofError, consistency_proof, subtree_root, verify_consistency
from storage.ledger.published import Published, checkpoint_of, keep_checkpoint, latest_checkpoint, queue_anchors
from storage.ledger.record import RecordKind

logger = logging.getLogger(__name__)

EVERY = timedelta(hours=1)
"""How long a record waits at most for a checkpoint that covers it."""

#: Kinds that do not wait: what they record must soon be beyond anybody's reach.
AT_ONCE = (
    RecordKind.OWNERSHIP_CHANGED,
    RecordKind.REMEDIATION_OPENED,
    RecordKind.REMEDIATION_AGREED,  # a second person's word, before what it allows cannot be undone
    RecordKind.REMEDIATION_RESULT,
    RecordKind.OFFBOARDING,
    RecordKind.EMERGENCY_ACCESS,
    RecordKind.DEFAULT_ACTION,
    RecordKind.EPOCH_OPENED,
    RecordKind.KEY_ROTATED,
    RecordKind.PERSON_ERASED,
)

_LEAF = table_of(LedgerLeaf)
_WHAT_NOW = (
    "Nothing was signed. Find out what happened first: a backup that was restored, or somebody who changed the "
    "database? `whose ledger verify` looks at every record. If records were lost for good, go on in a new epoch that "
    "says so: whose ledger new-epoch --held {held} --why TEXT"
)


class LogRefusedError(WhoseError):
    """The log is not what was published before, so nothing is signed."""

    exit_code = 1


@dataclass(frozen=True, slots=True)
class Publication:
    """A checkpoint, and whether it is a new one; False: the log has not grown since."""

    checkpoint: Published
    is_new: bool


@dataclass
class Publisher:
    """Publishes the checkpoints of one log. ``refused`` and ``last_refusal`` are for whoever watches."""

    database: Database
    now: Callable[[], datetime]
    key: LedgerKey
    state: Path
    anchors: Sequence[str] = ()
    published: int = 0
    refused: int = 0
    last_refusal: str = ""

    def publish(self, *, also_by: LedgerKey | None = None) -> Publication | None:
        """Publish the log as it is now; None: it has no records.

        Args:
            also_by: a second key of the same log to sign with, when keys change.

        Raises:
            LogRefusedError: the log shrank, forked, or is not this key's.
            LedgerStateError: the file with the last checkpoint cannot be used.
        """
        return self._publish(due=lambda _session, _head, _last: True, also_by=also_by)

    def publish_if_due(self) -> Publication | None:
        """Compare, and publish where records wait too long or must not wait; None: nothing is due.

        Raises:
            LogRefusedError: the log shrank, forked, or is not this key's.
            LedgerStateError: the file with the last checkpoint cannot be used.
        """
        return self._publish(due=self._is_due, also_by=None)

    def _publish(
        self, *, due: Callable[[Session, Head, Published | None], bool], also_by: LedgerKey | None
    ) -> Publication | None:
        with alone(self.state):
            held = read_state(self.state)
            with self.database.read() as session:
                now_at = head(session)
                if now_at is None or (now_at.size == 0 and held is None):
                    return None
                last = latest_checkpoint(session)
                if held is None and last is not None:
                    logger.warning("%s is not there; comparing with the database's own copy", self.state)
                self._compare(session, now_at, last.note if held is None and last is not None else held)
                if not due(session, now_at, last):
                    return None
            if held is not None and _says(held, now_at, self.key):
                return self._keep(now_at, held, is_new=False)
            note = self._sign(now_at, also_by)
            write_state(self.state, note)
            self.published += 1
            return self._keep(now_at, note, is_new=True)

    def _compare(self, session: Session, now_at: Head, held: bytes | None) -> None:
        try:
            compare(session, self.key, now_at, held, self.state)
        except LogRefusedError as error:
            self.refused += 1
            self.last_refusal = str(error)
            logger.error(
                "the ledger is not signed: %s",
                error,
                extra={"log": now_at.log, "epoch": now_at.epoch, "size": now_at.size, "refused": self.refused},
            )
            raise

    def _is_due(self, session: Session, now_at: Head, last: Published | None) -> bool:
        if last is None or last.epoch != now_at.epoch:
            return now_at.size > 0
        if last.size >= now_at.size:
            return False
        return self.now() - last.published_at >= EVERY or _must_not_wait(session, now_at.epoch, last.size)

    def _sign(self, now_at: Head, also_by: LedgerKey | None) -> bytes:
        signers = [one.signer(now_at.epoch) for one in (self.key, also_by) if one is not None]
        return sign_checkpoint(Checkpoint(signers[0].name, now_at.size, now_at.root), signers)

    def _keep(self, now_at: Head, note: bytes, *, is_new: bool) -> Publication:
        checkpoint = Published(now_at.epoch, now_at.size, now_at.root, note, self.now())
        with self.database.write() as session:
            if not keep_checkpoint(session, checkpoint, self.anchors):
                checkpoint = checkpoint_of(session, now_at.epoch, now_at.size) or checkpoint
                queue_anchors(session, checkpoint, self.anchors)
        return Publication(checkpoint, is_new)


def compare(session: Session, key: LedgerKey, now_at: Head, held: bytes | None, where: Path) -> None:
    """See that the log continues the checkpoint that was published last.

    Args:
        held: that checkpoint, a signed note; None: there was none yet.
        where: the file that it is kept in, to be named in the error.

    Raises:
        LogRefusedError: it does not, or the checkpoint is not this log's and this key's.
    """
    key.check_log(now_at.log)
    advice = _WHAT_NOW.format(held=where)
    try:
        reader = DatabaseHashes(session, now_at.epoch, now_at.size)
        if subtree_root(reader, 0, now_at.size) != now_at.root:
            raise LogRefusedError(f"The root in the head of the log is not that of its {now_at.size} records. {advice}")
        if held is None:
            return
        epoch, last = _read_held(key, now_at, held, where)
        if epoch < now_at.epoch:
            _check_opening(session, epoch, last, advice)
            return
        if last.size > now_at.size:
            raise LogRefusedError(
                f"The log shrank: {last.size} records were published, and it has {now_at.size}. {advice}"
            )
        proof = consistency_proof(reader, last.size, now_at.size)
        verify_consistency(last.size, last.root, now_at.size, now_at.root, proof)
    except ProofError as error:
        raise LogRefusedError(f"The log forked: {error}. {advice}") from None


def _read_held(key: LedgerKey, now_at: Head, held: bytes, where: Path) -> tuple[int, Checkpoint]:
    """The held checkpoint and its epoch, verified by the key in use."""
    try:
        said, note = read_checkpoint(held)
        epoch = next((one for one in range(now_at.epoch + 1) if origin_of(key.name, one) == said.origin), None)
        if epoch is None:
            raise LogRefusedError(
                f"{where} holds a checkpoint of {said.origin!r}, and this database holds {key.name!r} up to epoch "
                f"{now_at.epoch}. Nothing was signed. See that DATABASE_URL and WHOSE_LEDGER_STATE belong together."
            )
        last = verify_checkpoint(held, [key.verifier(epoch)]).checkpoint
        if note.signatures[-1].key_id != key.verifier(epoch).key_id:
            raise LogRefusedError(
                "The ledger was handed on to another key, which signs alone from now on. Nothing was signed. "
                "Have WHOSE_LEDGER_KEY_FILE (or WHOSE_LEDGER_KEY) name that one, and start Whose again."
            )
        return epoch, last
    except NoteError as error:
        raise LogRefusedError(
            f"{where} does not hold a checkpoint that the key in use has signed: {error}. Nothing was signed. "
            "A new key takes over with: whose ledger rotate-key NEW"
        ) from None


def _check_opening(session: Session, epoch: int, last: Checkpoint, advice: str) -> None:
    """The epoch after the held checkpoint's must cite it, or a later one of the same epoch."""
    cited = opening_of(session, epoch + 1)
    if cited is None or cited.size < last.size or (cited.size == last.size and cited.root != last.root):
        raise LogRefusedError(
            f"Epoch {epoch + 1} was opened without the {last.size} records that were published before. {advice}"
        )


def _must_not_wait(session: Session, epoch: int, from_seq: int) -> bool:
    kinds = [int(kind) for kind in AT_ONCE]
    query = select(_LEAF.c.seq).where(_LEAF.c.epoch == epoch, _LEAF.c.seq >= from_seq, _LEAF.c.kind.in_(kinds))
    return session.connection().execute(query.limit(1)).first() is not None


def _says(note: bytes, now_at: Head, key: LedgerKey) -> bool:
    """Whether a note (verified before) is about this very state."""
    said, _ = read_checkpoint(note)
    return said == Checkpoint(origin_of(key.name, now_at.epoch), now_at.size, now_at.root)
