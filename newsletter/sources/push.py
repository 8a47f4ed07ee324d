"""Articles that a CMS hands over: checked here, cleaned like all others, known by the ids that the CMS gives them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from difflib import get_close_matches
from typing import Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from newsletter.config import Config, Source
from newsletter.database import Database
from newsletter.errors import FetchError
from newsletter.sources import clean, dates, items
from newsletter.sources.collect import locked_state, record_good
from newsletter.sources.found import FoundArticle
from newsletter.sources.keep import Outcome, keep

MAX_ARTICLES = 100  # in one call
PLAIN_WORDS = {
    "extra_forbidden": "there is no such key",
    "missing": "this key is missing",
    "string_type": "this must be text",
    "string_too_short": "this must not be empty",
    "list_type": "this must be a list",
    "timezone_aware": "this must name its zone: 2026-11-23T06:30:00+01:00",
    "datetime_from_date_parsing": "this must be a date with a time and a zone: 2026-11-23T06:30:00+01:00",
    "datetime_parsing": "this must be a date with a time and a zone: 2026-11-23T06:30:00+01:00",
    "datetime_type": "this must be a date with a time and a zone: 2026-11-23T06:30:00+01:00",
    "model_type": "this must be an object",
    "bool_type": "this must be true or false",
}


class PushedArticle(BaseModel):
    """One article as the API takes it. `body` is HTML; all other texts are plain."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    source: str
    id: str = Field(min_length=1, max_length=items.LONGEST_GUID)
    title: str = Field(min_length=1, max_length=5_000)
    url: str = Field(default="", max_length=5_000)
    standfirst: str = Field(default="", max_length=20_000)
    body: str = Field(default="", max_length=clean.BODY)
    author: str = Field(default="", max_length=2_000)
    sections: list[str] = Field(default=[], max_length=50)
    image: str = Field(default="", max_length=5_000)
    image_alt: str = Field(default="", max_length=5_000)
    is_paid: bool = False
    published_at: AwareDatetime | None = None


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with what was pushed: where ("articles[2].title"), and a sentence."""

    where: str
    why: str


class BadPush(FetchError):
    """What was pushed can't be taken; nothing of it was."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        more = f" ({len(problems) - 1} more)" if len(problems) > 1 else ""
        super().__init__(f"{problems[0].where}: {problems[0].why}.{more}" if problems[0].where else problems[0].why)
        self.problems = tuple(problems)


@dataclass(frozen=True)
class Taken:
    """What became of one pushed article."""

    source: str
    id: str
    article: int
    outcome: Outcome


_MANY, _ONE = TypeAdapter(list[PushedArticle]), TypeAdapter(PushedArticle)


def parse(data: bytes) -> list[PushedArticle]:
    """The article or the list of articles in JSON. Raises BadPush with every fault there is."""
    is_list = data.lstrip()[:1] == b"["
    try:
        articles = _MANY.validate_json(data) if is_list else [_ONE.validate_json(data)]
    except ValidationError as error:
        raise BadPush([_problem(one, is_list=is_list) for one in error.errors(include_url=False)[:20]]) from error
    if not articles:
        raise BadPush([Problem("articles", "the list is empty")])
    if len(articles) > MAX_ARTICLES:
        raise BadPush([Problem("articles", f"there are {len(articles)} of them; send at most {MAX_ARTICLES} at once")])
    return articles


def take(database: Database, config: Config, articles: Sequence[PushedArticle], now: datetime) -> list[Taken]:
    """Store them, all or none; what is known by its source and id is updated. Raises BadPush."""
    sources = {source.name: source for source in config.sources if source.kind == "push"}
    found = _found(articles, sources)
    with database.transaction() as session:
        taken: dict[tuple[str, str], Taken] = {}
        for name in sorted({article.source for article in articles}):
            state = locked_state(session, sources[name])
            of_source = [(a.id, one) for a, one in zip(articles, found, strict=True) if a.source == name]
            kept = keep(session, sources[name], [one for _, one in of_source], now)
            session.flush()
            state.checked_at, state.items = now, len(kept)
            record_good(state, now)
            for (number, _), one in zip(of_source, kept, strict=True):
                taken[name, number] = Taken(name, number, one.row.id or 0, one.outcome)
    return [taken[article.source, article.id] for article in articles]


def _found(articles: Sequence[PushedArticle], sources: dict[str, Source]) -> list[FoundArticle]:
    """The clean articles; BadPush where one can't be."""
    problems: list[Problem] = []
    found: list[FoundArticle] = []
    times = Counter((article.source, _seen(article.id)) for article in articles)
    for number, article in enumerate(articles):
        here = f"articles[{number}]" if len(articles) > 1 else ""
        faults = list(_faults(article, sources))
        if times[article.source, _seen(article.id)] > 1:
            faults.append(("id", "the same source and id stand there twice"))
        problems += [Problem(f"{here}.{key}".lstrip("."), why) for key, why in faults]
        made = _clean(article)
        if made is None:
            problems.append(Problem(f"{here}.title".lstrip("."), "nothing of it is left when it is cleaned"))
        else:
            found.append(made)
    if problems:
        raise BadPush(problems)
    return found


def _faults(article: PushedArticle, sources: dict[str, Source]) -> list[tuple[str, str]]:
    """What is wrong in ways that types don't tell: (key, sentence)."""
    faults = []
    if article.source not in sources:
        there = f"; there is {', '.join(sorted(sources))}" if sources else ""
        faults.append(("source", f'config.toml has no source {article.source!r} of kind = "push"{there}'))
    for key in ("url", "image"):
        value = getattr(article, key)
        if value and not clean.web_url(value):
            faults.append((key, "this is no web address; it begins with https:// or http://"))
    if not _seen(article.id):
        faults.append(("id", "this must be something that can be seen"))
    return faults


def _clean(article: PushedArticle) -> FoundArticle | None:
    plain = {name: _escaped(getattr(article, name)) for name in ("title", "standfirst", "author", "image_alt")}
    made = items.article(
        guid=article.id,
        link=clean.canonical_url(article.url),
        title=plain["title"],
        summary=plain["standfirst"],
        content=article.body,
        author=plain["author"],
        sections=map(_escaped, article.sections),
        image=clean.web_url(article.image),
        alt=plain["image_alt"],
        published_at=dates.in_utc(article.published_at, UTC) if article.published_at else None,
    )
    return replace(made, is_paid=article.is_paid) if made else None


def _seen(number: str) -> str:
    """An id as it is stored."""
    return clean.printable(number).strip()


def _escaped(text: str) -> str:
    """Plain text as HTML."""
    return text.replace("&", "&amp;").replace("<", "&lt;")


def _problem(error: Any, *, is_list: bool) -> Problem:
    """One of pydantic's findings in plain words."""
    place = error["loc"]
    where = "articles" * is_list + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place)
    if error["type"] == "json_invalid":
        return Problem("", f"This is no JSON: {error['ctx']['error']}.")
    words = PLAIN_WORDS.get(error["type"]) or _lower(error["msg"])
    if error["type"] == "extra_forbidden":
        near = get_close_matches(str(place[-1]), list(PushedArticle.model_fields), n=1)
        words += f"; did you mean {near[0]}?" if near else ""
    return Problem(where.lstrip("."), words)


def _lower(words: str) -> str:
    return words[:1].lower() + words[1:].rstrip(".")
