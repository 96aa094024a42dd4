"""An office that answers in a strict Slack: an inventory, the bot's own Slack edge, and hands to click with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from starlette.applications import Starlette
from starlette.routing import Route

from bot.operations.compose import composer, refusal_handler
from bot.operations.context import Context
from bot.operations.deliver import deliver
from bot.operations.record_decision import record_decision
from bot.operations.sweep import sweep
from bot.rules.policy import Policy
from bot.rules.policy_file import default_policy_text, load_policy
from bot.sandbox.delivery import Outcome
from bot.sandbox.model import Message
from bot.slack.app import SlackEdge, SlackSettings
from bot.slack.desk import Services
from bot.slack.sender import SlackSender
from messages.action_ref import Verb
from storage.database import Database, table_of
from storage.inventory import Contract, Ownership, Token, Vendor, VendorRelationship
from storage.ledger.log import LedgerLeaf
from storage.owners import assign
from storage.people import ChatIdentity, Person
from storage.requests import REQUEST, AttestationRequest, Decision
from storage.search_index import refresh_search
from tests.servers.fake_clock import FakeClock
from tests.servers.workspace import RunningWorkspace, running_workspace, serving

TEAM = "T000000001"
PEOPLE = {
    "ana": "owns what is asked about",
    "ben": "is her manager",
    "sam": "is in the security team",
    "eve": "has nothing to do with any of it",
    "vera": "looks after the vendor",
    "lea": "has left, says the directory",
}
TOKENS: dict[str, dict[str, Any]] = {
    "plain": {"display_name": "drift-prod", "environment": "development", "data_classification": "internal"},
    "grave": {"display_name": "crm-export", "environment": "production", "customer_data": True},
}


def policy() -> Policy:
    """The shipped policy, with Sam in the security role."""
    text = default_policy_text()
    assert "security: []" in text
    return load_policy(text.replace("security: []", "security: [sam@example.com]"), "the test's policy")


@dataclass
class Office:
    """People by name, their accounts, and tokens by what they are in the tests."""

    database: Database
    clock: FakeClock
    ctx: Context
    slack: RunningWorkspace
    edge: SlackEdge
    people: dict[str, int] = field(default_factory=dict)
    accounts: dict[str, str] = field(default_factory=dict)
    tokens: dict[str, int] = field(default_factory=dict)

    # What is there

    def furnish(self) -> None:
        """Everybody with an account, two tokens of Ana's with a vendor that Vera looks after."""
        now, long_ago = self.clock.now(), self.clock.now() - timedelta(days=400)
        with self.database.write() as session:
            for name in PEOPLE:
                person = Person(email=f"{name}@example.com", name=name.title(), created_at=now, updated_at=now)
                person.active = name != "lea"
                person.left_at = now - timedelta(days=9) if name == "lea" else None
                session.add(person)
                session.flush()
                self.people[name] = person.id or 0
                account = self.slack.workspace.add_user(name.title(), email=person.email)
                self.accounts[name] = account.id
                identity: dict[str, Any] = {"platform": "slack", "workspace": TEAM, "user_id": account.id}
                session.add(ChatIdentity(person_id=self.people[name], **identity))
            ana = session.get(Person, self.people["ana"])
            assert ana is not None
            ana.manager_id = self.people["ben"]
            vendor = Vendor(name="Acme Cloud", name_key="acme cloud", created_at=now, updated_at=now)
            vendor.relationship_owner_id = self.people["vera"]
            session.add(vendor)
            session.flush()
            held: dict[str, Any] = {"vendor_id": vendor.id, "person_id": self.people["vera"], "from_at": long_ago}
            session.add(VendorRelationship(**held))
            session.add(Contract(vendor_id=vendor.id or 0, recorded_at=long_ago))
            session.flush()
            for key, values in TOKENS.items():
                self.tokens[key] = self.add_token(session, key, vendor_id=vendor.id, **values)
            refresh_search(session)

    def add_token(self, session: Any, key: str, owner: str | None = "ana", **values: Any) -> int:
        """A token, owned for a year."""
        since = self.clock.now() - timedelta(days=365)
        made: dict[str, Any] = {
            "issuing_system": "aws",
            "external_id": f"AKIA-{key}",
            "created_at": since,
            "recorded_at": since,
        }
        token = Token(**made, updated_at=since, **values)
        session.add(token)
        session.flush()
        assert token.id is not None
        if owner is not None:
            assign(session, token.id, "service_owner", self.people[owner], since, "import")
        return token.id

    # What happens

    def ask(self) -> None:
        """Sweep and deliver."""
        sweep(self.ctx)
        self.deliver()

    def deliver(self) -> None:
        sender = SlackSender(self.ctx.lane, self.slack.bot_token, self.slack.url)
        while True:
            report = deliver(self.ctx, sender, composer(self.ctx), on_refused=refusal_handler(self.ctx))
            if report.wait is None or report.wait > 0:
                return

    def message(self, who: str = "ana") -> Message:
        """The newest message of the bot in somebody's conversation with it."""
        found = [one for one in self.slack.driver.inbox(self.accounts[who]) if one.visible_to is None]
        assert found, f"{who} has no message"
        return found[-1]

    def whispers(self, who: str) -> list[str]:
        """What the bot said for this person's eyes only, anywhere, in order."""
        user = self.accounts[who]
        with self.slack.workspace.lock:
            channels = list(self.slack.workspace.channels)
        return [
            shown(message.blocks)
            for channel in channels
            for message in self.slack.workspace.messages(channel, user)
            if message.visible_to == user
        ]

    def click(self, who: str, verb: Verb, subject: int, *, on: Message | None = None) -> str:
        """Press a button of a message, and wait for what is whispered back."""
        message = on or self.message(who)
        before = len(self.whispers(who))
        outcome = self.slack.driver.click(
            self.accounts[who], message.channel, message.ts, f"whose:{verb.value}:{subject}", seen=on
        )
        assert outcome.error is None, outcome.error
        self.slack.driver.until(lambda: len(self.whispers(who)) > before)
        return self.whispers(who)[-1]

    def open(self, who: str, verb: Verb, subject: int) -> Any:
        """Press a button that opens a modal; gives the modal."""
        message = self.message(who)
        outcome = self.slack.driver.click(
            self.accounts[who], message.channel, message.ts, f"whose:{verb.value}:{subject}"
        )
        assert outcome.error is None, outcome.error
        assert outcome.view is not None, self.whispers(who)[-1:]
        return outcome.view

    def say(self, who: str, text: str) -> str:
        """Type ``/whose text``; gives what is answered."""
        outcome = self.slack.driver.command(self.accounts[who], text)
        assert outcome.error is None, outcome.error
        assert len(outcome.ephemeral) == 1
        return shown(outcome.ephemeral[0].blocks)

    def submit(self, who: str, view: Any, **answers: str) -> Outcome:
        """Send a form, the answers by field."""
        values: dict[str | tuple[str, str], Any] = {(name, "value"): value for name, value in answers.items()}
        return self.slack.driver.submit(self.accounts[who], view.id, values)

    # What is true

    def request(self, token: str = "plain") -> AttestationRequest:
        with self.database.read() as session:
            query = select(REQUEST.c.id).where(REQUEST.c.token_id == self.tokens[token]).order_by(REQUEST.c.id.desc())
            found = session.get(AttestationRequest, session.connection().execute(query).scalars().first())
        assert found is not None
        return found

    def decisions(self) -> list[Decision]:
        with self.database.read() as session:
            ids = session.connection().execute(select(table_of(Decision).c.id).order_by(table_of(Decision).c.id))
            return [found for one in ids.scalars() if (found := session.get(Decision, one)) is not None]

    def state(self) -> tuple[Any, ...]:
        """What no refused payload may change: requests, decisions, ownership and records of decisions."""
        with self.database.read() as session:
            requests = session.connection().execute(
                select(REQUEST.c.id, REQUEST.c.state, REQUEST.c.version, REQUEST.c.outcome).order_by(REQUEST.c.id)
            )
            owners = session.connection().execute(select(func.count()).select_from(table_of(Ownership))).scalar()
            leaves = table_of(LedgerLeaf)
            # Kind 5: somebody without authority tried. That is recorded, and changes nothing.
            records = select(func.count()).select_from(leaves).where(leaves.c.kind != 5)
            told = session.connection().execute(records).scalar()
            rows = tuple(tuple(row) for row in requests)
        return rows, len(self.decisions()), owners, told


def shown(blocks: Any) -> str:
    """All text of some blocks."""
    if isinstance(blocks, dict):
        own = blocks.get("text")
        parts = [own] if isinstance(own, str) else []
        return "\n".join([*parts, *(shown(v) for k, v in blocks.items() if not (k == "text" and parts))]).strip()
    if isinstance(blocks, list):
        return "\n".join(filter(None, map(shown, blocks)))
    return ""


def text_of(view: Any) -> str:
    """All text of a modal or Home tab."""
    return shown(view.content["blocks"])


@contextmanager
def open_office(database: Database, clock: FakeClock, *, furnished: bool = True) -> Iterator[Office]:
    """The workspace and the bot, both served for real."""
    with running_workspace(clock.now, team_id=TEAM) as slack:
        ctx = Context(database, clock.now, policy(), f"slack:{TEAM}")
        settings = SlackSettings(slack.bot_token, slack.signing_secret, api_url=slack.url)
        edge = SlackEdge(ctx, settings, Services(decide=record_decision))
        app = Starlette(routes=[Route("/slack/events", endpoint=edge.asgi())], lifespan=lambda _app: edge.running())
        with serving(app) as url:
            slack.attach(f"{url}/slack/events")
            office = Office(database, clock, ctx, slack, edge)
            slack.workspace.add_channel("security")
            if furnished:
                office.furnish()
            yield office


def at(moment: datetime, **ago: float) -> datetime:
    """So long before a moment."""
    return moment - timedelta(**ago)
