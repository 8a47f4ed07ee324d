"""What the tests of the sending share."""

from pathlib import Path

import pytest

from newsletter.database import Database
from tests.delivery.desks import Desk


@pytest.fixture
def desk(database: Database, tmp_path: Path) -> Desk:
    return Desk(database, tmp_path)
