"""The migrated schema is the schema of the models, on both databases."""

from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from newsletter.database import Database
from newsletter.migrations.tables import METADATA


def test_migrations_and_models_describe_the_same_tables(database: Database):
    """A model that changes without a migration would work in tests and fail at the publisher's."""
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        differences = compare_metadata(context, METADATA)
    assert differences == []


def test_upgrading_twice_changes_nothing(database: Database):
    """`db upgrade` is safe to call again."""
    database.upgrade()
    database.require_current_schema()
