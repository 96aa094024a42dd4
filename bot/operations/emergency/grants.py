"""Grants as they are kept: read, changed, recorded, told and shown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import func, insert, select, update
from sqlmodel import Session

from bot.operations.context import Context
from bot.operations.describing import described
from bot.operations.directory import People
from bot.operations.records import accountable, names_of, token_part
from bot.operations.standing import standing_of
from bot.rules.authority import Grant
from bot.rules.calendar import next_working
from bot.rules.standing import Standing
from storage.database import among
from storage.emergency import GRANT
from storage.inventory import TOKEN
from storage.ledger.log import append
from storage.ledger.record import Entry, RecordKind, to_ms
from storage.outbox import POSTING
from storage.outbox_enqueue import URGENT, enqueue

CARD: Final = "emergency"


@dataclass(frozen=True)
class GrantCase:
    """A grant, its token and the people around it, as of one moment and within one transaction."""

    session: Session
    ctx: Context
    now: datetime
    row: Any
    """Of :class:`storage.emergency.EmergencyGrant`."""
    token: Any
    people: People
    standing: Standing

    @property
    def token_name(self) -> str:
        return str(self.token.display_name or self.token.external_id)

    def change(self, **values: Any) -> GrantCase:
        """Set columns; the version grows, and whoever sees it sees it changed. Returns the case as it is then."""
        changed = update(GRANT).where(GRANT.c.id == self.row.id).values(version=GRANT.c.version + 1, **values)
        self.session.connection().execute(changed)
        row = read_grant(self.session, self.row.id)
        _show(self.session, row, self.now)
        return replace(self, row=row)

    def record(
        self,
        reason: str,
        *,
        actor_id: int | None = None,
        grant: Grant | None = None,
        platform: str = "",
        written: str = "",
        effective_at: datetime | None = None,
        details: Mapping[str, Any] | None = None,
    ) -> None:
        """What happened to it, on record; ``actor_id`` None: its time was over."""
        actor, delegator = self.people.get(actor_id), self.people.get(None if grant is None else grant.delegated_from)
        role = {} if grant is None else {"name": grant.role.value, "source": "policy", "as_of": to_ms(self.now)}
        token = token_part(self.token.issuing_system, self.token.external_id, self.token.tier, self.token.expires_at)
        person = self.people.get(self.row.person_id)
        told = {"person": None if person is None else person.ref, "until": to_ms(self.row.ends_at)}
        entry = Entry(
            RecordKind.EMERGENCY_ACCESS,
            reason=reason,
            token_id=self.row.token_id,
            token=token | described(self.session, [self.row.token_id])[self.row.token_id],
            effective_at=effective_at,
            accountable={"before": accountable(self.standing, self.people)},
            actor_ref=None if actor is None else actor.ref,
            actor_type="system" if actor is None else "human",
            role=role,
            authority={"rule": None if grant is None else grant.rule}
            | ({} if delegator is None else {"delegated_from": delegator.ref}),
            channel={"platform": platform} if platform else {},
            details={"grant": self.row.id, **told, **(details or {})},
            disclosures=({"justification": written} if written else {})
            | names_of([actor_id, self.row.person_id], self.people),
        )
        append(self.session, [entry], self.ctx.now)

    def tell(self, readers: Iterable[int | None], about: str) -> None:
        """A message to each of these (None: the security channel), to persons in their working time.

        Args:
            about: which message, ``asked``, ``opened``, ``ended`` …: each reaches everybody once.
        """
        for reader in dict.fromkeys(readers):
            person = self.people.get(reader)
            if person is not None and not person.active:
                continue
            at_once = reader is None
            enqueue(
                self.session,
                dedupe_key=f"grant:{self.row.id}:{about}:{'security' if at_once else reader}",
                card=CARD,
                lane=self.ctx.lane,
                not_before=self.now if at_once else next_working(self.now, self.people.working_time(reader)),
                created_at=self.now,
                person_id=reader,
                channel=self.ctx.policy.channels.security if at_once else "",
                params={"grant": self.row.id},
                priority=URGENT,
            )


def read_grant(session: Session, grant_id: int) -> Any | None:
    """A grant's row; None: there is none."""
    return session.connection().execute(select(GRANT).where(GRANT.c.id == grant_id)).one_or_none()


def load_grant(session: Session, ctx: Context, grant_id: int) -> GrantCase | None:
    """A grant with everything around it; None: there is none."""
    row = read_grant(session, grant_id)
    return None if row is None else grant_case(session, ctx, row)


def grant_case(session: Session, ctx: Context, row: Any) -> GrantCase:
    """The case of a row."""
    people = People(session, ctx, ctx.now())
    token = session.connection().execute(select(TOKEN).where(TOKEN.c.id == row.token_id)).one()
    return GrantCase(session, ctx, people.moment, row, token, people, standing_of(session, ctx, people, row.token_id))


def keep_grant(session: Session, **values: Any) -> Any:
    """A new grant; returns its row."""
    made = insert(GRANT).values(version=1, review="", review_note="", **values).returning(GRANT.c.id)
    return read_grant(session, int(session.connection().execute(made).scalar_one()))


def under_way(session: Session, token_id: int, person_id: int) -> Any | None:
    """The grant to this person that is open, or waits for somebody to agree."""
    query = select(GRANT).where(
        GRANT.c.token_id == token_id, GRANT.c.person_id == person_id, GRANT.c.state.in_(("requested", "open"))
    )
    return session.connection().execute(query.order_by(GRANT.c.id.desc())).first()


def emergencies_at(
    session: Session, people: People, token_ids: Iterable[int], at: datetime
) -> dict[int, list[tuple[str, datetime]]]:
    """By token id: who might use it for an emergency at a moment, and until when, in the order in which it began."""
    ids = list(token_ids)
    query = select(GRANT.c.token_id, GRANT.c.person_id, GRANT.c.ends_at).where(
        among(session, GRANT.c.token_id, ids),
        GRANT.c.begins_at <= at,
        func.coalesce(GRANT.c.ended_at, GRANT.c.ends_at) > at,
    )
    found: dict[int, list[tuple[str, datetime]]] = {}
    for row in session.connection().execute(query.order_by(GRANT.c.begins_at, GRANT.c.id)):
        found.setdefault(row.token_id, []).append((people.name_of(row.person_id), row.ends_at))
    return found


def _show(session: Session, grant: Any, now: datetime) -> None:
    """Have every message about a grant brought up to date. Such messages are few."""
    living = select(POSTING).where(
        POSTING.c.card == CARD, POSTING.c.replaced_by_id.is_(None), POSTING.c.gone_at.is_(None)
    )
    for row in session.connection().execute(living).all():
        if row.params.get("grant") == grant.id:
            enqueue(
                session,
                dedupe_key=f"grant-upd:{row.id}:{grant.version}",
                card=CARD,
                lane=row.lane,
                not_before=now,
                created_at=now,
                person_id=row.person_id,
                posting_id=row.id,
                action="update",
                params=row.params,
                priority=URGENT,
            )
