"""The pictures of an issue: which ones its picks name, and what is shown of each, as the newsletter wants it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlmodel import Session, col, select

from newsletter import links
from newsletter.config import Config, Newsletter
from newsletter.issues import models
from newsletter.issues.models import Issue
from newsletter.picks.choose import Pick
from newsletter.sources import fetch, hosting
from newsletter.sources.hosting import Wanted
from newsletter.sources.models import Article, Picture


@dataclass(frozen=True)
class Shown:
    """A picture in the mail: its address ("" for none) and its size in pixels (0 where it is not known)."""

    address: str = ""
    width: int = 0
    height: int = 0


def wanted(session: Session, config: Config, picks: Iterable[Pick]) -> list[Wanted]:
    """The pictures that picks name."""
    return wanted_by(session, config, [pick.piece.id for pick in picks])


def wanted_by(session: Session, config: Config, ids: Sequence[int]) -> list[Wanted]:
    """The pictures that these articles name."""
    ports = {source.name: fetch.port_of(str(source.url or "")) for source in config.sources}
    rows = session.exec(
        select(col(Article.image), col(Article.source)).where(col(Article.id).in_(ids), col(Article.image) != "")
    )
    return [Wanted(image, ports.get(source)) for image, source in rows]


def shown(config: Config, newsletter: Newsletter, image: str, known: Mapping[str, Picture]) -> Shown:
    """What readers see of an article's `image`, by the newsletter's `images` and what is known of the picture."""
    picture = known.get(image)
    if not image or newsletter.images == "none":
        return Shown()
    if newsletter.images == "link" or image.startswith("media/"):
        size = (picture.width, picture.height) if picture else (0, 0)
        return Shown(links.media(config.site, image), *size)
    if picture is None or not picture.file:
        return Shown()
    return Shown(links.media(config.site, picture.file), picture.width, picture.height)


def lost(session: Session, newsletter: Newsletter, issue: Issue) -> dict[str, str]:
    """The pictures of an issue's picks that could not be had, by address, with the reason."""
    if newsletter.images == "none":
        return {}
    rows = session.exec(
        select(col(Article.image))
        .join(models.Pick, col(models.Pick.article_id) == col(Article.id))
        .where(col(models.Pick.issue_id) == issue.id, col(Article.image) != "")
        .order_by(col(models.Pick.position))
    ).all()
    return {address: picture.why for address, picture in hosting.of(session, rows).items() if picture.why}
