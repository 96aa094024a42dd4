"""Signed notes: the published example byte for byte, and everything that is not quite a note."""

from __future__ import annotations

import pytest

from storage.ledger.note import (
    COSIGNATURE,
    LOG_SIGNATURE,
    MAX_NOTE_BYTES,
    MAX_SIGNATURES,
    Note,
    NoteError,
    NoteSignature,
    SignerKey,
    VerifierKey,
    decode_base64,
    encode_base64,
)
from tests.unit.ledger_tree import Witness, signer

# The example that the signed-note implementations share (golang.org/x/mod/sumdb/note).
PUBLIC = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
PRIVATE = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
LINE = "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
SIGNED = f"{TEXT}\n{LINE}".encode()
KEY = VerifierKey.parse(PUBLIC)


def test_the_published_example_byte_for_byte() -> None:
    private = SignerKey.parse(PRIVATE)
    assert (private.encode(), str(private.verifier), private.verifier) == (PRIVATE, PUBLIC, KEY)
    assert Note(TEXT, (private.sign(TEXT),)).encode() == SIGNED
    assert [signed.key for signed in Note.parse(SIGNED).verify([KEY])] == [KEY]


def test_every_mangling_of_the_public_key_is_refused() -> None:
    parts = [PUBLIC[at:to] for at in range(len(PUBLIC)) for to in range(at, len(PUBLIC) + 1)]
    changed = [PUBLIC[:at] + chr(ord(PUBLIC[at]) + 1) + PUBLIC[at + 1 :] for at in range(len(PUBLIC))]
    wrong = [
        "PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==",  # too long, with its own id
        "PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",  # of no known type, with its own id
        PUBLIC.replace("c74f", "C74F"),
        PUBLIC + "\n",
        " " + PUBLIC,
        "PeterNeumann+c74f20a3+",
        "PeterNeumann+c74f20a3+====",
        "\ud800+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
    ]
    for text in [*parts, *changed, *wrong]:
        if text != PUBLIC:
            with pytest.raises(NoteError):
                VerifierKey.parse(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        PUBLIC,
        PRIVATE.replace("c74f20a3", "c74f20a4"),
        PRIVATE.replace("AYEK", "AYEL"),
        PRIVATE.replace("AYEK", "BIEK"),
        PRIVATE[:-4],
        PRIVATE.lower(),
        PRIVATE + "\n",
    ],
)
def test_a_damaged_private_key_is_refused_without_being_shown(text: str) -> None:
    with pytest.raises(NoteError) as caught:
        SignerKey.parse(text)
    assert caught.value.__cause__ is None or "AY" not in str(caught.value.__cause__)
    assert text[-12:] not in str(caught.value) or not text


def test_a_private_key_is_not_shown_by_accident() -> None:
    key = SignerKey.generate("example.com/log")
    secret = key.encode().split("+", 4)[4]
    assert key != SignerKey.generate("example.com/log")
    assert SignerKey.parse(key.encode()).verifier == key.verifier
    assert secret not in repr(key)
    assert secret not in str(key)


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\tb", "a\nb", "a\u00a0b", "a\u2028b", "a\x00b", "\ud800"])
def test_names_that_would_break_a_signature_line(name: str) -> None:
    with pytest.raises(NoteError, match="name of a key"):
        SignerKey.generate(name)
    with pytest.raises(NoteError, match="name of a key"):
        VerifierKey(name, LOG_SIGNATURE, bytes(32))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n",
        b"\n\n",
        TEXT.encode(),
        SIGNED[:-1],
        SIGNED + b"\n",
        SIGNED + LINE.encode()[:-1],
        SIGNED.replace(b"\n\n", b"\n"),
        SIGNED.replace(b"\n", b"\r\n"),
        SIGNED.replace(b"think", b"th\x00nk"),
        SIGNED.replace(b"think", b"th\xffnk"),
        SIGNED.replace(b"think", b"th\xed\xa0\x80nk"),
        SIGNED.replace("— ".encode(), b"- "),
        SIGNED.replace("— ".encode(), "—".encode()),
        SIGNED.replace("— ".encode(), "—  ".encode()),
        SIGNED.replace(b"PeterNeumann x", b"PeterNeumann  x"),
        SIGNED.replace(b"PeterNeumann x", b"Peter Neumann x"),
        SIGNED.replace(b"PeterNeumann x", b"Peter+Neumann x"),
        SIGNED.replace(b"PeterNeumann x", b" x"),
        SIGNED.replace(b"wJnAM=", b"wJnAM"),
        SIGNED.replace(b"wJnAM=", b"wJnAN="),  # the same bytes, spelled with stray bits
        SIGNED.replace(b"wJnAM=", b"wJnAM= "),
        SIGNED.replace(b"x08go", b"x08\xc3\xa9o"),
        f"{TEXT}\n— PeterNeumann x08gow==\n".encode(),  # a key id and no signature
        f"{TEXT}\n".encode() + LINE.encode() * (MAX_SIGNATURES + 1),
        b"a" * MAX_NOTE_BYTES + SIGNED,
    ],
)
def test_what_is_not_quite_a_note_is_refused(data: bytes) -> None:
    with pytest.raises(NoteError):
        Note.parse(data)


def test_the_last_empty_line_parts_text_and_signatures() -> None:
    text = "one\n\n— two AAAAAAAA\n\n\nthree\n\n"
    key = signer("example.com/log")
    note = Note.parse(Note(text, (key.sign(text),)).encode())
    assert note.text == text
    assert note.verify([key.verifier])[0].key == key.verifier


def test_every_altered_byte_is_refused() -> None:
    for at in range(len(SIGNED)):
        for bit in (1, 4):
            altered = bytearray(SIGNED)
            altered[at] ^= bit
            with pytest.raises(NoteError):
                Note.parse(bytes(altered)).verify([KEY])


def test_unknown_keys_are_passed_over_even_with_a_known_name_or_id() -> None:
    known, namesake = signer("example.com/log"), signer("example.com/log", "another")
    sharing_id = known.sign(TEXT)._replace(name="example.com/other")
    witness = Witness("witness.example/w")
    unknown = (namesake.sign("other text\n"), sharing_id, sharing_id, witness.cosign(TEXT, 5))
    note = Note.parse(Note(TEXT, (*unknown, known.sign(TEXT))).encode())
    assert note.verify([known.verifier]) == [(known.verifier, None)]
    assert note.verify([known.verifier, witness.key]) == [(witness.key, 5), (known.verifier, None)]
    with pytest.raises(NoteError, match="none of the trusted keys"):
        note.verify([signer("example.com/third").verifier])
    with pytest.raises(NoteError, match="none of the trusted keys"):
        note.verify([])


def test_one_wrong_signature_by_a_known_key_spoils_the_note() -> None:
    one, two = signer("example.com/one"), signer("example.com/two")
    note = Note(TEXT, (one.sign(TEXT), two.sign("other text\n")))
    assert note.verify([one.verifier])
    with pytest.raises(NoteError, match="two' does not fit"):
        note.verify([one.verifier, two.verifier])


def test_a_known_key_signs_once() -> None:
    key, witness = signer("example.com/log"), Witness("witness.example/w")
    with pytest.raises(NoteError, match="signed twice"):
        Note(TEXT, (key.sign(TEXT), key.sign(TEXT))).verify([key.verifier])
    with pytest.raises(NoteError, match="signed twice"):
        Note(TEXT, (witness.cosign(TEXT, 1), witness.cosign(TEXT, 2))).verify([witness.key])


def test_signatures_of_the_wrong_kind_or_length() -> None:
    key, witness = signer("example.com/log"), Witness("witness.example/w")
    good = witness.cosign(TEXT, 1_679_315_147)
    assert witness.key.verify(TEXT, good) == 1_679_315_147
    assert witness.key.verify(TEXT, witness.cosign(TEXT, 2**63 - 1)) == 2**63 - 1
    later = (1_679_315_148).to_bytes(8, "big") + good.signature[8:]
    plain = witness.private.sign(TEXT.encode())
    for signature in (b"", good.signature[:-1], good.signature + b"\0", later, plain, bytes(8) + plain):
        with pytest.raises(NoteError):
            witness.key.verify(TEXT, good._replace(signature=signature))
    with pytest.raises(NoteError):
        witness.key.verify(TEXT, witness.cosign(TEXT, 2**63))
    for signature in (b"", key.sign(TEXT).signature[:-1], key.sign(TEXT).signature + b"\0", bytes(64)):
        with pytest.raises(NoteError):
            key.verifier.verify(TEXT, key.sign(TEXT)._replace(signature=signature))


def test_a_key_answers_for_its_own_signatures_alone() -> None:
    one, two = signer("example.com/one", "same"), signer("example.com/two", "same")
    with pytest.raises(NoteError, match="not a signature by"):
        two.verifier.verify(TEXT, one.sign(TEXT))
    assert one.verifier.key_id != VerifierKey("example.com/one", COSIGNATURE, one.verifier.public).key_id


def test_many_signatures_are_fine() -> None:
    keys = [signer(f"example.com/{number}", str(number)) for number in range(MAX_SIGNATURES)]
    note = Note.parse(Note(TEXT, tuple(key.sign(TEXT) for key in keys)).encode())
    assert [signed.key for signed in note.verify(key.verifier for key in keys)] == [key.verifier for key in keys]


@pytest.mark.parametrize("text", ["", "no newline", "null\0\n", "tab\t\n", "\ud800\n"])
def test_texts_that_cannot_be_signed_are_not_written(text: str) -> None:
    with pytest.raises(NoteError):
        Note(text, (NoteSignature("example.com/log", bytes(4), bytes(64)),)).encode()
    with pytest.raises(NoteError):
        Note(TEXT, ()).encode()


@pytest.mark.parametrize("text", ["A", "AA", "AAA", "AB==", "AAB=", "AA==AA==", "AA==\n", " AA==", "AA-_", "ÄA==", "="])
def test_base64_has_one_spelling(text: str) -> None:
    with pytest.raises(NoteError):
        decode_base64(text)
    assert decode_base64(encode_base64(b"\x00\xff\xfe")) == b"\x00\xff\xfe"


def test_a_public_key_as_pem() -> None:
    assert KEY.pem().splitlines() == [
        "-----BEGIN PUBLIC KEY-----",
        "MCowBQYDK2VwAyEAGlzZBxQ8OExB6DDFvOEqqIF+xWSaqr8sMTiLNbLXRNY=",
        "-----END PUBLIC KEY-----",
    ]
