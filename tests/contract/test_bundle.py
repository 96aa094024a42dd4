"""A bundle proves itself to somebody who has nothing but it and a key: whole or in part, by us or by its one file."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from bot.errors import NotFoundError
from bot.operations.export_ledger.choose import Choice
from bot.operations.export_ledger.readings import differing
from bot.operations.export_ledger.write import ExportError
from bot.operations.new_epoch import new_epoch
from bot.operations.rotate_key import rotate_key
from storage.database import Database
from storage.ledger.record import Entry, RecordKind
from tests.contract.bundle_kit import (
    PEOPLE,
    Log,
    authorities,
    changed,
    everyday,
    manifest_of,
    named,
    single_file_on,
    verdict_on,
)
from tests.contract.ledger_kit import Backup
from tests.servers.fake_clock import FakeClock


@pytest.fixture
def log(database: Database, clock: FakeClock, tmp_path: Path) -> Log:
    """Six hundred records in three checkpoints."""
    made = Log(database, clock, tmp_path / "log")
    made.publish(*named(), *everyday(250))
    made.publish(*everyday(251, 250))
    made.publish(*everyday(100, 501))
    return made


def test_a_whole_log_holds(log: Log) -> None:
    bundle = log.export()
    verdict = verdict_on(bundle, log.policy())
    assert verdict.text().startswith("The record holds.")
    assert (verdict.exit_code, verdict.tampered, verdict.missing) == (0, [], [])
    assert "All 606 records" in verdict.text()
    assert "The history of 13 tokens is whole" in verdict.text()
    assert differing(bundle) == []
    code, said = single_file_on(bundle, "--policy", log.policy())
    assert (code, said) == (0, verdict.text())


def test_the_same_state_gives_the_same_bytes(log: Log) -> None:
    def content(bundle: Path) -> dict[str, bytes]:
        return {path.relative_to(bundle).as_posix(): path.read_bytes() for path in bundle.rglob("*") if path.is_file()}

    for choice in (Choice(), Choice("token", "aws-iam/key-3", tokens=[3])):
        first, again = content(log.export(choice)), content(log.export(choice))
        assert first == again
    log.publish(*everyday(1, 601))
    assert content(log.export()) != first


@pytest.mark.parametrize("tokens", [[3], [1, 2, 5]])
def test_a_part_holds_and_says_that_it_is_one(log: Log, tokens: list[int]) -> None:
    kind = "token" if len(tokens) == 1 else "vendor"
    bundle = log.export(Choice(kind, "some", tokens=tokens))
    verdict = verdict_on(bundle, log.policy())
    assert verdict.exit_code == 0, verdict.text()
    assert "Completeness is not proven" in verdict.text()
    assert differing(bundle) == []
    assert single_file_on(bundle, "--policy", log.policy()) == (0, verdict.text())
    # The names of those who occur came along, and nobody else's records.
    lines = (bundle / "records.jsonl").read_text().splitlines()
    assert sum('"kind":21' in line for line in lines) == len(PEOPLE)
    assert all('"kind":21' in line or any(f'"external_id":"key-{one}"' in line for one in tokens) for line in lines)


def test_a_stretch_of_time_holds(log: Log, clock: FakeClock) -> None:
    now = clock.now()
    choice = Choice("from_to", "two hours", between=(now - timedelta(hours=2, minutes=30), now - timedelta(minutes=90)))
    bundle = log.export(choice)
    assert manifest_of(bundle).selection.ranges == ((0, 255, 505),)
    verdict = verdict_on(bundle, log.policy())
    assert verdict.exit_code == 0, verdict.text()
    lines = (bundle / "records.jsonl").read_bytes().splitlines(keepends=True)
    without = changed(bundle, "records.jsonl", lambda _: b"".join([*lines[:20], *lines[21:]]))
    assert verdict_on(without, log.policy()).exit_code != 0


def test_by_when_it_was_written(log: Log, tmp_path: Path) -> None:
    public = log.publisher.key.verifier(0).public
    with authorities(tmp_path / "out", public) as (tsa, witness, authority, server):
        log.use(tsa, witness, f"folder:{tmp_path / 'worm'}")
        log.publish(*everyday(50, 601))
        log.use()
        held = log.publish(*everyday(10, 651))
        log.publish(*everyday(4, 661))
        bundle = log.export()
        seen = log.policy(quorum="w", witness=server.verifier)
        roots = [authority.root]
        verdict = verdict_on(bundle, log.policy(), roots=roots)
        assert verdict.exit_code == 0, verdict.text()
        assert [(one.size, "time-stamping" in one.by) for one in verdict.bounds] == [(656, True)]
        assert "Records 0 to 655 of the log were written by" in verdict.text()
        assert "Records 656 to 669 of the log carry no date but the operator's own" in verdict.text()
        # The newest checkpoint was seen by no witness, and this policy wants one.
        assert verdict_on(bundle, seen).exit_code == 1
        assert "too few witnesses" in verdict_on(bundle, seen).text()
        trusted = log.folder / "witnessed.txt"
        trusted.write_text(log.policy().read_text().replace("quorum", f"witness w {server.verifier}\nquorum"))
        both = verdict_on(bundle, trusted, [log.keep(held)], roots)
        assert both.exit_code == 0, both.text()
        assert sorted(one.by.split(" ")[1] for one in both.bounds) == ["time-stamping", "witness"]
        assert "continues the checkpoint kept.txt that you hold, of 666 records" in both.text()
        arguments = ("--policy", trusted, "--held", log.keep(held), "--tsa-root", authority.root)
        assert single_file_on(bundle, *arguments) == (0, both.text())
        for choice in (Choice("token", "one", tokens=[3]), Choice("vendor", "some", tokens=[4, 5])):
            part = log.export(choice)
            said = verdict_on(part, trusted, [log.keep(held)], roots)
            assert said.exit_code == 0, said.text()
            assert len(said.bounds) == 2


def test_the_question_is_answered_from_the_bundle(log: Log, clock: FakeClock) -> None:
    at = clock.now() - timedelta(hours=2, minutes=30)
    for choice in (Choice(), Choice("token", "one", tokens=[3])):
        bundle = log.export(choice)
        verdict = verdict_on(bundle, log.policy(), token="aws-iam/key-3", at=at)
        assert 10 < len(verdict.answer) < 25
        assert all("Person" in line for line in verdict.answer)
        assert "decision: attest, by Person" in verdict.text()
        assert "no response, told Person" in verdict.text()
        assert "accountable: service owner Person" in verdict.answer[0]
        code, said = single_file_on(bundle, "--policy", log.policy(), "--token", "key-3", "--at", at.isoformat())
        assert (code, said) == (0, verdict.text())
    assert "No record here is about 'nothing'" in verdict_on(bundle, log.policy(), token="nothing").text()


def test_what_was_recorded_later_is_said_to_be(log: Log, clock: FakeClock) -> None:
    day = clock.now() - timedelta(days=1)
    late = Entry(
        RecordKind.OWNERSHIP_CHANGED,
        "import",
        token_id=3,
        token={"issuer": "aws-iam", "external_id": "key-3"},
        accountable={"before": {"service_owner": next(iter(PEOPLE))}},
        effective_at=day - timedelta(days=30),
    )
    log.publish(late)
    [line] = verdict_on(log.export(), log.policy(), token="key-3", at=day).answer
    assert "recorded later than the moment you asked about" in line


def test_erased_names_leave_a_whole_record(log: Log, database: Database) -> None:
    from sqlalchemy import text

    with database.write() as session:
        session.connection().execute(text("DELETE FROM ledger_disclosure WHERE leaf_seq < 100"))
    for choice in (Choice(), Choice("token", "one", tokens=[3])):
        verdict = verdict_on(log.export(choice), log.policy())
        assert verdict.exit_code == 0, verdict.text()
        assert "can still be read here, as recorded; the others were erased or withheld" in verdict.text()


def test_an_epoch_after_a_loss(log: Log, database: Database, tmp_path: Path) -> None:
    backup = Backup(database)
    held = log.publish(*everyday(20, 601))
    backup.restore()
    new_epoch(log.publisher, held, "Restored from the backup.")
    log.publish(*everyday(30))
    for choice in (Choice(), Choice("token", "one", tokens=[3])):
        bundle = log.export(choice)
        verdict = verdict_on(bundle, log.policy(), [log.keep(held)])
        assert verdict.exit_code == 0, verdict.text()
        assert "20 records of it were lost, and the record says so" in verdict.text()
        assert "kept.txt that you hold covers 626 records" in verdict.text()
        assert "The record of the loss cites this very checkpoint" in verdict.text()
        assert "continues the checkpoint kept.txt" not in verdict.text()
        assert single_file_on(bundle, "--policy", log.policy(), "--held", log.keep(held))[0] == 0
        # An epoch whose end does not fit what the next one says of it.
        shorter = changed(
            bundle, "manifest.json", lambda data: data.replace(b'"size": 606', b'"size": 605'), covered=False
        )
        assert verdict_on(shorter, log.policy()).exit_code == 1


def test_trust_follows_a_key_that_was_handed_on(log: Log, database: Database) -> None:
    from bot.operations.ledger_key import LedgerKey
    from storage.ledger.note import SignerKey

    old = log.publisher.key
    new = LedgerKey(SignerKey.generate(old.name))
    rotate_key(log.publisher, new)
    log.publisher.key = new
    log.publish(*everyday(30, 601))
    policies = {"old": log.policy(key=old).rename(log.folder / "old.txt"), "new": log.policy(key=new)}
    for choice in (Choice(), Choice("token", "one", tokens=[3])):
        bundle = log.export(choice)
        for policy in policies.values():
            verdict = verdict_on(bundle, policy)
            assert verdict.exit_code == 0, verdict.text()
        assert "handed on to another key" in verdict_on(bundle, policies["old"]).text()
        stranger = LedgerKey(SignerKey.generate(old.name))
        assert verdict_on(bundle, log.policy(key=stranger)).exit_code == 1
        log.policy(key=new)


# ------------------------------------------------------------------ what cannot be exported, or not be verified


def test_nothing_is_written_over(log: Log) -> None:
    bundle = log.export()
    before = {path: path.read_bytes() for path in bundle.rglob("*") if path.is_file()}
    with pytest.raises(ExportError, match="nothing is written over"):
        log.export(name=bundle.name)
    assert {path: path.read_bytes() for path in bundle.rglob("*") if path.is_file()} == before
    assert not list(bundle.parent.glob("*.part"))


def test_what_is_not_there_is_said(log: Log, database: Database, clock: FakeClock, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError):
        log.export(Choice("token", "none", tokens=[999]))
    assert not list(log.folder.glob(".*part"))
    empty = Log(database, clock, tmp_path / "other", key=log.publisher.key)
    empty.publisher = log.publisher
    bundle = log.export()
    nothing = tmp_path / "nothing"
    nothing.mkdir()
    assert verdict_on(nothing, log.policy()).exit_code == 2
    assert single_file_on(bundle, "--policy", tmp_path / "no-such-file")[0] == 2
    code, said = single_file_on(bundle, "--policy", bundle / "policy.txt")
    assert (code, "keys from there prove nothing" in said) == (2, True)


def _files(bundle: Path) -> Iterator[str]:
    for path in sorted(bundle.rglob("*")):
        if path.is_file():
            yield path.relative_to(bundle).as_posix()


def test_every_file_counts(log: Log) -> None:
    """Without any one of its files, a bundle is not whole; with any one changed, it is not the same."""
    for choice in (Choice(), Choice("token", "one", tokens=[3])):
        bundle = log.export(choice)
        for name in _files(bundle):
            copy = bundle.with_name("copy")
            shutil.copytree(bundle, copy)
            (copy / name).unlink()
            verdict = verdict_on(copy, log.policy())
            assert verdict.exit_code == 2, (name, verdict.text())
            data = bytearray((bundle / name).read_bytes())
            if data:
                data[len(data) // 2] ^= 1
                (copy / name).write_bytes(data)
                verdict = verdict_on(copy, log.policy())
                # The manifest only says what should be there: it may now name a file that is not.
                assert verdict.exit_code in ((1, 2) if name == "manifest.json" else (1,)), (name, verdict.text())
            shutil.rmtree(copy)
