"""The migrated schema is the schema of the models, on both databases."""

from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from newsletter.database import MIGRATIONS, Database, newest_revision
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


def test_the_newest_revision_is_the_one_that_alembic_ends_with():
    """Every command asks for it; reading the names of the files must say what Alembic says after reading them all."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    assert [newest_revision()] == ScriptDirectory.from_config(config).get_heads()
