"""The HTTP connector against a registry that says yes to a revocation and honours the token nevertheless."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pydantic import SecretStr

from bot.rules.issuing import Absent, Accepted, Credential, Proof, Result, Verdict
from tests.servers.issuers.npm_packages import has_npm
from tests.servers.issuers.verdaccio import RegistryGround, verdaccio


@pytest.fixture(scope="module")
def registry() -> Iterator[RegistryGround]:
    if not has_npm():
        pytest.skip("verdaccio needs npm")
    with verdaccio() as running:
        yield running


def test_yes_and_listed_no_more_is_no_end_where_the_token_still_works(registry: RegistryGround) -> None:
    issuer, made = registry.issuer(probe=True), registry.make()
    assert made.credential.external_id in {one.external_id for one in issuer.listing()}
    assert isinstance(issuer.revoke(made.credential), Accepted)
    assert isinstance(issuer.look(made.credential), Absent)
    assert registry.accepts(made), "if verdaccio refuses it by now, this test has lost its subject"
    verdict = issuer.verify(made.credential)
    assert isinstance(verdict, Verdict)
    assert (verdict.result, verdict.proof) == (Result.FAILED, Proof.PROBE)
    assert "still accepted" in verdict.detail


def test_without_a_probe_it_stays_unverified_and_says_why(registry: RegistryGround) -> None:
    issuer, made = registry.issuer(probe=False), registry.make()
    assert issuer.capabilities.verify == ()
    assert isinstance(issuer.revoke(made.credential), Accepted)
    verdict = issuer.verify(made.credential)
    assert isinstance(verdict, Verdict)
    assert verdict.result is Result.ACCEPTED_UNVERIFIED
    assert "until the token expires" in verdict.detail
    assert "not allowed" in verdict.detail


def test_a_token_whose_secret_is_gone_stays_unverified(registry: RegistryGround) -> None:
    issuer, made = registry.issuer(probe=True), registry.make()
    issuer.revoke(made.credential)
    verdict = issuer.verify(Credential(made.credential.external_id, "env:NOT_THERE"))
    assert isinstance(verdict, Verdict)
    assert verdict.result is Result.ACCEPTED_UNVERIFIED


def test_what_is_not_revoked_has_failed_and_a_wrong_one_is_refused(registry: RegistryGround) -> None:
    issuer, made = registry.issuer(probe=True), registry.make()
    verdict = issuer.verify(made.credential)
    assert isinstance(verdict, Verdict)
    assert verdict.result is Result.FAILED
    assert issuer.works(made.credential, made.secret) is True
    assert issuer.works(made.credential, SecretStr("made-up-and-wrong")) is False
