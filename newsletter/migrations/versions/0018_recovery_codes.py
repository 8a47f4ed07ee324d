"""Codes on paper for editors whose phone is lost: hashes, each good once.

The secrets of the codes themselves are sealed from now on in the columns that they have; those from before are sealed
at their editor's next login, for a migration knows no key.

Revision ID: 0018
Revises: 0017
"""

import sqlalchemy as sa
from alembic import op

from subscribers.columns import UTCDateTime

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "recovery_code",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("editor_id", sa.Integer(), nullable=False),
        sa.Column("code_hash", sa.String(64), nullable=False),
        sa.Column("used_at", UTCDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["editor_id"], ["editor.id"], name=op.f("fk_recovery_code_editor_id_editor"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recovery_code")),
    )
    op.create_index(op.f("ix_recovery_code_editor_id"), "recovery_code", ["editor_id"])


def downgrade() -> None:
    op.drop_table("recovery_code")
