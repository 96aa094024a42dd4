"""A vendor's access ended at AWS, in one plan of two people, against a bare boto3 loop that makes the very same calls.

``python -m benchmarks.offboarding [--tokens 2000] [--quick] [--a-second N] [--profile FILE]``. moto's server
runs in a process of its own, so that time on the processor is the client's alone, theirs and ours. Two access keys a
user. The plan begins with each token, looks at it, disables it, lets the grace of ten days pass (the clock is pushed),
looks again, deletes it and sees that it is gone; each step is committed to SQLite (``synchronous=FULL``), on record.

The floor makes the same calls, in the same order of kinds, on as many other keys of the same account: half of them
before ours and half after. It decides nothing, keeps nothing and looks at no answer. What each made is counted by the
clients themselves and has to be equal.

Both speak to the system one call at a time, so that the answer's time is the pace. ``--a-second N`` has it take N calls
a second of each client, evenly, and let every other one wait: what an issuing system's rate limit comes to for whoever
keeps to it. Without it moto answers as fast as it can, which no issuing system does. AWS publishes no number for IAM.
"""

from __future__ import annotations

import argparse
import cProfile
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from benchmarks.discovery import account, client
from benchmarks.harness import Measured, measured, on_processor, peak_mb, show
from bot.issuers.aws_iam import KIND, AwsOptions
from bot.operations.carrying_out.turn import carry_out
from bot.operations.context import Context
from bot.operations.issuer_port import Issuer, SecretSink, Tools
from bot.operations.offboarding.facts import plan_facts
from bot.operations.offboarding.members import vendor_subject
from bot.operations.offboarding.proposing import Planned, agree, propose
from bot.operations.offboarding.running import carry_plans
from bot.rules.issuing import Connector, Credential
from bot.rules.policy_acting import Remediation
from bot.rules.policy_file import default_policy_text, load_policy
from storage.database import Database
from storage.inventory import Token, Vendor
from storage.owners import assign
from storage.people import Person
from storage.schema import create_all

NOW = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
AIM = 1.3
_OWNERS = 200
_OWN_ID = "AKIA" + "W" * 16


# ------------------------------------------------------------------ the issuing system


@dataclass(frozen=True)
class Key:
    user: str
    id: str


def keys_of(iam: Any, users: int) -> list[Key]:
    """Every key of the account, by user."""
    listed = (iam.list_access_keys(UserName=f"service-{i:05}")["AccessKeyMetadata"] for i in range(users))
    return [Key(one["UserName"], one["AccessKeyId"]) for keys in listed for one in keys]


@dataclass
class Calls:
    """What a client has sent, by kind and when; no faster than the system takes it."""

    a_second: float
    """0: as fast as it can."""
    kinds: Counter[str] = field(default_factory=Counter)
    at: list[float] = field(default_factory=list)

    def watch(self, iam: Any) -> None:
        def sent(model: Any, **_: Any) -> None:
            if self.a_second and self.at:
                time.sleep(max(0.0, self.at[-1] + 1 / self.a_second - time.monotonic()))
            self.kinds[model.name] += 1
            self.at.append(time.monotonic())

        iam.meta.events.register("before-call.iam", sent)

    def busiest_second(self) -> int:
        first = most = 0
        for last, at in enumerate(self.at):
            while at - self.at[first] >= 1.0:
                first += 1
            most = max(most, last - first + 1)
        return most


def floor(iam: Any, keys: list[Key]) -> None:
    """The calls that ending these keys takes, one after the other: pass by pass, as the plan makes them."""
    for key in keys:  # the first look: whose is it, in what state, when was it used
        iam.get_access_key_last_used(AccessKeyId=key.id)
        _look(iam, key)
    for key in keys:
        _look(iam, key)
        iam.update_access_key(UserName=key.user, AccessKeyId=key.id, Status="Inactive")
        _look(iam, key)
    for key in keys:
        _look(iam, key)
    for key in keys:
        _look(iam, key)
        iam.delete_access_key(UserName=key.user, AccessKeyId=key.id)
    for key in keys:
        iam.list_access_keys(UserName=key.user)


def _look(iam: Any, key: Key) -> None:
    iam.list_access_keys(UserName=key.user)
    iam.get_access_key_last_used(AccessKeyId=key.id)


# ------------------------------------------------------------------ ours


class NoSinks:
    """Nothing is rotated here."""

    def is_named(self, credential: Credential) -> bool:
        return credential.external_id == _OWN_ID

    def sink_for(self, ref: str) -> SecretSink:  # noqa: ARG002
        raise LookupError("a removal delivers no secret")


@dataclass
class Company:
    """A vendor that holds all of it, whoever answers for it, and a clock that is pushed."""

    database: Database
    issuer: Issuer
    at: datetime = NOW

    @property
    def ctx(self) -> Context:
        policy = load_policy(default_policy_text(), "the policy that ships")
        rules = {"remediation": Remediation(act=True), "roles": {"security": ("sam@example.com",)}}
        known = {"aws": Connector("aws_iam", KIND.capabilities)}
        return Context(self.database, lambda: self.at, policy.model_copy(update=rules), "slack:T1", known)

    def fill(self, keys: list[Key]) -> None:
        stamps: dict[str, Any] = {"created_at": NOW, "updated_at": NOW}
        with self.database.write() as session:
            emails = ["vera", "sam", *(f"owner{i}" for i in range(_OWNERS))]
            people = [Person(email=f"{one}@example.com", name=one, timezone="UTC", **stamps) for one in emails]
            session.add_all(people)
            session.flush()
            vendor = Vendor(name="driftly", name_key="driftly", relationship_owner_id=people[0].id, **stamps)
            session.add(vendor)
            session.flush()
            for i, key in enumerate(keys):
                token = Token(
                    issuing_system="aws", external_id=key.id, vendor_id=vendor.id, environment="production",
                    created_at=NOW, recorded_at=NOW, updated_at=NOW, last_attested_at=NOW,
                )  # fmt: skip
                session.add(token)
                session.flush()
                assign(session, token.id or 0, "service_owner", people[2 + i % _OWNERS].id or 0, NOW, "import")
            self.vendor_id, self.vera, self.sam = vendor.id or 0, people[0].id or 0, people[1].id or 0

    def offboard(self) -> Counter[str]:
        """From the proposal to the end of the plan; what came of the tokens."""
        ctx = self.ctx
        with self.database.read() as session:
            subject = vendor_subject(session, self.vendor_id)
        made = propose(ctx, subject, self.vera, reason="The contract was terminated.")
        assert isinstance(made, Planned), made
        answer = agree(ctx, made.plan_id, self.sam)
        assert isinstance(answer, Planned), answer
        while carry_plans(ctx):
            self.at += timedelta(seconds=1)
        for pushed in (timedelta(seconds=1), timedelta(days=10, hours=1)):
            self.at += pushed
            while carry_out(ctx, {"aws": self.issuer}, NoSinks()):
                self.at += timedelta(seconds=1)
        carry_plans(ctx)
        with self.database.read() as session:
            facts = plan_facts(session, ctx, made.plan_id, None)
        assert facts is not None
        assert facts.state == "ended", facts.counts
        return Counter(facts.counts)


def run(
    url: str, tokens: int, folder: Path, a_second: float, profile: Path | None
) -> tuple[Measured, Measured, Calls, Calls]:
    """Floor, ours, floor; what each took and called."""
    bare, floor_calls, our_calls = client(url), Calls(a_second), Calls(a_second)
    keys = keys_of(bare, tokens)
    for_floor, for_us = keys[:tokens], keys[tokens:]
    floor_calls.watch(bare)
    options = AwsOptions(access_key_id="env:ID", secret_access_key="env:SECRET", endpoint_url=url)
    secrets = {"env:ID": SecretStr(_OWN_ID), "env:SECRET": SecretStr("made-up")}
    issuer = KIND.build("aws", options, Tools(secrets.__getitem__, lambda: NOW, lambda _: None))
    issuer.look(Credential("AKIA" + "0" * 16))  # so that its client is there
    our_calls.watch(issuer._clients["iam"])  # type: ignore[attr-defined]
    database = Database(f"sqlite:///{folder}/whose.db")
    create_all(database)
    company = Company(database, issuer)
    company.fill(for_us)
    halves, took = (for_floor[: tokens // 2], for_floor[tokens // 2 :]), Measured()
    with measured() as one:
        floor(bare, halves[0])
    took += one
    profiler = cProfile.Profile() if profile is not None else None
    with measured() as ours:
        if profiler is not None:
            profiler.enable()
        counts = company.offboard()
        if profiler is not None:
            profiler.disable()
    if profiler is not None:
        profiler.dump_stats(str(profile))
    with measured() as one:
        floor(bare, halves[1])
    took += one
    assert counts == {"confirmed": tokens}, counts
    database.close()
    return ours, took, our_calls, floor_calls


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tokens", type=int, default=2_000)
    parser.add_argument("--quick", action="store_true", help="20 tokens")
    parser.add_argument("--a-second", type=float, default=0.0, help="calls that the system takes; default: no limit")
    parser.add_argument("--profile", type=Path, help="a file for cProfile's figures of our part")
    options = parser.parse_args()
    tokens = 20 if options.quick else options.tokens
    with account(tokens) as url, tempfile.TemporaryDirectory(prefix="whose-benchmark-") as folder:
        ours, bare, our_calls, floor_calls = run(url, tokens, Path(folder), options.a_second, options.profile)
    assert our_calls.kinds == floor_calls.kinds, (our_calls.kinds, floor_calls.kinds)
    ours.peak_mb = peak_mb()
    calls, busiest = our_calls.kinds.total(), our_calls.busiest_second()
    beyond = (ours.processor - bare.processor) / tokens * 1000
    note = f"{on_processor(ours, bare)}  {calls:,} calls each; our own part {beyond:.1f} ms a token on the processor"
    pace = f"at most {options.a_second:g} calls a second" if options.a_second else "no rate limit"
    ratio = show(f"offboarding of {tokens:,} tokens, {pace}", ours, bare, aim=AIM, note=note)
    print(f"calls in our busiest second: {busiest}")
    if ratio > AIM:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
