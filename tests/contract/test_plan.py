"""The plan of the weeks to come: worked out by hand for small cases, and the same as what the bot then really sends
when nobody answers. On both databases."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import date, datetime, timedelta
from fractions import Fraction
from random import Random
from typing import Any

import pytest
from sqlalchemy import func, select

from bot.operations.asking import Reader
from bot.operations.climb_ladder import climb_ladder
from bot.operations.compose import composer, refusal_handler
from bot.operations.context import Context
from bot.operations.deliver import deliver
from bot.operations.planning import plan as plan_module
from bot.operations.planning.plan import NOBODY, plan
from bot.operations.planning.tally import Tally
from bot.operations.sweep import sweep
from bot.rules.policy_attention import Attention, Urgent
from bot.rules.policy_parts import OpeningCap, Rung
from messages.action_ref import Verb
from messages.pages.plan_facts import PlanFacts
from storage.database import Database
from storage.inventory import TOKEN
from storage.outbox import OUTBOX
from storage.people import PERSON
from storage.requests import DECISION, REQUEST
from tests.contract.sweep_kit import DAY, LANE, POLICY, Inventory
from tests.servers.fake_clock import FakeClock
from tests.servers.recording_port import RecordingPort

SWEEPS = timedelta(hours=6)
Sent = Counter[tuple[datetime, str]]
"""When which person (or ``#security``) was sent a message."""


@pytest.fixture
def inventory(database: Database, clock: FakeClock) -> Inventory:
    return Inventory(database, clock)


# ------------------------------------------------------------------ the same as what happens


def planned(
    inventory: Inventory, monkeypatch: pytest.MonkeyPatch, weeks: int, share: Fraction = NOBODY
) -> tuple[Sent, PlanFacts]:
    """The messages of a plan, one by one."""
    sent: Sent = Counter()
    names = {number: name for name, number in inventory.people.items()}

    class Listening(Tally):
        def sent(self, at: datetime, reader: Reader, role: Rung) -> None:
            super().sent(at, reader, role)
            sent[at, "#security" if reader is None else names[reader]] += 1

    with monkeypatch.context() as patch:
        patch.setattr(plan_module, "Tally", Listening)
        return sent, plan(inventory.ctx, weeks=weeks, share=share, sweep_minutes=360)


def happened(inventory: Inventory, weeks: int, before_climb: Callable[[Inventory], None] = lambda _: None) -> Sent:
    """The messages that the bot sends over the same weeks: a sweep every six hours, everything else on time."""
    ctx, clock = inventory.ctx, inventory.clock
    port = RecordingPort(LANE, clock.now)
    compose, refused = composer(ctx), refusal_handler(ctx)
    start = clock.now()
    end, next_sweep = start + weeks * 7 * DAY, start
    while clock.now() < end:
        if clock.now() == next_sweep:
            sweep(ctx)
            next_sweep += SWEEPS
        before_climb(inventory)
        climb_ladder(ctx)
        deliver(ctx, port, compose, on_refused=refused, limit=10_000)
        clock.advance(min(next_sweep, next_event(inventory)) - clock.now())
    names = {f"U{name}": name for name in inventory.people}
    return Counter((one.at, names[one.to.user_id] if one.to.user_id else "#security") for one in port.posted)


def next_event(inventory: Inventory) -> datetime:
    now = inventory.clock.now()
    with inventory.database.read() as session:
        step = select(func.min(REQUEST.c.next_step_at)).where(REQUEST.c.next_step_at > now)
        letter = select(func.min(OUTBOX.c.not_before)).where(OUTBOX.c.state == "pending", OUTBOX.c.not_before > now)
        moments = [session.connection().execute(query).scalar() for query in (step, letter)]
    return min([one for one in moments if one is not None], default=now + DAY)


def some_company(inventory: Inventory, random: Random) -> None:
    """Thirty tokens in every condition; some of their people have left, are away, or cannot be reached."""
    inventory.person("mia")
    inventory.person("ben", manager="mia")
    inventory.person("vera")
    inventory.person("noa", manager="ben")
    inventory.person("kim", manager="ben", away_until=inventory.days(4.3), delegate="noa")
    inventory.person("leo", manager="ben", active=False)
    inventory.person("tom", manager="leo", away_until=inventory.days(9))
    inventory.person("eve", account=False, manager="mia")
    zones = ("Europe/London", "America/New_York", "Asia/Kolkata", "Asia/Riyadh")
    with inventory.database.write() as session:
        for number in inventory.people.values():
            values = {"timezone": random.choice(zones), "country": random.choice(("", "DE", "US", "SA"))}
            session.connection().execute(PERSON.update().where(PERSON.c.id == number).values(values))
    inventory.vendor("acme", owner="vera", contract_ends_at=inventory.days(3.2))
    inventory.vendor("sound", owner="mia", contract_ends_at=inventory.days(900))
    owners = ("ana", "ana", "noa", "kim", "leo", "tom", "eve", "")
    for number in range(30):
        inventory.token(
            f"k{number}",
            owner=random.choice(owners),
            backup=random.choice(("", "", "noa", "ben", "kim")),
            vendor=random.choice(("", "acme", "sound")),
            data_classification=random.choice(("internal", "confidential", "restricted")),
            last_attested_at=random.choice((None, inventory.days(-random.uniform(80, 370)), inventory.days(-1))),
            expires_at=random.choice((None, inventory.days(random.uniform(-5, 40)), inventory.days(400))),
            last_used_at=inventory.days(random.choice((-1, -random.uniform(76, 95)))),
            tags=random.choice(("", "", "", ",incident,")),
            consumers=random.choice(("", "", "billing job", "noa@example.com; kim@example.com", "ben@example.com")),
        )


@pytest.mark.parametrize(("seed", "stretches", "hours"), [(0, (2,), 0), (3, (1, 1), 1), (4, (2,), 12)])
def test_a_plan_is_what_happens_if_nobody_answers(
    inventory: Inventory, monkeypatch: pytest.MonkeyPatch, seed: int, stretches: tuple[int, ...], hours: int
) -> None:
    """Begun on a fresh inventory, and planned again in the middle of it all; mornings spread over an hour, over all of
    the day, or not at all."""
    random = Random(seed)
    inventory.clock.advance(timedelta(hours=-3) if hours else timedelta())
    some_company(inventory, random)
    mornings = {"spread_mornings_over": hours}
    changes = {
        "cap": OpeningCap(first_run_per_person=2, first_run_total=9, per_person_per_day=2, total_per_day=6),
        "attention": Attention(messages_per_person_per_day=random.choice((1, 3))).model_copy(update=mornings),
        "urgent": Urgent(ignore_working_hours=random.choice(((), ("expiry",), ("expiry", "incident")))),
    }
    inventory.policy = inventory.policy.model_copy(update=changes)
    for weeks in stretches:
        foreseen, facts = planned(inventory, monkeypatch, weeks)
        sent = happened(inventory, weeks)
        assert sorted(foreseen.items()) == sorted(sent.items())
        assert facts.messages == sent.total() > 15
        assert len({who for _, who in sent}) > 4
        assert sum(one.messages for one in facts.readers) == facts.messages
        for week in facts.weeks:
            assert sum(week.overdue_at.values()) == week.overdue <= week.unanswered


def everybody_answers(inventory: Inventory) -> None:
    """The owner stands behind every token whose next step has come, or lets it lapse where it has expired."""
    names = {number: name for name, number in inventory.tokens.items()}
    owners = {number: name for name, number in inventory.people.items()}
    late = (
        select(TOKEN.c.id, TOKEN.c.service_owner_id, TOKEN.c.expires_at)
        .join(REQUEST, REQUEST.c.token_id == TOKEN.c.id)
        .where(REQUEST.c.state == "open", REQUEST.c.next_step_at <= inventory.clock.now())
    )
    with inventory.database.read() as session:
        found = session.connection().execute(late).all()
    for token_id, owner_id, expires_at in found:
        expired = expires_at is not None and expires_at <= inventory.clock.now()
        inventory.decide(Verb.LET_LAPSE if expired else Verb.ATTEST, names[token_id], owners[owner_id])


def test_a_plan_is_what_happens_if_everybody_answers(inventory: Inventory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Answered reasons stay quiet for a cadence, and what comes up besides, or again, is asked about."""
    tiers = tuple(tier.model_copy(update={"attest_every": 11, "expiry_notices": (14, 3)}) for tier in POLICY.tiers)
    caps = OpeningCap(first_run_per_person=3, first_run_total=5, per_person_per_day=3, total_per_day=4)
    inventory.policy = POLICY.model_copy(update={"tiers": tiers, "cap": caps})
    inventory.person("bob")
    inventory.vendor("acme", owner="bob", contract_ends_at=inventory.days(3))
    values: dict[str, dict[str, Any]] = {
        "fine": {},
        "never": {"last_attested_at": None},
        "overdue": {"last_attested_at": inventory.days(-30), "owner": "bob"},
        "expiring": {"expires_at": inventory.days(10)},
        "long-expired": {"expires_at": inventory.days(-10), "owner": "bob"},
        "no-expiry": {"expires_at": None, "last_attested_at": inventory.days(-6)},
        "unused": {"last_used_at": inventory.days(-88), "data_classification": "confidential"},
        "outlives": {"vendor": "acme", "owner": "bob"},
        "everything": {"expires_at": None, "last_used_at": inventory.days(-95), "vendor": "acme"},
    }
    for name, given in values.items():
        inventory.token(name, **given)
    foreseen, facts = planned(inventory, monkeypatch, weeks=5, share=Fraction(1))
    happening = happened(inventory, 5, everybody_answers)
    assert sorted(foreseen.items()) == sorted(happening.items())
    with inventory.database.read() as session:
        decided = session.connection().execute(select(func.count()).select_from(DECISION)).scalar_one()
    assert sum(week.answered for week in facts.weeks) == decided > 20


# ------------------------------------------------------------------ worked out by hand


def sent(facts: PlanFacts) -> list[dict[str, int]]:
    return [dict(week.sent) for week in facts.weeks]


def with_a_chain(inventory: Inventory) -> None:
    """Ana's manager is Mia, and Bob is her backup. It is Monday, 5 January 2026, 09:30."""
    inventory.person("mia")
    inventory.person("bob")
    with inventory.database.write() as session:
        chain = PERSON.update().where(PERSON.c.id == inventory.people["ana"]).values(manager_id=inventory.people["mia"])
        session.connection().execute(chain)


def test_an_ordinary_token(inventory: Inventory) -> None:
    """Ana on Monday the 5th and on Wednesday; Bob three working days later, on the 12th; Mia on the 19th; the channel
    on the 26th. An answer was wanted by the 12th. Nothing is revoked."""
    with_a_chain(inventory)
    inventory.token(backup="bob", last_attested_at=None)
    facts = plan(inventory.ctx, weeks=4)
    assert sent(facts) == [{"owner": 2}, {"backup": 1}, {"manager": 1}, {"security": 1}]
    assert [week.overdue_at for week in facts.weeks] == [{"owner": 1}, {"backup": 1}, {"manager": 1}, {"security": 1}]
    assert [week.revocations for week in facts.weeks] == [0, 0, 0, 0]
    assert (facts.messages, facts.people, facts.due_now, facts.open_now) == (5, 3, 1, 0)
    assert facts.busiest == date(2026, 1, 5)
    assert (facts.first_run, facts.first_opened, facts.caught_up_on) == (True, 1, date(2026, 1, 5))
    assert [(one.name, one.messages) for one in facts.readers] == [
        ("Ana", 2),
        ("#security", 1),
        ("Bob", 1),
        ("Mia", 1),
    ]
    assert facts.person_weeks == [1, 1, 2]


def test_a_grave_token_ends_in_a_revocation(inventory: Inventory) -> None:
    """Ana on the 5th and 6th, Bob on the 8th, Mia on the 12th, the channel on the 13th; on the 15th the policy opens a
    revocation, which is Ana's work: she hears of it then, and every two working days, on the 19th, 21st and 23rd.
    From the second reminder on the channel does, too."""
    with_a_chain(inventory)
    inventory.token(backup="bob", last_attested_at=None, data_classification="restricted")
    facts = plan(inventory.ctx, weeks=3)
    assert sent(facts) == [
        {"owner": 2, "backup": 1},
        {"manager": 1, "security": 1, "owner": 1},
        {"owner": 3, "security": 2},
    ]
    assert [week.revocations for week in facts.weeks] == [0, 1, 0]
    assert [week.unanswered for week in facts.weeks] == [1, 0, 0]


def test_if_everybody_answers(inventory: Inventory) -> None:
    with_a_chain(inventory)
    inventory.token(backup="bob", last_attested_at=None)
    inventory.token("expiring", expires_at=inventory.days(14))
    facts = plan(inventory.ctx, weeks=3, share=Fraction(1))
    # Both in one message; both answered by Wednesday. The next notice, three days before the expiry, is Friday the
    # 16th; it is answered on Tuesday, and with it the expiry, which was on Monday the 19th at 09:30.
    assert sent(facts) == [{"owner": 1}, {"owner": 1}, {}]
    assert [week.answered for week in facts.weeks] == [2, 0, 1]
    assert [week.overdue for week in facts.weeks] == [0, 1, 0]


def test_the_first_run_is_spread(inventory: Inventory) -> None:
    """Five for one person on the first day, ten on the next: eight tokens of Ana's are two messages and two days."""
    for number in range(8):
        inventory.token(f"k{number}", last_attested_at=None)
    facts = plan(inventory.ctx, weeks=1)
    assert (facts.first_opened, facts.caught_up_on, facts.weeks[0].opened) == (5, date(2026, 1, 6), 8)
    assert facts.days[date(2026, 1, 5)] == facts.days[date(2026, 1, 6)] == 1


def test_nothing_is_written(inventory: Inventory) -> None:
    with_a_chain(inventory)
    inventory.token(last_attested_at=None)
    before = inventory.everything()
    plan(inventory.ctx, weeks=2)
    assert inventory.everything() == before
    inventory.sweep()
    before = inventory.everything()
    plan(inventory.ctx, weeks=2, share=Fraction(1, 2))
    assert inventory.everything() == before


def test_another_policy_is_planned_without_being_put_in_force(inventory: Inventory) -> None:
    """The tokens of the policy in force are low; under the other one they are grave, and asked about sooner again."""
    with_a_chain(inventory)
    inventory.token(backup="bob", last_attested_at=inventory.days(-100))
    inventory.sweep()
    assert plan(inventory.ctx, weeks=1).due_now == 0
    grave = inventory.policy.tiers[0].model_copy(update={"when": inventory.policy.tiers[-1].when})
    other = inventory.policy.model_copy(update={"tiers": (grave,), "version": "other"})
    before = inventory.everything()
    facts = plan(Context(inventory.database, inventory.clock.now, other, LANE), weeks=1)
    assert (facts.due_now, sent(facts)) == (1, [{"owner": 2, "backup": 1}])
    assert inventory.everything() == before


def test_a_dry_run_of_the_first_sweep_says_so(inventory: Inventory) -> None:
    for number in range(8):
        inventory.token(f"k{number}", last_attested_at=None)
    report = inventory.sweep(dry_run=True)
    assert (report.first_run, report.chosen) == (True, 5)
    inventory.sweep()
    report = inventory.sweep(dry_run=True)
    assert (report.first_run, report.chosen) == (False, 0)
