"""What is particular to AWS: two keys at most, whose key it is, what a refusal proves, and that nothing is repeated."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import count
from typing import Any

import pytest
from pydantic import SecretStr

from bot.errors import UpstreamError
from bot.issuers.aws_iam import KIND, AwsOptions
from bot.issuers.aws_keys import of_key, secret_of_pair, written_as_pair
from bot.operations.issuer_port import Issuer, Tools
from bot.rules.issuing import (
    Absent,
    Accepted,
    Created,
    Credential,
    NotDone,
    Proof,
    Rejected,
    Result,
    Sighting,
    Unclear,
    Verdict,
)
from tests.servers.issuers.aws import REGION, AwsGround, running

_READS = ["iam:GetAccountAuthorizationDetails", "iam:ListAccessKeys", "iam:GetAccessKeyLastUsed"]


@pytest.fixture(scope="module")
def ground() -> Iterator[AwsGround]:
    with running() as found:
        yield found


def allowed(*actions: str) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": list(actions), "Resource": "*"}]}


def connector(ground: AwsGround, *actions: str) -> Issuer:
    """One whose own key may do these things only."""
    own = ground.make("limited", allowed=allowed(*actions))
    return ground.connector(own.credential.external_id, own.secret)


def test_a_third_key_is_refused_with_what_to_do(ground: AwsGround) -> None:
    made = ground.make("full")
    assert isinstance(ground.issuer.create(made.credential), Created)
    said = ground.issuer.create(made.credential)
    assert isinstance(said, Rejected)
    assert said.code == "LimitExceeded"
    assert "End the one that is not used first" in said.detail
    siblings = ground.issuer.siblings(made.credential)
    assert isinstance(siblings, tuple)
    assert len(siblings) == 2


def test_a_disabled_key_is_inactive_at_aws(ground: AwsGround) -> None:
    made = ground.make("disabled")
    assert isinstance(ground.issuer.disable(made.credential), Accepted)
    assert ground.status(made) == "Inactive"
    assert isinstance(ground.issuer.enable(made.credential), Accepted)
    assert ground.status(made) == "Active"


def test_a_new_key_is_delivered_as_aws_tools_read_it(ground: AwsGround) -> None:
    created = ground.issuer.create(ground.make("rotated").credential)
    assert isinstance(created, Created)
    said = json.loads(created.secret.get_secret_value())
    assert set(said) == {"Version", "AccessKeyId", "SecretAccessKey"}
    assert (said["Version"], said["AccessKeyId"]) == (1, created.external_id)
    pair = written_as_pair("AKIA1", SecretStr("s"))
    assert secret_of_pair(pair).get_secret_value() == "s"
    assert secret_of_pair(SecretStr("alone")).get_secret_value() == "alone"
    assert of_key(pair, "AKIA1")
    assert not of_key(pair, "AKIA2")


def test_tags_policies_and_use_are_seen(ground: AwsGround) -> None:
    made = ground.make("described", owner="ana@example.com")
    assert ground.accepts(made)
    seen = next(one for one in ground.issuer.listing() if one.external_id == made.credential.external_id)
    assert seen.owner_hints == ("ana@example.com",)
    assert seen.scopes == "test"
    assert seen.used_for == f"s3, {REGION}"
    assert seen.name == made.credential.name


def test_a_key_whose_user_is_gone_is_absent(ground: AwsGround) -> None:
    made = ground.make("leaver")
    assert isinstance(ground.issuer.look(made.credential), Sighting)
    ground.remove(made)
    assert isinstance(ground.issuer.look(made.credential), Absent)
    assert isinstance(ground.issuer.revoke(made.credential), Absent)
    fresh = ground.connector(*ground.own_pair())
    assert isinstance(fresh.look(made.credential), Absent)
    verdict = fresh.verify(made.credential)
    assert isinstance(verdict, Verdict)
    assert (verdict.result, verdict.proof) == (Result.CONFIRMED, Proof.RELIST)


def test_a_key_that_ends_while_the_list_is_read_is_left_out(ground: AwsGround) -> None:
    made = [ground.make(f"listing-{number}") for number in range(4)]
    listing = ground.issuer.listing()
    before = [next(listing)]
    for one in made[:2]:
        ground.remove(one)
    ids = {one.external_id for one in [*before, *listing]}
    assert {one.credential.external_id for one in made[2:]} <= ids
    assert not {one.credential.external_id for one in made[:2]} & ids


def test_being_refused_is_no_absence(ground: AwsGround) -> None:
    made = ground.make("hidden")
    blind = connector(ground, "sts:GetCallerIdentity")
    for answer in (blind.look(made.credential), blind.revoke(made.credential), blind.verify(made.credential)):
        assert not isinstance(answer, Sighting | Absent | Accepted)
        assert not isinstance(answer, Verdict) or answer.result is Result.FAILED
    with pytest.raises(UpstreamError, match="AccessDenied"):
        list(blind.listing())
    searching = connector(ground, *_READS[:2])
    assert isinstance(searching.look(ground.never()), Absent), "every user's list is without it"
    assert isinstance(searching.revoke(made.credential), Rejected)
    assert ground.accepts(made)


def test_a_check_names_each_permission_that_is_missing(ground: AwsGround) -> None:
    checks = connector(ground, *_READS, "iam:UpdateAccessKey").check()
    assert {one.subject: one.ok for one in checks} == {
        "credential": True,
        "GetAccountAuthorizationDetails": True,
        "GetAccessKeyLastUsed": True,
        "ListAccessKeys": True,
        "UpdateAccessKey": True,
        "DeleteAccessKey": False,
        "CreateAccessKey": False,
    }
    assert all("Allow iam:" in one.advice for one in checks if not one.ok)


@pytest.mark.parametrize(
    "key_id", ["", "arn:aws:iam::123456789012:user/ci#access_key_1", "AKIA", "\u00c4KIA" + "X" * 16]
)
def test_what_is_no_access_key_id_is_refused(ground: AwsGround, key_id: str) -> None:
    for answer in (ground.issuer.look(Credential(key_id)), ground.issuer.revoke(Credential(key_id))):
        assert isinstance(answer, Rejected)
        assert answer.code == "unknown_id"


def test_a_probe_believes_nobody(ground: AwsGround) -> None:
    made = ground.make("probed")
    one = Credential(made.credential.external_id, secret_ref="env:KEPT")
    probing = ground.connector(*ground.own_pair(), probe=True, kept=made.secret)
    assert isinstance(probing.revoke(one), Accepted)
    verdict = probing.verify(one)
    assert isinstance(verdict, Verdict)
    assert (verdict.result, verdict.proof) == (Result.CONFIRMED, Proof.PROBE)
    newer = written_as_pair("AKIA" + "N" * 16, SecretStr("x"))
    verdict = ground.connector(*ground.own_pair(), probe=True, kept=newer).verify(one)
    assert isinstance(verdict, Verdict)
    assert verdict.proof is Proof.RELIST, "the secret is another key's by now: it proves nothing about this one"


# ------------------------------------------------------------------ an AWS that does not answer as it should

_PAGE = "<ErrorResponse><Error><Code>{code}</Code><Message>secret words of AWS</Message></Error></ErrorResponse>"


@contextmanager
def answering(reply: bytes | None) -> Iterator[tuple[str, list[int]]]:
    """A server that answers every connection with these bytes; None: it hangs up. Also how many came."""
    listener = socket.create_server(("127.0.0.1", 0))
    calls: list[int] = []
    numbers = count(1)

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(5)
                connection.recv(65536)
                calls.append(next(numbers))
                if reply is not None:
                    connection.sendall(reply)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", calls
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


def http(status: int, body: str) -> bytes:
    head = f"HTTP/1.1 {status} X\r\ncontent-type: text/xml\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
    return (head + body).encode()


def at(url: str) -> Issuer:
    options = AwsOptions(access_key_id="env:ID", secret_access_key="env:SECRET", endpoint_url=url)
    held = {"env:ID": "AKIA" + "Q" * 16, "env:SECRET": "our-own-secret"}
    now = datetime(2026, 11, 23, tzinfo=UTC)
    return KIND.build("aws", options, Tools(lambda ref: SecretStr(held[ref]), lambda: now, lambda _: None))


@pytest.mark.parametrize(
    ("reply", "outcome"),
    [
        (None, Unclear),
        (http(500, _PAGE.format(code="InternalFailure")), Unclear),
        (http(503, _PAGE.format(code="ServiceUnavailable")), Unclear),
        (http(400, _PAGE.format(code="Throttling")), NotDone),
        (http(503, _PAGE.format(code="SlowDown")), NotDone),
        (http(429, ""), Unclear),
        (http(200, "<html>a captive portal</html>"), Unclear),
        (http(200, ""), Unclear),
        (http(200, "not xml at all"), Unclear),
        (http(403, _PAGE.format(code="InvalidClientTokenId")), Rejected),
        (http(403, _PAGE.format(code="SignatureDoesNotMatch")), Rejected),
        (http(301, ""), Unclear),
    ],
    ids=lambda one: str(getattr(one, "__name__", one))[9:60],
)
def test_an_odd_answer_is_what_is_known_of_it_and_nothing_is_repeated(reply: bytes | None, outcome: type) -> None:
    one = Credential("AKIA" + "Z" * 16)
    for act in ("revoke", "create", "verify"):
        with answering(reply) as (url, calls):
            answer = getattr(at(url), act)(one)
        assert isinstance(answer, outcome | Verdict), answer
        assert not isinstance(answer, Verdict) or answer.result is Result.FAILED
        assert len(calls) == 1, "a call that is repeated may be done twice"
        assert "secret" not in repr(answer)


def test_an_aws_that_is_not_there_has_done_nothing() -> None:
    issuer = at("http://127.0.0.1:9")
    assert isinstance(issuer.revoke(Credential("AKIA" + "Z" * 16)), NotDone)
    assert not issuer.check()[0].ok
    with pytest.raises(UpstreamError):
        list(issuer.listing())
