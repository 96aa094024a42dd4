"""Every table, in one place. Importing a module below registers its tables; ``create_all`` makes them."""

from __future__ import annotations

from sqlmodel import SQLModel

import storage.ledger.log
from storage.database import Database


def create_all(database: Database) -> None:
    """Create the tables, indexes and triggers that are missing, in one transaction. Repeatable."""
    with database.engine.begin() as connection:
        SQLModel.metadata.create_all(connection)
        for statement in storage.ledger.log.ledger_triggers(connection.dialect.name):
            connection.exec_driver_sql(statement)
