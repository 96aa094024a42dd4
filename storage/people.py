"""People of the directory and where they can be reached in chat."""

from __future__ import annotations

import secrets
from datetime import datetime

from sqlalchemy import Column, ForeignKey, UniqueConstraint
from sqlmodel import Field, SQLModel

from storage.database import BigInt, UTCDateTime, table_of


def new_ref() -> str:
    """A random pseudonym: what the ledger knows a person by, so that erasing them changes no record."""
    return "p_" + secrets.token_hex(12)


class Person(SQLModel, table=True):
    """A human of the directory. ``email`` is kept in lower case and is how files name them."""

    __tablename__ = "person"

    id: int | None = Field(default=None, sa_column=Column(BigInt, primary_key=True))
    ref: str = Field(default_factory=new_ref, unique=True)
    email: str = Field(unique=True)
    name: str = ""
    manager_id: int | None = Field(
        default=None, sa_column=Column(BigInt, ForeignKey("person.id"), index=True, nullable=True)
    )
    timezone: str = ""
    """IANA zone; empty: not known, treated as UTC."""
    country: str = ""
    subdivision: str = ""
    workweek: str = ""
    """As imported (``mon-fri``); empty: the country's usual week."""
    active: bool = True
    left_at: datetime | None = Field(default=None, sa_column=Column(UTCDateTime, nullable=True))
    away_until: datetime | None = Field(default=None, sa_column=Column(UTCDateTime, nullable=True))
    delegate_id: int | None = Field(default=None, sa_column=Column(BigInt, ForeignKey("person.id"), nullable=True))
    by_mention: bool = False
    """True: known only because an inventory named this address; the people file has not told us more."""
    created_at: datetime = Field(sa_column=Column(UTCDateTime, nullable=False))
    updated_at: datetime = Field(sa_column=Column(UTCDateTime, nullable=False))

    @property
    def shown_name(self) -> str:
        """The name to show; the address where no name is known."""
        return self.name or self.email


class ChatIdentity(SQLModel, table=True):
    """Where a person can be reached: one row a platform and workspace (Teams: tenant)."""

    __tablename__ = "chat_identity"
    __table_args__ = (
        UniqueConstraint("platform", "workspace", "user_id"),
        UniqueConstraint("person_id", "platform", "workspace"),
    )

    id: int | None = Field(default=None, sa_column=Column(BigInt, primary_key=True))
    person_id: int = Field(sa_column=Column(BigInt, ForeignKey("person.id"), nullable=False))
    platform: str
    """``slack`` or ``teams``."""
    workspace: str = ""
    """Team or tenant id; empty: the only one there is."""
    user_id: str
    deactivated: bool = False
    """True: the platform says that the account is closed; nothing is sent there."""
    dm_channel: str = ""
    """The direct-message channel once it is known."""


PERSON, CHAT_IDENTITY = table_of(Person), table_of(ChatIdentity)
