"""Discovery of an AWS account: every access key is listed and held against the inventory, beside the bare client loop.

``python -m benchmarks.discovery [--users N] [--repeat N] [--postgres]``; every user has two keys and an owner's tag.
The account is moto's server in a process of its own, so that time on the processor is the client's alone.

The floor makes the calls that cannot be left out, with boto3 and nothing else: all users with their tags and policies,
every user's keys, every key's last use. *First look* begins with an empty inventory, so that each key becomes a token
with a record in the ledger; *next look* finds all of them as they were, which is what happens every hour.
"""

from __future__ import annotations

import argparse
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
import httpx
from botocore.config import Config
from pydantic import SecretStr

from benchmarks.harness import Measured, measured, peak_mb, show_passes
from benchmarks.inventory import NOW, context
from benchmarks.places import place
from bot.issuers.aws_iam import KIND, AwsOptions
from bot.operations.context import Context
from bot.operations.discovery import discover
from bot.operations.issuer_port import Issuer, Tools
from storage.people import Person
from storage.schema import create_all

AIM = 1.3
KEYS_A_USER = 2
_STARTS_WITHIN = 60.0
_SERVER = f"""
import sys
from moto.iam.models import iam_backends
from moto.server import main
from werkzeug.serving import WSGIRequestHandler
iam = iam_backends["123456789012"]["aws"]
for number in range(int(sys.argv[1])):
    name = f"service-{{number:05}}"
    iam.create_user("us-east-1", name, "/", tags=[{{"Key": "owner", "Value": f"p{{number}}@example.com"}}])
    for _ in range({KEYS_A_USER}):
        iam.create_access_key(name)
# Head and body of an answer leave in two pieces; held back for each other, every call would take 40 ms.
WSGIRequestHandler.disable_nagle_algorithm = True
main(sys.argv[2:])
"""


@contextmanager
def account(users: int) -> Iterator[str]:
    """The address of an account with so many users."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-c", _SERVER, str(users), "-H", "127.0.0.1", "-p", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        url = f"http://127.0.0.1:{port}"
        _wait_for(url)
        yield url
    finally:
        server.terminate()
        server.wait(10)


def _wait_for(url: str) -> None:
    until = time.monotonic() + _STARTS_WITHIN
    while True:
        try:
            httpx.get(f"{url}/moto-api/")
        except httpx.TransportError:
            if time.monotonic() > until:
                raise
            time.sleep(0.1)
        else:
            return


def client(url: str) -> Any:
    """Without retries, as the connector's own."""
    return boto3.client(
        "iam",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
        config=Config(retries={"total_max_attempts": 1}),
    )


def floor(iam: Any) -> int:
    """The calls alone; how many keys there are."""
    found = 0
    more: dict[str, str] = {}
    while True:
        page = iam.get_account_authorization_details(Filter=["User"], MaxItems=500, **more)
        for user in page["UserDetailList"]:
            for key in iam.list_access_keys(UserName=user["UserName"])["AccessKeyMetadata"]:
                iam.get_access_key_last_used(AccessKeyId=key["AccessKeyId"])
                found += 1
        if not page.get("IsTruncated"):
            return found
        more = {"Marker": page["Marker"]}


def connector(url: str) -> Issuer:
    options = AwsOptions(access_key_id="env:ID", secret_access_key="env:SECRET", endpoint_url=url)
    return KIND.build("aws", options, Tools(lambda _: SecretStr("testing"), lambda: NOW, lambda _: None))


def add_people(ctx: Context, number: int) -> None:
    with ctx.database.write() as session:
        session.add_all(
            Person(email=f"p{i}@example.com", name=f"Person {i}", created_at=NOW, updated_at=NOW) for i in range(number)
        )


def look(ctx: Context, issuer: Issuer) -> tuple[int, int]:
    """How many keys were listed, and how many were new."""
    [report] = discover(ctx, {"aws": issuer}).systems
    assert not report.fault, report.fault
    return report.listed, report.new


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--users", type=int, default=1_000)
    parser.add_argument("--repeat", type=int, default=3, help="passes of ours and of the floor")
    parser.add_argument("--postgres", action="store_true", help="a PostgreSQL server of the run's own")
    given = parser.parse_args()
    keys = given.users * KEYS_A_USER
    passes: dict[str, list[Measured]] = {"first look": [], "next look": [], "floor": []}
    with account(given.users) as url, place(postgres=given.postgres) as where:
        iam, issuer = client(url), connector(url)
        for number in range(given.repeat):
            database = where.make(f"discovery_{number}")
            create_all(database)
            ctx = context(database)
            add_people(ctx, given.users)
            with measured() as bare:
                assert floor(iam) == keys
            passes["floor"].append(bare)
            for name, new in (("first look", keys), ("next look", 0)):
                with measured() as one:
                    assert look(ctx, issuer) == (keys, new)
                passes[name].append(one)
            database.close()
    held = True
    for name in ("first look", "next look"):
        title = f"{name}, {keys:,} keys / bare boto3"
        held &= show_passes(title, passes[name], passes["floor"], peak=peak_mb(), aim=AIM)
    raise SystemExit(0 if held else 1)


if __name__ == "__main__":
    main()
