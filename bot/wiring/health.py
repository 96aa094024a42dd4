"""Is everything in order? What ``whose doctor`` and ``/readyz`` look at."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime

from bot.anchors import names_of
from bot.errors import WhoseError
from bot.operations import doctor, doctor_ledger
from bot.operations.discovery import listings_are_fresh
from bot.operations.doctor import Finding
from bot.operations.outbox_keeping import outbox_is_clear
from bot.rules.policy import Policy
from bot.settings import Settings, nearest_variable
from bot.slack.identity import SCOPES, identify
from bot.wiring.installation import load_policy, open_database, policy_name
from bot.wiring.issuers import findings as findings_of
from bot.wiring.issuers import issuers_of
from bot.wiring.ledger import ledger_key
from storage.database import Database


def examine(settings: Settings, now: Callable[[], datetime]) -> list[Finding]:
    """Everything ``whose doctor`` looks at, in the order to mend it."""
    findings = doctor.examine("settings", lambda: _settings_are_right(settings))
    findings += examine_storage(settings)
    if findings[-1].level != "wrong":
        findings += _examine_work(settings, now)
    findings += doctor.examine("Slack", lambda: _slack_is_right(settings, now))
    return findings + doctor.examine("issuing systems", lambda: _issuers_are_right(settings, now))


def examine_storage(settings: Settings, opened: Database | None = None) -> list[Finding]:
    """Database, tables and policy: what must be right before anybody can be answered."""
    policies: list[Policy] = []

    def policy() -> list[Finding]:
        policies.append(load_policy(settings))
        return list(doctor.policy_is_usable(policies[0], policy_name(settings)))

    database = opened or open_database(settings)
    try:
        findings = doctor.examine("database", lambda: doctor.database_answers(database, settings.database_shown))
        if findings[-1].level != "wrong":
            findings += doctor.examine("tables", lambda: doctor.tables_are_current(database))
        tables_are_right = findings[-1].level == "ok"
        findings += doctor.examine("policy", policy)
        if tables_are_right and policies:
            findings += doctor.examine("policy", lambda: doctor.policy_names_known_people(database, policies[0]))
            findings += doctor.examine("people", lambda: doctor.people_can_be_reached(database))
    finally:
        if opened is None:
            database.close()
    return findings


def _examine_work(settings: Settings, now: Callable[[], datetime]) -> list[Finding]:
    """What was sent, and what was recorded and signed."""
    database = open_database(settings)
    state = settings.ledger_state
    try:
        findings = doctor.examine("outbox", lambda: outbox_is_clear(database))
        findings += doctor.examine(
            "ledger", lambda: doctor_ledger.ledger_is_signed(database, ledger_key(settings), state, now())
        )
        names = names_of(settings.anchors)
        findings += doctor.examine("anchor", lambda: doctor_ledger.anchors_hold(database, names, now()))
        return findings + doctor.examine("discovery", lambda: _looks_are_fresh(settings, database, now))
    finally:
        database.close()


def _settings_are_right(settings: Settings) -> list[Finding]:
    findings = [Finding("settings", "ok", "can be read")]
    for name in settings.unknown:
        near = nearest_variable(name)
        advice = f"Did you mean {near}?" if near else "Remove it, or see .env.example for the names."
        findings.append(Finding("settings", "look", f"{name} is set and read by nothing", advice))
    return findings


def _issuers_are_right(settings: Settings, now: Callable[[], datetime]) -> list[Finding]:
    with issuers_of(settings, now) as issuers:
        return findings_of(issuers)


def _looks_are_fresh(settings: Settings, database: Database, now: Callable[[], datetime]) -> list[Finding]:
    """When each system that can be listed was listed last; of one that cannot be loaded, its own finding says why."""
    with issuers_of(settings, now) as issuers:
        listed = []
        for system in issuers:
            with suppress(WhoseError):
                listed += [system] if issuers[system].capabilities.listing else []
        return list(listings_are_fresh(database, listed, now()))


def _slack_is_right(settings: Settings, now: Callable[[], datetime]) -> list[Finding]:
    if settings.slack_bot_token is None:
        advice = "Set SLACK_BOT_TOKEN and SLACK_SIGNING_SECRET, or try everything without Slack: `whose demo`."
        return [Finding("Slack", "look", "not set up, so nobody is asked", advice)]
    identity = identify(settings.bot_token(), settings.slack_api_url)
    findings = [Finding("Slack", "ok", f"the bot is in {identity.team} ({identity.team_id})")]
    for scope in identity.missing_scopes():
        advice = "Add it under OAuth & Permissions and install the app again."
        findings.append(Finding("Slack", "wrong", f"the scope {scope} is missing, {SCOPES[scope]}", advice))
    if identity.scopes is None:
        findings.append(Finding("Slack", "look", "did not say which scopes the app has"))
    if settings.slack_signing_secret is None and not settings.socket_mode:
        advice = "Set SLACK_SIGNING_SECRET, or SLACK_APP_TOKEN for Socket Mode."
        findings.append(Finding("Slack", "wrong", "answers cannot be received", advice))
    findings += doctor.clocks_agree(now(), identity.server_time, "Slack's")
    return findings
