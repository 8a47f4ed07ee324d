"""The ledger names its issue without a foreign key: PostgreSQL looked up each, and a draw took twice as long.

Issues are never deleted, and a row's issue is the one that is being drawn in the same transaction.

Revision ID: 0015
Revises: 0014
"""

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

NAME = "fk_delivery_issue_id_issue"


def upgrade() -> None:
    with op.batch_alter_table("delivery") as batch:
        batch.drop_constraint(NAME, type_="foreignkey")


def downgrade() -> None:
    with op.batch_alter_table("delivery") as batch:
        batch.create_foreign_key(NAME, "issue", ["issue_id"], ["id"])
