"""Verifiers that we did not write come to the same verdicts: tlog-scales, sigstore and OpenSSL.

Every case is a claim, true or altered in one place; each verifier accepts or refuses it. tlog-scales reads
numbers and lines more freely than the specifications have it, so where spelling itself is altered, ours may
refuse what it accepts, and never the other way round.
"""

from __future__ import annotations

import shutil
import subprocess
from base64 import b64encode
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import ParamSpec

import pytest
import sigstore._internal.merkle as sigstore_merkle
from cryptography.exceptions import InvalidSignature
from sigstore.errors import VerificationError
from sigstore.models import TransparencyLogEntry
from sigstore_models.common.v1 import LogId
from sigstore_models.rekor import v1 as rekor
from tlog_scales.backend import LocalBackend
from tlog_scales.reader import TilesReader
from tlog_scales.signing import PlainEd25519Signer, Vkey
from tlog_scales.tlog import Checkpoint as TheirCheckpoint
from tlog_scales.tlog import ConsistencyProof, ConsistencyProofInvalid, InclusionProof, InclusionProofInvalid
from tlog_scales.writer import TilesWriter

from storage.ledger.checkpoint import Checkpoint, add_cosignatures, read_checkpoint, sign_checkpoint, verify_checkpoint
from storage.ledger.merkle import leaf_hash
from storage.ledger.note import Note, NoteError
from storage.ledger.proofs import (
    ProofError,
    consistency_proof,
    inclusion_proof,
    subtree_root,
    verify_consistency,
    verify_inclusion,
)
from storage.ledger.tiles import Tile, TileHashes, build_tiles, hashes_in
from tests.unit.ledger_tree import ORIGIN, ListTree, Witness, signer

LOG, THIEF = signer(), signer(seed="thief")
WITNESS = Witness("witness.example/north")
BODIES = [b"record %d" % number for number in range(700)]
TREE = ListTree([leaf_hash(body) for body in BODIES])
P = ParamSpec("P")
REFUSALS = (
    NoteError,
    ProofError,
    InclusionProofInvalid,
    ConsistencyProofInvalid,
    VerificationError,
    InvalidSignature,
    ValueError,  # also what the models of sigstore raise
    RuntimeError,  # tlog-scales: no signature by that key
)


def _accepts(verify: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> bool:
    try:
        verify(*args, **kwargs)
    except REFUSALS:
        return False
    return True


def _flipped(data: bytes, chance: Random) -> bytes:
    at = chance.randrange(len(data))
    return data[:at] + bytes([data[at] ^ 1 << chance.randrange(8)]) + data[at + 1 :]


def _altered_path(path: list[bytes], chance: Random) -> list[bytes]:
    """One hash changed, left out, added or moved."""
    at = chance.randrange(len(path) + 1)
    choices = [[*path[:at], chance.randbytes(32), *path[at:]]]
    if at < len(path):
        choices += [[*path[:at], _flipped(path[at], chance), *path[at + 1 :]], path[:at] + path[at + 1 :]]
    if len(path) > 1:
        choices.append(path[1:] + path[:1])
    return chance.choice(choices)


def _sigstore_inclusion(body: bytes, index: int, size: int, path: list[bytes], root: bytes) -> None:
    """Rekor's log entry around the proof, which is how sigstore's check is asked."""
    proof = rekor.InclusionProof(
        log_index=str(index),  # type: ignore[arg-type]  # the models read numbers from text
        tree_size=str(size),  # type: ignore[arg-type]
        root_hash=b64encode(root),
        hashes=[b64encode(one) for one in path],
        checkpoint=rekor.Checkpoint(envelope="not looked at here"),
    )
    inner = rekor.TransparencyLogEntry(
        log_index=str(index),  # type: ignore[arg-type]
        log_id=LogId(key_id=b64encode(bytes(32))),
        kind_version=rekor.KindVersion(kind="whose", version="1"),
        inclusion_proof=proof,
        canonicalized_body=b64encode(body),
    )
    sigstore_merkle.verify_merkle_inclusion(TransparencyLogEntry(inner))


def test_inclusion() -> None:
    chance, verdicts = Random(1), Counter[bool]()
    for number in range(900):
        size = chance.randint(1, len(BODIES))
        index = chance.randrange(size)
        body, root, path = BODIES[index], subtree_root(TREE, 0, size), inclusion_proof(TREE, index, size)
        match number % 6:
            case 1:
                path = _altered_path(path, chance)
            case 2:
                body = BODIES[chance.randrange(len(BODIES))]
            case 3:
                root = chance.choice([_flipped(root, chance), subtree_root(TREE, 0, chance.randint(1, len(BODIES)))])
            case 4:
                index = chance.randrange(size + 2)
            case 5:
                size = chance.randint(1, len(BODIES))
        leaf = leaf_hash(body)
        ours = _accepts(verify_inclusion, leaf, index, size, path, root)
        theirs = _accepts(InclusionProof(index, size, path).check, leaf, root)
        sigstores = _accepts(_sigstore_inclusion, body, index, size, path, root)
        assert ours == theirs == sigstores, (number, index, size)
        verdicts[ours] += 1
    assert verdicts[True] >= 150
    assert verdicts[False] >= 500


def test_consistency() -> None:
    chance, verdicts = Random(2), Counter[bool]()
    for number in range(900):
        new = chance.randint(0, len(BODIES))
        old = chance.choice([chance.randint(0, new), 1 << chance.randrange(10), new, 0])
        old = min(old, new)
        old_root, new_root = subtree_root(TREE, 0, old), subtree_root(TREE, 0, new)
        path = consistency_proof(TREE, old, new)
        match number % 6:
            case 1:
                path = _altered_path(path, chance)
            case 2:
                old_root = chance.choice([_flipped(old_root, chance), new_root])
            case 3:
                new_root = chance.choice([_flipped(new_root, chance), old_root])
            case 4:
                old = chance.randint(0, new + 1)
            case 5:
                new = chance.randint(0, len(BODIES))
        ours = _accepts(verify_consistency, old, old_root, new, new_root, path)
        theirs = _accepts(ConsistencyProof(old, new, path).check, old_root, new_root)
        assert ours == theirs, (number, old, new)
        verdicts[ours] += 1
    assert verdicts[True] >= 150
    assert verdicts[False] >= 450


def _verify_theirs(data: bytes, key: Vkey) -> None:
    TheirCheckpoint.from_text(data.decode()).verify(key)


def _signed(size: int, chance: Random) -> bytes:
    head = Checkpoint(ORIGIN, size, subtree_root(TREE, 0, size))
    data = sign_checkpoint(head, [LOG])
    if chance.random() < 0.5:
        line = WITNESS.cosign(head.text, chance.randint(1, 2**40)).line()
        data = add_cosignatures(data, line.encode(), [WITNESS.key])
    return data


def _altered_checkpoint(data: bytes, chance: Random) -> bytes:
    """Another value in one place, spelled as it should be."""
    head, note = read_checkpoint(data)
    line = note.signatures[0]
    altered = [
        Note(head._replace(size=head.size + 1).text, note.signatures),
        Note(head._replace(root=_flipped(head.root, chance)).text, note.signatures),
        Note(head._replace(origin="example.com/other").text, note.signatures),
        Note(note.text, (line._replace(signature=_flipped(line.signature, chance)),)),
        Note(note.text, (line._replace(key_id=_flipped(line.key_id, chance)),)),
        Note(note.text, (line._replace(name="example.com/other"),)),
        Note(note.text, (THIEF.sign(note.text),)),
        Note(note.text, (THIEF.sign(note.text)._replace(key_id=LOG.verifier.key_id),)),
    ]
    return chance.choice(altered).encode()


def test_checkpoints() -> None:
    chance, verdicts = Random(3), Counter[bool]()
    key = Vkey.from_string(str(LOG.verifier))
    assert (key.name, key.key_id.to_bytes(4, "big"), key.pubkey) == (ORIGIN, LOG.verifier.key_id, LOG.verifier.public)
    for number in range(600):
        data = _signed(chance.randint(1, len(BODIES)), chance)
        if number % 3:
            data = _altered_checkpoint(data, chance)
        ours = _accepts(verify_checkpoint, data, [LOG.verifier])
        theirs = _accepts(_verify_theirs, data, key)
        assert ours == theirs, data
        verdicts[ours] += 1
    assert verdicts[True] >= 200
    assert verdicts[False] >= 400


def test_cosignatures() -> None:
    chance, verdicts = Random(4), Counter[bool]()
    key = Vkey.from_string(str(WITNESS.key))
    for number in range(300):
        head = Checkpoint(ORIGIN, 1 + number, subtree_root(TREE, 0, 1 + number))
        line = WITNESS.cosign(head.text, chance.randint(1, 2**40))
        if number % 2:
            line = line._replace(signature=_flipped(line.signature, chance))
        note = Note(head.text, (line,))
        ours = _accepts(note.verify, [WITNESS.key])
        theirs = _accepts(_verify_theirs, note.encode(), key)
        assert ours == theirs
        verdicts[ours] += 1
    assert verdicts == {True: 150, False: 150}


def test_what_we_accept_they_accept_however_it_is_spelled() -> None:
    chance, accepted = Random(5), 0
    key = Vkey.from_string(str(LOG.verifier))
    for _ in range(2000):
        data = _signed(1 + chance.randrange(9), chance)
        for _ in range(chance.choice([0, 1, 1, 2])):
            at = chance.randrange(len(data))
            data = chance.choice(
                [
                    _flipped(data, chance),
                    data[:at] + data[at + 1 :],
                    data[:at] + chance.choice([b"\n", b" ", b"0", b"=", b"\r", b"+"]) + data[at:],
                ]
            )
        if _accepts(verify_checkpoint, data, [LOG.verifier]):
            accepted += 1
            _verify_theirs(data, key)
    assert accepted >= 400


def test_they_sign_what_we_sign() -> None:
    head = Checkpoint(ORIGIN, 9, subtree_root(TREE, 0, 9))
    theirs = TheirCheckpoint.make_signed(ORIGIN, 9, head.root, [PlainEd25519Signer(ORIGIN, LOG.private)])
    assert sign_checkpoint(head, [LOG]) == theirs.serialize().encode()


def _write_log(folder: Path, size: int) -> None:
    files = {tile.path: data for tile, data in build_tiles(BODIES[:size])}
    files["checkpoint"] = _signed(size, Random(size))
    for path, data in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)


@pytest.mark.parametrize("size", [1, 255, 256, 257, 700])
def test_tiles_are_written_alike(size: int, tmp_path: Path) -> None:
    _write_log(tmp_path / "ours", size)
    writer = TilesWriter.create(tmp_path / "theirs", ORIGIN)
    for body in BODIES[:size]:
        writer.add_leaf(body)
    writer.commit([PlainEd25519Signer(ORIGIN, LOG.private)])
    ours, theirs = (
        {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}
        for root in (tmp_path / "ours", tmp_path / "theirs")
    )
    assert read_checkpoint(ours.pop("checkpoint"))[0] == read_checkpoint(theirs.pop("checkpoint"))[0]
    assert ours == theirs


def test_tiles_are_read_alike(tmp_path: Path) -> None:
    """Proofs from our tiles by either reader, on tiles as they should be and with one bit turned.

    The root does not depend on every tile, so a turned bit shows in some proofs only. To judge all tiles at
    once, they are built anew from the records.
    """
    size, chance, verdicts = len(BODIES), Random(6), Counter[bool]()
    root = subtree_root(TREE, 0, size)
    _write_log(tmp_path, size)
    rebuilt = {tile.path: data for tile, data in build_tiles(BODIES)}
    paths = sorted(path for path in (tmp_path / "tile").rglob("*") if path.is_file() and "entries" not in path.parts)
    for number in range(300):
        path, index, old = chance.choice(paths), chance.randrange(size), chance.randint(1, size - 1)
        whole = path.read_bytes()
        if number % 2:
            path.write_bytes(_flipped(whole, chance))
        theirs = TilesReader(LocalBackend(tmp_path))
        assert theirs.get_checkpoint().size == size
        ours = TileHashes(size, lambda *at: hashes_in((tmp_path / Tile(*at).path).read_bytes(), at[2]))
        assert subtree_root(ours, 0, size) == theirs.calculate_root_hash()
        assert subtree_root(ours, 0, size) == root or number % 2
        assert theirs.get_entry(index) == BODIES[index]
        inclusion, consistency = inclusion_proof(ours, index, size), consistency_proof(ours, old, size)
        assert inclusion == theirs.get_inclusion_proof(index, size).node_hashes
        assert consistency == theirs.get_consistency_proof(old, size).node_hashes
        leaf, old_root = TREE.leaves[index], subtree_root(TREE, 0, old)
        accepted = _accepts(verify_inclusion, leaf, index, size, inclusion, root)
        assert accepted == _accepts(InclusionProof(index, size, inclusion).check, leaf, root)
        assert accepted == _accepts(_sigstore_inclusion, BODIES[index], index, size, inclusion, root)
        verdicts[accepted] += 1
        accepted = _accepts(verify_consistency, old, old_root, size, root, consistency)
        assert accepted == _accepts(ConsistencyProof(old, size, consistency).check, old_root, root)
        assert (rebuilt[path.relative_to(tmp_path).as_posix()] == path.read_bytes()) == (number % 2 == 0)
        path.write_bytes(whole)
    assert verdicts[True] >= 150
    assert verdicts[False] >= 50


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs the openssl command")
def test_openssl_alone_verifies_a_checkpoint(tmp_path: Path) -> None:
    """Nothing of ours but the key: the text is cut out with sed, the signature with sed, base64 and tail."""
    data = _signed(len(BODIES), Random(7))
    (tmp_path / "checkpoint").write_bytes(data)
    (tmp_path / "key.pem").write_text(LOG.verifier.pem())
    script = (
        "sed '/^$/,$d' checkpoint > text && "
        f"sed -n 's|^— {ORIGIN} ||p' checkpoint | base64 -d | tail -c +5 > signature && "
        "openssl pkeyutl -verify -pubin -inkey key.pem -rawin -in text -sigfile signature"
    )

    def run() -> subprocess.CompletedProcess[str]:
        return subprocess.run(["sh", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False)

    verified = run()
    assert (verified.returncode, verified.stdout.strip()) == (0, "Signature Verified Successfully"), verified.stderr
    for altered in (data.replace(b"\n700\n", b"\n701\n"), data.replace(ORIGIN.encode(), b"example.com/whosf", 1)):
        (tmp_path / "checkpoint").write_bytes(altered)
        assert run().returncode != 0
    (tmp_path / "checkpoint").write_bytes(data)
    (tmp_path / "key.pem").write_text(THIEF.verifier.pem())
    assert run().returncode != 0
