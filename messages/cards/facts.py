"""What the cards are told: plain values, already looked up, so that a card needs nothing but its words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from messages.action_ref import Verb
from messages.cards.shared_facts import SharedUse as SharedUse
from messages.cards.work_facts import WorkFacts as WorkFacts


@dataclass(frozen=True)
class TokenFacts:
    """A token as a reader sees it. Empty strings and None: not known."""

    token_id: int
    name: str
    issuing_system: str
    external_id: str
    vendor: str = ""
    vendor_chain: Sequence[str] = ()
    """The vendor's parents, nearest first."""
    contract_ends_on: date | None = None
    vendor_status: str = ""
    purpose: str = ""
    environment: str = ""
    data_classification: str = ""
    customer_data: bool | None = None
    data_scope: str = ""
    scopes: str = ""
    created_at: datetime | None = None
    expires_at: datetime | None = None
    last_used_at: datetime | None = None
    last_rotated_at: datetime | None = None
    last_attested_at: datetime | None = None
    held_by: str = ""
    revocation_path: str = ""
    rotation_method: str = ""
    tier: str = ""
    state: str = "active"
    vanished: bool = False
    owners: Sequence[tuple[str, str]] = ()
    """(role, person's name) of those in office now, service owner first."""
    emergencies: Sequence[tuple[str, datetime]] = ()
    """(name, until when) of those who may use it for an emergency now."""
    owner_hint: str = ""
    """Who may own it, as its issuing system hints: a name, or its own words. Empty: no hint, or it has an owner."""


@dataclass(frozen=True)
class Settled:
    """How a request ended, or what was decided and is still being carried out."""

    outcome: str
    """A decision kind, ``no_response`` (default action) or ``withdrawn``."""
    by: str
    """The person's name; empty: the policy."""
    role: str
    at: datetime
    platform: str = ""
    result: str = ""
    """Of the work a rotate or revoke opened: empty while it is open; ``confirmed``, ``accepted_unverified``, ``failed``
    or ``called_off``."""
    proof: str = ""
    """By what a connector saw the end: ``relist``, ``introspect`` or ``probe``; empty: by nothing, or by a person."""
    system: str = ""
    """The issuing system, where a connector carried the work out; empty: a person did."""
    detail: str = ""
    """Why nothing more is known of the result, for an operator."""


@dataclass(frozen=True)
class RequestFacts:
    """A request as one reader sees it."""

    request_id: int
    version: int
    state: str
    token: TokenFacts
    reasons: Sequence[str]
    tier: str
    risk: int
    opened_at: datetime
    due_at: datetime
    why: str
    """Why it reached this reader: ``owner``, ``reminder``, ``backup_owner``, ``vendor_relationship_owner``,
    ``manager``, ``security``, ``business_owner``, ``handover``, ``delegate`` …"""
    overdue: bool = False
    """``due_at`` had passed when this was put together."""
    why_name: str = ""
    """Whom the reader stands in for or follows (the owner's name), where that matters."""
    why_until: datetime | None = None
    """Until when that person is away; None: they are not, or nobody knows."""
    unreachable: Sequence[tuple[str, str]] = ()
    """(rung, why) of those who could not be asked before: ``owner``/``left`` …"""
    asked_before: Sequence[tuple[str, datetime]] = ()
    """(name, when) of those who were asked and have not answered."""
    next_name: str = ""
    """Who is told next; empty: nobody."""
    next_role: str = ""
    next_at: datetime | None = None
    default_action: str = "none"
    """What happens at the end of the ladder."""
    default_at: datetime | None = None
    offered: Sequence[Verb] = ()
    """What this reader may decide, in the order to show it."""
    needs_form: frozenset[Verb] = frozenset()
    """Those of ``offered`` that ask something first."""
    becomes_owner: bool = False
    """True: whoever attests becomes the service owner, since there is none."""
    proposed_by: str = ""
    """In a handover: who named this reader."""
    proposed_to: str = ""
    """In a handover: who was named."""
    handover_note: str = ""
    settled: Settled | None = None
    instructions: str = ""
    """For the work a decision opened: how it is carried out."""
    use: SharedUse | None = None
    """Of a token that several people use: what each of them says."""
    work: WorkFacts | None = None
    """The connector's part in it; None: a person does it by hand."""
    assignee: str = ""
    give_back_days: int = 0
    """For so long a revoked one is only disabled, and can be given back; 0: its end is final at once."""
    restate: bool = False
    """Attesting shows vendor, purpose and scope again and wants them confirmed."""
    reason_required: frozenset[Verb] = frozenset()
    """The decisions that need a written reason; for the others a form asks for one and takes none."""
    snooze_first: date | None = None
    """The earliest day a snooze may last to."""
    snooze_last: date | None = None
    """The latest."""
    snoozes_left: int | None = None
    """How often it may still be snoozed; None: not limited."""
    zone: str = "UTC"
    """The reader's zone."""


@dataclass(frozen=True)
class DigestFacts:
    """Everything that waits for one reader, most at risk first."""

    name: str
    requests: Sequence[RequestFacts]
    more: int = 0
    """How many further requests wait beside those shown."""
    zone: str = "UTC"


@dataclass(frozen=True)
class HistoryLine:
    """One accountability record in words."""

    seq: int
    at: datetime
    kind: str
    """Name of the record kind, as in ``storage/ledger/record.py``."""
    actor: str
    role: str
    outcome: str
    """The decision kind, rung or result the record is about."""
    reason: str = ""
    subject: str = ""
    """The person who was asked, proposed or made owner."""
    written: str = ""
    """What somebody wrote about it beside the reason: the evidence of work done. Of a change at a vendor: which one."""
    stands_in_for: str = ""
    """In whose place the subject was asked."""
    epoch: int = 0
    request: int | None = None
    """The request that the record belongs to."""
    effective_at: datetime | None = None
    """When it took effect, where that was before it was recorded."""
    source: str = ""
    """Where the actor's role comes from: ``inventory``, ``vendor``, ``directory`` or ``policy``."""
    policy: str = ""
    """The policy's name and version."""
    rule: str = ""
    """The line of the policy that gave the authority: ``authority.revoke``."""
    delegated_from: str = ""
    """Whose authority the actor used, as their delegate."""
    counts: Sequence[tuple[str, int]] = ()
    """What an import came to: ``files``, ``new``, ``changed``, ``unchanged``, ``vanished``, ``rejected``; what a plan
    over many tokens came to: ``tokens``, ``confirmed``, ``accepted_unverified``, ``failed``, ``by_hand`` …"""
    said: Sequence[tuple[str, str]] = ()
    """What else the record says, by name: of work at an issuing system ``work``, ``system``, ``fault``, ``proof``,
    ``issuer_request_id``; of a plan ``plan`` and ``subject``; of an emergency ``until`` (ISO 8601)."""


@dataclass(frozen=True)
class ProvenRecord:
    """A record, and until when at the latest it was written.

    Who owns the database also owns the clock of ``signed_at``; ``kept_at`` is somebody else's.
    """

    epoch: int
    seq: int
    recorded_at: datetime
    signed_size: int | None = None
    """Size of the first signed checkpoint over it; None: not signed yet."""
    signed_at: datetime | None = None
    kept_kind: str = ""
    """Who dated a checkpoint over it first: ``tsa`` or ``witness``; empty: nobody yet."""
    kept_by: str = ""
    """Its address."""
    kept_at: datetime | None = None


@dataclass(frozen=True)
class LaterFact:
    """What is known today about the moment, and was written down only after it."""

    what: str
    """``contract``, or a role."""
    said: str
    """The state of the contract, or a name."""
    recorded_at: datetime
    ends_on: date | None = None


@dataclass(frozen=True)
class AccountableFacts:
    """Who was accountable for a token at a moment, and what had happened by then."""

    token: TokenFacts
    at: datetime
    roles: Sequence[tuple[str, str, datetime | None]]
    """(role, name or empty for nobody, since when)."""
    vendor: str
    vendor_owner: str
    contract: str
    """``active``, ``ended``, ``open_ended`` or ``unknown``, as it was believed at the moment."""
    contract_ends_on: date | None
    asked: Sequence[HistoryLine]
    """What was on record by that moment, oldest first."""
    could_remove: Sequence[tuple[str, str]]
    """(role, name) of those who could have removed the access."""
    first_known_at: datetime | None = None
    """When the token was first imported."""
    first_record: int | None = None
    last_record: int | None = None
    zone: str = "UTC"
    vendor_owner_since: datetime | None = None
    contract_starts_on: date | None = None
    policy: str = ""
    """The policy of that moment, which says who could have removed it; empty: today's, no older one is known."""
    later: Sequence[HistoryLine] = ()
    """Records of what was so by that moment, written down after it."""
    later_facts: Sequence[LaterFact] = ()
    proofs: Sequence[ProvenRecord] = ()
    """One for each record behind ``asked``, in order."""
    emergencies: Sequence[tuple[str, datetime]] = ()
    """(name, until when) of those who might use it for an emergency at that moment."""
    users: Sequence[tuple[str, str]] = ()
    """(name, answer) of the users of a shared token, to the newest request about it by that moment; the answers are
    those of :attr:`SharedUse.users`."""


@dataclass(frozen=True)
class Tenure:
    """Somebody in a role over ``[since, until)``, or a contract in force."""

    role: str
    """A role, or ``contract``."""
    name: str
    """Who; of a contract: nothing."""
    since: datetime
    until: datetime | None = None
    """None: still so."""


@dataclass(frozen=True)
class Story:
    """The answer with everything around it that its picture shows."""

    answer: AccountableFacts
    tenures: Sequence[Tenure]
    afterwards: Sequence[HistoryLine]
    """What took effect only after the moment, oldest first."""
    as_of: datetime
    """When this was looked up."""


@dataclass(frozen=True)
class VendorFacts:
    name: str
    chain: Sequence[str]
    children: Sequence[str]
    status: str
    relationship_owner: str
    contract_starts_on: date | None
    contract_ends_on: date | None
    tokens: Sequence[TokenFacts]
    more: int = 0
    token_count: int = 0
    zone: str = "UTC"
    vendor_id: int = 0
    offered: Sequence[Verb] = ()
    """``OFFBOARD`` where this reader may propose to end all its access."""


@dataclass(frozen=True)
class PlanToken:
    """One token of a plan that ends many."""

    name: str
    system: str
    owner: str
    state: str
    """``confirmed``, ``accepted_unverified``, ``called_off``, ``failed`` (a person has to look), ``by_hand`` (a person
    does it), ``running`` (under way), ``waiting`` (not begun) or ``gone`` (it was revoked before)."""
    stage: str = ""
    fault: str = ""
    fault_detail: str = ""
    environment: str = ""
    last_used_at: datetime | None = None
    by_itself: bool = False
    """Whether a connector can end it; else a person is asked to."""


@dataclass(frozen=True)
class OffboardingFacts:
    """A plan to end everything that a vendor and its children hold, or that carries a tag or serves a consumer."""

    plan_id: int
    """0: only looked at, not proposed."""
    version: int
    kind: str
    """``vendor``, ``tag`` or ``consumer``."""
    subject: str
    state: str
    """``draft`` (only looked at), ``proposed``, ``running``, ``ended`` or ``called_off``."""
    cause: str
    """``asked``, ``contract_ended`` or ``status``."""
    tokens: Sequence[PlanToken]
    """At most fifty, those that somebody has to look at first."""
    counts: dict[str, int]
    """By :attr:`PlanToken.state`."""
    systems: Sequence[tuple[str, int, bool]]
    """(issuing system, tokens there, whether a connector can end them), most tokens first."""
    total: int = 0
    production: int = 0
    """How many of them are in production, or nobody knows."""
    used_lately: int = 0
    """How many were used in the last thirty days."""
    children: Sequence[str] = ()
    """The vendors that come through this one and are part of it."""
    vendor_id: int = 0
    requested_by: str = ""
    """Empty: the contract's end, or the vendor's status."""
    requested_at: datetime | None = None
    approved_by: str = ""
    approved_at: datetime | None = None
    begins_at: datetime | None = None
    contract_ends_on: date | None = None
    ended_at: datetime | None = None
    grace_days: int = 0
    act: bool = True
    """False: the policy lets Whose touch nothing, so that people are given all of it."""
    offered: Sequence[Verb] = ()
    zone: str = "UTC"


@dataclass(frozen=True)
class Refusal:
    """Why a click or command changed nothing, and what the reader can do about it."""

    code: str
    """``no_authority``, ``already_decided``, ``stale``, ``unknown_person``, ``inactive``, ``not_visible``,
    ``not_found``, ``not_offered``, ``invalid`` …"""
    token_name: str = ""
    who_can: Sequence[tuple[str, str]] = ()
    """(name, role)."""
    settled: Settled | None = None
    detail: str = ""
    zone: str = "UTC"
    nearest: Sequence[str] = field(default=())
