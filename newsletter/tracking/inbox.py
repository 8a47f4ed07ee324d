"""Mails of readers who want to leave: the token in an address or in the subject takes them off, and nothing else does.

From is never looked at: it is forged easily, and a mail program may send from another address. Nothing is answered,
so no machine can be made to talk to another. A mail is deleted after its leaving is committed; one that names nobody
is marked as read and left for people. Read twice, it changes nothing more. A mail server may also hand a mail over as
it comes, through a pipe.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from email.header import decode_header
from email.parser import BytesHeaderParser
from email.policy import compat32

from newsletter.database import Database
from newsletter.tracking.mailboxes import Box, head_of
from subscribers import Way, unsubscribe
from subscribers.tokens import LENGTH, Keys

MOST_TOKENS = 20  # of one mail; a stranger may write as many as fit
PLACES = ("Delivered-To", "X-Original-To", "Envelope-To", "To", "Cc", "Subject")
# What stands before it may be a delimiter of addresses: leave-TOKEN@, leave_TOKEN@.
_TOKEN = re.compile(rf"(?<![A-Za-z0-9])[A-Za-z0-9_-]{{{LENGTH}}}(?![A-Za-z0-9_-])")


@dataclass(frozen=True)
class Read:
    """What one reading found."""

    left: int = 0  # mails that named a reader, also one who had left before
    other: int = 0


def read(database: Database, keys: Keys, box: Box, now: datetime) -> Read:
    """Take off whoever the waiting mails name. Raises MailboxDown; what is done by then stays done."""
    left = other = 0
    for mail in box.waiting():
        if _take_off(database, keys, tokens_in(mail.head), now):
            left += 1
            box.delete(mail.name)
        else:
            other += 1
            box.mark_read(mail.name)
    return Read(left, other)


def take(database: Database, keys: Keys, mail: bytes, now: datetime) -> bool:
    """Take off whoever one mail names, whole or its head alone; False if it names nobody."""
    return _take_off(database, keys, tokens_in(head_of(mail)), now)


def tokens_in(head: bytes) -> list[str]:
    """What looks like a token in a mail's addresses and subject, each once. Any bytes are a head."""
    return list(dict.fromkeys(_found(head)))[:MOST_TOKENS]


def _found(head: bytes) -> Iterator[str]:
    parsed = BytesHeaderParser(policy=compat32).parsebytes(head)
    for place in PLACES:
        for value in parsed.get_all(place, []):
            yield from _TOKEN.findall(_plain(str(value)))


def _plain(value: str) -> str:
    """A header's words; where they can't be decoded, as they stand."""
    try:
        parts = decode_header(value)
    except Exception:
        return value
    return "".join(p if isinstance(p, str) else p.decode("ascii", "replace") for p, _ in parts)


def _take_off(database: Database, keys: Keys, tokens: list[str], now: datetime) -> bool:
    asked = [one for token in tokens if (one := unsubscribe.departure(keys, token, Way.MAILTO))]
    if not asked:
        return False
    with database.transaction() as session:
        return bool(unsubscribe.together(session, asked, now))
