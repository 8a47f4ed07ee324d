"""Which articles are named beside a pick is kept with the issue: it depends on all that the day told.

Issues from before name every other source of a pick's story that no rule kept out, up to three, as they find them.

Revision ID: 0017
Revises: 0016
"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("candidate", sa.Column("is_beside", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.execute(
        sa.text(
            "UPDATE candidate SET is_beside = true WHERE score > 0 AND story_id IN (SELECT story_id FROM pick)"
            " AND article_id NOT IN (SELECT article_id FROM pick WHERE pick.issue_id = candidate.issue_id)"
        )
    )


def downgrade() -> None:
    op.drop_column("candidate", "is_beside")
