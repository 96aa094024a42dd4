"""Reads messages as the tests need them: their words, their buttons."""

from __future__ import annotations

from messages.action_ref import Verb
from messages.cards.ask import ask
from messages.cards.facts import DigestFacts, RequestFacts
from messages.plain_text import render
from messages.view import Button, Buttons, Row, View


def said(view: View, width: int = 400) -> str:
    return render(view, width, buttons=True)


def asked(*requests: RequestFacts, more: int = 0) -> View:
    return ask(DigestFacts("Ana Lima", requests, more))


def buttons(view: View) -> list[Button]:
    found: list[Button] = []
    for element in view.elements:
        if isinstance(element, Buttons):
            found += element.buttons
        elif isinstance(element, Row):
            found += [*([element.button] if element.button else []), *element.more]
    return found


def verbs(view: View) -> list[Verb]:
    return [button.action.verb for button in buttons(view)]
