"""Access for an emergency: the question to whoever may agree, where it stands, and the look afterwards.

One message for each reader, brought up to date as it goes on; its end and the look afterwards come anew.
"""

from __future__ import annotations

from collections.abc import Mapping

from messages.action_ref import ActionRef, Verb
from messages.cards.emergency_facts import EmergencyFacts
from messages.cards.forms import MOST_REASON
from messages.cards.parts import LONG_VALUE, history_button, known
from messages.inert import short
from messages.view import Button, Buttons, Element, Facts, Form, Heading, Moment, Note, Paragraph, Text, TextField, View
from messages.wording import deciding, names
from messages.wording import emergency as wording

_ASKS = frozenset({Verb.GRANT_APPROVE, Verb.GRANT_REVIEW})
_STYLES: Mapping[Verb, str] = {Verb.GRANT_REVIEW: "primary", Verb.GRANT_WRONG: "danger", Verb.GRANT_END: "danger"}


def emergency(facts: EmergencyFacts) -> View:
    """A grant as it stands, with what this reader can do about it."""
    asks = any(verb in _ASKS for verb in facts.offered)
    heading = wording.heading(facts, asks=asks)
    buttons = [_button(verb, facts) for verb in dict.fromkeys(facts.offered)]
    agreed, looked_at = wording.agreed(facts), wording.looked_at(facts)
    elements: list[Element] = [
        Heading(heading),
        Paragraph([*wording.asked(facts), *([" ", *agreed] if agreed else [])]),
        *([Paragraph(looked_at)] if looked_at else []),
        _particulars(facts),
        *([Paragraph([wording.NO_SECRET])] if facts.state in ("requested", "open") else []),
        Buttons([*buttons, history_button(facts.token)]),
        *_notes(wording.then(facts, asks=asks)),
    ]
    return View(heading if heading.endswith("?") else f"{heading}.", elements)


def _particulars(facts: EmergencyFacts) -> Facts:
    token = facts.token
    pairs: list[tuple[str, Text]] = [
        ("Reason given", [short(facts.reason, LONG_VALUE) or "none"]),
        ("Began", [Moment(facts.begins_at, facts.zone)] if facts.begins_at else [""]),
        ("Ended", [Moment(facts.ended_at, facts.zone)] if facts.ended_at and facts.begins_at else [""]),
        ("Ended by", [names.person(facts.ended_by)] if facts.ended_by else [""]),
        ("Environment, data", [names.exposure(token)]),
        ("Vendor", [names.supply(token)]),
        ("Owner", [next((names.person(name) for _, name in token.owners), "nobody")]),
    ]
    return known(pairs)


def _notes(text: Text) -> list[Element]:
    return [Note(text)] if text else []


# ------------------------------------------------------------------ buttons and forms


def _button(verb: Verb, facts: EmergencyFacts) -> Button:
    confirm = None
    if verb is Verb.GRANT_APPROVE:
        confirm = wording.confirm_agreeing(facts)
    elif verb is Verb.GRANT_END:
        confirm = wording.confirm_ending(facts)
    action = ActionRef(verb, facts.grant_id, facts.version)
    match _STYLES.get(verb):
        case "primary":
            return Button(deciding.label(verb), action, "primary", confirm)
        case "danger":
            return Button(deciding.label(verb), action, "danger", confirm)
        case _:
            return Button(deciding.label(verb), action, "plain", confirm)


def emergency_form(verb: Verb, facts: EmergencyFacts) -> Form:
    """What is asked before it is refused (``GRANT_REFUSE``) or was looked at (``GRANT_REVIEW``, ``GRANT_WRONG``):
    ``justification``."""
    words = deciding.form_words(verb)
    intro: list[Element] = [Paragraph(wording.asked(facts)), Paragraph([words.intro])]
    hint = words.hint or deciding.NEVER_A_SECRET
    field = TextField("justification", words.question, multiline=True, max_length=MOST_REASON, hint=hint)
    return Form(words.title, words.submit, ActionRef(verb, facts.grant_id, facts.version), intro, [field], "Cancel")
