"""Proofs in trees of any size, read through tiles, and formats that read back what they wrote."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from storage.ledger.checkpoint import Checkpoint, sign_checkpoint, verify_checkpoint
from storage.ledger.merkle import EMPTY_ROOT, leaf_hash
from storage.ledger.note import Note, NoteError, SignerKey, VerifierKey
from storage.ledger.proofs import (
    MAX_SIZE,
    ProofError,
    consistency_proof,
    inclusion_proof,
    subtree_root,
    verify_consistency,
    verify_inclusion,
)
from storage.ledger.tiles import ENTRIES, Tile, TileHashes, bundle_of, entries_in
from storage.ledger.tlog_proof import TlogProof
from storage.ledger.trust_policy import TrustPolicy, TrustPolicyError
from tests.unit.ledger_tree import VirtualTree, signer

SIZES = st.integers(1, 63).flatmap(lambda bits: st.integers(1, 2**bits - 1))
HASHES = st.binary(min_size=32, max_size=32)
LINES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters=[chr(c) for c in range(32)]), min_size=1)


@given(st.data(), SIZES)
def test_every_record_of_a_tree_of_any_size_is_proven(data: st.DataObject, size: int) -> None:
    index = data.draw(st.integers(0, size - 1) | st.sampled_from([0, size - 1]))
    odd_ones = {index, data.draw(st.integers(0, size - 1))}
    tree = VirtualTree(odd_ones)
    reader = TileHashes(size, tree.tile)
    root = subtree_root(tree, 0, size)
    leaf, path = tree.node(0, index), inclusion_proof(reader, index, size)
    assert path == inclusion_proof(tree, index, size)
    assert len(path) <= (size - 1).bit_length()
    verify_inclusion(leaf, index, size, path, root)
    with pytest.raises(ProofError):
        verify_inclusion(leaf_hash(b"other"), index, size, path, root)
    elsewhere = data.draw(st.integers(0, size - 1))
    assume(elsewhere != index)
    with pytest.raises(ProofError):
        verify_inclusion(leaf, elsewhere, size, path, root)


@given(st.data(), SIZES)
def test_every_earlier_tree_of_a_tree_of_any_size_is_proven(data: st.DataObject, new: int) -> None:
    old = data.draw(st.integers(0, new))
    changed = data.draw(st.integers(0, new - 1))
    tree, rewritten = VirtualTree([new // 2]), VirtualTree([new // 2, changed])
    path = consistency_proof(TileHashes(new, tree.tile), old, new)
    assert path == consistency_proof(tree, old, new)
    old_root, new_root = subtree_root(tree, 0, old), subtree_root(tree, 0, new)
    verify_consistency(old, old_root, new, new_root, path)
    assume(changed != new // 2)
    if changed < old:  # a rewritten past: neither the honest proof nor one made for the new tree serves
        rewritten_root = subtree_root(rewritten, 0, new)
        for attempt in (path, consistency_proof(rewritten, old, new)):
            with pytest.raises(ProofError):
                verify_consistency(old, old_root, new, rewritten_root, attempt)
    else:
        other = consistency_proof(rewritten, old, new)
        verify_consistency(old, old_root, new, subtree_root(rewritten, 0, new), other)


@given(st.integers(0, MAX_SIZE), st.integers(0, MAX_SIZE), HASHES, HASHES, st.lists(HASHES, max_size=70))
def test_no_made_up_proof_passes_or_breaks(first: int, second: int, one: bytes, two: bytes, path: list[bytes]) -> None:
    with pytest.raises(ProofError):
        verify_inclusion(one, first, second, path, leaf_hash(two))
    assume(first != 0 or one != EMPTY_ROOT)
    with pytest.raises(ProofError):
        verify_consistency(first, one, second, leaf_hash(two), path)


@given(st.sampled_from([ENTRIES, *range(64)]), st.integers(0, 2**55), st.integers(1, 256))
def test_a_tile_is_found_by_its_path(level: int, index: int, width: int) -> None:
    tile = Tile(level, index, width)
    assert Tile.from_path(tile.path) == tile


@given(st.lists(st.binary(max_size=300), min_size=1, max_size=20))
def test_a_bundle_reads_back(bodies: list[bytes]) -> None:
    assert entries_in(bundle_of(bodies), len(bodies)) == bodies


@given(st.integers(1, MAX_SIZE), HASHES, st.lists(LINES, max_size=3))
def test_a_checkpoint_reads_back(size: int, root: bytes, extensions: list[str]) -> None:
    head = Checkpoint("example.com/whose", size, root, tuple(extensions))
    key = signer()
    assert Checkpoint.parse(head.text) == head
    assert verify_checkpoint(sign_checkpoint(head, [key]), [key.verifier]).checkpoint == head


@given(st.integers(0, MAX_SIZE), st.lists(HASHES, max_size=63), st.none() | st.binary(max_size=100))
def test_a_proof_file_reads_back(index: int, path: list[bytes], extra: bytes | None) -> None:
    signed = sign_checkpoint(Checkpoint("example.com/whose", 8, leaf_hash(b"")), [signer()])
    proof = TlogProof(index, tuple(path), signed, extra)
    assert TlogProof.parse(proof.encode()) == proof


FRAGMENTS = st.sampled_from(
    "log |witness |group |quorum |none|all |any |1 |\n|\n\n|— |c2sp.org/tlog-proof@v1\n|extra |index 0\n|AAAA|\t|#|\0"
    f"|example.com/whose|{signer().verifier}".split("|")
)


@given(st.lists(FRAGMENTS.map(str.encode) | st.binary(max_size=5), max_size=30).map(b"".join))
@settings(max_examples=500)
def test_whatever_comes_is_read_or_refused_and_breaks_nothing(data: bytes) -> None:
    for read in (Note.parse, TlogProof.parse, TrustPolicy.parse):
        with suppress(NoteError, ProofError, TrustPolicyError):
            read(data)
    for read_text in (Checkpoint.parse, Tile.from_path, VerifierKey.parse, SignerKey.parse):
        with suppress(NoteError, ProofError):
            read_text(data.decode("latin-1"))
