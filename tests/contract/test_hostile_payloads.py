"""Hostile payloads at Slack's door: each gets the right status, no traceback, and changes nothing.

Forged ones are turned away. Correctly signed ones with hostile contents (a modified client, a stolen secret, a card
from a stranger) are answered in words; what they carry comes back inert or not at all.
"""

from __future__ import annotations

import copy
import json
import logging
import re
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from bot.sandbox import payloads
from bot.sandbox.transport import FORM, signature
from messages.action_ref import ActionRef, Verb
from storage.database import Database
from tests.contract.slack_kit import Office, open_office
from tests.servers.fake_clock import FakeClock

JSON = "application/json"
SECRET = "ghp_" + "zY9xW8vU7tS6rQ5pO4nM3lK2jI1hG0fE9dC8"
MARK = "sentinel-7c1e"
"""Stands in what a person wrote; must be in no log line."""


@pytest.fixture(scope="module")
def office(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    path = tmp_path_factory.mktemp("hostile") / "whose.db"
    shutil.copyfile(sqlite_template, path)
    database = Database(f"sqlite:///{path}")
    with open_office(database, FakeClock()) as opened:
        opened.ask()
        opened.accounts["guest"] = opened.slack.workspace.add_user("Guest", email="guest@elsewhere.example").id
        opened.accounts["bot"] = opened.slack.workspace.add_user("Other bot", email="ana@example.com", is_bot=True).id
        opened.accounts["ghost"] = opened.slack.workspace.add_user("Ghost", email="x@example.com", deleted=True).id
        yield opened
    database.close()


@dataclass
class Sent:
    """A request on its way to the bot."""

    body: bytes
    kind: str = FORM
    method: str = "POST"
    timestamp: str | None = field(default_factory=lambda: str(int(time.time())))
    signature: str | None = ""
    """Empty: the right one."""


def send(office: Office, sent: Sent) -> httpx.Response:
    headers: list[tuple[bytes, bytes]] = [(b"content-type", sent.kind.encode())] if sent.kind else []
    if sent.timestamp is not None:
        headers.append((b"x-slack-request-timestamp", sent.timestamp.encode()))
    if sent.signature is not None:
        given = sent.signature or signature(office.slack.signing_secret, sent.timestamp or "", sent.body)
        headers.append((b"x-slack-signature", given.encode()))
    url = office.slack.delivery.transport.request_url
    assert url is not None
    with httpx.Client(trust_env=False, timeout=10) as client:
        return client.request(sent.method, url, content=sent.body, headers=headers)


# ------------------------------------------------------------------ what Slack would send, to be spoiled


def asked(office: Office, token: str = "plain") -> ActionRef:
    request = office.request(token)
    return ActionRef(Verb.ATTEST, request.id or 0, request.version)


def of(office: Office, verb: Verb) -> ActionRef:
    return ActionRef(verb, asked(office).subject, asked(office).version)


def click(office: Office, who: str = "ana", action: ActionRef | None = None, **changes: Any) -> dict[str, Any]:
    """A click on a button of Ana's message, by anybody; ``changes`` go into the one action."""
    action = action or asked(office)
    workspace, message = office.slack.workspace, office.message("ana")
    user, channel = workspace.users[office.accounts[who]], workspace.channels[message.channel]
    pressed = {
        "type": "button",
        "action_id": action.action_id,
        "block_id": "b",
        "value": action.encode(),
        "action_ts": workspace.next_ts(),
    } | changes
    return payloads.message_action(workspace, user, channel, message, [pressed])


def form(office: Office, who: str = "ana", verb: Verb = Verb.REVOKE, **answers: Any) -> dict[str, Any]:
    """A form sent; nobody has to have opened it."""
    action = ActionRef(verb, asked(office).subject, asked(office).version)
    values = {
        name: {"value": value if isinstance(value, dict) else {"type": "plain_text_input", "value": value}}
        for name, value in answers.items()
    }
    return {
        "type": "view_submission",
        "team": {"id": office.slack.workspace.team_id, "domain": "example"},
        "user": {"id": office.accounts[who], "team_id": office.slack.workspace.team_id},
        "api_app_id": "A1",
        "trigger_id": "1.2.3",
        "view": {
            "id": "V123",
            "type": "modal",
            "callback_id": f"whose:{verb.value}",
            "private_metadata": action.encode(),
            "state": {"values": values},
            "hash": "1.a",
        },
    }


def payload(body: dict[str, Any]) -> Sent:
    return Sent(urlencode({"payload": json.dumps(body)}).encode())


def command(office: Office, text: str, who: str = "ana", **changes: str) -> Sent:
    workspace = office.slack.workspace
    user = workspace.users[office.accounts[who]]
    fields = payloads.slash_command(workspace, user, workspace.dm(user.id), "/whose", text)
    return Sent(urlencode(fields | changes).encode())


def changed(body: dict[str, Any], *path: str | int, to: Any) -> dict[str, Any]:
    """``body`` with one value replaced, or taken out where ``to`` is ``...``."""
    body = copy.deepcopy(body)
    at: Any = body
    for step in path[:-1]:
        at = at[step]
    if to is ...:
        del at[path[-1]]
    else:
        at[path[-1]] = to
    return body


# ------------------------------------------------------------------ the table

Case = tuple[str, Callable[[Office], Sent], int]

FORGED: list[Case] = [
    ("no headers", lambda o: Sent(b"payload=%7B%7D", timestamp=None, signature=None), 401),
    ("forged signature", lambda o: Sent(payload(click(o)).body, signature="v0=" + "0" * 64), 401),
    ("signature of another secret", lambda o: Sent(b"a=b", signature=signature("guess", "1", b"a=b")), 401),
    ("signature missing", lambda o: Sent(payload(click(o)).body, signature=None), 401),
    ("signature that is no ASCII", lambda o: Sent(b"a=b", signature="v0=ü" * 10), 401),
    ("old timestamp", lambda o: Sent(payload(click(o)).body, timestamp=str(int(time.time()) - 301)), 401),
    ("timestamp of tomorrow", lambda o: Sent(payload(click(o)).body, timestamp=str(int(time.time()) + 86_400)), 401),
    ("timestamp no number", lambda o: Sent(payload(click(o)).body, timestamp="soon"), 401),
    ("timestamp negative", lambda o: Sent(payload(click(o)).body, timestamp="-1"), 401),
    ("timestamp huge", lambda o: Sent(payload(click(o)).body, timestamp="9" * 400), 401),
    ("GET", lambda o: Sent(b"", method="GET"), 405),
    ("wrong content type", lambda o: Sent(payload(click(o)).body, kind="text/plain"), 415),
    ("no content type", lambda o: Sent(payload(click(o)).body, kind=""), 415),
    ("ssl_check without a signature", lambda o: Sent(b"ssl_check=1&token=x", timestamp=None, signature=None), 401),
    ("url_verification unsigned", lambda o: Sent(b'{"type":"url_verification"}', JSON, signature="v0=1"), 401),
]

UNREADABLE: list[Case] = [
    ("2 MB", lambda o: Sent(b"payload=" + b"x" * 2_000_000), 413),
    ("payload no JSON", lambda o: Sent(b"payload=%7Bnot+json"), 400),
    ("payload a list", lambda o: Sent(b"payload=%5B%5D"), 400),
    ("payload null", lambda o: Sent(b"payload=null"), 400),
    ("nested 50,000 deep", lambda o: Sent(b"payload=" + b"%5B" * 50_000), 400),
    ("not UTF-8", lambda o: Sent(b"payload=\xff\xfe"), 400),
    ("10,000 form fields", lambda o: Sent(b"&".join(b"a=1" for _ in range(10_000))), 400),
    ("JSON body a string", lambda o: Sent(b'"x"', JSON), 400),
    ("empty JSON", lambda o: Sent(b"", JSON), 400),
]


def _spoil(*path: str | int, to: Any) -> Callable[[Office], Sent]:
    return lambda o: payload(changed(click(o), *path, to=to))


def _value(value: Any) -> Callable[[Office], Sent]:
    return lambda o: payload(click(o, value=value))


SIGNED_CLICKS: list[Case] = [
    ("unknown action", lambda o: payload(click(o, action_id="delete_everything", value="x")), 200),
    ("unknown verb", lambda o: payload(click(o, action_id="whose:destroy:1", value="w1:destroy:1:1")), 200),
    ("value missing", lambda o: payload(changed(click(o), "actions", 0, "value", to=...)), 200),
    ("value a number", _value(7), 200),
    ("value of another request", _value("w1:attest:999999:1"), 200),
    ("value with another verb than the id", lambda o: payload(click(o, value=f"w1:revoke:{asked(o).subject}:1")), 200),
    ("negative id", lambda o: payload(click(o, action_id="whose:attest:-1", value="w1:attest:-1:1")), 200),
    ("id that no request has", lambda o: payload(click(o, "ana", ActionRef(Verb.ATTEST, 987_654))), 200),
    ("id of 18 digits", lambda o: payload(click(o, "ana", ActionRef(Verb.ATTEST, 10**17))), 200),
    ("id of 400 digits", _value("w1:attest:" + "9" * 400 + ":1"), 200),
    ("digits of another alphabet", _value("w1:attest:١:1"), 200),
    ("version of the future", lambda o: payload(click(o, "ana", ActionRef(Verb.ATTEST, asked(o).subject, 999))), 200),
    ("value with SQL", _value("w1:attest:1; DROP TABLE request:1"), 200),
    ("value with a line break", _value("w1:attest:1:1\n"), 200),
    ("view a word", lambda o: payload(click(o, "eve") | {"view": "x"}), 200),
    ("user a word", _spoil("user", to="x"), 200),
    ("team a word", _spoil("team", to="x"), 200),
    ("container a word", _spoil("container", to="x"), 200),
    ("type a list", _spoil("type", to=[]), 404),
    ("type of the future", _spoil("type", to="block_dreams"), 404),
    ("no actions", _spoil("actions", to=[]), 400),
    ("two actions", lambda o: payload(click(o) | {"actions": click(o)["actions"] * 2}), 200),
    ("actions a word", _spoil("actions", to="all"), 400),
    ("another workspace's team", _spoil("team", "id", to="T999999999"), 200),
    ("an account of another workspace", _spoil("user", "team_id", to="T999999999"), 200),
    ("no team", _spoil("team", to=None), 200),
    ("no user", _spoil("user", to={}), 200),
    ("user id of another shape", _spoil("user", "id", to="'; --"), 200),
    ("action_ts missing", lambda o: payload(changed(click(o), "actions", 0, "action_ts", to=...)), 200),
    ("container of nothing", _spoil("container", to={}), 200),
    ("a stranger's forwarded card", lambda o: payload(click(o, "eve")), 200),
    ("a manager who may not attest", lambda o: payload(click(o, "ben")), 200),
    ("unknown user", lambda o: payload(click(o, "guest")), 200),
    ("user that Slack does not know", _spoil("user", "id", to="U9ZZZZZZZ"), 200),
    ("deactivated user", lambda o: payload(click(o, "ghost")), 200),
    ("user who has left", lambda o: payload(click(o, "lea")), 200),
    ("a bot with the owner's address", lambda o: payload(click(o, "bot")), 200),
    ("response_url of a file", lambda o: payload(click(o, "eve") | {"response_url": "file:///etc/passwd"}), 200),
    ("response_url a list", lambda o: payload(click(o, "eve") | {"response_url": ["http://x"]}), 200),
    ("grave token without a word", lambda o: payload(click(o, "ana", asked(o, "grave"))), 200),
    ("OPEN by a stranger", lambda o: payload(click(o, "eve", ActionRef(Verb.OPEN, asked(o).subject))), 200),
    ("SHOW_TOKEN by a stranger", lambda o: payload(click(o, "eve", ActionRef(Verb.SHOW_TOKEN, 1))), 200),
    ("SHOW_HISTORY by a stranger", lambda o: payload(click(o, "eve", ActionRef(Verb.SHOW_HISTORY, 1))), 200),
    (
        "ACCEPT of what nobody proposed",
        lambda o: payload(click(o, "eve", ActionRef(Verb.ACCEPT, asked(o).subject))),
        200,
    ),
    ("DONE of what nobody decided", lambda o: payload(click(o, "ana", ActionRef(Verb.DONE, asked(o).subject))), 200),
]


def _form(**answers: Any) -> Callable[[Office], Sent]:
    return lambda o: payload(form(o, **answers))


def _foreign_view(*path: str, to: Any) -> Callable[[Office], Sent]:
    return lambda o: payload(changed(form(o, justification="Unused."), *path, to=to))


SIGNED_FORMS: list[Case] = [
    ("form of another app", _foreign_view("view", "callback_id", to="other:form"), 200),
    ("form without a reference", _foreign_view("view", "private_metadata", to=""), 200),
    ("form with a foreign reference", _foreign_view("view", "private_metadata", to="w1:revoke:1:1|C1|x"), 200),
    ("form with a list for a reference", _foreign_view("view", "private_metadata", to=["w1"]), 200),
    ("form whose verb shows things", lambda o: payload(form(o, verb=Verb.SHOW_MINE, justification="x")), 200),
    ("view a list", _foreign_view("view", to=[]), 400),
    ("no view", _foreign_view("view", to=...), 404),
    ("form without a state", _foreign_view("view", "state", to=...), 200),
    ("state a list", _foreign_view("view", "state", to=[]), 200),
    ("values a word", _foreign_view("view", "state", to={"values": "x"}), 200),
    ("answer a number", lambda o: payload(grave(o, {"type": "plain_text_input", "value": 7})), 200),
    ("nothing written where a reason is needed", lambda o: payload(grave(o, "   ")), 200),
    ("reason of 100,000 characters", _form(justification=MARK + "x" * 100_000), 200),
    ("reason just over the limit", _form(justification=MARK + "x" * 1_000), 200),
    ("reason that holds a secret", _form(justification=f"{MARK} {SECRET}"), 200),
    ("evidence that holds a secret", lambda o: payload(form(o, verb=Verb.DONE, evidence=SECRET, result="x")), 200),
    ("form by a stranger", lambda o: payload(form(o, "eve", justification=f"{MARK} mine now")), 200),
    ("form by nobody of the directory", lambda o: payload(form(o, "guest", justification=MARK)), 200),
    ("form from another workspace", _foreign_view("team", "id", to="T999999999"), 200),
    (
        "new owner who is no account",
        lambda o: disown(o, "'; --"),
        200,
    ),
    (
        "new owner who has left",
        lambda o: disown(o, o.accounts["lea"]),
        200,
    ),
    (
        "new owner: oneself",
        lambda o: disown(o, o.accounts["ana"]),
        200,
    ),
    ("snoozed for ever", lambda o: snooze(o, "9999-12-31"), 200),
    (
        "snoozed to no day",
        lambda o: snooze(o, "2026-02-31"),
        200,
    ),
    (
        "snoozed to the past",
        lambda o: snooze(o, "1970-01-01"),
        200,
    ),
]


def grave(office: Office, reason: Any) -> dict[str, Any]:
    action = ActionRef(Verb.ATTEST, asked(office, "grave").subject, asked(office, "grave").version)
    still = {"type": "static_select", "selected_option": {"value": "yes"}}
    body = form(office, verb=Verb.ATTEST, still_right=still, justification=reason)
    return changed(body, "view", "private_metadata", to=action.encode())


def disown(office: Office, user_id: str) -> Sent:
    chosen = {"type": "users_select", "selected_user": user_id}
    return payload(form(office, verb=Verb.DISOWN, justification="Not mine.", new_owner=chosen))


def snooze(office: Office, written: str) -> Sent:
    chosen = {"type": "datepicker", "selected_date": written}
    return payload(form(office, verb=Verb.SNOOZE, justification="Later.", until=chosen))


@pytest.mark.parametrize(
    ("spoiled", "status"),
    [
        pytest.param(spoiled, status, id=name)
        for name, spoiled, status in [*FORGED, *UNREADABLE, *SIGNED_CLICKS, *SIGNED_FORMS]
    ],
)
def test_changes_nothing(
    office: Office, spoiled: Callable[[Office], Sent], status: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "bot")
    before = office.state()
    answer = send(office, spoiled(office))
    assert answer.status_code == status
    assert "Traceback" not in answer.text
    assert SECRET not in answer.text
    assert office.state() == before
    ours = "\n".join(record.getMessage() for record in caplog.records if record.name.startswith(("bot", "storage")))
    assert SECRET not in ours
    assert MARK not in ours
    assert "could not be answered" not in ours, "our own fault, not the payload's"


# ------------------------------------------------------------------ what comes back from a command

HOSTILE_WORDS = [
    "x" * 10_000,
    "'; DROP TABLE token; --",
    '" OR 1=1 --',
    "drift* OR prod",
    "NEAR(drift prod, 1)",
    "display_name : drift",
    "%",
    "_" * 50,
    "<!channel>",
    "<!here|here>",
    "&lt;!channel&gt;",
    "<https://evil.example|click here>",
    "*bold* _it_ `code` ~gone~",
    "@channel @everyone",
    "d\u200br\u200di\u2060f\ufefft-prod",
    "\u202egorp-tfird\u202c",
    "ｄｒｉｆｔ",
    "\x00\x01\x02",
    "who drift-prod on 2025-99-99",
    "who drift-prod on 99999-01-01",
    "who drift-prod on 9999-12-31",
    "who drift-prod on 0001-01-01",
    "who \ufffd on yesterday",
    "vendor %",
    "vendor <!channel>",
    "history \"'\"'\"'",
    "{name} {0.__class__} %s %(x)s",
    "who " * 2_000,
]


@pytest.mark.parametrize("who", ["ana", "eve", "sam"])
@pytest.mark.parametrize("words", HOSTILE_WORDS, ids=range(len(HOSTILE_WORDS)))
def test_what_is_typed_comes_back_inert(office: Office, words: str, who: str) -> None:
    before = office.state()
    answer = send(office, command(office, words, who))
    assert answer.status_code == 200
    body = answer.json()
    assert body["response_type"] == "ephemeral"
    assert "could not finish" not in answer.text
    assert "Traceback" not in answer.text
    for drawn in [body["text"], *mrkdwn_in(body["blocks"])]:
        assert not re.search(r"<(?!!date\^)", drawn), drawn  # no mention, no link: only dates of ours
        assert "@channel" not in drawn.replace("@\u200bchannel", "") or "verbatim" in answer.text
    assert office.state() == before
    if who == "eve":
        assert "AKIA" not in answer.text
        assert "Ana" not in answer.text


def mrkdwn_in(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if value.get("type") == "mrkdwn":
            yield value["text"]
        for item in value.values():
            yield from mrkdwn_in(item)
    elif isinstance(value, list):
        for item in value:
            yield from mrkdwn_in(item)


def test_a_command_of_nobody_or_of_elsewhere(office: Office) -> None:
    for changes in ({"team_id": "T999999999"}, {"user_id": "U9ZZZZZZZ"}, {"user_id": ""}, {"team_id": ""}):
        answer = send(office, command(office, "drift-prod", **changes))
        assert answer.status_code == 200
        assert "AKIA" not in answer.text


def test_a_signed_request_sent_again_is_one_decision(office: Office) -> None:
    """Last of all: the one request here that does decide something."""
    sent = payload(click(office))
    before = office.state()
    assert send(office, sent).status_code == 200
    after = office.state()
    assert after[1] == before[1] + 1
    for _ in range(3):
        assert send(office, sent).status_code == 200
    assert office.state() == after


def test_the_table_is_long_enough() -> None:
    assert len(FORGED) + len(UNREADABLE) + len(SIGNED_CLICKS) + len(SIGNED_FORMS) + len(HOSTILE_WORDS) >= 60
