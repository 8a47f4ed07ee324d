"""Indices that find people by the beginning of their name or address, in the order of the characters' numbers.

PostgreSQL's own order of text is a language's: what begins alike does not stand together in it.

Revision ID: 0011
Revises: 0010
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    named, none = sa.text("name <> ''"), sa.text("email_key IS NULL")
    op.create_index(
        "ix_subscriber_name_sorted", "subscriber", ["name", "id"],
        sqlite_where=named, postgresql_where=named, postgresql_ops={"name": "text_pattern_ops"},
    )  # fmt: skip
    op.create_index(
        "ix_subscriber_email_key_sorted", "subscriber", ["email_key"],
        sqlite_where=none, postgresql_ops={"email_key": "text_pattern_ops"},
    )  # fmt: skip


def downgrade() -> None:
    op.drop_index("ix_subscriber_email_key_sorted", table_name="subscriber")
    op.drop_index("ix_subscriber_name_sorted", table_name="subscriber")
