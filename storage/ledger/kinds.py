"""What a record can be about. The numbers are part of every record for ever."""

from __future__ import annotations

from enum import IntEnum


class RecordKind(IntEnum):
    """What happened. The numbers are part of every record: append only, never reuse one."""

    REQUEST_OPENED = 1
    ASKED = 2  # a ladder step told somebody
    NO_RESPONSE = 3
    DECISION = 4
    REFUSED = 5  # somebody without authority tried
    OWNERSHIP_CHANGED = 6
    HANDOVER_PROPOSED = 7
    HANDOVER_ANSWERED = 8
    REMEDIATION_OPENED = 9
    REMEDIATION_RESULT = 10
    DEFAULT_ACTION = 11
    INVENTORY_IMPORTED = 12
    TOKEN_VANISHED = 13
    DELIVERY_FAILED = 14
    POLICY_CHANGED = 15
    REQUEST_WITHDRAWN = 16
    PERSON_LEFT = 17
    EPOCH_OPENED = 18  # the first record after a restore that lost records
    KEY_ROTATED = 19
    PERSON_ERASED = 20  # their disclosures were deleted
    PERSON_NAMED = 21  # whom a pseudonym stands for, in a disclosure, from now on
    DELIVERY_HANDLED = 22  # an operator had undelivered messages sent again, looked for or dropped
    PERSON_AWAY = 23  # an operator noted that somebody is away, and who stands in, or that they are back
    REMEDIATION_STEP = 24  # a removal or rotation moved on at the issuing system
    REMEDIATION_AGREED = 25  # somebody agreed to one, called it off, gave a token back, went on with it
    TOKEN_DISCOVERED = 26  # an issuing system showed a token that the inventory did not have, or no longer shows one
    OFFBOARDING = 27  # a plan to end all that a vendor holds: proposed, approved, called off, ended
    EMERGENCY_ACCESS = 28  # a time-boxed grant was opened, has ended, was reviewed
    USE_ANSWERED = 29  # one of several users of a shared token says whether they still need it
