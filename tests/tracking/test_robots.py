"""What looks like no person: each sign by itself, and people who are none of it."""

from datetime import timedelta
from itertools import permutations

import pytest

from newsletter.tracking import robots
from newsletter.tracking.robots import AT_ONCE, EARLY, MANY, TRAPPED, Seen, Sign
from tests.builders import NOW

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    "agent",
    [
        FIREFOX,
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148",
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/143.0.0.0 "
        "Safari/537.36 Edg/143.0.0.0",
        "Mozilla/5.0 (Linux; Android 16; Cubot X70) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/143.0 Mobile "
        "Safari/537.36 GSA/16.1",
    ],
)
def test_a_person_with_a_browser_shows_no_sign(agent: str):
    """Also on a telephone whose maker is called Cubot."""
    assert robots.of_request("GET", {"user-agent": agent, "accept-language": "de"}) == frozenset()


@pytest.mark.parametrize(
    ("method", "headers", "sign"),
    [
        ("HEAD", {"user-agent": FIREFOX}, Sign.HEAD),
        ("GET", {"user-agent": FIREFOX, "sec-purpose": "prefetch;prerender"}, Sign.AHEAD),
        ("GET", {"user-agent": FIREFOX, "purpose": "prefetch"}, Sign.AHEAD),
        ("GET", {"user-agent": FIREFOX, "x-purpose": "preview"}, Sign.AHEAD),
        ("GET", {"user-agent": FIREFOX, "x-moz": "prefetch"}, Sign.AHEAD),
        ("GET", {}, Sign.AGENT),
        ("GET", {"user-agent": " "}, Sign.AGENT),
        ("GET", {"user-agent": "curl/8.9.1"}, Sign.AGENT),
        ("GET", {"user-agent": "python-requests/2.32"}, Sign.AGENT),
        ("GET", {"user-agent": "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"}, Sign.AGENT),
        ("GET", {"user-agent": "Mozilla/5.0 AppleWebKit/537.36 HeadlessChrome/143.0 Safari/537.36"}, Sign.AGENT),
        ("GET", {"user-agent": "BarracudaCentral LinkScan"}, Sign.AGENT),
    ],
)
def test_a_request_shows_by_itself_what_it_is(method: str, headers: dict[str, str], sign: Sign):
    """Without a look at any other."""
    assert robots.of_request(method, headers) == {sign}


def seen(*moments: tuple[float, int]) -> list[Seen]:
    """(seconds after NOW, link); 0 is the trap."""
    return [Seen(NOW + SECOND * after, link, is_trap=link == 0) for after, link in moments]


def test_before_a_mailbox_can_show_it_nobody_has_read_it():
    """Gateways look while they deliver."""
    early, late = NOW + EARLY - SECOND, NOW + EARLY
    judged = robots.of_mail([Seen(early, 1, False), Seen(late, 1, False)], accepted_at=NOW)
    assert judged == [{Sign.EARLY}, frozenset()]
    assert robots.of_mail(seen((0, 1)), None) == [frozenset()]


def test_many_links_at_once_are_a_burst_whatever_their_order():
    """One who opens three stories in tabs is a person, and so is one who opens the same one again and again."""
    span = AT_ONCE.total_seconds()
    burst = seen(*((n * span / (MANY - 1), n + 1) for n in range(MANY)))
    for order in permutations(burst):
        assert robots.of_mail(order, None) == [{Sign.BURST}] * MANY
    assert robots.of_mail(burst[1:], None) == [frozenset()] * (MANY - 1)
    assert robots.of_mail(seen(*((n, n + 1) for n in range(3 * MANY))), None).count(frozenset()) == 0
    assert robots.of_mail(seen(*((2 * n, n + 1) for n in range(3 * MANY))), None) == [frozenset()] * 3 * MANY
    assert robots.of_mail(seen(*((0, 1) for _ in range(3 * MANY))), None) == [frozenset()] * 3 * MANY
    first, *rest = robots.of_mail([*seen((-60, 9)), *burst], None)
    assert first == frozenset()
    assert rest == [{Sign.BURST}] * MANY


def test_who_follows_a_link_that_nobody_can_see_is_none():
    """What came shortly before and after it is the same scanner's; the reader's own, later, is not."""
    apart = TRAPPED.total_seconds()
    judged = robots.of_mail(seen((0, 3), (apart, 0), (2 * apart, 5), (2 * apart + 1, 6)), None)
    assert judged == [{Sign.TRAP}, {Sign.TRAP}, {Sign.TRAP}, frozenset()]


def test_signs_are_words_in_the_store():
    """Read back as they were written, and "" for a likely person."""
    assert robots.in_words([]) == ""
    assert robots.from_words("") == frozenset()
    every = frozenset(Sign)
    assert robots.from_words(robots.in_words(every)) == every
    assert len(robots.in_words(every)) <= 60
