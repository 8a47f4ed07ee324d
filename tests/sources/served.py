"""Sources that are served on loopback, and what the store has of them."""

from datetime import timedelta
from pathlib import Path

from sqlmodel import select

from newsletter.config import Config
from newsletter.database import Database
from newsletter.sources.models import Article, ArticleChange, SourceState
from tests.builders import CONFIG, NOW, a_config

HEAD, _, _ = CONFIG.partition("[[sources]]")
TAIL = "[[newsletters]]" + CONFIG.partition("[[newsletters]]")[2]
LATER = NOW + timedelta(hours=2)


def with_sources(*sources: str, folder: Path = Path("/project")) -> Config:
    """The Harbour Post's config with these [[sources]]; loopback is allowed."""
    tables = "".join(f"[[sources]]\n{source}\n" for source in sources)
    return a_config(HEAD + '[collecting]\nprivate_networks = ["127.0.0.1/32"]\n' + tables + TAIL, folder)


def a_feed(name: str, url: str, **more: str) -> str:
    """The table of a feed."""
    keys = {"name": name, "kind": "feed", "url": url, "section": "World"} | more
    return "\n".join(f'{key} = "{value}"' for key, value in keys.items())


def items(*insides: str) -> bytes:
    """An RSS feed."""
    return (
        "<rss version='2.0'><channel>" + "".join(f"<item>{i}</item>" for i in insides) + "</channel></rss>"
    ).encode()


def stored(database: Database, source: str = "wire") -> list[Article]:
    """Its articles, oldest row first."""
    with database.reading() as session:
        return list(session.exec(select(Article).where(Article.source == source).order_by("id")))


def state(database: Database, source: str = "wire") -> SourceState:
    """What the source last answered."""
    with database.reading() as session:
        return session.exec(select(SourceState).where(SourceState.name == source)).one()


def changes(database: Database) -> list[tuple[str, str]]:
    """What was written down of changed articles: field and former value, oldest first."""
    with database.reading() as session:
        query = select(ArticleChange.field, ArticleChange.before).order_by("id")
        return [(field, before) for field, before in session.exec(query)]
