"""The columns of the three kinds of file, as DESIGN names them, and how each cell is read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from bot.operations.import_inventory import cells
from bot.operations.import_inventory.cells import Convert
from bot.operations.import_inventory.report import Kind

OWNER_COLUMNS = ("service_owner", "business_owner", "backup_owner")
_UUID = r"(?i)[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}"
_CLOCKS_DIFFER = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Column:
    """A column of an inventory file."""

    name: str
    convert: Convert
    required: bool = False


def columns_of(kind: Kind, now: datetime) -> tuple[Column, ...]:
    """The columns of a kind; ``now`` bounds what can already have happened (a day is given for other clocks)."""
    if kind == "tokens":
        return _token_columns(now)
    return _PEOPLE if kind == "people" else _VENDORS


def _token_columns(now: datetime) -> tuple[Column, ...]:
    past = cells.Moment(now + _CLOCKS_DIFFER)
    return (
        Column("external_id", cells.Text(500), required=True),
        Column("issuing_system", cells.Text(100), required=True),
        Column("display_name", cells.Text(200)),
        Column("credential_type", cells.Text(100)),
        Column("vendor", cells.Text(200)),
        Column("purpose", _LONG),
        Column("environment", cells.choice("production", "staging", "development")),
        Column("data_classification", cells.choice("public", "internal", "confidential", "restricted")),
        Column("customer_data", cells.flag),
        Column("data_scope", _LONG),
        Column("scopes", _LONG),
        *(Column(name, cells.email) for name in OWNER_COLUMNS),
        Column("created_at", cells.moment),
        Column("expires_at", cells.moment),
        *(Column(name, past) for name in ("last_used_at", "last_rotated_at", "last_attested_at")),
        Column("rotation_method", _LONG),
        Column("revocation_path", _LONG),
        Column("secret_ref", cells.reference),
        Column("consumers", _LONG),
        Column("held_by", cells.choice("us", "vendor")),
        Column("expected_cidrs", cells.cidrs),
        Column("expected_countries", cells.countries),
        Column("expected_hours", cells.Text(200)),
        Column("tags", cells.tags),
        Column("notes", _LONG),
    )


_LONG = cells.Text(4_000, lines=True)

_PEOPLE = (
    Column("email", cells.email, required=True),
    Column("name", cells.Text(200)),
    Column("manager", cells.email),
    Column("timezone", cells.zone),
    Column("country", cells.country),
    Column("subdivision", cells.code(r"[A-Za-z0-9-]{1,10}", "BY or CA")),
    Column("workweek", cells.workweek),
    Column("active", cells.flag),
    Column("slack_team_id", cells.code(r"[A-Z0-9]{2,20}", "T0123ABCD")),
    Column("slack_user_id", cells.code(r"[A-Z0-9]{2,20}", "U0123ABCD")),
    Column("teams_tenant_id", cells.code(_UUID, "a UUID")),
    Column("aad_object_id", cells.code(_UUID, "a UUID")),
    Column("away_until", cells.moment),
    Column("delegate", cells.email),
)

_VENDORS = (
    Column("name", cells.Text(200), required=True),
    Column("parent", cells.Text(200)),
    Column("relationship_owner", cells.email),
    Column("contract_start", cells.day),
    Column("contract_end", cells.day),
    Column("status", cells.choice("active", "offboarding", "offboarded")),
)

#: Spellings that other inventories use, after :func:`header_key`. An exact name always wins over these.
ALIASES: dict[Kind, dict[str, str]] = {
    "tokens": {
        "system": "issuing_system",
        "issuer": "issuing_system",
        "token_id": "external_id",
        "type": "credential_type",
        "env": "environment",
        "classification": "data_classification",
        "owner": "service_owner",
        "technical_owner": "service_owner",
        "expires": "expires_at",
        "expiry": "expires_at",
        "created": "created_at",
        "last_used": "last_used_at",
        "last_rotated": "last_rotated_at",
        "last_attested": "last_attested_at",
    },
    "people": {
        "e_mail": "email",
        "mail": "email",
        "full_name": "name",
        "manager_email": "manager",
        "time_zone": "timezone",
        "delegate_email": "delegate",
    },
    "vendors": {
        "vendor": "name",
        "vendor_name": "name",
        "owner": "relationship_owner",
        "contract_starts": "contract_start",
        "contract_ends": "contract_end",
    },
}

NAMES: dict[Kind, tuple[str, ...]] = {
    kind: tuple(column.name for column in columns_of(kind, datetime(2000, 1, 1, tzinfo=UTC)))
    for kind in ("people", "vendors", "tokens")
}
REQUIRED: dict[Kind, tuple[str, ...]] = {
    "tokens": ("external_id", "issuing_system"),
    "people": ("email",),
    "vendors": ("name",),
}


def header_key(written: str) -> str:
    """A column name as it is compared: ``Issuing System`` and ``issuing-system`` are ``issuing_system``."""
    return "_".join(written.strip().lower().replace("-", " ").replace("_", " ").split())


@dataclass(frozen=True, slots=True)
class Header:
    """A file's columns, understood."""

    kind: Kind
    positions: dict[str, int]
    """Our column name to its place in the row."""
    unknown: tuple[str, ...]
    """Columns of the file that mean nothing to us, as written."""


class HeaderError(ValueError):
    """The columns do not make sense; the text says what to do."""


def understand(written: Sequence[str], kind: Kind | None = None) -> Header:
    """Find out what kind of rows these columns hold, or check that they fit ``kind``.

    Raises:
        HeaderError: when no kind fits, or a required column is missing.
    """
    keys = [header_key(name) for name in written]
    kinds: tuple[Kind, ...] = (kind,) if kind else ("tokens", "people", "vendors")
    found = [(one, _positions(one, keys)) for one in kinds]
    for one, positions in found:
        if all(name in positions for name in REQUIRED[one]):
            unknown = [name for i, name in enumerate(written) if i not in positions.values()]
            return Header(one, positions, tuple(unknown))
    nearest, positions = max(found, key=lambda pair: len(pair[1]))
    missing = " and ".join(name for name in REQUIRED[nearest] if name not in positions)
    if not positions or (kind is None and len(positions) < 2):
        raise HeaderError(
            "these columns are neither those of tokens (external_id, issuing_system, …) nor of people (email, …) "
            "nor of vendors (name, …)"
        )
    raise HeaderError(f"this looks like a file of {nearest}, but the column {missing} is missing")


def _positions(kind: Kind, keys: Sequence[str]) -> dict[str, int]:
    names, aliases = NAMES[kind], ALIASES[kind]
    positions = {key: i for i, key in enumerate(keys) if key in names}
    for i, key in enumerate(keys):
        ours = aliases.get(key)
        if ours is not None and ours not in positions:
            positions[ours] = i
    return positions
