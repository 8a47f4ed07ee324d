"""Editors' pins and bans, points by part, and picks that go on with a story of an earlier issue.

Revision ID: 0005
Revises: 0004
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "editor_wish",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("newsletter", sa.String(40), nullable=False),
        sa.Column("issue_date", sa.Date(), nullable=False),
        sa.Column("article_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=True),
        sa.Column("who", sa.String(100), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["article_id"], ["article.id"], name=op.f("fk_editor_wish_article_id_article")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_editor_wish")),
        sa.UniqueConstraint(
            "newsletter", "issue_date", "article_id", name=op.f("uq_editor_wish_newsletter_issue_date_article_id")
        ),
    )
    with op.batch_alter_table("candidate", schema=None) as batch_op:
        batch_op.add_column(sa.Column("points", sa.JSON(), nullable=False, server_default="{}"))
    with op.batch_alter_table("pick", schema=None) as batch_op:
        batch_op.add_column(sa.Column("is_update", sa.Boolean(), nullable=False, server_default=sa.false()))


def downgrade() -> None:
    with op.batch_alter_table("pick", schema=None) as batch_op:
        batch_op.drop_column("is_update")
    with op.batch_alter_table("candidate", schema=None) as batch_op:
        batch_op.drop_column("points")
    op.drop_table("editor_wish")
