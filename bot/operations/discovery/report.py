"""What a look at the issuing systems has found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

What = Literal["new", "changed", "vanished", "back"]

MOST_SHOWN = 200
"""Findings of one system that a report names one by one; all are counted, and all are in the ledger."""


@dataclass(frozen=True)
class Found:
    """One token about which something is new."""

    what: What
    external_id: str
    name: str = ""
    fields: Sequence[str] = ()
    """Of one that changed: which of its columns, and ``state``."""


@dataclass(frozen=True)
class SystemReport:
    """What one issuing system showed. With a ``fault``, nothing about it was concluded, and nothing was written."""

    system: str
    fault: str = ""
    listed: int = 0
    new: int = 0
    changed: int = 0
    vanished: int = 0
    back: int = 0
    left_alone: int = 0
    """Being removed or rotated right now, or perhaps made by a rotation: looked at the next time."""
    refused: int = 0
    """Listed, and no entry of an inventory: its id cannot be one, or looks like a secret."""
    repeated: int = 0
    """Listed more than once."""
    still_usable: Sequence[str] = ()
    """Ids of tokens that were removed here, and can still be used there."""
    still_usable_count: int = 0
    found: Sequence[Found] = ()
    """The first :data:`MOST_SHOWN`: new ones, then changed, vanished, and back."""


@dataclass(frozen=True)
class DiscoveryReport:
    """One line a system, in the order in which they were looked at."""

    systems: Sequence[SystemReport] = field(default_factory=tuple)

    @property
    def failed(self) -> list[SystemReport]:
        return [one for one in self.systems if one.fault]

    @property
    def holds(self) -> bool:
        """Every system was read, and nothing that was removed can be used."""
        return not self.failed and not any(one.still_usable_count for one in self.systems)
