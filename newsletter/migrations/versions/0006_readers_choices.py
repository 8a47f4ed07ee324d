"""What readers choose: sections of a newsletter, mail as text alone, and which edition a delivery gets.

Only columns are added, each with a value for the rows that are there, so that no table is written anew: the ledger may
hold hundreds of millions of rows.

Revision ID: 0006
Revises: 0005
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

CHOSEN = sa.text("topics <> ''")


def upgrade() -> None:
    op.add_column("subscription", sa.Column("topics", sa.String(1000), nullable=False, server_default=""))
    op.add_column("subscriber", sa.Column("format", sa.String(20), nullable=False, server_default="html"))
    op.add_column("delivery", sa.Column("edition_id", sa.Integer(), nullable=True))
    op.create_index(
        "ix_subscription_topics",
        "subscription",
        ["newsletter", "topics"],
        sqlite_where=CHOSEN,
        postgresql_where=CHOSEN,
    )


def downgrade() -> None:
    op.drop_index("ix_subscription_topics", "subscription")
    op.drop_column("delivery", "edition_id")
    op.drop_column("subscriber", "format")
    op.drop_column("subscription", "topics")
