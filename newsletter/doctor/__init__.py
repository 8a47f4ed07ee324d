"""Would a real morning work here? Each part is looked at before a reader waits for it. Nothing is changed or sent.

findings.py   one line of the report
machine.py    what config.toml names and this machine must have: keys, folders, disk
store.py      the database and the clock
relays.py     who takes our mail, and the mailbox that readers write to
lookups.py    questions to the DNS
records.py    what SPF, DKIM and DMARC records say                                         pure
names.py      the domains that mail comes from: both of these together
site.py       the public address of the readers' pages
"""

from collections.abc import Iterator
from datetime import datetime
from itertools import chain
from typing import TYPE_CHECKING

from newsletter.config import Config
from newsletter.doctor import machine, store
from newsletter.doctor.findings import Finding, Level

if TYPE_CHECKING:
    from newsletter.doctor.lookups import Lookups

__all__ = ["Finding", "Level", "examine", "missing"]


def examine(config: Config, now: datetime, lookups: "Lookups | None") -> Iterator[Finding]:
    """All findings, in the order in which one would mend them, each as soon as it is known. Without `lookups` nobody
    outside this machine is asked: neither a relay nor the DNS nor our own site."""
    yield from chain(machine.findings(config), store.findings(config, now))
    if lookups is not None:
        from newsletter.doctor import names, relays, site  # slow to import, and `status` asks nobody

        yield from chain(relays.findings(config, now), names.findings(config, lookups), site.findings(config))


def missing(config: Config) -> list[str]:
    """What config.toml names and is not there, a sentence each: the morning would find it out too late."""
    looked_at = chain(machine.dkim_keys(config), machine.sources(config))
    return [finding.message for finding in looked_at if finding.level is Level.FAIL]
