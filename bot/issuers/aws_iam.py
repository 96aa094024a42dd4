"""AWS IAM: the access keys of an account's users. A credential's id is the access key id.

What our own access key has to be allowed: ``iam:GetAccountAuthorizationDetails``, ``iam:ListAccessKeys`` and
``iam:GetAccessKeyLastUsed`` on everything; and on the users whose keys are to be ended or rotated
``iam:UpdateAccessKey``, ``iam:DeleteAccessKey`` and ``iam:CreateAccessKey``.

IAM is eventually consistent: for some seconds a new key may be refused, and one that was ended accepted and listed.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from typing import Annotated, Any, Final

from pydantic import Field, SecretStr

from bot.errors import UpstreamError
from bot.issuers.addresses import Address
from bot.issuers.aws_calls import Keys, as_error, call_once, client_of, is_unknown_key, request_id
from bot.issuers.aws_keys import of_key, secret_of_pair, sighting, written_as_pair
from bot.issuers.undeclared import Undeclared
from bot.operations.issuer_port import Kind, Options, Tools
from bot.operations.secret_refs import SecretRef
from bot.rules.issuing import (
    Absent,
    Accepted,
    Capabilities,
    Check,
    Created,
    Credential,
    Look,
    NotDone,
    Proof,
    Rejected,
    Reply,
    Result,
    Rotation,
    Sighting,
    Unclear,
    Verdict,
)

Failed = Rejected | NotDone | Unclear
Answered = dict[str, Any] | Failed

_NO_ENTITY: Final = "NoSuchEntity"
_USERS_A_PAGE: Final = 500
_WRITES: Final = {
    "UpdateAccessKey": ("update_access_key", {"Status": "Inactive"}),
    "DeleteAccessKey": ("delete_access_key", {}),
    "CreateAccessKey": ("create_access_key", None),
}
_NO_KEY: Final = "AKIA" + "0" * 16


class AwsOptions(Options):
    """One account in the issuers file."""

    access_key_id: SecretRef
    secret_access_key: SecretRef
    region: Annotated[str, Field(pattern=r"^[a-z]{2,4}(-[a-z]+)+-\d$")] = "us-east-1"
    """IAM is the same in every region of a partition; another one for China or GovCloud."""
    endpoint_url: Address | None = None
    owner_tags: tuple[str, ...] = ("owner", "owner-email", "email", "contact")
    """Tags of a user that may name who owns its keys, the likeliest first; large and small letters are the same."""


class AwsIam(Undeclared):
    """One account. ``system`` is its name in the inventory."""

    kind = "aws_iam"

    def __init__(self, system: str, options: AwsOptions, tools: Tools) -> None:
        self.system = system
        self.capabilities = KIND.capabilities
        self._options = options
        self._tools = tools
        self._clients: dict[str, Any] = {}
        self._users: dict[str, str] = {}
        """Whose a key is, as far as was seen: a key never moves to another user."""

    def close(self) -> None:
        """Let go of every connection."""
        for client in self._clients.values():
            client.close()
        self._clients.clear()

    # ------------------------------------------------------------ looking

    def listing(self) -> Iterator[Sighting]:
        for user in self._every_user():
            for key in self._keys_of(user["UserName"]):
                used = self._iam("get_access_key_last_used", AccessKeyId=key["AccessKeyId"])
                if _is_gone(used):
                    continue
                yield sighting(key, _must(used), user, self._options.owner_tags)

    def look(self, credential: Credential) -> Look:
        key = self._key(credential.external_id)
        if not isinstance(key, dict):
            return key
        used = self._iam("get_access_key_last_used", AccessKeyId=credential.external_id)
        return sighting(key, used, {}, ()) if isinstance(used, dict) else used

    def _key(self, key_id: str) -> dict[str, Any] | Absent | Failed:
        """The key's own entry in its user's list."""
        seen_before = key_id in self._users
        user = self._user_of(key_id)
        if not isinstance(user, str):
            return user
        listed = self._iam("list_access_keys", UserName=user)  # a user has two at most: one page
        if isinstance(listed, Rejected) and _is_gone(listed) and seen_before:
            return Absent(listed.request_id)  # the user is gone, and the keys with it
        if not isinstance(listed, dict):
            return listed
        found = next((one for one in listed["AccessKeyMetadata"] if one["AccessKeyId"] == key_id), None)
        if found is not None:
            return dict(found)
        if seen_before:
            return Absent(request_id(listed))
        return Unclear("AWS says whose key this is, and does not list it there; it may be ending just now")

    def _user_of(self, key_id: str) -> str | Absent | Failed:
        """Whose key this is. Of a key that it does not know, AWS may speak as of one that we may not ask about: only
        the lists of all users make that one absent."""
        if not (key_id.isascii() and key_id.isalnum() and 16 <= len(key_id) <= 128):
            return Rejected("unknown_id", "This is no access key id. Run `whose discover` to see the ids")
        if key_id in self._users:
            return self._users[key_id]
        used = self._iam("get_access_key_last_used", AccessKeyId=key_id)
        if isinstance(used, Rejected):
            if used.code == _NO_ENTITY:
                return Absent(used.request_id)
            return used if is_unknown_key(used.code) else self._searched(key_id, used.request_id)
        if not isinstance(used, dict):
            return used
        self._users[key_id] = str(used["UserName"])
        return self._users[key_id]

    def _searched(self, key_id: str, asked: str) -> str | Absent | Unclear:
        try:
            for user in self._every_user():
                if any(key["AccessKeyId"] == key_id for key in self._keys_of(user["UserName"])):
                    return str(user["UserName"])
        except UpstreamError as error:
            return Unclear(str(error), asked)
        return Absent(asked)

    def _every_user(self) -> Iterator[dict[str, Any]]:
        """With tags and policies; hundreds a call, where one call for each user's tags would meet AWS's rate limit."""
        more: dict[str, str] = {}
        while True:
            page = _must(
                self._iam("get_account_authorization_details", Filter=["User"], MaxItems=_USERS_A_PAGE, **more)
            )
            yield from page["UserDetailList"]
            if not page.get("IsTruncated"):
                return
            if not page.get("Marker") or more == {"Marker": page["Marker"]}:
                raise UpstreamError("AWS's list of users does not end. Nothing was concluded; try again later.")
            more = {"Marker": page["Marker"]}

    def _keys_of(self, user: str) -> list[dict[str, Any]]:
        listed = self._iam("list_access_keys", UserName=user)
        if _is_gone(listed):
            return []  # between the list of users and now
        keys = list(_must(listed)["AccessKeyMetadata"])
        self._users.update({str(one["AccessKeyId"]): user for one in keys})
        return keys

    # ------------------------------------------------------------ ending

    def disable(self, credential: Credential) -> Reply:
        return self._changed(credential, "update_access_key", Status="Inactive")

    def enable(self, credential: Credential) -> Reply:
        return self._changed(credential, "update_access_key", Status="Active")

    def revoke(self, credential: Credential) -> Reply:
        return self._changed(credential, "delete_access_key")

    def _changed(self, credential: Credential, what: str, **more: str) -> Reply:
        """Always with the user's name: without one, AWS takes the user who asks."""
        try:
            if self.is_ours(credential):
                return Rejected("own_credential", "This is the access key that Whose itself uses")
        except UpstreamError as error:
            return NotDone(str(error), 60.0)
        user = self._user_of(credential.external_id)
        if not isinstance(user, str):
            return user
        answer = self._iam(what, UserName=user, AccessKeyId=credential.external_id, **more)
        if isinstance(answer, dict):
            return Accepted(request_id(answer))
        if isinstance(answer, Rejected) and _is_gone(answer):
            return Absent(answer.request_id)
        return answer

    def verify(self, credential: Credential) -> Verdict | NotDone | Unclear:
        found = self._key(credential.external_id)
        match found:
            case NotDone() | Unclear():
                return found
            case Rejected(code, detail, asked):
                return Verdict(Result.FAILED, None, detail or f"AWS does not say ({code})", asked)
            case dict():
                return Verdict(Result.FAILED, Proof.RELIST, "AWS still lists the access key")
        still = self._still_works(credential)
        if still is None:
            return Verdict(Result.CONFIRMED, Proof.RELIST, "AWS lists the access key no more", found.request_id)
        if still:
            return Verdict(Result.FAILED, Proof.PROBE, "AWS lists it no more, and still accepts it", found.request_id)
        return Verdict(Result.CONFIRMED, Proof.PROBE, "AWS refuses the access key", found.request_id)

    def _still_works(self, credential: Credential) -> bool | None:
        """None: it is not to be tried, or cannot be: the secret is another key's by now, or AWS does not answer."""
        if not self._options.probe or not credential.secret_ref:
            return None
        try:
            secret = self._tools.secret(credential.secret_ref)
        except UpstreamError:
            return None  # what was listed stands for itself
        if not of_key(secret, credential.external_id):
            return None
        answer = self.works(credential, secret)
        return answer if isinstance(answer, bool) else None

    # ------------------------------------------------------------ rotating

    def create(self, like: Credential) -> Created | Rejected | NotDone | Unclear:
        """The secret is key id and secret together, as ``credential_process`` of AWS's tools prints them: a secret
        alone would be of no use, since the id is new, too."""
        user = self._user_of(like.external_id)
        if isinstance(user, Absent):
            return Rejected(_NO_ENTITY, "AWS has no such access key, so that nobody knows whose user it was")
        if not isinstance(user, str):
            return user
        answer = self._iam("create_access_key", UserName=user)
        if not isinstance(answer, dict):
            return answer
        key = answer["AccessKey"]
        secret = SecretStr(key["SecretAccessKey"])
        pair = written_as_pair(key["AccessKeyId"], secret)
        self._tools.keep_out(secret)
        self._tools.keep_out(pair)
        self._users[str(key["AccessKeyId"])] = user
        return Created(str(key["AccessKeyId"]), pair, request_id(answer))

    def siblings(self, like: Credential) -> tuple[str, ...] | Rejected | NotDone | Unclear:
        user = self._user_of(like.external_id)
        if isinstance(user, Absent):
            return Rejected(_NO_ENTITY, "AWS has no such access key, so that nobody knows whose user it was")
        if not isinstance(user, str):
            return user
        listed = self._iam("list_access_keys", UserName=user)
        if not isinstance(listed, dict):
            return listed
        return tuple(str(one["AccessKeyId"]) for one in listed["AccessKeyMetadata"])

    def works(self, credential: Credential, secret: SecretStr) -> bool | NotDone | Unclear:
        """``secret`` is the secret access key, alone or as :meth:`create` gives it."""
        keys = Keys(SecretStr(credential.external_id), secret_of_pair(secret), self._options.region, self._endpoint)
        client = client_of("sts", keys)
        try:
            answer = call_once(client, "get_caller_identity")
        finally:
            client.close()
        match answer:
            case dict():
                return True
            case Rejected(code, detail, asked):
                return False if is_unknown_key(code) else Unclear(detail or f"AWS says {code}", asked)
            case _:
                return answer

    # ------------------------------------------------------------ ourselves

    def is_ours(self, credential: Credential) -> bool:
        return credential.external_id == self._own_id()

    def check(self) -> list[Check]:
        who = self._call("sts", "get_caller_identity")
        if not isinstance(who, dict):
            advice = "See that access_key_id and secret_access_key name a key that is active."
            return [Check("credential", False, _said(who), advice)]
        checks = [Check("credential", True, f"AWS knows it as {who['Arn']}")]
        reads: dict[str, Callable[[], Answered]] = {
            "GetAccountAuthorizationDetails": lambda: self._iam(
                "get_account_authorization_details", Filter=["User"], MaxItems=1
            ),
            "GetAccessKeyLastUsed": lambda: self._iam("get_access_key_last_used", AccessKeyId=self._own_id()),
            "ListAccessKeys": lambda: self._iam("list_access_keys", UserName=_nobody()),
        }
        checks += [_allowed(action, read()) for action, read in reads.items()]
        return checks + [_allowed(action, self._tried(action)) for action in _WRITES]

    def _tried(self, action: str) -> Answered:
        """A call about a user that cannot exist: whoever may make it is told so, whoever may not is refused before."""
        method, more = _WRITES[action]
        key = {} if more is None else {"AccessKeyId": _NO_KEY, **more}
        return self._iam(method, UserName=_nobody(), **key)

    def _own_id(self) -> str:
        return self._tools.secret(self._options.access_key_id).get_secret_value()

    @property
    def _endpoint(self) -> str | None:
        return self._options.endpoint_url

    def _iam(self, what: str, **arguments: Any) -> Answered:
        return self._call("iam", what, **arguments)

    def _call(self, service: str, what: str, **arguments: Any) -> Answered:
        if service not in self._clients:
            try:
                secret = self._tools.secret(self._options.secret_access_key)
                keys = Keys(SecretStr(self._own_id()), secret, self._options.region, self._endpoint)
            except UpstreamError as error:
                return NotDone(str(error), 60.0)
            self._clients[service] = client_of(service, keys)
        return call_once(self._clients[service], what, **arguments)


def _must(answer: Answered) -> dict[str, Any]:
    if not isinstance(answer, dict):
        raise as_error(answer, "the list of access keys")
    return answer


def _is_gone(answer: Answered) -> bool:
    return isinstance(answer, Rejected) and answer.code == _NO_ENTITY


def _nobody() -> str:
    return f"whose-doctor-{secrets.token_hex(12)}"


def _allowed(action: str, answer: Answered) -> Check:
    if isinstance(answer, dict) or _is_gone(answer):
        return Check(action, True, "is allowed")
    advice = f"Allow iam:{action} on the users whose access keys are managed."
    return Check(action, False, _said(answer), advice)


def _said(answer: Failed) -> str:
    match answer:
        case Rejected(code, detail):
            return f"{detail or 'AWS says no'} ({code})"
        case NotDone(reason):
            return reason
        case Unclear(detail):
            return detail


def _build(system: str, options: AwsOptions, tools: Tools) -> AwsIam:
    return AwsIam(system, options, tools)


KIND: Final = Kind(
    name="aws_iam",
    title="AWS IAM access keys",
    capabilities=Capabilities(
        listing=True,
        last_used=True,
        usage=True,
        disable=True,
        reversible=True,
        revoke=True,
        rotate=Rotation.OVERLAP,
        verify=(Proof.RELIST, Proof.PROBE),
    ),
    options=AwsOptions,
    build=_build,
    extra="aws",
)
