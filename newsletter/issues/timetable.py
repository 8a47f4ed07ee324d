"""What an issue is due for at a moment: the one place where the clock is held against the rules. Pure.

The scheduler only wakes; this says what to do, and the issue's row says whether somebody did it already. A machine
that was off catches up within the grace time; a send that is later than that is held, not fired.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from newsletter.config import Newsletter
from newsletter.errors import Refused
from newsletter.issues.models import Issue, IssueState


class Due(StrEnum):
    """What to do now."""

    NOTHING = "nothing"
    DRAFT = "draft"
    SEND = "send"  # approved, or nobody need approve; or started and not finished
    HOLD = "hold"  # it may not go out by itself any more
    DRAFT_AND_HOLD = "draft and hold"  # today's morning has passed without it
    SKIP = "skip"  # a past day that never had one


@dataclass(frozen=True)
class Turn:
    """What is due, and why in words where it is not the plain course of a morning."""

    due: Due
    why: str = ""


def turn(
    newsletter: Newsletter, day: date, issue: Issue | None, now: datetime, first_wave: datetime | None = None
) -> Turn:
    """What the newsletter's issue of `day` is due for at `now`; `first_wave` is when its first readers are due, where
    each gets it at their own hour."""
    if issue is None:
        return _unmade(newsletter, day, now)
    if issue.state is IssueState.SENDING:
        return Turn(Due.SEND)
    send_at = send_moment(newsletter, day, issue)
    starts_at = min(send_at, first_wave or send_at)
    if now < starts_at or issue.state not in (IssueState.DRAFT, IssueState.APPROVED):
        return Turn(Due.NOTHING)
    needs_approval = issue.state is IssueState.DRAFT and newsletter.waits_for_editors
    decided_at = max(send_at, issue.approved_at or send_at)  # who approves late means it to go out
    latest = decided_at + timedelta(minutes=newsletter.grace_minutes)
    if now <= latest:
        return Turn(Due.NOTHING if needs_approval else Due.SEND)
    if needs_approval:
        return Turn(Due.HOLD, f"Nobody approved it by {_clock(newsletter, latest)}.")
    return Turn(Due.HOLD, _late(newsletter, send_at))


def send_moment(
    newsletter: Newsletter, day: date, issue: Issue | None = None, zone: ZoneInfo | None = None
) -> datetime:  # fmt: skip
    """When the issue of `day` goes out: at its own time if the editors gave it one, else at the newsletter's send_at.

    In a reader's own `zone` an issue of its own time is earlier or later by as much as in the newsletter's.
    """
    if zone is None and issue is not None and issue.send_at is not None:
        return issue.send_at
    return newsletter.moment("send_at", day, zone) + _shift(newsletter, day, issue)


def moment_on(newsletter: Newsletter, day: date, words: str) -> datetime:
    """What "08:15" on `day` or "2026-11-24T08:15" means in the newsletter's zone. Refused if it means nothing."""
    try:
        moment = datetime.fromisoformat(words if len(words) > 8 else f"{day}T{words}")
    except ValueError as error:
        raise Refused(f"{words!r} is no time: write 08:15, or 2026-11-24T08:15.") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=newsletter.zone)


def reminder_due(newsletter: Newsletter, issue: Issue, now: datetime) -> bool:
    """Whether it is time to tell the editors that nobody has approved it; not if it was made a moment ago."""
    if issue.state is not IssueState.DRAFT or newsletter.approval != "required" or not newsletter.remind_minutes:
        return False
    send_at = send_moment(newsletter, issue.issue_date, issue)
    remind_at = send_at - timedelta(minutes=newsletter.remind_minutes)
    return issue.drafted_at < remind_at <= now < send_at


def _shift(newsletter: Newsletter, day: date, issue: Issue | None) -> timedelta:
    if issue is None or issue.send_at is None:
        return timedelta(0)
    return issue.send_at - newsletter.moment("send_at", day).astimezone(UTC)


def waves(
    newsletter: Newsletter, day: date, zones: Iterable[str], ready_at: datetime, issue: Issue | None = None
) -> dict[str, datetime]:  # fmt: skip
    """When readers of each of `zones` are due, if each gets the issue of `day` at send_at in their own zone.

    A zone that is empty or unknown counts as the newsletter's. Where that hour has passed before the issue was ready
    (`ready_at`), they get it at once within the grace time, and else the next morning: nobody is mailed in the evening
    what was to be there for breakfast.
    """
    shift = _shift(newsletter, day, issue)
    return {name: _wave(newsletter, day, own_zone(newsletter, name), ready_at, shift) for name in zones}


def _wave(newsletter: Newsletter, day: date, zone: ZoneInfo, ready_at: datetime, shift: timedelta) -> datetime:
    at = newsletter.moment("send_at", day, zone) + shift
    if ready_at <= at:
        return at
    if ready_at <= at + timedelta(minutes=newsletter.grace_minutes):
        return ready_at
    here = ready_at.astimezone(zone).date()
    mornings = (newsletter.moment("send_at", here + timedelta(days=n), zone) for n in range(2))
    return next(morning for morning in mornings if morning >= ready_at)


def own_zone(newsletter: Newsletter, name: str) -> ZoneInfo:
    """A reader's zone by its name; the newsletter's where that is empty or none."""
    try:
        return ZoneInfo(name) if name else newsletter.zone
    except (KeyError, ValueError, OSError):  # a stranger's word: unknown, a path, a folder's name
        return newsletter.zone


def pause_ends(newsletter: Newsletter, day: date) -> datetime:
    """When a pause until `day` is over, so that the issue of that very day is the first to come again."""
    return datetime.combine(day, time.min, tzinfo=_first_zone(newsletter))


def pause_day(newsletter: Newsletter, until: datetime) -> date:
    """The day of the first issue after a pause until that moment."""
    return until.astimezone(_first_zone(newsletter)).date()


def _first_zone(newsletter: Newsletter) -> ZoneInfo:
    """Where the day begins first that an issue is sent on: its audience is drawn then, for everybody."""
    return ZoneInfo("Pacific/Kiritimati") if newsletter.local_time else newsletter.zone


def _unmade(newsletter: Newsletter, day: date, now: datetime) -> Turn:
    send_at = newsletter.moment("send_at", day)
    if now < newsletter.moment("draft_at", day):
        return Turn(Due.NOTHING)
    if holiday := newsletter.holiday_on(day):
        return Turn(Due.SKIP, f"{day} is a holiday in the config ({holiday}).")
    if now <= send_at + timedelta(minutes=newsletter.grace_minutes):
        return Turn(Due.DRAFT)
    if day < now.astimezone(newsletter.zone).date():
        return Turn(Due.SKIP, "Nothing was running on that day.")
    return Turn(Due.DRAFT_AND_HOLD, _late(newsletter, send_at))


def _late(newsletter: Newsletter, send_at: datetime) -> str:
    minutes = newsletter.grace_minutes
    return f"Its time, {_clock(newsletter, send_at)}, had passed by more than {minutes} minutes; a late issue is held."


def _clock(newsletter: Newsletter, moment: datetime) -> str:
    return f"{moment.astimezone(newsletter.zone):%H:%M} {newsletter.timezone}"
