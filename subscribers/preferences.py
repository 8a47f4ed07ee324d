"""What a reader may choose on one page, held by a token and without a login: newsletters and their topics, a pause, a
name, a language, a time zone, mail with HTML or without, and whether it is noted what they follow.

The page's link is in every mail, so it may be in a stranger's hands: it shows no whole address, it can't change the
address, and it can't start a newsletter. Starting one is asking (`signup.ask`), and the mailbox confirms.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from subscribers import clicks, people, signup
from subscribers.address import masked
from subscribers.consent import Proof
from subscribers.models import Format, Subscriber, SubscriptionState
from subscribers.signup import ConfirmationDue
from subscribers.tokens import Keys, Purpose, check
from subscribers.topics import packed, unpacked


@dataclass(frozen=True)
class Choice:
    """Where a reader stands with one newsletter now."""

    newsletter: str
    subscription_id: int
    state: SubscriptionState
    paused_until: datetime | None
    topics: frozenset[str] = frozenset()  # what they have chosen; empty for all


@dataclass(frozen=True)
class Manner:
    """How somebody wants their mail, whatever the newsletter; "" where they have not said."""

    name: str = ""
    language: str = ""
    timezone: str = ""
    format: Format = Format.HTML


@dataclass(frozen=True)
class Preferences:
    """One reader's page."""

    subscriber_id: int
    issue: int | None  # in whose mail the link stood
    masked_email: str
    manner: Manner
    choices: tuple[Choice, ...]
    notes_clicks: bool = True  # where a newsletter counts them

    def of(self, newsletter: str) -> Choice | None:
        """Where they stand with it; None if they never met."""
        return next((c for c in self.choices if c.newsletter == newsletter), None)


def look(session: Session, keys: Keys, token: str, now: datetime) -> Preferences | None:
    """The page of the token's reader; None for a token we never signed, or of somebody erased. Changes nothing."""
    claim = check(keys, Purpose.PREFERENCES, token)
    person = session.get(Subscriber, claim.subject, populate_existing=True) if claim else None
    if claim is None or person is None:
        return None
    choices = tuple(
        Choice(s.newsletter, s.id or 0, *_effective(s.state, s.paused_until, now), unpacked(s.topics))
        for s in people.subscriptions(session, claim.subject)
    )
    manner = Manner(person.name, person.language, person.timezone, person.format)
    return Preferences(claim.subject, claim.detail or None, masked(person.email), manner, choices, person.notes_clicks)


def pause(session: Session, subscriber_id: int, newsletter: str, until: datetime, now: datetime) -> bool:
    """No issue of it before `until`; False if they don't get it anyway."""
    return _set(session, subscriber_id, newsletter, SubscriptionState.PAUSED, until, now)


def resume(session: Session, subscriber_id: int, newsletter: str, now: datetime) -> bool:
    """End a pause now; False if there is none to end."""
    return _set(session, subscriber_id, newsletter, SubscriptionState.ACTIVE, None, now)


def join(
    session: Session, keys: Keys, subscriber_id: int, newsletter: str, proof: Proof, now: datetime
) -> ConfirmationDue | None:
    """Ask for one more newsletter, by the rules of `signup.ask`: the mailbox must confirm."""
    email = people.email_of(session, subscriber_id)
    return signup.ask(session, keys, [newsletter], email, proof, now) if email else None


def choose_topics(
    session: Session, subscriber_id: int, newsletter: str, topics: Collection[str], now: datetime
) -> bool:
    """These topics of a newsletter from its next issue on; none for all, also those to come. False if they don't get
    it."""
    if people.locked(session, subscriber_id) is None:
        return False
    one = people.subscription(session, subscriber_id, newsletter)
    if one is None or one.state not in (SubscriptionState.ACTIVE, SubscriptionState.PAUSED):
        return False
    one.topics, one.changed_at = packed(topics), now
    session.add(one)
    return True


def rename(session: Session, subscriber_id: int, name: str) -> None:
    """Their name as they want to be called, one line of at most 200 characters; "" forgets it."""
    person = people.locked(session, subscriber_id)
    if person is not None:
        person.name = one_line(name)
        session.add(person)


def settle(session: Session, subscriber_id: int, manner: Manner) -> None:
    """How they want their mail from now on. The door has checked that there is such a language and such a zone."""
    rename(session, subscriber_id, manner.name)
    person = people.locked(session, subscriber_id)
    if person is not None:
        person.language, person.timezone, person.format = manner.language, manner.timezone, manner.format
        session.add(person)


def note_clicks(session: Session, subscriber_id: int, wanted: bool) -> None:
    """Whether it may be noted which links they follow. If not, what was is forgotten too."""
    person = people.locked(session, subscriber_id)
    if person is not None:
        person.notes_clicks = wanted
        session.add(person)
        if not wanted:
            clicks.forget(session, subscriber_id)


LINE_CHARACTERS = 200


def one_line(text: str, characters: int = LINE_CHARACTERS) -> str:
    """`text` on one line, without control characters, cut to `characters`."""
    if text.isprintable() and "  " not in text:  # nearly always
        return text.strip()[:characters]
    return "".join(c for c in " ".join(text.split()) if c.isprintable())[:characters]


def one_line_each(texts: list[str]) -> list[str]:
    """The same of many: nearly always they are that already."""
    joined = "".join(texts)
    plain = joined.isprintable() and "  " not in joined and len(max(texts, key=len, default="")) <= LINE_CHARACTERS
    return list(map(str.strip, texts)) if plain else list(map(one_line, texts))


def _set(
    session: Session,
    subscriber_id: int,
    newsletter: str,
    state: SubscriptionState,
    until: datetime | None,
    now: datetime,
) -> bool:
    if people.locked(session, subscriber_id) is None:
        return False
    one = people.subscription(session, subscriber_id, newsletter)
    if one is None or one.state not in (SubscriptionState.ACTIVE, SubscriptionState.PAUSED):
        return False
    one.state, one.paused_until, one.changed_at = state, until, now
    session.add(one)
    return True


def _effective(
    state: SubscriptionState, until: datetime | None, now: datetime
) -> tuple[SubscriptionState, datetime | None]:
    """A pause whose time is over is none."""
    if state is SubscriptionState.PAUSED and until is not None and until <= now:
        return SubscriptionState.ACTIVE, None
    return state, until if state is SubscriptionState.PAUSED else None
