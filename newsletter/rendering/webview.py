"""The frozen issue as anybody may see it on the archive's page: the same bytes, without a reader's own links."""

import re

from newsletter import links
from newsletter.config import Site
from newsletter.rendering import slots

_READERS_LINK = re.compile(rf"https?://[^\s\"'<>]*/(?:u|preferences)/(?:{'|'.join(slots.MARKS)})")


def for_the_web(html: str, site: Site) -> str:
    """`html` (or text) of an edition with every unsubscribe and preferences link leading to the sign-up page, and
    nobody's name."""
    return slots.fill(_READERS_LINK.sub(lambda _: links.sign_up(site), html))
