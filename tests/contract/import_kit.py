"""Helpers for the tests of ``whose import``: files from text, one call, rows as plain dictionaries."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Table, select

from bot.operations.import_inventory import ColumnMapping, ImportReport, import_inventory
from storage.database import Database, table_of
from storage.inventory import OWNERSHIP, TOKEN, VENDOR, Contract
from storage.ledger.log import leaves
from storage.people import PERSON

NOW = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
CONTRACT = table_of(Contract)


class Importer:
    """Imports texts as files, into one database."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.database, self.folder = database, folder

    def file(self, name: str, content: str | bytes) -> Path:
        path = self.folder / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def __call__(
        self,
        files: Mapping[str, str | bytes] | Sequence[Path],
        *,
        now: datetime = NOW,
        partial: bool = False,
        dry_run: bool = False,
        mapping: ColumnMapping | None = None,
    ) -> ImportReport:
        paths = [self.file(*one) for one in files.items()] if isinstance(files, Mapping) else files
        return import_inventory(
            self.database, paths, now=now, clock=lambda: now, partial=partial, dry_run=dry_run, mapping=mapping
        )

    def rows(self, table: Table) -> list[dict[str, Any]]:
        with self.database.read() as session:
            return [dict(row) for row in session.connection().execute(select(table).order_by(table.c.id)).mappings()]

    def token(self, external_id: str) -> dict[str, Any]:
        return next(row for row in self.rows(TOKEN) if row["external_id"] == external_id)

    def person(self, email: str) -> dict[str, Any]:
        return next(row for row in self.rows(PERSON) if row["email"] == email)

    def vendor(self, name: str) -> dict[str, Any]:
        return next(row for row in self.rows(VENDOR) if row["name"] == name)

    def owners(self, external_id: str) -> list[tuple[str, str, datetime, datetime | None]]:
        """Role, address, from, to of every ownership row of a token, oldest first."""
        emails = {row["id"]: row["email"] for row in self.rows(PERSON)}
        token_id = self.token(external_id)["id"]
        return [
            (row["role"], emails[row["person_id"]], row["from_at"], row["to_at"])
            for row in self.rows(OWNERSHIP)
            if row["token_id"] == token_id
        ]

    def records(self) -> list[dict[str, Any]]:
        """Every ledger record, with its disclosures."""
        with self.database.read() as session:
            return [{**json.loads(one.body), "disclosed": one.disclosures} for one in leaves(session)]


def said(report: ImportReport) -> str:
    """Everything that a report says, as one text."""
    return "\n".join([*map(str, report.problems), *report.warnings, *map(str, report.files), *map(str, report.diff)])
