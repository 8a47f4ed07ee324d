"""What became of closed issues, added up, and an index that finds one day's comings.

Figures over a year must not read a year's ledger; `Tally` holds the sums of issues of which nothing is open any more.

Revision ID: 0007
Revises: 0006
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "tally",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("issue_id", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("lane", sa.String(100), nullable=False),
        sa.Column("code", sa.Integer(), nullable=True),
        sa.Column("status", sa.String(12), nullable=False),
        sa.Column("why", sa.String(500), nullable=False),
        sa.Column("deliveries", sa.Integer(), nullable=False),
        sa.Column("retried", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["issue_id"], ["issue.id"], name=op.f("fk_tally_issue_id_issue"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tally")),
    )
    op.create_index(op.f("ix_tally_issue_id"), "tally", ["issue_id"])
    op.create_index("ix_consent_newsletter_at", "consent", ["newsletter", "at"])


def downgrade() -> None:
    op.drop_index("ix_consent_newsletter_at", table_name="consent")
    op.drop_index(op.f("ix_tally_issue_id"), table_name="tally")
    op.drop_table("tally")
