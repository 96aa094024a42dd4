"""The questions that a decision asks first, and what is wrong with the answers.

Names of fields are part of what the edges read back: ``justification``, ``still_right``, ``new_owner``, ``until``,
``result``, ``evidence``.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from messages.action_ref import ActionRef, Verb
from messages.cards.facts import RequestFacts
from messages.cards.parts import LONG_VALUE, known, token_line
from messages.inert import short
from messages.moments import day
from messages.view import ChoiceField, DateField, Element, Field, Form, Paragraph, PersonField, TextField
from messages.wording import deciding, names

MOST_REASON = 1_000
MOST_EVIDENCE = 500


def form(verb: Verb, facts: RequestFacts) -> Form:
    """The form that ``verb`` opens for this request."""
    words = deciding.form_words(verb)
    action = ActionRef(verb, facts.request_id, facts.version)
    return Form(words.title, words.submit, action, _intro(verb, facts), _fields(verb, facts), "Cancel")


def faults(verb: Verb, facts: RequestFacts, values: Mapping[str, str]) -> dict[str, str]:
    """What is wrong with the answers, by field: a sentence for whoever filled them in. Empty: nothing.

    Authority is not looked at here, nor whether the request is still open.
    """
    found = {}
    for asked in _fields(verb, facts):
        fault = _fault(asked, values.get(asked.name, "").strip(), facts)
        if fault:
            found[asked.name] = fault
    return found


# ------------------------------------------------------------------ what is shown


def _intro(verb: Verb, facts: RequestFacts) -> list[Element]:
    words = deciding.form_words(verb)
    intro = (
        deciding.disabled_first(facts.give_back_days) if verb is Verb.REVOKE and facts.give_back_days else words.intro
    )
    elements: list[Element] = [Paragraph(token_line(facts.token)), Paragraph([intro])]
    if verb is Verb.ATTEST and facts.becomes_owner:
        elements.append(Paragraph([deciding.confirm_ownership(names.token(facts.token)).text]))
    if verb is Verb.ATTEST and facts.restate:
        elements += [Paragraph([deciding.RESTATED]), _restated(facts)]
    return elements


def _restated(facts: RequestFacts) -> Element:
    token = facts.token
    unknown = "not recorded"
    return known(
        [
            ("Vendor", [names.supply(token) or unknown]),
            ("Purpose", [short(token.purpose, LONG_VALUE) or unknown]),
            ("Scopes", [short(token.scopes, LONG_VALUE) or unknown]),
            ("Environment, data", [names.exposure(token)]),
            ("Data", [short(token.data_scope, LONG_VALUE)]),
        ]
    )


def _fields(verb: Verb, facts: RequestFacts) -> list[Field]:
    words = deciding.form_words(verb)
    match verb:
        case Verb.ATTEST if facts.restate:
            still = ChoiceField("still_right", deciding.STILL_RIGHT, deciding.STILL_RIGHT_OPTIONS)
            return [still, _reason(verb, facts)]
        case Verb.DISOWN:
            owner = PersonField("new_owner", deciding.NEW_OWNER, required=False, hint=deciding.NEW_OWNER_HINT)
            return [owner, _note(words)]
        case Verb.REASSIGN:
            return [PersonField("new_owner", deciding.NEW_OWNER_NAMED), _reason(verb, facts)]
        case Verb.SNOOZE:
            return [_until(facts), _reason(verb, facts)]
        case Verb.ACCEPT | Verb.DECLINE | Verb.GIVE_BACK | Verb.APPROVE | Verb.RESUME | Verb.RETRY:
            return [_note(words)]
        case Verb.DONE:
            evidence = TextField("evidence", words.question, max_length=MOST_EVIDENCE, hint=words.hint)
            # A person's word is no confirmation; that comes from the issuing system alone.
            result = ChoiceField("result", deciding.RESULT, _results(facts), hint=deciding.RESULT_HINT)
            return [result, evidence]
        case _:
            return [_reason(verb, facts)]


def _reason(verb: Verb, facts: RequestFacts) -> TextField:
    words = deciding.form_words(verb)
    return TextField(
        "justification",
        words.question,
        multiline=True,
        required=verb in facts.reason_required or verb is Verb.CALL_OFF or (verb is Verb.ATTEST and facts.restate),
        max_length=MOST_REASON,
        hint=words.hint or deciding.NEVER_A_SECRET,
    )


def _note(words: deciding.FormWords) -> TextField:
    return TextField("justification", words.question, multiline=True, required=False, max_length=MOST_REASON)


def _until(facts: RequestFacts) -> DateField:
    first, last = (day(value) if value else "" for value in (facts.snooze_first, facts.snooze_last))
    hint = deciding.snooze_hint(first, last, facts.snoozes_left)
    return DateField("until", deciding.UNTIL, facts.snooze_last or facts.snooze_first, hint=hint)


def _results(facts: RequestFacts) -> tuple[tuple[str, str], ...]:
    rotates = facts.settled is not None and facts.settled.outcome == "rotate"
    return deciding.ROTATE_RESULTS if rotates else deciding.REVOKE_RESULTS


# ------------------------------------------------------------------ what is wrong


def _fault(asked: Field, value: str, facts: RequestFacts) -> str:
    if not value:
        return deciding.NEEDED if asked.required else ""
    match asked:
        case TextField() if len(value) > asked.max_length:
            return deciding.TOO_LONG.format(most=asked.max_length)
        case ChoiceField(name="still_right") if value == "no":
            return deciding.NOT_RIGHT
        case ChoiceField() if value not in {option for option, _ in asked.options}:
            return deciding.CHOOSE
        case DateField():
            return _date_fault(value, facts)
        case _:
            return ""


def _date_fault(value: str, facts: RequestFacts) -> str:
    try:
        chosen = date.fromisoformat(value)
    except ValueError:
        return deciding.NO_DATE
    if facts.snooze_first and chosen < facts.snooze_first:
        return deciding.TOO_EARLY.format(day=day(facts.snooze_first))
    if facts.snooze_last and chosen > facts.snooze_last:
        return deciding.TOO_LATE.format(day=day(facts.snooze_last))
    return ""
