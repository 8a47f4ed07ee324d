"""Links that are counted: numbered once an issue, and laid into the message in the place of the articles' own. Pure.

An edition keeps the straight addresses, and so do the archive, previews and test copies. Only the message that readers
get leads by our door, and only where the newsletter counts; the list is frozen with the edition, and the door leads
nowhere else. Links to leave, to choose and to the web view are never counted, nor are those in editors' own words.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from html import escape, unescape
from typing import Any, NamedTuple
from urllib.parse import quote

from newsletter import links
from newsletter.config import Site
from newsletter.issues.contents import Contents
from newsletter.rendering import slots

TRAP = 0  # the number of a link without words, shown to nobody: only a robot follows it
_PRINTABLE = "".join(map(chr, range(33, 127)))
_HREF = re.compile(r"""(\bhref=)("|')(.*?)\2""", re.DOTALL)
_IN_TEXT = re.compile(r"https?://\S+")
_BODY_ENDS = re.compile(r"</body\s*>", re.IGNORECASE)


class Link(NamedTuple):
    """One link of an issue."""

    number: int
    url: str
    title: str  # of what stands behind it
    section: str  # of the pick; "" for what is none
    kind: str  # story | also | sponsor | trap

    @property
    def is_trap(self) -> bool:
        """Whether no person can see it."""
        return self.kind == "trap"


def of(contents: Contents) -> tuple[Link, ...]:
    """The links of a whole issue, in its order; what two picks share is the first one's. The trap leads to our own page
    of the issue."""
    found: dict[str, Link] = {}
    for link in _named(contents):
        if link.url.startswith(("https://", "http://")):
            found.setdefault(_plain(link.url), link._replace(number=len(found) + 1))
    return Link(TRAP, contents.web_view_url, "", "", "trap"), *found.values()


def kept(rows: Iterable[Mapping[str, Any]]) -> tuple[Link, ...]:
    """Links as an edition holds them."""
    return tuple(Link(**row) for row in rows)


def laid_in(html: str, text: str, counted: Sequence[Link], site: Site) -> tuple[str, str]:
    """HTML and text of an edition with a mark of `slots` in each link that is counted, and the trap at the end of the
    HTML; an HTML of "" stays so. Custom templates' links count too: they are known by their addresses."""
    to = {_plain(link.url): links.click(site, slots.CLICK, link.number) for link in counted if not link.is_trap}
    found = _IN_TEXT.sub(lambda match: to.get(_plain(match[0]), match[0]), text)
    if not html:
        return "", found
    return _with_trap(_HREF.sub(_href(to), html), site), found


def _named(contents: Contents) -> Iterator[Link]:
    """What may be counted, without numbers."""
    for item in contents.items:
        yield Link(0, item.url, item.title, item.section, "story")
    for item in contents.items:
        for also in item.also:
            yield Link(0, also.url, also.title, item.section, "also")
    if contents.sponsor:
        yield Link(0, contents.sponsor.url, contents.sponsor.label, "", "sponsor")


def _href(to: Mapping[str, str]) -> Callable[[re.Match[str]], str]:
    def led(match: re.Match[str]) -> str:
        begin, mark, address = match.groups()
        door = to.get(_plain(unescape(address)))
        return f"{begin}{mark}{escape(door)}{mark}" if door else match[0]

    return led


def _with_trap(html: str, site: Site) -> str:
    """It has no words and is not displayed, also where a mail program drops one of the two."""
    door = escape(links.click(site, slots.CLICK, TRAP))
    trap = f'<a href="{door}" style="display:none" aria-hidden="true" tabindex="-1"></a>'
    ends = list(_BODY_ENDS.finditer(html))
    place = ends[-1].start() if ends else len(html)
    return html[:place] + trap + html[place:]


def _plain(url: str) -> str:
    """One spelling for an address, whoever has written it: serialising HTML encodes what is not ASCII."""
    return quote(url, safe=_PRINTABLE)
