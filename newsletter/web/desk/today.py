"""Today: what each newsletter is about to do, what waits for somebody, and the days before and after."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from fastapi import Request, Response
from sqlmodel import Session, col, select

from newsletter.config import Newsletter
from newsletter.editors import Visitor
from newsletter.issues import find
from newsletter.issues.models import Issue, IssueState
from newsletter.notices import next_issue
from newsletter.web.dependencies import House, HouseDep, ReadingDep
from newsletter.web.desk.door import EditorDep
from newsletter.web.desk.frame import desk_page
from newsletter.web.desk.standing import PAST, Standing, standing

UNSETTLED = (IssueState.DRAFT, IssueState.APPROVED, IssueState.SENDING, IssueState.HELD, IssueState.PAUSED)
WEEKS_BACK, WEEKS_ON = 2, 2
MOST_WAITING = 5


@dataclass(frozen=True)
class Day:
    """One day of the calendar. `words` say what is with it: "sent", "drafted at 05:30", "Boxing Day"."""

    date: date
    is_today: bool
    is_past: bool
    issue: Issue | None
    words: str
    may_be_skipped: bool


@dataclass(frozen=True)
class Desk:
    """One newsletter's screen."""

    newsletter: Newsletter
    today: date
    standings: list[Standing]  # today's issue first, then older ones that wait for somebody
    coming: str  # where there is no issue today: when there will be one
    weeks: list[list[Day]]


def page(request: Request, house: HouseDep, session: ReadingDep, editor: EditorDep) -> Response:
    """One screen per newsletter."""
    desks = [_desk(request, session, house, editor, newsletter) for newsletter in house.config.newsletters]
    return desk_page(request, editor, "today", desks=desks, past=PAST)


def _desk(request: Request, session: Session, house: House, visitor: Visitor, newsletter: Newsletter) -> Desk:
    today = house.now.astimezone(newsletter.zone).date()
    of_today = find.on(session, newsletter, today)
    issues = ([of_today] if of_today else []) + _waiting(session, newsletter, today)
    return Desk(
        newsletter=newsletter,
        today=today,
        standings=[standing(request, session, visitor, issue) for issue in issues],
        coming="" if of_today else _coming(newsletter, today, house.now),
        weeks=_weeks(newsletter, today, _by_day(session, newsletter, today), house.now),
    )


def _waiting(session: Session, newsletter: Newsletter, today: date) -> list[Issue]:
    """Issues of other days that are not settled: held, paused, on their way, or drafted for tomorrow."""
    query = select(Issue).where(
        Issue.newsletter == newsletter.slug, col(Issue.state).in_(UNSETTLED), Issue.issue_date != today
    )
    return list(session.exec(query.order_by(col(Issue.issue_date).desc()).limit(MOST_WAITING)))


def _by_day(session: Session, newsletter: Newsletter, today: date) -> dict[date, Issue]:
    first, last = today - timedelta(weeks=WEEKS_BACK + 1), today + timedelta(weeks=WEEKS_ON + 1)
    query = select(Issue).where(
        Issue.newsletter == newsletter.slug, col(Issue.issue_date) >= first, col(Issue.issue_date) <= last
    )
    return {issue.issue_date: issue for issue in session.exec(query)}


def _weeks(newsletter: Newsletter, today: date, issues: dict[date, Issue], now: datetime) -> list[list[Day]]:
    """From two weeks ago to two weeks on, each from Monday to Sunday. Pure."""
    monday = today - timedelta(days=today.weekday(), weeks=WEEKS_BACK)
    days = (monday + timedelta(days=n) for n in range(7 * (WEEKS_BACK + 1 + WEEKS_ON)))
    cells = [_day(newsletter, day, today, issues.get(day), now) for day in days]
    return [cells[at : at + 7] for at in range(0, len(cells), 7)]


def _day(newsletter: Newsletter, day: date, today: date, issue: Issue | None, now: datetime) -> Day:
    comes = newsletter.comes_out_on(day)
    is_to_come = day > today or (day == today and now < newsletter.moment("send_at", day))
    if issue is not None:
        words = str(issue.state)
    elif (holiday := newsletter.holiday_on(day)) and newsletter.has_its_day_on(day):
        words = f"no issue: {holiday}"
    elif comes and is_to_come:
        words = f"out at {newsletter.moment('send_at', day):%H:%M}"
    else:
        words = "nothing was made" if comes else "no issue"
    skippable = comes and is_to_come and (issue is None or issue.state in (IssueState.DRAFT, IssueState.HELD))
    return Day(day, day == today, day < today, issue, words, skippable)


def _coming(newsletter: Newsletter, today: date, now: datetime) -> str:
    """What happens next where there is no issue of today yet."""
    if newsletter.comes_out_on(today) and now < newsletter.moment("send_at", today):
        return f"Today’s issue is drafted at {newsletter.moment('draft_at', today):%H:%M %Z}."
    soon = next_issue(newsletter, now)
    day = soon.date()
    return (
        f"The next issue is of {day:%A}, {day.day} {day:%B}: drafted at {newsletter.moment('draft_at', day):%H:%M %Z}."
    )
