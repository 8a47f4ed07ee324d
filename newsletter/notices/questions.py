"""What forms took in → the mails that ask the mailbox. Each wish is a transaction: looked at, and its mail written."""

from datetime import datetime

from newsletter.config import Config
from newsletter.database import Database
from newsletter.notices.outbox import ask_to_confirm
from subscribers import wishes


def ask_those_who_wished(database: Database, config: Config, now: datetime) -> int:
    """Look at every waiting sign-up; how many mails that makes. Safe to call again, and by two at once."""
    with database.reading() as session:
        is_one_left = wishes.are_waiting(session)
    mails = 0
    while is_one_left:
        with database.transaction() as session:
            is_one_left, due = wishes.take_up(session, config.keys, now)
            if due is not None:
                ask_to_confirm(session, due, now)
                mails += 1
    return mails
