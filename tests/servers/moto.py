"""An AWS account for tests: moto's server on a free port of this machine, and users with keys made through boto3."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import boto3
from moto.iam.models import iam_backends
from moto.server import ThreadedMotoServer

ACCOUNT = "123456789012"
_REGION = "eu-west-1"


@dataclass
class AwsAccount:
    """One account; every call goes over HTTP, signed."""

    url: str
    secrets: list[str] = field(default_factory=list)
    """Every secret access key that was handed out, so that a test can look for them where they must not be."""

    def client(self, service: str, key: str = "testing", secret: str = "testing") -> Any:
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name=_REGION,
            aws_access_key_id=key,
            aws_secret_access_key=secret,
        )

    def add_key(self, user: str, *, used: bool, active: bool, created_at: datetime | None = None) -> None:
        """Give a user another access key; ``used``: sign one call with it. AWS lets nobody choose ``created_at``."""
        iam = self.client("iam")
        key = iam.create_access_key(UserName=user)["AccessKey"]
        self.secrets.append(key["SecretAccessKey"])
        if used:
            self.client("sts", key["AccessKeyId"], key["SecretAccessKey"]).get_caller_identity()
        if not active:
            iam.update_access_key(UserName=user, AccessKeyId=key["AccessKeyId"], Status="Inactive")
        if created_at is not None:
            backend = iam_backends[ACCOUNT]["aws"]
            stored = next(one for one in backend.users[user].access_keys if one.access_key_id == key["AccessKeyId"])
            stored.create_date = created_at.replace(tzinfo=None)

    def credential_report(self) -> bytes:
        """The CSV of ``aws iam get-credential-report``."""
        iam = self.client("iam")
        while iam.generate_credential_report()["State"] != "COMPLETE":
            time.sleep(0.05)
        return bytes(iam.get_credential_report()["Content"])


@contextmanager
def aws_account() -> Iterator[AwsAccount]:
    """A running account without users; gone again afterwards."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    iam_backends[ACCOUNT]["aws"].reset()
    try:
        host, port = server.get_host_and_port()
        yield AwsAccount(f"http://{host}:{port}")
    finally:
        iam_backends[ACCOUNT]["aws"].reset()
        server.stop()
