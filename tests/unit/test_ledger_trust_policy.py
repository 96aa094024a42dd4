"""Trust policies: the specification's example, every rule it states, and where a mistake is found."""

from __future__ import annotations

from itertools import combinations

import pytest

from storage.ledger.checkpoint import Checkpoint, CheckpointError, add_cosignatures, sign_checkpoint
from storage.ledger.merkle import leaf_hash
from storage.ledger.note import NoteError, SignerKey, VerifierKey
from storage.ledger.trust_policy import Group, TrustPolicy, TrustPolicyError
from tests.unit.ledger_tree import ORIGIN, Witness, signer

LOG = signer()
WITNESSES = {name: Witness(f"witness.example/{name}") for name in ("X1", "X2", "X3", "Y1", "Y2", "Y3")}
W = {name: f"witness {name} {witness.key}" for name, witness in WITNESSES.items()}
EXAMPLE = f"""
log {LOG.verifier}

{W["X1"]}
{W["X2"]}
{W["X3"]}
group X-witnesses 2 X1 X2 X3

{W["Y1"]}
{W["Y2"]} https://witness.example/
\t{W["Y3"]}  \t
group Y-witnesses any Y1 Y2 Y3

  # both organisations
group X-and-Y all X-witnesses Y-witnesses
quorum X-and-Y
"""


def test_the_example_of_the_specification() -> None:
    policy = TrustPolicy.parse(EXAMPLE.encode())
    assert [log.key for log in policy.logs] == [LOG.verifier]
    assert {name: party.key for name, party in policy.witnesses.items()} == {n: w.key for n, w in WITNESSES.items()}
    assert policy.witnesses["Y2"].url == "https://witness.example/"
    assert policy.groups[1] == Group("Y-witnesses", 1, ("Y1", "Y2", "Y3"))
    for count in range(7):
        for seen in combinations(WITNESSES, count):
            xs, ys = sum(name[0] == "X" for name in seen), sum(name[0] == "Y" for name in seen)
            assert policy.is_witnessed(seen) == (xs >= 2 and ys >= 1)


@pytest.mark.parametrize(
    ("rules", "seen", "enough"),
    [
        ("quorum none", "", True),
        ("quorum none", "X1", True),
        ("quorum X1", "", False),
        ("quorum X1", "X2 X3", False),
        ("quorum X1", "X1", True),
        ("group all all X1 X2\nquorum all", "X1", False),
        ("group all all X1 X2\nquorum all", "X1 X2", True),
        ("group any any X1 X2\nquorum any", "X2", True),
        ("group g 1 X1\nquorum g\ngroup h all g X2", "X1", True),
        ("group \xe9 1 X1\nquorum \xe9", "X1", True),
    ],
)
def test_quorums(rules: str, seen: str, enough: bool) -> None:
    policy = TrustPolicy.parse(f"{W['X1']}\n{W['X2']}\n{W['X3']}\n{rules}\n".encode())
    assert policy.is_witnessed(seen.split()) is enough


def test_names_are_octets_whatever_they_mean() -> None:
    """K and the Kelvin sign are two names, and so are two octets that no UTF-8 text has."""
    names = (b"K", b"\xe2\x84\xaa", b"\xff", b"\xfe")
    keys = [str(WITNESSES[name].key).encode() for name in ("X1", "X2", "X3", "Y1")]
    lines = [b"witness %s %s" % line for line in zip(names, keys, strict=True)]
    policy = TrustPolicy.parse(b"\n".join(lines) + b"\ngroup g 1 \xff\nquorum g\n")
    assert len(policy.witnesses) == 4
    assert policy.is_witnessed(["\udcff"])
    assert not policy.is_witnessed(["K", "\u212a", "\udcfe"])


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("", 1, "quorum NAME"),
        ("quorum none", 1, "cut off"),
        (f"log {LOG.verifier}\n", 2, "quorum NAME"),
        ("\n# nothing\nquorum\n", 3, "quorum NAME"),
        ("quorum a b\n", 1, "quorum NAME"),
        ("quorum none\nquorum none\n", 2, "quorum line above already"),
        ("quorum X1\n", 1, "defines 'X1'"),
        (f"quorum X1\n{W['X1']}\n", 1, "defines 'X1'"),
        ("log\n", 1, "log KEY"),
        (f"log {LOG.verifier} a b\n", 1, "log KEY"),
        ("log key\n", 1, "a key reads"),
        (f"log {LOG.verifier}x\n", 1, "base64"),
        (f"\nlog {WITNESSES['X1'].key}\n", 2, "of type 0x01 belongs here"),
        (f"witness X1 {LOG.verifier}\n", 1, "of type 0x04 belongs here"),
        (f"log {LOG.verifier}\nlog {signer('example.com/other').verifier}\n", 2, "key is there already"),
        (f"log {LOG.verifier}\n\nlog {LOG.verifier}\n", 3, "key is there already"),
        ("witness X1\n", 1, "witness NAME KEY"),
        (f"{W['X1']} a b\n", 1, "witness NAME KEY"),
        (f"{W['X1']}\n{W['X1'].replace('X1', 'X2', 1)}\n", 2, "key is there already"),
        (f"{W['X1']}\n{W['X2'].replace('X2', 'X1', 1)}\n", 2, "'X1' is taken"),
        (f"witness none {WITNESSES['X1'].key}\n", 1, "'none' is taken"),
        (f"{W['X1']}\ngroup none 1 X1\n", 2, "'none' is taken"),
        (f"{W['X1']}\ngroup X1 1 X1\n", 2, "'X1' is taken"),
        (f"{W['X1']}\n{W['X2']}\ngroup g 1 X1\ngroup g 1 X2\n", 4, "'g' is taken"),
        (f"{W['X1']}\ngroup X2 1 X1\n{W['X2']}\n", 3, "'X2' is taken"),
        (f"{W['X1']}\ngroup g 1\n", 2, "group NAME"),
        (f"{W['X1']}\ngroup g 1 none\n", 2, "defines 'none'"),
        (f"{W['X1']}\ngroup g 1 g\n", 2, "defines 'g'"),
        (f"{W['X1']}\ngroup g 1 X1 X1\n", 2, "in a group already"),
        (f"{W['X1']}\ngroup g 1 X1\ngroup h 1 X1\n", 3, "in a group already"),
        (f"{W['X1']}\ngroup g 2 X1\n", 2, "never be reached"),
        (f"{W['X1']}\ngroup g 0 X1\n", 2, "not by '0'"),
        (f"{W['X1']}\ngroup g 01 X1\n", 2, "not by '01'"),
        (f"{W['X1']}\ngroup g -1 X1\n", 2, "not by '-1'"),
        (f"{W['X1']}\ngroup g \u0661 X1\n", 2, "not by"),
        (f"{W['X1']}\ngroup g ALL X1\n", 2, "not by 'ALL'"),
        (f"{W['X1']}\ngroup g {'9' * 5000} X1\n", 2, "not by '999"),
        ("Quorum none\n", 1, "not with 'Quorum'"),
        ("quorum\u00a0none\n", 1, "not with"),
        ("quorum none\r\n", 1, "control characters"),
        ("quorum none\n# \x7f\n", 2, "control characters"),
        ("quorum none\n\x00\n", 2, "control characters"),
        ("# " + "x" * 1_000_000 + "\nquorum none\n", 1, "at most"),
    ],
)
def test_a_mistake_is_found_where_it_is(text: str, line: int, says: str) -> None:
    with pytest.raises(TrustPolicyError) as caught:
        TrustPolicy.parse(text.encode())
    assert says in str(caught.value)
    assert str(caught.value).startswith(f"line {line}: ")
    assert caught.value.line == line


def test_a_key_with_octets_that_are_no_text() -> None:
    with pytest.raises(TrustPolicyError, match="line 1: the name of a key"):
        TrustPolicy.parse(b"log \xff" + str(LOG.verifier).encode() + b"\nquorum none\n")


def test_deep_and_wide_policies() -> None:
    names = [f"w{number}" for number in range(200)]
    lines = [f"witness {name} {Witness(f'witness.example/{name}').key}" for name in names]
    lines += ["group g0 1 w0", *(f"group g{number} all g{number - 1} w{number}" for number in range(1, 200))]
    policy = TrustPolicy.parse("\n".join([*lines, "quorum g199", ""]).encode())
    assert policy.is_witnessed(names)
    assert not policy.is_witnessed(names[1:])


def _checkpoint(log: SignerKey, *witnesses: str) -> bytes:
    head = Checkpoint(log.name, 8, leaf_hash(b"root"))
    data = sign_checkpoint(head, [log])
    for name in witnesses:
        witness = WITNESSES[name]
        data = add_cosignatures(data, witness.cosign(head.text, 7).line().encode(), [witness.key])
    return data


def test_a_checkpoint_is_judged_by_its_log_and_its_witnesses() -> None:
    policy = TrustPolicy.parse(EXAMPLE.encode())
    verified = policy.verify(_checkpoint(LOG, "Y3", "X1", "X3"))
    assert verified.checkpoint.size == 8
    assert {key.name: at for key, at in verified.signatures}[WITNESSES["X3"].key.name] == 7
    for names in ((), ("X1", "X2", "X3"), ("X1", "Y1", "Y2", "Y3")):
        with pytest.raises(CheckpointError, match="too few witnesses"):
            policy.verify(_checkpoint(LOG, *names))


def test_a_stolen_or_strange_key_does_not_help() -> None:
    policy = TrustPolicy.parse(EXAMPLE.encode())
    for log in (signer(seed="thief"), signer("example.com/other")):
        with pytest.raises(NoteError):
            policy.verify(_checkpoint(log, "X1", "X2", "Y1"))
    good = _checkpoint(LOG, "X1", "X2", "Y1")
    for at in range(len(good)):
        altered = good[:at] + bytes([good[at] ^ 2]) + good[at + 1 :]
        with pytest.raises(NoteError):
            policy.verify(altered)


def test_a_policy_without_logs_accepts_nothing_by_itself() -> None:
    policy = TrustPolicy.parse(b"quorum none\n")
    with pytest.raises(NoteError):
        policy.verify(_checkpoint(LOG))
    assert isinstance(LOG.verifier, VerifierKey)
    assert LOG.verifier.name == ORIGIN
