"""config.toml and the NEWSLETTER_… secrets, read once into a frozen Config.

The file says what should be, the database holds what is. An unknown key, a wrong type or an impossible value is a
ConfigError that names the key and the line. A function gets its section of the Config, never the whole.

`tables`, `relay`, `sending`, `dkim`, `picking` and `preflight` say what every table of the file holds, `words` what a
value may look like, `load` reads and checks the file, `lines` finds the line that an error is about.
"""

from newsletter.config.collecting import Collecting, Source
from newsletter.config.dkim import DkimKey
from newsletter.config.lines import line_of
from newsletter.config.load import Secrets, load, parse, put_new_key_first, write_new_key
from newsletter.config.picking import SectionRule, Weekend
from newsletter.config.preflight import Preflight
from newsletter.config.relay import NamedRelay, Relay, Smtp
from newsletter.config.section import Section
from newsletter.config.segments import Segment
from newsletter.config.sending import LaneRule, Sending
from newsletter.config.sign_up import SignUp
from newsletter.config.tables import (
    Config,
    DatabaseSection,
    Logo,
    Newsletter,
    Site,
    Sponsor,
    Web,
)
from newsletter.config.words import weekdays_of

__all__ = [
    "Collecting",
    "Config",
    "DatabaseSection",
    "DkimKey",
    "LaneRule",
    "Logo",
    "NamedRelay",
    "Newsletter",
    "Preflight",
    "Relay",
    "Secrets",
    "Section",
    "SectionRule",
    "Segment",
    "Sending",
    "SignUp",
    "Site",
    "Smtp",
    "Source",
    "Sponsor",
    "Web",
    "Weekend",
    "line_of",
    "load",
    "parse",
    "put_new_key_first",
    "weekdays_of",
    "write_new_key",
]
