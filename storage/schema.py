"""Every table, in one place. Importing a module below registers its tables; ``create_all`` makes them."""

from __future__ import annotations

from sqlmodel import SQLModel

import storage.emergency
import storage.inventory
import storage.ledger.tables
import storage.outbox
import storage.people
import storage.remediation
import storage.requests
import storage.shared_use
from storage.database import Database
from storage.search_index import search_ddl


def create_all(database: Database) -> None:
    """Create the tables, indexes and triggers that are missing, in one transaction. Repeatable."""
    with database.engine.begin() as connection:
        SQLModel.metadata.create_all(connection)
        for statement in storage.ledger.tables.ledger_triggers(connection.dialect.name):
            connection.exec_driver_sql(statement)
        for statement in search_ddl(connection.dialect.name):
            connection.exec_driver_sql(statement)
