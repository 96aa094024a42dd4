"""Calls to AWS: each made once, bounded in time, and classified by what is known of it.

boto3 repeats failed calls by itself unless it is told not to; a repeated CreateAccessKey makes two keys. Therefore one
attempt, and the outcome to whoever asked. No text made here is AWS's own: it may name people and policies.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from pydantic import SecretStr

from bot.errors import SettingsError, UpstreamError
from bot.rules.issuing import NotDone, Rejected, Unclear

CONNECT: Final = 5
READ: Final = 15
"""Seconds."""
_TOO_FAST: Final = frozenset(
    {"Throttling", "ThrottlingException", "RequestLimitExceeded", "TooManyRequestsException", "SlowDown"}
)
_WAIT: Final = 30.0
_DENIED: Final = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"})
_NOT_KNOWN: Final = frozenset(
    {
        "InvalidClientTokenId",
        "UnrecognizedClientException",
        "SignatureDoesNotMatch",
        "InvalidAccessKeyId",
        "AuthFailure",
    }
)
_SAID: Final = {
    "LimitExceeded": "The user has two access keys already, and AWS allows no more. End the one that is not used first",
    "NoSuchEntity": "AWS has no such user or access key",
    "EntityTemporarilyUnmodifiable": "AWS is changing this user just now",
    "ResourceNotFoundException": "AWS has no such secret",
}
_LONGEST_CODE: Final = 60
#: What an answer cannot be without; botocore reads any XML as an answer in which everything is left out.
_ANSWERED: Final = {
    "create_access_key": "AccessKey",
    "get_access_key_last_used": "UserName",
    "get_account_authorization_details": "UserDetailList",
    "get_caller_identity": "Arn",
    "get_secret_value": "VersionId",
    "list_access_keys": "AccessKeyMetadata",
    "put_secret_value": "VersionId",
}


@dataclass(frozen=True)
class Keys:
    """An access key of ours, and where it is used."""

    access_key_id: SecretStr
    secret_access_key: SecretStr
    region: str
    endpoint_url: str | None = None


def client_of(service: str, keys: Keys) -> Any:
    """A boto3 client that makes every call once.

    Raises:
        SettingsError: boto3 is not installed.
    """
    try:
        import boto3
        from botocore.config import Config
    except ModuleNotFoundError:
        raise SettingsError("AWS needs boto3, which is not installed. Install it: pip install 'whose[aws]'.") from None
    # A session of its own: the default one is shared by all threads and looks for credentials all over the machine.
    session = boto3.session.Session(
        aws_access_key_id=keys.access_key_id.get_secret_value(),
        aws_secret_access_key=keys.secret_access_key.get_secret_value(),
        region_name=keys.region,
    )
    config = Config(
        retries={"total_max_attempts": 1}, connect_timeout=CONNECT, read_timeout=READ, user_agent_extra="whose"
    )
    return session.client(service, endpoint_url=keys.endpoint_url, config=config)


def outcome_of(error: Exception) -> Rejected | NotDone | Unclear:
    """What is known after a failed call: refused for good, surely not done, or nothing."""
    from botocore import exceptions

    if isinstance(error, exceptions.ClientError):
        return _answered(error.response)
    if isinstance(
        error, (exceptions.EndpointConnectionError, exceptions.ConnectTimeoutError, exceptions.ProxyConnectionError)
    ):
        return NotDone(f"AWS cannot be reached ({type(error).__name__})", _WAIT)
    if isinstance(error, exceptions.SSLError):
        return NotDone("AWS cannot be reached: its certificate is not valid", _WAIT)
    if isinstance(error, (exceptions.ParamValidationError, exceptions.NoCredentialsError)):
        return Rejected(type(error).__name__, "The request could not be made: an id or a setting cannot be AWS's")
    return Unclear(f"AWS did not answer in full ({type(error).__name__})")


def call_once(client: Any, what: str, **arguments: Any) -> dict[str, Any] | Rejected | NotDone | Unclear:
    """What a client's method answers, or what is known after it failed."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        answer = dict(getattr(client, what)(**arguments))
    except (ClientError, BotoCoreError) as error:
        return outcome_of(error)
    except Exception as error:  # noqa: BLE001 - botocore falls over XML that it does not expect, in many ways
        # Without its text, which is the whole answer and may hold a new secret.
        return Unclear(f"AWS's answer cannot be read ({type(error).__name__})")
    if not request_id(answer) or _ANSWERED.get(what, "ResponseMetadata") not in answer:
        return Unclear("Something answers in AWS's place, or its answer cannot be read", request_id(answer))
    return answer


def as_error(outcome: Rejected | NotDone | Unclear, doing: str) -> UpstreamError:
    """An outcome to raise, where there is no answer to give."""
    match outcome:
        case Rejected(code, detail):
            return UpstreamError(f"AWS refuses {doing}: {detail or 'it says no'} ({code}).")
        case NotDone(reason):
            return UpstreamError(f"{reason}. Try {doing} again later.")
        case Unclear(detail):
            return UpstreamError(f"{detail}. Try {doing} again later.")


def is_unknown_key(code: str) -> bool:
    """Whether AWS says that the access key which signed the call is not valid."""
    return code in _NOT_KNOWN


def request_id(response: dict[str, Any]) -> str:
    """AWS's own id of a call, for CloudTrail."""
    return str(response.get("ResponseMetadata", {}).get("RequestId", ""))[:100]


def _code(response: dict[str, Any]) -> str:
    found = response.get("Error", {}).get("Code", "")
    return "".join(one for one in str(found) if one.isascii() and (one.isalnum() or one in "._-"))[:_LONGEST_CODE]


def _answered(response: dict[str, Any]) -> Rejected | NotDone | Unclear:
    code, id_ = _code(response), request_id(response)
    status = int(response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    if code in _TOO_FAST or status == 429:
        return NotDone(f"AWS says that we are too fast ({code})", _WAIT)
    if code in _DENIED:
        return Rejected(code, "Our access key may not do this. Run `whose doctor` to see what is missing", id_)
    if code in _NOT_KNOWN:
        return Rejected(code, "AWS does not accept our access key. Run `whose doctor`", id_)
    if code in _SAID:
        return Rejected(code, _SAID[code], id_)
    if not 400 <= status < 500:
        return Unclear(f"AWS answers {status} {code}".rstrip(), id_)
    return Rejected(code or str(status), "", id_)
