"""Readers' pages out of templates/pages: Jinja with autoescape, where a missing value is an error and not a gap."""

from datetime import date, datetime
from urllib.parse import urlsplit

from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from newsletter.config import Config, Newsletter
from newsletter.notices import rhythm
from newsletter.templates_folder import folders


class Pages:
    """All pages of one site."""

    def __init__(self, config: Config) -> None:
        self._environment = Environment(
            loader=FileSystemLoader(folders(config.folder)),
            autoescape=select_autoescape(("html", "xml")),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.filters |= {"day": day, "short_day": short_day, "capitalize_first": capitalize_first}
        self._environment.globals |= {
            "site": config.site,
            "newsletters": config.newsletters,
            "root": urlsplit(config.site.url).path,  # where a proxy puts us under a folder
            "rhythm": rhythm,
            "paper": config.newsletters[0],  # whose name and colour a page has that is about none
        }

    def page(self, name: str, status: int = 200, paper: Newsletter | None = None, **values: object) -> HTMLResponse:
        """templates/pages/NAME.html with `values`, in the name and colour of `paper`."""
        return HTMLResponse(self.text(f"{name}.html", paper, **values), status)

    def text(self, file: str, paper: Newsletter | None = None, **values: object) -> str:
        """The same as text, of any file of the folder."""
        if paper is not None:
            values["paper"] = paper
        return self._environment.get_template(f"pages/{file}").render(values)


def day(moment: date | datetime) -> str:
    """ "Monday, 23 November 2026"."""
    return f"{moment:%A}, {moment.day} {moment:%B %Y}"


def short_day(moment: date | datetime) -> str:
    """ "7 December"."""
    return f"{moment.day} {moment:%B}"


def capitalize_first(words: str) -> str:
    """ "every day at 06:30" → "Every day at 06:30"."""
    return words[:1].upper() + words[1:]
