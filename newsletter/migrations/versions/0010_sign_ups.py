"""What forms took in waits in a table, so that the answer to a sign-up needs no look at who is known.

Revision ID: 0010
Revises: 0009
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "sign_up",
        sa.Column("id", BIG, nullable=False),
        sa.Column("email", sa.String(320), nullable=False),
        sa.Column("address_hash", sa.String(64), nullable=False),
        sa.Column("newsletters", sa.JSON(), nullable=False),
        sa.Column("wording", sa.String(1000), nullable=False),
        sa.Column("origin", sa.String(300), nullable=False),
        sa.Column("network_address", sa.String(64), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sign_up")),
    )
    op.create_index(op.f("ix_sign_up_address_hash"), "sign_up", ["address_hash"])


def downgrade() -> None:
    op.drop_index(op.f("ix_sign_up_address_hash"), table_name="sign_up")
    op.drop_table("sign_up")
