"""The tables of the people: who they are, what they get, what they agreed to, and who must never be mailed.

`newsletter` is a slug here, never a row: this package knows nothing of newsletters. `issue` is a number somebody gave.
"""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import JSON, BigInteger, Index, Integer, UniqueConstraint, text, true
from sqlmodel import Field, SQLModel

from subscribers.columns import UTCDateTime, by_number, words

BigId = BigInteger().with_variant(Integer, "sqlite")  # SQLite numbers rows by itself only in an INTEGER key


class SubscriptionState(StrEnum):
    """Where a person stands with one newsletter. Only `active` ones are mailed."""

    PENDING = "pending"  # asked, not yet confirmed
    ACTIVE = "active"
    PAUSED = "paused"  # until `paused_until`
    UNSUBSCRIBED = "unsubscribed"


class Way(StrEnum):
    """By which way somebody left."""

    HEADER = "header"  # the mail program's own button (RFC 8058)
    LINK = "link"  # the link in the mail and its page
    PREFERENCES = "preferences"
    MAILTO = "mailto"
    COMPLAINT = "complaint"
    OPERATOR = "operator"
    IMPORT = "import"  # an imported row said so


class SuppressionReason(StrEnum):
    """Why an address is never mailed."""

    COMPLAINT = "complaint"
    HARD_BOUNCE = "hard bounce"
    MANUAL = "manual"
    ERASURE = "erasure"


class Format(StrEnum):
    """In which form a person wants their mail."""

    HTML = "html"  # with the text beside it
    TEXT = "text"  # the text alone


_NAMED = text("name <> ''")


class Subscriber(SQLModel, table=True):
    """A person, known by one address. A number is never given twice: links in old mails still say it."""

    __table_args__ = (
        Index("ix_subscriber_name_sorted", "name", "id", sqlite_where=_NAMED, postgresql_where=_NAMED),
        {"sqlite_autoincrement": True},
    )
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    email: str = Field(max_length=320)  # as written, with the domain in lower case and ASCII (RFC 5890)
    email_key: str = Field(sa_type=by_number(320), unique=True)  # what counts as the same mailbox
    address_hash: str = Field(max_length=64)  # keyed, as in Suppression; no index: each arrival would pay for it
    domain: str = Field(max_length=255)
    name: str = Field(default="", sa_type=by_number(200))
    language: str = Field(default="", max_length=20)
    timezone: str = Field(default="", max_length=64)
    format: Format = Field(
        default=Format.HTML, sa_type=words(Format), sa_column_kwargs={"server_default": Format.HTML.value}
    )
    notes_clicks: bool = Field(default=True, sa_column_kwargs={"server_default": true()})  # else nothing is kept
    created_at: datetime = Field(sa_type=UTCDateTime)


class SignUp(SQLModel, table=True):
    """What somebody typed into a form, until it is looked at a moment later: to the form all addresses are alike."""

    __tablename__ = "sign_up"
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    email: str = Field(max_length=320)
    address_hash: str = Field(max_length=64, index=True)  # by which an erasure finds it
    newsletters: list[str] = Field(sa_type=JSON)
    wording: str = Field(default="", max_length=1000)
    origin: str = Field(default="", max_length=300)
    network_address: str = Field(default="", max_length=64)
    at: datetime = Field(sa_type=UTCDateTime)


_CHOSEN = text("topics <> ''")  # few do, so the index over them is small and those who don't cost it nothing


class Subscription(SQLModel, table=True):
    """One person's state for one newsletter, made while the person is held.

    It has no foreign key, nor has a consent: PostgreSQL looked each up, a quarter of an import's work.
    """

    __table_args__ = (
        UniqueConstraint("subscriber_id", "newsletter"),
        Index("ix_subscription_audience", "newsletter", "state", "subscriber_id"),
        Index("ix_subscription_topics", "newsletter", "topics", sqlite_where=_CHOSEN, postgresql_where=_CHOSEN),
        {"sqlite_autoincrement": True},
    )
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    subscriber_id: int = Field(sa_type=BigId)
    newsletter: str = Field(max_length=40)
    state: SubscriptionState = Field(sa_type=words(SubscriptionState))
    asked_at: datetime | None = Field(default=None, sa_type=UTCDateTime)  # when a confirmation was last sent
    active_since: datetime | None = Field(default=None, sa_type=UTCDateTime)
    paused_until: datetime | None = Field(default=None, sa_type=UTCDateTime)
    topics: str = Field(  # the sections they want, as `topics.packed` writes them; "" for all, also those to come
        default="", max_length=1000, sa_column_kwargs={"server_default": ""}
    )
    changed_at: datetime = Field(sa_type=UTCDateTime)
    group_consent_id: int | None = Field(default=None, sa_type=BigId)  # if they came with an import; set once
    group_line: int | None = None  # of its file


class GroupConsent(SQLModel, table=True):
    """The proof that people who were brought in together agreed; the subscription of each names it. Of a million it is
    some fifty rows, where a row for each was a third of an import's work and of its bytes. Like a consent it stays."""

    __tablename__ = "group_consent"
    __table_args__ = (Index("ix_group_consent_newsletter_at", "newsletter", "at"),)
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    newsletter: str = Field(max_length=40)
    wording: str = Field(default="", max_length=1000)  # the operator's proof
    origin: str = Field(default="", max_length=300)  # "import FILE"
    people: int  # how many of those who are not erased
    at: datetime = Field(sa_type=UTCDateTime)


class Consent(SQLModel, table=True):
    """Who agreed to what, when, from where. Rows are only ever added (GDPR Article 7(1))."""

    __table_args__ = (Index("ix_consent_newsletter_act_at", "newsletter", "act", "at"),)
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    subscriber_id: int = Field(index=True, sa_type=BigId)
    newsletter: str = Field(max_length=40)
    act: str = Field(max_length=20)  # asked | confirmed | added | imported
    wording: str = Field(default="", max_length=1000)  # the sentence the person saw, or the operator's proof
    origin: str = Field(default="", max_length=300)  # the form's address, "import FILE line N", "command line"
    network_address: str = Field(default="", max_length=64)
    at: datetime = Field(sa_type=UTCDateTime)


class Leaving(SQLModel, table=True):
    """One leaving: when, from what, by which way, after which issue, and the reason if one was given."""

    __table_args__ = (Index("ix_leaving_newsletter_at", "newsletter", "at"),)
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    subscriber_id: int = Field(foreign_key="subscriber.id", ondelete="CASCADE", index=True, sa_type=BigId)
    newsletter: str = Field(max_length=40)
    issue: int | None = Field(default=None, index=True)
    way: Way = Field(sa_type=words(Way))
    reader_since: datetime | None = Field(default=None, sa_type=UTCDateTime)
    reason: str = Field(default="", max_length=1000)
    at: datetime = Field(sa_type=UTCDateTime)
    undone_at: datetime | None = Field(default=None, sa_type=UTCDateTime)


class Click(SQLModel, table=True):
    """One following of a link in an issue's mail, by its reader or by a robot that reads their mail: an observation.

    What it was followed by, and from where, is not kept: only why it looks like no person.
    """

    __table_args__ = (
        Index("ix_click_reader", "subscriber_id", "issue"),
        Index("ix_click_issue", "issue", "link", "signs", "subscriber_id"),  # all that its sums need
    )
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    subscriber_id: int = Field(foreign_key="subscriber.id", ondelete="CASCADE", sa_type=BigId)
    newsletter: str = Field(max_length=40)
    issue: int
    link: int  # its number in that issue
    section: str = Field(default="", max_length=300)  # of what stands behind it
    at: datetime = Field(sa_type=UTCDateTime, index=True)
    signs: str = Field(default="", max_length=60)  # of a robot, a word each; "" is likely a person


class Suppression(SQLModel, table=True):
    """An address never to be mailed again: only its keyed hash, which outlives an erasure."""

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    subscriber_id: int | None = Field(default=None, sa_type=BigId)  # who had it as it came here; strangers have none
    address_hash: str = Field(max_length=64, unique=True)
    reason: SuppressionReason = Field(sa_type=words(SuppressionReason))
    detail: str = Field(default="", max_length=300)
    at: datetime = Field(sa_type=UTCDateTime)
