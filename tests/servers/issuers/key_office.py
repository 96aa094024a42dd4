"""An issuing system in memory, with a connector that can be told to fail in every way that a network can."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from pydantic import SecretStr

from bot.errors import UpstreamError
from bot.operations.issuer_port import SecretSink
from bot.rules.issuing import (
    Absent,
    Accepted,
    Capabilities,
    Check,
    Created,
    Credential,
    KeyState,
    Look,
    NotDone,
    Proof,
    Rejected,
    Reply,
    Result,
    Rotation,
    Sighting,
    Unclear,
    Verdict,
)

FULL = Capabilities(
    listing=True,
    expiry=True,
    last_used=True,
    usage=True,
    disable=True,
    reversible=True,
    revoke=True,
    rotate=Rotation.OVERLAP,
    verify=(Proof.RELIST, Proof.PROBE),
)
BLUNT = replace(FULL, disable=False, reversible=False, rotate=None)
"""Can only end things for good."""
CHOSEN = replace(FULL, rotate=Rotation.CHOSEN)


@dataclass
class Key:
    id: str
    holder: str
    secret: str
    state: KeyState = KeyState.ACTIVE
    last_used_at: datetime | None = None


@dataclass(frozen=True)
class Lost:
    """The call is carried out, and its answer is lost."""

    reply: Any = field(default_factory=lambda: Unclear("the answer was lost"))


class DeathError(Exception):
    """The worker dies in the call, after it was carried out or before: nothing is written down of it."""

    def __init__(self, *, done: bool) -> None:
        super().__init__("the worker died")
        self.done = done


@dataclass
class KeyOffice:
    """The system itself: what it says of a key is the truth."""

    keys: dict[str, Key] = field(default_factory=dict)
    made: int = 0
    calls: list[tuple[str, str]] = field(default_factory=list)
    """(action, id) of everything that was carried out."""
    honours_the_dead: bool = False
    """Deleted keys are listed no more and work all the same."""
    buried: set[str] = field(default_factory=set)

    def add(self, key_id: str, holder: str = "drift") -> Key:
        self.keys[key_id] = Key(key_id, holder, f"secret of {key_id}")
        return self.keys[key_id]

    def accepts(self, secret: str) -> bool:
        if self.honours_the_dead and secret in self.buried:
            return True
        return any(key.secret == secret and key.state is KeyState.ACTIVE for key in self.keys.values())


class Connector:
    """Speaks to the office. ``faults`` holds, by method, what happens to the next calls instead: a reply (nothing is
    done), a :class:`Lost` (it is done), or an exception to raise."""

    kind = "key_office"

    def __init__(self, office: KeyOffice, system: str = "aws", able: Capabilities = FULL) -> None:
        self.office = office
        self.system = system
        self.capabilities = able
        self.ours: set[str] = set()
        self.faults: dict[str, deque[Any]] = {}

    def fail(self, method: str, *how: Any) -> None:
        """What the next calls of a method meet."""
        self.faults.setdefault(method, deque()).extend(how)

    def check(self) -> list[Check]:
        return [Check("key office", True, "answers")]

    def is_ours(self, credential: Credential) -> bool:
        return credential.external_id in self.ours

    def listing(self) -> Iterator[Sighting]:
        fault = self._next("listing")
        for key in list(self.office.keys.values()):
            yield self._sighting(key)
        if fault is not None:
            raise UpstreamError("the list ended early")

    def look(self, credential: Credential) -> Look:
        def seen() -> Look:
            key = self.office.keys.get(credential.external_id)
            return Absent() if key is None else self._sighting(key)

        found: Look = self._meet("look", seen)
        return found

    def disable(self, credential: Credential) -> Reply:
        return self._change("disable", credential, lambda key: setattr(key, "state", KeyState.DISABLED))

    def enable(self, credential: Credential) -> Reply:
        return self._change("enable", credential, lambda key: setattr(key, "state", KeyState.ACTIVE))

    def revoke(self, credential: Credential) -> Reply:
        def bury(key: Key) -> None:
            self.office.buried.add(key.secret)
            del self.office.keys[key.id]

        return self._change("revoke", credential, bury)

    def verify(self, credential: Credential) -> Verdict | NotDone | Unclear:
        def checked() -> Verdict:
            if credential.external_id in self.office.keys:
                return Verdict(Result.FAILED, Proof.RELIST, "it is still listed")
            if self.office.accepts(f"secret of {credential.external_id}"):
                return Verdict(Result.FAILED, Proof.PROBE, "it is listed no more, and still works")
            return Verdict(Result.CONFIRMED, Proof.PROBE)

        found: Verdict | NotDone | Unclear = self._meet("verify", checked)
        return found

    def create(self, like: Credential) -> Created | Rejected | NotDone | Unclear:
        def made() -> Created | Rejected:
            old = self.office.keys.get(like.external_id)
            if old is None:
                return Rejected("NoSuchEntity")
            if len(self._of(old.holder)) >= 2:
                return Rejected("LimitExceeded", "it has two keys already")
            self.office.made += 1
            key = self.office.add(f"{like.external_id}-new{self.office.made}", old.holder)
            self.office.calls.append(("create", key.id))
            return Created(key.id, SecretStr(key.secret), f"req-{len(self.office.calls)}")

        answer: Created | Rejected | NotDone | Unclear = self._meet("create", made)
        return answer

    def siblings(self, like: Credential) -> tuple[str, ...] | Rejected | NotDone | Unclear:
        def listed() -> tuple[str, ...]:
            holder = self.office.keys[like.external_id].holder if like.external_id in self.office.keys else ""
            return tuple(self._of(holder))

        found: tuple[str, ...] | Rejected | NotDone | Unclear = self._meet("siblings", listed)
        return found

    def replace(self, credential: Credential, secret: SecretStr) -> Reply:
        return self._change("replace", credential, lambda key: setattr(key, "secret", secret.get_secret_value()))

    def works(self, credential: Credential, secret: SecretStr) -> bool | NotDone | Unclear:
        def tried() -> bool:
            key = self.office.keys.get(credential.external_id)
            given = secret.get_secret_value()
            return key is not None and key.secret == given and key.state is KeyState.ACTIVE

        found: bool | NotDone | Unclear = self._meet("works", tried)
        return found

    def _change(self, action: str, credential: Credential, change: Callable[[Key], Any]) -> Reply:
        def done() -> Reply:
            key = self.office.keys.get(credential.external_id)
            if key is None:
                return Absent(f"req-{len(self.office.calls)}")
            change(key)
            self.office.calls.append((action, key.id))
            return Accepted(f"req-{len(self.office.calls)}")

        answer: Reply = self._meet(action, done)
        return answer

    def _meet(self, method: str, do: Callable[[], Any]) -> Any:
        fault = self._next(method)
        if isinstance(fault, Exception):
            if isinstance(fault, DeathError) and fault.done:
                do()
            raise fault
        if isinstance(fault, Lost):
            do()
            return fault.reply
        return do() if fault is None else fault

    def _next(self, method: str) -> Any:
        waiting = self.faults.get(method)
        return waiting.popleft() if waiting else None

    def _of(self, holder: str) -> list[str]:
        return [key.id for key in self.office.keys.values() if key.holder == holder]

    def _sighting(self, key: Key) -> Sighting:
        return Sighting(key.id, key.state, name=key.holder, last_used_at=key.last_used_at, used_for="s3 in eu-west-1")


@dataclass
class MemorySink:
    """Keeps secrets by reference, as :class:`SecretSink` wants it."""

    now: dict[str, str] = field(default_factory=dict)
    next: dict[str, str] = field(default_factory=dict)
    writable: bool = True
    fails: bool = False

    named: set[str] = field(default_factory=set)
    """What the settings name as ours."""

    def is_named(self, credential: Credential) -> bool:
        return credential.external_id in self.named

    def sink_for(self, ref: str) -> SecretSink:
        return self

    def preflight(self, ref: str) -> Check:
        return Check("sink", self.writable, "can be written" if self.writable else "It cannot be written.")

    def stage(self, ref: str, secret: SecretStr) -> None:
        if self.fails:
            raise UpstreamError("The sink does not answer.")
        self.next[ref] = secret.get_secret_value()

    def staged(self, ref: str) -> SecretStr | None:
        return SecretStr(self.next[ref]) if ref in self.next else None

    def promote(self, ref: str) -> str:
        self.now[ref] = self.next.pop(ref)
        return "1"

    def discard(self, ref: str) -> None:
        self.next.pop(ref, None)

    def current(self, ref: str) -> SecretStr | None:
        return SecretStr(self.now[ref]) if ref in self.now else None
