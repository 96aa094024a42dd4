"""The tables of the main job, the search indexes and the triggers that keep the ledger append-only.

Kept as SQL, one file a database, as the models and their hand-written indexes and triggers had it at this
revision. Statements are separated by an empty line.
"""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    connection = op.get_bind()
    script = Path(__file__).with_suffix(f".{connection.dialect.name}.sql")
    for statement in script.read_text(encoding="utf-8").split("\n\n"):
        connection.exec_driver_sql(statement)
