"""Opening a request about one token outside of a sweep, because somebody has decided about it already."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import insert, select
from sqlmodel import Session

from bot.operations.context import Context
from bot.operations.describing import described
from bot.operations.directory import People
from bot.operations.records import accountable, token_part
from bot.operations.standing import standing_of
from bot.operations.tiering import bring_tiers_up_to_date
from storage.inventory import TOKEN
from storage.ledger.log import append
from storage.ledger.record import Entry, RecordKind
from storage.requests import REQUEST


def open_request(session: Session, ctx: Context, token_id: int, reasons: Sequence[str]) -> int | None:
    """A request that nobody is asked about: its decision follows in the same transaction. Returns its id.

    None: the token does not work any more.
    """
    policy_hash = bring_tiers_up_to_date(session, ctx)
    token = session.connection().execute(select(TOKEN).where(TOKEN.c.id == token_id)).one()
    tier = ctx.policy.tier_named(token.tier)
    if token.state != "active" or tier is None:
        return None
    now = ctx.now()
    values = {
        "token_id": token_id,
        "state": "open",
        "version": 1,
        "reasons": list(reasons),
        "tier": tier.name,
        "risk": tier.risk,
        "policy_hash": policy_hash,
        "opened_at": now,
        "due_at": now,
        "round": 0,
        "step": 0,
        "waiting_role": "owner",
        "handover_count": 0,
        "snooze_count": 0,
        "outcome": "",
    }
    made = insert(REQUEST).values(**values).returning(REQUEST.c.id)
    request_id = int(session.connection().execute(made).scalar_one())
    people = People(session, ctx, now)
    part = token_part(token.issuing_system, token.external_id, token.tier, token.expires_at)
    entry = Entry(
        RecordKind.REQUEST_OPENED,
        reason="due",
        token_id=token_id,
        token=part | described(session, [token_id])[token_id],
        request_id=request_id,
        accountable={"before": accountable(standing_of(session, ctx, people, token_id), people)},
        authority={"policy_id": ctx.policy.policy_id, "version": ctx.policy.version, "hash": policy_hash},
        details={"reasons": list(reasons), "step": 0, "told": []},
    )
    append(session, [entry], ctx.now)
    return request_id
