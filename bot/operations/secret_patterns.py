"""Does this text hold a secret itself? Asked of every inventory cell and of every justification.

The patterns are the issuers' own documented formats, each tied to a literal that it cannot be without, and
behind them one rule for what no format names: a long run of characters that looks drawn at random. Scanners
for source code were weighed and left out of the running program. detect-secrets matches `key = "value"` lines
rather than cells, calls AWS key ids and public addresses secrets, and brings an HTTP client; Kingfisher's rules
take seconds to compile and 43 MB. That last rule is what keeps pace with formats nobody here has heard of.

What only names a credential passes: AWS access key ids, UUIDs, hex digests and fingerprints (`SHA256:…`),
OAuth client ids of Google, Okta and Salesforce, references such as `vault:kv/app#key`, and any other id that
whoever wrote the file declares to be one: `id:…`, `client_id:…`.
"""

from __future__ import annotations

import re
from typing import Final

_FORMATS: Final = (
    ("private key", "PRIVATE KEY", r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY( BLOCK)?-----|PuTTY-User-Key-File-"),
    ("private key", "PuTTY-User-Key", r"PuTTY-User-Key-File-\d"),
    ("private key", "AGE-SECRET-KEY-", r"AGE-SECRET-KEY-1[0-9A-Z]{20,}"),
    ("JSON Web Token", "eyJ", r"\beyJ[\w-]{8,}={0,2}\.[\w-]{8,}={0,2}(\.[\w-]*)*"),
    ("GitHub token", "gh", r"\bgh[opusr]_[A-Za-z0-9_]{20,}"),
    ("GitHub token", "github_pat_", r"github_pat_\w{20,}"),
    ("GitLab token", "gl", r"\bgl(pat|dt|ft|soat|rt|cbt|imt|ptt|agent|oas|ffct|wt)-[\w.-]{16,}"),
    ("GitLab runner token", "GR1348941", r"GR1348941[\w-]{16,}"),
    ("Slack token", "xox", r"\bxox[abceoprsd](\.xox[bp])?-[\w.%/+-]{8,}"),
    ("Slack app token", "xapp-", r"\bxapp-[\w-]{8,}"),
    ("Slack webhook", "hooks.slack", r"(?i)hooks\.slack(-gov)?\.com/(services|workflows|triggers)/\w+/\w+"),
    ("Teams webhook", "webhook.office.com", r"(?i)webhook\.office\.com/webhookb2/\S{20,}"),
    ("Discord webhook", "/api/webhooks/", r"(?i)discord(app)?\.com/api/webhooks/\d+/[\w-]{20,}"),
    ("Stripe key", "_live_", r"\b([srp]k_live_|whsec_)\w{16,}"),
    ("Stripe key", "_test_", r"\b[sr]k_test_\w{16,}"),
    ("webhook signing secret", "whsec_", r"\bwhsec_[\w+/=]{16,}"),
    ("SendGrid key", "SG.", r"\bSG\.[\w-]{16,32}\.[\w-]{16,64}"),
    ("Twilio key", "SK", r"\bSK[0-9a-f]{32}\b"),
    ("npm token", "npm_", r"\bnpm_[A-Za-z0-9]{20,}"),
    ("npm token", "_authToken", r"_authToken\s*=\s*\S{8,}"),
    ("PyPI token", "pypi-", r"\bpypi-[\w-]{32,}"),
    ("Google API key", "AIza", r"\bAIza[\w-]{35}"),
    ("Google OAuth secret", "GOCSPX-", r"\bGOCSPX-[\w-]{20,}"),
    ("Google OAuth token", "ya29.", r"\bya29\.[\w-]{20,}"),
    ("OpenAI key", "sk-", r"\bsk-(proj-|svcacct-|admin-|None-)?[\w-]{20,}"),
    ("Anthropic key", "sk-ant-", r"\bsk-ant-[\w-]{16,}"),
    ("Hugging Face token", "hf_", r"\bhf_[A-Za-z]{30,}"),
    ("Azure connection string", "AccountKey=", r"AccountKey=[\w+/]{40,}={0,2}"),
    ("Azure connection string", "SharedAccessKey=", r"SharedAccessKey=[\w+/]{20,}={0,2}"),
    ("Azure signature", "sig=", r"[?&]sig=[\w%+/-]{20,}"),
    ("Azure client secret", "8Q~", r"\b\w{3}8Q~[\w.~-]{31,34}"),
    ("Vault token", "hv", r"\bhv[sbr]\.[\w-]{24,}"),
    ("Atlassian token", "ATATT", r"\bATATT3[\w=-]{20,}"),
    ("Shopify token", "shp", r"\bshp(at|ca|pa|ss)_[0-9a-fA-F]{32}"),
    ("DigitalOcean token", "do", r"\bdo[opr]_v1_[0-9a-f]{64}"),
    ("Databricks token", "dapi", r"\bdapi[0-9a-f]{32}"),
    ("Linear key", "lin_api_", r"\blin_api_\w{20,}"),
    ("Docker token", "dckr_", r"\bdckr_(pat|oat)_[\w-]{20,}"),
    ("New Relic key", "NRAK-", r"\bNRAK-[A-Z0-9]{27}"),
    ("Grafana token", "glsa_", r"\bglsa_[A-Za-z0-9]{32}_[0-9a-f]{8}"),
    ("Telegram bot token", ":AA", r"\b\d{8,10}:AA[\w-]{32,34}"),
    ("Mailchimp key", "-us", r"\b[0-9a-f]{32}-us\d{1,2}\b"),
    ("URL with a password", "://", r"://[^\s/?#@:]*:(?!/|\*+@|<|\$\{|\{\{|x{3,}@)[^\s/@]+@"),
    ("bearer token", "earer ", r"(?i)\bbearer\s+[\w.~+/-]{16,}=*"),
    (
        "password",
        "",
        r"(?i)(?:password|passwd|pwd|passphrase|client_?secret|secret_?access_?key|secret_?key|api_?key)"
        r"\s?[=:]\s?[\"']?(?!env:|file:|vault:|aws|arn:|ssm:|op:|see |in |from |none\b|n/a|<|\$|\{|\*)[^\s\"']{6,}",
    ),
)
_PATTERNS: Final = tuple((name, literal, re.compile(pattern, re.ASCII)) for name, literal, pattern in _FORMATS)

_RUN: Final = re.compile(r"[A-Za-z0-9+/_=.~-]{20,}")
_NAMES_ONLY: Final = (
    re.compile(r"\b(?:AKIA|ASIA|AIDA|AROA|AGPA|AIPA|ANPA|ANVA|APKA|ABIA|ACCA|ASCA)[A-Z2-7]{12,124}\b"),
    re.compile(r"(?i)\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b"),
    re.compile(r"(?i)(?<![0-9a-z])(?:[0-9a-f]{2}:){5,}[0-9a-f]{2}\b"),
    re.compile(r"(?i)\bsha(?:1|256|384|512)[:-][A-Za-z0-9+/]{20,88}={0,2}"),
    re.compile(r"(?i)(?<![0-9a-z])(?:0x)?[0-9a-f]{16,128}(?![0-9a-z])"),
    re.compile(r"\b\d{6,}-[a-z0-9]{20,40}\.apps\.googleusercontent\.com\b"),
    re.compile(r"\b3MVG[\w.]{20,100}"),
    re.compile(r"\b0o[a-z][0-9A-Za-z]{17}\b"),
    re.compile(r"(?i)\b(?:client|app|key|token)?[_ -]?id\s?[:=]\s?[\w.-]{8,80}"),
    re.compile(r"\b(?:projects|organizations|folders|keyRings|cryptoKeys|secrets|serviceAccounts)/[\w.-]{1,63}"),
)
_SHORTEST: Final = 20  # no secret format above is shorter, URLs and passwords apart
_FEWEST_CHANGES: Final = 7  # of character class, in the shortest run that can look random
_CHANGE: Final = re.compile(r"(?<=[a-z])[A-Z0-9]|(?<=[A-Z])[a-z0-9]|(?<=[0-9])[A-Za-z]")
_LITERALS: Final = re.compile("|".join(re.escape(literal) for _, literal, _ in _FORMATS if literal))
_WORD: Final = re.compile(r"[A-Z]?[a-z]{3,}|[A-Z]{3,}|\d+")
_NAME: Final = re.compile(r"[A-Za-z][\w .()/-]{0,39}", re.ASCII)
_HARMLESS: Final = re.compile(r"[A-Za-z][A-Za-z ._@-]*|[0-9TZ:+./ -]+", re.ASCII)


def suspicious(text: str) -> bool:
    """Whether ``text`` deserves the patterns. Cheap, never false where :func:`looks_like_secret` finds something."""
    if "://" in text or "PRIVATE" in text or "earer" in text:
        return True
    if "=" in text or ":" in text:
        lower = text.lower()
        if "pass" in lower or "pwd" in lower or "secret" in lower or "key" in lower or "oken" in lower:
            return True
    return len(text) >= _SHORTEST and max(map(len, text.split()), default=0) >= _SHORTEST


def looks_like_secret(text: str) -> str | None:
    """The name of the kind of secret that ``text`` seems to hold, or None. The text itself goes nowhere."""
    if not suspicious(text):
        return None
    if "=" in text or ":" in text or _LITERALS.search(text):
        for name, literal, pattern in _PATTERNS:
            if literal in text and pattern.search(text):
                return name
    if len(_CHANGE.findall(text)) < _FEWEST_CHANGES:
        return None
    return _random_run(text)


def _random_run(text: str) -> str | None:
    for pattern in _NAMES_ONLY:
        text = pattern.sub(" ", text)
    for match in _RUN.finditer(text):
        run = match.group()
        for part in re.split(r"[._~/-]", run) if _reads_as_words(run) else (run, *re.split(r"[.=]", run)):
            part = part.strip("=/+-_.~")
            if _looks_random(part):
                return "AWS secret access key" if _AWS_SECRET.fullmatch(part) else "random-looking string"
    return None


_AWS_SECRET: Final = re.compile(r"[A-Za-z0-9/+]{40}")


def _reads_as_words(run: str) -> bool:
    """Mostly words and numbers between separators: a path, an ARN, a name in camel case."""
    return sum(map(len, _WORD.findall(run))) >= 0.75 * sum(map(str.isalnum, run))


def _looks_random(run: str) -> bool:
    """Changes of character class come thick in random text and seldom in names.

    A base62 string changes class at 62 % of its places and one of small letters and digits at 40 %; camel case
    and numbered names stay under 30 %. Shorter than 20 (mixed case) or 32 (one case) it could still be an id.
    """
    if len(run) < _SHORTEST:
        return False
    changes = len(_CHANGE.findall(run)) / sum(map(str.isalnum, run))
    mixed_case = not (run.islower() or run.isupper())
    if mixed_case and any(map(str.isdigit, run)):
        return changes >= (0.3 if _AWS_SECRET.fullmatch(run) else 0.38)
    return len(run) >= 32 and changes >= (0.38 if mixed_case else 0.3)


def mask(text: str) -> str:
    """``text`` for an error message when it may be secret: two characters and its length, less where it is short."""
    start = "".join(c if c.isprintable() else "?" for c in text[:2]) if len(text) >= 8 else ""
    return f"{start}… ({len(text):,} characters)"


def shown(text: str) -> str:
    """``text`` for an error message: whole if it is short and plainly a word, an address or a date; else masked."""
    if len(text) <= 40 and _HARMLESS.fullmatch(text) and looks_like_secret(text) is None:
        return text
    return mask(text) if text else ""


def shown_name(text: str) -> str:
    """A column's name or a key for a message: like :func:`shown`, and a few digits are no harm in it."""
    few_digits = sum(map(str.isdigit, text)) <= 3
    if few_digits and _NAME.fullmatch(text) and looks_like_secret(text) is None:
        return text
    return shown(text)
