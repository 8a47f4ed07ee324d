"""Indices by which a million readers are counted while an editor waits: the suppressed ones by the hash of their
address, who came by the kind of their consent and its moment.

Revision ID: 0016
Revises: 0015
"""

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_subscriber_address_hash", "subscriber", ["address_hash"])
    op.create_index("ix_consent_newsletter_act_at", "consent", ["newsletter", "act", "at"])
    op.drop_index("ix_consent_newsletter_at", table_name="consent")


def downgrade() -> None:
    op.create_index("ix_consent_newsletter_at", "consent", ["newsletter", "at"])
    op.drop_index("ix_consent_newsletter_act_at", table_name="consent")
    op.drop_index("ix_subscriber_address_hash", table_name="subscriber")
