"""Every attack of the threat model (docs/ledger.md), performed for real: in the database, and on an exported bundle.

The attacker owns the database and the folder; where it says so, the signing key too. Whoever verifies has a policy and,
where it says so, a checkpoint kept from before.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, text

from bot.operations.ledger_key import LedgerKey
from bot.operations.publish_checkpoint import LogRefusedError
from storage.database import Database
from storage.ledger.checkpoint import Checkpoint, sign_checkpoint
from storage.ledger.merkle import Frontier, leaf_hash, root_of
from storage.ledger.note import SignerKey
from storage.ledger.record import from_ms
from storage.ledger.tables import HEAD, LEAF, NODE, SUBJECT
from storage.ledger.tiles import build_tiles
from tests.contract.bundle_kit import Log, authorities, cover, everyday, named, single_file_on, verdict_on
from tests.contract.ledger_kit import Backup, verify, without_triggers
from tests.servers.fake_clock import FakeClock

Records = list[dict[str, Any]]
SIZES = (305, 420)


@pytest.fixture
def log(database: Database, clock: FakeClock, tmp_path: Path) -> Log:
    made = Log(database, clock, tmp_path / "log")
    made.publish(*named(), *everyday(300))
    made.publish(*everyday(115, 300))
    return made


# ------------------------------------------------------------------ the attacker's tools


def body_of(fields: dict[str, Any]) -> bytes:
    return json.dumps(fields, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()


def records_of(bundle: Path) -> Records:
    return [json.loads(line) for line in (bundle / "records.jsonl").read_bytes().splitlines()]


def renumbered(records: Records) -> Records:
    """The records with their numbers running on, so that no gap shows; the tokens' chains as they were."""
    return [fields | {"seq": seq} for seq, fields in enumerate(records)]


def rechained(records: Records) -> Records:
    """The records with numbers and chains made anew: nothing contradicts itself any more."""
    ends: dict[int, tuple[int, str]] = {}
    made = []
    for fields in renumbered(records):
        if "token" in fields:
            number, prev = ends.get(fields["token"]["id"], (0, ""))
            fields = fields | {"token_seq": number, "prev": prev}
            ends[fields["token"]["id"]] = number + 1, leaf_hash(body_of(fields)).hex()
        made.append(fields)
    return made


def forged(bundle: Path, records: Records, key: LedgerKey | None, sizes: Sequence[int] = ()) -> Path:
    """A copy of a whole bundle with other records, all that follows from them made to fit and, with a key, signed."""
    copy = bundle.with_name("forged")
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(bundle, copy)
    bodies = [body_of(fields) for fields in records]
    (copy / "records.jsonl").write_bytes(b"".join(body + b"\n" for body in bodies))
    shutil.rmtree(copy / "tile")
    for tile, content in build_tiles(bodies):
        path = copy / tile.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    if key is not None:
        shutil.rmtree(copy / "checkpoints")
        (copy / "checkpoints").mkdir()
        for size in (*(size for size in sizes if size < len(bodies)), len(bodies)):
            root = root_of([leaf_hash(body) for body in bodies[:size]])
            signer = key.signer(0)
            note = sign_checkpoint(Checkpoint(signer.name, size, root), [signer])
            (copy / "checkpoints" / f"0-{size}.txt").write_bytes(note)
            (copy / "checkpoint").write_bytes(note)
    _fit(copy, bodies)
    return copy


def _fit(copy: Path, bodies: Sequence[bytes]) -> None:
    """Disclosures of records that are still there, and a manifest for what is there now."""
    promised = {digest: seq for seq, body in enumerate(bodies) for digest in json.loads(body).get("_sd", ())}
    told = [json.loads(line) for line in (copy / "disclosures.jsonl").read_bytes().splitlines()]
    kept = sorted(
        (one | {"seq": promised[one["digest"]]} for one in told if one["digest"] in promised),
        key=lambda one: (one["seq"], one["digest"]),
    )
    (copy / "disclosures.jsonl").write_bytes(b"".join(body_of(one) + b"\n" for one in kept))
    manifest = json.loads((copy / "manifest.json").read_bytes())
    root = root_of([leaf_hash(body) for body in bodies])
    manifest["epochs"][0] |= {"size": len(bodies), "records": len(bodies), "root": root.hex()}
    for path in copy.glob("checkpoints/*"):
        manifest["files"].setdefault(f"checkpoints/{path.name}", {})
    (copy / "manifest.json").write_text(json.dumps(manifest))
    cover(copy)


def rewrite(database: Database, records: Records) -> None:
    """The same forgery in the database: every table made to fit."""
    without_triggers(database)
    bodies = [body_of(fields) for fields in records]
    hashes = [leaf_hash(body) for body in bodies]
    frontier = Frontier()
    for one in hashes:
        frontier.append(one)
    ends: dict[int, tuple[int, bytes]] = {}
    rows = []
    for fields, body, hashed in zip(records, bodies, hashes, strict=True):
        token_id = fields["token"]["id"] if "token" in fields else None
        if token_id is not None:
            ends[token_id] = fields["token_seq"] + 1, hashed
        rows.append(
            {
                "epoch": 0,
                "seq": fields["seq"],
                "leaf_hash": hashed,
                "kind": fields["kind"],
                "token_id": token_id,
                "token_seq": fields.get("token_seq"),
                "request_id": fields.get("request"),
                "recorded_at": from_ms(fields["recorded_at"]),
                "body": body,
            }
        )
    whole = [hashes[at : at + 256] for at in range(0, len(hashes) - 255, 256)]
    nodes = [{"epoch": 0, "level": 8, "idx": at, "hash": root_of(row)} for at, row in enumerate(whole)]
    subjects = [{"epoch": 0, "token_id": one, "next_seq": end[0], "last_hash": end[1]} for one, end in ends.items()]
    with database.write() as session:
        connection = session.connection()
        for table in ("ledger_leaf", "ledger_node", "ledger_subject"):
            connection.execute(text(f"DELETE FROM {table}"))
        connection.execute(insert(LEAF), rows)
        for made, table_rows in ((NODE, nodes), (SUBJECT, subjects)):
            if table_rows:
                connection.execute(insert(made), table_rows)
        grown = {"size": len(rows), "root": frontier.root(), "frontier": frontier.to_bytes()}
        last = rows[-1]["recorded_at"]
        connection.execute(text("UPDATE ledger_head SET size=:size, root=:root, frontier=:frontier"), grown)
        connection.execute(HEAD.update().values(recorded_at=last))
        promised = {digest: fields["seq"] for fields in records for digest in fields.get("_sd", ())}
        told = connection.execute(text("SELECT leaf_seq, digest FROM ledger_disclosure")).all()
        for seq, digest in told:
            if digest not in promised:
                connection.execute(text("DELETE FROM ledger_disclosure WHERE digest = :digest"), {"digest": digest})
            elif promised[digest] != seq:
                move = "UPDATE ledger_disclosure SET leaf_seq = :seq WHERE digest = :digest"
                connection.execute(text(move), {"seq": promised[digest], "digest": digest})


def edited(records: Records) -> Records:
    return [fields | {"reason": "revoke"} if fields["seq"] == 100 else fields for fields in records]


def shortened(records: Records) -> Records:
    return records[:400]


def without_one(records: Records) -> Records:
    return renumbered([fields for fields in records if fields["seq"] != 100])


def backdated(records: Records) -> Records:
    """A record that looks as if it had been written long ago, among those of its day."""
    made = records[50] | {"id": "f" * 32, "reason": "revoke", "recorded_at": records[50]["recorded_at"] - 1}
    made.pop("_sd", None)
    return renumbered([*records[:100], made, *records[100:]])


def reordered(records: Records) -> Records:
    return renumbered([*records[:100], records[101], records[100], *records[102:]])


def with_a_stranger(records: Records) -> Records:
    """A record of another log in the place of one of ours."""
    return [fields | {"log": "0" * 32} if fields["seq"] == 100 else fields for fields in records]


CONTRADICTORY = [edited, without_one, backdated, reordered, with_a_stranger]


# ------------------------------------------------------------------ without the key


@pytest.mark.parametrize("attack", [*CONTRADICTORY, shortened])
def test_without_the_key(log: Log, attack: Callable[[Records], Records]) -> None:
    """Whatever is changed, the signature does not fit any more."""
    bundle = log.export()
    for records in (attack(records_of(bundle)), rechained(attack(records_of(bundle)))):
        copy = forged(bundle, records, None)
        verdict = verdict_on(copy, log.policy())
        assert verdict.exit_code == 1, verdict.text()
        assert single_file_on(copy, "--policy", log.policy()) == (1, verdict.text())


def test_another_key_in_the_place_of_ours(log: Log) -> None:
    """The attacker signs with a key of their own, and says in the bundle that this is the one to trust."""
    bundle = log.export()
    own = LedgerKey(SignerKey.generate(log.publisher.key.name))
    copy = forged(bundle, rechained(edited(records_of(bundle))), own, SIZES)
    (copy / "policy.txt").write_text(f"log {own.verifier(0)}\nquorum none\n")
    cover(copy)
    verdict = verdict_on(copy, log.policy())
    assert verdict.exit_code == 1
    assert "does not count by your policy" in verdict.text()
    code, said = single_file_on(copy, "--policy", copy / "policy.txt")
    assert (code, "keys from there prove nothing" in said) == (2, True)


# ------------------------------------------------------------------ with the key


@pytest.mark.parametrize("attack", CONTRADICTORY)
def test_what_contradicts_itself_is_found_even_when_signed(log: Log, attack: Callable[[Records], Records]) -> None:
    bundle = log.export()
    records = attack(records_of(bundle))
    copy = forged(bundle, records, log.publisher.key, SIZES)
    verdict = verdict_on(copy, log.policy())
    assert verdict.exit_code == 1, verdict.text()
    assert single_file_on(copy, "--policy", log.policy()) == (1, verdict.text())
    # The tables hold no two records of one place in a chain; that it is not in its time is still to be seen.
    rewrite(log.database, rechained(records) if attack is backdated else records)
    assert not verify(log.database).ok
    with pytest.raises(LogRefusedError):
        log.publisher.publish()


@pytest.mark.parametrize("attack", [*CONTRADICTORY, shortened])
def test_a_history_made_anew_and_signed_is_found_by_who_held_a_checkpoint(
    log: Log, attack: Callable[[Records], Records]
) -> None:
    """Chains and numbers made anew, signed with the stolen key: it contradicts nothing but what others kept."""
    bundle = log.export()
    held = log.keep((bundle / "checkpoint").read_bytes())
    ours = log.publisher.key.name.rpartition("/")[2]
    records = rechained([fields | {"log": ours} for fields in attack(records_of(bundle))])
    if attack is backdated:
        for fields in records[101:]:
            fields["recorded_at"] = max(fields["recorded_at"], records[99]["recorded_at"])
        records[100]["recorded_at"] = records[99]["recorded_at"]
        records = rechained(records)
    if records == records_of(bundle):  # the stranger's log made ours again
        records = rechained(edited(records))
    copy = forged(bundle, records, log.publisher.key, SIZES)
    alone = verdict_on(copy, log.policy())
    assert alone.exit_code == 0, alone.text()
    assert "carry no date but the operator's own" in alone.text()
    assert "Whoever has the key could have written or rewritten them" in alone.text()
    verdict = verdict_on(copy, log.policy(), [held])
    assert verdict.exit_code == 1, verdict.text()
    assert "kept.txt that you hold says otherwise" in verdict.text()
    assert single_file_on(copy, "--policy", log.policy(), "--held", held) == (1, verdict.text())
    # In the database nothing contradicts itself either; the publisher, which kept the last checkpoint, refuses.
    rewrite(log.database, records)
    assert verify(log.database).ok
    with pytest.raises(LogRefusedError):
        log.publisher.publish()


def test_a_time_stamp_finds_what_was_rewritten_before_it(log: Log, tmp_path: Path) -> None:
    """Nobody kept a checkpoint, but an authority stamped one: it cannot be made to fit another history."""
    with authorities(tmp_path / "out", log.publisher.key.verifier(0).public) as (tsa, witness, authority, server):
        log.use(tsa, witness)
        log.publish(*everyday(10, 420))
        bundle = log.export()
        copy = forged(bundle, rechained(edited(records_of(bundle))), log.publisher.key, (*SIZES, 430))
        verdict = verdict_on(copy, log.policy(), roots=[authority.root])
        assert verdict.exit_code == 1
        assert "the time-stamp is of something else" in verdict.text()
        watched = log.policy(quorum="w", witness=server.verifier)
        assert "too few witnesses" in verdict_on(copy, watched).text()


def test_after_the_last_anchor_nothing_shows(log: Log, tmp_path: Path) -> None:
    """The window that is stated openly: what nobody outside has seen yet can be rewritten by whoever has the key."""
    with authorities(tmp_path / "out", log.publisher.key.verifier(0).public) as (tsa, _, authority, __):
        log.use(tsa)
        log.publish(*everyday(10, 420))
        log.use()
        log.publish(*everyday(20, 430))
        bundle = log.export()
        held = log.keep((bundle / "checkpoints" / "0-430.txt").read_bytes())
        records = records_of(bundle)
        records[440]["reason"] = "revoke"
        copy = forged(bundle, rechained(records), log.publisher.key)
        for size in (*SIZES, 430):
            name = f"0-{size}.txt"
            shutil.copy(bundle / "checkpoints" / name, copy / "checkpoints" / name)
        _fit(copy, [body_of(fields) for fields in rechained(records)])
        verdict = verdict_on(copy, log.policy(), [held], [authority.root])
        assert verdict.exit_code == 0, verdict.text()
        assert "Records 430 to 449 of the log carry no date but the operator's own." in verdict.text()
        assert "within the pause between two anchors, nobody outside has seen" in verdict.text()


# ------------------------------------------------------------------ two histories


def test_two_databases_that_sign_with_one_key(log: Log, tmp_path: Path) -> None:
    """A copy of the database goes on by itself: whoever holds a checkpoint of the one refuses the other."""
    backup = Backup(log.database)
    state = log.publisher.state.read_bytes()
    held = log.publish(*everyday(20, 420))
    backup.restore()
    log.publisher.state.write_bytes(state)
    log.publish(*everyday(30, 1_000))
    bundle = log.export()
    assert verdict_on(bundle, log.policy()).exit_code == 0
    verdict = verdict_on(bundle, log.policy(), [log.keep(held)])
    assert verdict.exit_code == 1
    assert "are not the first 440 ones here" in verdict.text()


def test_a_restored_backup(log: Log) -> None:
    """The publisher refuses to go on; and a bundle of what is left does not satisfy whoever holds more."""
    backup = Backup(log.database)
    held = log.publish(*everyday(20, 420))
    backup.restore()
    with pytest.raises(LogRefusedError, match="shrank"):
        log.publisher.publish()
    verdict = verdict_on(log.export(), log.policy(), [log.keep(held)])
    assert verdict.exit_code == 1
    assert "records were taken away, or the folder was made before" in verdict.text()
