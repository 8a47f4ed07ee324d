"""What speaks against a person having followed a link: scanners of gateways open every link of a mail. All pure.

No sign proves anything, and none alone is asked for by law or standard. So all followings are kept, with the signs that
were seen, and figures say "likely people" of those without any; the others are told apart from them, never hidden.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

EARLY = timedelta(seconds=20)  # after the relay took the mail; gateways look before they let it into the mailbox
MANY, AT_ONCE = 4, timedelta(seconds=3)  # so many different links of one mail within that time: nobody reads so fast
TRAPPED = timedelta(minutes=2)  # around the following of a link that nobody can see
LOOK_BACK = max(AT_ONCE, TRAPPED)  # how much of a mail's past its next following has to be seen with
_FETCHES = ("purpose", "sec-purpose", "x-purpose", "x-moz")
_AHEAD = re.compile(r"\b(?:prefetch|prerender|preview)\b", re.IGNORECASE)
_AGENT = re.compile(
    r"(?<!cu)bot\b|crawl|spider|slurp|scan|headless|phantomjs|preview|monitor|validator|link.?check|"
    r"^(?:curl|wget|python|java|go-http|okhttp|libwww|ruby|php|node|axios|httpx?|apache-httpclient)\b|"
    r"barracuda|mimecast|proofpoint|symantec|messagelabs|trend ?micro|sophos|fortinet|ironport|forcepoint|"
    r"zscaler|safelinks|skypeuripreview|facebookexternalhit|whatsapp|telegram|google-safety|googleimageproxy|yahoomailproxy",
    re.IGNORECASE,
)


class Sign(StrEnum):
    """Why it looks like no person."""

    HEAD = "head"  # it asked what is there without wanting it
    AHEAD = "ahead"  # a browser or mail program fetched it before anybody asked for it
    AGENT = "agent"  # it names itself a program, or says nothing of itself
    EARLY = "early"
    BURST = "burst"
    TRAP = "trap"


class Seen(NamedTuple):
    """One following of a link, as far as a judgement needs it."""

    at: datetime
    link: int
    is_trap: bool


def of_request(method: str, headers: Mapping[str, str]) -> frozenset[Sign]:
    """What one request shows by itself. `headers` are looked up in small letters."""
    agent = headers.get("user-agent", "")
    shown = {
        Sign.HEAD: method == "HEAD",
        Sign.AHEAD: any(_AHEAD.search(headers.get(name, "")) for name in _FETCHES),
        Sign.AGENT: not agent.strip() or _AGENT.search(agent) is not None,
    }
    return frozenset(sign for sign, is_shown in shown.items() if is_shown)


def of_mail(seen: Sequence[Seen], accepted_at: datetime | None) -> list[frozenset[Sign]]:
    """What the followings of one reader's mail show together, one set each, in the same order. `accepted_at` is when
    the relay took that mail, None where nobody knows."""
    traps = [one.at for one in seen if one.is_trap]
    return [
        frozenset(
            sign
            for sign, is_shown in (
                (Sign.EARLY, accepted_at is not None and one.at < accepted_at + EARLY),
                (Sign.BURST, _is_in_a_burst(one, seen)),
                (Sign.TRAP, any(abs(one.at - trap) <= TRAPPED for trap in traps)),
            )
            if is_shown
        )
        for one in seen
    ]


def in_words(signs: Collection[Sign]) -> str:
    """As they are stored: "early burst", "" for a likely person."""
    return " ".join(sign.value for sign in Sign if sign in signs)


def from_words(words: str) -> frozenset[Sign]:
    """The signs that `in_words` wrote."""
    return frozenset(map(Sign, words.split()))


def _is_in_a_burst(one: Seen, seen: Sequence[Seen]) -> bool:
    """Whether some span of AT_ONCE with it holds MANY different links."""
    near = [other for other in seen if abs(other.at - one.at) <= AT_ONCE]
    starts = {other.at for other in near if other.at <= one.at}
    return any(len({o.link for o in near if start <= o.at <= start + AT_ONCE}) >= MANY for start in starts)
