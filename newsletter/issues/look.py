"""How config.toml dresses an issue: its design, font, logo, sponsor. Pictures beside the file become media."""

from typing import NamedTuple

from newsletter import links
from newsletter.config import Config, Newsletter
from newsletter.errors import ConfigError, FetchError
from newsletter.issues.contents import Logo, Look, Sponsor
from newsletter.sources import pictures


class _Picture(NamedTuple):
    address: str
    width: int = 0  # pixels; zeros where it isn't ours
    height: int = 0


def look_of(config: Config, newsletter: Newsletter) -> Look:
    """The newsletter's design. Raises ConfigError for a logo that is not there."""
    logo = newsletter.logo
    if logo is None:
        return Look(newsletter.design, newsletter.font)
    found = _picture(config, logo.src, "logo.src")
    height = round(logo.width * found.height / found.width) if found.width else 0
    shown = Logo(found.address, logo.alt or newsletter.title, logo.width, height)
    return Look(newsletter.design, newsletter.font, shown)


def sponsor_of(config: Config, newsletter: Newsletter) -> Sponsor | None:
    """The sponsor of every issue, if there is one. Raises ConfigError for a picture that is not there."""
    slot = newsletter.sponsor
    if slot is None:
        return None
    found = _picture(config, slot.image, "sponsor.image") if slot.image else _Picture("")
    return Sponsor(slot.label, slot.text, slot.url, found.address, slot.image_alt, (found.width, found.height))


def _picture(config: Config, source: str, key: str) -> _Picture:
    """A picture with its web address, as it is or of our own copy of the file."""
    if source.startswith(("https://", "http://")):
        return _Picture(source)
    beside = config.folder / "config.toml"
    try:
        stored = pictures.store(
            source, beside, config.folder, config.site.media_dir, max_bytes=config.collecting.max_bytes
        )
        size = pictures.measured(pictures.file_of(stored, config.site.media_dir))
    except FetchError as error:
        raise ConfigError(f"newsletters.{key}: {str(error).replace('the article', 'config.toml')}.") from error
    return _Picture(links.media(config.site, stored), *size)
