"""Every address of our own that we put into a mail or a page: written here, and nowhere else.

All of it is pure. The routes in `web/` answer at these paths; tokens are signed and checked by `subscribers.tokens`.
"""

from datetime import date
from hashlib import sha256
from urllib.parse import quote

from newsletter.config import Site
from subscribers.tokens import Keys, Purpose, sign


def sign_up(site: Site) -> str:
    """What the paper is, and the form to get it."""
    return f"{site.url}/"


def sign_up_to(site: Site, newsletter: str) -> str:
    """The same for one newsletter alone."""
    return f"{site.url}/subscribe/{newsletter}"


def sign_up_action(site: Site) -> str:
    """Where a form sends what was typed, ours or another site's."""
    return f"{site.url}/subscribe"


def confirm(site: Site, keys: Keys, subscription_id: int, asked_at: int) -> str:
    """The button page of a double opt-in. `asked_at` is in seconds since 1970."""
    return f"{site.url}/confirm/{sign(keys, Purpose.CONFIRM, subscription_id, asked_at)}"


def unsubscribe(site: Site, token: str) -> str:
    """GET shows a page, POST leaves (RFC 8058). `token` is one for Purpose.UNSUBSCRIBE, or its mark."""
    return f"{site.url}/u/{token}"


def unsubscribe_by_mail(address: str, token: str) -> str:
    """A mail that leaves (RFC 2369 §3.2, 6068). Some systems write addresses small: the subject holds the token too."""
    return f"mailto:{address.replace('{token}', token)}?subject={token}"


def preferences(site: Site, token: str) -> str:
    """The page to choose on. `token` is one for Purpose.PREFERENCES, or its mark."""
    return f"{site.url}/preferences/{token}"


def archive(site: Site, newsletter: str) -> str:
    """All issues that were sent."""
    return f"{site.url}/archive/{newsletter}"


def web_view(site: Site, newsletter: str, day: date) -> str:
    """The frozen issue of a day."""
    return f"{archive(site, newsletter)}/{day.isoformat()}"


def of_edition(web_view_url: str, topics: str) -> str:
    """The same day's page as it went to those who have chosen topics; `topics` names the edition, "" the whole one."""
    return f"{web_view_url}?edition={edition_word(topics)}" if topics else web_view_url


def edition_word(topics: str) -> str:
    """What an edition is called in addresses: short, and the same for the same sections."""
    return sha256(topics.encode()).hexdigest()[:10]


def archive_feed(site: Site, newsletter: str) -> str:
    """The archive as a feed."""
    return f"{archive(site, newsletter)}/feed.xml"


def click(site: Site, token: str, number: int) -> str:
    """Leads to a link of an issue by its number there, and counts it. `token` is one for Purpose.CLICK, or its mark."""
    return f"{site.url}/c/{token}/{number}"


def article(site: Site, keys: Keys, article_id: int) -> str:
    """A page for a piece that has none of its own, such as a folder's; not to be guessed before it is out."""
    return f"{site.url}/articles/{sign(keys, Purpose.ARTICLE, article_id)}"


def media(site: Site, path: str) -> str:
    """A picture that we serve; `path` is "media/HASH.jpg". Addresses elsewhere come back as they are."""
    return f"{site.url}/{path}" if path.startswith("media/") else path


def desk(site: Site, path: str = "") -> str:
    """The editors' desk, or a page of it: `path` is "/issues/12"."""
    return f"{site.url}/desk{path}"


def invitation(site: Site, token: str) -> str:
    """Where an invited editor chooses a password."""
    return desk(site, f"/invitations/{token}")


def letter(address: str, subject: str) -> str:
    """Opens a mail to us with its subject written (RFC 6068)."""
    return f"mailto:{quote(address, safe='@')}?subject={quote(subject, safe='')}"
