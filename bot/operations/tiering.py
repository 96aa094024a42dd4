"""Which tier each token is in, kept on the token so that a sweep reads it from an index.

The rule is at the top of ``bot/rules/policy.py``; this is the same rule as one SQL ``CASE``, and a test holds the
two together.
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, and_, case, collate, false, func, literal, or_, select, true, update
from sqlmodel import Session

from bot.operations.context import Context
from bot.rules.policy import TEXT_KEYS, Clause, Condition, Policy, policy_hash, policy_to_json
from storage.database import insert_or_ignore, is_sqlite, table_of
from storage.inventory import TOKEN, VENDOR
from storage.ledger.log import append
from storage.ledger.record import Entry, RecordKind
from storage.markers import policy_in_force, put_policy_in_force
from storage.requests import PolicyVersion


def bring_tiers_up_to_date(session: Session, ctx: Context) -> str:
    """Give every token the tier that the policy in force puts it in; returns the policy's hash.

    Only tokens that changed, or all of them after a change of policy, are written. A new policy is kept whole and
    its coming into force is recorded in the ledger.
    """
    wanted = policy_hash(ctx.policy)
    tier = tier_case(ctx.policy, sqlite=is_sqlite(session))
    if policy_in_force(session) == wanted:
        session.connection().execute(update(TOKEN).where(TOKEN.c.tier == "").values(tier=tier))
        return wanted
    _put_in_force(session, ctx, wanted)
    session.connection().execute(update(TOKEN).where(TOKEN.c.tier != tier).values(tier=tier))
    return wanted


def tiers_are_up_to_date(session: Session, ctx: Context) -> bool:
    """Whether every token is in the tier that ``ctx.policy`` puts it in."""
    if policy_in_force(session) != policy_hash(ctx.policy):
        return False
    untiered = select(TOKEN.c.id).where(TOKEN.c.tier == "").limit(1)
    return session.connection().execute(untiered).first() is None


def put_into_tiers(session: Session, ctx: Context) -> None:
    """Give every token the tier that ``ctx.policy`` would put it in, and no more: for looking ahead, where the
    transaction is taken back or the database is a copy."""
    tier = tier_case(ctx.policy, sqlite=is_sqlite(session))
    session.connection().execute(update(TOKEN).where(TOKEN.c.tier != tier).values(tier=tier))


def _put_in_force(session: Session, ctx: Context, wanted: str) -> None:
    policy = ctx.policy
    version = {
        "hash": wanted,
        "policy_id": policy.policy_id,
        "version": policy.version,
        "body": policy_to_json(policy),
        "first_used_at": ctx.now(),
    }
    insert_or_ignore(session, table_of(PolicyVersion), [version])
    put_policy_in_force(session, wanted)
    authority = {"policy_id": policy.policy_id, "version": policy.version, "hash": wanted}
    append(session, [Entry(RecordKind.POLICY_CHANGED, reason="policy_changed", authority=authority)], ctx.now)


def tier_case(policy: Policy, *, sqlite: bool) -> ColumnElement[str]:
    """The tier's name as an SQL expression over ``token``."""
    compiler = _Compiler(sqlite)
    branches = [(compiler.clause(tier.when), literal(tier.name)) for tier in policy.tiers[:-1]]
    last = literal(policy.tiers[-1].name)
    return case(*branches, else_=last) if branches else last


class _Compiler:
    """Conditions to SQL. Only A-Z are folded, on both databases."""

    def __init__(self, sqlite: bool) -> None:
        self._sqlite = sqlite

    def clause(self, clause: Clause) -> ColumnElement[bool]:
        parts = [self._text(key, getattr(clause, key)) for key in TEXT_KEYS if getattr(clause, key)]
        if clause.customer_data:
            listed: list[ColumnElement[bool]] = [
                TOKEN.c.customer_data.is_(None) if one is None else TOKEN.c.customer_data.is_(one)
                for one in clause.customer_data
            ]
            parts.append(or_(false(), *listed))
        if clause.no_expiry is not None:
            never = TOKEN.c.expires_at.is_(None)
            parts.append(never if clause.no_expiry else ~never)
        if clause.tags:
            parts.append(or_(false(), *(self._tag(tag) for tag in clause.tags)))
        if isinstance(clause, Condition) and clause.any_of:
            parts.append(or_(false(), *(self.clause(one) for one in clause.any_of)))
        return and_(true(), *parts)

    def _text(self, key: str, listed: tuple[str | None, ...]) -> ColumnElement[bool]:
        values = [value for value in listed if value is not None]
        if key == "vendor":
            named = select(VENDOR.c.id).where(self._folded(VENDOR.c.name).in_(values))
            present: ColumnElement[bool] = TOKEN.c.vendor_id.in_(named) if values else false()
            absent: ColumnElement[bool] = TOKEN.c.vendor_id.is_(None)
        else:
            column = TOKEN.c[key]
            present = self._folded(column).in_(values) if values else false()
            absent = or_(column.is_(None), column == "")
        return or_(present, absent) if None in listed else present

    def _tag(self, tag: str | None) -> ColumnElement[bool]:
        if tag is None:
            return TOKEN.c.tags.in_(["", ",", ",,"])
        return self._folded(TOKEN.c.tags).contains(f",{tag},", autoescape=True)

    def _folded(self, column: ColumnElement[str]) -> ColumnElement[str]:
        return func.lower(column) if self._sqlite else func.lower(collate(column, "C"))
