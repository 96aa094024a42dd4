"""One made-up secret of every kind, drawn as the tests run, so that no scanner finds any in this repository."""

from __future__ import annotations

import base64
import random
import string

ALNUM = string.ascii_letters + string.digits
_HEX = "0123456789abcdef"
_chance = random.Random(20261123)


def draw(alphabet: str, length: int) -> str:
    """Random characters, the same in every run."""
    return "".join(_chance.choices(alphabet, k=length))


def _base64(length: int) -> str:
    return base64.b64encode(_chance.randbytes(length)).decode()


def _jwt() -> str:
    parts = [b'{"alg":"HS256","typ":"JWT"}', b'{"sub":"1234567890","admin":true}', _chance.randbytes(32)]
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)


MADE_UP_SECRETS = [
    ("AWS secret access key", draw(ALNUM + "/+", 40)),
    ("AWS secret access key of the documentation", "wJalrXUtnFEMI/K7MDENG/" + "bPxRfiCYEXAMPLEKEY"),
    ("AWS session token", "IQoJb3JpZ2luX2Vj" + _base64(180)),
    ("GitHub classic", "ghp" + "_" + draw(ALNUM, 36)),
    ("GitHub OAuth", "gho" + "_" + draw(ALNUM, 36)),
    ("GitHub user", "ghu" + "_" + draw(ALNUM, 36)),
    ("GitHub server", "ghs" + "_" + draw(ALNUM, 36)),
    ("GitHub refresh", "ghr" + "_" + draw(ALNUM, 76)),
    ("GitHub fine-grained", "github" + "_pat_" + draw(ALNUM, 22) + "_" + draw(ALNUM, 59)),
    ("GitLab", "glpat" + "-" + draw(ALNUM + "-_", 20)),
    ("Slack bot", "xoxb" + "-" + draw(string.digits, 12) + "-" + draw(string.digits, 13) + "-" + draw(ALNUM, 24)),
    ("Slack user", "xoxp" + "-" + draw(string.digits, 12) + "-" + draw(_HEX, 32)),
    ("Slack legacy", "xoxa" + "-2-" + draw(string.digits, 12) + "-" + draw(ALNUM, 24)),
    ("Slack export", "xoxe" + ".xoxp-1-" + draw(ALNUM, 80)),
    ("Slack refresh", "xoxr" + "-" + draw(string.digits, 12) + "-" + draw(ALNUM, 24)),
    ("Slack session", "xoxs" + "-" + draw(string.digits, 12) + "-" + draw(ALNUM, 24)),
    ("Slack app", "xapp" + "-1-A" + draw(string.ascii_uppercase, 10) + "-" + draw(_HEX, 64)),
    ("Slack webhook", "https://hooks.slack.com/services/" + "T0123ABCD/B0123ABCD/" + draw(ALNUM, 24)),
    ("JSON Web Token", _jwt()),
    ("RSA private key", "-----BEGIN RSA " + "PRIVATE KEY-----"),
    ("encrypted private key", "-----BEGIN ENCRYPTED " + "PRIVATE KEY-----"),
    ("OpenSSH private key", "-----BEGIN OPENSSH " + "PRIVATE KEY-----"),
    ("PGP private key", "-----BEGIN PGP " + "PRIVATE KEY BLOCK-----"),
    ("Stripe live", "sk" + "_live_" + draw(ALNUM, 24)),
    ("Stripe restricted", "rk" + "_live_" + draw(ALNUM, 24)),
    ("Stripe test", "sk" + "_test_" + draw(ALNUM, 24)),
    ("SendGrid", "SG." + draw(ALNUM, 22) + "." + draw(ALNUM, 43)),
    ("Twilio key", "SK" + draw(_HEX, 32)),
    ("npm", "npm" + "_" + draw(ALNUM, 36)),
    ("PyPI", "pypi-" + "AgEIcHlwaS5vcmc" + draw(ALNUM, 120)),
    ("Google API key", "AIza" + draw(ALNUM + "-_", 35)),
    ("Google OAuth secret", "GOCSPX" + "-" + draw(ALNUM, 28)),
    ("OpenAI", "sk" + "-proj-" + draw(ALNUM, 48)),
    ("Anthropic", "sk" + "-ant-api03-" + draw(ALNUM + "-_", 93)),
    ("Hugging Face", "hf" + "_" + draw(string.ascii_letters, 34)),
    ("Azure storage", "DefaultEndpointsProtocol=https;AccountName=acme;Account" + "Key=" + _base64(64)),
    ("Azure service bus", "Endpoint=sb://acme.example.com/;SharedAccess" + "Key=" + _base64(32)),
    ("Vault", "hvs" + "." + draw(ALNUM, 24)),
    ("DigitalOcean", "dop" + "_v1_" + draw(_HEX, 64)),
    ("URL with a password", "postgres://app:" + "correct-horse@db.example.com/app"),
    ("password", "password" + "=hunter2hunter2"),
    ("bearer", "Authorization: Bearer " + draw(ALNUM, 30)),
    ("no known format", draw(ALNUM, 48)),
]
