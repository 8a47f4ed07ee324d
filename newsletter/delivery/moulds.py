"""The messages of an issue's editions: each is made once, when the first reader of its kind comes. Only these, which
go to readers, have links that are counted."""

from collections.abc import Sequence
from threading import Lock

from newsletter.config import Newsletter, Site
from newsletter.delivery.message import Mould, of_edition
from newsletter.rendering.models import Edition
from subscribers import Format


class Moulds:
    """By edition, and by whether a reader wants HTML. Shared by the senders of a process."""

    def __init__(self, site: Site, newsletter: Newsletter, editions: Sequence[Edition]) -> None:
        """`editions` are all of one issue, the whole one first. ConfigError for a key that is missing or wrong."""
        self._site, self._newsletter = site, newsletter
        self._editions: dict[int | None, Edition] = {edition.id: edition for edition in editions}
        self._editions[None] = editions[0]
        self._lock = Lock()
        self._made: dict[tuple[int | None, Format], Mould] = {}
        self.whole = self.of(None, Format.HTML)

    def of(self, edition_id: int | None, form: Format) -> Mould:
        """The message of an edition; None is the one that holds every section. KeyError for one of another issue."""
        found = self._made.get((edition_id, form))
        if found is None:
            with self._lock:
                found = of_edition(self._site, self._newsletter, self._editions[edition_id], form, counts=True)
                self._made[edition_id, form] = found
        return found
