"""Links that are counted, where a newsletter wants it: each edition's list of them, and who followed which.

Issues from before have none: their mails hold straight links.

Revision ID: 0019
Revises: 0018
"""

import sqlalchemy as sa
from alembic import op

from subscribers.columns import UTCDateTime

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("edition", sa.Column("links", sa.JSON(), nullable=False, server_default="[]"))
    op.create_table(
        "click",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("subscriber_id", BIG_ID, nullable=False),
        sa.Column("newsletter", sa.String(40), nullable=False),
        sa.Column("issue", sa.Integer(), nullable=False),
        sa.Column("link", sa.Integer(), nullable=False),
        sa.Column("section", sa.String(300), nullable=False),
        sa.Column("at", UTCDateTime(), nullable=False),
        sa.Column("signs", sa.String(60), nullable=False),
        sa.ForeignKeyConstraint(
            ["subscriber_id"], ["subscriber.id"], name=op.f("fk_click_subscriber_id_subscriber"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_click")),
    )
    op.create_index("ix_click_reader", "click", ["subscriber_id", "issue"])
    op.create_index("ix_click_issue", "click", ["issue", "link"])
    op.create_index(op.f("ix_click_at"), "click", ["at"])


def downgrade() -> None:
    op.drop_table("click")
    op.drop_column("edition", "links")
