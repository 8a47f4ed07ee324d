"""Alembic's door: it runs the revisions on the engine that `database.py` hands over."""

from typing import Any, Literal

import sqlalchemy as sa
from alembic import context
from sqlmodel import AutoString

from newsletter.migrations.tables import METADATA


def plain_type(kind: str, item: Any, _context: object) -> str | Literal[False]:
    """Types in revisions are SQLAlchemy's own: a revision must run long after our classes have changed."""
    if kind != "type":
        return False
    if isinstance(item, AutoString | sa.Enum):
        inner: Any = item if isinstance(item, sa.Enum) else item.impl_instance
        return f"sa.String({inner.length})"
    if isinstance(getattr(item, "impl", None), sa.DateTime):
        return "sa.DateTime(timezone=True)"
    return False


with context.config.attributes["engine"].connect() as connection:
    context.configure(
        connection=connection,
        target_metadata=METADATA,
        render_as_batch=True,
        compare_type=True,
        render_item=plain_type,
    )
    with context.begin_transaction():
        context.run_migrations()
    connection.commit()
