"""What an article said before it was changed: its headline, id, address and date.

Revision ID: 0002
Revises: 0001
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "article_change",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("article_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("field", sa.String(20), nullable=False),
        sa.Column("before", sa.String(2000), nullable=False),
        sa.ForeignKeyConstraint(
            ["article_id"], ["article.id"], name=op.f("fk_article_change_article_id_article"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_article_change")),
    )
    with op.batch_alter_table("article_change", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_article_change_article_id"), ["article_id"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("article_change", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_article_change_article_id"))

    op.drop_table("article_change")
