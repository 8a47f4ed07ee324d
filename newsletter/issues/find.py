"""Which issue somebody means by the words on the command line or in an address."""

from datetime import date, datetime, timedelta

from sqlmodel import Session, col, func, select

from newsletter.config import Config, Newsletter
from newsletter.errors import ConfigError, NotFound, StoreError
from newsletter.issues.models import Issue, IssueState

CLOCK_TOLERANCE = timedelta(minutes=5)  # between machines


def find(session: Session, config: Config, words: str, now: datetime) -> Issue:
    """The issue that `words` name: its number in the store, "daily/2026-11-23" or "daily/today".

    NotFound says what there is instead.
    """
    slug, slash, day_words = words.strip().partition("/")
    if not slash:
        return by_number(session, words)
    try:
        newsletter = config.newsletter(slug)
    except ConfigError as error:
        raise NotFound(str(error)) from error
    day = day_of(newsletter, day_words, now)
    issue = on(session, newsletter, day)
    if issue is None:
        raise NotFound(f"There is no issue {slug}/{day}. {_nearest(session, newsletter)}")
    return issue


def by_number(session: Session, words: str) -> Issue:
    """The issue with that number in the store."""
    if not (words.strip().isascii() and words.strip().isdigit()):
        raise NotFound(f"{words!r} names no issue: write its number, or daily/2026-11-23, or daily/today.")
    number = int(words)
    issue = session.get(Issue, number) if number < 2**31 else None
    if issue is None:
        raise NotFound(f"There is no issue {number}: `newsletter status` lists those there are.")
    return issue


def on(session: Session, newsletter: Newsletter, day: date) -> Issue | None:
    """The newsletter's issue of that day, if there is one."""
    query = select(Issue).where(col(Issue.newsletter) == newsletter.slug, col(Issue.issue_date) == day)
    return session.exec(query).one_or_none()


def require_right_clock(session: Session, now: datetime) -> None:
    """A clock that lags behind what the store has seen would find old issues on time. Raises StoreError."""
    newest = _newest_moment(session)
    if newest is not None and now < newest - CLOCK_TOLERANCE:
        raise StoreError(
            f"This machine's clock says {now:%Y-%m-%d %H:%M} UTC, but the database has seen {newest:%Y-%m-%d %H:%M}: "
            "nothing is sent by a clock that is behind. Set the clock; if it is right, cancel the issue of the future."
        )


def _newest_moment(session: Session) -> datetime | None:
    """The newest moment at which something was done about an issue: a clock before it is wrong, or the store is of
    another machine. Cancelled ones don't count: cancelling is the way to forget what a wrong clock has made."""
    moments = (Issue.drafted_at, Issue.approved_at, Issue.started_at, Issue.finished_at)
    query = select(*(func.max(col(moment)) for moment in moments)).where(col(Issue.state) != IssueState.CANCELLED)
    return max((moment for moment in session.execute(query).one() if moment is not None), default=None)


def day_of(newsletter: Newsletter, words: str, now: datetime) -> date:
    """The day that "2026-11-23" or "today" means in the newsletter's zone. NotFound for anything else."""
    if words == "today":
        return now.astimezone(newsletter.zone).date()
    try:
        return date.fromisoformat(words)
    except ValueError as error:
        raise NotFound(f"{words!r} is no day: write it as 2026-11-23, or today.") from error


def _nearest(session: Session, newsletter: Newsletter) -> str:
    """What to do about a day without an issue."""
    query = (
        select(col(Issue.issue_date))
        .where(col(Issue.newsletter) == newsletter.slug)
        .order_by(col(Issue.issue_date).desc())
        .limit(1)
    )
    last = session.exec(query).first()
    made = f"The newest is {newsletter.slug}/{last}" if last else "It has none yet"
    return f"{made}; `newsletter draft {newsletter.slug} --date …` makes one."
