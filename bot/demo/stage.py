"""The workspace of the demo, made from the people of the inventory, and the moves worth trying in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from zoneinfo import available_timezones

from sqlalchemy import exists, func, select
from sqlmodel import Session

from bot.rules.policy import Policy
from bot.sandbox.workspace import Workspace
from bot.slack.identity import SCOPES
from storage.database import Database
from storage.inventory import TOKEN, VENDOR
from storage.outbox import POSTING
from storage.people import PERSON
from storage.requests import REQUEST

TEAM_ID: Final = "T0WHOSE01"


@dataclass(frozen=True)
class Suggestions:
    """Moves to try, in sentences; ``answerer`` is the address of whom to be first, empty where nobody is asked."""

    answerer: str = ""
    tips: list[str] = field(default_factory=list)


def build_workspace(
    database: Database,
    policy: Policy,
    now: Callable[[], datetime],
    *,
    team: str,
    bot_token: str,
    signing_secret: str,
    base_url: str,
) -> Workspace:
    """A workspace with an account for everybody (closed for those who have left) and the security channel."""
    workspace = Workspace(TEAM_ID, team, bot_token, signing_secret, SCOPES, now, base_url=base_url)
    zones = available_timezones()
    with database.read() as session:
        people = session.connection().execute(select(PERSON).order_by(PERSON.c.name, PERSON.c.email)).all()
    for person in people:
        workspace.add_user(
            person.name or person.email.partition("@")[0],
            email=person.email,
            tz=person.timezone if person.timezone in zones else "UTC",
            deleted=not person.active,
        )
    security = [account for email in policy.people_in("security") if (account := account_of(workspace, email))]
    # A policy that names nobody for security would leave its channel without anybody to look into it.
    everybody = [user.id for user in workspace.users.values() if not user.deleted and not user.is_bot]
    workspace.add_channel(policy.channels.security.removeprefix("#"), members=security or everybody)
    return workspace


def account_of(workspace: Workspace, email: str) -> str | None:
    """The id of the live account with this address."""
    try:
        user = workspace.user_by_email(email)
    except LookupError:
        return None
    return None if user.deleted else user.id


def suggestions(database: Database) -> Suggestions:
    """What to try first, from what is open now."""
    with database.read() as session:
        climbing = _a_request_that_climbs(session)
        answerer = _somebody_to_be(session, apart_from=climbing.email if climbing else "")
    tips = []
    if answerer and not answerer.asked:
        tips.append("It is after hours for everybody to be asked, so nobody was yet: push the clock by a day first.")
    if answerer:
        tips.append(f"Answer as an owner: be {answerer.name}, read what Whose asks, and press a button.")
    if climbing:
        tips.append(
            f"Ignore one and watch it climb: push the clock day by day. {climbing.token} goes from {climbing.owner} "
            f"to {climbing.relationship_owner}, who looks after {climbing.vendor}, then to {climbing.manager}, "
            f"the owner's manager."
        )
        tips.append(f"Look at the record: as {climbing.owner}, type /whose history {climbing.token}, or /whose help.")
    elif answerer:
        tips.append("Ignore one and watch it climb: push the clock day by day. Every card says who is next, and when.")
        tips.append(f"Look things up: as {answerer.name}, type /whose mine, or /whose help.")
    return Suggestions(answerer.email if answerer else "", tips)


def _a_request_that_climbs(session: Session) -> Any:
    """The riskiest open request whose ladder leads past three different people: the owner, the vendor's relationship
    owner and the owner's manager; None: there is none."""
    owner, relationship, manager = PERSON.alias("owner"), PERSON.alias("relationship"), PERSON.alias("manager")
    query = (
        select(
            func.coalesce(func.nullif(TOKEN.c.display_name, ""), TOKEN.c.external_id).label("token"),
            owner.c.email,
            owner.c.name.label("owner"),
            VENDOR.c.name.label("vendor"),
            relationship.c.name.label("relationship_owner"),
            manager.c.name.label("manager"),
        )
        .select_from(REQUEST)
        .join(TOKEN, TOKEN.c.id == REQUEST.c.token_id)
        .join(owner, owner.c.id == TOKEN.c.service_owner_id)
        .join(VENDOR, VENDOR.c.id == TOKEN.c.vendor_id)
        .join(relationship, relationship.c.id == VENDOR.c.relationship_owner_id)
        .join(manager, manager.c.id == owner.c.manager_id)
        .where(
            REQUEST.c.state == "open",
            REQUEST.c.waiting_on_id == owner.c.id,
            owner.c.id.notin_([relationship.c.id, manager.c.id]),
            relationship.c.id != manager.c.id,
            relationship.c.active,
            manager.c.active,
        )
        .order_by(REQUEST.c.risk.desc(), TOKEN.c.id)
        .limit(1)
    )
    return session.connection().execute(query).first()


def _somebody_to_be(session: Session, *, apart_from: str) -> Any:
    """An owner who was asked already, about tokens of several tiers, so that one click and a form are both there to be
    tried, and about few; not ``apart_from`` where there is a choice. None: nobody is to be asked."""
    asked = exists().where(POSTING.c.person_id == PERSON.c.id)
    tiers = func.count(REQUEST.c.tier.distinct())
    query = (
        select(
            PERSON.c.email,
            func.coalesce(func.nullif(PERSON.c.name, ""), PERSON.c.email).label("name"),
            asked.label("asked"),
        )
        .join(REQUEST, REQUEST.c.waiting_on_id == PERSON.c.id)
        .join(TOKEN, TOKEN.c.id == REQUEST.c.token_id)
        .where(REQUEST.c.state == "open", TOKEN.c.service_owner_id == PERSON.c.id)
        .group_by(PERSON.c.id)
        .order_by(asked.desc(), PERSON.c.email == apart_from, tiers.desc(), func.count(), PERSON.c.email)
        .limit(1)
    )
    return session.connection().execute(query).first()
