"""``whose import`` on both databases: what is written, what is kept, what is recorded."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, update

from bot.operations.import_inventory import import_inventory, parse_mapping
from storage.database import Database
from storage.inventory import OWNERSHIP, TOKEN, VENDOR
from storage.owners import assign
from storage.people import CHAT_IDENTITY, PERSON
from storage.vendors import VENDOR_RELATIONSHIP
from tests.contract.import_kit import CONTRACT, NOW, Importer, said

LATER = NOW + timedelta(days=1)
HEAD = "external_id,issuing_system,service_owner\n"
EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def importer(database: Database, tmp_path: Path) -> Importer:
    return Importer(database, tmp_path)


def counts(report: Any, file: int = 0) -> tuple[int, int, int, int, int]:
    """New, changed, unchanged, vanished, rejected."""
    one = report.files[file]
    return one.new, one.changed, one.unchanged, one.vanished, one.rejected


# ------------------------------------------------------------------ first import


def test_the_examples_import_without_a_word_and_again_without_a_change(importer: Importer) -> None:
    files = [EXAMPLES / "tokens.csv", EXAMPLES / "vendors.csv", EXAMPLES / "people.csv"]
    first = importer(files)
    assert first.written
    assert (first.ok, first.warnings) == (True, [])
    assert [one.kind for one in first.files] == ["tokens", "vendors", "people"]
    assert [one.new for one in first.files] == [60, 12, 20]
    before = [importer.rows(table) for table in (TOKEN, OWNERSHIP, VENDOR, CONTRACT, PERSON)]
    records = importer.records()

    again = importer(files, now=LATER)
    assert again.written
    assert not again.changed_anything
    assert [one.unchanged for one in again.files] == [60, 12, 20]
    assert [importer.rows(table) for table in (TOKEN, OWNERSHIP, VENDOR, CONTRACT, PERSON)] == before
    assert importer.records() == records


def test_every_column_of_a_token_arrives(importer: Importer) -> None:
    cells = {
        "external_id": "key-1",
        "issuing_system": "aws-iam",
        "display_name": "Nightly sync",
        "credential_type": "access key",
        "vendor": "Acme  Ltd",
        "purpose": "Moves orders",
        "environment": "Production",
        "data_classification": "restricted",
        "customer_data": "yes",
        "data_scope": "orders",
        "scopes": "s3:GetObject",
        "service_owner": "Ana@Example.com",
        "business_owner": "bo@example.com",
        "backup_owner": "cy@example.com",
        "created_at": "2025-03-04",
        "expires_at": "2027-01-31T23:00:00+01:00",
        "last_used_at": "2026-11-20T10:00:00Z",
        "last_rotated_at": "2026-05-01 08:00:00",
        "last_attested_at": "2026-08-10T00:00:00.250Z",
        "rotation_method": "second key",
        "revocation_path": "console",
        "secret_ref": "vault:kv/app#key",
        "consumers": "batch",
        "held_by": "vendor",
        "expected_cidrs": "203.0.113.7/24 2001:db8::/32",
        "expected_countries": "de, US",
        "expected_hours": "08:00-18:00",
        "tags": "CRM, eu ,crm",
        "notes": "two\nlines",
    }
    assert importer({"tokens.json": json.dumps([cells])}).ok
    token = importer.token("key-1")
    owner = importer.person("ana@example.com")
    vendor = importer.vendor("Acme Ltd")
    assert (vendor["name_key"], vendor["by_mention"]) == ("acme ltd", True)
    assert owner["by_mention"]
    assert {name: token[name] for name in token if name not in {"id", "service_owner_id", "vendor_id"}} == {
        "issuing_system": "aws-iam",
        "external_id": "key-1",
        "display_name": "Nightly sync",
        "credential_type": "access key",
        "purpose": "Moves orders",
        "environment": "production",
        "data_classification": "restricted",
        "customer_data": True,
        "data_scope": "orders",
        "scopes": "s3:GetObject",
        "created_at": datetime(2025, 3, 4, tzinfo=UTC),
        "expires_at": datetime(2027, 1, 31, 22, tzinfo=UTC),
        "last_used_at": datetime(2026, 11, 20, 10, tzinfo=UTC),
        "last_rotated_at": datetime(2026, 5, 1, 8, tzinfo=UTC),
        "last_attested_at": datetime(2026, 8, 10, 0, 0, 0, 250_000, tzinfo=UTC),
        "rotation_method": "second key",
        "revocation_path": "console",
        "secret_ref": "vault:kv/app#key",
        "consumers": "batch",
        "held_by": "vendor",
        "expected_cidrs": "203.0.113.0/24, 2001:db8::/32",
        "expected_countries": "DE, US",
        "expected_hours": "08:00-18:00",
        "tags": ",crm,eu,",
        "notes": "two\nlines",
        "state": "active",
        "tier": "",
        "vanished_at": None,
        "recorded_at": NOW,
        "updated_at": NOW,
    }
    assert (token["service_owner_id"], token["vendor_id"]) == (owner["id"], vendor["id"])
    assert sorted(importer.owners("key-1")) == [
        ("backup_owner", "cy@example.com", NOW, None),
        ("business_owner", "bo@example.com", NOW, None),
        ("service_owner", "ana@example.com", NOW, None),
    ]


@pytest.mark.parametrize("name", ["inventory.json", "inventory.yaml"])
def test_one_document_may_hold_all_three_kinds(importer: Importer, name: str) -> None:
    document = json.dumps(
        {
            "tokens": [{"external_id": "00012", "issuing_system": "gh", "vendor": "Acme", "customer_data": True}],
            "vendors": [{"name": "Acme", "relationship_owner": "ana@example.com", "contract_end": "2026-12-31"}],
            "people": [{"email": "ana@example.com", "name": "Ana", "active": None}],
        },
        indent=2,
    )
    report = importer({name: document})
    assert (report.ok, report.warnings) == (True, [])
    assert report.files[0].new == 3
    assert importer.token("00012")["customer_data"] is True
    assert importer.vendor("Acme")["contract_ends_at"] == datetime(2027, 1, 1, tzinfo=UTC)
    assert not importer.person("ana@example.com")["by_mention"]


def test_plain_yaml_keeps_text_as_it_was_written(importer: Importer) -> None:
    text = "- external_id: 00012\n  issuing_system: no\n  expires_at: 2027-01-01\n  tags: [eu, 007]\n  notes: ~\n"
    assert importer({"tokens.yaml": text}).ok
    token = importer.token("00012")
    assert (token["issuing_system"], token["tags"], token["notes"]) == ("no", ",eu,007,", "")
    assert token["expires_at"] == datetime(2027, 1, 1, tzinfo=UTC)


# ------------------------------------------------------------------ importing again


def test_an_empty_cell_clears_and_an_absent_column_leaves(importer: Importer) -> None:
    importer(
        {"a.csv": "external_id,issuing_system,display_name,purpose,expires_at,customer_data,vendor\n"
         "k,gh,Name,Why,2027-01-01,true,Acme\n"}
    )  # fmt: skip
    report = importer({"b.csv": "external_id,issuing_system,purpose,expires_at,vendor\nk,gh,,,\n"}, now=LATER)
    assert counts(report) == (0, 1, 0, 0, 0)
    token = importer.token("k")
    assert (token["display_name"], token["customer_data"]) == ("Name", True)
    assert (token["purpose"], token["expires_at"], token["vendor_id"]) == ("", None, None)
    assert (token["recorded_at"], token["updated_at"]) == (NOW, LATER)


def test_objects_that_leave_out_a_key_leave_the_value(importer: Importer) -> None:
    importer({"a.json": json.dumps([{"external_id": f"k{i}", "issuing_system": "gh", "notes": "n"} for i in (1, 2)])})
    second = [
        {"external_id": "k1", "issuing_system": "gh"},
        {"external_id": "k2", "issuing_system": "gh", "notes": ""},
    ]
    assert counts(importer({"a.json": json.dumps(second)})) == (0, 1, 1, 0, 0)
    assert [importer.token(one)["notes"] for one in ("k1", "k2")] == ["n", ""]


@pytest.mark.parametrize("column", ["last_used_at", "last_rotated_at", "last_attested_at"])
def test_what_happened_last_never_moves_back(importer: Importer, column: str) -> None:
    def bring(value: str) -> Any:
        importer({"a.csv": f"external_id,issuing_system,{column}\nk,gh,{value}\n"})
        return importer.token("k")[column]

    june = datetime(2026, 6, 1, tzinfo=UTC)
    assert bring("2026-06-01") == june
    assert bring("2026-05-01") == june
    assert bring("") == june
    assert bring("2026-07-01") == datetime(2026, 7, 1, tzinfo=UTC)


def test_a_change_that_a_policy_may_look_at_takes_the_tier_away(importer: Importer, database: Database) -> None:
    importer({"a.csv": "external_id,issuing_system,environment,notes\nk1,gh,staging,\nk2,gh,staging,\n"})
    with database.write() as session:
        session.connection().execute(update(TOKEN).values(tier="low"))
    importer({"a.csv": "external_id,issuing_system,environment,notes\nk1,gh,production,\nk2,gh,staging,read me\n"})
    assert [importer.token(one)["tier"] for one in ("k1", "k2")] == ["", "low"]


def test_an_owner_who_changes_is_closed_and_recorded(importer: Importer) -> None:
    importer({"a.csv": HEAD + "k,gh,ana@example.com\nm,gh,\n"})
    report = importer({"a.csv": HEAD + "k,gh,bo@example.com\nm,gh,cy@example.com\n"}, now=LATER)
    assert counts(report) == (0, 2, 0, 0, 0)
    assert importer.owners("k") == [
        ("service_owner", "ana@example.com", NOW, LATER),
        ("service_owner", "bo@example.com", LATER, None),
    ]
    assert importer.owners("m") == [("service_owner", "cy@example.com", LATER, None)]
    assert importer.token("k")["service_owner_id"] == importer.person("bo@example.com")["id"]

    ana, bo, cy = (importer.person(f"{one}@example.com")["ref"] for one in ("ana", "bo", "cy"))
    records = importer.records()
    assert [one["kind"] for one in records] == [12, 21, 12, 21, 21, 6]
    named, second, change = (records[at] for at in (1, 2, -1))
    assert (named["details"], named["disclosed"]) == ({"person": ana}, {ana: "ana@example.com"})
    assert change["accountable"] == {"before": {"service_owner": ana}, "after": {"service_owner": bo}}
    assert change["token"] == {"id": importer.token("k")["id"], "issuer": "gh", "external_id": "k"}
    assert set(change["disclosed"].values()) == {"ana@example.com", "bo@example.com"}
    assert second["details"]["first_owners"] == 1
    line = f"{importer.token('m')['id']} service_owner {cy}\n"
    assert second["details"]["first_owners_sha256"] == hashlib.sha256(line.encode()).hexdigest()
    assert "example.com" not in json.dumps([{**one, "disclosed": {}} for one in records])


def test_an_owner_who_is_emptied_leaves_nobody(importer: Importer) -> None:
    importer({"a.csv": HEAD + "k,gh,ana@example.com\n"})
    importer({"a.csv": HEAD + "k,gh,\n"}, now=LATER)
    assert importer.owners("k") == [("service_owner", "ana@example.com", NOW, LATER)]
    assert importer.token("k")["service_owner_id"] is None
    assert importer.records()[-1]["accountable"]["after"] == {}


def test_an_owner_agreed_on_in_chat_is_named_when_a_file_replaces_them(importer: Importer, database: Database) -> None:
    importer({"a.csv": HEAD + "k,gh,ana@example.com\nm,gh,bo@example.com\n"})
    with database.write() as session:
        assign(session, importer.token("k")["id"], "service_owner", importer.person("bo@example.com")["id"], NOW)
    report = importer({"a.csv": HEAD + "k,gh,cy@example.com\nm,gh,bo@example.com\n"}, now=LATER)
    assert any(
        "1 owner agreed on in chat is replaced" in one and "k (bo@example.com)" in one for one in report.warnings
    )
    assert importer.token("k")["service_owner_id"] == importer.person("cy@example.com")["id"]


def test_a_file_that_says_what_it_said_before_undoes_no_handover(importer: Importer, database: Database) -> None:
    file = {"a.csv": HEAD + "k,gh,ana@example.com\nm,gh,\n"}
    importer(file | {"b.csv": HEAD + "n,gh,bo@example.com\n"})
    bo = importer.person("bo@example.com")["id"]
    with database.write() as session:
        for token in ("k", "m"):
            assign(session, importer.token(token)["id"], "service_owner", bo, NOW)
    report = importer(file | {"b.csv": HEAD + "n,gh,bo@example.com\n"}, now=LATER)
    assert counts(report)[:3] == (0, 0, 2)
    assert [importer.token(token)["service_owner_id"] for token in ("k", "m")] == [bo, bo]
    assert any("2 owners agreed on in chat stay" in one and "k (bo@example.com)" in one for one in report.warnings)


def test_the_digest_of_first_owners_can_be_worked_out_again(importer: Importer) -> None:
    head = "external_id,issuing_system,service_owner,backup_owner\n"
    importer({"a.csv": head + "z,gh,ana@example.com,bo@example.com\na,gh,bo@example.com,\n"})
    refs = {row["id"]: row["ref"] for row in importer.rows(PERSON)}
    owners: Iterable[dict[str, Any]] = importer.rows(OWNERSHIP)
    order = ("service_owner", "business_owner", "backup_owner")
    owners = sorted(owners, key=lambda row: (row["token_id"], order.index(row["role"])))
    lines = "".join(f"{row['token_id']} {row['role']} {refs[row['person_id']]}\n" for row in owners)
    details = importer.records()[0]["details"]
    assert details["first_owners"] == 3
    assert details["first_owners_sha256"] == hashlib.sha256(lines.encode()).hexdigest()
    assert details["files"][0]["sha256"] == hashlib.sha256((importer.folder / "a.csv").read_bytes()).hexdigest()


# ------------------------------------------------------------------ vanished and revoked


def test_what_a_file_no_longer_names_has_vanished_until_it_returns(importer: Importer) -> None:
    importer({"a.csv": HEAD + "k1,gh,ana@example.com\nk2,gh,\nx,aws,\n"})
    report = importer({"a.csv": HEAD + "k2,gh,\n"}, now=LATER)
    assert counts(report) == (0, 0, 1, 1, 0)
    assert [importer.token(one)["vanished_at"] for one in ("k1", "k2", "x")] == [LATER, None, None]
    assert importer.token("k1")["state"] == "active"
    gone = importer.records()[-1]
    assert (gone["kind"], gone["token"]["external_id"]) == (13, "k1")
    assert gone["accountable"]["before"] == {"service_owner": importer.person("ana@example.com")["ref"]}

    assert counts(importer({"a.csv": HEAD + "k2,gh,\n"}, now=LATER)) == (0, 0, 1, 0, 0)
    assert counts(importer({"a.csv": HEAD + "k1,gh,ana@example.com\nk2,gh,\n"})) == (0, 1, 1, 0, 0)
    assert importer.token("k1")["vanished_at"] is None


def test_nothing_vanishes_where_a_refused_row_may_have_named_it(importer: Importer) -> None:
    importer({"a.csv": HEAD + "k1,gh,\nk2,gh,\n"})
    report = importer({"a.csv": HEAD + "k1,gh,not an address\nk3,gh,\n"}, partial=True)
    assert report.written
    assert counts(report) == (1, 0, 0, 0, 1)
    assert importer.token("k2")["vanished_at"] is None
    assert any("none is marked as vanished" in one for one in report.warnings)


def test_a_revoked_token_stays_revoked(importer: Importer, database: Database) -> None:
    importer({"a.csv": HEAD + "k1,gh,\nk2,gh,\n"})
    with database.write() as session:
        session.connection().execute(update(TOKEN).values(state="revoked"))
    report = importer({"a.csv": HEAD + "k1,gh,\n"})
    assert importer.token("k1")["state"] == "revoked"
    assert any("revoked here" in one and "gh k1" in one for one in report.warnings)
    assert importer.token("k2")["vanished_at"] is None


# ------------------------------------------------------------------ all or nothing


def test_one_bad_row_in_one_of_several_files_and_nothing_is_written(importer: Importer) -> None:
    files = {
        "people.csv": "email,name\nana@example.com,Ana\n",
        "tokens.csv": HEAD + "k1,gh,ana@example.com\nk2,gh,ana@@example.com\n",
    }
    report = importer(files)
    assert not report.written
    assert (importer.rows(TOKEN), importer.rows(PERSON), importer.records()) == ([], [], [])
    [problem] = report.problems
    assert (Path(problem.file).name, problem.line, problem.column) == ("tokens.csv", 3, "service_owner")
    assert problem.value_masked == "ana@@example.com"


def test_partial_writes_the_good_rows_and_leaves_the_bad_ones_beside_the_file(importer: Importer) -> None:
    rows = 'k1,gh,ana@example.com,ok\nk2,gh,nobody,"a ""quoted"" cell"\nk1,gh,,=1+1\n'
    report = importer({"tokens.csv": "external_id,issuing_system,service_owner,notes\n" + rows}, partial=True)
    assert report.written
    assert counts(report) == (1, 0, 0, 0, 2)
    assert len(importer.rows(TOKEN)) == 1
    rejected = importer.folder / "tokens.csv.rejected.csv"
    assert report.files[0].rejected_file == str(rejected)
    assert rejected.read_text() == (
        "external_id,issuing_system,service_owner,notes,line,reason\n"
        'k2,gh,nobody,"a ""quoted"" cell",3,service_owner: this is not an e-mail address\n'
        "k1,gh,,'=1+1,4,external_id: line 2 already names this one\n"
    )


def test_a_dry_run_says_what_would_be_and_writes_nothing(importer: Importer) -> None:
    importer({"a.csv": HEAD + "k1,gh,ana@example.com\nk2,gh,\n"})
    before = importer.rows(TOKEN), importer.rows(OWNERSHIP), importer.records()
    report = importer(
        {"a.csv": "external_id,issuing_system,service_owner,vendor\nk1,gh,bo@example.com,Acme\nk3,gh,,\n"}, dry_run=True
    )
    assert not report.written
    assert counts(report) == (1, 1, 0, 1, 0)
    assert (importer.rows(TOKEN), importer.rows(OWNERSHIP), importer.records()) == before
    assert importer.rows(VENDOR) == []
    assert {(one.what, one.name, one.column, one.before, one.after) for one in report.diff} == {
        ("new", "gh k3", "", "", ""),
        ("changed", "gh k1", "vendor", "", "Acme"),
        ("changed", "gh k1", "service_owner", "ana@example.com", "bo@example.com"),
        ("vanished", "gh k2", "", "", ""),
    }


def test_a_failure_while_writing_leaves_everything_as_it_was(importer: Importer, database: Database) -> None:
    importer({"a.csv": HEAD + "k1,gh,ana@example.com\n"})
    before = importer.rows(TOKEN), importer.rows(PERSON), importer.records()

    def broken() -> datetime:
        raise RuntimeError("the clock broke")

    path = importer.file("a.csv", HEAD + "k1,gh,bo@example.com\n")
    with pytest.raises(RuntimeError, match="the clock broke"):
        import_inventory(database, [path], now=LATER, clock=broken)
    assert (importer.rows(TOKEN), importer.rows(PERSON), importer.records()) == before
    assert importer({"a.csv": HEAD + "k1,gh,bo@example.com\n"}, now=LATER).written


# ------------------------------------------------------------------ people


PEOPLE = "email,name,manager,timezone,country,subdivision,workweek,active,away_until,delegate\n"


def test_people_arrive_with_managers_and_delegates(importer: Importer) -> None:
    report = importer(
        {
            "people.csv": PEOPLE
            + "ana@example.com,Ana,bo@example.com,europe/berlin,de,BE,mon-thu,,2026-12-07,cy@example.com\n"
            + "bo@example.com,Bo,,,,,,true,,\n"
        }
    )
    assert counts(report) == (2, 0, 0, 0, 0)
    assert any("1 person is known only" in one and "cy@example.com" in one for one in report.warnings)
    ana = importer.person("ana@example.com")
    assert ana["manager_id"] == importer.person("bo@example.com")["id"]
    assert ana["delegate_id"] == importer.person("cy@example.com")["id"]
    assert ana["away_until"] == datetime(2026, 12, 7, tzinfo=UTC)
    assert (ana["country"], ana["workweek"], ana["active"]) == ("DE", "mon-thu", True)


def test_someone_who_leaves_is_recorded_once_and_may_return(importer: Importer) -> None:
    importer({"people.csv": "email,name,active\nana@example.com,Ana,true\n"})
    left = importer({"people.csv": "email,active\nana@example.com,false\n"}, now=LATER)
    assert counts(left) == (0, 1, 0, 0, 0)
    person = importer.person("ana@example.com")
    assert (person["active"], person["left_at"], person["name"]) == (False, LATER, "Ana")
    record = importer.records()[-1]
    assert (record["kind"], record["details"]["person"]) == (17, person["ref"])
    assert record["disclosed"] == {person["ref"]: "Ana <ana@example.com>"}
    importer({"people.csv": "email,active\nana@example.com,false\n"}, now=LATER + timedelta(days=1))
    assert importer.person("ana@example.com")["left_at"] == LATER
    assert [one["kind"] for one in importer.records()] == [12, 21, 12, 17], "noticed once, and named once"
    importer({"people.csv": "email,active\nana@example.com,true\n"})
    assert (importer.person("ana@example.com")["active"], importer.person("ana@example.com")["left_at"]) == (True, None)


def test_someone_known_by_mention_becomes_known(importer: Importer) -> None:
    importer({"a.csv": HEAD + "k,gh,ana@example.com\n"})
    ref = importer.person("ana@example.com")["ref"]
    assert counts(importer({"people.csv": "email,name\nana@example.com,Ana\n"})) == (0, 1, 0, 0, 0)
    person = importer.person("ana@example.com")
    assert (person["ref"], person["by_mention"], person["name"]) == (ref, False, "Ana")


def test_managers_in_a_circle_are_refused_and_a_swap_is_not(importer: Importer) -> None:
    importer({"people.csv": "email,manager\na@example.com,b@example.com\nb@example.com,c@example.com\n"})
    report = importer({"people.csv": "email,manager\nc@example.com,a@example.com\n"})
    assert not report.written
    assert "circle: " in report.problems[0].reason
    assert report.problems[0].column == "manager"
    swapped = importer({"people.csv": "email,manager\nb@example.com,\na@example.com,\nc@example.com,a@example.com\n"})
    assert swapped.ok
    own = importer({"people.csv": "email,manager\nd@example.com,d@example.com\n"})
    assert own.ok
    assert any("own manager" in one for one in own.warnings)
    assert importer.person("d@example.com")["manager_id"] is None


def test_chat_accounts_belong_to_one_person_and_an_empty_cell_takes_none_away(importer: Importer) -> None:
    head = "email,slack_team_id,slack_user_id\n"
    assert importer({"people.csv": head + "a@example.com,T1,U1\n"}).ok
    assert importer({"people.csv": head + "a@example.com,,\n"}).ok
    assert importer({"people.csv": head + "a@example.com,T1,U2\n"}).files[0].changed == 1
    assert [row["user_id"] for row in importer.rows(CHAT_IDENTITY)] == ["U2"]
    taken = importer({"people.csv": head + "b@example.com,T1,U2\n"})
    assert "already belongs to a@example.com" in taken.problems[0].reason


# ------------------------------------------------------------------ vendors

VENDORS = "name,parent,relationship_owner,contract_start,contract_end,status\n"


def test_a_contract_ends_the_day_after_and_counts_for_those_below(importer: Importer) -> None:
    importer(
        {
            "vendors.csv": VENDORS
            + "Group,,,2024-01-01,,active\nReseller,Group,ana@example.com,2024-01-01,2026-12-31,\n"
            + "Tool,Reseller,,,,active\nOther,Tool,,2025-01-01,,offboarding\n"
        }
    )
    ends = {row["name"]: row["contract_ends_at"] for row in importer.rows(VENDOR)}
    new_year = datetime(2027, 1, 1, tzinfo=UTC)
    assert ends == {"Group": None, "Reseller": new_year, "Tool": new_year, "Other": None}

    renewed = importer({"vendors.csv": "name,contract_end\nreseller,2028-12-31\n"}, now=LATER)
    assert counts(renewed) == (0, 1, 0, 0, 0)
    assert importer.vendor("Tool")["contract_ends_at"] == datetime(2029, 1, 1, tzinfo=UTC)
    old, new = [row for row in importer.rows(CONTRACT) if row["starts_on"] == date(2024, 1, 1)][1:]
    assert (old["ends_on"], old["replaced_at"]) == (date(2026, 12, 31), LATER)
    assert (new["ends_on"], new["replaced_at"], new["recorded_at"]) == (date(2028, 12, 31), None, LATER)


def test_a_relationship_that_changes_hands_is_closed_and_recorded(importer: Importer) -> None:
    importer({"vendors.csv": "name,relationship_owner\nAcme,ana@example.com\n"})
    importer({"vendors.csv": "name,relationship_owner\nAcme,bo@example.com\n"}, now=LATER)
    rows = importer.rows(VENDOR_RELATIONSHIP)
    assert [(row["from_at"], row["to_at"]) for row in rows] == [(NOW, LATER), (LATER, None)]
    record = importer.records()[-1]
    assert (record["kind"], record["details"]["role"]) == (6, "vendor_relationship_owner")
    importer({"vendors.csv": "name,relationship_owner\nAcme,\n"}, now=LATER + timedelta(days=1))
    assert importer.vendor("Acme")["relationship_owner_id"] is None
    assert importer.rows(VENDOR_RELATIONSHIP)[-1]["to_at"] is not None


def test_parents_in_a_circle_and_contracts_that_end_first_are_refused(importer: Importer) -> None:
    report = importer(
        {
            "vendors.csv": "name,parent,contract_start,contract_end\n"
            "A,B,,\nB,C,,\nC,A,,\nD,,2026-01-01,2025-01-01\nE,E,,\n"
        }
    )
    assert not report.written
    assert {(one.line, one.column) for one in report.problems} == {(2, "parent"), (5, "contract_end"), (6, "parent")}


# ------------------------------------------------------------------ columns, mappings, scale


def test_other_spellings_are_understood_and_unknown_columns_are_named(importer: Importer) -> None:
    report = importer({"a.csv": "Token ID,Issuing System,Owner,Cost Centre\nk,gh,ana@example.com,42\n"})
    assert report.ok
    assert any("columns that are not read: Cost Centre" in one for one in report.warnings)
    assert importer.owners("k")[0][1] == "ana@example.com"


def test_a_mapping_makes_their_columns_ours(importer: Importer) -> None:
    mapping = parse_mapping(
        """
        columns: {Key Id: external_id, Env: environment, Last Seen: last_used_at}
        constants: {issuing_system: acme-iam}
        templates: {display_name: "{Key Id} of {Team}"}
        values: {environment: {prod: production}}
        null_values: [N/A]
        ignore: [Colour]
        skip_when: {Status: [deleted]}
        """
    )
    text = "Key Id,Env,Last Seen,Team,Status,Colour,notes,Extra\nk1,PROD,n/a,Core,live,red,kept,1\nk2,,,,Deleted,,,\n"
    report = importer({"keys.csv": text}, mapping=mapping)
    assert report.ok
    assert [one for one in report.warnings if "not read" in one] == [
        f"{importer.folder / 'keys.csv'}: columns that are not read: Extra."
    ]
    [token] = importer.rows(TOKEN)
    assert (token["display_name"], token["environment"], token["notes"]) == ("k1 of Core", "production", "kept")


def test_many_rows_take_the_same_way_as_few(importer: Importer) -> None:
    count = 25_000
    rows = "".join(f"key-{i:06d},system-{i % 3},owner{i % 50}@example.com,2026-10-0{i % 9 + 1}\n" for i in range(count))
    text = "external_id,issuing_system,service_owner,last_used_at\n" + rows
    assert counts(importer({"a.csv": text})) == (count, 0, 0, 0, 0)
    changed = text.replace("owner7@example.com", "owner8@example.com")
    assert counts(importer({"a.csv": changed}, now=LATER)) == (0, count // 50, count - count // 50, 0, 0)
    with importer.database.read() as session:
        connection = session.connection()
        current = select(func.count()).select_from(OWNERSHIP).where(OWNERSHIP.c.to_at.is_(None))
        assert connection.scalar(current) == count
        disagreeing = (
            select(func.count())
            .select_from(TOKEN)
            .join(OWNERSHIP, OWNERSHIP.c.token_id == TOKEN.c.id)
            .where(OWNERSHIP.c.to_at.is_(None), OWNERSHIP.c.person_id != TOKEN.c.service_owner_id)
        )
        assert connection.scalar(disagreeing) == 0
    assert sum(one["kind"] == 6 for one in importer.records()) == count // 50
    assert "example.com" not in said(importer({"a.csv": changed}, now=LATER))
