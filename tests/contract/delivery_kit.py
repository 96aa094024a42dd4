"""People, requests and messages about them, made by hand, for the tests of delivery."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from itertools import count

from sqlalchemy import select, update
from sqlmodel import Session

from bot.operations.context import Context
from bot.operations.delivery import Composed
from bot.rules.policy_file import default_policy_text, load_policy
from messages.view import Paragraph, View
from storage.database import Database
from storage.inventory import Token
from storage.outbox import OUTBOX, POSTING, POSTING_REQUEST, OutboxMessage
from storage.outbox_enqueue import enqueue, enqueue_updates
from storage.people import ChatIdentity, Person
from storage.requests import OPEN_STATES, REQUEST, AttestationRequest, PolicyVersion
from tests.servers.fake_clock import FakeClock

LANE = "slack:T000000001"


class Office:
    """Fills a database; every message is written from what the database says at that moment."""

    def __init__(self, database: Database, clock: FakeClock, lane: str = LANE, *, is_new: bool = True) -> None:
        self.database, self.clock = database, clock
        self.ctx = Context(database, clock.now, load_policy(default_policy_text(), "policy.yaml"), lane)
        self.refused: list[tuple[int, str]] = []
        self._numbers = count(1)
        if not is_new:
            return
        with database.write() as session:
            session.add(PolicyVersion(hash="h", policy_id="p", version="1", body="{}", first_used_at=clock.now()))

    def person(self, name: str, user_id: str | None, *, workspace: str = "T000000001", active: bool = True) -> int:
        """Somebody with an account; returns ``person.id``."""
        now = self.clock.now()
        with self.database.write() as session:
            person = Person(email=f"{name}@example.com", name=name, active=active, created_at=now, updated_at=now)
            session.add(person)
            session.flush()
            assert person.id is not None
            if user_id is not None:
                session.add(ChatIdentity(person_id=person.id, platform="slack", workspace=workspace, user_id=user_id))
            return person.id

    def request(self, waiting_on: int | None) -> int:
        """An open request about a token of its own; returns ``request.id``."""
        now = self.clock.now()
        with self.database.write() as session:
            token = Token(
                issuing_system="example", external_id=f"token-{next(self._numbers)}", recorded_at=now, updated_at=now
            )
            session.add(token)
            session.flush()
            assert token.id is not None
            request = AttestationRequest(
                token_id=token.id,
                tier="standard",
                policy_hash="h",
                opened_at=now,
                due_at=now + timedelta(days=7),
                waiting_on_id=waiting_on,
            )
            session.add(request)
            session.flush()
            assert request.id is not None
            return request.id

    def ask(self, person_id: int, key: str = "") -> None:
        """Put a digest for this person into the outbox."""
        self.enqueue(key or f"ask:{next(self._numbers)}", card="ask", person_id=person_id)

    def enqueue(self, key: str, *, card: str, person_id: int | None = None, channel: str = "", **more: int) -> bool:
        """Put any message into the outbox."""
        now = self.clock.now()
        with self.database.write() as session:
            return enqueue(
                session,
                dedupe_key=key,
                card=card,
                lane=self.ctx.lane,
                person_id=person_id,
                channel=channel,
                not_before=now,
                created_at=now,
                **more,  # type: ignore[arg-type]
            )

    def settle(self, request_id: int) -> int:
        """Somebody decides; returns how many updates that put into the outbox."""
        with self.database.write() as session:
            version = session.connection().execute(
                update(REQUEST)
                .where(REQUEST.c.id == request_id)
                .values(state="settled", version=REQUEST.c.version + 1)
                .returning(REQUEST.c.version)
            )
            return enqueue_updates(session, request_id, version.scalar_one(), now=self.clock.now())

    def compose(self, session: Session, row: OutboxMessage) -> Composed | None:
        """``ask`` and ``note`` list the requests that wait for the person; an update, what its posting shows."""
        if row.card == "replaced":
            return Composed(_view("A newer message took the place of this one."), [])
        requests = select(REQUEST.c.id, REQUEST.c.state, REQUEST.c.version).order_by(REQUEST.c.id)
        if row.posting_id is not None:
            requests = requests.join(POSTING_REQUEST, POSTING_REQUEST.c.request_id == REQUEST.c.id)
            requests = requests.where(POSTING_REQUEST.c.posting_id == row.posting_id)
        else:
            requests = requests.where(REQUEST.c.state.in_(OPEN_STATES))
            if row.person_id is not None:
                requests = requests.where(REQUEST.c.waiting_on_id == row.person_id)
        found = session.connection().execute(requests).all()
        if not found:
            return None
        said = ", ".join(f"request {request.id} is {request.state}" for request in found)
        return Composed(_view(f"{row.card}: {said}"), [request.id for request in found])

    def on_refused(self, session: Session, row: OutboxMessage, code: str) -> None:
        assert session.in_transaction()
        assert row.id is not None
        self.refused.append((row.id, code))

    def states(self) -> list[str]:
        """The state of every outbox row, in the order they were put there."""
        with self.database.read() as session:
            return list(session.connection().execute(select(OUTBOX.c.state).order_by(OUTBOX.c.id)).scalars())

    def rows(self) -> list[OutboxMessage]:
        """Every outbox row, in the order they were put there."""
        with self.database.read() as session:
            query = select(OUTBOX).order_by(OUTBOX.c.id)
            return [OutboxMessage(**row._mapping) for row in session.connection().execute(query)]

    def postings(self) -> list[tuple[str, str, Sequence[int]]]:
        """``(channel, message id, request ids)`` of every posting, in the order they were made."""
        with self.database.read() as session:
            connection = session.connection()
            return [
                (
                    posting.channel,
                    posting.message_id,
                    connection.execute(
                        select(POSTING_REQUEST.c.request_id)
                        .where(POSTING_REQUEST.c.posting_id == posting.id)
                        .order_by(POSTING_REQUEST.c.request_id)
                    )
                    .scalars()
                    .all(),
                )
                for posting in connection.execute(select(POSTING).order_by(POSTING.c.id))
            ]


def _view(text: str) -> View:
    return View(text, [Paragraph([text])])
