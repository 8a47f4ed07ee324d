"""What the words of a day tell, kept with its grouping: a change by editors chooses by the same words as the draft.

A grouping from before has none, and is chosen from by the day's own articles alone.

Revision ID: 0020
Revises: 0019
"""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("grouping", sa.Column("words", sa.JSON(), nullable=True))


def downgrade() -> None:
    op.drop_column("grouping", "words")
