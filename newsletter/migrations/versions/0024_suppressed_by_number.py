"""Who is suppressed is found by number: no index over the keyed hashes of all readers.

A hash stands anywhere in such an index, so that each batch of an import wrote all of its pages anew: a quarter of an
arrival's cost, for the sake of counting the suppressed ones among the readers.

Revision ID: 0024
Revises: 0023
"""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    number = sa.BigInteger().with_variant(sa.Integer, "sqlite")
    op.add_column("suppression", sa.Column("subscriber_id", number, nullable=True))
    op.execute(
        "UPDATE suppression SET subscriber_id ="
        " (SELECT id FROM subscriber WHERE subscriber.address_hash = suppression.address_hash)"
    )
    op.drop_index("ix_subscriber_address_hash", table_name="subscriber")


def downgrade() -> None:
    op.create_index("ix_subscriber_address_hash", "subscriber", ["address_hash"])
    with op.batch_alter_table("suppression") as batch:
        batch.drop_column("subscriber_id")
