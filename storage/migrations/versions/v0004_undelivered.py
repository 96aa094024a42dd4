"""An index over the messages that could not be delivered: few among millions, and looked at by every scrape."""

from __future__ import annotations

from alembic import op
from sqlalchemy import text

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    dead = text("state = 'dead'")
    op.create_index("ix_outbox_dead", "outbox", ["done_at", "id"], sqlite_where=dead, postgresql_where=dead)
