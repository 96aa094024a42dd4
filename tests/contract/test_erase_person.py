"""Erasing a person: their words go, the record stands, and every earlier checkpoint still verifies."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import insert, select, text

from bot.errors import NotFoundError
from bot.operations.erase_person import StillNeededError, erase_person, plan_erasure
from bot.operations.publish_checkpoint import Publisher
from storage.database import Database, table_of
from storage.inventory import OWNERSHIP, TOKEN
from storage.ledger.log import leaves
from storage.ledger.record import Entry, RecordKind
from storage.people import CHAT_IDENTITY, PERSON
from storage.requests import DECISION, REQUEST, PolicyVersion
from tests.contract.ledger_kit import add, keeper, verified, verify
from tests.servers.fake_clock import FakeClock

ANA, BEN = "p_aaaaaaaaaaaaaaaaaaaaaaaa", "p_bbbbbbbbbbbbbbbbbbbbbbbb"
NAMES = {ANA: "Ana Lima <ana@example.com>", BEN: "Ben Okafor <ben@example.com>"}
WHY = "It feeds the invoices, ask Ana Lima."


@pytest.fixture
def publisher(database: Database, clock: FakeClock, tmp_path: Path) -> Publisher:
    """Ana has decided and reported, Ben has written about her, and a checkpoint covers it."""
    at = clock.now()
    with database.write() as session:
        connection = session.connection()
        common = {"created_at": at, "updated_at": at, "by_mention": False, "active": True}
        place = {"timezone": "Europe/Lisbon", "country": "PT", "subdivision": "", "workweek": "mon-fri"}
        rows = [
            {"id": 1, "ref": ANA, "email": "ana@example.com", "name": "Ana Lima", **place, **common},
            {"id": 2, "ref": BEN, "email": "ben@example.com", "name": "Ben Okafor", **place, **common},
        ]
        connection.execute(insert(PERSON), rows)
        accounts = [
            {"person_id": number, "platform": "slack", "workspace": "T1", "user_id": f"U{number}", "deactivated": False}
            for number in (1, 2)
        ]
        connection.execute(insert(CHAT_IDENTITY), [{**one, "dm_channel": "D"} for one in accounts])
    human = {"actor_type": "human", "token_id": 1, "token": {"issuer": "aws-iam"}}
    add(
        database,
        clock,
        Entry(RecordKind.ASKED, "reminder", token_id=1, disclosures={ANA: NAMES[ANA]}),
        Entry(
            RecordKind.DECISION,
            "attest",
            actor_ref=ANA,
            disclosures={"justification": "Mine, and needed.", **NAMES},
            **human,  # type: ignore[arg-type]
        ),
        Entry(
            RecordKind.DECISION,
            "reassign",
            actor_ref=BEN,
            disclosures={"justification": WHY, BEN: NAMES[BEN]},
            details={"quote": f'"actor":{{"ref":"{ANA}"'},  # looks like her record, and is not
            **human,  # type: ignore[arg-type]
        ),
        Entry(RecordKind.REMEDIATION_RESULT, "revoke", actor_ref=ANA, disclosures={"evidence": "By hand."}, **human),  # type: ignore[arg-type]
    )
    publisher = keeper(database, clock, tmp_path)
    publisher.publish()
    return publisher


def disclosed(database: Database) -> list[tuple[int, str, str]]:
    with database.read() as session:
        return [(record.seq, *item) for record in leaves(session) for item in record.disclosures.items()]


def test_their_words_go_and_the_record_stands(publisher: Publisher, clock: FakeClock) -> None:
    database = publisher.database
    held = publisher.state.read_bytes()
    with database.read() as session:
        before = [(record.seq, record.body) for record in leaves(session)]
    plan = erase_person(database, clock.now, "ANA@example.com")
    assert (plan.ref, plan.disclosures, plan.accounts, list(plan.mentions)) == (ANA, 4, 1, [(0, 2)])
    assert sorted(disclosed(database)) == [(1, BEN, NAMES[BEN]), (2, "justification", WHY), (2, BEN, NAMES[BEN])]
    with database.read() as session:
        *after, erased = leaves(session)
        ana, ben = session.connection().execute(select(PERSON).order_by(PERSON.c.id)).all()
        accounts = session.connection().execute(select(CHAT_IDENTITY.c.person_id)).scalars().all()
    assert [(record.seq, record.body) for record in after] == before
    assert erased.kind is RecordKind.PERSON_ERASED
    assert erased.fields["details"] == {"person": ANA, "disclosures": 4, "accounts": 1}
    assert (ana.ref, ana.name, ana.email, ana.active, ana.timezone) == (ANA, "", f"{ANA}@erased.invalid", False, "")
    assert ana.left_at == clock.now()
    assert (ben.name, ben.email, ben.active) == ("Ben Okafor", "ben@example.com", True)
    assert accounts == [2]
    # What was signed before still holds, and so does what is signed now.
    assert verify(database).findings == ()
    assert verified(publisher, held).size == 4
    publication = publisher.publish()
    assert publication is not None
    assert publication.checkpoint.size == 5


def test_again_nothing_happens(publisher: Publisher, clock: FakeClock) -> None:
    database = publisher.database
    erase_person(database, clock.now, "ana@example.com")
    again = erase_person(database, clock.now, ANA)
    assert again.done
    assert plan_erasure(database, ANA).done
    with pytest.raises(NotFoundError):
        erase_person(database, clock.now, "ana@example.com")
    with database.read() as session:
        assert len(list(leaves(session))) == 5


def test_a_plan_changes_nothing(publisher: Publisher) -> None:
    before = disclosed(publisher.database)
    plan = plan_erasure(publisher.database, "ana@example.com")
    assert (plan.disclosures, plan.accounts, plan.done) == (4, 1, False)
    assert disclosed(publisher.database) == before


def _own_and_be_asked(database: Database, clock: FakeClock) -> None:
    at = clock.now()
    with database.write() as session:
        connection = session.connection()
        token = {"issuing_system": "aws-iam", "external_id": "k1", "display_name": "drift-prod", "state": "active"}
        texts = [column.name for column in TOKEN.columns if not column.nullable and column.name not in (*token, "id")]
        blank = {name: "" for name in texts if not name.endswith("_at")}
        connection.execute(insert(TOKEN), [{"id": 1, **blank, **token, "recorded_at": at, "updated_at": at}])
        owns = {"token_id": 1, "person_id": 1, "role": "service_owner", "from_at": at, "source": "import"}
        connection.execute(insert(OWNERSHIP), [owns])
        policy = {"hash": "h", "policy_id": "p", "version": "1", "body": "{}", "first_used_at": at}
        connection.execute(insert(table_of(PolicyVersion)), [policy])
        counts = dict.fromkeys(("risk", "round", "step", "handover_count", "snooze_count"), 0)
        open_one = {"id": 1, "token_id": 1, "state": "open", "version": 1, "reasons": [], "tier": "high", **counts}
        more = {"policy_hash": "h", "opened_at": at, "due_at": at, "waiting_on_id": 1, "waiting_role": "owner"}
        connection.execute(insert(REQUEST), [{**open_one, **more, "outcome": ""}])
        said = {"request_id": 1, "token_id": 1, "kind": "snooze", "actor_id": 1, "role": "service_owner"}
        how = {"justification": "Later.", "details": {}, "decided_at": at, "platform": "cli", "settles": False}
        connection.execute(insert(DECISION), [{**said, **how, "idempotency_key": "k"}])


def test_whoever_is_still_needed_is_not_erased_unasked(publisher: Publisher, clock: FakeClock) -> None:
    database = publisher.database
    _own_and_be_asked(database, clock)
    before = disclosed(database)
    with pytest.raises(StillNeededError) as refused:
        erase_person(database, clock.now, "ana@example.com")
    assert "owns drift-prod (service owner)" in str(refused.value)
    assert "is being asked about drift-prod" in str(refused.value)
    assert disclosed(database) == before
    erase_person(database, clock.now, "ana@example.com", force=True)
    with database.read() as session:
        assert session.connection().execute(select(DECISION.c.justification)).scalars().all() == [""]
    assert verify(database).ok


def test_no_trace_is_left_in_an_sqlite_file(sqlite_database: Database, clock: FakeClock) -> None:
    at = clock.now()
    row = {"ref": ANA, "email": "ana@example.com", "name": "Ana Lima", "created_at": at, "updated_at": at}
    empty = dict.fromkeys(("timezone", "country", "subdivision", "workweek"), "")
    with sqlite_database.write() as session:
        session.connection().execute(insert(PERSON), [{**row, **empty, "active": True, "by_mention": False}])
    said = {"justification": "Only Zebedee knows this.", ANA: NAMES[ANA]}
    add(sqlite_database, clock, Entry(RecordKind.DECISION, "attest", actor_ref=ANA, disclosures=said))
    erase_person(sqlite_database, clock.now, "ana@example.com")
    with sqlite_database.read() as session:
        session.connection().execute(text("SELECT 1"))
    name = sqlite_database.url.database
    assert name is not None
    files = [Path(name), *Path(name).parent.glob(Path(name).name + "-wal")]
    for file in files:
        content = file.read_bytes()
        for word in (b"Zebedee", b"Ana Lima", b"ana@example.com"):
            assert word not in content, f"{word!r} in {file.name}"
