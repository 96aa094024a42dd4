"""What rules and cards need to know of the connectors: which system one speaks to, and what it can do there."""

from __future__ import annotations

import logging

from bot.errors import SettingsError, UpstreamError
from bot.rules.issuing import Connector
from bot.wiring.issuers import Issuers

logger = logging.getLogger(__name__)


def connectors_of(issuers: Issuers) -> dict[str, Connector]:
    """By issuing system. One that cannot be made is left out, so that people do its work; `doctor` says why."""
    found = {}
    for system in issuers:
        try:
            issuer = issuers[system]
        except (SettingsError, UpstreamError) as error:
            logger.warning("%s has no connector that works: %s", system, error, extra={"system": system})
            continue
        found[system] = Connector(issuer.kind, issuer.capabilities)
    return found
