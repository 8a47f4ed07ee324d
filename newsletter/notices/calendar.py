"""When a newsletter comes out, in words for a reader. Pure."""

from datetime import datetime, timedelta

from newsletter.config import Newsletter, weekdays_of

_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def rhythm(newsletter: Newsletter) -> str:
    """ "every day at 06:30", "Monday to Friday at 06:30", "every Saturday and Sunday at 09:00"."""
    return f"{_days(sorted(weekdays_of(newsletter.days)))} at {newsletter.send_at[:5]}"


def next_issue(newsletter: Newsletter, now: datetime) -> datetime:
    """The instant at which the next issue after `now` goes out, in the newsletter's zone."""
    today = now.astimezone(newsletter.zone).date()
    days = (today + timedelta(days=n) for n in range(9))
    return next(
        moment for d in days if newsletter.comes_out_on(d) and (moment := newsletter.moment("send_at", d)) > now
    )


def _days(days: list[int]) -> str:
    if len(days) == 7:
        return "every day"
    if len(days) > 2 and days[-1] - days[0] == len(days) - 1:
        return f"{_DAYS[days[0]]} to {_DAYS[days[-1]]}"
    names = [_DAYS[d] for d in days]
    return "every " + (" and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else names[0])
