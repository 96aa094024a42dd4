"""An inventory whose tokens are keys at an issuing system in memory, and the clock's turns over them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select

from bot.operations.carrying_out.turn import carry_out
from bot.operations.commands import Command
from bot.operations.compose import request_for_reader
from bot.operations.context import Context
from bot.operations.record_decision import record_decision
from bot.rules.issuing import Capabilities, Connector
from bot.rules.policy import Policy
from bot.rules.policy_acting import Remediation
from messages.action_ref import Verb
from messages.cards.facts import RequestFacts
from storage.cases import TASK
from storage.inventory import TOKEN
from storage.remediation import ISSUER_CALL, RUN
from tests.contract.sweep_kit import LANE, POLICY, Inventory
from tests.servers.issuers.key_office import FULL, KeyOffice, MemorySink
from tests.servers.issuers.key_office import Connector as OfficeConnector

REF = "file:/run/secrets/key"


def policy_that_acts(policy: Policy = POLICY, **rules: Any) -> Policy:
    """What the policy lets Whose do by itself."""
    rules = {"grace": "10d", "act": True} | rules
    return policy.model_copy(update={"remediation": Remediation(**rules), "roles": {"security": ("sam@example.com",)}})


@dataclass
class Bench(Inventory):
    """Ana owns ``key``; Ben is her backup, Mia her manager, Vera looks after the vendor."""

    office: KeyOffice = field(default_factory=KeyOffice)
    able: Capabilities = FULL
    sink: MemorySink = field(default_factory=MemorySink)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.connector = OfficeConnector(self.office, "aws", self.able)
        self.person("mia")
        self.person("ben")
        self.person("vera")
        self.person("sam")
        self.person("eve")
        self.vendor("driftly", owner="vera")
        self.may(act=True)

    def may(self, **rules: Any) -> None:
        """What the policy lets Whose do by itself."""
        self.policy = policy_that_acts(self.policy, **rules)

    @property
    def ctx(self) -> Context:
        known = {"aws": Connector("key_office", self.able)}
        return Context(self.database, self.clock.now, self.policy, LANE, known)

    def key(self, name: str = "key", **values: Any) -> None:
        """A token that is due, with its key at the issuing system."""
        given: dict[str, Any] = {
            "backup": "ben",
            "vendor": "driftly",
            "secret_ref": REF,
            "last_attested_at": self.days(-400),
        } | values
        self.token(name, **given)
        self.office.add(name, holder=name)
        self.sink.now[REF] = f"secret of {name}"
        self.sweep()

    # ------------------------------------------------------------------ what happens

    def press(self, verb: Verb, who: str = "ana", name: str = "key", **values: Any) -> Any:
        """Somebody clicks; the answer, whatever it is."""
        request = self.request(name)
        key = f"{verb}-{request.id}-{request.version}-{who}"
        command = Command(verb, request.id or 0, request.version, self.people[who], key, "slack", **values)
        return record_decision(self.ctx, command)

    def turn(self, times: int = 1, **later: float) -> int:
        """So many turns of the clock, after some time has passed."""
        self.clock.advance(timedelta(**later))
        moved = 0
        for _ in range(times):
            moved += carry_out(self.ctx, {"aws": self.connector}, self.sink)
            self.clock.advance(timedelta(seconds=2))
        return moved

    def settle(self, hours: float = 6) -> None:
        """Turns at every moment at which something goes on by itself, for so many hours."""
        until = self.clock.now() + timedelta(hours=hours)
        while (at := self.goes_on_at()) is not None and at <= until:
            self.clock.advance(max(at - self.clock.now(), timedelta()))
            self.turn()
        self.clock.advance(max(until - self.clock.now(), timedelta()))

    def goes_on_at(self) -> datetime | None:
        """When the next piece of work goes on by itself; None: none does."""
        with self.database.read() as session:
            found: datetime | None = session.connection().scalar(select(func.min(RUN.c.act_at)))
        return found

    # ------------------------------------------------------------------ what is true

    def run(self, name: str = "key") -> Any:
        """The connector's part in the newest work on a token."""
        query = select(RUN).join(TASK, TASK.c.id == RUN.c.task_id).where(TASK.c.request_id == self.request(name).id)
        with self.database.read() as session:
            return session.connection().execute(query).one()

    def stage(self, name: str = "key") -> str:
        return str(self.run(name).stage)

    def task(self, name: str = "key") -> Any:
        with self.database.read() as session:
            return session.connection().execute(select(TASK).where(TASK.c.request_id == self.request(name).id)).one()

    def row(self, name: str = "key") -> Any:
        with self.database.read() as session:
            return session.connection().execute(select(TOKEN).where(TOKEN.c.id == self.tokens[name])).one()

    def calls(self, name: str = "key") -> list[Any]:
        query = select(ISSUER_CALL).where(ISSUER_CALL.c.task_id == self.task(name).id).order_by(ISSUER_CALL.c.id)
        with self.database.read() as session:
            return list(session.connection().execute(query))

    def seen_by(self, who: str, name: str = "key") -> RequestFacts:
        """The request as somebody sees it."""
        with self.database.read() as session:
            facts = request_for_reader(session, self.ctx, self.request(name).id or 0, self.people[who])
        assert facts is not None
        return facts
