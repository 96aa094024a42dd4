"""Accounts and people brought into agreement: who is where, who has left, and what is not believed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from sqlalchemy import select

from bot.errors import UpstreamError
from bot.operations.ports import DirectoryEntry
from bot.operations.sync_directory import find_or_link, sync_directory
from bot.sandbox.faults import Fault
from bot.sandbox.workspace import ALL_SCOPES
from bot.slack.directory import SlackDirectory
from storage.database import Database
from storage.ledger.log import leaves
from storage.ledger.record import RecordKind
from storage.people import CHAT_IDENTITY, PERSON, ChatIdentity, Person
from tests.contract.delivery_kit import Office
from tests.servers.fake_clock import FakeClock
from tests.servers.workspace import running_workspace

TEAM = "T000000001"


@dataclass
class Accounts:
    """A directory in a list."""

    entries: list[DirectoryEntry] = field(default_factory=list)
    platform: str = "slack"
    workspace: str = TEAM

    def accounts(self) -> Iterator[DirectoryEntry]:
        yield from self.entries

    def add(self, user_id: str, name: str, *, zone: str = "", closed: bool = False, email: str | None = None) -> None:
        address = f"{name}@example.com" if email is None else email
        self.entries = [entry for entry in self.entries if entry.user_id != user_id]
        self.entries.append(DirectoryEntry(user_id, address, name.title(), zone, closed))


@pytest.fixture
def office(database: Database, clock: FakeClock) -> Office:
    return Office(database, clock)


@pytest.fixture
def directory() -> Accounts:
    return Accounts()


def person(office: Office, person_id: int) -> Person:
    with office.database.read() as session:
        found = session.get(Person, person_id)
    assert found is not None
    return found


def identities(office: Office) -> set[tuple[int, str, str, bool]]:
    with office.database.read() as session:
        columns = [CHAT_IDENTITY.c[name] for name in ("person_id", "workspace", "user_id", "deactivated")]
        return {tuple(row) for row in session.connection().execute(select(*columns))}


def test_people_are_matched_by_address_and_nobody_is_made_up(office: Office, directory: Accounts) -> None:
    ada, bob = office.person("ada", None), office.person("bob", None)
    directory.add("U1", "ada", zone="Europe/Berlin")
    directory.add("U9", "stranger")
    report = sync_directory(office.ctx, directory)
    assert (report.accounts, report.matched, report.linked, report.unmatched) == (2, 1, 1, 1)
    assert identities(office) == {(ada, TEAM, "U1", False)}
    assert person(office, ada).timezone == "Europe/Berlin"
    assert person(office, bob).active, "no account is no proof of having left"
    again = sync_directory(office.ctx, directory)
    assert (again.linked, again.left) == (0, [])


def test_what_the_people_file_says_stays(office: Office, directory: Accounts) -> None:
    ada = office.person("ada", None)
    with office.database.write() as session:
        session.connection().execute(PERSON.update().values(timezone="Asia/Tokyo"))
    directory.add("U1", "ada", zone="Europe/Berlin")
    sync_directory(office.ctx, directory)
    assert (person(office, ada).timezone, person(office, ada).name) == ("Asia/Tokyo", "ada")


def test_a_known_account_is_known_under_another_address(office: Office, directory: Accounts) -> None:
    ada = office.person("ada", "U1")
    directory.add("U1", "ada", email="ada.married@example.com")
    report = sync_directory(office.ctx, directory)
    assert (report.matched, report.unmatched) == (1, 0)
    assert identities(office) == {(ada, TEAM, "U1", False)}


def test_an_account_whose_address_is_now_somebody_elses_goes_to_them(office: Office, directory: Accounts) -> None:
    office.person("ada", "U1")
    bob = office.person("bob", None)
    directory.add("U1", "bob")
    assert sync_directory(office.ctx, directory).linked == 1
    assert identities(office) == {(bob, TEAM, "U1", False)}


def test_two_accounts_change_hands_at_once(office: Office, directory: Accounts) -> None:
    ada, bob = office.person("ada", "U1"), office.person("bob", "U2")
    directory.add("U1", "bob")
    directory.add("U2", "ada")
    sync_directory(office.ctx, directory)
    assert identities(office) == {(ada, TEAM, "U2", False), (bob, TEAM, "U1", False)}


def test_a_new_account_takes_the_place_of_a_closed_one(office: Office, directory: Accounts) -> None:
    ada = office.person("ada", "U1")
    directory.add("U1", "ada", closed=True)
    directory.add("U2", "ada")
    report = sync_directory(office.ctx, directory)
    assert report.left == []
    assert identities(office) == {(ada, TEAM, "U2", False)}


def test_a_closed_account_means_that_they_have_left(office: Office, directory: Accounts) -> None:
    ada = office.person("ada", None)
    directory.add("U1", "ada")
    sync_directory(office.ctx, directory)
    office.clock.advance(timedelta(days=1))
    directory.add("U1", "ada", closed=True, email="")
    assert sync_directory(office.ctx, directory).left == ["ada@example.com"]
    gone = person(office, ada)
    assert (gone.active, gone.left_at) == (False, office.clock.now())
    assert identities(office) == {(ada, TEAM, "U1", True)}
    with office.database.read() as session:
        named, record = leaves(session)
    assert (named.kind, named.disclosures) == (RecordKind.PERSON_NAMED, {gone.ref: "ada <ada@example.com>"})
    assert (record.kind, record.fields["details"]) == (RecordKind.PERSON_LEFT, {"person": gone.ref})
    assert b"ada@example.com" not in record.body
    assert sync_directory(office.ctx, directory).left == [], "noticed once"


def test_who_is_live_elsewhere_has_not_left(office: Office, directory: Accounts) -> None:
    ada = office.person("ada", "U1")
    with office.database.write() as session:
        session.add(ChatIdentity(person_id=ada, platform="teams", workspace="tenant", user_id="a"))
    directory.add("U1", "ada", closed=True)
    assert sync_directory(office.ctx, directory).left == []
    assert person(office, ada).active


def test_an_account_that_opens_again_does_not_undo_that_they_left(office: Office, directory: Accounts) -> None:
    ada = office.person("ada", "U1", active=False)
    directory.add("U1", "ada")
    assert sync_directory(office.ctx, directory).live_again == ["ada@example.com"]
    assert not person(office, ada).active


def test_an_account_that_is_not_named_proves_nothing(office: Office, directory: Accounts) -> None:
    ada = office.person("ada", "U1")
    report = sync_directory(office.ctx, directory)
    assert (report.missing, report.left) == (1, [])
    assert person(office, ada).active


def test_an_account_from_the_people_file_without_a_workspace_is_closed_too(office: Office, directory: Accounts) -> None:
    ada = office.person("ada", "U1", workspace="")
    directory.add("U1", "ada", closed=True)
    assert sync_directory(office.ctx, directory).left == ["ada@example.com"]
    assert identities(office) == {(ada, "", "U1", True), (ada, TEAM, "U1", True)}


@pytest.mark.parametrize(
    ("people", "closed", "believed"), [(40, 12, True), (40, 13, False), (12, 10, True), (12, 11, False)]
)
def test_a_mass_leave_is_not_believed(
    office: Office, directory: Accounts, people: int, closed: int, believed: bool
) -> None:
    for number in range(people):
        office.person(f"p{number}", f"U{number}")
        directory.add(f"U{number}", f"p{number}", closed=number < closed)
    if believed:
        assert len(sync_directory(office.ctx, directory).left) == closed
        return
    before = identities(office)
    with pytest.raises(UpstreamError, match=f"{closed} of {people}"):
        sync_directory(office.ctx, directory)
    assert identities(office) == before, "nothing was changed"
    with office.database.read() as session:
        assert list(leaves(session)) == []
    assert len(sync_directory(office.ctx, directory, allow_mass_leave=True).left) == closed


# ------------------------------------------------------------------ an unknown account clicks


def test_an_account_is_linked_by_the_address_that_the_platform_gives(office: Office) -> None:
    ada = office.person("ada", None)
    for email in ("Ada@Example.com ", ""):  # the second time the account is known
        with office.database.write() as session:
            found = find_or_link(session, platform="slack", workspace=TEAM, user_id="U1", email=email)
        assert found is not None
        assert found.id == ada
    assert identities(office) == {(ada, TEAM, "U1", False)}


@pytest.mark.parametrize("email", ["", "stranger@example.com"])
def test_a_stranger_stays_a_stranger(office: Office, email: str) -> None:
    office.person("ada", None)
    with office.database.write() as session:
        assert find_or_link(session, platform="slack", workspace=TEAM, user_id="U1", email=email) is None
    assert identities(office) == set()


def test_nobody_takes_a_living_accounts_place(office: Office) -> None:
    ada = office.person("ada", "U1")
    with office.database.write() as session:
        found = find_or_link(session, platform="slack", workspace=TEAM, user_id="U2", email="ada@example.com")
    assert found is None
    assert identities(office) == {(ada, TEAM, "U1", False)}


def test_a_new_account_after_a_closed_one_is_linked(office: Office, directory: Accounts) -> None:
    ada = office.person("ada", "U1")
    directory.add("U1", "ada", closed=True)
    sync_directory(office.ctx, directory)
    with office.database.write() as session:
        assert find_or_link(session, platform="slack", workspace=TEAM, user_id="U1") is None, "closed"
        found = find_or_link(session, platform="slack", workspace=TEAM, user_id="U2", email="ada@example.com")
    assert found is not None
    assert identities(office) == {(ada, TEAM, "U2", False)}


def test_an_account_that_names_no_workspace_is_found(office: Office) -> None:
    ada = office.person("ada", "U1", workspace="")
    with office.database.write() as session:
        found = find_or_link(session, platform="slack", workspace=TEAM, user_id="U1")
        assert found is not None
        assert found.id == ada
        assert find_or_link(session, platform="teams", workspace=TEAM, user_id="U1") is None


# ------------------------------------------------------------------ Slack's list


def test_slack_lists_every_human_account_beyond_the_first_page() -> None:
    with running_workspace() as slack:
        for number in range(450):
            slack.workspace.add_user(f"Person {number}", email=f"Person{number}@example.com", tz="Europe/Paris")
        slack.workspace.add_user("Slackbot", email=None, user_id="USLACKBOT")
        slack.workspace.add_user("Robot", email="robot@example.com", is_bot=True)
        left = slack.workspace.add_user("Left Example", email="left@example.com", deleted=True)
        entries = {entry.user_id: entry for entry in SlackDirectory(TEAM, slack.bot_token, slack.url).accounts()}
        assert slack.workspace.calls.count("users.list") == 3
        assert slack.workspace.calls.count() == 3, "not one look-up a person"
    assert len(entries) == 451
    assert entries.pop(left.id) == DirectoryEntry(left.id, "left@example.com", "Left Example", "", True)
    assert {entry.timezone for entry in entries.values()} == {"Europe/Paris"}
    assert "person7@example.com" in {entry.email for entry in entries.values()}


def test_a_rate_limit_is_waited_out_and_a_broken_list_is_not_believed(office: Office) -> None:
    with running_workspace() as slack:
        for number in range(201):
            slack.workspace.add_user(f"Person {number}", email=f"person{number}@example.com")
        port = SlackDirectory(TEAM, slack.bot_token, slack.url)
        slack.workspace.faults.add("users.list", Fault.TOO_MANY_REQUESTS, retry_after=0)
        assert len(list(port.accounts())) == 201

        office.person("person1", None)
        slack.workspace.faults.add("users.list", Fault.DELAY)  # the first page comes
        slack.workspace.faults.add("users.list", Fault.FAIL_BEFORE, times=5)
        with pytest.raises(UpstreamError, match="could not be read to its end"):
            sync_directory(office.ctx, port)
        assert identities(office) == set()


@pytest.mark.parametrize("scope", ["users:read", "users:read.email"])
def test_a_missing_scope_is_named(scope: str) -> None:
    with running_workspace(scopes=ALL_SCOPES - {scope}) as slack:
        slack.workspace.add_user("Ada Example", email="ada@example.com")
        with pytest.raises(UpstreamError, match=scope):
            list(SlackDirectory(TEAM, slack.bot_token, slack.url).accounts())
