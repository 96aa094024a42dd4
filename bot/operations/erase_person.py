"""Erasing a person: what the directory and the record say about them in words goes, what was decided stays.

Every record about them stands, under a pseudonym that leads nowhere any more, and so does every checkpoint: personal
data is in disclosures beside the records, never in them. That it was erased is recorded in the same transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import ColumnElement, LargeBinary, and_, bindparam, delete, exists, func, or_, select, text, update
from sqlmodel import Session

from bot.errors import WhoseError
from bot.operations.context import Now
from bot.operations.named import person_named
from bot.operations.naming import ERASED
from storage.database import Database, is_sqlite, scrub, table_of
from storage.emergency import GRANT
from storage.inventory import OWNERSHIP, TOKEN, VENDOR
from storage.ledger.log import append, lock
from storage.ledger.record import Entry, RecordKind
from storage.ledger.tables import DISCLOSURE, LEAF
from storage.people import CHAT_IDENTITY, PERSON
from storage.remediation import SEEN_TOKEN
from storage.requests import DECISION, OPEN_STATES, REQUEST, RemediationTask

_TASK = table_of(RemediationTask)
_MOST_NAMED = 5


class StillNeededError(WhoseError):
    """The person owns live tokens or is being asked; the text says which."""

    exit_code = 1


@dataclass(frozen=True)
class Plan:
    """What erasing somebody would do, before it is done.

    Attributes:
        needed_for: sentences that say what they own or are asked; empty: nothing.
        mentions: ``(epoch, number)`` of records by others whose free text has their address or full name in it.
            These stay: they are somebody else's words. Empty once erased.
    """

    person_id: int
    ref: str
    shown: str
    disclosures: int
    accounts: int
    needed_for: Sequence[str]
    mentions: Sequence[tuple[int, int]]
    done: bool
    """Nothing is left to erase."""


def plan_erasure(database: Database, who: str) -> Plan:
    """What :func:`erase_person` would do.

    Args:
        who: an e-mail address, or the pseudonym of somebody who may be erased already.

    Raises:
        NotFoundError: nobody has that address.
    """
    with database.read() as session:
        return _plan(session, who)


def erase_person(database: Database, now: Now, who: str, *, force: bool = False) -> Plan:
    """Erase a person, and record that it was done. Again: nothing happens, and nothing more is recorded.

    Args:
        who: an e-mail address or a pseudonym.
        force: also where they own live tokens or are being asked. They still do afterwards, without a name.

    Returns:
        What was done.

    Raises:
        NotFoundError: nobody has that address.
        StillNeededError: they are still needed, and ``force`` is not set.
    """
    with database.write() as session:
        lock(session)
        plan = _plan(session, who)
        if plan.done:
            return plan
        if plan.needed_for and not force:
            said = "\n".join(f"  {one}" for one in plan.needed_for)
            advice = "Hand these over first, or erase them all the same with --force."
            raise StillNeededError(f"{plan.shown} is still needed:\n{said}\n{advice}")
        scrub(session)
        at = now()
        session.connection().execute(delete(DISCLOSURE).where(_theirs(session, plan.ref)))
        _blank(session, plan, at)
        details = {"person": plan.ref, "disclosures": plan.disclosures, "accounts": plan.accounts}
        append(session, [Entry(RecordKind.PERSON_ERASED, "erasure", details=details)], now)
    database.compact()
    return plan


def _plan(session: Session, who: str) -> Plan:
    connection = session.connection()
    by_ref = connection.execute(select(PERSON.c.id).where(PERSON.c.ref == who.strip())).scalar()
    person_id = person_named(session, who) if by_ref is None else int(by_ref)
    person = connection.execute(select(PERSON).where(PERSON.c.id == person_id)).one()
    count = select(func.count())
    disclosures = connection.execute(count.select_from(DISCLOSURE).where(_theirs(session, person.ref))).scalar_one()
    owned = CHAT_IDENTITY.c.person_id == person_id
    accounts = connection.execute(count.select_from(CHAT_IDENTITY).where(owned)).scalar_one()
    blank = person.email == _no_address(person.ref)
    return Plan(
        person_id=person_id,
        ref=person.ref,
        shown=person.ref if blank else person.email,
        disclosures=disclosures,
        accounts=accounts,
        needed_for=_needed_for(session, person_id),
        mentions=[] if blank else _mentions(session, person),
        done=blank and not disclosures and not accounts,
    )


def _no_address(ref: str) -> str:
    """An address that is nobody's and stays so (RFC 2606: ``.invalid``); unique, as the column wants it."""
    return f"{ref}{ERASED}"


def _theirs(session: Session, ref: str) -> ColumnElement[bool]:
    """Disclosures of their name in anybody's record, also as an issuing system's hint, and of whatever they wrote
    themselves.

    In a record of theirs, what is not somebody's name (whose disclosures are called by a pseudonym) is their words.
    """
    theirs = exists().where(
        LEAF.c.epoch == DISCLOSURE.c.epoch, LEAF.c.seq == DISCLOSURE.c.leaf_seq, _acted(session, ref)
    )
    said = func.lower(DISCLOSURE.c.value)
    named = exists().where(PERSON.c.ref == ref, or_(said == PERSON.c.email, said == func.lower(PERSON.c.name)))
    hinted = and_(DISCLOSURE.c.name == "hint", named)
    return or_(DISCLOSURE.c.name == ref, hinted, and_(DISCLOSURE.c.name.not_like("p\\_%", escape="\\"), theirs))


def _acted(session: Session, ref: str) -> ColumnElement[bool]:
    """Records with this actor, told by their very bytes: they are canonical JSON, so an actor has one spelling, which
    no text inside a string can imitate (it would need a bare quotation mark)."""
    find = "instr(ledger_leaf.body, :actor) > 0" if is_sqlite(session) else "position(:actor IN ledger_leaf.body) > 0"
    actor = f'"actor":{{"ref":"{ref}"'.encode()
    return cast("ColumnElement[bool]", text(find).bindparams(bindparam("actor", actor, LargeBinary)))


def _mentions(session: Session, person: Any) -> list[tuple[int, int]]:
    """Records by others whose free text names them; a name of one word would be found everywhere."""
    said = [DISCLOSURE.c.value.icontains(person.email, autoescape=True)]
    if " " in person.name.strip():
        said.append(DISCLOSURE.c.value.icontains(person.name.strip(), autoescape=True))
    query = select(DISCLOSURE.c.epoch, DISCLOSURE.c.leaf_seq).where(or_(*said), ~_theirs(session, person.ref))
    return [(row.epoch, row.leaf_seq) for row in session.connection().execute(query.distinct()).all()]


def _needed_for(session: Session, person_id: int) -> list[str]:
    connection = session.connection()
    name = func.coalesce(func.nullif(TOKEN.c.display_name, ""), TOKEN.c.external_id)
    owned = (
        select(name, OWNERSHIP.c.role)
        .join(TOKEN, TOKEN.c.id == OWNERSHIP.c.token_id)
        .where(OWNERSHIP.c.person_id == person_id, OWNERSHIP.c.to_at.is_(None), TOKEN.c.state == "active")
        .order_by(name, OWNERSHIP.c.role)
    )
    asked = (
        select(name)
        .join(REQUEST, REQUEST.c.token_id == TOKEN.c.id)
        .where(REQUEST.c.state.in_(OPEN_STATES))
        .where(
            or_(
                REQUEST.c.waiting_on_id == person_id,
                REQUEST.c.handover_to_id == person_id,
                exists().where(
                    _TASK.c.request_id == REQUEST.c.id, _TASK.c.done_at.is_(None), _TASK.c.assignee_id == person_id
                ),
            )
        )
        .order_by(name)
    )
    answers_for = select(VENDOR.c.name).where(
        VENDOR.c.relationship_owner_id == person_id, VENDOR.c.status != "offboarded"
    )
    tokens = [f"{token} ({role.replace('_', ' ')})" for token, role in connection.execute(owned)]
    requests = list(connection.execute(asked).scalars())
    vendors = sorted(connection.execute(answers_for).scalars())
    said = [("owns", tokens), ("is being asked about", requests), ("answers for the vendor", vendors)]
    return [f"{verb} {_some(names)}" for verb, names in said if names]


def _some(names: list[str]) -> str:
    more = len(names) - _MOST_NAMED
    return ", ".join(names[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def _blank(session: Session, plan: Plan, at: datetime) -> None:
    """What the other tables hold of them in words."""
    connection = session.connection()
    connection.execute(delete(CHAT_IDENTITY).where(CHAT_IDENTITY.c.person_id == plan.person_id))
    connection.execute(update(DECISION).where(DECISION.c.actor_id == plan.person_id).values(justification=""))
    connection.execute(update(_TASK).where(_TASK.c.done_by_id == plan.person_id).values(evidence=""))
    asked, looked = GRANT.c.requested_by_id == plan.person_id, GRANT.c.reviewed_by_id == plan.person_id
    connection.execute(update(GRANT).where(asked).values(reason=""))
    connection.execute(update(GRANT).where(looked).values(review_note=""))
    hinted = SEEN_TOKEN.c.hint_person_id == plan.person_id
    connection.execute(update(SEEN_TOKEN).where(hinted).values(owner_hint="", hint_person_id=None))
    nothing = dict.fromkeys(("name", "timezone", "country", "subdivision", "workweek"), "")
    nobody = dict.fromkeys(("manager_id", "delegate_id", "away_until"))
    gone = {"active": False, "left_at": func.coalesce(PERSON.c.left_at, at), "updated_at": at}
    values = {"email": _no_address(plan.ref), **nothing, **nobody, **gone}
    connection.execute(update(PERSON).where(PERSON.c.id == plan.person_id).values(**values))
