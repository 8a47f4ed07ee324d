"""Who comes in with an import shares its proof of consent with the others: one row for all, named by each subscription.

A row for each said the same words a million times, and was a third of an import's work and bytes. What stands there
already stays as it is.

Revision ID: 0025
Revises: 0024
"""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    number = sa.BigInteger().with_variant(sa.Integer, "sqlite")
    op.create_table(
        "group_consent",
        sa.Column("id", number, primary_key=True),
        sa.Column("newsletter", sa.String(40), nullable=False),
        sa.Column("wording", sa.String(1000), nullable=False),
        sa.Column("origin", sa.String(300), nullable=False),
        sa.Column("people", sa.Integer, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("ix_group_consent_newsletter_at", "group_consent", ["newsletter", "at"])
    op.add_column("subscription", sa.Column("group_consent_id", number, nullable=True))
    op.add_column("subscription", sa.Column("group_line", sa.Integer, nullable=True))


def downgrade() -> None:
    op.execute("ALTER TABLE subscription DROP COLUMN group_line")
    op.execute("ALTER TABLE subscription DROP COLUMN group_consent_id")
    op.drop_table("group_consent")
