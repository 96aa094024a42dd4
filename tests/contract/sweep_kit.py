"""An inventory for the sweep's tests, put straight into the tables: by default nothing in it is due."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, text
from sqlmodel import SQLModel

from bot.operations.commands import Command, Done
from bot.operations.context import Context
from bot.operations.record_decision import record_decision
from bot.operations.sweep import SweepReport, sweep
from bot.rules.policy import Policy
from bot.rules.policy_file import default_policy_text, load_policy
from messages.action_ref import Verb
from storage.database import Database
from storage.inventory import TOKEN, VENDOR, Token, Vendor
from storage.ledger.log import StoredRecord, leaves
from storage.ledger.record import RecordKind
from storage.markers import note_synced
from storage.owners import assign
from storage.people import PERSON, ChatIdentity, Person
from storage.requests import REQUEST, AttestationRequest
from tests.servers.fake_clock import FakeClock

LANE = "slack:T1"
DAY = timedelta(days=1)
SHIPPED = load_policy(default_policy_text(), "default_policy.yaml")
#: Everybody is written to from the opening of their day on, so that a test can say when that is.
POLICY = SHIPPED.model_copy(update={"attention": SHIPPED.attention.model_copy(update={"spread_mornings_over": 0})})


@dataclass
class Inventory:
    """People, vendors and tokens by the names that a test gives them."""

    database: Database
    clock: FakeClock
    policy: Policy = POLICY
    people: dict[str, int] = field(default_factory=dict)
    vendors: dict[str, int] = field(default_factory=dict)
    tokens: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        with self.database.write() as session:
            note_synced(session, LANE, self.clock.now())
        self.person("ana")

    @property
    def ctx(self) -> Context:
        return Context(self.database, self.clock.now, self.policy, LANE)

    def days(self, number: float) -> datetime:
        """So many days from now."""
        return self.clock.now() + number * DAY

    # ------------------------------------------------------------------ what there is

    def person(self, name: str, *, account: bool = True, **values: Any) -> int:
        """Somebody in London who can be reached; a manager or a delegate is given by name."""
        now = self.clock.now()
        for column in ("manager", "delegate"):
            if column in values:
                values[f"{column}_id"] = self.people[values.pop(column)]
        stamps: dict[str, Any] = {"created_at": now, "updated_at": now}
        with self.database.write() as session:
            made = Person(email=f"{name}@example.com", name=name.title(), timezone="Europe/London", **stamps, **values)
            session.add(made)
            session.flush()
            self.people[name] = made.id or 0
            if account:
                here: dict[str, Any] = {"platform": "slack", "workspace": "T1", "user_id": f"U{name}"}
                session.add(ChatIdentity(person_id=self.people[name], **here))
        return self.people[name]

    def vendor(self, name: str, **values: Any) -> int:
        now = self.clock.now()
        if "owner" in values:
            values["relationship_owner_id"] = self.people[values.pop("owner")]
        with self.database.write() as session:
            made = Vendor(name=name, name_key=name, created_at=now, updated_at=now, **values)
            session.add(made)
            session.flush()
            self.vendors[name] = made.id or 0
        return self.vendors[name]

    def token(self, name: str = "key", owner: str = "ana", backup: str = "", vendor: str = "", **values: Any) -> int:
        """A harmless token of Ana's, attested and used yesterday, that lasts for a while yet."""
        if vendor:
            values["vendor_id"] = self.vendors[vendor]
        with self.database.write() as session:
            made = Token(**({"issuing_system": "aws", "external_id": name} | self._harmless() | values))
            session.add(made)
            session.flush()
            self.tokens[name] = made.id or 0
            for role, holder in (("service_owner", owner), ("backup_owner", backup)):
                if holder:
                    assign(session, self.tokens[name], role, self.people[holder], self.days(-500), "import")
        return self.tokens[name]

    def _harmless(self) -> dict[str, Any]:
        return {
            "environment": "development",
            "data_classification": "internal",
            "customer_data": False,
            "created_at": self.days(-500),
            "expires_at": self.days(400),
            "last_used_at": self.days(-1),
            "last_attested_at": self.days(-1),
            "recorded_at": self.days(-500),
            "updated_at": self.days(-500),
        }

    def change(self, name: str, **values: Any) -> None:
        """As a later import would."""
        with self.database.write() as session:
            session.connection().execute(TOKEN.update().where(TOKEN.c.id == self.tokens[name]).values(**values))

    def change_person(self, name: str, **values: Any) -> None:
        with self.database.write() as session:
            session.connection().execute(PERSON.update().where(PERSON.c.id == self.people[name]).values(**values))

    def change_vendor(self, name: str, **values: Any) -> None:
        with self.database.write() as session:
            session.connection().execute(VENDOR.update().where(VENDOR.c.id == self.vendors[name]).values(**values))

    # ------------------------------------------------------------------ what happens

    def sweep(self, *, dry_run: bool = False) -> SweepReport:
        return sweep(self.ctx, dry_run=dry_run)

    def due(self) -> dict[str, list[str]]:
        """What a sweep would find now: the reasons of each due token, by its name."""
        return {one.external_id: one.reasons for one in self.sweep(dry_run=True).due}

    def decide(self, verb: Verb, name: str = "key", who: str = "ana", **values: Any) -> None:
        """Somebody with the authority answers."""
        request = self.request(name)
        key = f"{verb}-{request.id}-{request.version}"
        given = {"justification": "still needed"} | values
        command = Command(verb, request.id or 0, request.version, self.people[who], key, "slack", **given)
        answer = record_decision(self.ctx, command)
        assert isinstance(answer, Done), answer

    # ------------------------------------------------------------------ what is true

    def request(self, name: str = "key") -> AttestationRequest:
        """The newest request about a token."""
        with self.database.read() as session:
            query = select(REQUEST.c.id).where(REQUEST.c.token_id == self.tokens[name]).order_by(REQUEST.c.id.desc())
            found = session.get(AttestationRequest, session.connection().execute(query).scalars().first())
        assert found is not None, f"nobody was asked about {name}"
        return found

    def records(self, kind: RecordKind) -> list[StoredRecord]:
        with self.database.read() as session:
            return [one for one in leaves(session) if one.kind is kind]

    def asked(self) -> Counter[str]:
        """How many messages were put into the outbox for each person; ``security`` for the channel."""
        names = {person_id: name for name, person_id in self.people.items()} | {None: "security"}
        with self.database.read() as session:
            rows = session.connection().execute(text("SELECT person_id FROM outbox WHERE action = 'post'")).scalars()
            return Counter(names[person_id] for person_id in rows)

    def everything(self) -> dict[str, list[str]]:
        """Every row of every table, as text."""
        with self.database.read() as session:
            return {
                table.name: sorted(repr(tuple(row)) for row in session.connection().execute(select(table)))
                for table in SQLModel.metadata.sorted_tables
            }
