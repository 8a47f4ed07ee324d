"""Readers' pages out of templates/pages.

A page speaks the language that its reader has chosen, else that of the newsletter that it is about; one that is about
none, that of the first.
"""

from datetime import date, datetime
from urllib.parse import urlsplit

from fastapi.responses import HTMLResponse
from jinja2 import pass_context
from jinja2.runtime import Context

from newsletter.config import Config, Newsletter
from newsletter.notices import rhythm
from newsletter.rendering import environment
from newsletter.wordbook import Wordbook, begun, spoken


class Pages:
    """All pages of one site."""

    def __init__(self, config: Config) -> None:
        self._first = config.newsletters[0]
        self._environment = environment.of_project(config.folder)
        self._environment.filters |= {"day": _day, "short_day": _short_day, "capitalize_first": begun}
        self._environment.globals |= {
            "site": config.site,
            "newsletters": config.newsletters,
            "root": urlsplit(config.site.url).path,  # where a proxy puts us under a folder
            "rhythm": _rhythm,
            "keep_clicks_days": config.tracking.keep_clicks_days,
        }

    def page(self, name: str, status: int = 200, paper: Newsletter | None = None, **values: object) -> HTMLResponse:
        """templates/pages/NAME.html with `values`, in the name, colour and language of `paper`."""
        return HTMLResponse(self.text(f"{name}.html", paper, **values), status)

    def text(self, file: str, paper: Newsletter | None = None, **values: object) -> str:
        """The same as text, of any file of the folder."""
        named = {"paper": paper or self._first, "wordbook": self.words(paper), **values}
        return self._environment.get_template(f"pages/{file}").render(named)

    def words(self, paper: Newsletter | None = None, reader: str = "") -> Wordbook:
        """What a page about `paper` is worded with; `reader` is its reader's language, "" where none is known."""
        about = paper or self._first
        return spoken(about.language, about.words, reader)


@pass_context
def _day(context: Context, moment: date | datetime) -> str:
    """ "Monday, 23 November 2026"."""
    words: Wordbook = context["wordbook"]
    return words.long_date(moment)


@pass_context
def _short_day(context: Context, moment: date | datetime) -> str:
    """ "7 December"."""
    words: Wordbook = context["wordbook"]
    return words.day_and_month(moment)


@pass_context
def _rhythm(context: Context, newsletter: Newsletter) -> str:
    """ "every day at 06:30", in the language of the page."""
    return rhythm(newsletter, context["wordbook"])
