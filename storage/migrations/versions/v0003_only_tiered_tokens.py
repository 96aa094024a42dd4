"""Tokens that no tier has been worked out for stay out of the indexes by tier.

An import gives its tokens no tier, the next sweep does: each of a million tokens went into three indexes only to be
taken out of them again.
"""

from __future__ import annotations

from alembic import op
from sqlalchemy import text

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    tiered = text("state = 'active' AND tier <> ''")
    for name, column in (
        ("ix_token_tier_attested", "last_attested_at"),
        ("ix_token_tier_expires", "expires_at"),
        ("ix_token_tier_idle", text("coalesce(last_used_at, created_at)")),
    ):
        op.drop_index(name, "token")
        op.create_index(name, "token", ["tier", column], sqlite_where=tiered, postgresql_where=tiered)
