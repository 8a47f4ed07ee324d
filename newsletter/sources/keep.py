"""Found articles → rows: what is new, what is known, and what has changed in it.

Sources change all there is of an article: its id, its address, its headline, its date. So an article is known by its
id, else by its address, else by what is left of both and of its words (`_alike`). Whoever picks can rely on one row for
one article, and on `article_change` for what it said before.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from urllib.parse import urlsplit

from sqlalchemy import or_
from sqlmodel import Session, col, select

from newsletter.config import Source
from newsletter.sources import clean
from newsletter.sources.found import FoundArticle
from newsletter.sources.models import Article, ArticleChange

Outcome = Literal["new", "changed", "seen"]
RECORDED = ("guid", "url", "title", "published_at")  # whose values before a change are written down
FROM_PAGES = ("standfirst", "author", "image", "image_alt", "is_paid")  # that `pages` fills where a feed lacks them


@dataclass(frozen=True)
class Kept:
    """What became of one found article."""

    row: Article
    outcome: Outcome


def keep(session: Session, source: Source, found: Iterable[FoundArticle], now: datetime) -> list[Kept]:
    """Insert or update each; ids are given after the next flush. Who pushes articles is believed about their ids."""
    if source.kind == "push":
        articles = list(found)
        guids = sorted(article.guid for article in articles)
        rows = {row.guid: row for row in _look_up(session, source, col(Article.guid).in_(guids))}
    else:
        articles = distinct(found)
        rows = _rows_of(session, source, articles)
    return [_kept(session, source, rows.get(article.guid), article, now) for article in articles]


def distinct(found: Iterable[FoundArticle]) -> list[FoundArticle]:
    """Each article once: the first of those with one id, and of those with one page and one headline."""
    by_guid: dict[str, FoundArticle] = {}
    told: set[tuple[str, str]] = set()
    for article in found:
        key = (article.url or article.guid, article.title)
        if article.guid not in by_guid and key not in told:
            by_guid[article.guid] = article
            told.add(key)
    return list(by_guid.values())


def _kept(session: Session, source: Source, row: Article | None, found: FoundArticle, now: datetime) -> Kept:
    values = _values(found, source, row, now)
    if row is None:
        row = Article(source=source.name, first_seen_at=now, changed_at=now, place=found.place, **values)
        session.add(row)
        return Kept(row, "new")
    row.place = found.place or row.place  # where it stands says nothing of what it is
    changed = {name for name, value in values.items() if getattr(row, name) != value}
    if not changed:
        return Kept(row, "seen")
    for name in RECORDED:
        if name in changed:
            before = getattr(row, name)
            words = before.isoformat() if isinstance(before, datetime) else before
            session.add(ArticleChange(article_id=row.id or 0, at=now, field=name, before=words))
    row.sqlmodel_update(values | {"changed_at": now})
    return Kept(row, "changed")


# --- which row an article has ----------------------------------------------------------------------------------------


def _rows_of(session: Session, source: Source, found: list[FoundArticle]) -> dict[str, Article]:
    """The row of each known article, by the id that it has now."""
    guids, pages = {article.guid for article in found}, _pages(found)
    addresses = {form for page in pages for form in _both_schemes(page)}
    known = _look_up(session, source, col(Article.guid).in_(sorted(guids)), col(Article.url).in_(sorted(addresses)))
    rows = {row.guid: row for row in known if row.guid in guids}
    by_page = {form: row for row in known if row.guid not in guids for form in _both_schemes(row.url)}
    left = []
    for article in found:
        if article.guid in rows:
            continue
        row = by_page.get(article.url) if article.url in pages else None
        if row is not None and row.id not in {claimed.id for claimed in rows.values()}:
            rows[article.guid] = row
        else:
            left.append(article)
    return rows | _changed_beyond_recognition(session, source, left, taken={row.id for row in rows.values()})


def _look_up(session: Session, source: Source, *ways: Any) -> list[Article]:
    return list(
        session.exec(select(Article).where(Article.source == source.name, or_(*ways)).order_by(col(Article.id)))
    )


def _changed_beyond_recognition(
    session: Session, source: Source, found: list[FoundArticle], taken: set[int | None]
) -> dict[str, Article]:
    """The rows of those that changed their id and their address at once. An article that is still in the feed under
    its old id is another one: only rows that nothing else has claimed are looked at."""
    if not found:
        return {}
    times = Counter(clean.page_of(article.url) for article in found)
    pages = {page for page, count in times.items() if page and count == 1}
    titles = {article.title for article in found}
    moments = {article.published_at for article in found if article.dated and article.published_at}
    ways = (
        col(Article.page).in_(sorted(pages)),
        col(Article.title).in_(sorted(titles)),
        col(Article.published_at).in_(sorted(moments)),
    )
    free = [row for row in _look_up(session, source, *ways) if row.id not in taken]
    rows: dict[str, Article] = {}
    for article in found:
        of_page = (row for row in free if row.page in pages and _of_one_page(row, article))
        row = next(of_page, None) or next((row for row in free if _alike(row, article)), None)
        if row is not None:
            rows[article.guid] = row
            free = [other for other in free if other.id != row.id]
    return rows


def _of_one_page(row: Article, found: FoundArticle) -> bool:
    """Whether both stand on a page that is one article's: by its name, or because one address has nothing else."""
    page = clean.page_of(found.url)
    is_whole = "?" not in row.url or "?" not in found.url
    return row.page == page and (is_whole or clean.names_one_article(page))


def _alike(row: Article, found: FoundArticle) -> bool:
    """The same headline and two more of page, standfirst and moment; or all of these, and half of the headline."""
    page = clean.page_of(found.url)
    agreeing = (
        page != "" and row.page == page,
        found.standfirst != "" and row.standfirst == found.standfirst,
        found.dated and row.published_at == found.published_at,
    )
    return sum(agreeing) >= (2 if row.title == found.title else 3) and _share_words(row.title, found.title)


def _share_words(one: str, other: str) -> bool:
    """Whether two headlines have half of their words in common."""
    words, others = set(one.casefold().split()), set(other.casefold().split())
    return 2 * len(words & others) >= min(len(words), len(others))


def _pages(found: list[FoundArticle]) -> set[str]:
    """The addresses that name one article each. A front page, or one that several articles share, does not."""
    times = Counter(article.url for article in found)
    return {
        url for url, count in times.items() if count == 1 and (urlsplit(url).path.strip("/") or urlsplit(url).query)
    }


def _both_schemes(url: str) -> Iterator[str]:
    """The address by http and by https: a site that changes over changes all of them."""
    yield url
    if url.startswith("https://"):
        yield "http://" + url.removeprefix("https://")
    elif url:
        yield "https://" + url.removeprefix("http://")


# --- what a row says -------------------------------------------------------------------------------------------------


def _values(found: FoundArticle, source: Source, row: Article | None, now: datetime) -> dict[str, Any]:
    """The columns that a source decides.

    An article can't have come out later than we first saw it: feeds lie about that. And a date that was guessed stays
    as it was guessed first: correcting a word in a file makes it no newer. What was read from an article's page stays
    where the feed goes on saying nothing.
    """
    first_seen_at = row.first_seen_at if row else now
    published_at = min(found.published_at or first_seen_at, first_seen_at)
    if row and not (found.dated and found.published_at):
        published_at = row.published_at
    values = {
        "guid": found.guid,
        "url": found.url,
        "page": clean.page_of(found.url),
        "title": found.title,
        "standfirst": found.standfirst,
        "body": found.body,
        "author": found.author,
        "section": section_of(found.sections, source),
        "image": found.image,
        "image_alt": found.image_alt,
        "is_paid": found.is_paid,
        "words": found.words,
        "published_at": published_at,
    }
    if row and row.page_read_at:
        values |= {name: values[name] or getattr(row, name) for name in FROM_PAGES}
        values["section"] = section_of(found.sections, source, otherwise=row.section)
    return values


def section_of(named: Iterable[str], source: Source, otherwise: str = "") -> str:
    """The first of an article's own sections that the config knows, written as there; else the source's."""
    known = {name.casefold(): name for name in (*source.sections, source.section)}
    return next((known[name.casefold()] for name in named if name.casefold() in known), otherwise or source.section)
