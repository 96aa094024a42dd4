"""Checkpoints, what is said to a witness about them, and the files that prove one record."""

from __future__ import annotations

from pathlib import Path

import pytest

from storage.ledger.checkpoint import (
    Checkpoint,
    CheckpointError,
    add_checkpoint_request,
    add_cosignatures,
    origin_of,
    parse_hash,
    parse_number,
    read_checkpoint,
    sign_checkpoint,
    verify_checkpoint,
    witness_size,
)
from storage.ledger.merkle import EMPTY_ROOT, leaf_hash
from storage.ledger.note import Note, NoteError, encode_base64
from storage.ledger.proofs import ProofError, inclusion_proof
from storage.ledger.tiles import Tile, bundle_of
from storage.ledger.tlog_proof import TlogProof
from storage.ledger.trust_policy import TrustPolicy
from tests.unit.ledger_tree import ORIGIN, ListTree, Witness, signer
from tests.unit.test_ledger_merkle import CT_LEAVES, CT_ROOTS

GOLDEN = Path(__file__).parent.parent / "golden" / "ledger" / "log"
ROOT = bytes.fromhex(CT_ROOTS[7])
HEAD = Checkpoint(ORIGIN, 8, ROOT)
LOG = signer()
NORTH, SOUTH = Witness("witness.example/north"), Witness("witness.example/south")
SIGNED = sign_checkpoint(HEAD, [LOG])
COSIGNED = add_cosignatures(SIGNED, NORTH.cosign(HEAD.text, 1_700_000_000).line().encode(), [NORTH.key])
POLICY = TrustPolicy.parse((GOLDEN / "policy.txt").read_bytes())
HASHES = [leaf_hash(body) for body in CT_LEAVES]
PROOF = TlogProof(5, tuple(inclusion_proof(ListTree(HASHES), 5, 8)), COSIGNED)


def test_golden_bytes() -> None:
    """Once published, these files must verify for ever: the same log, keys and times give the same bytes."""
    assert (GOLDEN / "checkpoint").read_bytes() == COSIGNED
    assert (GOLDEN / "proofs/5.tlog-proof").read_bytes() == PROOF.encode()
    assert (GOLDEN / Tile(0, 0, 8).path).read_bytes() == b"".join(HASHES)
    assert (GOLDEN / Tile(-1, 0, 8).path).read_bytes() == bundle_of(CT_LEAVES)
    assert (GOLDEN / "policy.txt").read_text() == f"log {LOG.verifier}\nwitness north {NORTH.key}\nquorum north\n"
    assert TlogProof.parse(PROOF.encode()).verify(HASHES[5], POLICY).checkpoint == HEAD


def test_the_example_of_the_specification() -> None:
    text = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
    head = Checkpoint.parse(text)
    assert (head.origin, head.size, head.extensions, head.text) == ("example.com/behind-the-sofa", 20852163, (), text)


def test_extension_lines_are_kept_and_signed() -> None:
    head = Checkpoint(ORIGIN, 8, ROOT, ("one", "two 2"))
    signed = sign_checkpoint(head, [LOG])
    assert verify_checkpoint(signed, [LOG.verifier]).checkpoint == head
    with pytest.raises(NoteError):
        verify_checkpoint(signed.replace(b"two 2", b"two 3"), [LOG.verifier])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        HEAD.text[:-1],
        HEAD.text + "\n",
        "\n" + HEAD.text,
        HEAD.text.replace("\n8\n", "\n\n8\n"),
        *(HEAD.text.replace("\n8\n", f"\n{size}\n") for size in ("08", "+8", "-8", " 8", "8.0", "8_0", "", "٨", "0")),
        HEAD.text.replace("\n8\n", f"\n{2**63}\n"),
        HEAD.text.replace("\n8\n", f"\n{'9' * 5000}\n"),
        f"{ORIGIN}\n8\n",
        f"{ORIGIN}\n8\n{encode_base64(ROOT[:-1])}\n",
        f"{ORIGIN}\n8\n{encode_base64(ROOT)} \n",
        f"{ORIGIN}\n8\n{encode_base64(ROOT)[:-1]}\n",
        f"{ORIGIN}\n8\n{encode_base64(ROOT)[:-2]}l=\n",
    ],
)
def test_texts_that_are_no_checkpoint(text: str) -> None:
    with pytest.raises(CheckpointError):
        Checkpoint.parse(text)


def test_numbers_and_the_empty_log() -> None:
    assert Checkpoint.parse(f"{ORIGIN}\n0\n{encode_base64(EMPTY_ROOT)}\n").size == 0
    assert parse_number("9223372036854775807") == 2**63 - 1
    assert parse_hash(encode_base64(ROOT)) == ROOT


@pytest.mark.parametrize(
    "head",
    [
        Checkpoint("", 8, ROOT),
        Checkpoint("two\nlines", 8, ROOT),
        Checkpoint(ORIGIN, -1, ROOT),
        Checkpoint(ORIGIN, 2**63, ROOT),
        Checkpoint(ORIGIN, 8, b""),
        Checkpoint(ORIGIN, 0, ROOT),
        Checkpoint(ORIGIN, 8, ROOT, ("",)),
        Checkpoint(ORIGIN, 8, ROOT, ("two\nlines",)),
        Checkpoint(ORIGIN, 8, ROOT, ("tab\t",)),
    ],
)
def test_heads_that_cannot_be_signed(head: Checkpoint) -> None:
    with pytest.raises(NoteError):
        sign_checkpoint(head, [signer(head.origin or ORIGIN)] if "\n" not in head.origin else [LOG])


def test_only_the_log_speaks_for_itself() -> None:
    other = signer("example.com/other")
    with pytest.raises(CheckpointError, match="bear its name"):
        sign_checkpoint(HEAD, [LOG, other])
    with pytest.raises(NoteError):
        sign_checkpoint(HEAD, [])
    by_other = Note(HEAD.text, (other.sign(HEAD.text),)).encode()
    by_witness = Note(HEAD.text, (NORTH.cosign(HEAD.text, 1),)).encode()
    namesake = Witness(ORIGIN)
    by_namesake = Note(HEAD.text, (namesake.cosign(HEAD.text, 1),)).encode()
    for data in (by_other, by_witness, by_namesake):
        with pytest.raises(CheckpointError, match="not signed by a trusted key of its log"):
            verify_checkpoint(data, [LOG.verifier, other.verifier, NORTH.key, namesake.key])


def test_both_keys_sign_while_one_takes_over() -> None:
    successor = signer(seed="successor")
    both = sign_checkpoint(HEAD, [LOG, successor])
    for keys in ([LOG], [successor], [LOG, successor]):
        assert len(verify_checkpoint(both, [key.verifier for key in keys]).signatures) == len(keys)


def test_every_epoch_is_a_log_of_its_own() -> None:
    assert [origin_of(ORIGIN, epoch) for epoch in (0, 1, 2)] == [ORIGIN, f"{ORIGIN}/epoch/1", f"{ORIGIN}/epoch/2"]


def test_the_request_to_a_witness() -> None:
    path = inclusion_proof(ListTree(HASHES), 5, 8)[:2]
    request = add_checkpoint_request(4, path, SIGNED)
    assert request == f"old 4\n{encode_base64(path[0])}\n{encode_base64(path[1])}\n\n".encode() + SIGNED
    assert add_checkpoint_request(0, [], SIGNED) == b"old 0\n\n" + SIGNED
    for old, proof in ((-1, []), (2**63, []), (1, [ROOT] * 64), (1, [ROOT[:-1]])):
        with pytest.raises(CheckpointError):
            add_checkpoint_request(old, proof, SIGNED)


def test_the_answer_of_a_witness() -> None:
    first, again = NORTH.cosign(HEAD.text, 1).line(), NORTH.cosign(HEAD.text, 2).line()
    stranger = SOUTH.cosign(HEAD.text, 3).line()
    cosigned = add_cosignatures(SIGNED, (stranger + first).encode(), [NORTH.key])
    assert cosigned == SIGNED + first.encode()
    assert add_cosignatures(cosigned, again.encode(), [NORTH.key]) == SIGNED + again.encode()
    assert add_cosignatures(cosigned, stranger.encode(), [NORTH.key, SOUTH.key]) == cosigned + stranger.encode()
    wrong = NORTH.cosign(HEAD.text.replace("8", "9"), 1).line()
    longer = "more text\n"
    longer += "\n" + NORTH.cosign(f"{HEAD.text}\n{longer}", 1).line()
    for answer in (
        longer,
        "",
        "\n",
        "no\n",
        stranger,
        wrong,
        first + wrong,
        first[:-1],
        f"more text\n\n{first}",
        f"\n{first}",
    ):
        with pytest.raises(NoteError):
            add_cosignatures(SIGNED, answer.encode(), [NORTH.key])


def test_the_size_that_a_witness_has_seen() -> None:
    assert witness_size(b"20852014\n") == 20852014
    for answer in (b"", b"\n", b"1", b"01\n", b"-1\n", b"1\n\n", b"\xff\n", b"1" * 40 + b"\n", b"1" * 10_000_000):
        with pytest.raises(CheckpointError):
            witness_size(answer)


def test_extra_data_is_carried() -> None:
    for extra in (None, b"", b"\x00anything\n"):
        proof = TlogProof(5, PROOF.path, COSIGNED, extra)
        assert TlogProof.parse(proof.encode()) == proof
    alone = TlogProof(0, (), sign_checkpoint(Checkpoint(ORIGIN, 1, HASHES[0]), [LOG]))
    assert TlogProof.parse(alone.encode()) == alone
    assert alone.verify(HASHES[0], TrustPolicy((*POLICY.logs,), {}, (), "none")).checkpoint.size == 1


ENCODED = PROOF.encode()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        COSIGNED,
        ENCODED[1:],
        ENCODED.replace(b"@v1", b"@v2"),
        ENCODED.replace(b"\n", b"\r\n"),
        ENCODED.replace(b"index 5\n", b""),
        ENCODED.replace(b"index 5", b"index 05"),
        ENCODED.replace(b"index 5", b"index -5"),
        ENCODED.replace(b"index 5", b"index  5"),
        ENCODED.replace(b"index 5", b"Index 5"),
        ENCODED.replace(b"index 5", b"index 5\nindex 5"),
        ENCODED.replace(b"index 5", b"index 5\nextra AA=="),
        ENCODED.replace(b"index 5", b"extra AA\nindex 5"),
        ENCODED.replace(b"index 5", b"extra AA==\nextra AA==\nindex 5"),
        ENCODED.replace(b"index 5", b"index 5\n" + encode_base64(ROOT).encode() * 2),
        ENCODED.replace(b"index 5\n", b"index 5\n" + (encode_base64(ROOT).encode() + b"\n") * 61),
        ENCODED.replace(b"index 5\n", b"index 5\n\n"),
        ENCODED.replace(b"index 5", "index ٥".encode()),
        ENCODED[: ENCODED.index(b"\n\n") + 2],
        ENCODED[:-1],
        ENCODED + b"\n",
        b"c2sp.org/tlog-proof@v1\n\n" + COSIGNED,
        b"c2sp.org/tlog-proof@v1\nextra AA==\n\n" + COSIGNED,
        b"a" * 2_000_001,
    ],
)
def test_files_that_are_no_proof(data: bytes) -> None:
    with pytest.raises(ProofError):
        TlogProof.parse(data)


@pytest.mark.parametrize(
    "proof",
    [
        TlogProof(-1, PROOF.path, COSIGNED),
        TlogProof(5, (b"short",), COSIGNED),
        TlogProof(5, (ROOT,) * 64, COSIGNED),
        TlogProof(5, PROOF.path, b"nothing"),
    ],
)
def test_proofs_that_cannot_be_written(proof: TlogProof) -> None:
    with pytest.raises(ProofError):
        proof.encode()


def test_a_proof_is_of_one_record_in_one_log_by_one_policy() -> None:
    assert PROOF.verify(HASHES[5], POLICY).checkpoint == HEAD
    with pytest.raises(ProofError):
        PROOF.verify(HASHES[4], POLICY)
    with pytest.raises(ProofError):
        TlogProof(4, PROOF.path, COSIGNED).verify(HASHES[5], POLICY)
    with pytest.raises(CheckpointError, match="too few witnesses"):
        TlogProof(5, PROOF.path, SIGNED).verify(HASHES[5], POLICY)
    other = signer("example.com/other")
    elsewhere = sign_checkpoint(Checkpoint("example.com/other", 8, ROOT), [other])
    with pytest.raises(NoteError, match="none of the trusted keys"):
        TlogProof(5, PROOF.path, elsewhere).verify(HASHES[5], POLICY)
    assert read_checkpoint(elsewhere)[0].origin == "example.com/other"
