"""The AWS IAM credential report, from a server that speaks IAM, through the shipped mapping to the sweep."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.operations.context import Context
from bot.operations.import_inventory import load_mapping
from bot.operations.sweep import sweep
from bot.rules.policy_file import default_policy_text, load_policy
from storage.database import Database
from storage.inventory import TOKEN
from tests.contract.import_kit import Importer, said
from tests.servers.moto import ACCOUNT, AwsAccount, aws_account

USERS = 100
LONG_AGO = datetime(2023, 3, 1, 12, tzinfo=UTC)
MAPPING = load_mapping("aws-credential-report")


@pytest.fixture(scope="module")
def account() -> Iterator[AwsAccount]:
    """User ``i`` has ``i % 3`` keys: old ones where ``i % 4 == 0``, used ones where ``i % 5 == 0``; some inactive."""
    with aws_account() as aws:
        iam = aws.client("iam")
        for i in range(USERS):
            iam.create_user(UserName=f"user-{i:03d}")
            for _ in range(i % 3):
                aws.add_key(
                    f"user-{i:03d}",
                    used=i % 5 == 0,
                    active=i % 7 != 0,
                    created_at=LONG_AGO if i % 4 == 0 else None,
                )
        yield aws


@pytest.fixture(scope="module")
def report(account: AwsAccount) -> bytes:
    return account.credential_report()


@pytest.fixture
def importer(database: Database, tmp_path: Path) -> Importer:
    return Importer(database, tmp_path)


def arn(i: int) -> str:
    return f"arn:aws:iam::{ACCOUNT}:user/user-{i:03d}"


def test_the_report_of_an_account_imports_as_it_is(importer: Importer, account: AwsAccount, report: bytes) -> None:
    now = datetime.now(UTC)
    outcome = importer({"report.csv": report}, now=now, mapping=MAPPING)
    assert (outcome.ok, outcome.warnings) == (True, []), said(outcome)
    tokens = {row["external_id"]: row for row in importer.rows(TOKEN)}
    expected = {f"{arn(i)}#access_key_{n + 1}" for i in range(USERS) for n in range(i % 3)}
    assert set(tokens) == expected
    assert len(account.secrets) == len(expected)

    old = tokens[f"{arn(4)}#access_key_1"]
    assert (old["created_at"], old["last_used_at"], old["last_rotated_at"]) == (LONG_AGO, None, None)
    assert (old["issuing_system"], old["credential_type"], old["held_by"]) == ("aws-iam", "aws_access_key", "us")
    assert old["display_name"] == "user-004 access key 1"
    used = tokens[f"{arn(5)}#access_key_2"]
    assert abs(used["last_used_at"] - now) < timedelta(minutes=10)
    assert tokens[f"{arn(7)}#access_key_1"]["tags"] == ",inactive,"
    assert used["tags"] == ""

    again = importer({"report.csv": report}, now=now, mapping=MAPPING)
    assert not again.changed_anything


def test_keys_never_rotated_and_keys_never_used_come_up(importer: Importer, database: Database, report: bytes) -> None:
    now = datetime.now(UTC)
    importer({"report.csv": report}, now=now, mapping=MAPPING)
    policy = load_policy(default_policy_text(), "policy.yaml")
    found = sweep(Context(database, lambda: now, policy, "slack:T000000001"), dry_run=True).due
    reasons = {one.external_id: set(one.reasons) for one in found}
    assert all(one.issuing_system == "aws-iam" for one in found)
    keys = [(i, f"{arn(i)}#access_key_{n + 1}") for i in range(USERS) for n in range(i % 3)]
    for i, key in keys:
        assert {"never_attested", "owner_missing"} <= reasons[key]
        assert ("unused" in reasons[key]) == (i % 4 == 0 and i % 5 != 0), key


def test_owners_given_once_outlive_later_reports(importer: Importer, report: bytes) -> None:
    now = datetime.now(UTC)
    importer({"report.csv": report}, now=now, mapping=MAPPING)
    key = f"{arn(1)}#access_key_1"
    rows = f"external_id,issuing_system,service_owner,vendor\n{key},aws-iam,ana@example.com,Acme\n"
    importer({"owners.csv": rows}, now=now)
    importer({"report.csv": report}, now=now + timedelta(days=1), mapping=MAPPING)
    assert [one[:2] for one in importer.owners(key)] == [("service_owner", "ana@example.com")]
    assert importer.token(key)["vendor_id"] is not None


# ------------------------------------------------------------------ as AWS itself writes it

HEADER = (
    "user,arn,user_creation_time,password_enabled,password_last_used,password_last_changed,password_next_rotation,"
    "mfa_active,access_key_1_active,access_key_1_last_rotated,access_key_1_last_used_date,"
    "access_key_1_last_used_region,access_key_1_last_used_service,access_key_2_active,access_key_2_last_rotated,"
    "access_key_2_last_used_date,access_key_2_last_used_region,access_key_2_last_used_service,cert_1_active,"
    "cert_1_last_rotated,cert_2_active,cert_2_last_rotated\n"
)
ROOT = (
    "<root_account>,arn:aws:iam::123456789012:root,2019-05-06T07:08:09+00:00,not_supported,2025-01-02T03:04:05+00:00,"
    "not_supported,not_supported,true,true,2019-05-06T07:10:00+00:00,N/A,N/A,N/A,false,N/A,N/A,N/A,N/A,false,N/A,"
    "false,N/A\n"
)
DEPLOYER = (
    "deployer,arn:aws:iam::123456789012:user/ci/deployer,2021-01-01T00:00:00+00:00,FALSE,N/A,N/A,N/A,FALSE,"
    "TRUE,2024-02-03T04:05:06+00:00,2026-11-20T10:11:12+00:00,eu-west-1,s3,"
    "FALSE,2022-02-03T04:05:06+00:00,no_information,N/A,N/A,TRUE,2021-06-07T08:09:10+00:00,FALSE,N/A\n"
)


def test_root_inactive_keys_and_certificates_are_read_as_aws_writes_them(importer: Importer) -> None:
    outcome = importer({"credentials.csv": HEADER + ROOT + DEPLOYER}, mapping=MAPPING)
    assert (outcome.ok, outcome.warnings) == (True, [])
    base = "arn:aws:iam::123456789012"
    assert {row["external_id"] for row in importer.rows(TOKEN)} == {
        f"{base}:root#access_key_1",
        f"{base}:user/ci/deployer#access_key_1",
        f"{base}:user/ci/deployer#access_key_2",
        f"{base}:user/ci/deployer#cert_1",
    }
    first = importer.token(f"{base}:user/ci/deployer#access_key_1")
    assert first["last_used_at"] == datetime(2026, 11, 20, 10, 11, 12, tzinfo=UTC)
    assert first["notes"] == "Last used for s3 in eu-west-1"
    second = importer.token(f"{base}:user/ci/deployer#access_key_2")
    assert (second["tags"], second["last_used_at"], second["notes"]) == (",inactive,", None, "")
    assert importer.token(f"{base}:user/ci/deployer#cert_1")["credential_type"] == "aws_signing_certificate"
    assert importer.token(f"{base}:root#access_key_1")["display_name"] == "<root_account> access key 1"


def test_a_column_that_aws_adds_is_named_and_one_that_is_missing_stops_it(importer: Importer) -> None:
    extra = HEADER.replace("\n", ",access_key_3_active\n") + ROOT.replace("\n", ",false\n")
    assert any("access_key_3_active" in one for one in importer({"r.csv": extra}, mapping=MAPPING).warnings)
    missing = importer({"r.csv": HEADER.replace("access_key_2_active", "renamed") + ROOT}, mapping=MAPPING)
    assert "access_key_2_active, which is not in this file" in str(missing.problems[0])
