"""The migrated schema is the schema of the models, on both databases."""

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

from newsletter.database import MIGRATIONS, Database, newest_revision
from newsletter.migrations.tables import METADATA
from subscribers import SubscriptionState
from subscribers.models import Subscription
from tests.builders import NOW
from tests.subscribers.conftest import a_reader


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


def test_a_table_that_is_written_anew_gives_no_number_twice(sqlite: Database):
    """Links in old mails say a subscription's number, also one of somebody who was erased."""
    with sqlite.transaction() as session:
        number = a_reader(session)
        given = session.execute(text("SELECT id FROM subscription")).scalar_one()
        session.execute(text("DELETE FROM subscription"))
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["engine"] = sqlite.engine
    command.downgrade(config, "0021")
    sqlite.upgrade()
    with sqlite.transaction() as session:
        one = Subscription(
            subscriber_id=number, newsletter="daily", state=SubscriptionState.ACTIVE, topics="", changed_at=NOW
        )
        session.add(one)
        session.flush()
        assert one.id == given + 1
