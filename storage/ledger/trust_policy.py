"""Whose word counts (C2SP tlog-policy): the logs, the witnesses, and how many of these must have seen it.

The policy is what an auditor brings along. It never comes out of the bundle that it judges.

    log example.com/whose+1a2b3c4d+AT…
    witness north witness.example/north+…
    witness south witness.example/south+…
    group both all north south
    quorum both
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from storage.ledger.checkpoint import CheckpointError, SignedCheckpoint, verify_checkpoint
from storage.ledger.note import COSIGNATURE, LOG_SIGNATURE, NoteError, VerifierKey

MAX_POLICY_BYTES = 1_000_000
NONE = "none"
_CONTROL = re.compile(rb"[\x00-\x08\x0b-\x1f\x7f]")
_BLANKS = re.compile(r"[ \t]+")
_COUNT = re.compile(r"[1-9][0-9]{0,8}")


class TrustPolicyError(ValueError):
    """A policy that says nothing clear. ``line`` counts from 1; it is the last one if something is missing."""

    def __init__(self, line: int, problem: str) -> None:
        super().__init__(f"line {line}: {problem}")
        self.line = line


class Party(NamedTuple):
    """A log or a witness: its key, and where it can be reached (empty if the policy does not say)."""

    key: VerifierKey
    url: str = ""


class Group(NamedTuple):
    """Has seen a checkpoint as soon as ``threshold`` of its members, witnesses or earlier groups, have."""

    name: str
    threshold: int
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TrustPolicy:
    """Whom to believe.

    Attributes:
        logs: one of them must have signed.
        witnesses: by the names they have in the policy, and nowhere else.
        groups: in the order of the policy, so that each one only builds on those before it.
        quorum: the witness or group that must have seen a checkpoint, or :data:`NONE`.
    """

    logs: tuple[Party, ...]
    witnesses: Mapping[str, Party]
    groups: tuple[Group, ...]
    quorum: str

    @classmethod
    def parse(cls, data: bytes) -> TrustPolicy:
        """Read a policy.

        Raises:
            TrustPolicyError: when any line of it is not one that tlog-policy describes, or none is the quorum.
        """
        return _Parser().parse(data)

    def verify(self, checkpoint: bytes) -> SignedCheckpoint:
        """What a signed checkpoint says, if this policy accepts it.

        Raises:
            NoteError: when it is malformed, a trusted key's signature is wrong, or too few have signed.
        """
        known = (*self.logs, *self.witnesses.values())
        verified = verify_checkpoint(checkpoint, (party.key for party in known))
        by = {key for key, _ in verified.signatures}
        if not self.is_witnessed(name for name, party in self.witnesses.items() if party.key in by):
            raise CheckpointError(f"too few witnesses have cosigned the checkpoint for the quorum {self.quorum!r}")
        return verified

    def is_witnessed(self, cosigned: Iterable[str]) -> bool:
        """Whether these witnesses, by their names in the policy, are enough for the quorum."""
        seen = {NONE, *cosigned}
        for group in self.groups:
            if sum(member in seen for member in group.members) >= group.threshold:
                seen.add(group.name)
        return self.quorum in seen


class _Parser:
    """Reads line by line; what a line refers to stands above it."""

    def __init__(self) -> None:
        self.line = 1
        self.logs: list[Party] = []
        self.witnesses: dict[str, Party] = {}
        self.groups: dict[str, Group] = {}
        self.members: set[str] = set()
        self.quorum = ""

    def parse(self, data: bytes) -> TrustPolicy:
        if len(data) > MAX_POLICY_BYTES:
            raise TrustPolicyError(1, f"a policy has at most {MAX_POLICY_BYTES} bytes; this one has {len(data)}")
        # Octets, whatever they mean: surrogateescape keeps each one apart, and compares as bytes do.
        for self.line, line in enumerate(data.split(b"\n"), start=1):
            if _CONTROL.search(line):
                self._refuse("no control characters but tabs can stand here (line ends of Windows count as such)")
            words = _BLANKS.split(line.decode("utf-8", "surrogateescape").strip(" \t"))
            if words[0] and not words[0].startswith("#"):
                self._read(*words)
        if data and not data.endswith(b"\n"):
            self._refuse("the last line has no end; the file may have been cut off")
        if not self.quorum:
            self._refuse("a policy has a line that reads: quorum NAME (or: quorum none)")
        return TrustPolicy(tuple(self.logs), self.witnesses, tuple(self.groups.values()), self.quorum)

    def _read(self, keyword: str, *words: str) -> None:
        match keyword, *words:
            case ["log", key, *url] if len(url) <= 1:
                self._add_log(Party(self._key(key, LOG_SIGNATURE), *url))
            case ["witness", name, key, *url] if len(url) <= 1:
                self._add_witness(name, Party(self._key(key, COSIGNATURE), *url))
            case ["group", name, count, _, *_]:
                self._add_group(name, count, tuple(words[2:]))
            case ["quorum", name]:
                self._set_quorum(name)
            case ["log" | "witness" | "group" | "quorum", *_]:
                self._refuse(f"a {keyword} line reads: {_FORMS[keyword]}")
            case _:
                self._refuse(f"lines begin with log, witness, group, quorum or #, not with {_shown(keyword)}")

    def _add_log(self, log: Party) -> None:
        if any(other.key.public == log.key.public for other in self.logs):
            self._refuse("this log's key is there already")
        self.logs.append(log)

    def _add_witness(self, name: str, witness: Party) -> None:
        self._check_new(name)
        if any(other.key.public == witness.key.public for other in self.witnesses.values()):
            self._refuse("this witness's key is there already")
        self.witnesses[name] = witness

    def _add_group(self, name: str, count: str, members: tuple[str, ...]) -> None:
        self._check_new(name)
        for member in members:
            if member not in self.witnesses and member not in self.groups:
                self._refuse(f"no line above defines {_shown(member)}")
            if member in self.members:
                self._refuse(f"{_shown(member)} is in a group already; each name counts once")
            self.members.add(member)
        if count not in ("all", "any") and not _COUNT.fullmatch(count):
            self._refuse(f"how many of a group are needed is said by all, any or a number, not by {_shown(count)}")
        threshold = len(members) if count == "all" else 1 if count == "any" else int(count)
        if threshold > len(members):
            self._refuse(f"{threshold} of {len(members)} members can never be reached")
        self.groups[name] = Group(name, threshold, members)

    def _set_quorum(self, name: str) -> None:
        if self.quorum:
            self._refuse("there is a quorum line above already")
        if name != NONE and name not in self.witnesses and name not in self.groups:
            self._refuse(f"no line above defines {_shown(name)}")
        self.quorum = name

    def _check_new(self, name: str) -> None:
        if name == NONE or name in self.witnesses or name in self.groups:
            self._refuse(f"the name {_shown(name)} is taken")

    def _key(self, text: str, algorithm: int) -> VerifierKey:
        try:
            key = VerifierKey.parse(text)
        except NoteError as error:
            raise TrustPolicyError(self.line, str(error)) from error
        if key.algorithm != algorithm:
            self._refuse(f"a key of type {algorithm:#04x} belongs here, and this one is of type {key.algorithm:#04x}")
        return key

    def _refuse(self, problem: str) -> None:
        raise TrustPolicyError(self.line, problem)


_FORMS = {
    "log": "log KEY [URL]",
    "witness": "witness NAME KEY [URL]",
    "group": "group NAME all|any|NUMBER MEMBER...",
    "quorum": "quorum NAME",
}


def _shown(word: str) -> str:
    return repr(word.encode("utf-8", "surrogateescape").decode("utf-8", "replace")[:60])
