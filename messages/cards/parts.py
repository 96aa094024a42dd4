"""What several kinds of message have in common."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from messages.action_ref import ActionRef, Verb
from messages.cards.facts import RequestFacts, Settled, TokenFacts
from messages.inert import one_line, short
from messages.moments import day
from messages.view import Button, Element, Facts, Inline, Moment, Paragraph, Row, Strong, Text
from messages.wording import asking, carrying_out, deciding, names, outcomes

_MOST_EMERGENCIES = 4
LONG_VALUE = 300
"""Characters of a purpose or a list of scopes that a card shows: about four lines on a phone."""


def token_facts(token: TokenFacts, zone: str) -> Facts:
    """What a token is; what is not known is left out, except the expiry, whose absence matters."""
    expires: Text = [Moment(token.expires_at, zone, "date")] if token.expires_at else ["never"]
    pairs: list[tuple[str, Text]] = [
        ("Vendor", [names.supply(token)]),
        ("Environment, data", [names.exposure(token)]),
        ("Expires", expires),
        ("Last used", [Moment(token.last_used_at, zone, "date")] if token.last_used_at else ["not known"]),
    ]
    pairs += emergency_access("May use it in an emergency", token.emergencies, zone)
    if token.contract_ends_on:
        pairs.append(("Contract ends", [day(token.contract_ends_on)]))
    pairs += [
        ("Purpose", [short(token.purpose, LONG_VALUE)]),
        ("Scopes", [short(token.scopes, LONG_VALUE)]),
        ("Data", [short(token.data_scope, LONG_VALUE)]),
    ]
    return known(pairs)


def emergency_access(label: str, emergencies: Sequence[tuple[str, datetime]], zone: str) -> list[tuple[str, Text]]:
    """Who has access for an emergency, and until when; nothing where nobody has."""
    text: list[Inline] = []
    for name, until in emergencies[:_MOST_EMERGENCIES]:
        text += [*(["; "] if text else []), f"{names.person(name)}, until ", Moment(until, zone)]
    more = len(emergencies) - _MOST_EMERGENCIES
    return [(label, [*text, *([f"; and {more} more"] if more > 0 else [])])] if text else []


def known(pairs: list[tuple[str, Text]]) -> Facts:
    """The pairs that have a value."""
    return Facts(
        [(label, value) for label, value in pairs if any(not isinstance(v, str) or one_line(v) for v in value)]
    )


def reasons(facts: RequestFacts) -> Paragraph:
    """Every reason as a sentence of its own."""
    text: list[Inline] = []
    for code in told_reasons(facts)[:10]:
        text += ["\n" if text else "", "• ", *asking.reason(code, facts.token, facts.zone)]
    return Paragraph(text)


def told_reasons(facts: RequestFacts) -> list[str]:
    """The reasons worth telling, at least one: a token cannot outlive a contract that is over."""
    ends = facts.token.contract_ends_on
    over = ends is not None and ends < facts.opened_at.date() and "contract_ended" in facts.reasons
    return [code for code in facts.reasons if not (over and code == "outlives_contract")] or [""]


def decision_button(verb: Verb, facts: RequestFacts) -> Button:
    """The button for one decision, with what is asked before a click counts."""
    name = names.token(facts.token)
    confirm = None
    if verb not in facts.needs_form:
        takes_over = verb is Verb.ATTEST and facts.becomes_owner
        confirm = deciding.confirm_ownership(name) if takes_over else deciding.confirm(verb, name)
        if facts.work is not None and confirm is None:
            confirm = carrying_out.confirm(verb, facts, facts.work)
    action = ActionRef(verb, facts.request_id, facts.version)
    label = deciding.claim_label(verb) if facts.becomes_owner else deciding.label(verb)
    return Button(label, action, _style(verb, facts), confirm)


def _style(verb: Verb, facts: RequestFacts) -> Literal["plain", "primary", "danger"]:
    rotates = facts.work is not None and facts.work.kind == "rotate"
    return "primary" if verb is Verb.APPROVE and rotates else _STYLES.get(verb, "plain")


_STYLES: dict[Verb, Literal["primary", "danger"]] = {
    Verb.ATTEST: "primary",
    Verb.ACCEPT: "primary",
    Verb.DONE: "primary",
    Verb.REVOKE: "danger",
    Verb.APPROVE: "danger",
    Verb.RESUME: "danger",
    Verb.GIVE_BACK: "primary",
    Verb.RETRY: "primary",
    Verb.STILL_USED: "primary",
}


def open_button(facts: RequestFacts) -> Button:
    return Button(deciding.label(Verb.OPEN), ActionRef(Verb.OPEN, facts.request_id, facts.version))


def token_button(token: TokenFacts) -> Button:
    return Button(deciding.label(Verb.SHOW_TOKEN), ActionRef(Verb.SHOW_TOKEN, token.token_id))


def history_button(token: TokenFacts) -> Button:
    return Button(deciding.label(Verb.SHOW_HISTORY), ActionRef(Verb.SHOW_HISTORY, token.token_id))


def token_line(token: TokenFacts) -> list[Inline]:
    """Name, vendor and what is at stake, on one line."""
    rest = [part for part in (short(token.vendor, 40), names.exposure_brief(token)) if part]
    return [Strong(names.token(token)), *(f" · {part}" for part in rest)]


def token_row(token: TokenFacts, zone: str) -> Row:
    """A token in a list, with a button that shows it."""
    if token.state != "active":
        second: list[Inline] = [f"\n{short(token.state.replace('_', ' '), 40)}"]
    elif token.expires_at:
        second = ["\nExpires ", Moment(token.expires_at, zone, "date")]
    else:
        second = ["\nNever expires"]
    owner = next((f", {names.role(role)} {names.person(name)}" for role, name in token.owners), ", no owner")
    return Row([*token_line(token), *second, owner], token_button(token))


def owner_hint(token: TokenFacts) -> list[Element]:
    """Who may own a token without an owner; nothing where there is no hint."""
    return [Paragraph([asking.owner_hint(token)])] if one_line(token.owner_hint) else []


def vendor_holds(facts: RequestFacts) -> Text:
    """What to know of a token that the vendor holds; empty: it is ours."""
    return [asking.vendor_holds(facts.token)] if facts.token.held_by == "vendor" else []


def settled_text(settled: Settled, zone: str, *, under_way: bool = False) -> Text:
    """Who decided what and when, and what came of the work, or that it is ``under_way``."""
    works = under_way or bool(settled.result)
    result = outcomes.result(settled.outcome, settled.result, settled.proof, settled.system)
    after = outcomes.pending(settled) if under_way else result
    return [*outcomes.decided(settled, zone, works=works), f" {after}" if after else ""]
