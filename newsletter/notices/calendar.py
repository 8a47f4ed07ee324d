"""When a newsletter comes out, in words for a reader. Pure."""

from datetime import datetime, timedelta

from newsletter.config import Newsletter, weekdays_of
from newsletter.wordbook import Wordbook


def rhythm(newsletter: Newsletter, words: Wordbook) -> str:
    """ "every day at 06:30", "Monday to Friday at 06:30", "every Saturday and Sunday at 09:00"."""
    days, time = sorted(weekdays_of(newsletter.days)), newsletter.send_at[:5]
    names = [words.weekday(day) for day in days]
    if len(days) == 7:
        return words.say("every day at %(time)s", time=time)
    if len(days) > 2 and days[-1] - days[0] == len(days) - 1:
        return words.say("%(first)s to %(last)s at %(time)s", first=names[0], last=names[-1], time=time)
    return words.say("every %(days)s at %(time)s", days=words.listed(names), time=time)


def next_issue(newsletter: Newsletter, now: datetime) -> datetime:
    """The instant at which the next issue after `now` goes out, in the newsletter's zone."""
    today = now.astimezone(newsletter.zone).date()
    days = (today + timedelta(days=n) for n in range(9))
    return next(
        moment for d in days if newsletter.comes_out_on(d) and (moment := newsletter.moment("send_at", d)) > now
    )
