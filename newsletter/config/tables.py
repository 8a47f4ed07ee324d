"""The tables of config.toml, one class each, and what their values mean."""

from datetime import date, datetime, time, timedelta
from email.utils import parseaddr
from pathlib import Path
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import Field, PrivateAttr, model_validator

from newsletter.config.collecting import Collecting, Source
from newsletter.config.deciding import Deciding
from newsletter.config.dkim import DkimKey
from newsletter.config.mailbox import Mailbox as LeaveBox
from newsletter.config.picking import SATURDAY, Picking, SectionRule
from newsletter.config.preflight import Preflight
from newsletter.config.readers import ForReaders
from newsletter.config.relay import NamedRelay, Relay, Smtp
from newsletter.config.section import Section
from newsletter.config.segments import Segment
from newsletter.config.sending import Sending
from newsletter.config.sign_up import SignUp
from newsletter.config.tracking import Tracking
from newsletter.config.words import (
    Clock,
    Days,
    Hours,
    Line,
    Mailbox,
    MailboxOrEmpty,
    Name,
    OptionalPath,
    Slug,
    WebAddress,
    Zone,
    like,
    weekdays_of,
)
from newsletter.errors import ConfigError
from subscribers.tokens import Keys

ROUNDUP_HALF_LIFE = timedelta(days=60)  # a week makes a twelfth of difference
LONGEST_PAUSE = 60  # days without an issue that are looked back upon


class Site(Section):
    """Who publishes, and where readers find us on the web."""

    name: Name
    url: WebAddress
    postal_address: Name
    secret_key_file: Path = Field(default=Path("secret.key"), strict=False)
    media_dir: Path = Field(default=Path("media"), strict=False)


class DatabaseSection(Section):
    """Where the store is: an address of SQLAlchemy's, its path absolute and its password in it once it is loaded."""

    url: str = "sqlite:///newsletter.db"


class Web(Section):
    """Where the pages listen, and who may push articles to the API."""

    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=1, le=65535)
    api_key_file: OptionalPath = None
    _api_keys: tuple[str, ...] = PrivateAttr(default=())

    @property
    def api_keys(self) -> tuple[str, ...]:
        """From NEWSLETTER_API_KEY or `api_key_file`, the newest first; none: the API takes nothing."""
        return self._api_keys


class Logo(Section):
    """A picture in the place of the title; `src` is a file beside config.toml or a web address."""

    src: Name
    alt: Line = ""
    width: int = Field(default=200, ge=20, le=600)


class Sponsor(Section):
    """A slot that is paid for, and marked as such."""

    text: str = Field(min_length=1, max_length=1000)
    url: WebAddress
    label: Line = ""
    image: Line = ""
    image_alt: Line = ""


class Newsletter(Picking, ForReaders, Deciding):
    """One recurring publication: who sends it, when, and what is in it; `Picking` holds how its stories are picked,
    `ForReaders` what its readers may choose, `Deciding` who lets it go."""

    slug: Slug
    title: Name
    sender: Mailbox
    relay: Slug | Literal[""] = ""
    description: Line = ""
    reply_to: MailboxOrEmpty = ""
    editors: tuple[Mailbox, ...] = Field(default=(), strict=False)
    timezone: Zone = "UTC"
    days: Days = "mon-fri"
    draft_at: Clock = "05:30"
    send_at: Clock = "06:30"
    grace_minutes: int = Field(default=180, ge=1, le=1440)
    local_time: bool = False
    send_between: Hours = ""
    language: Annotated[str, like(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*", "a language's code such as en or pt-BR")] = "en"
    accent: Annotated[str, like(r"#[0-9a-fA-F]{6}", "a colour such as #9c2b1f")] = "#9c2b1f"
    images: Literal["host", "link", "none"] = "host"
    design: Annotated[str, like(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}", "the name of a design, such as digest")] = "digest"
    font: Annotated[str, like(r"[A-Za-z0-9 ,'\"-]*", "names of fonts with commas between them")] = Field(
        default="", max_length=200
    )
    logo: Logo | None = None
    intro: str = Field(default="", max_length=2000)
    signature: Line = ""
    sponsor: Sponsor | None = None
    words: dict[str, Line] = Field(default_factory=dict)
    sources: tuple[str, ...] = Field(default=(), strict=False)
    include: tuple[str, ...] = Field(default=(), strict=False)
    exclude: tuple[str, ...] = Field(default=(), strict=False)
    _dkim: tuple[DkimKey, ...] = PrivateAttr(default=())
    _leave_address: str = PrivateAttr(default="")

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if self.min_articles > self.max_articles:
            raise ValueError(f"min_articles {self.min_articles} is more than max_articles {self.max_articles}")
        if self.local_time and self.send_between:
            raise ValueError("with local_time a reader's own morning is the hour: leave send_between empty")
        for draft_at, send_at in (
            (self.draft_at, self.send_at),
            (self.weekend.draft_at or self.draft_at, self.weekend.send_at or self.send_at),
        ):
            if time.fromisoformat(draft_at) >= time.fromisoformat(send_at):
                raise ValueError(f"draft_at {draft_at} must come before send_at {send_at}")
        return self

    @property
    def half_life(self) -> timedelta:
        """Of an article's points. A roundup whose config does not say loses no Monday's lead to a Friday's brief."""
        said = "half_life_hours" in self.model_fields_set or not self.roundup_of
        return timedelta(hours=self.half_life_hours) if said else ROUNDUP_HALF_LIFE

    @property
    def zone(self) -> ZoneInfo:
        """In which its hours and days are meant."""
        return ZoneInfo(self.timezone)

    @property
    def hours(self) -> tuple[time, time] | None:
        """When messages may be handed over, in the newsletter's zone; None: at any hour."""
        if not self.send_between:
            return None
        begin, end = self.send_between.split("-")
        return time.fromisoformat(begin), time.fromisoformat(end)

    @property
    def sender_address(self) -> str:
        """The address alone: "daily@example.com"."""
        return parseaddr(self.sender)[1]

    @property
    def sender_domain(self) -> str:
        """What stands right of the @: "example.com"."""
        return self.sender_address.rpartition("@")[2].lower()

    @property
    def dkim(self) -> tuple[DkimKey, ...]:
        """The keys that sign its mail, out of the tables [[dkim]]."""
        return self._dkim

    @property
    def leave_address(self) -> str:
        """Where a mail takes a reader off, out of [mailbox], perhaps with a {token} in it; "" where there is none."""
        return self._leave_address

    def comes_out_on(self, day: date) -> bool:
        """Whether `days` has this weekday, and it is no holiday."""
        return self.has_its_day_on(day) and self.holiday_on(day) is None

    def has_its_day_on(self, day: date) -> bool:
        """Whether `days` has this weekday: on a holiday the day is skipped, and says so."""
        return day.weekday() in weekdays_of(self.days)

    def moment(self, clock: Literal["draft_at", "send_at"], day: date, zone: ZoneInfo | None = None) -> datetime:
        """The instant of `clock` on `day` in the newsletter's zone, or in `zone`, aware. In the hour a summer night
        skips, it is the same instant after the gap; in the hour an autumn night repeats, the first one (PEP 495)."""
        wall = time.fromisoformat(self._clock(clock, day))
        return datetime.combine(day, wall, tzinfo=zone or self.zone)

    def day_before(self, day: date) -> date:
        """The last day before `day` on which the newsletter comes out: Friday for a Monday of a mon-fri one."""
        before = (day - timedelta(days=n) for n in range(1, LONGEST_PAUSE))
        return next((d for d in before if self.comes_out_on(d)), day - timedelta(days=LONGEST_PAUSE))

    def _clock(self, clock: Literal["draft_at", "send_at"], day: date) -> str:
        on_weekends: str | None = getattr(self.weekend, clock) if day.weekday() >= SATURDAY else None
        return on_weekends or str(getattr(self, clock))


class Config(Section):
    """The whole file."""

    site: Site
    database: DatabaseSection = DatabaseSection()
    web: Web = Web()
    sign_up: SignUp = SignUp()
    smtp: Smtp
    relays: tuple[NamedRelay, ...] = Field(default=(), strict=False)
    mailbox: LeaveBox = LeaveBox()
    sending: Sending = Sending()
    collecting: Collecting = Collecting()
    tracking: Tracking = Tracking()
    preflight: Preflight = Preflight()
    sources: tuple[Source, ...] = Field(default=(), strict=False)
    segments: tuple[Segment, ...] = Field(default=(), strict=False)
    newsletters: tuple[Newsletter, ...] = Field(default=(), strict=False)
    dkim: tuple[DkimKey, ...] = Field(default=(), strict=False)
    _path: Path = PrivateAttr(default=Path("config.toml"))
    _keys: Keys | None = PrivateAttr(default=None)
    _unfed: tuple[tuple[str, str], ...] = PrivateAttr(default=())

    @property
    def unfed(self) -> tuple[tuple[str, str], ...]:
        """Sections that no source feeds: the slug of each one's newsletter, and a sentence. No draft of that one can be
        made with them, and all else can."""
        return self._unfed

    @property
    def folder(self) -> Path:
        """The folder of the file: every relative path begins there, and a project's own templates/ lies there."""
        return self._path.parent

    @property
    def keys(self) -> Keys:
        """What links are signed with. ConfigError if there is none."""
        if self._keys is None:
            raise ConfigError(
                f"There is no key to sign links with: {self.site.secret_key_file} does not exist. "
                "`newsletter init` makes one; or set NEWSLETTER_SECRET_KEY."
            )
        return self._keys

    def newsletter(self, slug: str) -> Newsletter:
        """The newsletter of that slug. ConfigError names those that exist."""
        for newsletter in self.newsletters:
            if newsletter.slug == slug:
                return newsletter
        known = ", ".join(n.slug for n in self.newsletters)
        raise ConfigError(f"There is no newsletter {slug!r} in {self._path.name}; there is {known}.")

    def relay(self, name: str) -> Relay:
        """The relay of that name; [smtp] for "smtp" and for no name. KeyError if there is none."""
        if name in ("", self.smtp.known_as):
            return self.smtp
        return {relay.name: relay for relay in self.relays}[name]

    def sources_of(self, newsletter: Newsletter) -> tuple[Source, ...]:
        """The sources that a newsletter draws on, in the order of the file."""
        return tuple(s for s in self.sources if not newsletter.sources or s.name in newsletter.sources)

    def sections_of(self, newsletter: Newsletter) -> tuple[SectionRule, ...]:
        """Its sections in order; where it names none, those of its sources."""
        if newsletter.sections:
            return newsletter.sections
        names = dict.fromkeys(name for s in self.sources_of(newsletter) for name in (s.section, *s.sections))
        return tuple(SectionRule(name=name) for name in names)
