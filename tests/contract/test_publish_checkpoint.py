"""What is signed, what is refused, how keys change and how a log goes on after a loss. On both databases."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from bot.operations.doctor_ledger import ledger_is_signed
from bot.operations.ledger_key import LedgerKeyError, new_key
from bot.operations.new_epoch import NewEpochError, new_epoch
from bot.operations.publish_checkpoint import EVERY, LogRefusedError, Publisher
from bot.operations.rotate_key import RotationError, rotate_key
from storage.database import Database
from storage.ledger.checkpoint import Checkpoint, origin_of, read_checkpoint, sign_checkpoint, verify_checkpoint
from storage.ledger.log import append, head, leaves, open_epoch, opening_of
from storage.ledger.nodes import inclusion_proof
from storage.ledger.proofs import verify_inclusion
from storage.ledger.published import checkpoint_over, checkpoints, latest_checkpoint
from storage.ledger.record import Entry, RecordKind
from tests.contract.ledger_kit import Backup, add, asked, keeper, verified, verify, without_triggers
from tests.servers.fake_clock import FakeClock

HOUR = timedelta(hours=1)


@pytest.fixture
def publisher(database: Database, clock: FakeClock, tmp_path: Path) -> Publisher:
    return keeper(database, clock, tmp_path)


def published(publisher: Publisher) -> tuple[int, int]:
    """``(epoch, size)`` of what is published now."""
    publication = publisher.publish()
    assert publication is not None
    return publication.checkpoint.epoch, publication.checkpoint.size


# ------------------------------------------------------------------ what is signed, and when


def test_nothing_is_signed_before_the_first_record(publisher: Publisher) -> None:
    assert publisher.publish() is None
    assert publisher.publish_if_due() is None
    assert not publisher.state.exists()


def test_a_checkpoint_is_kept_outside_and_inside(publisher: Publisher, clock: FakeClock) -> None:
    add(publisher.database, clock, count=5)
    publication = publisher.publish()
    assert publication is not None
    assert publication.is_new
    note = publication.checkpoint.note
    assert publisher.state.read_bytes() == note
    with publisher.database.read() as session:
        kept, state = latest_checkpoint(session), head(session)
    assert kept == publication.checkpoint
    assert state is not None
    said = verified(publisher, note)
    assert (said.origin, said.size, said.root) == (f"example.com/{state.log}", 5, state.root)
    again = publisher.publish()
    assert again is not None
    assert (again.is_new, again.checkpoint) == (False, kept)


def test_every_checkpoint_proves_its_records(publisher: Publisher, clock: FakeClock) -> None:
    for count in (3, 250, 10):
        add(publisher.database, clock, count=count)
        publisher.publish()
    with publisher.database.read() as session:
        kept = list(checkpoints(session, 0))
        assert [one.size for one in kept] == [3, 253, 263]
        covering = checkpoint_over(session, 0, 100)
        assert covering == kept[1]
        record = next(leaves(session, after_seq=99))
        verify_inclusion(record.leaf_hash, 100, 253, inclusion_proof(session, 100, 253), covering.root)


def test_only_committed_records_are_signed(publisher: Publisher, clock: FakeClock) -> None:
    add(publisher.database, clock, count=2)
    with publisher.database.write() as session:
        append(session, [asked()], clock.now)
        with publisher.database.read() as reader:
            seen = head(reader)
    assert seen is not None
    assert seen.size == 2
    assert published(publisher) == (0, 3)


def test_records_wait_for_an_hour_at_most(publisher: Publisher, clock: FakeClock) -> None:
    add(publisher.database, clock, count=1)
    assert publisher.publish_if_due() is not None
    assert publisher.publish_if_due() is None
    clock.advance(2 * HOUR)
    assert publisher.publish_if_due() is None  # nothing was recorded
    publisher.publish()
    add(publisher.database, clock, Entry(RecordKind.ASKED, "reminder", token_id=1))
    clock.advance(EVERY - timedelta(seconds=1) - 2 * HOUR)
    assert publisher.publish_if_due() is None
    clock.advance(2 * HOUR)
    assert publisher.publish_if_due() is not None


@pytest.mark.parametrize(
    "kind",
    [
        RecordKind.OWNERSHIP_CHANGED,
        RecordKind.REMEDIATION_OPENED,
        RecordKind.REMEDIATION_AGREED,
        RecordKind.REMEDIATION_RESULT,
        RecordKind.OFFBOARDING,
        RecordKind.EMERGENCY_ACCESS,
    ],
    ids=lambda kind: kind.name.lower(),
)
def test_what_gives_or_ends_access_does_not_wait(publisher: Publisher, clock: FakeClock, kind: RecordKind) -> None:
    add(publisher.database, clock, count=1)
    publisher.publish()
    add(publisher.database, clock, Entry(kind, "revoke", token_id=1), asked())
    publication = publisher.publish_if_due()
    assert publication is not None
    assert publication.checkpoint.size == 3


def test_a_checkpoint_that_only_the_file_knows_is_kept_after_all(publisher: Publisher, clock: FakeClock) -> None:
    """The process died after the file was written and before the database was."""
    add(publisher.database, clock, count=4)
    publisher.publish()
    without_triggers(publisher.database)
    with publisher.database.write() as session:
        session.connection().execute(text("DELETE FROM ledger_checkpoint"))
    publication = publisher.publish_if_due()
    assert publication is not None
    assert not publication.is_new
    with publisher.database.read() as session:
        assert latest_checkpoint(session) is not None


# ------------------------------------------------------------------ what is refused


def _drop_the_last(database: Database) -> None:
    """Truncate as somebody would who owns the database: with a head that fits."""
    from storage.ledger.merkle import Frontier

    with database.write() as session:
        connection = session.connection()
        connection.execute(text("DELETE FROM ledger_leaf WHERE seq >= 4"))
        frontier = Frontier()
        for (hashed,) in connection.execute(text("SELECT leaf_hash FROM ledger_leaf ORDER BY seq")):
            frontier.append(bytes(hashed))
        values = {"size": 4, "root": frontier.root(), "frontier": frontier.to_bytes()}
        connection.execute(text("UPDATE ledger_head SET size = :size, root = :root, frontier = :frontier"), values)


def _rewrite(database: Database) -> None:
    """Another record in the place of record 2, and a tree that fits."""
    from storage.ledger.merkle import Frontier, leaf_hash

    with database.write() as session:
        connection = session.connection()
        connection.execute(
            text("UPDATE ledger_leaf SET body = :body, leaf_hash = :hashed WHERE seq = 2"),
            {"body": b"{}", "hashed": leaf_hash(b"{}")},
        )
        frontier = Frontier()
        for (hashed,) in connection.execute(text("SELECT leaf_hash FROM ledger_leaf ORDER BY seq")):
            frontier.append(bytes(hashed))
        values = {"root": frontier.root(), "frontier": frontier.to_bytes()}
        connection.execute(text("UPDATE ledger_head SET root = :root, frontier = :frontier"), values)


@pytest.mark.parametrize(
    ("attack", "said"), [(_drop_the_last, "shrank: 6 records were published, and it has 4"), (_rewrite, "forked")]
)
def test_a_log_that_is_not_what_was_signed_is_refused(
    publisher: Publisher,
    clock: FakeClock,
    caplog: pytest.LogCaptureFixture,
    attack: Callable[[Database], None],
    said: str,
) -> None:
    add(publisher.database, clock, count=6)
    publisher.publish()
    kept = publisher.state.read_bytes()
    without_triggers(publisher.database)
    attack(publisher.database)
    for grown in (False, True):
        if grown:
            without_triggers(publisher.database)
            add(publisher.database, clock, Entry(RecordKind.POLICY_CHANGED, "more"))
        with caplog.at_level(logging.ERROR), pytest.raises(LogRefusedError, match=said.replace("4", "[45]")):
            publisher.publish_if_due()
    assert LogRefusedError.exit_code == 1
    assert publisher.refused == 2
    assert "Nothing was signed" in publisher.last_refusal
    assert "the ledger is not signed" in caplog.text
    assert publisher.state.read_bytes() == kept
    findings = list(ledger_is_signed(publisher.database, publisher.key, publisher.state, clock.now()))
    assert [one.level for one in findings] == ["wrong"]


def test_a_log_that_shrank_and_grew_again_is_refused(publisher: Publisher, clock: FakeClock) -> None:
    add(publisher.database, clock, count=3)
    backup = Backup(publisher.database)
    add(publisher.database, clock, count=3)
    publisher.publish()
    backup.restore()
    with pytest.raises(LogRefusedError, match="shrank"):
        publisher.publish()
    add(publisher.database, clock, count=9)
    with pytest.raises(LogRefusedError, match="forked"):
        publisher.publish()


def test_a_head_that_lies_about_its_records_is_refused(publisher: Publisher, clock: FakeClock) -> None:
    add(publisher.database, clock, count=3)
    with publisher.database.write() as session:
        session.connection().execute(text("UPDATE ledger_head SET root = :root"), {"root": bytes(32)})
    with pytest.raises(LogRefusedError, match="root"):
        publisher.publish()


def test_a_damaged_or_foreign_file_is_refused(publisher: Publisher, clock: FakeClock, tmp_path: Path) -> None:
    add(publisher.database, clock, count=3)
    publisher.publish()
    good = publisher.state.read_bytes()
    for bad in (b"", b"nonsense\n", good[:-5], good.replace(b"\n3\n", b"\n2\n"), good * 2):
        publisher.state.write_bytes(bad)
        with pytest.raises(LogRefusedError, match="does not hold a checkpoint"):
            publisher.publish()
    publisher.state.write_bytes(good.replace(b"example.com/", b"example.org/"))
    with pytest.raises(LogRefusedError, match="belong together"):
        publisher.publish()


def test_another_logs_key_signs_nothing(publisher: Publisher, clock: FakeClock) -> None:
    add(publisher.database, clock, count=3)
    publisher.key = new_key("0" * 32, "example.com")
    with pytest.raises(LedgerKeyError, match="the log in this database"):
        publisher.publish()


def test_without_the_file_the_databases_own_copy_is_compared(publisher: Publisher, clock: FakeClock) -> None:
    add(publisher.database, clock, count=6)
    publisher.publish()
    publisher.state.unlink()
    levels = [one.level for one in ledger_is_signed(publisher.database, publisher.key, publisher.state, clock.now())]
    assert levels == ["look", "ok"]
    without_triggers(publisher.database)
    _drop_the_last(publisher.database)
    with pytest.raises(LogRefusedError, match="shrank"):
        publisher.publish()


# ------------------------------------------------------------------ keys change


def test_both_keys_sign_the_switch_and_then_only_the_new_one(
    publisher: Publisher, clock: FakeClock, tmp_path: Path
) -> None:
    add(publisher.database, clock, count=3)
    publisher.publish()
    old = publisher.key
    new = new_key(old.name.rpartition("/")[2], "example.com")
    stranger = keeper(publisher.database, clock, tmp_path, key=new)
    with pytest.raises(LogRefusedError, match="rotate-key"):
        stranger.publish()  # not before it was handed on
    publication = rotate_key(publisher, new)
    for key in (old, new):
        signed = verify_checkpoint(publication.checkpoint.note, [old.verifier(0), new.verifier(0)])
        assert key.verifier(0) in [one.key for one in signed.signatures]
    with publisher.database.read() as session:
        [record] = [one for one in leaves(session) if one.kind is RecordKind.KEY_ROTATED]
    assert record.fields["details"] == {"old": str(old.verifier(0)), "new": str(new.verifier(0))}
    add(publisher.database, clock, count=1)
    with pytest.raises(LogRefusedError, match="handed on"):
        publisher.publish()
    assert published(stranger) == (0, 5)
    assert verify(publisher.database).ok


def test_a_key_cannot_be_handed_to_itself_or_to_another_log(publisher: Publisher, clock: FakeClock) -> None:
    add(publisher.database, clock, count=1)
    for key in (publisher.key, new_key("0" * 32, "example.com"), new_key(publisher.key.name[-32:], "example.org")):
        with pytest.raises(RotationError):
            rotate_key(publisher, key)


# ------------------------------------------------------------------ a loss, and going on


def test_after_a_loss_the_log_goes_on_in_a_new_epoch(publisher: Publisher, clock: FakeClock) -> None:
    add(publisher.database, clock, count=300)
    backup = Backup(publisher.database)
    add(publisher.database, clock, count=20)
    publisher.publish()
    held = publisher.state.read_bytes()
    backup.restore()
    with pytest.raises(LogRefusedError):
        publisher.publish()
    publication = new_epoch(publisher, held, "Restored from the backup of 3 May.")
    said = verified(publisher, publication.checkpoint.note, 1)
    assert (said.origin, said.size) == (origin_of(publisher.key.name, 1), 1)
    with publisher.database.read() as session:
        [opening] = list(leaves(session, epoch=1))
        cited = opening_of(session, 1)
        state, sealed = head(session), head(session, 0)
    old, _ = read_checkpoint(held)
    assert cited == (old.origin, 320, old.root)
    assert sealed is not None
    assert state is not None
    assert (sealed.size, state.epoch, state.size, state.log) == (300, 1, 1, sealed.log)
    assert opening.kind is RecordKind.EPOCH_OPENED
    assert (opening.fields["epoch"], opening.fields["seq"], opening.fields["reason"]) == (1, 0, "shrank")
    assert opening.fields["details"]["sealed"] == {"epoch": 0, "size": 300, "root": sealed.root.hex()}
    assert opening.disclosures == {"why": "Restored from the backup of 3 May."}
    # Token chains begin anew, and a token's records are read across epochs.
    [first, second] = add(publisher.database, clock, asked(1), asked(1))
    assert (first.seq, first.token_seq, second.token_seq) == (1, 0, 1)
    add(publisher.database, clock, count=600)
    with publisher.database.read() as session:
        epochs = [record.epoch for record in leaves(session, token_id=1)]
        assert sorted(set(epochs)) == [0, 1]
        assert epochs == sorted(epochs)
        assert [record.seq for record in leaves(session, epoch=1, after_seq=600)] == [601, 602]
    assert published(publisher) == (1, 603)
    verdict = verify(publisher.database)
    assert verdict.findings == ()
    assert (verdict.epoch, verdict.size) == (1, 603)


def test_a_fork_is_answered_by_a_new_epoch_too(publisher: Publisher, clock: FakeClock) -> None:
    add(publisher.database, clock, count=3)
    backup = Backup(publisher.database)
    add(publisher.database, clock, count=2)
    publisher.publish()
    held = publisher.state.read_bytes()
    backup.restore()
    add(publisher.database, clock, Entry(RecordKind.POLICY_CHANGED, "x"), *[asked()] * 5)
    new_epoch(publisher, held, "A clone took over.")
    with publisher.database.read() as session:
        assert next(leaves(session, epoch=1)).fields["reason"] == "forked"
    assert verify(publisher.database).ok


def test_no_epoch_is_opened_without_a_loss(publisher: Publisher, clock: FakeClock) -> None:
    add(publisher.database, clock, count=3)
    publisher.publish()
    held = publisher.state.read_bytes()
    add(publisher.database, clock, count=3)
    for note, why, said in (
        (held, "just so", "nothing was lost"),
        (held, " ", "Say why"),
        (b"x", "why", "--held is not"),
    ):
        with pytest.raises(NewEpochError, match=said):
            new_epoch(publisher, note, why)
    stranger = new_key(publisher.key.name[-32:], "example.com").signer(0)
    forged = sign_checkpoint(Checkpoint(stranger.name, 9, bytes(32)), [stranger])
    with pytest.raises(NewEpochError, match="has signed"):
        new_epoch(publisher, forged, "forged")
    with publisher.database.read() as session:
        state = head(session)
    assert state is not None
    assert (state.epoch, state.size) == (0, 6)


def test_an_epoch_that_hides_what_was_published_is_refused(publisher: Publisher, clock: FakeClock) -> None:
    """Somebody opens an epoch citing an older checkpoint than the one that is held."""
    add(publisher.database, clock, count=2)
    publisher.publish()
    old, _ = read_checkpoint(publisher.state.read_bytes())
    add(publisher.database, clock, count=2)
    publisher.publish()
    with publisher.database.write() as session:
        from storage.ledger.log import Cited

        open_epoch(session, Cited(old.origin, old.size, old.root), "", "shrank", clock.now)
    with pytest.raises(LogRefusedError, match="opened without the 4 records"):
        publisher.publish()


def test_a_second_loss_is_a_third_epoch(publisher: Publisher, clock: FakeClock) -> None:
    add(publisher.database, clock, count=3)
    backups = []
    for _ in range(2):
        backups.append(Backup(publisher.database))
        add(publisher.database, clock, count=2)
        publisher.publish()
        held = publisher.state.read_bytes()
        backups[-1].restore()
        new_epoch(publisher, held, "again")
    assert published(publisher) == (2, 1)
    assert verify(publisher.database).findings == ()
    # A backup of before the newest epoch is noticed as well.
    backups[1].restore()
    with pytest.raises(LogRefusedError, match="belong together"):
        publisher.publish()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger_head SET sealed_at = NULL WHERE epoch = 0",
        "UPDATE ledger_head SET size = 2 WHERE epoch = 0",
        "DELETE FROM ledger_head WHERE epoch = 0",
        "DELETE FROM ledger_leaf WHERE epoch = 0 AND seq = 2",
        "UPDATE ledger_head SET log = 'x' WHERE epoch = 1",
        "UPDATE ledger_leaf SET epoch = 0, seq = 3 WHERE epoch = 1 AND seq = 1",
    ],
)
def test_every_change_between_epochs_is_found(publisher: Publisher, clock: FakeClock, statement: str) -> None:
    add(publisher.database, clock, count=3)
    backup = Backup(publisher.database)
    add(publisher.database, clock, count=2)
    publisher.publish()
    backup.restore()
    new_epoch(publisher, publisher.state.read_bytes(), "lost")
    add(publisher.database, clock, Entry(RecordKind.POLICY_CHANGED, "x"))
    assert verify(publisher.database).ok
    with publisher.database.write() as session:
        session.connection().execute(text(statement))
    assert not verify(publisher.database).ok
