"""Everything that editors change in an issue, step by step; and the grouping that a change picks from again.

The pins and bans of `editor_wish` go over, each as a step of its own.

Revision ID: 0009
Revises: 0008
"""

import json

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "edit",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("newsletter", sa.String(40), nullable=False),
        sa.Column("issue_date", sa.Date(), nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("act", sa.String(20), nullable=False),
        sa.Column("article_id", sa.Integer(), nullable=True),
        sa.Column("field", sa.String(20), nullable=False),
        sa.Column("value", sa.JSON(), nullable=False),
        sa.Column("who", sa.String(100), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("undone_by", sa.String(100), nullable=False),
        sa.ForeignKeyConstraint(["article_id"], ["article.id"], name=op.f("fk_edit_article_id_article")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_edit")),
    )
    op.create_index("ix_edit_day", "edit", ["newsletter", "issue_date"])
    op.create_index(op.f("ix_edit_article_id"), "edit", ["article_id"])
    op.create_table(
        "grouping",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("issue_id", sa.Integer(), nullable=False),
        sa.Column("widened_days", sa.Integer(), nullable=False),
        sa.Column("stories", sa.JSON(), nullable=False),
        sa.Column("circles", sa.JSON(), nullable=False),
        sa.Column("called", sa.JSON(), nullable=False),
        sa.Column("outside", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["issue_id"], ["issue.id"], name=op.f("fk_grouping_issue_id_issue"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_grouping")),
        sa.UniqueConstraint("issue_id", "widened_days", name=op.f("uq_grouping_issue_id_widened_days")),
    )
    _bring_wishes_over()
    op.drop_table("editor_wish")


def downgrade() -> None:
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
    op.drop_table("grouping")
    op.drop_table("edit")


def _bring_wishes_over() -> None:
    connection = op.get_bind()
    rows = connection.execute(
        sa.text("SELECT newsletter, issue_date, article_id, position, who, at FROM editor_wish ORDER BY id")
    ).all()
    steps: dict[tuple[object, object], int] = {}
    insert = sa.text(
        "INSERT INTO edit (newsletter, issue_date, step, act, article_id, field, value, who, at, undone_by) "
        "VALUES (:newsletter, :issue_date, :step, :act, :article_id, :field, :value, :who, :at, '')"
    )
    for row in rows:
        day = (row.newsletter, row.issue_date)
        steps[day] = steps.get(day, 0) + 1
        pinned = row.position is not None
        values = {
            "newsletter": row.newsletter, "issue_date": row.issue_date, "step": steps[day],
            "act": "pinned" if pinned else "dropped", "article_id": row.article_id,
            "field": "place" if pinned else "out", "value": json.dumps(row.position if pinned else True),
            "who": row.who, "at": row.at,
        }  # fmt: skip
        connection.execute(insert, values)
