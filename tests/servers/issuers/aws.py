"""An AWS account (moto) that enforces IAM: a key that was deleted is refused by S3."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import count
from typing import Any

import boto3
import httpx
from botocore.exceptions import ClientError
from pydantic import SecretStr

from bot.issuers.aws_iam import KIND, AwsOptions
from bot.operations.issuer_port import Issuer, Tools
from bot.rules.issuing import Credential
from tests.servers.issuers.ground import Grounds, Made
from tests.servers.moto import aws_account

REGION = "us-east-1"
_EVERYTHING = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
_numbers = count(1)


class AwsGround:
    """The account, an administrator's key for the tests, and a connector with a key of its own."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.now = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
        self._admin = self.client("iam")
        self._own = self.make("whose-bot")
        self.issuer: Issuer = self.connector(self._own.credential.external_id, self._own.secret)

    def client(self, service: str, key: str = "testing", secret: str = "testing") -> Any:
        """A boto3 client, with the test's own key or another."""
        return boto3.client(
            service, endpoint_url=self.url, region_name=REGION, aws_access_key_id=key, aws_secret_access_key=secret
        )

    def enforce(self) -> None:
        """From now on nothing goes without a valid key; the test's own calls go on with one of an administrator."""
        admin = self.make("administrator")
        self._admin = self.client("iam", admin.credential.external_id, admin.secret.get_secret_value())
        httpx.post(f"{self.url}/moto-api/reset-auth", content="0", headers={"content-type": "text/plain"})

    def connector(
        self, key_id: str, secret: SecretStr, *, probe: bool = False, kept: SecretStr | None = None
    ) -> Issuer:
        """A connector with that key; ``kept`` is what every other secret reference reads."""
        held = {"env:ID": SecretStr(key_id), "env:SECRET": secret}

        def read(ref: str) -> SecretStr:
            return held.get(ref) or kept or SecretStr("none")

        options = AwsOptions(
            access_key_id="env:ID", secret_access_key="env:SECRET", region=REGION, endpoint_url=self.url, probe=probe
        )
        return KIND.build("aws-test", options, Tools(read, lambda: self.now, lambda _: None))

    def make(self, name: str, *, owner: str = "", allowed: Any = _EVERYTHING) -> Made:
        user = f"{name}-{next(_numbers)}"
        self._admin.create_user(UserName=user, Tags=[{"Key": "Owner", "Value": owner}] if owner else [])
        self._admin.put_user_policy(UserName=user, PolicyName="test", PolicyDocument=json.dumps(allowed))
        key = self._admin.create_access_key(UserName=user)["AccessKey"]
        return Made(Credential(key["AccessKeyId"], name=user), SecretStr(key["SecretAccessKey"]))

    def accepts(self, made: Made) -> bool:
        """Asked of S3, where a key that IAM has ended must not get in. The secret may be a pair, as a rotation's is."""
        text = made.secret.get_secret_value()
        pair = json.loads(text) if text.startswith("{") else {"SecretAccessKey": text}
        try:
            self.client("s3", made.credential.external_id, pair["SecretAccessKey"]).list_buckets()
        except ClientError as error:
            if error.response["Error"]["Code"] == "InvalidAccessKeyId":
                return False
            raise
        return True

    def status(self, made: Made) -> str:
        """``Active`` or ``Inactive``, asked without the connector."""
        return self.statuses(made.credential.name)[made.credential.external_id]

    def statuses(self, user: str) -> dict[str, str]:
        """The state of every key of a user, asked without the connector."""
        listed = self._admin.list_access_keys(UserName=user)["AccessKeyMetadata"]
        return {str(one["AccessKeyId"]): str(one["Status"]) for one in listed}

    def remove(self, made: Made) -> None:
        """Delete the key and its user, as an administrator would."""
        self._admin.delete_access_key(UserName=made.credential.name, AccessKeyId=made.credential.external_id)
        self._admin.delete_user_policy(UserName=made.credential.name, PolicyName="test")
        self._admin.delete_user(UserName=made.credential.name)

    def own_pair(self) -> tuple[str, SecretStr]:
        """What the connector authenticates with."""
        return self._own.credential.external_id, self._own.secret

    def never(self) -> Credential:
        return Credential("AKIA" + "X" * 16)

    def with_bad_credentials(self) -> Issuer:
        return self.connector("AKIA" + "Y" * 16, SecretStr("not-a-secret-of-anybody"))

    def own(self) -> Credential:
        return self._own.credential


@contextmanager
def running() -> Iterator[AwsGround]:
    """A fresh account; gone again afterwards."""
    with aws_account() as account:
        ground = AwsGround(account.url)
        ground.enforce()
        try:
            yield ground
        finally:
            httpx.post(f"{account.url}/moto-api/reset-auth", content="inf", headers={"content-type": "text/plain"})


GROUNDS = Grounds("aws_iam", running, accepts_disabled="moto authenticates an inactive access key")
