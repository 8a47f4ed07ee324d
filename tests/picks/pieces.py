"""A piece with everything it needs, so that a test says only what it is about."""

from datetime import UTC, datetime, timedelta
from typing import Any

from newsletter.config import SectionRule
from newsletter.picks.piece import Piece
from newsletter.picks.rules import Rules

MOMENT = datetime(2026, 11, 23, 6, 30, tzinfo=UTC)
EVENTS = (
    "Council votes on the new harbour wall",
    "Opera house names Ilse Brandt as conductor",
    "Fishermen land a record herring catch",
    "Storm fells the oldest oak in Quarry Park",
    "Rowing club beats Kelmouth in the regatta",
    "Museum recovers a stolen Viking coin",
    "Bakers strike over flour prices",
    "Hospital gets a wing for children",
    "Night trams return after eleven years",
    "Police look for a bronze fox",
    "University finds water under Mount Orrin",
    "Teenager swims the strait in nine hours",
)


def a_piece(number: int = 1, *, hours_old: float = 1.0, **changes: Any) -> Piece:
    """A plain piece of the city desk about an event of its own."""
    values: dict[str, Any] = {
        "id": number,
        "source": "city-desk",
        "guid": f"article-{number}",
        "url": f"https://post.example.com/{number}",
        "title": EVENTS[number % len(EVENTS)],
        "standfirst": "",
        "text": "",
        "section": "City",
        "author": "",
        "has_image": False,
        "published_at": MOMENT - timedelta(hours=hours_old),
        "weight": 1.0,
    }
    return Piece(**(values | changes))


def rules(*sections: tuple[str, int | None], max_articles: int = 10, half_life_hours: float = 12) -> Rules:
    """Rules with these sections; City alone where none is named."""
    named = tuple(SectionRule(name=name, max=most) for name, most in sections or (("City", None),))
    return Rules(named, max_articles, timedelta(hours=half_life_hours))
