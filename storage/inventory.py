"""Tokens, vendors, contracts and who owns what since when.

Only metadata: the secret itself never enters. Ownership rows are intervals ``[from_at, to_at)``; they are
closed, never deleted.
"""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import Column, ForeignKey, Index, Text, UniqueConstraint, func, text
from sqlmodel import Field, SQLModel

from storage.database import BigInt, UTCDateTime, table_of

#: Roles that an ownership row may carry.
OWNERSHIP_ROLES = ("service_owner", "business_owner", "backup_owner")


class Vendor(SQLModel, table=True):
    """The third party that holds or uses tokens. A reseller's customer names the reseller as parent."""

    __tablename__ = "vendor"

    id: int | None = Field(default=None, sa_column=Column(BigInt, primary_key=True))
    name: str
    name_key: str = Field(unique=True)
    """``name`` case-folded with single spaces: two spellings of one vendor are one vendor."""
    parent_id: int | None = Field(
        default=None, sa_column=Column(BigInt, ForeignKey("vendor.id"), index=True, nullable=True)
    )
    relationship_owner_id: int | None = Field(
        default=None, sa_column=Column(BigInt, ForeignKey("person.id"), index=True, nullable=True)
    )
    status: str = "active"
    """``active``, ``offboarding`` or ``offboarded``."""
    contract_ends_at: datetime | None = Field(default=None, sa_column=Column(UTCDateTime, nullable=True))
    """The first moment after the contract in force (own, else the nearest parent's): kept by
    :func:`storage.vendors.refresh_contract_ends`."""
    by_mention: bool = False
    """True: known only because a token named it."""
    created_at: datetime = Field(sa_column=Column(UTCDateTime, nullable=False))
    updated_at: datetime = Field(sa_column=Column(UTCDateTime, nullable=False))


class Contract(SQLModel, table=True):
    """A vendor's contract over ``[starts_on, ends_on]``, both days included; open ended without ``ends_on``."""

    __tablename__ = "contract"

    id: int | None = Field(default=None, sa_column=Column(BigInt, primary_key=True))
    vendor_id: int = Field(sa_column=Column(BigInt, ForeignKey("vendor.id"), nullable=False, index=True))
    starts_on: date | None = None
    ends_on: date | None = None
    recorded_at: datetime = Field(sa_column=Column(UTCDateTime, nullable=False))
    replaced_at: datetime | None = Field(default=None, sa_column=Column(UTCDateTime, nullable=True))
    """When a later import said otherwise; null: what we believe now."""


class Token(SQLModel, table=True):
    """An inventory entry for a third-party or non-human credential. Identity: issuing system + external id."""

    __tablename__ = "token"
    __table_args__ = (UniqueConstraint("issuing_system", "external_id"),)

    id: int | None = Field(default=None, sa_column=Column(BigInt, primary_key=True))
    issuing_system: str
    external_id: str
    display_name: str = ""
    credential_type: str = ""
    vendor_id: int | None = Field(default=None, sa_column=Column(BigInt, ForeignKey("vendor.id"), nullable=True))
    purpose: str = Field(default="", sa_type=Text)
    environment: str = ""
    """``production``, ``staging``, ``development`` or empty."""
    data_classification: str = ""
    """``public``, ``internal``, ``confidential``, ``restricted`` or empty."""
    customer_data: bool | None = None
    data_scope: str = Field(default="", sa_type=Text)
    scopes: str = Field(default="", sa_type=Text)
    created_at: datetime | None = Field(default=None, sa_column=Column(UTCDateTime, nullable=True))
    """When the issuing system made it."""
    expires_at: datetime | None = Field(default=None, sa_column=Column(UTCDateTime, nullable=True))
    last_used_at: datetime | None = Field(default=None, sa_column=Column(UTCDateTime, nullable=True))
    last_rotated_at: datetime | None = Field(default=None, sa_column=Column(UTCDateTime, nullable=True))
    last_attested_at: datetime | None = Field(default=None, sa_column=Column(UTCDateTime, nullable=True))
    rotation_method: str = Field(default="", sa_type=Text)
    revocation_path: str = Field(default="", sa_type=Text)
    secret_ref: str = ""
    """Where the secret lives (``env:``, ``file:``, ``vault:`` …); a reference, never the value."""
    consumers: str = Field(default="", sa_type=Text)
    held_by: str = ""
    """``us``, ``vendor`` or empty."""
    expected_cidrs: str = ""
    expected_countries: str = ""
    expected_hours: str = ""
    tags: str = ""
    """Lower case between commas, ``,crm,eu,``; empty: none. So that one LIKE finds a whole tag."""
    notes: str = Field(default="", sa_type=Text)
    # What follows is ours, not the inventory file's.
    service_owner_id: int | None = Field(default=None, sa_column=Column(BigInt, ForeignKey("person.id"), nullable=True))
    """The open ``service_owner`` row's person, repeated here so that a sweep need not join; written only by
    :func:`storage.owners.assign` and the import."""
    state: str = "active"
    """``active`` or ``revoked``. A vanished token stays active: it is still asked about."""
    tier: str = ""
    """The policy's tier by name; empty: not tiered since the token or the policy changed."""
    vanished_at: datetime | None = Field(default=None, sa_column=Column(UTCDateTime, nullable=True))
    """Since when the newest import of its issuing system has not named it."""
    recorded_at: datetime = Field(sa_column=Column(UTCDateTime, nullable=False))
    updated_at: datetime = Field(sa_column=Column(UTCDateTime, nullable=False))

    @property
    def shown_name(self) -> str:
        """The name to show; the external id where there is none."""
        return self.display_name or self.external_id

    @property
    def tag_list(self) -> list[str]:
        """``tags`` as a list."""
        return [tag for tag in self.tags.split(",") if tag]


class Ownership(SQLModel, table=True):
    """A person in a role for a token over ``[from_at, to_at)``; one open row a token and role."""

    __tablename__ = "ownership"

    id: int | None = Field(default=None, sa_column=Column(BigInt, primary_key=True))
    token_id: int = Field(sa_column=Column(BigInt, ForeignKey("token.id"), nullable=False))
    person_id: int = Field(sa_column=Column(BigInt, ForeignKey("person.id"), nullable=False))
    role: str
    from_at: datetime = Field(sa_column=Column(UTCDateTime, nullable=False))
    to_at: datetime | None = Field(default=None, sa_column=Column(UTCDateTime, nullable=True))
    source: str = "import"
    """``import`` or ``decision``: what made it so."""


class VendorRelationship(SQLModel, table=True):
    """Who was a vendor's relationship owner over ``[from_at, to_at)``; closed, never deleted."""

    __tablename__ = "vendor_relationship"

    id: int | None = Field(default=None, sa_column=Column(BigInt, primary_key=True))
    vendor_id: int = Field(sa_column=Column(BigInt, ForeignKey("vendor.id"), nullable=False, index=True))
    person_id: int = Field(sa_column=Column(BigInt, ForeignKey("person.id"), nullable=False))
    from_at: datetime = Field(sa_column=Column(UTCDateTime, nullable=False))
    to_at: datetime | None = Field(default=None, sa_column=Column(UTCDateTime, nullable=True))


TOKEN, OWNERSHIP, VENDOR = table_of(Token), table_of(Ownership), table_of(Vendor)

_ACTIVE = text("state = 'active'")
_TIERED = text("state = 'active' AND tier <> ''")
_CURRENT = text("to_at IS NULL")

# One index a reason, each over the active tokens only: the sweep is a UNION over these.
for _name, _columns, _where in (
    ("ix_token_tier_attested", (TOKEN.c.tier, TOKEN.c.last_attested_at), _TIERED),
    ("ix_token_tier_expires", (TOKEN.c.tier, TOKEN.c.expires_at), _TIERED),
    ("ix_token_tier_idle", (TOKEN.c.tier, func.coalesce(TOKEN.c.last_used_at, TOKEN.c.created_at)), _TIERED),
    ("ix_token_owner", (TOKEN.c.service_owner_id,), _ACTIVE),
):
    Index(_name, *_columns, postgresql_where=_where, sqlite_where=_where)

Index("ix_token_vendor_expires", TOKEN.c.vendor_id, TOKEN.c.expires_at)
Index(
    "ux_ownership_current",
    OWNERSHIP.c.token_id,
    OWNERSHIP.c.role,
    unique=True,
    postgresql_where=_CURRENT,
    sqlite_where=_CURRENT,
)
Index(
    "ix_ownership_person",
    OWNERSHIP.c.person_id,
    postgresql_where=_CURRENT,
    sqlite_where=_CURRENT,
)
