"""What is taken for a secret and what is not. The secrets here are made up as the tests run; none ever worked."""

from __future__ import annotations

import base64
import hashlib
import random
import string
import uuid

import pytest

from bot.operations.secret_patterns import looks_like_secret, mask, shown, suspicious
from tests.unit.made_up_secrets import ALNUM, MADE_UP_SECRETS, draw


@pytest.mark.parametrize(("kind", "secret"), MADE_UP_SECRETS, ids=[kind for kind, _ in MADE_UP_SECRETS])
@pytest.mark.parametrize("around", ["{}", "the token is {} for now", "key={}", '"{}"', "rotated, {}, last year"])
def test_every_kind_is_found_wherever_it_stands(kind: str, secret: str, around: str) -> None:
    text = around.format(secret)
    assert suspicious(text)
    assert looks_like_secret(text), kind


@pytest.mark.parametrize(
    ("alphabet", "length", "least"),
    [
        (ALNUM, 24, 0.93),
        (ALNUM, 32, 0.97),
        (ALNUM, 40, 0.99),
        (ALNUM + "+/", 40, 0.99),
        (ALNUM + "-_", 43, 0.98),
        (string.ascii_lowercase + string.digits, 40, 0.83),
    ],
)
def test_random_text_of_no_known_format_is_found(alphabet: str, length: int, least: float) -> None:
    chance = random.Random(7)
    found = sum(looks_like_secret("".join(chance.choices(alphabet, k=length))) is not None for _ in range(2_000))
    assert found / 2_000 >= least


@pytest.mark.parametrize(
    "name",
    [
        "AKIA" + draw("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 16),
        "ASIA" + draw("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 16),
        str(uuid.UUID(int=random.Random(3).getrandbits(128))),
        hashlib.sha256(b"x").hexdigest(),
        hashlib.md5(b"x").hexdigest(),
        hashlib.sha512(b"x").hexdigest(),
        "SHA256:" + base64.b64encode(hashlib.sha256(b"x").digest()).decode().rstrip("="),
        "16:27:ac:a5:76:28:2d:36:63:1b:56:4d:eb:df:a6:48",
        "arn:aws:iam::123456789012:user/ci-deploy#access_key_1",
        "arn:aws:secretsmanager:eu-west-1:123456789012:secret:prod/drift-AbCdEf",
        "vault:kv/data/production/salesforce#refresh_token",
        "env:SALESFORCE_REFRESH_TOKEN",
        "projects/acme-prod-1234/secrets/salesforce-token/versions/3",
        "/subscriptions/1b4e28ba-2fa1-11d2-883f-0016d3cca427/resourceGroups/rg-prod/providers/Microsoft.KeyVault",
        "https://github.com/organizations/acme/settings/personal-access-tokens/active",
        "https://console.aws.amazon.com/iam/home#/users/details/ci?section=security_credentials",
        "https://user@example.com/path",
        "SalesforceConnectorEuWestProduction2024",
        "Salesforce-Connector-EU-West-Production-2024",
        "repo:read,repo:write,admin:org_hook,write:packages",
        "123456789012-abcdefghij1234567890klmnopqrstuv.apps.googleusercontent.com",
        "id:" + draw(ALNUM, 32),
        "client_id=" + draw(ALNUM, 32),
        "token: rotates yearly",
        "password rotation: quarterly, by the vendor",
        "ghp tokens of the release team",
        "2025-01-02T03:04:05.123456+00:00",
        "10.0.0.0/8, 192.168.0.0/16, 2001:db8::/32",
        "Überweisungen an Lieferanten – täglich um 03:00",
        "",
    ],
)
def test_what_only_names_a_credential_passes(name: str) -> None:
    assert looks_like_secret(name) is None


def test_a_mask_gives_two_characters_and_the_length() -> None:
    assert mask("ghp_0123456789") == "gh… (14 characters)"
    assert mask("hunter2") == "… (7 characters)"
    assert "\x1b" not in mask("\x1b[31mred and long")


@pytest.mark.parametrize(
    ("value", "as_shown"),
    [
        ("2025-02-30", "2025-02-30"),
        ("prod", "prod"),
        ("ana at example.com", "ana at example.com"),
        ("Tr0ub4dor&3", "Tr… (11 characters)"),
        ("x" * 41, "xx… (41 characters)"),
        ("<!channel>", "<!… (10 characters)"),
        ("", ""),
    ],
)
def test_a_wrong_value_is_shown_only_where_it_is_harmless(value: str, as_shown: str) -> None:
    assert shown(value) == as_shown
