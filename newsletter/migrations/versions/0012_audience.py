"""An issue may go to a part of the readers: segments to include and to exclude, kept with it.

Revision ID: 0012
Revises: 0011
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("include", "exclude"):
        op.add_column("issue", sa.Column(name, sa.JSON(), nullable=False, server_default="[]"))


def downgrade() -> None:
    for name in ("exclude", "include"):
        op.drop_column("issue", name)
