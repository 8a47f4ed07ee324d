"""What an issue's readers followed, link by link: likely people, and apart from them what looks like robots."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from sqlmodel import Session

from newsletter.rendering import editions
from newsletter.rendering.counted import Link
from subscribers import clicks
from subscribers.clicks import Followed

NOBODY = Followed(0, Counter())


@dataclass(frozen=True)
class Line:
    """One link, and how it was followed."""

    link: Link
    people: int
    robots: int

    def per_hundred(self, accepted: int) -> float:
        """People for each hundred readers to whom the issue was handed over."""
        return per_hundred(self.people, accepted)


@dataclass(frozen=True)
class Clicks:
    """All of an issue's; `lines` in the order of the mail, every link with one, also where nobody came."""

    lines: list[Line]
    people: int  # different readers who followed any link
    signs: Counter[str] = field(default_factory=Counter)  # of robots: how often each was seen

    @property
    def robots(self) -> int:
        """Followings that look like no person's."""
        return sum(line.robots for line in self.lines)

    def document(self, accepted: int) -> dict[str, Any]:
        """Ready for JSON. `accepted` is how many got the issue."""
        return {
            "people": self.people,
            "per_hundred": per_hundred(self.people, accepted),
            "robots": self.robots,
            "signs": dict(sorted(self.signs.items())),
            "links": [
                {
                    "link": line.link.number,
                    "kind": line.link.kind,
                    "title": line.link.title,
                    "section": line.link.section,
                    "url": line.link.url,
                    "people": line.people,
                    "per_hundred": line.per_hundred(accepted),
                    "robots": line.robots,
                }
                for line in self.lines
            ],
        }


def of(session: Session, issue_id: int) -> Clicks | None:
    """What is known now; None for an issue that counts none."""
    links = editions.links_of(session, issue_id)
    if not links:
        return None
    found = clicks.of_issue(session, issue_id)
    lines = []
    for link in sorted(links, key=lambda link: (link.is_trap, link.number)):
        people, robots = found.get(link.number, NOBODY)
        if not link.is_trap or robots.total():
            lines.append(Line(link, people, robots.total()))
    signs: Counter[str] = Counter()
    for followed in found.values():
        for words, times in followed.robots.items():
            signs.update(dict.fromkeys(words.split(), times))
    return Clicks(lines, clicks.people_of_issue(session, issue_id), signs)


def per_hundred(people: int, accepted: int) -> float:
    """With two digits; 0 where nobody has got it yet."""
    return round(100 * people / accepted, 2) if accepted else 0.0
