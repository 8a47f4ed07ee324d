"""One rendered edition for each set of sections that readers have chosen: work grows with the sets, not the readers.

They are made with the whole edition while the issue is a draft, and once more for sets that were chosen since when it
is approved. From then on all are frozen, and whoever chooses something else gets the fullest of them that fits.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import func
from sqlmodel import Session, col, select

from newsletter.config import Config, Newsletter
from newsletter.issues import assemble
from newsletter.issues.contents import Contents
from newsletter.issues.models import Issue, IssueState, Pick
from newsletter.issues.topics import Offer, narrowed
from newsletter.rendering import counted, editions
from newsletter.rendering.counted import Link
from newsletter.rendering.models import Edition
from subscribers import audience

if TYPE_CHECKING:
    from newsletter.rendering.render import Rendered


def keep(
    session: Session, config: Config, newsletter: Newsletter, issue: Issue, contents: Contents, now: datetime
) -> Edition:
    """Render and store all editions of a draft in the place of those before; returns the whole one."""
    links = counted.of(contents) if newsletter.clicks else ()
    whole = editions.keep(session, issue, _rendered(config, contents), now, links)
    _add(session, config, issue, contents, links, _wanted(session, config, newsletter, issue), now)
    return whole


def complete(session: Session, config: Config, newsletter: Newsletter, issue: Issue, now: datetime) -> None:
    """Add to a draft the editions of sets that readers have chosen since; what is there stays as it is."""
    made = editions.all_of(session, issue)
    there, links = {edition.topics for edition in made}, counted.kept(made[0].links)
    missing = [name for name in _wanted(session, config, newsletter, issue) if name not in there]
    if missing:
        contents = assemble.contents(session, config, newsletter, issue)
        _add(session, config, issue, contents, links, missing[: max(0, newsletter.max_editions - len(there))], now)


def offer(session: Session, config: Config, newsletter: Newsletter, issue: Issue) -> Offer:
    """What the issue has for those who have chosen topics, by its picks."""
    counted = select(col(Pick.section), func.count()).where(col(Pick.issue_id) == issue.id).group_by(col(Pick.section))
    return Offer(
        sections=tuple(rule.name for rule in config.sections_of(newsletter)) if newsletter.topics else (),
        held=dict(session.exec(counted).all()),
        least=newsletter.topic_min_articles,
        most=newsletter.max_editions,
        falls_back_to_whole=newsletter.topic_fallback == "whole",
    )


def fitting(session: Session, config: Config, newsletter: Newsletter, issue: Issue, chosen: str) -> Edition | None:
    """The edition of an issue for a packed set of topics; None: whoever chose it gets nothing of this issue."""
    made = {edition.topics: edition for edition in editions.all_of(session, issue)}
    name = offer(session, config, newsletter, issue).fitting(chosen, made)
    return None if name is None else made[name]


def shown(session: Session, config: Config, newsletter: Newsletter, issue: Issue, chosen: str) -> Edition | None:
    """The same to look at: of an issue that is not frozen yet, one that nobody has chosen before is rendered, and not
    stored."""
    offered, is_open = offer(session, config, newsletter, issue), issue.state in (IssueState.DRAFT, IssueState.HELD)
    name = offered.edition(chosen)
    if not is_open or name not in offered.editions({chosen: 1}):
        return fitting(session, config, newsletter, issue, chosen)
    contents = narrowed(assemble.contents(session, config, newsletter, issue), name)
    made = _rendered(config, contents)
    return Edition(issue_id=issue.id or 0, topics=name, rendered_at=issue.drafted_at, **vars(made))


def by_set(session: Session, config: Config, newsletter: Newsletter, issue: Issue) -> dict[str, Edition | None]:
    """For each packed set of topics that readers have chosen, its edition; None for those who get nothing of it."""
    readers = audience.topics(session, newsletter.slug) if newsletter.topics else {}
    if not readers:
        return {}
    made = {edition.topics: edition for edition in editions.all_of(session, issue)}
    offered = offer(session, config, newsletter, issue)
    names = {chosen: offered.fitting(chosen, made) for chosen in readers}
    return {chosen: None if name is None else made[name] for chosen, name in names.items()}


def readers(
    session: Session, config: Config, newsletter: Newsletter, issue: Issue, chosen: Mapping[str, int]
) -> dict[str, int]:
    """How many readers each edition has by its name, where `chosen` counts those of every packed set, "" among them."""
    made = [edition.topics for edition in editions.every(session, issue)]
    offered, counts = offer(session, config, newsletter, issue), dict.fromkeys(made, 0)
    for topics, count in chosen.items():
        name = offered.fitting(topics, made)
        if name is not None and name in counts:
            counts[name] += count
    return counts


def _wanted(session: Session, config: Config, newsletter: Newsletter, issue: Issue) -> list[str]:
    readers = audience.topics(session, newsletter.slug) if newsletter.topics else {}
    return offer(session, config, newsletter, issue).editions(readers) if readers else []


def _add(
    session: Session, config: Config, issue: Issue, contents: Contents, links: Sequence[Link], names: Iterable[str],
    now: datetime,
) -> None:  # fmt: skip
    for name in names:
        editions.add(session, issue, name, _rendered(config, narrowed(contents, name)), now, links)


def _rendered(config: Config, contents: Contents) -> "Rendered":
    from newsletter.rendering import render  # Jinja, MJML, premailer: slow to import, and most commands render nothing
    from newsletter.rendering.templates import of_project

    return render.edition(contents, of_project(config.folder), config.site)
