"""What the cards are told of work at issuing systems, and of plans over many tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class WorkFacts:
    """The part of a rotate or revoke that is carried out at the issuing system by itself."""

    kind: str
    """``revoke`` or ``rotate``."""
    stage: str
    """A stage of ``bot/rules/remediation.py``: ``planned``, ``notified``, ``approved``, ``delivered``, ``proven``,
    ``disabled``, ``observed``, ``deleted``, ``returning``, ``returned``, ``halted`` …"""
    system: str
    """The issuing system, by the inventory's name of it."""
    since: datetime
    """Since when it is at this stage."""
    goes_on_at: datetime | None = None
    """When the next move is made by itself; None: a person is waited for."""
    replaces: bool = False
    """Of a rotation: the credential stays and gets another secret, so that the old one is over at once."""
    disables_first: bool = False
    reversible: bool = False
    """While it is disabled it can be given back."""
    causes: Sequence[str] = ()
    """Why a second person has to agree: ``production``, ``irreversible``, and ``used`` (used since one agreed)."""
    requested_by: str = ""
    """Empty: the policy, since nobody answered."""
    reason: str = ""
    """Why whoever asked for it wants it, in their words; told to the second person."""
    approved_by: str = ""
    approved_at: datetime | None = None
    seen_at: datetime | None = None
    """When the issuing system was last looked at; None: not yet."""
    seen_state: str = ""
    last_used_at: datetime | None = None
    """As the issuing system says; None: never, or it does not say."""
    tells_use: bool = False
    """Whether the issuing system says when a credential was last used."""
    used_for: str = ""
    """Where or for what it was last used."""
    consumers: str = ""
    """What breaks without it, as the inventory has it."""
    fault: str = ""
    """Why it halted: ``ours``, ``rejected``, ``no_effect``, ``still_works``, ``enabled_elsewhere``, ``gone``,
    ``absent``, ``sink``, ``orphan``, ``canary``, ``conflict``, ``unreachable``, ``no_connector``; also ``cap`` and
    ``paused``, where it only waits, and ``dry_run``, where it was left to a person for that."""
    fault_detail: str = ""
    """What the issuing system or the sink said, for an operator."""
    old_id: str = ""
    new_id: str = ""
    grace_days: int = 0
    """How long it stays disabled before it is deleted."""
    whole_plan: str = ""
    """The vendor, tag or consumer whose whole plan this is part of; empty: of none."""
