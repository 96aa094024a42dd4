"""What can be asked, with an example of each."""

from __future__ import annotations

from messages.view import Code, Element, Heading, Note, Paragraph, Row, View
from messages.wording import helping


def help_card(command: str = "/whose") -> View:
    """The forms of the command; ``command`` is what the platform calls it."""
    rows = [Row([Code(f"{command} {typed}"), f"\n{shows}"]) for typed, shows in helping.COMMANDS]
    elements: list[Element] = [Heading(helping.HEADING), Paragraph([helping.INTRO]), *rows, Note([helping.NO_SECRETS])]
    return View(f"{helping.HEADING}: {command} and the name of a token.", elements)
