"""A worker that dies in the middle of carrying something out, at a line that its parent chooses.

As ``crash_worker``, for one turn of the remediation machine: ``{"database", "now", "die_at", "below", "kind",
"options", "environ", "vault"}``. Of the issuing system it has only what a worker has: its address and a credential.
"""

from __future__ import annotations

import json
import sys
from datetime import datetime
from importlib.metadata import entry_points
from typing import Any

import boto3  # noqa: F401 - imported once, so that no child dies of importing alone
import psycopg  # noqa: F401 - as above
from pydantic import SecretStr

from bot.issuers.secrets import Secrets, Vault
from bot.issuers.sinks import FileSink, VaultSink
from bot.operations.carrying_out.turn import carry_out
from bot.operations.context import Context
from bot.operations.issuer_port import Issuer, Kind, SecretSink, Tools
from bot.rules.issuing import Connector, Credential
from storage.database import Database
from tests.contract.carrying_kit import policy_that_acts
from tests.contract.crash_worker import NEVER, Lines, in_a_child
from tests.contract.sweep_kit import LANE
from tests.servers.fake_clock import FakeClock

KINDS: dict[str, Kind] = {one.name: one.load() for one in entry_points(group="whose.issuers")}


class Sinks:
    """A file, or a field in Vault, as the reference says."""

    def __init__(self, vault: Vault | None) -> None:
        self._vault = vault

    def is_named(self, credential: Credential) -> bool:
        return False

    def sink_for(self, ref: str) -> SecretSink:
        return VaultSink(self._vault) if self._vault is not None and ref.startswith("vault:") else FileSink()


def vault_of(order: dict[str, Any]) -> Vault | None:
    """The Vault that an order names."""
    return Vault(order["vault"]["address"], SecretStr(order["vault"]["token"])) if order["vault"] else None


def connected(order: dict[str, Any], clock: FakeClock, vault: Vault | None) -> Issuer:
    """The connector that an order describes."""
    kind = KINDS[order["kind"]]
    tools = Tools(Secrets(order["environ"], vault).read, clock.now, lambda _: None)
    return kind.build("aws", kind.options.model_validate(order["options"]), tools)


def one_turn(order: dict[str, Any], lines: Lines) -> None:
    """Carry out what is due, counting lines from the first one."""
    clock, vault = FakeClock(datetime.fromisoformat(order["now"])), vault_of(order)
    issuer = connected(order, clock, vault)
    known = {"aws": Connector(order["kind"], issuer.capabilities)}
    ctx = Context(Database(order["database"]), clock.now, policy_that_acts(idle_before_retiring="2h"), LANE, known)
    if order["die_at"] != NEVER:
        sys.settrace(lines)
    carry_out(ctx, {"aws": issuer}, Sinks(vault))
    sys.settrace(None)


if __name__ == "__main__":
    for line in sys.stdin:
        print(json.dumps(in_a_child(json.loads(line), one_turn)), flush=True)
