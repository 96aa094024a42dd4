"""An index over the few records that are about the log itself or about who is who, which every bundle looks for."""

from __future__ import annotations

from alembic import op
from sqlalchemy import text

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    only = text("kind IN (18, 19, 20, 21)")
    columns = ["kind", "epoch", "seq"]
    op.create_index("ledger_leaf_of_the_log", "ledger_leaf", columns, sqlite_where=only, postgresql_where=only)
