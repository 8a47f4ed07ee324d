"""What every stage of the day works with: the file that says what should be, and the database that holds what is."""

from dataclasses import dataclass

from newsletter.config import Config
from newsletter.database import Database


@dataclass(frozen=True)
class Paper:
    """Both of them, for the verbs of daily.py and proof.py."""

    config: Config
    database: Database
