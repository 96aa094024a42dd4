"""One file per kind of message: facts in, a view out.

``KINDS`` lists the kinds that the outbox names; the names stay for ever, since rows that wait carry them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from messages.cards.ask import ask
from messages.cards.checkpoint import checkpoint
from messages.cards.emergency import emergency
from messages.cards.offboarding import offboarding
from messages.cards.replaced import replaced
from messages.cards.trouble import trouble
from messages.view import View

KINDS: Mapping[str, Callable[..., View]] = MappingProxyType(
    {
        "ask": ask,
        "checkpoint": checkpoint,
        "emergency": emergency,
        "offboarding": offboarding,
        "replaced": replaced,
        "trouble": trouble,
    }
)
"""``ask`` takes `DigestFacts`, ``checkpoint`` a signed note and its size, ``emergency`` `EmergencyFacts`,
``offboarding`` `OffboardingFacts`, ``replaced`` nothing, ``trouble`` its kind, how many it is about and what."""
