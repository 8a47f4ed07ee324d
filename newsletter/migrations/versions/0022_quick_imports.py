"""What a person's arrival costs: subscriptions and consents have no foreign keys, and on PostgreSQL addresses and names
stand in the order of their characters' numbers.

It looked up each foreign key row by row, a quarter of an import's work. A row's person is made in the same transaction,
or held in it. With that order one index over addresses does what two did. On SQLite both tables are written anew,
and keep the numbers that they have given.

Revision ID: 0022
Revises: 0021
"""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

KEYS = {
    "subscription": "fk_subscription_subscriber_id_subscriber",
    "consent": "fk_consent_subscriber_id_subscriber",
}
NAMED = sa.text("name <> ''")


def upgrade() -> None:
    op.drop_index("ix_subscriber_email_key_sorted", table_name="subscriber")
    _order_by("C", "varchar_ops")
    for table, key in KEYS.items():
        given = _last_number(table)
        with op.batch_alter_table(table, table_kwargs=_kwargs(table)) as batch:
            batch.drop_constraint(key, type_="foreignkey")
        _go_on_after(table, given)


def downgrade() -> None:
    for table, key in KEYS.items():
        given = _last_number(table)
        with op.batch_alter_table(table, table_kwargs=_kwargs(table)) as batch:
            batch.create_foreign_key(key, "subscriber", ["subscriber_id"], ["id"], ondelete="CASCADE")
        _go_on_after(table, given)
    _order_by("default", "text_pattern_ops")
    op.create_index(
        "ix_subscriber_email_key_sorted", "subscriber", ["email_key"],
        sqlite_where=sa.text("email_key IS NULL"), postgresql_ops={"email_key": "text_pattern_ops"},
    )  # fmt: skip


def _order_by(collation: str, operators: str) -> None:
    if op.get_bind().dialect.name != "postgresql":
        return
    op.drop_index("ix_subscriber_name_sorted", table_name="subscriber")
    for column, length in (("email_key", 320), ("name", 200)):
        op.execute(f'ALTER TABLE subscriber ALTER {column} TYPE varchar({length}) COLLATE "{collation}"')
    op.create_index(
        "ix_subscriber_name_sorted", "subscriber", ["name", "id"], postgresql_where=NAMED,
        postgresql_ops={} if operators == "varchar_ops" else {"name": operators},
    )  # fmt: skip


def _kwargs(table: str) -> dict[str, bool]:
    return {"sqlite_autoincrement": True} if table == "subscription" else {}


def _last_number(table: str) -> int | None:
    """The highest number that SQLite has ever given in a table that gives none twice."""
    if op.get_bind().dialect.name != "sqlite":
        return None
    query = sa.text("SELECT max(seq) FROM sqlite_sequence WHERE name = :name")
    last: int | None = op.get_bind().scalar(query, {"name": table})
    return last


def _go_on_after(table: str, last: int | None) -> None:
    if last is not None:
        op.get_bind().execute(sa.text("DELETE FROM sqlite_sequence WHERE name = :name"), {"name": table})
        note = sa.text("INSERT INTO sqlite_sequence (name, seq) VALUES (:name, :last)")
        op.get_bind().execute(note, {"name": table, "last": last})
