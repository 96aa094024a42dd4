"""A small company for tests: ten colleagues, two vendors, eight tokens, a strict Slack and the bot, wired for real.

    with open_office(database, clock, folder) as office:
        office.tick()                                   # sweep, climb, deliver
        office.press("omar", Verb.ATTEST, "ledger-sync")
        office.advance(hours=48)                        # hour by hour

The clock starts on Monday 2026-01-05, 09:30 UTC. Everything comes in through the import and the directory of the
workspace; everything is answered over HTTP, as in production.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select
from starlette.applications import Starlette
from starlette.routing import Route

from bot.operations.context import Context
from bot.operations.import_inventory import ImportReport, import_inventory
from bot.operations.record_decision import record_decision
from bot.operations.sweep import SweepReport
from bot.rules.calendar import WorkingTime
from bot.rules.policy import Policy
from bot.rules.policy_file import default_policy_text, load_policy
from bot.sandbox.delivery import Outcome
from bot.sandbox.model import Message, View
from bot.slack.app import SlackEdge, SlackSettings
from bot.slack.desk import Services
from bot.slack.directory import SlackDirectory
from bot.slack.sender import SlackSender
from bot.wiring.slack import Worker
from messages.action_ref import Verb
from storage.database import Database
from storage.inventory import TOKEN
from storage.ledger.log import StoredRecord, leaves
from storage.ledger.record import RecordKind
from storage.people import PERSON
from storage.requests import DECISION, REQUEST, AttestationRequest
from tests.servers.fake_clock import FakeClock
from tests.servers.fault_proxy import INBOUND, OUTBOUND, FaultProxy, fault_proxy
from tests.servers.workspace import RunningWorkspace, running_workspace, serving

TEAM = "T000000001"

PEOPLE = """email,name,manager,timezone,country,workweek,active,away_until,delegate
mia@example.com,Mia Stone,,Europe/London,GB,,true,,
ben@example.com,Ben Okafor,mia@example.com,Europe/Berlin,DE,,true,,
ana@example.com,Ana Lima,ben@example.com,Europe/Lisbon,PT,,true,,
omar@example.com,Omar Haddad,ben@example.com,Asia/Riyadh,SA,sun-thu,true,,
vera@example.com,Vera Cole,mia@example.com,America/New_York,US,,true,,
kim@example.com,Kim Abe,mia@example.com,Asia/Tokyo,JP,,true,2026-02-01,noa@example.com
noa@example.com,Noa Sato,mia@example.com,Asia/Tokyo,JP,,true,,
leo@example.com,Leo Gone,mia@example.com,Europe/London,GB,,false,,
sam@example.com,Sam Reed,mia@example.com,Europe/London,GB,,true,,
eve@example.com,Eve Other,,Europe/Paris,FR,,true,,
"""
VENDORS = """name,parent,relationship_owner,contract_start,contract_end
Union Group,,vera@example.com,2024-01-01,2027-12-31
Driftly,Union Group,,2024-01-01,2027-12-31
"""
#: drift-… are Ana's; each of the others is with somebody for whom something is out of the ordinary.
TOKENS = """external_id,issuing_system,display_name,vendor,purpose,environment,data_classification,customer_data,\
service_owner,backup_owner,created_at,expires_at,last_used_at,revocation_path
k1,aws,drift-prod,Driftly,Nightly export of chats,production,confidential,true,\
ana@example.com,omar@example.com,2024-02-01,2027-06-01,2026-01-04,"IAM, Users, drift, Delete"
k2,aws,drift-stage,Driftly,Trial runs,staging,confidential,false,ana@example.com,,2024-02-01,2027-06-01,2026-01-04,
k3,aws,drift-dev,Driftly,Development,development,internal,false,ana@example.com,,2024-02-01,2027-06-01,2026-01-04,
k4,github,ledger-sync,,Copies invoices,development,internal,false,omar@example.com,,2024-02-01,2026-01-15,2026-01-04,
k5,github,legacy-export,,Nobody knows,staging,internal,false,\
leo@example.com,mia@example.com,2024-02-01,2027-06-01,2026-01-04,
k6,cdn,tokyo-cdn,,Purges the cache,staging,confidential,false,kim@example.com,,2024-02-01,2027-06-01,2026-01-04,
k7,cdn,orphan-hook,Driftly,Forgotten,staging,internal,false,,,2024-02-01,2027-06-01,2026-01-04,
k8,snowflake,warehouse-root,,Loads the warehouse,production,restricted,true,\
ben@example.com,,2024-02-01,,2026-01-04,"ALTER USER loader SET DISABLED = TRUE"
"""


def policy() -> Policy:
    """The shipped policy, with Sam in the security team."""
    text = default_policy_text()
    assert "security: []" in text
    return load_policy(text.replace("security: []", "security: [sam@example.com]"), "the office's policy")


@dataclass
class Office:
    """People and tokens by their short names: ``ana``, ``drift-prod``."""

    ctx: Context
    clock: FakeClock
    slack: RunningWorkspace
    worker: Worker
    folder: Path
    bot_url: str
    accounts: dict[str, str] = field(default_factory=dict)

    @property
    def database(self) -> Database:
        return self.ctx.database

    # ------------------------------------------------------------------ what comes in

    def bring(self, **files: str) -> ImportReport:
        """Import CSV texts; the names (``people``, ``vendors``, ``tokens``) only name the files."""
        paths = [self.folder / f"{name}.csv" for name in files]
        for path, text in zip(paths, files.values(), strict=True):
            path.write_text(text, encoding="utf-8")
        return import_inventory(self.database, paths, now=self.clock.now(), clock=self.clock.now)

    def furnish(self) -> None:
        """Accounts for everybody (closed for whoever left), the channel of the security team, and the inventory."""
        for line in PEOPLE.splitlines()[1:]:
            email, name, _, zone, _, _, active, *_ = line.split(",")
            account = self.slack.workspace.add_user(name, email=email, tz=zone, deleted=active == "false")
            self.accounts[email.partition("@")[0]] = account.id
        self.slack.workspace.add_channel("security", members=[self.accounts["sam"]])
        self.bring(people=PEOPLE, vendors=VENDORS, tokens=TOKENS)
        self.worker.sync_directory()

    # ------------------------------------------------------------------ what happens by itself

    def tick(self) -> SweepReport:
        """One turn of the worker: sweep, climb, deliver."""
        report = self.worker.sweep()
        self.worker.climb()
        self.worker.deliver()
        return report

    def advance(self, hours: int, *, step: int = 1) -> None:
        """Let time pass, hour by hour or in longer steps: each climbs and delivers, and one in six hours sweeps."""
        for passed in range(step, hours + 1, step):
            self.clock.advance(timedelta(hours=step))
            if passed % 6 < step:
                self.worker.sweep()
            self.worker.climb()
            self.worker.deliver()

    def working_time(self, who: str) -> WorkingTime:
        """When somebody is at work."""
        with self.database.read() as session:
            row = session.connection().execute(select(PERSON).where(PERSON.c.email == f"{who}@example.com")).one()
        return self.ctx.policy.working_hours.of_person(row.timezone, row.country, row.subdivision, row.workweek)

    # ------------------------------------------------------------------ what people see

    def inbox(self, who: str) -> list[Message]:
        """What the bot wrote to somebody, oldest first; what it only whispered is left out."""
        return [one for one in self.slack.driver.inbox(self.accounts[who]) if one.visible_to is None]

    def card(self, who: str) -> str:
        """The text of the newest message to somebody."""
        found = self.inbox(who)
        assert found, f"{who} has no message"
        return words(found[-1].blocks)

    @staticmethod
    def sent_at(message: Message) -> datetime:
        """When a message was posted, by the workspace's clock."""
        return datetime.fromtimestamp(float(message.ts), UTC)

    def whispers(self, who: str) -> list[str]:
        """What the bot said for somebody's eyes only, in order."""
        account = self.accounts[who]
        with self.slack.workspace.lock:
            channels = list(self.slack.workspace.channels)
        heard = [one for channel in channels for one in self.slack.workspace.messages(channel, account)]
        return [words(one.blocks) for one in heard if one.visible_to == account]

    def channel(self, name: str = "security") -> list[Message]:
        """The messages of a channel, oldest first."""
        with self.slack.workspace.lock:
            found = next(one for one in self.slack.workspace.channels.values() if one.name == name)
        return self.slack.workspace.messages(found.id, self.accounts["sam"])

    # ------------------------------------------------------------------ what people do

    def press(self, who: str, verb: Verb, token: str, *, on: Message | None = None) -> str:
        """Click a button that asks nothing more, and read the answer. ``on``: a message as it was seen earlier."""
        message = on or self.inbox(who)[-1]
        button = self._button(verb, token)
        if button not in str(message.blocks):
            card = self.open(who, Verb.OPEN, token, on=on)
            done = self.slack.driver.click_in_view(self.accounts[who], card.id, button)
            assert done.view is not None, done.error
            return words(done.view.content["blocks"])
        before = len(self.whispers(who))
        done = self.slack.driver.click(self.accounts[who], message.channel, message.ts, button, seen=on)
        assert done.error is None, done.error
        self.slack.driver.until(lambda: len(self.whispers(who)) > before)
        return self.whispers(who)[-1]

    def open(self, who: str, verb: Verb, token: str, *, on: Message | None = None) -> View:
        """The form behind a button, straight from the card or, where a list shows no such button, through "Open"."""
        message = on or self.inbox(who)[-1]
        button = self._button(verb, token)
        through_open = button not in str(message.blocks)
        first = self._button(Verb.OPEN, token) if through_open else button
        done = self.slack.driver.click(self.accounts[who], message.channel, message.ts, first)
        assert done.view is not None, (done.error, self.whispers(who)[-1:])
        if through_open and verb is not Verb.OPEN:
            done = self.slack.driver.click_in_view(self.accounts[who], done.view.id, button)
        assert done.view is not None, done.error
        return done.view

    def send(self, who: str, form: View, **answers: str) -> Outcome:
        """Send a form. A person is named by short name in ``new_owner``; all else is given as it is typed."""
        if "new_owner" in answers:
            answers["new_owner"] = self.accounts[answers["new_owner"]]
        values: dict[str | tuple[str, str], Any] = {(name, "value"): value for name, value in answers.items()}
        return self.slack.driver.submit(self.accounts[who], form.id, values)

    def fill(self, who: str, verb: Verb, token: str, **answers: str) -> str:
        """Open a form, send it, and read what comes back."""
        done = self.send(who, self.open(who, verb, token), **answers)
        assert done.error is None, done.error
        assert done.errors == {}, done.errors
        assert done.view is not None
        return words(done.view.content["blocks"])

    def ask(self, who: str, text: str) -> str:
        """Type ``/whose text`` and read the answer."""
        done = self.slack.driver.command(self.accounts[who], text)
        assert done.error is None, done.error
        return "\n".join(words(one.blocks) for one in done.ephemeral)

    def _button(self, verb: Verb, token: str) -> str:
        return f"whose:{verb.value}:{self.request(token).id}"

    # ------------------------------------------------------------------ what is true

    def token_id(self, token: str) -> int:
        with self.database.read() as session:
            found = session.connection().execute(select(TOKEN.c.id).where(TOKEN.c.display_name == token)).scalar_one()
        return int(found)

    def owner(self, token: str) -> str:
        """The short name of the service owner."""
        query = select(PERSON.c.email).join(TOKEN, TOKEN.c.service_owner_id == PERSON.c.id)
        with self.database.read() as session:
            email = session.connection().execute(query.where(TOKEN.c.display_name == token)).scalar()
        return (email or "").partition("@")[0]

    def request(self, token: str) -> AttestationRequest:
        """The newest request about a token."""
        with self.database.read() as session:
            query = select(REQUEST.c.id).where(REQUEST.c.token_id == self.token_id(token))
            newest = session.connection().execute(query.order_by(REQUEST.c.id.desc())).scalars().first()
            found = session.get(AttestationRequest, newest)
        assert found is not None, f"nobody was asked about {token}"
        return found

    def decisions(self, token: str) -> list[tuple[str, str, str]]:
        """What was decided about a token, by whom and in which role, in order."""
        query = select(DECISION.c.kind, PERSON.c.email, DECISION.c.role).outerjoin(
            PERSON, PERSON.c.id == DECISION.c.actor_id
        )
        with self.database.read() as session:
            rows = session.connection().execute(
                query.where(DECISION.c.token_id == self.token_id(token)).order_by(DECISION.c.id)
            )
            return [(row.kind, (row.email or "").partition("@")[0], row.role) for row in rows]

    def records(self, token: str, *kinds: RecordKind) -> Sequence[StoredRecord]:
        """The ledger's records about a token, of these kinds (all, where none is named), in order."""
        with self.database.read() as session:
            found = list(leaves(session, token_id=self.token_id(token)))
        return [one for one in found if not kinds or one.kind in kinds]

    def told(self, token: str) -> list[tuple[datetime, list[str]]]:
        """Each step of the ladder that is on record: when, and whom it told, by short name or ``security``."""
        names = self._names()
        steps = self.records(token, RecordKind.REQUEST_OPENED, RecordKind.ASKED)
        return [
            (one.recorded_at, [names.get(person["ref"], person["ref"]) for person in one.fields["details"]["told"]])
            for one in steps
        ]

    def _names(self) -> dict[str, str]:
        with self.database.read() as session:
            rows = session.connection().execute(select(PERSON.c.ref, PERSON.c.email)).all()
        return {row.ref: row.email.partition("@")[0] for row in rows} | {"security_channel": "security"}


def words(blocks: Any) -> str:
    """All text of some blocks, a line a piece."""
    if isinstance(blocks, dict):
        own = blocks.get("text")
        pieces = [own] if isinstance(own, str) else []
        pieces += [words(value) for key, value in blocks.items() if not (key == "text" and pieces)]
        return "\n".join(filter(None, pieces))
    if isinstance(blocks, list):
        return "\n".join(filter(None, map(words, blocks)))
    return ""


@contextmanager
def open_office(database: Database, clock: FakeClock, folder: Path) -> Iterator[Office]:
    """The company on its first morning, before anybody was asked. ``folder`` takes the inventory files."""
    with (
        running_workspace(clock.now, team_id=TEAM) as slack,
        _open(database, clock, folder, slack, slack.url) as office,
    ):
        slack.attach(f"{office.bot_url}/slack/events")
        office.furnish()
        yield office


@contextmanager
def open_office_in_trouble(
    database: Database, clock: FakeClock, folder: Path, chance: random.Random
) -> Iterator[tuple[Office, FaultProxy, FaultProxy]]:
    """The company with a fault proxy on each way, out to the workspace and in from it, still at rest (``rate`` 0)."""
    with (
        running_workspace(clock.now, team_id=TEAM) as slack,
        fault_proxy(slack.site, chance, OUTBOUND, rate=0.0) as out,
        _open(database, clock, folder, slack, f"{out.url}/api/") as office,
        fault_proxy(office.bot_url, chance, INBOUND, rate=0.0) as back,
    ):
        slack.attach(f"{back.url}/slack/events")
        office.furnish()
        yield office, out, back


@contextmanager
def _open(
    database: Database, clock: FakeClock, folder: Path, slack: RunningWorkspace, api_url: str
) -> Iterator[Office]:
    ctx = Context(database, clock.now, policy(), f"slack:{TEAM}")
    sender = SlackSender(ctx.lane, slack.bot_token, api_url)
    worker = Worker(ctx, sender, SlackDirectory(TEAM, slack.bot_token, api_url), pacer=None)
    settings = SlackSettings(slack.bot_token, slack.signing_secret, api_url=api_url)
    edge = SlackEdge(ctx, settings, Services(decide=record_decision))
    app = Starlette(routes=[Route("/slack/events", endpoint=edge.asgi())], lifespan=lambda _app: edge.running())
    with serving(app) as url:
        yield Office(ctx, clock, slack, worker, folder, url)
