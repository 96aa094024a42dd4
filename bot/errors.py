"""Errors that a person gets to read. Each says what happened, where, and what to do next."""

from __future__ import annotations


class WhoseError(Exception):
    """Something the operator can mend. ``str(error)`` is for a person; no secret is ever in it."""

    exit_code = 2


class SettingsError(WhoseError):
    """A setting is missing or wrong; the text names it."""


class UpstreamError(WhoseError):
    """A platform or issuing system did not answer as it should."""


class NotFoundError(WhoseError):
    """The thing named is not in the inventory; the text names what is near."""

    exit_code = 1
