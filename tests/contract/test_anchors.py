"""What anchors take, what they answer, and that nothing waits for one that is away."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bot.anchors import Surroundings, anchors_of, names_of
from bot.anchors.rfc3161 import TimestampAnchor
from bot.anchors.witness import WitnessAnchor
from bot.errors import SettingsError
from bot.operations.anchor_checkpoints import LONGEST, Anchor, AnchorError, AnchorReport, Submission, anchor_checkpoints
from bot.operations.doctor_ledger import anchors_hold
from bot.operations.publish_checkpoint import Publisher
from bot.settings import load_settings
from storage.database import Database
from storage.ledger.checkpoint import add_cosignatures, verify_checkpoint
from storage.ledger.note import VerifierKey
from storage.ledger.published import Published, receipts, status_of_anchor
from storage.outbox import OUTBOX
from tests.contract.ledger_kit import add, keeper
from tests.servers.fake_clock import FakeClock
from tests.servers.witness import Reply, TimestampAuthority, Witness, serving


class Stage:
    """A published log and one anchor."""

    def __init__(self, database: Database, clock: FakeClock, folder: Path) -> None:
        self.database, self.clock, self.folder = database, clock, folder
        self.publisher: Publisher = keeper(database, clock, folder)
        self.anchor: Anchor | None = None

    def use(self, text: str) -> Anchor:
        """Make an anchor of its text in ``WHOSE_ANCHORS``."""
        [self.anchor] = anchors_of((text,), Surroundings(self.database, self.clock.now, lambda: "slack:T1"))
        self.publisher.anchors = names_of((text,))
        assert self.publisher.anchors == [self.anchor.name]
        return self.anchor

    def publish(self, count: int = 3) -> Published:
        add(self.database, self.clock, count=count)
        publication = self.publisher.publish()
        assert publication is not None
        return publication.checkpoint

    def turn(self) -> AnchorReport:
        assert self.anchor is not None
        return anchor_checkpoints(self.database, self.clock.now, [self.anchor])

    def held(self) -> list[tuple[int, bytes]]:
        with self.database.read() as session:
            return [(size, receipt) for size, _, receipt in receipts(session, 0)]

    def error(self) -> str:
        assert self.anchor is not None
        with self.database.read() as session:
            return status_of_anchor(session, self.anchor.name).error


@pytest.fixture
def stage(database: Database, clock: FakeClock, tmp_path: Path) -> Stage:
    return Stage(database, clock, tmp_path)


def submission(checkpoint: Published) -> Submission:
    return Submission(checkpoint, 0, lambda old: [])


# ------------------------------------------------------------------ trying, waiting, trying again


class Moody:
    """An anchor that fails as often as it is told."""

    name = "folder:moody"

    def __init__(self) -> None:
        self.failures: list[Exception] = []
        self.got: list[tuple[int, int]] = []

    def submit(self, submission: Submission) -> bytes:
        self.got.append((submission.checkpoint.size, submission.held))
        if self.failures:
            raise self.failures.pop(0)
        return b"receipt"


def test_an_anchor_that_is_away_is_tried_again_with_growing_pauses(stage: Stage) -> None:
    moody = Moody()
    moody.failures = [AnchorError("away"), RuntimeError("broken"), AnchorError("away")]
    stage.anchor, stage.publisher.anchors = moody, [moody.name]
    stage.publish()
    assert stage.turn() == AnchorReport(0, 1)
    assert stage.turn() == AnchorReport(0, 0)
    assert stage.error() == "away"
    for pause in (1, 2):
        stage.clock.advance(timedelta(minutes=pause))
        assert stage.turn() == AnchorReport(0, 1)
        assert stage.turn() == AnchorReport(0, 0)
    stage.clock.advance(timedelta(minutes=4))
    assert stage.turn() == AnchorReport(1, 0)
    assert stage.held() == [(3, b"receipt")]
    assert stage.error() == ""
    assert stage.turn() == AnchorReport(0, 0)
    assert len(moody.got) == 4


def test_an_anchor_that_was_away_gets_the_newest_only(stage: Stage) -> None:
    moody = Moody()
    stage.anchor, stage.publisher.anchors = moody, [moody.name]
    stage.publish()
    stage.turn()
    moody.failures = [AnchorError("away")]
    for _ in range(4):
        stage.publish(2)
        stage.clock.advance(timedelta(seconds=1))
    stage.turn()
    stage.clock.advance(LONGEST)
    assert stage.turn() == AnchorReport(1, 0)
    assert moody.got == [(3, 0), (11, 3), (11, 3)]
    stage.clock.advance(LONGEST)
    assert stage.turn() == AnchorReport(0, 0)


def test_an_attempt_that_died_is_made_again(stage: Stage) -> None:
    moody = Moody()
    stage.anchor, stage.publisher.anchors = moody, [moody.name]
    stage.publish()
    moody.failures = [KeyboardInterrupt("the process is gone")]  # type: ignore[list-item]
    with pytest.raises(KeyboardInterrupt):
        stage.turn()
    assert stage.turn() == AnchorReport(0, 0)
    stage.clock.advance(LONGEST)
    assert stage.turn() == AnchorReport(1, 0)


def test_one_anchor_does_not_keep_others_waiting(stage: Stage) -> None:
    broken, well = Moody(), Moody()
    broken.name, well.name = "folder:a", "folder:b"
    broken.failures = [RuntimeError("broken")]
    stage.publisher.anchors = [broken.name, well.name]
    stage.publish()
    assert anchor_checkpoints(stage.database, stage.clock.now, [broken, well]) == AnchorReport(1, 1)


def test_doctor_says_how_each_anchor_is(stage: Stage) -> None:
    moody = Moody()
    stage.anchor, stage.publisher.anchors = moody, [moody.name]

    def finding() -> tuple[str, str]:
        [found] = anchors_hold(stage.database, [moody.name], stage.clock.now())
        return found.level, found.said

    assert finding() == ("ok", "folder:moody holds no checkpoint yet")
    stage.publish()
    assert finding()[0] == "look"
    stage.turn()
    stage.clock.advance(timedelta(hours=3))
    assert finding() == ("ok", "folder:moody holds the checkpoint over 3 records for 3 hours")
    moody.failures = [AnchorError("no route")] * 9
    stage.publish()
    stage.turn()
    stage.clock.advance(timedelta(hours=2))
    level, said = finding()
    assert level == "look"
    assert said.endswith("has not taken the newest for 2 hours: no route")
    stage.clock.advance(timedelta(days=1))
    assert finding()[0] == "wrong"


# ------------------------------------------------------------------ a folder, a channel


def test_a_folder_keeps_one_file_a_checkpoint(stage: Stage) -> None:
    folder = stage.folder / "worm"
    anchor = stage.use(f"folder:{folder}")
    notes = {}
    for count in (3, 4):
        checkpoint = stage.publish(count)
        assert stage.turn() == AnchorReport(1, 0)
        notes[f"checkpoint-0000-{checkpoint.size:012d}.txt"] = checkpoint.note
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == notes
    last = stage.publish(1)
    path = folder / f"checkpoint-0000-{last.size:012d}.txt"
    path.write_bytes(b"another")
    with pytest.raises(AnchorError, match="forged"):
        anchor.submit(submission(last))
    assert path.read_bytes() == b"another"
    path.write_bytes(last.note)
    anchor.submit(submission(last))  # again: nothing happens
    assert len(list(folder.iterdir())) == 3


def test_a_folder_that_cannot_be_written_to(stage: Stage) -> None:
    (stage.folder / "file").write_text("")
    stage.use(f"folder:{stage.folder / 'file' / 'below'}")
    stage.publish()
    assert stage.turn() == AnchorReport(0, 1)
    assert "cannot be written" in stage.error()


def test_a_channel_gets_one_message_through_the_outbox(stage: Stage) -> None:
    anchor = stage.use("chat:#audit")
    checkpoint = stage.publish()
    assert stage.turn() == AnchorReport(1, 0)
    anchor.submit(submission(checkpoint))  # the same cause makes no second message
    with stage.database.read() as session:
        [row] = session.connection().execute(OUTBOX.select()).all()
    assert (row.card, row.lane, row.channel, row.state) == ("checkpoint", "slack:T1", "#audit", "pending")
    assert row.params == {"note": checkpoint.note.decode(), "size": 3}


# ------------------------------------------------------------------ an RFC 3161 authority


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> TimestampAuthority:
    return TimestampAuthority(tmp_path_factory.mktemp("tsa"))


@pytest.fixture
def tsa(authority: TimestampAuthority) -> Iterator[str]:
    authority.override = None
    with serving(authority) as url:
        yield url


def test_an_authority_stamps_the_note(stage: Stage, authority: TimestampAuthority, tsa: str) -> None:
    for text in (f"tsa:{tsa}", f"tsa:{tsa}#{authority.root}"):
        stage.use(text)
        checkpoint = stage.publish()
        assert stage.turn() == AnchorReport(1, 0), stage.error()
        assert "Verification: OK" in authority.verify(stage.held()[-1][1], checkpoint.note)


def test_a_stamp_that_is_not_ours_is_refused(
    stage: Stage, authority: TimestampAuthority, tsa: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    stage.use(f"tsa:{tsa}#{authority.root}")
    stage.publish()
    stage.turn()
    replayed = stage.held()[0][1]
    checkpoint = stage.publish()
    other = TimestampAuthority(tmp_path_factory.mktemp("other-tsa"))
    trusting_another = TimestampAnchor("tsa:x", tsa, other.root)
    with pytest.raises(AnchorError, match="trusted"):
        trusting_another.submit(submission(checkpoint))
    plain = TimestampAnchor("tsa:x", tsa)
    stamped = "application/timestamp-reply"
    cases = [
        (Reply(200, stamped, replayed), "another question"),
        (Reply(200, stamped, b"nonsense"), "cannot be read"),
        (Reply(200, stamped, b""), "cannot be read"),
        (Reply(200, "text/html", replayed), "text/html"),
        (Reply(503, stamped, replayed), "503"),
        (Reply(200, stamped, b"0" * 2_000_000), "more than"),
    ]
    for reply, said in cases:
        authority.override = reply
        with pytest.raises(AnchorError, match=said):
            plain.submit(submission(checkpoint))


def test_an_authority_that_is_not_there(stage: Stage) -> None:
    stage.use("tsa:http://127.0.0.1:9")
    stage.publish()
    assert stage.turn() == AnchorReport(0, 1)
    assert "does not answer" in stage.error()


# ------------------------------------------------------------------ a witness


@pytest.fixture
def witness(stage: Stage) -> Iterator[tuple[Witness, WitnessAnchor]]:
    server = Witness(stage.publisher.key.verifier(0).public)
    with serving(server) as url:
        anchor = stage.use(f"witness:{url}#{server.verifier}")
        assert isinstance(anchor, WitnessAnchor)
        yield server, anchor


def test_a_witness_cosigns_what_extends_what_it_saw(stage: Stage, witness: tuple[Witness, WitnessAnchor]) -> None:
    server, anchor = witness
    for count in (3, 1, 300, 260):
        checkpoint = stage.publish(count)
        assert stage.turn() == AnchorReport(1, 0), stage.error()
        cosigned = add_cosignatures(checkpoint.note, stage.held()[-1][1], [anchor.key])
        signed = verify_checkpoint(cosigned, [stage.publisher.key.verifier(0), anchor.key])
        assert [one.at for one in signed.signatures] == [None, 1_767_605_400]
    assert [body.partition(b"\n")[0] for _, _, body in server.asked] == [b"old 0", b"old 3", b"old 4", b"old 304"]


def test_a_witness_that_saw_another_size_is_asked_again(stage: Stage, witness: tuple[Witness, WitnessAnchor]) -> None:
    server, anchor = witness
    first = stage.publish(5)
    anchor.submit(submission(first))  # the answer was lost: it is not in our database
    stage.publish(4)
    assert stage.turn() == AnchorReport(1, 0), stage.error()
    assert [body.partition(b"\n")[0] for _, _, body in server.asked] == [b"old 0", b"old 0", b"old 5"]


def test_a_witness_that_saw_more_than_there_is(stage: Stage, witness: tuple[Witness, WitnessAnchor]) -> None:
    server, _ = witness
    checkpoint = stage.publish(5)
    server.seen[stage.publisher.key.name] = (9, bytes(32))
    assert stage.turn() == AnchorReport(0, 1)
    assert "has seen 9 records, and this log has 5" in stage.error()
    server.seen[stage.publisher.key.name] = (3, bytes(32))  # a fork: no proof leads there
    forked = Submission(checkpoint, 3, _prove(stage, checkpoint.size))
    with pytest.raises(AnchorError, match="422"):
        _anchor_of(stage).submit(forked)


def _anchor_of(stage: Stage) -> Anchor:
    assert stage.anchor is not None
    return stage.anchor


def _prove(stage: Stage, size: int) -> Callable[[int], list[bytes]]:
    from storage.ledger.nodes import consistency_proof

    def prove(old: int) -> list[bytes]:
        with stage.database.read() as session:
            return consistency_proof(session, old, size)

    return prove


def test_a_witness_that_answers_badly(stage: Stage, witness: tuple[Witness, WitnessAnchor]) -> None:
    server, anchor = witness
    checkpoint = stage.publish()
    good = anchor.submit(submission(checkpoint))
    server.seen.clear()
    cases = [
        (Reply(200, "", b""), "does not hold"),
        (Reply(200, "", b"nonsense\n"), "does not hold"),
        (Reply(200, "", good.replace(b"witness", b"witless")), "does not hold"),
        (Reply(200, "", b"more text\n\n" + good), "does not hold"),
        (Reply(409, "text/x.tlog.size", b"many\n"), "409"),
        (Reply(409, "text/x.tlog.size", b""), "409"),
        (Reply(403, "", b""), "does not trust"),
        (Reply(404, "", b""), "does not know"),
        (Reply(500, "", b""), "500"),
    ]
    for reply, said in cases:
        server.override = reply
        with pytest.raises(AnchorError, match=said):
            anchor.submit(submission(checkpoint))
    server.override = None
    server.forge = True
    with pytest.raises(AnchorError, match="does not hold"):
        anchor.submit(submission(checkpoint))
    server.seen.clear()
    server.forge = False
    stranger = replace(anchor, key=VerifierKey.parse(Witness(bytes(32)).verifier))
    with pytest.raises(AnchorError, match="does not hold"):
        stranger.submit(submission(checkpoint))


# ------------------------------------------------------------------ settings


def test_anchors_come_from_the_settings() -> None:
    key = Witness(bytes(32)).verifier
    given = f"folder:/w , chat:#audit,tsa:https://t.example.com/x#/r.pem,witness:https://w.example.com#{key},folder:/w"
    texts = load_settings({"WHOSE_ANCHORS": given}, None).anchors
    assert names_of(texts) == [
        "folder:/w",
        "chat:#audit",
        "tsa:https://t.example.com/x",
        "witness:https://w.example.com",
    ]


@pytest.mark.parametrize("given", ["folder", "folder:", "ftp:x", "tsa:example.com", "witness:", "tsa:https://"])
def test_what_is_no_anchor_is_refused_at_once(given: str) -> None:
    with pytest.raises(SettingsError, match="WHOSE_ANCHORS"):
        load_settings({"WHOSE_ANCHORS": given}, None)


@pytest.mark.parametrize("key", ["", "#", "#nonsense", "#example.com/x+4b6e1f00+ATh1"])
def test_a_witness_is_not_trusted_without_its_key(stage: Stage, key: str) -> None:
    with pytest.raises(SettingsError, match="witness"):
        stage.use(f"witness:https://w.example.com{key}")
    log_key = str(stage.publisher.key.verifier(0))
    with pytest.raises(SettingsError, match="not a witness's"):
        stage.use(f"witness:https://w.example.com#{log_key}")


def test_no_half_written_checkpoint_is_left(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = stage.folder / "worm"
    anchor = stage.use(f"folder:{folder}")
    checkpoint = stage.publish()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(AnchorError, match="No space"):
        anchor.submit(submission(checkpoint))
    assert not [path for path in folder.iterdir() if path.name.startswith("checkpoint")]
